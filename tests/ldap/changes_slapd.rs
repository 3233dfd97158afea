//! Readings of changes from an OpenLDAP server in every state of disorder, and by the method of servers that have none.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::ops::ControlFlow;

use usher::ldap::read_error::NoMarkReason;
use usher::ldap::{
    ChangeError, ChangeMethod, Changed, Connection, Cursor, DnKey, Entry, Filter, FullReadReason, LdapSettings, Query,
    ReadError, Scope, StableId, StableIdKind, mark, read_all, read_changes, wait_for_changes,
};

use crate::kit::directory_ldif::SUFFIX;
use crate::kit::slapd::{Slapd, Synchronisation};
use crate::kit::tcp_proxy::{Cut, TcpProxy};

#[tokio::test]
async fn without_a_session_log_the_changes_come_and_who_is_gone_is_left_open() {
    let Some(slapd) = started(30, Synchronisation::WithoutSessionLog) else {
        return;
    };
    let (cursor, _) = marked(&slapd.settings(), ChangeMethod::ContentSync).await;
    slapd.modify(&(edit("u000020") + &delete("u000021")));
    let (changed, entries) = changes(&slapd.settings(), &cursor).await;
    let changed = changed.expect("good");
    assert!(changed.needs_presence_pass(), "{changed:?}");
    assert_eq!((names(&entries), changed.gone().len()), (vec![dn_key("u000020")], 0));

    let (quiet, _) = changes(&slapd.settings(), changed.cursor()).await;
    let quiet = quiet.expect("good");
    assert_eq!((quiet.entries(), quiet.needs_presence_pass()), (0, false));
    assert_eq!(quiet.cursor(), changed.cursor(), "no new cookie keeps the old one");
}

#[tokio::test]
async fn a_restart_forgets_the_session_log_but_not_the_changes() {
    let Some(mut slapd) = started(30, Synchronisation::WithSessionLog) else {
        return;
    };
    let (cursor, _) = marked(&slapd.settings(), ChangeMethod::ContentSync).await;
    slapd.modify(&(edit("u000020") + &delete("u000021")));
    slapd.restart();
    let cursor = moved_to(&cursor, &slapd.settings());
    let (changed, entries) = changes(&slapd.settings(), &cursor).await;
    let changed = changed.expect("good");
    assert!(changed.needs_presence_pass(), "{changed:?}");
    assert_eq!(names(&entries), [dn_key("u000020")]);
}

#[tokio::test]
async fn a_cookie_newer_than_a_restored_server_needs_a_full_reading() {
    let Some(mut slapd) = started(30, Synchronisation::WithSessionLog) else {
        return;
    };
    slapd.back_up();
    slapd.modify(&delete("u000021"));
    let (cursor, _) = marked(&slapd.settings(), ChangeMethod::ContentSync).await;
    slapd.restore();
    let cursor = moved_to(&cursor, &slapd.settings());
    let (changed, entries) = changes(&slapd.settings(), &cursor).await;
    assert!(
        matches!(
            &changed,
            Err(ChangeError::FullReadRequired(FullReadReason::ProviderOlder { .. }))
        ),
        "{changed:?}"
    );
    assert!(entries.is_empty());
}

