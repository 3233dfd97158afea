//! Readings from a real OpenLDAP server whose truth is known.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr};
use std::ops::ControlFlow;

use usher::ldap::{
    AccountState, AttributeValue, Capability, Complete, Connection, Dn, Entry, Filter, LdapSettings, Query, ReadError,
    Scope, StableIdKind, Vendor, account_state, read_all,
};

use crate::kit::directory_ldif::{Directory, SPECIAL_GROUPS, SUFFIX};
use crate::kit::slapd::{LIMITED_DN, Slapd};
use crate::kit::tcp_proxy::{Cut, TcpProxy};

#[tokio::test]
async fn three_thousand_people_and_their_groups_arrive_as_they_are() {
    let directory = Directory::generate(3000, SPECIAL_GROUPS + 20);
    let Some(slapd) = Slapd::start(&directory.ldif()) else {
        return;
    };
    let mut settings = slapd.settings();
    settings.page_size = 500;

    let (complete, people) = read(&settings, &people()).await;
    let complete = complete.expect("complete");
    assert_eq!(
        (complete.entries(), complete.pages(), complete.duplicates()),
        (3000, 6, 0)
    );
    let by_id: HashMap<&str, &Entry> = people.iter().map(|entry| (entry.stable_id.as_str(), entry)).collect();
    for (index, user) in directory.users.iter().enumerate() {
        let entry = by_id[user.entry_uuid.as_str()];
        let mails: BTreeSet<&str> = entry.attributes.texts("mail").collect();
        assert_eq!(entry.attributes.text("uid"), Some(user.uid.as_str()));
        assert_eq!(mails, user.mails.iter().map(String::as_str).collect(), "{}", user.uid);
        let expected = if user.disabled {
            AccountState::Disabled
        } else {
            AccountState::Enabled
        };
        assert_eq!(account_state(entry), expected, "{}", user.uid);
        assert_eq!(entry.dn_key, key(&user.dn), "{} against {}", entry.dn, user.dn);
        let photo = entry.attributes.values("jpegphoto");
        assert_eq!(
            matches!(photo, [AttributeValue::Binary(bytes)] if bytes.len() == 512),
            index % 10 == 0
        );
    }

    let (complete, groups) = read(&settings, &groups()).await;
    assert_eq!(complete.expect("complete").entries(), directory.groups.len() as u64);
    assert_groups(&directory, &people, &groups);
}

/// Resolves every member through the DNs of this reading, as the provisioning layer does, and compares with the truth.
fn assert_groups(directory: &Directory, people: &[Entry], groups: &[Entry]) {
    let ids: HashMap<_, _> = people
        .iter()
        .chain(groups)
        .map(|entry| (entry.dn_key.clone(), entry.stable_id.as_str()))
        .collect();
    assert_eq!(ids.len(), people.len() + groups.len(), "no two entries share a key");
    let read: BTreeMap<&str, &Entry> = groups.iter().map(|entry| (entry.stable_id.as_str(), entry)).collect();
    for group in &directory.groups {
        let members = read[group.entry_uuid.as_str()].attributes.texts("member");
        let (mut found, mut unknown) = (BTreeSet::new(), Vec::new());
        for member in members {
            match ids.get(&key(member)) {
                Some(id) => _ = found.insert(*id),
                None => unknown.push(member),
            }
        }
        let users = group
            .users
            .iter()
            .map(|index| directory.users[*index].entry_uuid.as_str());
        let nested = group
            .groups
            .iter()
            .map(|index| directory.groups[*index].entry_uuid.as_str());
        assert_eq!(found, users.chain(nested).collect(), "{}", group.cn);
        let expected = usize::from(group.dangling.is_some()) + usize::from(group.has_placeholder);
        assert_eq!(unknown.len(), expected, "{}: {unknown:?}", group.cn);
    }
}

