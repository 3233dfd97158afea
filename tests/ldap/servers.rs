//! The same readings from three real servers: OpenLDAP, 389-DS, Samba as an Active Directory domain controller.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use usher::ldap::connection::ConnectFailure;
use usher::ldap::guard::TransportError;
use usher::ldap::guard::tls::TlsError;
use usher::ldap::{
    AccountState, Capability, Complete, ConnectError, Connection, Dn, DnKey, Entry, Filter, LdapSettings, Query,
    ReadError, Scope, Vendor, account_state, read_all,
};

use crate::kit::certificates::make_ca;
use crate::kit::real_directory::{Account, RealDirectory, ServerKind, on_real_servers};

on_real_servers!(
    an_account_that_is_off_is_disabled_until_it_is_on_again,
    every_page_arrives_and_every_entry_once,
    members_resolve_by_name_through_nested_groups,
    names_that_need_escapes_have_one_key_however_they_are_written,
    only_the_own_authority_is_trusted,
    rename_and_move_keep_the_id,
    texts_binaries_and_options_arrive_as_they_are,
    the_root_dse_tells_what_the_server_can_do,
    wrong_bases_and_wrong_filters_are_errors_or_nothing,
);

async fn the_root_dse_tells_what_the_server_can_do(directory: RealDirectory) {
    let mut connection = Connection::open(&directory.settings()).await.expect("connected");
    let capability = Capability::read(&mut connection).await.expect("a root DSE");
    connection.close().await;
    let (vendor, syncs_content, has_dirsync) = match directory.kind() {
        ServerKind::OpenLdap => (Vendor::OpenLdap, true, false),
        ServerKind::Ds389 => (Vendor::Ds389, true, false),
        ServerKind::Samba => (Vendor::Samba, false, true),
    };
    assert_eq!(
        (capability.vendor, capability.stable_id()),
        (vendor, directory.stable_id())
    );
    assert!(capability.pages_results());
    assert_eq!(
        (capability.syncs_content(), capability.has_dirsync()),
        (syncs_content, has_dirsync)
    );
    assert_eq!(capability.highest_committed_usn.is_some(), has_dirsync);
    let first = &capability.naming_contexts[0];
    assert!(
        directory.base().to_lowercase().ends_with(&first.to_lowercase()),
        "{first} is not above {}",
        directory.base()
    );
}

async fn only_the_own_authority_is_trusted(directory: RealDirectory) {
    directory.add_people(&["ada"]);
    let ldaps = directory.settings();
    let mut start_tls = directory.settings_as(Account::Reader, &directory.url());
    start_tls.start_tls = true;
    let elsewhere = tempfile::tempdir().expect("a temporary directory");
    make_ca(&elsewhere.path().join("tls"));
    for mut settings in [ldaps, start_tls] {
        let (complete, _) = read(&settings, &people(&directory)).await;
        assert_eq!(complete.expect("complete").entries(), 1, "{}", settings.urls[0]);

        settings.ca_file = Some(elsewhere.path().join("tls/ca.crt"));
        let Err(ConnectError::Servers { attempts }) = Connection::open(&settings).await else {
            panic!("{} must not be trusted", settings.urls[0])
        };
        assert!(
            matches!(
                attempts[0].failure,
                ConnectFailure::Transport(TransportError::Tls(TlsError::Untrusted))
            ),
            "{:?}",
            attempts[0]
        );
    }
}

async fn every_page_arrives_and_every_entry_once(directory: RealDirectory) {
    let names: Vec<String> = (0..23).map(|number| format!("p{number:02}")).collect();
    directory.add_people(&names);
    for (page_size, pages) in [(5, 5), (23, 1), (100, 1)] {
        let mut settings = directory.settings();
        settings.page_size = page_size;
        let (complete, entries) = read(&settings, &people(&directory)).await;
        let complete = complete.expect("complete");
        assert_eq!((complete.entries(), complete.duplicates()), (23, 0), "{page_size}");
        // A server may need one page more to notice that it has said everything.
        assert!((pages..=pages + 1).contains(&complete.pages()), "{complete:?}");
        let mails: BTreeSet<&str> = entries
            .iter()
            .filter_map(|entry| entry.attributes.text("mail"))
            .collect();
        let expected: Vec<String> = names.iter().map(|name| format!("{name}@example.com")).collect();
        assert_eq!(mails, expected.iter().map(String::as_str).collect());
    }
}

