//! A reading from a server that misbehaves is an error, or it is complete with the right counts. Never a short
//! success, never a panic, never a hang.

use std::ops::ControlFlow;
use std::time::Duration;

use usher::ldap::read_error::IncompleteReason;
use usher::ldap::{
    AccountState, Complete, Connection, Entry, Filter, Query, ReadError, Scope, StableIdKind, account_state, read_all,
};

use crate::kit::faulty_ldap::{Fault, FaultyLdap};

/// Three pages and a half.
pub(super) const PEOPLE: u32 = 350;
/// For servers that never answer; whoever does answer is given longer.
pub(super) const IMPATIENCE: Duration = Duration::from_millis(300);

#[tokio::test]
async fn a_healthy_server_gives_everyone_with_guid_and_state() {
    let (complete, entries) = read(Fault::None, PEOPLE, "(objectClass=user)").await;
    let complete = complete.expect("complete");
    assert_eq!(
        (complete.entries(), complete.pages(), complete.duplicates()),
        (350, 4, 0)
    );
    assert!(complete.proves_absence());
    assert_eq!(
        entries[1].stable_id.as_str(),
        "00000001-0000-0000-a5a5-a5a5a5a5a5a5",
        "little-endian fields"
    );
    let disabled = entries
        .iter()
        .filter(|entry| account_state(entry) == AccountState::Disabled)
        .count();
    assert_eq!(disabled, 18);
}

#[tokio::test]
async fn a_connection_closed_or_reset_in_page_2_is_lost() {
    for fault in [Fault::ClosesInPage2, Fault::ResetsInPage2] {
        let (outcome, entries) = read(fault, PEOPLE, "(objectClass=user)").await;
        assert!(
            matches!(outcome, Err(ReadError::ConnectionLost { .. })),
            "{fault:?}: {outcome:?}"
        );
        assert!(entries.len() < 350, "{fault:?}");
    }
}

