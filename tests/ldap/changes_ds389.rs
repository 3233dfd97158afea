//! Readings of changes from a 389-DS with cookies that it never gave.

use std::ops::ControlFlow;

use usher::ldap::{
    ChangeError, ChangeMethod, Changed, Connection, Cursor, Filter, FullReadReason, LdapSettings, Query, Scope, Secret,
    StableIdKind, mark, read_changes,
};

use crate::kit::ds389::{Ds389, PASSWORD, SUFFIX, SYNC_DN};

fn settings(server: &Ds389) -> LdapSettings {
    let urls = vec![server.tls_url().parse().expect("a good url")];
    let mut settings = LdapSettings::new(urls, SYNC_DN, Secret::literal(PASSWORD));
    settings.ca_file = Some(server.ca_file());
    settings.connect_timeout = std::time::Duration::from_secs(20);
    settings
}

fn people() -> Query {
    Query {
        base: format!("ou=people,{SUFFIX}"),
        scope: Scope::WholeSubtree,
        filter: Filter::parse("(objectClass=inetOrgPerson)").expect("a good filter"),
        attributes: vec!["title".to_owned()],
        stable_id: StableIdKind::NsUniqueId,
    }
}

fn add(name: &str) -> String {
    format!(
        "dn: uid={name},ou=people,{SUFFIX}\nchangetype: add\nobjectClass: inetOrgPerson\nuid: {name}\ncn: {name}\n\
         sn: {name}\n\n"
    )
}

fn unit() -> String {
    format!("dn: ou=people,{SUFFIX}\nchangetype: add\nobjectClass: organizationalUnit\nou: people\n\n")
}

fn edit(name: &str, title: &str) -> String {
    format!("dn: uid={name},ou=people,{SUFFIX}\nchangetype: modify\nreplace: title\ntitle: {title}\n\n")
}

async fn changes(server: &Ds389, cursor: &Cursor) -> (Result<Changed, ChangeError>, usize) {
    let mut entries = 0;
    let mut connection = match Connection::open(&settings(server)).await {
        Ok(connection) => connection,
        Err(error) => panic!("the server is gone: {error}"),
    };
    let query = people();
    let changed = read_changes(&mut connection, &query, cursor, |_| {
        entries += 1;
        ControlFlow::Continue(())
    });
    (changed.await, entries)
}

async fn marked(server: &Ds389) -> Cursor {
    let mut connection = Connection::open(&settings(server)).await.expect("connected");
    let cursor = mark(&mut connection, &people(), ChangeMethod::ContentSync).await;
    cursor.expect("a mark")
}

/// A cookie made of a good one.
type Bent = Box<dyn Fn(&str) -> String>;

/// A cursor with another cookie; `change` is given the one that the server gave.
fn with_cookie(cursor: &Cursor, change: impl Fn(&str) -> String) -> Cursor {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    let mut stored = serde_json::to_value(cursor).expect("stored");
    let cookie = &mut stored["mark"]["ContentSync"]["cookie"];
    let text = STANDARD.decode(cookie.as_str().expect("a text")).expect("base64");
    let text = String::from_utf8(text).expect("a text");
    *cookie = STANDARD.encode(change(&text)).into();
    serde_json::from_value(stored).expect("read again")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_that_389_never_gave_is_never_taken_for_a_place_in_its_history() {
    let Some(server) = Ds389::start() else { return };
    server.administrator().modify(&(unit() + &add("ada") + &add("bob")));
    let cursor = marked(&server).await;
    server.administrator().modify(&edit("ada", "Captain"));
    let number = |cookie: &str, number: &str| {
        let (start, _) = cookie.rsplit_once('#').expect("a number");
        format!("{start}#{number}")
    };
    let cookies: [(&str, Bent); 6] = [
        ("too new", Box::new(move |cookie| number(cookie, "999999"))),
        (
            "too large",
            Box::new(move |cookie| number(cookie, "99999999999999999999999")),
        ),
        ("garbage", Box::new(|_| "garbage".to_owned())),
        ("another server's", Box::new(|cookie| cookie.replacen(':', "1:", 1))),
        (
            "another account's",
            Box::new(|cookie| cookie.replacen("uid=sync", "uid=tony", 1)),
        ),
        (
            "OpenLDAP's",
            Box::new(|_| "rid=000,csn=20260101000000.000000Z#000000#000#000000".to_owned()),
        ),
    ];
    for (what, change) in cookies {
        let (changed, entries) = changes(&server, &with_cookie(&cursor, change)).await;
        let Err(ChangeError::FullReadRequired(reason)) = changed else {
            panic!("{what}: {changed:?}")
        };
        assert!(
            matches!(reason, FullReadReason::RefreshRequired { .. }) && entries == 0,
            "{what}: {reason}"
        );
    }
    let (changed, entries) = changes(&server, &cursor).await;
    assert_eq!(
        (changed.expect("the true cookie is good").gone().len(), entries),
        (0, 1)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_that_were_trimmed_from_the_changelog_are_not_taken_for_no_changes() {
    let Some(server) = Ds389::start_remembering("2s") else {
        return;
    };
    server.administrator().modify(&(unit() + &add("ada") + &add("bob")));
    let cursor = marked(&server).await;
    let before = server.first_change();
    server.administrator().modify(&edit("ada", "Captain"));
    let (changed, entries) = changes(&server, &cursor).await;
    let is_trimmed_already = server.first_change() > before;
    assert!(
        is_trimmed_already || (changed.is_ok() && entries == 1),
        "as long as the change is there: {changed:?}"
    );
    // Every new change gives the server's clock something that is younger than what it forgets.
    let patience = std::time::Instant::now();
    loop {
        server.administrator().modify(&edit("bob", "Mate"));
        let (changed, entries) = changes(&server, &cursor).await;
        match changed {
            Err(ChangeError::FullReadRequired(FullReadReason::ChangesTrimmed { from, first })) => {
                assert!(first > from + 1 && first <= server.first_change(), "{from} {first}");
                break;
            }
            Ok(_) => assert!(entries == 2 && patience.elapsed().as_secs() < 60, "{entries} of two"),
            other => panic!("{other:?}"),
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    // A mark that is taken now is good, as long as what follows it is there.
    let cursor = marked(&server).await;
    server.administrator().modify(&edit("ada", "Admiral"));
    let (changed, entries) = changes(&server, &cursor).await;
    assert_eq!((changed.is_ok(), entries), (true, 1), "{changed:?}");
}