#[tokio::test]
async fn a_garbage_cookie_needs_a_full_reading() {
    let Some(slapd) = started(30, Synchronisation::WithSessionLog) else {
        return;
    };
    let (cursor, _) = marked(&slapd.settings(), ChangeMethod::ContentSync).await;
    // "garbage", "rid=000", a change sequence number that is none, one of another server.
    let table = [
        "Z2FyYmFnZQ==",
        "cmlkPTAwMA==",
        "cmlkPTAwMCxjc249Z2FyYmFnZQ==",
        "bG9jYWxob3N0OjM4OSNjbj1zeW5jOmRjPXg6KG9iamVjdENsYXNzPSopIzY=",
    ];
    for cookie in table {
        let mut stored = serde_json::to_value(&cursor).expect("stored");
        stored["mark"]["ContentSync"]["cookie"] = cookie.into();
        let garbage: Cursor = serde_json::from_value(stored).expect("read again");
        let (changed, _) = changes(&slapd.settings(), &garbage).await;
        match changed {
            Err(ChangeError::FullReadRequired(
                FullReadReason::CookieForgotten
                | FullReadReason::CookieRefused { .. }
                | FullReadReason::ProviderOlder { .. },
            )) => {}
            // It sends everything, as to somebody new, and a cookie. That it is not the changes is seen by their age.
            Ok(changed) if changed.needs_presence_pass() => {}
            other => panic!("{cookie}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn too_many_changes_need_a_full_reading() {
    let Some(slapd) = started(60, Synchronisation::WithSessionLog) else {
        return;
    };
    for method in [ChangeMethod::ContentSync, ChangeMethod::ModifyTimestamp] {
        let mut settings = slapd.settings();
        settings.changes_max = 10;
        // Time stamps are equal within a second, so the loaded people count as changed: the limit is below their number.
        let (cursor, _) = marked(&settings, method).await;
        let edits: String = (20..31).map(|index| edit(&format!("u{index:06}"))).collect();
        slapd.modify(&edits);
        let (changed, _) = changes(&settings, &cursor).await;
        let Err(ChangeError::FullReadRequired(reason)) = changed else {
            panic!("{method:?}: {changed:?}")
        };
        assert_eq!(reason, FullReadReason::TooManyChanges { limit: 10 }, "{method:?}");
    }
}

#[tokio::test]
async fn a_database_without_content_synchronisation_gives_no_mark() {
    let Some(slapd) = started(30, Synchronisation::Absent) else {
        return;
    };
    let mut connection = Connection::open(&slapd.settings()).await.expect("connected");
    let outcome = mark(&mut connection, &people(), ChangeMethod::ContentSync).await;
    assert!(
        matches!(outcome, Err(ReadError::ResultCode { code: 12, .. })),
        "{outcome:?}"
    );
    let mut connection = Connection::open(&slapd.settings()).await.expect("connected");
    let outcome = mark(&mut connection, &people(), ChangeMethod::UpdateSequence).await;
    assert!(
        matches!(outcome, Err(ReadError::NoMark(NoMarkReason::HighestCommittedUsn))),
        "{outcome:?}"
    );
    let mut connection = Connection::open(&slapd.settings()).await.expect("connected");
    let cursor = mark(&mut connection, &people(), ChangeMethod::ModifyTimestamp).await;
    let cursor = cursor.expect("every server has time stamps");
    let outcome = wait_for_changes(&mut connection, &people(), Some(&cursor), || {}).await;
    assert!(
        matches!(outcome, Err(ReadError::NoMark(NoMarkReason::Notice))),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn time_stamps_tell_what_changed_and_what_left_the_filter() {
    let Some(slapd) = started(30, Synchronisation::Absent) else {
        return;
    };
    let (cursor, before) = marked(&slapd.settings(), ChangeMethod::ModifyTimestamp).await;
    slapd.modify(&edit("u000020"));
    slapd.modify(&delete("u000021"));
    slapd.modify(&hide("u000022"));
    slapd.modify(&format!(
        "dn: uid=u000023,ou=people,{SUFFIX}\nchangetype: modrdn\nnewrdn: uid=renamed\ndeleteoldrdn: 1\n\n"
    ));
    let (changed, entries) = changes(&slapd.settings(), &cursor).await;
    let changed = changed.expect("good");
    let read = names(&entries);
    // Everybody was loaded within the seconds before the mark, so there may be more.
    assert!(
        read.contains(&dn_key("u000020")) && read.contains(&dn_key("renamed")),
        "{read:?}"
    );
    assert!(!read.contains(&dn_key("u000022")));
    assert!(
        changed.gone().contains(&before[&dn_key("u000022")]),
        "it left the filter"
    );
    assert!(!changed.gone().contains(&before[&dn_key("u000021")]) && !changed.sees_deletions());
    assert!(
        entries
            .iter()
            .all(|entry| entry.attributes.values("modifyTimestamp").is_empty())
    );

    // The overlap reads some again; nothing that is there is ever called gone.
    let (again, entries) = changes(&slapd.settings(), changed.cursor()).await;
    let again = again.expect("good");
    assert!(entries.iter().all(|entry| !again.gone().contains(&entry.stable_id)));
    assert!(!again.gone().contains(&before[&dn_key("u000020")]));
}

#[tokio::test]
async fn a_reading_of_changes_that_the_network_cuts_short_is_never_changed() {
    let Some(slapd) = started(700, Synchronisation::WithSessionLog) else {
        return;
    };
    for method in [ChangeMethod::ContentSync, ChangeMethod::ModifyTimestamp] {
        let (cursor, _) = marked(&slapd.settings_for(&plain(&slapd)), method).await;
        let edits: String = (20..500).map(|index| edit(&format!("u{index:06}"))).collect();
        slapd.modify(
            &(edits
                + &delete(&format!(
                    "u{:06}",
                    if method == ChangeMethod::ContentSync { 600 } else { 601 }
                ))),
        );
        let mut lost = 0;
        for bytes in [20, 100, 1_000, 20_000, 40_000, 60_000, 80_000, 100_000] {
            for cut in [Cut::CloseAfter(bytes), Cut::ResetAfter(bytes)] {
                let proxy = TcpProxy::start(IpAddr::V4(Ipv4Addr::LOCALHOST), slapd.address(), cut).await;
                let settings = slapd.settings_for(&format!("ldap://{}", proxy.address()));
                let cursor = moved_to(&cursor, &settings);
                let (changed, entries) = changes(&settings, &cursor).await;
                match changed {
                    Ok(changed) => assert!(changed.entries() >= 480 && entries.len() >= 480, "{method:?} {cut:?}"),
                    Err(error) => {
                        assert!(
                            matches!(error, ChangeError::Read(ReadError::ConnectionLost { .. })),
                            "{method:?} {cut:?}: {error:?}"
                        );
                        lost += 1;
                    }
                }
            }
        }
        assert!(lost >= 10, "most of the cuts are within the reading, {lost} were");
    }
}

#[tokio::test]
async fn a_wait_ends_with_an_error_when_the_server_does() {
    let Some(mut slapd) = started(30, Synchronisation::WithSessionLog) else {
        return;
    };
    let mut connection = Connection::open(&slapd.settings()).await.expect("connected");
    let (cursor, _) = marked(&slapd.settings(), ChangeMethod::ContentSync).await;
    slapd.modify(&edit("u000020"));
    let query = people();
    // The first notice is about the edit; then the server dies.
    let waiting = wait_for_changes(&mut connection, &query, Some(&cursor), || slapd.kill());
    let outcome = waiting.await;
    assert!(matches!(outcome, Err(ReadError::ConnectionLost { .. })), "{outcome:?}");
}

#[tokio::test]
async fn a_wait_without_a_cursor_starts_now() {
    let Some(slapd) = started(30, Synchronisation::WithSessionLog) else {
        return;
    };
    let mut connection = Connection::open(&slapd.settings()).await.expect("connected");
    let heard = tokio::sync::Notify::new();
    let query = people();
    let waiting = wait_for_changes(&mut connection, &query, None, || heard.notify_one());
    let changing = async {
        // When the wait has begun cannot be seen from outside, so there is a change until one is heard of.
        for number in 0.. {
            slapd.modify(&edit(&format!("u{:06}", 20 + number % 5)));
            if tokio::time::timeout(std::time::Duration::from_millis(200), heard.notified())
                .await
                .is_ok()
            {
                return;
            }
            assert!(number < 100, "nothing was heard");
        }
    };
    tokio::select! {
        ended = waiting => panic!("the wait ended: {ended:?}"),
        () = changing => {}
    }
}

/// A server with so many people, `u000000` and on.
fn started(people: usize, synchronisation: Synchronisation) -> Option<Slapd> {
    let ldif = (0..people).map(|index| {
        let uid = format!("u{index:06}");
        format!("dn: uid={uid},ou=people,{SUFFIX}\nobjectClass: inetOrgPerson\nuid: {uid}\ncn: {uid}\nsn: {uid}\n\n")
    });
    Slapd::start_with(&ldif.collect::<String>(), synchronisation)
}

fn plain(slapd: &Slapd) -> String {
    format!("ldaps://{}", slapd.tls_address())
}

fn edit(uid: &str) -> String {
    format!("dn: uid={uid},ou=people,{SUFFIX}\nchangetype: modify\nreplace: description\ndescription: edited {uid}\n\n")
}

fn hide(uid: &str) -> String {
    format!("dn: uid={uid},ou=people,{SUFFIX}\nchangetype: modify\nreplace: title\ntitle: hidden\n\n")
}

fn delete(uid: &str) -> String {
    format!("dn: uid={uid},ou=people,{SUFFIX}\nchangetype: delete\n\n")
}

fn people() -> Query {
    Query {
        base: format!("ou=people,{SUFFIX}"),
        scope: Scope::WholeSubtree,
        filter: Filter::parse("(&(objectClass=inetOrgPerson)(!(title=hidden)))").expect("a good filter"),
        attributes: vec!["uid".to_owned(), "description".to_owned()],
        stable_id: StableIdKind::EntryUuid,
    }
}

/// The cursor as if it had been made at the server of `settings`, which was restarted on another port or is behind a proxy.
fn moved_to(cursor: &Cursor, settings: &LdapSettings) -> Cursor {
    let mut stored = serde_json::to_value(cursor).expect("stored");
    stored["valid_for"]["url"] = settings.urls[0].to_string().into();
    serde_json::from_value(stored).expect("read again")
}

async fn marked(settings: &LdapSettings, method: ChangeMethod) -> (Cursor, BTreeMap<DnKey, StableId>) {
    let mut connection = Connection::open(settings).await.expect("connected");
    let cursor = mark(&mut connection, &people(), method).await.expect("a mark");
    let mut entries = BTreeMap::new();
    let query = people();
    let complete = read_all(&mut connection, &query, |entry| {
        entries.insert(entry.dn_key, entry.stable_id);
        ControlFlow::Continue(())
    });
    assert!(complete.await.expect("complete").proves_absence());
    (cursor, entries)
}

async fn changes(settings: &LdapSettings, cursor: &Cursor) -> (Result<Changed, ChangeError>, Vec<Entry>) {
    let mut settings = settings.clone();
    settings.allow_plain = true;
    settings.page_size = 100;
    let mut entries = Vec::new();
    let mut connection = match Connection::open(&settings).await {
        Ok(connection) => connection,
        // Cut during the bind, which is no less lost.
        Err(error) => {
            let reason = error.to_string();
            return (Err(ReadError::ConnectionLost { reason }.into()), entries);
        }
    };
    let query = people();
    let changed = read_changes(&mut connection, &query, cursor, |entry| {
        entries.push(entry);
        ControlFlow::Continue(())
    });
    (changed.await, entries)
}

fn names(entries: &[Entry]) -> Vec<DnKey> {
    entries.iter().map(|entry| entry.dn_key.clone()).collect()
}

fn dn_key(uid: &str) -> DnKey {
    DnKey::of(&format!("uid={uid},ou=people,{SUFFIX}"))
}