#[tokio::test]
async fn a_group_of_ten_thousand_arrives_whole() {
    let directory = Directory::generate(10_000, SPECIAL_GROUPS);
    let Some(slapd) = Slapd::start(&directory.ldif()) else {
        return;
    };
    let big = Query {
        filter: Filter::equals("cn", "group 00000").expect("a good filter"),
        ..groups()
    };
    let (complete, entries) = read(&slapd.settings(), &big).await;
    assert_eq!(complete.expect("complete").entries(), 1);
    let members: BTreeSet<_> = entries[0].attributes.texts("member").map(key).collect();
    assert_eq!(members, directory.users.iter().map(|user| key(&user.dn)).collect());
}

#[tokio::test]
async fn what_changes_in_the_directory_is_in_the_next_reading() {
    let directory = Directory::generate(60, SPECIAL_GROUPS);
    let Some(mut slapd) = Slapd::start(&directory.ldif()) else {
        return;
    };
    let (moved, gone, locked) = (&directory.users[20], &directory.users[21], &directory.users[22]);
    slapd.modify(&format!(
        "dn: {}\nchangetype: modrdn\nnewrdn: uid=renamed\ndeleteoldrdn: 0\n\n\
         dn: {}\nchangetype: delete\n\n\
         dn: {}\nchangetype: modify\nreplace: pwdAccountLockedTime\npwdAccountLockedTime: 20260101000000Z\n",
        moved.dn, gone.dn, locked.dn
    ));
    // The server keeps its data over a crash, and so must what was read.
    slapd.kill();
    slapd.restart();
    let (complete, people) = read(&slapd.settings(), &people()).await;
    assert_eq!(complete.expect("complete").entries(), 59);
    let find = |id: &str| people.iter().find(|entry| entry.stable_id.as_str() == id);
    let renamed = find(&moved.entry_uuid).expect("the same id under another name");
    assert_eq!(renamed.dn_key, key(&format!("uid=renamed,ou=people,{SUFFIX}")));
    assert!(find(&gone.entry_uuid).is_none());
    let entry = find(&locked.entry_uuid).expect("still there");
    assert_eq!(
        account_state(entry),
        AccountState::Locked,
        "wrong passwords are not an administrator's lock"
    );
}

#[tokio::test]
async fn a_reading_that_the_network_cuts_short_is_never_complete() {
    let directory = Directory::generate(1200, SPECIAL_GROUPS);
    let Some(slapd) = Slapd::start(&directory.ldif()) else {
        return;
    };
    let localhost = IpAddr::V4(Ipv4Addr::LOCALHOST);
    // Bytes into the reading: in the bind's wake (of TLS, in its handshake's), in page 1, about the end of it, later.
    let places = [5_000, 50_000, 100_000, 200_000, 260_000, 400_000];
    let cuts = places
        .map(Cut::CloseAfter)
        .into_iter()
        .chain(places.map(Cut::ResetAfter));
    let mut lost = 0;
    for (cut, (scheme, target)) in
        cuts.flat_map(|cut| [("ldap", slapd.address()), ("ldaps", slapd.tls_address())].map(|server| (cut, server)))
    {
        let proxy = TcpProxy::start(localhost, target, cut).await;
        let mut settings = slapd.settings_for(&format!("{scheme}://{}", proxy.address()));
        settings.allow_plain = true;
        settings.page_size = 300;
        let (outcome, entries) = read(&settings, &people()).await;
        match outcome {
            Ok(complete) => assert_eq!((complete.entries(), entries.len()), (1200, 1200), "{cut:?}"),
            Err(error) => {
                assert!(
                    matches!(error, ReadError::ConnectionLost { .. }),
                    "{scheme} {cut:?}: {error:?}"
                );
                lost += 1;
            }
        }
    }
    assert!(lost >= 16, "most of the cuts are within the reading, {lost} were");
}

