//! What changed, as three real servers tell it by the best means of each: OpenLDAP and 389-DS by content synchronisation,
//! Samba by update sequence numbers.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::time::timeout;
use usher::ldap::changes::CursorPart;
use usher::ldap::{
    Capability, ChangeError, ChangeMethod, Changed, Connection, Cursor, Dn, DnKey, Entry, Filter, FullReadReason,
    LdapSettings, Query, Scope, Secret, StableId, mark, read_all, read_by_dn, read_by_ids, read_changes, read_presence,
    wait_for_changes,
};

use crate::kit::real_directory::{RealDirectory, ServerKind, on_one_server, on_real_servers};

/// How long a notice may take on a busy machine. It takes some 50 ms on an idle one.
const NOTICE_PATIENCE: Duration = Duration::from_secs(20);

on_real_servers!(
    a_cursor_is_good_for_one_server_account_and_query,
    a_person_leaves_the_filter_and_comes_back,
    entries_are_found_by_id_and_by_name_only_within_the_query,
    members_that_come_and_go_change_the_group,
    one_reading_of_changes_tells_everything_that_happened,
    the_presence_pass_names_everybody,
);

on_one_server!(
    waiting_on_openldap,
    OpenLdap,
    a_wait_hears_of_a_change,
    a_wait_from_a_cursor_hears_of_what_happened_since
);
on_one_server!(
    waiting_on_ds389,
    Ds389,
    a_wait_hears_of_a_change,
    a_wait_from_a_cursor_hears_of_what_happened_since
);
on_one_server!(
    tombstones_on_samba,
    Samba,
    an_administrator_sees_deletions_and_an_ordinary_account_does_not
);

async fn one_reading_of_changes_tells_everything_that_happened(directory: RealDirectory) {
    let names = ["stays", "edited", "deleted", "old", "leaves", "hides", "shows", "moves"];
    directory.add_people(&names);
    directory.replace(&directory.dn("shows"), "title", "hidden");
    let elsewhere = directory.add_unit("elsewhere", directory.base());
    let below = directory.add_unit("below", &directory.people());
    let query = people(&directory);
    let (cursor, before) = marked(&directory, &query).await;

    directory.replace(&directory.dn("edited"), "telephoneNumber", "1");
    directory.replace(&directory.dn("edited"), "telephoneNumber", "2");
    directory.delete(&directory.dn("deleted"));
    directory.rename(&directory.dn("old"), &directory.rdn("new"), None);
    directory.rename(&directory.dn("leaves"), &directory.rdn("leaves"), Some(&elsewhere));
    directory.rename(&directory.dn("moves"), &directory.rdn("moves"), Some(&below));
    directory.replace(&directory.dn("hides"), "title", "hidden");
    directory.change(&directory.dn("shows"), "delete: title\n");
    directory.add_people(&["added", "brief"]);
    directory.delete(&directory.dn("brief"));

    let (changed, entries) = changes(&directory.settings(), &query, &cursor).await;
    let changed = changed.expect("the cursor is good");
    let mut read: Vec<DnKey> = entries.iter().map(|entry| entry.dn_key.clone()).collect();
    let mut expected = ["edited", "new", "shows", "added"]
        .map(|name| key(&directory.dn(name)))
        .to_vec();
    expected.push(key(&format!("{},{below}", directory.rdn("moves"))));
    read.sort();
    expected.sort();
    assert_eq!(read, expected, "all that is new or other, and nothing else");
    assert_eq!(changed.entries(), 5);
    let id_of = |dn: &str| {
        entries
            .iter()
            .find(|entry| entry.dn_key == key(dn))
            .map(|entry| &entry.stable_id)
    };
    assert_eq!(
        id_of(&directory.dn("new")),
        before.get(&key(&directory.dn("old"))),
        "a rename keeps the id"
    );
    let edited = entries
        .iter()
        .find(|entry| entry.dn_key == key(&directory.dn("edited")));
    let edited = edited.expect("it came");
    assert_eq!(
        edited.attributes.text("telephoneNumber"),
        Some("2"),
        "the last change wins"
    );
    assert_eq!(
        edited.attributes.text("mail"),
        Some("edited@example.com"),
        "an entry comes whole"
    );

    // What was never read is not missed: only those that the caller knows count.
    let gone: Vec<&DnKey> = before
        .iter()
        .filter(|(_, id)| changed.gone().contains(id))
        .map(|(dn, _)| dn)
        .collect();
    let mut expected = vec![key(&directory.dn("leaves")), key(&directory.dn("hides"))];
    if changed.sees_deletions() {
        expected.push(key(&directory.dn("deleted")));
    }
    expected.sort();
    assert_eq!(gone, expected.iter().collect::<Vec<_>>());
    assert_eq!(changed.sees_deletions(), directory.kind() != ServerKind::Samba);
    assert!(!changed.needs_presence_pass(), "{changed:?}");
    let both = entries.iter().any(|entry| changed.gone().contains(&entry.stable_id));
    assert!(!both, "nobody is both gone and there");

    let (again, entries) = changes(&directory.settings(), &query, changed.cursor()).await;
    let again = again.expect("the new cursor is good");
    assert_eq!((again.entries(), entries.len()), (0, 0), "everything was told");
    assert!(!again.needs_presence_pass());
}

