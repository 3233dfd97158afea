//! Rows on their way from the store to a file.

use serde_json::Value;
use tokio::sync::mpsc;

use super::table::Table;
use super::{log, people, things};
use crate::admin::caller::Administrator;
use crate::admin::guests::{Guests, Links};
use crate::admin::listing::Question;
use crate::admin::tokens::Tokens;
use crate::admin::{connections, permissions, roles};
use crate::directory::audit::AuditFilter;
use crate::directory::{Directory, DirectoryError};
use crate::model::effective::Effective;
use crate::model::list::List;
use crate::model::membership::Member;
use crate::model::selection::Selection;

/// Records that are read at once.
pub(super) const READ_AT_ONCE: usize = 500;

/// Records that are read at once in an order of the reader's own.
const SORTED_AT_ONCE: usize = 5_000;

/// Parts on their way to somebody who reads slowly: the store is read on only when they are gone.
const AHEAD: usize = 4;

/// Rows, some at a time.
pub(super) type Rows = mpsc::Receiver<Result<Vec<Value>, DirectoryError>>;

/// Why reading ends before its end.
pub(super) enum Ended {
    /// Nobody waits for the rows any more.
    Unread,
    /// The store does not answer.
    Failed(DirectoryError),
}

impl From<DirectoryError> for Ended {
    fn from(error: DirectoryError) -> Self {
        Self::Failed(error)
    }
}

/// What of a table is wanted.
pub(super) struct Feed {
    pub(super) directory: Directory,
    pub(super) caller: Administrator,
    /// Whether the groups of each user are wanted: they cost a read each.
    pub(super) with_groups: bool,
    /// What is asked of the list behind the table.
    pub(super) question: Question,
    /// Of the audit log: which entries.
    pub(super) entries: AuditFilter,
    out: mpsc::Sender<Result<Vec<Value>, DirectoryError>>,
}

impl Feed {
    /// Begins to read.
    pub(super) fn start(
        directory: Directory,
        caller: Administrator,
        table: Table,
        question: Question,
        entries: AuditFilter,
        with_groups: bool,
    ) -> Rows {
        let (out, rows) = mpsc::channel(AHEAD);
        let feed = Self {
            directory,
            caller,
            with_groups,
            question,
            entries,
            out,
        };
        tokio::spawn(async move {
            let ended = match table {
                Table::Users => people::users(&feed).await,
                Table::Memberships => people::memberships(&feed).await,
                Table::RoleHolders => people::role_holders(&feed).await,
                Table::LicenceHolders => people::licence_holders(&feed).await,
                Table::Groups => things::groups(&feed).await,
                Table::Resources => things::resources(&feed).await,
                Table::ResourceAssignments => things::resource_assignments(&feed).await,
                Table::Invitations => things::invitations(&feed).await,
                Table::Licences => things::licences(&feed).await,
                Table::CostCentres => things::cost_centres(&feed).await,
                Table::Roles
                | Table::Permissions
                | Table::Connections
                | Table::Tokens
                | Table::Guests
                | Table::GuestLinks => plain(&feed, table).await,
                Table::Audit => log::changes(&feed).await,
            };
            if let Err(Ended::Failed(error)) = ended {
                // Whoever has gone away needs no reason.
                drop(feed.out.send(Err(error)).await);
            }
        });
        rows
    }

    /// The rows of a list that are meant.
    pub(super) fn selection(&self, list: List, action: &'static str) -> Selection {
        if self.question.selection.list() == list {
            return self.question.selection.clone();
        }
        Selection::all(list).within(self.caller.bounded(action), action)
    }

    /// Rows read at once: an order of the reader's own is made anew for each part, so there are few of them.
    pub(super) fn at_once(&self) -> usize {
        if self.question.selection.order().is_some() {
            SORTED_AT_ONCE
        } else {
            READ_AT_ONCE
        }
    }

    /// Whether the caller's rights to an action reach a user or a group; a row about anybody else is not theirs to see.
    pub(super) async fn reaches(
        &self,
        bounds: Option<&Effective>,
        action: &str,
        subject: Member,
    ) -> Result<bool, DirectoryError> {
        let Some(rights) = bounds else { return Ok(true) };
        let organisation = self.caller.organisation();
        let target = match subject {
            Member::User(user) => self.directory.target_user(organisation, user).await?,
            Member::Group(group) => self.directory.target_group(organisation, group).await?,
        };
        Ok(rights.allows(action, &target).is_allowed())
    }

    /// Hands rows over.
    pub(super) async fn send(&self, rows: Vec<Value>) -> Result<(), Ended> {
        if rows.is_empty() {
            return Ok(());
        }
        self.out.send(Ok(rows)).await.map_err(|_| Ended::Unread)
    }
}

/// Tables that are as their lists.
async fn plain(feed: &Feed, table: Table) -> Result<(), Ended> {
    let (directory, caller) = (&feed.directory, &feed.caller);
    let organisation = caller.organisation();
    match table {
        Table::Roles => things::listed(feed, roles::known(directory, caller).await?).await,
        Table::Permissions => things::listed(feed, permissions::known(caller)).await,
        Table::Connections => things::listed(feed, connections::known(directory, caller).await?).await,
        Table::Tokens => things::listed(feed, Tokens(organisation)).await,
        Table::GuestLinks => things::listed(feed, Links(organisation)).await,
        _ => things::listed(feed, Guests(organisation)).await,
    }
}
