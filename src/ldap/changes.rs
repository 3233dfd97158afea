//! What changed in a directory since the last reading, by the best means that the server offers.
//!
//! * [`cursor`]: where a reading ended and what that mark is valid for
//! * `content_sync`, `sync_message`: RFC 4533, OpenLDAP with syncprov and 389-DS
//! * `update_sequence`: Active Directory's `uSNChanged`
//! * `modify_timestamp`: any other server
//! * [`tree`]: whether the containers above the entries are where they were
//! * [`lookup`]: the ids of everything, entries by id, one entry by name
//! * [`wait`]: a notice when something changes
//!
//! The rules: **what a reading of changes does not mention is unchanged, never gone**. Gone is only what the server calls
//! deleted, or what it calls changed and no longer gives for the query. When the server cannot say who is gone, the
//! reading says that ([`Changed::needs_presence_pass`], [`Changed::sees_deletions`]), and when the mark is worth nothing
//! any more, it says why ([`FullReadReason`]). A [`Changed`] exists only after every search in it ended in success.

mod content_sync;
pub mod cursor;
mod error;
pub mod lookup;
mod modify_timestamp;
mod sync_message;
pub mod tree;
mod update_sequence;
pub mod wait;

use std::collections::HashSet;
use std::fmt;
use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};

use super::capability::Capability;
use super::connection::Connection;
use super::entry::Entry;
use super::read_error::ReadError;
use super::search::{Complete, Query, Reading, read};
use super::stable_id::StableId;
pub use cursor::{Cursor, CursorPart};
use cursor::{Mark, ValidFor};
pub use error::{ChangeError, FullReadReason};
pub use lookup::{read_by_dn, read_by_ids, read_presence};
pub use tree::{Tree, read_tree};
pub use wait::wait_for_changes;

/// How a server tells what changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ChangeMethod {
    /// Content synchronisation (RFC 4533): OpenLDAP with syncprov, 389-DS with its content synchronisation plug-in. Sees
    /// deletions.
    ContentSync,
    /// `uSNChanged` with the domain controller's `invocationId`: Active Directory, Samba. Sees deletions when the account
    /// may read tombstones.
    UpdateSequence,
    /// `modifyTimestamp`: every other server. Sees neither deletions nor what is moved out of the base.
    ModifyTimestamp,
}

impl fmt::Display for ChangeMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ContentSync => "content synchronisation",
            Self::UpdateSequence => "update sequence numbers",
            Self::ModifyTimestamp => "modifyTimestamp",
        })
    }
}

impl Capability {
    /// The best method that the server offers, by its root DSE; `None` when it cannot even page.
    ///
    /// It is an offer: OpenLDAP lists content synchronisation as soon as one of its databases has it. [`mark`] finds out.
    pub fn change_method(&self) -> Option<ChangeMethod> {
        if !self.pages_results() {
            None
        } else if self.syncs_content() {
            Some(ChangeMethod::ContentSync)
        } else if self.highest_committed_usn.is_some() {
            Some(ChangeMethod::UpdateSequence)
        } else {
            Some(ChangeMethod::ModifyTimestamp)
        }
    }
}

/// The outcome of a reading of changes that got everything that the server has to say. Only [`read_changes`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Changed {
    entries: u64,
    gone: Vec<StableId>,
    cursor: Cursor,
    needs_presence_pass: bool,
    sees_deletions: bool,
    referrals: u64,
    unidentified: u64,
}

impl Changed {
    /// Entries handed out, each stable id once.
    pub fn entries(&self) -> u64 {
        self.entries
    }

    /// What is not in the query any more: deleted, moved out of the base, or out of the filter. None of them was handed
    /// out. There may be ids among them that never were in the query, because servers name what they deleted elsewhere.
    pub fn gone(&self) -> &[StableId] {
        &self.gone
    }

    /// Where the next reading starts. Store it together with what this reading brought, never before.
    pub fn cursor(&self) -> &Cursor {
        &self.cursor
    }

    /// The server named what is still there instead of what is gone (RFC 4533 section 3.3.1, the present phase, as OpenLDAP
    /// does without a session log), or sent more than the changes. [`read_presence`] finds who is gone.
    pub fn needs_presence_pass(&self) -> bool {
        self.needs_presence_pass
    }

    /// Whether this method and account can see deletions at all. If not, only a scheduled [`read_presence`] finds them.
    pub fn sees_deletions(&self) -> bool {
        self.sees_deletions
    }

    /// References to other servers, counted and not followed.
    pub fn referrals(&self) -> u64 {
        self.referrals
    }

    /// Changed entries left out because they have no usable stable id.
    pub fn unidentified(&self) -> u64 {
        self.unidentified
    }
}

