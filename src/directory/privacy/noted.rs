//! That data was taken away as a file or handed over: a read that is told like a change.

use serde_json::json;

use crate::directory::{DirectoryError, Operation, Unit};
use crate::model::event::EventKind;
use crate::model::id::UserId;

/// Notes an export, in the event log and in the audit log.
pub enum NoteExport {
    /// Everything that is held about a person.
    Person(UserId),
    /// A table, by its name.
    Table(String),
}

#[async_trait::async_trait]
impl Operation for NoteExport {
    type Outcome = ();

    async fn attempt(&self, unit: &mut Unit) -> Result<(), DirectoryError> {
        match self {
            Self::Person(user) => unit.event(EventKind::DataExported, user, json!({ "of": "user" })),
            Self::Table(table) => unit.event(EventKind::DataExported, table, json!({ "of": "table" })),
        }
        Ok(())
    }
}