async fn a_person_leaves_the_filter_and_comes_back(directory: RealDirectory) {
    directory.add_people(&["ada", "bob"]);
    let query = people(&directory);
    let (cursor, before) = marked(&directory, &query).await;
    let ada = &before[&key(&directory.dn("ada"))];

    directory.replace(&directory.dn("ada"), "title", "hidden");
    let (left, entries) = changes(&directory.settings(), &query, &cursor).await;
    let left = left.expect("good");
    assert!(left.gone().contains(ada) && entries.is_empty(), "{left:?}");

    directory.change(&directory.dn("ada"), "delete: title\n");
    let (back, entries) = changes(&directory.settings(), &query, left.cursor()).await;
    let back = back.expect("good");
    assert_eq!(entries.len(), 1);
    assert_eq!((&entries[0].stable_id, back.gone().contains(ada)), (ada, false));

    // There and back within one reading: told as she is, and not as gone.
    directory.replace(&directory.dn("ada"), "title", "hidden");
    directory.change(&directory.dn("ada"), "delete: title\n");
    let (both, entries) = changes(&directory.settings(), &query, back.cursor()).await;
    let both = both.expect("good");
    assert_eq!((entries.len(), both.gone().contains(ada)), (1, false), "{both:?}");
}

async fn members_that_come_and_go_change_the_group(directory: RealDirectory) {
    directory.add_people(&["ada", "bob"]);
    directory.add_group("staff", &[directory.dn("ada")]);
    let query = Query {
        base: directory.groups(),
        filter: Filter::parse(directory.group_filter()).expect("a good filter"),
        attributes: ["cn", "member"].map(str::to_owned).to_vec(),
        ..people(&directory)
    };
    let (mut cursor, _) = marked(&directory, &query).await;
    let steps: [(&dyn Fn(), &[&str]); 2] = [
        (&|| directory.add_member("staff", &directory.dn("bob")), &["ada", "bob"]),
        (&|| directory.remove_member("staff", &directory.dn("ada")), &["bob"]),
    ];
    for (step, expected) in steps {
        step();
        let (changed, entries) = changes(&directory.settings(), &query, &cursor).await;
        let changed = changed.expect("good");
        assert_eq!(entries.len(), 1, "{expected:?}");
        let mut members: Vec<DnKey> = entries[0].attributes.texts("member").map(key).collect();
        let mut expected: Vec<DnKey> = expected.iter().map(|name| key(&directory.dn(name))).collect();
        members.sort();
        expected.sort();
        assert_eq!(members, expected);
        cursor = changed.cursor().clone();
    }
}

async fn the_presence_pass_names_everybody(directory: RealDirectory) {
    let names: Vec<String> = (0..12).map(|number| format!("p{number:02}")).collect();
    directory.add_people(&names);
    directory.replace(&directory.dn("p03"), "title", "hidden");
    let query = people(&directory);
    let mut settings = directory.settings();
    settings.page_size = 5;
    let mut connection = open(&settings).await;
    let mut found = BTreeMap::new();
    let complete = read_presence(&mut connection, &query, |id, dn| {
        found.insert(key(dn), id);
        ControlFlow::Continue(())
    });
    assert_eq!(complete.await.expect("complete").entries(), 11);
    let (_, all) = marked(&directory, &query).await;
    assert_eq!(found, all);
}