#[tokio::test]
async fn a_server_killed_in_the_middle_is_a_lost_connection() {
    let directory = Directory::generate(1200, SPECIAL_GROUPS);
    let Some(mut slapd) = Slapd::start(&directory.ldif()) else {
        return;
    };
    let mut settings = slapd.settings();
    settings.page_size = 100;
    let mut connection = Connection::open(&settings).await.expect("connected");
    let mut seen = 0;
    let query = people();
    let outcome = read_all(&mut connection, &query, |_| {
        seen += 1;
        if seen == 150 {
            slapd.kill();
        }
        ControlFlow::Continue(())
    });
    let outcome = outcome.await;
    assert!(matches!(outcome, Err(ReadError::ConnectionLost { .. })), "{outcome:?}");
}

#[tokio::test]
async fn limits_and_wrong_bases_of_a_real_server_are_errors() {
    let directory = Directory::generate(700, SPECIAL_GROUPS);
    let Some(slapd) = Slapd::start(&directory.ldif()) else {
        return;
    };
    let mut limited = slapd.settings();
    limited.bind_dn = LIMITED_DN.to_owned();
    limited.page_size = 200;
    let (outcome, entries) = read(&limited, &people()).await;
    assert!(
        matches!(outcome, Err(ReadError::SizeLimit { code: 4, .. })),
        "{outcome:?} after {}",
        entries.len()
    );

    let nowhere = Query {
        base: format!("ou=nowhere,{SUFFIX}"),
        ..people()
    };
    let (outcome, _) = read(&slapd.settings(), &nowhere).await;
    let Err(ReadError::NoSuchObject { base, matched }) = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(
        (base.as_str(), matched.as_str()),
        ("ou=nowhere,dc=example,dc=com", SUFFIX)
    );

    let referred = Query {
        base: format!("ou=referred,{SUFFIX}"),
        ..people()
    };
    let (outcome, _) = read(&slapd.settings(), &referred).await;
    assert!(matches!(outcome, Err(ReadError::Referral { .. })), "{outcome:?}");

    let whole = Query {
        base: SUFFIX.to_owned(),
        ..people()
    };
    let (complete, _) = read(&slapd.settings(), &whole).await;
    let complete = complete.expect("complete");
    assert_eq!(
        (complete.entries(), complete.referrals()),
        (700, 1),
        "a reference is counted and not followed"
    );
}

#[tokio::test]
async fn the_root_dse_tells_what_the_server_can_do() {
    let Some(slapd) = Slapd::start("") else { return };
    let mut connection = Connection::open(&slapd.settings()).await.expect("connected");
    let capability = Capability::read(&mut connection).await.expect("a root DSE");
    assert_eq!(
        (capability.vendor, capability.stable_id()),
        (Vendor::OpenLdap, StableIdKind::EntryUuid)
    );
    assert_eq!(capability.naming_contexts, [SUFFIX]);
    assert!(capability.pages_results() && capability.syncs_content() && !capability.has_dirsync());
    // The connection is still good for a reading.
    let everything = Query {
        filter: Filter::everything(),
        base: SUFFIX.to_owned(),
        ..people()
    };
    let complete = read_all(&mut connection, &everything, |_| ControlFlow::Continue(()))
        .await
        .expect("complete");
    assert_eq!(complete.entries(), 9);
    connection.close().await;
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

fn people() -> Query {
    Query {
        base: format!("ou=people,{SUFFIX}"),
        scope: Scope::WholeSubtree,
        filter: Filter::equals("objectClass", "inetOrgPerson").expect("a good filter"),
        attributes: ["uid", "cn", "mail", "jpegPhoto", "title", "pwdAccountLockedTime"]
            .map(str::to_owned)
            .to_vec(),
        stable_id: StableIdKind::EntryUuid,
    }
}

fn groups() -> Query {
    Query {
        base: format!("ou=groups,{SUFFIX}"),
        scope: Scope::SingleLevel,
        filter: Filter::equals("objectClass", "groupOfNames").expect("a good filter"),
        attributes: ["cn", "member"].map(str::to_owned).to_vec(),
        stable_id: StableIdKind::EntryUuid,
    }
}

fn key(dn: &str) -> usher::ldap::DnKey {
    Dn::parse(dn)
        .unwrap_or_else(|error| panic!("{dn}: {error}"))
        .normalised()
}
