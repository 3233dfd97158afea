//! What only one kind of real server does: parts of long attributes, references from the root, limits, silence for want
//! of rights.

use std::net::{Ipv4Addr, SocketAddr};
use std::ops::ControlFlow;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use usher::ldap::{Complete, Connection, Entry, Filter, LdapSettings, Query, ReadError, Scope, StableIdKind, read_all};

use crate::kit::real_directory::{Account, RealDirectory, ServerKind};

/// Asked for in place of [`RANGED`], which is no attribute that a query may name.
const PLACEHOLDER: &[u8] = b"member;x-range-09";
const RANGED: &[u8] = b"member;range=0-09";

/// Samba sends long attributes whole unless it is asked for a part, so the first question is changed on its way; all that
/// follow are the reader's own.
#[tokio::test(flavor = "multi_thread")]
async fn a_domain_controller_completes_a_group_that_came_in_part() {
    let Some(directory) = RealDirectory::open(ServerKind::Samba) else {
        return;
    };
    let names: Vec<String> = (0..25).map(|number| format!("m{number:02}")).collect();
    directory.add_people(&names);
    let members: Vec<String> = names.iter().map(|name| directory.dn(name)).collect();
    directory.add_group("crew", &members);
    let proxy = rewriting_proxy(address(&directory.url())).await;
    let mut settings = directory.settings_as(Account::Reader, &format!("ldap://{proxy}"));
    settings.allow_plain = true;
    let mut query = query(&directory, &directory.groups(), directory.group_filter());
    query.attributes = vec![String::from_utf8_lossy(PLACEHOLDER).into_owned()];
    let (complete, entries) = read(&settings, &query).await;
    assert_eq!(complete.expect("complete").entries(), 1);
    let mut found: Vec<&str> = entries[0].attributes.texts("member").collect();
    found.sort_unstable_by_key(|member| member.to_lowercase());
    assert_eq!(found.len(), 25);
    for (member, expected) in found.iter().zip(&members) {
        assert_eq!(member.to_lowercase(), expected.to_lowercase());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_from_the_root_of_a_domain_counts_the_references_and_follows_none() {
    let Some(directory) = RealDirectory::open(ServerKind::Samba) else {
        return;
    };
    directory.add_people(&["ada"]);
    let filter = format!("(sAMAccountName={})", directory.login("ada"));
    let (complete, _) = read(&directory.settings(), &query(&directory, "DC=lab,DC=test", &filter)).await;
    let complete = complete.expect("complete");
    assert_eq!((complete.entries(), complete.referrals()), (1, 1));
    // The host is one that does not exist here: following it would have failed.
    let url = &complete.referral_urls()[0];
    assert!(url.contains("lab.test/CN=Configuration,DC=lab,DC=test"), "{url}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_is_found_again_by_the_text_of_its_stable_id() {
    for kind in [ServerKind::OpenLdap, ServerKind::Ds389, ServerKind::Samba] {
        let Some(directory) = RealDirectory::open(kind) else {
            continue;
        };
        directory.add_people(&["ada", "bob"]);
        let by_mail = query(&directory, &directory.people(), "(mail=bob@example.com)");
        let (_, entries) = read(&directory.settings(), &by_mail).await;
        let id = &entries[0].stable_id;
        // Samba takes an objectGUID as text too, so a wrong order of bytes would find nobody.
        let filter = Filter::equals(id.kind().attribute(), id.as_str()).expect("a good filter");
        let by_id = query(&directory, &directory.people(), filter.as_str());
        let (complete, found) = read(&directory.settings(), &by_id).await;
        assert_eq!(complete.expect("complete").entries(), 1, "{kind:?} {id}");
        assert_eq!(found[0].dn_key, entries[0].dn_key);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_in_the_middle_of_the_pages_is_an_error() {
    let Some(directory) = RealDirectory::open(ServerKind::Ds389) else {
        return;
    };
    let names: Vec<String> = (0..25).map(|number| format!("m{number:02}")).collect();
    directory.add_people(&names);
    let mut settings = directory.settings_as(Account::Limited, &directory.tls_url());
    settings.page_size = 10;
    let people = query(&directory, &directory.people(), directory.user_filter());
    let (outcome, entries) = read(&settings, &people).await;
    assert!(
        matches!(outcome, Err(ReadError::SizeLimit { code: 11, .. })),
        "{outcome:?} after {} entries",
        entries.len()
    );
}

/// Nothing here can be told from an empty directory: that is why a run judges counts, and not errors alone.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_without_rights_sees_success_and_nobody() {
    let Some(directory) = RealDirectory::open(ServerKind::Ds389) else {
        return;
    };
    directory.add_people(&["ada"]);
    let settings = directory.settings_as(Account::Stranger, &directory.tls_url());
    for base in [directory.people(), format!("ou=nowhere,{}", directory.base())] {
        let people = query(&directory, &base, directory.user_filter());
        let (outcome, _) = read(&settings, &people).await;
        assert_eq!(outcome.expect("complete").entries(), 0, "{base}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn options_of_an_attribute_and_two_part_names_are_read_as_one() {
    for kind in [ServerKind::OpenLdap, ServerKind::Ds389] {
        let Some(directory) = RealDirectory::open(kind) else {
            continue;
        };
        directory.modify(&format!(
            "dn: sn=Lovelace+cn=Ada,{people}\nchangetype: add\nobjectClass: inetOrgPerson\nsn: Lovelace\ncn: Ada\n\
             title;lang-fr: Directrice\ntitle: Director\ntitle;lang-de: Leiterin\n",
            people = directory.people()
        ));
        directory.add_group("crew", &[format!("CN=Ada + SN=Lovelace,{}", directory.people())]);
        let people = query(&directory, &directory.people(), directory.user_filter());
        let (_, people) = read(&directory.settings(), &people).await;
        let groups = query(&directory, &directory.groups(), directory.group_filter());
        let (_, groups) = read(&directory.settings(), &groups).await;
        let mut titles: Vec<&str> = people[0].attributes.texts("title").collect();
        assert_eq!(titles[0], "Director", "the one without an option is the first");
        titles.sort_unstable();
        assert_eq!(titles, ["Director", "Directrice", "Leiterin"]);
        let member = groups[0].attributes.text("member").expect("a member");
        assert_eq!(usher::ldap::DnKey::of(member), people[0].dn_key, "{kind:?}: {member}");
    }
}

fn query(directory: &RealDirectory, base: &str, filter: &str) -> Query {
    let stable_id: StableIdKind = directory.stable_id();
    Query {
        base: base.to_owned(),
        scope: Scope::WholeSubtree,
        filter: Filter::parse(filter).expect("a good filter"),
        attributes: ["cn", "title", "member"].map(str::to_owned).to_vec(),
        stable_id,
    }
}

async fn read(settings: &LdapSettings, query: &Query) -> (Result<Complete, ReadError>, Vec<Entry>) {
    let mut connection = Connection::open(settings).await.expect("connected");
    let mut entries = Vec::new();
    let outcome = read_all(&mut connection, query, |entry| {
        entries.push(entry);
        ControlFlow::Continue(())
    });
    (outcome.await, entries)
}

/// The address in `ldap://127.64.1.2`.
fn address(url: &str) -> SocketAddr {
    let host: Ipv4Addr = url
        .strip_prefix("ldap://")
        .and_then(|host| host.parse().ok())
        .expect("an address");
    (host, 389).into()
}

/// Passes connections on to `target` and asks for [`RANGED`] where the client asks for [`PLACEHOLDER`], which is as long.
async fn rewriting_proxy(target: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let address = listener.local_addr().expect("its address");
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(target).await.expect("the server");
            let (mut from_client, mut to_client) = client.into_split();
            let (mut from_server, mut to_server) = server.into_split();
            tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                while let Ok(count @ 1..) = from_client.read(&mut buffer).await {
                    let message = &mut buffer[..count];
                    let length = PLACEHOLDER.len();
                    if let Some(at) = message.windows(length).position(|window| window == PLACEHOLDER) {
                        message[at..at + length].copy_from_slice(RANGED);
                    }
                    if to_server.write_all(message).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}
