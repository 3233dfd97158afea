//! A reading of changes from a server that misbehaves is an error. "Nothing changed" is never the answer.

use std::ops::ControlFlow;
use std::time::Duration;

use serde_json::{Value, json};
use usher::ldap::read_error::IncompleteReason;
use usher::ldap::{
    ChangeError, ChangeMethod, Changed, Connection, Cursor, Filter, Query, ReadError, Scope, StableIdKind, mark,
    read_changes,
};

use crate::kit::faulty_ldap::{Fault, FaultyLdap};

/// More than three pages.
const PEOPLE: u32 = 350;
const IMPATIENCE: Duration = Duration::from_millis(300);
/// What goes wrong in, or instead of, a search.
const FAULTS: [Fault; 17] = [
    Fault::ClosesInPage2,
    Fault::ResetsInPage2,
    Fault::HangsInPage2,
    Fault::EndsPage2Busy,
    Fault::LosesTheCookieInPage2,
    Fault::EndsPage1WithoutAControl,
    Fault::SendsAMalformedControl,
    Fault::IgnoresThePageSize,
    Fault::RefersElsewhere,
    Fault::HasNoStableIds,
    Fault::NestsDeeply,
    Fault::SendsADnThatIsNotUtf8,
    Fault::SendsAnUnexpectedOperation,
    Fault::SendsAnEntryWithoutParts,
    Fault::SendsAResultWithoutACode,
    Fault::GivesNoticeOfDisconnection,
    Fault::IsUnwillingOnTheFirstConnection,
];

#[tokio::test]
async fn no_fault_in_a_reading_by_time_stamps_looks_like_changes() {
    for fault in FAULTS {
        let outcome = changes(fault, &json!({ "ModifyTimestamp": { "highest": 0 } })).await;
        assert!(matches!(outcome, Err(ChangeError::Read(_))), "{fault:?}: {outcome:?}");
    }
}

#[tokio::test]
async fn no_fault_in_a_synchronisation_looks_like_changes() {
    for fault in FAULTS
        .into_iter()
        .chain([Fault::None, Fault::FindsNothing, Fault::SendsReferences])
    {
        let outcome = changes(fault, &json!({ "ContentSync": { "cookie": "cmlkPTAwMCxjc249YQ==" } })).await;
        // A server that is unwilling is taken for one that is older than the cookie.
        let is_unwilling = fault == Fault::IsUnwillingOnTheFirstConnection;
        match outcome {
            Err(ChangeError::FullReadRequired(_)) if is_unwilling => {}
            Err(ChangeError::Read(_)) if !is_unwilling => {}
            other => panic!("{fault:?}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_server_that_ignores_the_request_to_synchronise_is_found_out() {
    let cookie = json!({ "ContentSync": { "cookie": "cmlkPTAwMCxjc249YQ==" } });
    for (fault, expected) in [
        (Fault::None, "an entry without a sync state"),
        (Fault::FindsNothing, "a result without a sync done control"),
    ] {
        let outcome = changes(fault, &cookie).await;
        let Err(ChangeError::Read(ReadError::Incomplete(IncompleteReason::SyncMessage { what }))) = outcome else {
            panic!("{fault:?}: {outcome:?}")
        };
        assert_eq!(what, expected);
    }
}

#[tokio::test]
async fn a_server_without_a_mark_gives_none() {
    let server = FaultyLdap::start(Fault::None, PEOPLE).await;
    for method in [
        ChangeMethod::ContentSync,
        ChangeMethod::UpdateSequence,
        ChangeMethod::ModifyTimestamp,
    ] {
        let mut connection = Connection::open(&server.settings()).await.expect("connected");
        let outcome = mark(&mut connection, &query(), method).await;
        assert!(
            matches!(outcome, Err(ReadError::NoMark(_) | ReadError::Incomplete(_))),
            "{method:?}: {outcome:?}"
        );
    }
}

/// Reads changes from a cursor with this mark, as if it had been made here.
async fn changes(fault: Fault, mark: &Value) -> Result<Changed, ChangeError> {
    let server = FaultyLdap::start(fault, PEOPLE).await;
    let mut settings = server.settings();
    settings.entry_timeout = match fault {
        Fault::HangsInPage2 => IMPATIENCE,
        _ => settings.entry_timeout,
    };
    let query = query();
    let cursor: Cursor = serde_json::from_value(json!({
        "mark": mark,
        "valid_for": {
            "url": settings.urls[0].to_string(),
            "bind_dn": settings.bind_dn,
            "base": query.base,
            "scope": query.scope,
            "filter": query.filter.as_str(),
            "stable_id": query.stable_id,
        },
    }))
    .expect("a cursor as it is stored");
    let mut connection = Connection::open(&settings).await.expect("connected");
    read_changes(&mut connection, &query, &cursor, |_| ControlFlow::Continue(())).await
}

fn query() -> Query {
    Query {
        base: "DC=fake,DC=test".to_owned(),
        scope: Scope::WholeSubtree,
        filter: Filter::parse("(objectClass=user)").expect("a good filter"),
        attributes: vec!["cn".to_owned()],
        stable_id: StableIdKind::ObjectGuid,
    }
}