async fn an_account_that_is_off_is_disabled_until_it_is_on_again(directory: RealDirectory) {
    directory.add_people(&["ada", "bob"]);
    let states = async || {
        let (complete, entries) = read(&directory.settings(), &people(&directory)).await;
        drop(complete.expect("complete"));
        let state = |name| {
            let entry = entries.iter().find(|entry| entry.dn_key == key(&directory.dn(name)));
            account_state(entry.expect("the person"))
        };
        (state("ada"), state("bob"))
    };
    assert_eq!(states().await, (AccountState::Enabled, AccountState::Enabled));
    directory.disable("bob");
    assert_eq!(states().await, (AccountState::Enabled, AccountState::Disabled));
    directory.enable("bob");
    assert_eq!(states().await, (AccountState::Enabled, AccountState::Enabled));
}

async fn rename_and_move_keep_the_id(directory: RealDirectory) {
    directory.add_people(&["ada"]);
    let one = async || {
        let (complete, entries) = read(&directory.settings(), &people(&directory)).await;
        assert_eq!(complete.expect("complete").entries(), 1);
        entries.into_iter().next().expect("one entry")
    };
    let first = one().await;
    directory.rename(&directory.dn("ada"), &directory.rdn("ada.lovelace"), None);
    let renamed = one().await;
    assert_eq!(renamed.dn_key, key(&directory.dn("ada.lovelace")));
    let unit = directory.add_unit("analysts", &directory.people());
    directory.rename(
        &directory.dn("ada.lovelace"),
        &directory.rdn("ada.lovelace"),
        Some(&unit),
    );
    let moved = one().await;
    assert_eq!(moved.dn_key, key(&format!("{},{unit}", directory.rdn("ada.lovelace"))));
    assert_eq!(
        (&renamed.stable_id, &moved.stable_id),
        (&first.stable_id, &first.stable_id)
    );
    directory.delete(&moved.dn);
    directory.add_people(&["ada"]);
    assert_ne!(
        one().await.stable_id,
        first.stable_id,
        "the same name is not the same person"
    );
}

async fn members_resolve_by_name_through_nested_groups(directory: RealDirectory) {
    directory.add_people(&["ada", "bob", "cat"]);
    directory.add_group("inner", &[directory.dn("ada"), directory.dn("bob")]);
    // In another case, as people write them.
    directory.add_group(
        "outer",
        &[directory.dn("cat").to_uppercase(), directory.group_dn("inner")],
    );
    directory.add_member("inner", &directory.group_dn("outer"));
    let (complete, entries) = read(&directory.settings(), &groups(&directory)).await;
    assert_eq!(complete.expect("complete").entries(), 2);
    let found: BTreeMap<&str, BTreeSet<DnKey>> = entries
        .iter()
        .map(|entry| {
            let members = entry.attributes.texts("member").map(key).collect();
            (entry.attributes.text("cn").expect("a name"), members)
        })
        .collect();
    let keys = |names: &[String]| names.iter().map(|name| key(name)).collect::<BTreeSet<_>>();
    let expected = BTreeMap::from([
        (
            "inner",
            keys(&[directory.dn("ada"), directory.dn("bob"), directory.group_dn("outer")]),
        ),
        ("outer", keys(&[directory.dn("cat"), directory.group_dn("inner")])),
    ]);
    assert_eq!(found, expected);
}

async fn names_that_need_escapes_have_one_key_however_they_are_written(directory: RealDirectory) {
    // As a person writes it (RFC 4514 section 2.4), and the value that it stands for.
    let names = [
        ("Doe\\, Jane", "Doe, Jane"),
        ("R\\+D", "R+D"),
        ("\\#one", "#one"),
        ("quo\\\"ted", "quo\"ted"),
        ("back\\\\slash", "back\\slash"),
        ("less\\<more\\>", "less<more>"),
        ("semi\\;colon", "semi;colon"),
        ("eq\\3Duals", "eq=uals"),
        ("Zo\u{eb}", "Zo\u{eb}"),
    ];
    for (number, (escaped, plain)) in names.iter().enumerate() {
        let (dn, login) = (
            format!("cn={escaped},{}", directory.people()),
            directory.login(&format!("n{number}")),
        );
        let specific = match directory.kind() {
            ServerKind::OpenLdap | ServerKind::Ds389 => {
                format!(
                    "objectClass: inetOrgPerson\nuid: {login}\nsn: X\n{}\n",
                    ldif("cn", plain)
                )
            }
            ServerKind::Samba => format!("objectClass: user\nsAMAccountName: {login}\nuserAccountControl: 512\n"),
        };
        directory.modify(&format!("{}\nchangetype: add\n{specific}", ldif("dn", &dn)));
    }
    let all = names.map(|(escaped, _)| format!("cn={escaped},{}", directory.people()));
    let members: String = all.iter().map(|dn| ldif("member", dn) + "\n").collect();
    directory.add_group("empty", &[all[4].clone()]);
    directory.change(&directory.group_dn("empty"), &format!("replace: member\n{members}"));

    let (complete, people) = read(&directory.settings(), &people(&directory)).await;
    assert_eq!(complete.expect("complete").entries(), names.len() as u64);
    let (complete, groups) = read(&directory.settings(), &groups(&directory)).await;
    assert_eq!(complete.expect("complete").entries(), 1);
    let entries: BTreeSet<DnKey> = people.iter().map(|entry| entry.dn_key.clone()).collect();
    let members: BTreeSet<DnKey> = groups[0].attributes.texts("member").map(key).collect();
    assert_eq!(entries, members, "the server's own two spellings");
    assert_eq!(entries, all.iter().map(|dn| key(dn)).collect(), "and ours");
    let values: BTreeSet<&str> = people.iter().filter_map(|entry| entry.attributes.text("cn")).collect();
    assert_eq!(values, names.iter().map(|(_, plain)| *plain).collect());
}