async fn entries_are_found_by_id_and_by_name_only_within_the_query(directory: RealDirectory) {
    let names: Vec<String> = (0..7).map(|number| format!("p{number}")).collect();
    directory.add_people(&names);
    let query = people(&directory);
    let (_, ids) = marked(&directory, &query).await;
    directory.replace(&directory.dn("p1"), "title", "hidden");
    directory.delete(&directory.dn("p2"));
    // More than one search asks for, most of them of nobody.
    let id = |name: &str| ids[&key(&directory.dn(name))].clone();
    let mut asked = vec![id("p0"), id("p1"), id("p2")];
    asked.extend((0..150).map(|_| id("p2")));
    asked.push(id("p6"));
    let mut connection = open(&directory.settings()).await;
    let mut found = Vec::new();
    let complete = read_by_ids(&mut connection, &query, &asked, |entry| {
        found.push(entry.dn_key);
        ControlFlow::Continue(())
    });
    assert_eq!(complete.await.expect("complete").entries(), 2);
    found.sort();
    assert_eq!(found, [key(&directory.dn("p0")), key(&directory.dn("p6"))]);

    let nobody = read_by_ids(&mut connection, &query, &[], |_| ControlFlow::Continue(()));
    assert_eq!(nobody.await.expect("complete").entries(), 0);

    let table = [
        (directory.dn("p3"), Some(id("p3"))),
        (directory.dn("p3").to_uppercase(), Some(id("p3"))),
        (directory.dn("p1"), None),
        (directory.dn("p2"), None),
        (directory.dn("nobody"), None),
        (directory.people(), None),
        (directory.base().to_owned(), None),
        ("cn=elsewhere,dc=example,dc=net".to_owned(), None),
    ];
    for (dn, expected) in table {
        let found = read_by_dn(&mut connection, &query, &dn).await.expect("an answer");
        assert_eq!(found.map(|entry| entry.stable_id), expected, "{dn}");
    }
    let narrow = Query {
        scope: Scope::SingleLevel,
        base: directory.base().to_owned(),
        ..query
    };
    let found = read_by_dn(&mut connection, &narrow, &directory.dn("p3")).await;
    assert_eq!(found.expect("an answer"), None, "two levels below the base");
}

async fn a_cursor_is_good_for_one_server_account_and_query(directory: RealDirectory) {
    directory.add_people(&["ada"]);
    let query = people(&directory);
    let (cursor, _) = marked(&directory, &query).await;
    let stored = serde_json::to_string(&cursor).expect("a cursor is stored");
    assert_eq!(serde_json::from_str::<Cursor>(&stored).expect("and read again"), cursor);

    let everything = Query {
        filter: Filter::everything(),
        ..query.clone()
    };
    let above = Query {
        base: directory.base().to_owned(),
        ..query.clone()
    };
    let level = Query {
        scope: Scope::SingleLevel,
        ..query.clone()
    };
    let administrator = directory.administrator();
    let mut as_administrator = directory.settings();
    as_administrator.bind_dn = administrator.dn.to_owned();
    as_administrator.bind_password = Secret::literal(administrator.password);
    let settings = directory.settings();
    let mut plain = directory.settings();
    plain.urls = vec![directory.url().parse().expect("a good url")];
    plain.start_tls = true;
    let table = [
        (&settings, &everything, CursorPart::Filter),
        (&settings, &above, CursorPart::Base),
        (&settings, &level, CursorPart::Scope),
        (&as_administrator, &query, CursorPart::BindDn),
        (&plain, &query, CursorPart::Server),
    ];
    for (settings, query, expected) in table {
        let (changed, entries) = changes(settings, query, &cursor).await;
        let Err(ChangeError::FullReadRequired(FullReadReason::CursorOfAnother { part })) = changed else {
            panic!("{expected}: {changed:?}")
        };
        assert_eq!((part, entries.len()), (expected, 0));
    }
}

async fn a_wait_hears_of_a_change(directory: RealDirectory) {
    directory.add_people(&["ada"]);
    let query = people(&directory);
    let (cursor, _) = marked(&directory, &query).await;
    let mut connection = open(&directory.settings()).await;
    let (sender, mut notices) = tokio::sync::mpsc::unbounded_channel();
    let waiting = wait_for_changes(&mut connection, &query, Some(&cursor), || {
        // Nobody listens any more when the test is over.
        let _ = sender.send(());
    });
    let changing = async {
        for step in [0, 1, 2] {
            match step {
                0 => directory.replace(&directory.dn("ada"), "telephoneNumber", "1"),
                1 => directory.add_people(&["bob"]),
                _ => directory.delete(&directory.dn("bob")),
            }
            let heard = timeout(NOTICE_PATIENCE, notices.recv()).await;
            assert_eq!(heard, Ok(Some(())), "step {step}");
            // A change may give several notices; the next step wants one of its own.
            while let Ok(Some(())) = timeout(Duration::from_millis(300), notices.recv()).await {}
        }
    };
    tokio::select! {
        ended = waiting => panic!("the wait ended: {ended:?}"),
        () = changing => {}
    }
}