/// A mark to continue from. Take it **before** a full reading, so that what changes meanwhile is read again; and with it the
/// [`Tree`], which the caller adds ([`Cursor::with_tree`]).
///
/// Content synchronisation and update sequence numbers cost a search of one entry; `modifyTimestamp` costs a pass over
/// the time stamps of everything in the query.
///
/// # Errors
/// Every [`ReadError`]. [`ReadError::NoMark`] and [`ReadError::ResultCode`] 12 mean that the server does not offer the
/// method for this base or account; a full reading does not depend on it. Afterwards the connection is spent.
pub async fn mark(connection: &mut Connection, query: &Query, method: ChangeMethod) -> Result<Cursor, ReadError> {
    query.check()?;
    let mark = match method {
        ChangeMethod::ContentSync => content_sync::mark(connection, query).await?,
        ChangeMethod::UpdateSequence => update_sequence::mark(connection).await?,
        ChangeMethod::ModifyTimestamp => modify_timestamp::mark(connection, query).await?,
    };
    Ok(Cursor {
        mark,
        valid_for: ValidFor::now(connection, query),
        tree: None,
    })
}

/// Reads what changed since `cursor` was made and hands each entry once to `on_entry`: every entry that was added,
/// changed, renamed or moved and that is in the query now. Some may not have changed; none that did is left out.
///
/// The entries are of no use before this returns `Ok`: an error may follow the last one.
///
/// # Errors
/// [`ChangeError::FullReadRequired`] with the reason when the cursor is worth nothing (any more), otherwise every
/// [`ReadError`]. After any error open a new connection.
pub async fn read_changes(
    connection: &mut Connection,
    query: &Query,
    cursor: &Cursor,
    mut on_entry: impl FnMut(Entry) -> ControlFlow<()>,
) -> Result<Changed, ChangeError> {
    query.check()?;
    let valid_for = ValidFor::now(connection, query);
    if let Some(part) = cursor.valid_for.difference(&valid_for) {
        return Err(FullReadReason::CursorOfAnother { part }.into());
    }
    // The tree comes first: what is moved after this look is seen by the next one.
    if let Some(known) = &cursor.tree
        && read_tree(connection, query).await? != *known
    {
        return Err(FullReadReason::TreeChanged.into());
    }
    let on_entry = &mut on_entry;
    let found = match &cursor.mark {
        Mark::ContentSync { cookie } => content_sync::read_changes(connection, query, cookie, on_entry).await?,
        Mark::UpdateSequence { highest, invocation_id } => {
            update_sequence::read_changes(connection, query, *highest, *invocation_id, on_entry).await?
        }
        Mark::ModifyTimestamp { highest } => {
            modify_timestamp::read_changes(connection, query, *highest, on_entry).await?
        }
    };
    Ok(Changed {
        entries: found.complete.entries(),
        gone: found.gone,
        cursor: Cursor {
            mark: found.mark,
            valid_for,
            tree: cursor.tree.clone(),
        },
        needs_presence_pass: found.needs_presence_pass,
        sees_deletions: found.sees_deletions,
        referrals: found.complete.referrals(),
        unidentified: found.complete.unidentified(),
    })
}

/// Whether deletions under the naming context of `query` are seen by [`ChangeMethod::UpdateSequence`]: whether the account
/// sees a tombstone.
///
/// # Errors
/// As [`mark`].
pub async fn sees_deletions(connection: &mut Connection, query: &Query) -> Result<bool, ReadError> {
    query.check()?;
    update_sequence::sees_deletions(connection, query).await
}

/// What one method found.
struct Found {
    /// Proof of the reading that handed out the entries.
    complete: Complete,
    gone: Vec<StableId>,
    mark: Mark,
    needs_presence_pass: bool,
    sees_deletions: bool,
}

/// Reads entries and notes their ids; more of them than the connection allows are a reason for a full reading.
async fn read_bounded(
    connection: &mut Connection,
    reading: Reading,
    on_entry: &mut impl FnMut(Entry) -> ControlFlow<()>,
) -> Result<(Complete, HashSet<u128>), ChangeError> {
    let limit = connection.limits().changes_max;
    let mut handed_out = HashSet::new();
    let mut is_too_many = false;
    let outcome = read(connection, reading, |entry| {
        if handed_out.len() >= limit as usize {
            is_too_many = true;
            return ControlFlow::Break(());
        }
        handed_out.insert(entry.stable_id.number());
        on_entry(entry)
    })
    .await;
    match outcome {
        Ok(complete) => Ok((complete, handed_out)),
        Err(ReadError::Stopped) if is_too_many => Err(FullReadReason::TooManyChanges { limit }.into()),
        Err(error) => Err(error.into()),
    }
}