async fn texts_binaries_and_options_arrive_as_they_are(directory: RealDirectory) {
    let photo = "/9j/4AAQSkZJRgAB/w=="; // Base64 of a JPEG's first bytes, which are no UTF-8.
    directory.add_person(
        "ada",
        &format!("title: Wirklicher Geheimer Rat\ntitle: Z\njpegPhoto:: {photo}\naudio:: {photo}\naudio: text\n")
            .replace(
                // Active Directory's schema has one title.
                if directory.kind() == ServerKind::Samba {
                    "title: Z\n"
                } else {
                    ""
                },
                "",
            ),
    );
    let mut query = people(&directory);
    // In a case that no server's schema has.
    query.attributes = ["TITLE", "JPEGPHOTO", "AUDIO", "MaIl"].map(str::to_owned).to_vec();
    let (complete, entries) = read(&directory.settings(), &query).await;
    assert_eq!(complete.expect("complete").entries(), 1);
    let attributes = &entries[0].attributes;
    assert_eq!(attributes.text("mail"), Some("ada@example.com"));
    assert!(
        attributes
            .texts("title")
            .any(|title| title == "Wirklicher Geheimer Rat")
    );
    let photos = attributes.values("jpegPhoto");
    assert_eq!((photos.len(), photos[0].as_text()), (1, None));
    assert_eq!(photos[0].as_bytes()[..4], [0xff, 0xd8, 0xff, 0xe0]);
    // Each value for itself: one that is not text does not take the others with it.
    assert_eq!(attributes.values("audio").len(), 2);
    assert_eq!(attributes.texts("audio").collect::<Vec<_>>(), ["text"]);
}

async fn wrong_bases_and_wrong_filters_are_errors_or_nothing(directory: RealDirectory) {
    directory.add_people(&["ada"]);
    let mut nowhere = people(&directory);
    nowhere.base = format!("ou=nowhere,{}", directory.base());
    let (outcome, _) = read(&directory.settings(), &nowhere).await;
    assert!(matches!(outcome, Err(ReadError::NoSuchObject { .. })), "{outcome:?}");

    // A server does not know better than to find nothing; the brake on counts is what stops this.
    let mut typo = people(&directory);
    typo.filter = Filter::parse("(objectClass=inetOrgPersom)").expect("a good filter");
    let (outcome, _) = read(&directory.settings(), &typo).await;
    assert_eq!(outcome.expect("complete").entries(), 0);
}

/// An LDIF line in Base64, which any value can be written in.
fn ldif(name: &str, value: &str) -> String {
    use base64::Engine as _;
    let value = base64::engine::general_purpose::STANDARD.encode(value);
    format!("{name}:: {value}")
}

fn people(directory: &RealDirectory) -> Query {
    Query {
        base: directory.people(),
        scope: Scope::WholeSubtree,
        filter: Filter::parse(directory.user_filter()).expect("a good filter"),
        attributes: [
            "cn",
            "mail",
            "userAccountControl",
            "nsAccountLock",
            "pwdAccountLockedTime",
        ]
        .map(str::to_owned)
        .to_vec(),
        stable_id: directory.stable_id(),
    }
}

fn groups(directory: &RealDirectory) -> Query {
    Query {
        base: directory.groups(),
        scope: Scope::SingleLevel,
        filter: Filter::parse(directory.group_filter()).expect("a good filter"),
        attributes: ["cn", "member"].map(str::to_owned).to_vec(),
        stable_id: directory.stable_id(),
    }
}

async fn read(settings: &LdapSettings, query: &Query) -> (Result<Complete, ReadError>, Vec<Entry>) {
    let mut connection = match Connection::open(settings).await {
        Ok(connection) => connection,
        Err(error) => panic!("not connected: {error}"),
    };
    let mut entries = Vec::new();
    let outcome = read_all(&mut connection, query, |entry| {
        entries.push(entry);
        ControlFlow::Continue(())
    });
    (outcome.await, entries)
}

fn key(dn: &str) -> DnKey {
    Dn::parse(dn)
        .unwrap_or_else(|error| panic!("{dn}: {error}"))
        .normalised()
}