async fn a_wait_from_a_cursor_hears_of_what_happened_since(directory: RealDirectory) {
    directory.add_people(&["ada"]);
    let query = people(&directory);
    let (cursor, _) = marked(&directory, &query).await;
    directory.replace(&directory.dn("ada"), "telephoneNumber", "1");
    let mut connection = open(&directory.settings()).await;
    let notices = AtomicU32::new(0);
    let heard = tokio::sync::Notify::new();
    let waiting = wait_for_changes(&mut connection, &query, Some(&cursor), || {
        notices.fetch_add(1, Ordering::Relaxed);
        heard.notify_one();
    });
    tokio::select! {
        ended = waiting => panic!("the wait ended: {ended:?}"),
        came = timeout(NOTICE_PATIENCE, heard.notified()) => came.expect("a notice"),
    }
    assert!(notices.load(Ordering::Relaxed) >= 1);
}

async fn an_administrator_sees_deletions_and_an_ordinary_account_does_not(directory: RealDirectory) {
    directory.add_people(&["ada"]);
    let query = people(&directory);
    let administrator = directory.administrator();
    let mut settings = directory.settings();
    settings.bind_dn = administrator.dn.to_owned();
    settings.bind_password = Secret::literal(administrator.password);
    let mut connection = open(&settings).await;
    let privileged = mark(&mut connection, &query, ChangeMethod::UpdateSequence).await;
    let privileged = privileged.expect("a mark");
    let (ordinary, before) = marked(&directory, &query).await;
    let ada = &before[&key(&directory.dn("ada"))];

    directory.delete(&directory.dn("ada"));
    let (changed, _) = changes(&settings, &query, &privileged).await;
    let changed = changed.expect("good");
    assert!(changed.sees_deletions() && changed.gone().contains(ada), "{changed:?}");
    let (changed, _) = changes(&directory.settings(), &query, &ordinary).await;
    let changed = changed.expect("good");
    assert!(
        !changed.sees_deletions() && !changed.gone().contains(ada),
        "{changed:?}"
    );
}

/// People who are not hidden.
fn people(directory: &RealDirectory) -> Query {
    let filter = format!("(&{}(!(title=hidden)))", directory.user_filter());
    Query {
        base: directory.people(),
        scope: Scope::WholeSubtree,
        filter: Filter::parse(&filter).expect("a good filter"),
        attributes: ["cn", "mail", "telephoneNumber"].map(str::to_owned).to_vec(),
        stable_id: directory.stable_id(),
    }
}

async fn open(settings: &LdapSettings) -> Connection {
    match Connection::open(settings).await {
        Ok(connection) => connection,
        Err(error) => panic!("not connected: {error}"),
    }
}

/// A mark by the server's best method, and then everybody, by name.
async fn marked(directory: &RealDirectory, query: &Query) -> (Cursor, BTreeMap<DnKey, StableId>) {
    let mut connection = open(&directory.settings()).await;
    let capability = Capability::read(&mut connection).await.expect("a root DSE");
    let method = capability.change_method().expect("a method");
    let expected = match directory.kind() {
        ServerKind::OpenLdap | ServerKind::Ds389 => ChangeMethod::ContentSync,
        ServerKind::Samba => ChangeMethod::UpdateSequence,
    };
    assert_eq!(method, expected);
    let cursor = mark(&mut connection, query, method).await.expect("a mark");
    assert_eq!(cursor.method(), method);
    let mut entries = BTreeMap::new();
    let complete = read_all(&mut connection, query, |entry| {
        entries.insert(entry.dn_key, entry.stable_id);
        ControlFlow::Continue(())
    });
    assert!(complete.await.expect("complete").proves_absence());
    (cursor, entries)
}

async fn changes(
    settings: &LdapSettings,
    query: &Query,
    cursor: &Cursor,
) -> (Result<Changed, ChangeError>, Vec<Entry>) {
    let mut connection = open(settings).await;
    let mut entries = Vec::new();
    let changed = read_changes(&mut connection, query, cursor, |entry| {
        entries.push(entry);
        ControlFlow::Continue(())
    });
    (changed.await, entries)
}

fn key(dn: &str) -> DnKey {
    Dn::parse(dn)
        .unwrap_or_else(|error| panic!("{dn}: {error}"))
        .normalised()
}