#[tokio::test]
async fn silence_in_page_2_is_a_timeout() {
    let server = FaultyLdap::start(Fault::HangsInPage2, PEOPLE).await;
    let mut settings = server.settings();
    settings.entry_timeout = IMPATIENCE;
    let mut connection = Connection::open(&settings).await.expect("connected");
    let outcome = read_all(&mut connection, &query("(objectClass=user)"), |_| {
        ControlFlow::Continue(())
    })
    .await;
    assert!(
        matches!(outcome, Err(ReadError::Timeout { after: IMPATIENCE })),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_reading_beyond_its_deadline_ends() {
    let server = FaultyLdap::start(Fault::HangsInPage2, PEOPLE).await;
    let mut settings = server.settings();
    (settings.entry_timeout, settings.run_timeout) = (Duration::from_secs(60), Duration::from_millis(300));
    let mut connection = Connection::open(&settings).await.expect("connected");
    let outcome = read_all(&mut connection, &query("(objectClass=user)"), |_| {
        ControlFlow::Continue(())
    })
    .await;
    assert!(matches!(outcome, Err(ReadError::Deadline { .. })), "{outcome:?}");
}

#[tokio::test]
async fn an_error_in_page_2_has_its_code() {
    let (outcome, _) = read(Fault::EndsPage2Busy, PEOPLE, "(objectClass=user)").await;
    assert!(
        matches!(outcome, Err(ReadError::ResultCode { code: 51, .. })),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn success_without_a_paging_control_is_incomplete() {
    for (fault, expected) in [(Fault::EndsPage1WithoutAControl, 1), (Fault::LosesTheCookieInPage2, 2)] {
        let (outcome, _) = read(fault, PEOPLE, "(objectClass=user)").await;
        let Err(ReadError::Incomplete(reason)) = outcome else {
            panic!("{fault:?}: {outcome:?}")
        };
        assert_eq!(reason, IncompleteReason::NoPagingControl { page: expected });
    }
}

#[tokio::test]
async fn a_paging_control_that_cannot_be_read_is_incomplete() {
    let (outcome, _) = read(Fault::SendsAMalformedControl, PEOPLE, "(objectClass=user)").await;
    let Err(ReadError::Incomplete(reason)) = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(reason, IncompleteReason::MalformedPagingControl { page: 1 });
}

#[tokio::test]
async fn a_page_longer_than_asked_for_is_incomplete() {
    let (outcome, _) = read(Fault::IgnoresThePageSize, PEOPLE, "(objectClass=user)").await;
    let Err(ReadError::Incomplete(reason)) = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(reason, IncompleteReason::PageTooLong { page: 1, size: 100 });
}

#[tokio::test]
async fn a_server_that_goes_in_circles_is_left() {
    let (outcome, entries) = read(Fault::GoesInCircles, 2, "(objectClass=user)").await;
    let Err(ReadError::Incomplete(reason)) = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(reason, IncompleteReason::Stalled { pages: 1000 });
    assert_eq!(entries.len(), 2, "each entry once");
}

#[tokio::test]
async fn entries_sent_twice_are_handed_out_once() {
    let (complete, entries) = read(Fault::RepeatsTheLastEntryOfAPage, PEOPLE, "(objectClass=user)").await;
    assert_eq!((complete.expect("complete").duplicates(), entries.len()), (3, 350));
}

#[tokio::test]
async fn an_empty_page_in_between_is_not_the_end() {
    let (complete, entries) = read(Fault::SendsAnEmptyPageInBetween, PEOPLE, "(objectClass=user)").await;
    assert_eq!((complete.expect("complete").pages(), entries.len()), (5, 350));
}

#[tokio::test]
async fn an_empty_answer_is_complete_and_says_zero() {
    let (complete, _) = read(Fault::FindsNothing, PEOPLE, "(objectClass=user)").await;
    assert_eq!(complete.expect("complete").entries(), 0);
}

#[tokio::test]
async fn a_referral_is_an_error_and_references_are_counted() {
    let (outcome, _) = read(Fault::RefersElsewhere, PEOPLE, "(objectClass=user)").await;
    let Err(ReadError::Referral { urls }) = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(urls, ["ldap://other.fake.test/DC=fake,DC=test"]);

    let (complete, entries) = read(Fault::SendsReferences, PEOPLE, "(objectClass=user)").await;
    let complete = complete.expect("complete");
    assert_eq!((complete.referrals(), entries.len()), (4, 350));
    assert_eq!(complete.referral_urls()[0], "ldap://x0.fake.test/DC=fake,DC=test");
}

#[tokio::test]
async fn entries_without_a_stable_id_are_reported() {
    let (outcome, _) = read(Fault::HasNoStableIds, PEOPLE, "(objectClass=user)").await;
    assert!(
        matches!(
            outcome,
            Err(ReadError::NoStableId {
                attribute: "objectGUID",
                entries: 350,
                ..
            })
        ),
        "{outcome:?}"
    );

    let (complete, entries) = read(Fault::HidesOneStableId, PEOPLE, "(objectClass=user)").await;
    let complete = complete.expect("complete");
    assert_eq!((complete.unidentified(), entries.len()), (1, 349));
    assert_eq!(complete.unidentified_dns(), ["CN=u00007,OU=people,DC=fake,DC=test"]);
    assert!(
        !complete.proves_absence(),
        "the person that is missed may be the one without an id"
    );
}

#[tokio::test]
async fn a_slow_server_is_waited_for() {
    let (complete, entries) = read(Fault::IsSlow, 120, "(objectClass=user)").await;
    assert_eq!((complete.expect("complete").entries(), entries.len()), (120, 120));
}

#[tokio::test]
async fn a_spent_connection_is_refused_and_a_new_one_works() {
    let server = FaultyLdap::start(Fault::IsUnwillingOnTheFirstConnection, PEOPLE).await;
    let query = query("(objectClass=user)");
    let mut first = Connection::open(&server.settings()).await.expect("connected");
    let outcome = read_all(&mut first, &query, |_| ControlFlow::Continue(())).await;
    assert!(
        matches!(outcome, Err(ReadError::ResultCode { code: 53, .. })),
        "{outcome:?}"
    );
    let again = read_all(&mut first, &query, |_| ControlFlow::Continue(())).await;
    assert!(matches!(again, Err(ReadError::ConnectionLost { .. })), "{again:?}");
    let mut second = Connection::open(&server.settings()).await.expect("connected");
    let complete = read_all(&mut second, &query, |_| ControlFlow::Continue(()))
        .await
        .expect("complete");
    assert_eq!(complete.entries(), 350);
}

#[tokio::test]
async fn a_dropped_reading_spends_its_connection() {
    let server = FaultyLdap::start(Fault::HangsInPage2, PEOPLE).await;
    let query = query("(objectClass=user)");
    let mut connection = Connection::open(&server.settings()).await.expect("connected");
    let dropped = read_all(&mut connection, &query, |_| ControlFlow::Continue(()));
    assert!(
        tokio::time::timeout(IMPATIENCE, dropped).await.is_err(),
        "the server hangs"
    );
    let again = read_all(&mut connection, &query, |_| ControlFlow::Continue(())).await;
    assert!(matches!(again, Err(ReadError::ConnectionLost { .. })), "{again:?}");
}

#[tokio::test]
async fn a_restored_directory_shows_other_ids_and_both_readings_are_complete() {
    let server = FaultyLdap::start(Fault::ChangesItsGuids, 10).await;
    let (query, mut ids) = (query("(objectClass=user)"), Vec::new());
    for _ in 0..2 {
        let mut connection = Connection::open(&server.settings()).await.expect("connected");
        let complete = read_all(&mut connection, &query, |entry| {
            ids.push(entry.stable_id);
            ControlFlow::Continue(())
        });
        assert_eq!(complete.await.expect("complete").entries(), 10);
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 20);
}

#[tokio::test]
async fn a_group_in_ranges_arrives_whole() {
    for people in [1, 1500, 1501, 3500] {
        let (complete, entries) = read(Fault::None, people, "(objectClass=group)").await;
        assert_eq!(complete.expect("complete").entries(), 1);
        let members: Vec<&str> = entries[0].attributes.texts("member").collect();
        assert_eq!(members.len(), people as usize);
        assert_eq!(
            members[members.len() - 1],
            format!("CN=u{:05},OU=people,DC=fake,DC=test", people - 1)
        );
    }
}

#[tokio::test]
async fn a_group_whose_ranges_do_not_join_is_incomplete() {
    for fault in [
        Fault::SkipsValuesInARange,
        Fault::RepeatsARangeForEver,
        Fault::EndsARangeInTheMiddle,
    ] {
        let (outcome, entries) = read(fault, 3500, "(objectClass=group)").await;
        let is_gap = matches!(
            &outcome,
            Err(ReadError::Incomplete(IncompleteReason::RangeGap { at: 1500, .. }))
        );
        assert!(is_gap && entries.is_empty(), "{fault:?}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_caller_may_stop() {
    let server = FaultyLdap::start(Fault::None, PEOPLE).await;
    let mut connection = Connection::open(&server.settings()).await.expect("connected");
    let (query, mut seen) = (query("(objectClass=user)"), 0);
    let outcome = read_all(&mut connection, &query, |_| {
        seen += 1;
        if seen == 120 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    assert!(matches!(outcome.await, Err(ReadError::Stopped)));
    assert_eq!(seen, 120);
}

#[tokio::test]
async fn a_query_with_a_wrong_name_is_not_sent() {
    let server = FaultyLdap::start(Fault::None, PEOPLE).await;
    let mut connection = Connection::open(&server.settings()).await.expect("connected");
    let wrong = Query {
        base: "people".to_owned(),
        ..query("(objectClass=user)")
    };
    let outcome = read_all(&mut connection, &wrong, |_| ControlFlow::Continue(())).await;
    assert_eq!(
        outcome.expect_err("refused").to_string(),
        "base: not a distinguished name: \"=\" is expected at character 7"
    );
    let wrong = Query {
        attributes: vec!["*".to_owned(), "mail ".to_owned()],
        ..query("(objectClass=user)")
    };
    let outcome = read_all(&mut connection, &wrong, |_| ControlFlow::Continue(())).await;
    assert!(matches!(outcome, Err(ReadError::AttributeName { name }) if name == "mail "));
    let complete = read_all(&mut connection, &query("(objectClass=user)"), |_| {
        ControlFlow::Continue(())
    })
    .await;
    assert_eq!(complete.expect("the connection is still good").entries(), 350);
}

pub(super) async fn read(fault: Fault, people: u32, filter: &str) -> (Result<Complete, ReadError>, Vec<Entry>) {
    let server = FaultyLdap::start(fault, people).await;
    let mut connection = Connection::open(&server.settings()).await.expect("connected");
    let mut entries = Vec::new();
    let query = query(filter);
    let outcome = read_all(&mut connection, &query, |entry| {
        entries.push(entry);
        ControlFlow::Continue(())
    });
    (outcome.await, entries)
}

pub(super) fn query(filter: &str) -> Query {
    Query {
        base: "DC=fake,DC=test".to_owned(),
        scope: Scope::WholeSubtree,
        filter: Filter::parse(filter).expect("a good filter"),
        attributes: ["cn", "member", "userAccountControl"].map(str::to_owned).to_vec(),
        stable_id: StableIdKind::ObjectGuid,
    }
}
