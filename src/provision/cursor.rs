//! Where the last reading of a directory ended, kept beside what it brought.
//!
//! The cursor is stored by the operation that remembers the run, after every change of the run: a run that is broken off
//! reads the same changes again, which changes nothing twice.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::directory::{Directory, DirectoryError, Unit, keys};
use crate::ldap::changes::{ChangeMethod, Cursor};
use crate::model::connection::{Brake, Connection, Leavers};
use crate::model::custom_attribute::CustomSchema;
use crate::model::id::OrganisationId;
use crate::model::record::{self, Record};
use crate::model::slug::Slug;

use super::authority::Say;

/// Where the readings of people and of groups ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cursors {
    /// What was read and what was made of it: [`fingerprint`].
    pub settings: String,
    /// People.
    pub users: Cursor,
    /// Groups, when they are read.
    pub groups: Option<Cursor>,
}

impl Cursors {
    /// Whether a renamed or moved organisational unit is noticed.
    #[must_use]
    pub fn know_the_trees(&self) -> bool {
        self.all().all(Cursor::knows_tree)
    }

    fn all(&self) -> impl Iterator<Item = &Cursor> {
        std::iter::once(&self.users).chain(&self.groups)
    }

    /// Whether people or groups are followed by `modifyTimestamp`, the last resort.
    #[must_use]
    pub fn are_time_stamps(&self) -> bool {
        self.all()
            .any(|cursor| cursor.method() == ChangeMethod::ModifyTimestamp)
    }
}

impl Record for Cursors {
    const KIND: &'static str = "cursors";
}

/// What becomes of the cursors when a run was applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Next {
    /// They stay good.
    Keep,
    /// The next reading goes on from here.
    Put(Box<Cursors>),
    /// The next reading reads everything.
    Drop,
}

impl Next {
    pub(super) fn store(&self, unit: &mut Unit, connection: &Slug) {
        let key = key(unit.organisation(), connection);
        match self {
            Self::Keep => {}
            Self::Put(cursors) => unit.put(key, cursors.as_ref()),
            Self::Drop => unit.delete(key),
        }
    }
}

/// The cursors of a connection.
///
/// # Errors
/// As the store's read.
pub async fn load(
    directory: &Directory,
    organisation: OrganisationId,
    connection: &Slug,
) -> Result<Option<Cursors>, DirectoryError> {
    let stored = directory.store().get(key(organisation, connection)).await?;
    Ok(stored.map(|stored| record::decode(&stored.value)).transpose()?)
}

fn key(organisation: OrganisationId, connection: &Slug) -> crate::store::Key {
    keys::run(organisation, connection, "cursor")
}

/// A name for everything in a connection's settings, in the organisation's own attributes and in who has the say over which, on
/// which the outcome of a reading depends. When it changes, entries that did not change may mean something else.
#[must_use]
pub fn fingerprint(connection: &Connection, own: Option<&CustomSchema>, say: &Say) -> String {
    let mut deciding = connection.clone();
    deciding.brake = Brake::default();
    deciding.leavers = Leavers::default();
    deciding.schedule = None;
    deciding.changes_schedule = None;
    deciding.presence_schedule = None;
    deciding.runs_kept = 0;
    deciding.failures_listed = 0;
    // Settings are maps with text keys, lists and texts, which serde_json always writes.
    let text = serde_json::to_vec(&(deciding, own, &say.beside)).unwrap_or_default();
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}
