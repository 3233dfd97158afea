//! What the log tells of events where the records themselves are not shown: what a person signs in with, and what was taken away.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::model::audit::{AuditChange, AuditKind, AuditOutcome};
use crate::model::event::{Event, EventKind};

/// What an event is in the log, when it is one of those.
const fn told(kind: EventKind) -> Option<(AuditKind, AuditOutcome)> {
    match kind {
        EventKind::SecondFactorConfirmed | EventKind::PasswordResetRequested => {
            Some((AuditKind::Credential, AuditOutcome::Created))
        }
        EventKind::SignInUnlocked => Some((AuditKind::Credential, AuditOutcome::Updated)),
        EventKind::SecondFactorRemoved => Some((AuditKind::Credential, AuditOutcome::Deleted)),
        EventKind::SessionEnded => Some((AuditKind::Session, AuditOutcome::Deleted)),
        EventKind::DataExported => Some((AuditKind::Export, AuditOutcome::Created)),
        _ => None,
    }
}

/// The change that an event is: its word is the value.
pub(super) fn change(event: &Event) -> Option<AuditChange> {
    let (kind, outcome) = told(event.kind)?;
    let word = Value::from(event.kind.as_str());
    Some(AuditChange {
        kind,
        subject: event.subject.clone(),
        outcome,
        fields: BTreeMap::from([("event".to_owned(), (Value::Null, word))]),
        members: Vec::new(),
    })
}

/// Somebody who was erased was not just deleted.
pub(super) fn mark_erased(changes: &mut [AuditChange], events: &[Event]) {
    let is_erased = |subject: &str| {
        let mut erased = events.iter().filter(|event| event.kind == EventKind::UserErased);
        erased.any(|event| event.subject == subject)
    };
    for change in changes {
        let is_gone = change.kind == AuditKind::User && change.outcome == AuditOutcome::Deleted;
        if is_gone && is_erased(&change.subject) {
            change.outcome = AuditOutcome::Erased;
        }
    }
}
