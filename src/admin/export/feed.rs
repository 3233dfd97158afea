//! Rows on their way from the store to a file.

use serde_json::Value;
use tokio::sync::mpsc;

use super::table::Table;
use super::{people, things};
use crate::admin::caller::Administrator;
use crate::directory::{Directory, DirectoryError};
use crate::model::invitation::InvitationState;
use crate::model::lifecycle::State;

/// Records that are read at once.
pub(super) const READ_AT_ONCE: usize = 500;

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
    pub(super) states: Vec<State>,
    pub(super) invitations: Option<InvitationState>,
    out: mpsc::Sender<Result<Vec<Value>, DirectoryError>>,
}

impl Feed {
    /// Begins to read.
    pub(super) fn start(
        directory: Directory,
        caller: Administrator,
        table: Table,
        wanted: (bool, Vec<State>, Option<InvitationState>),
    ) -> Rows {
        let (out, rows) = mpsc::channel(AHEAD);
        let (with_groups, states, invitations) = wanted;
        let feed = Self {
            directory,
            caller,
            with_groups,
            states,
            invitations,
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
                Table::Guests => things::guests(&feed).await,
            };
            if let Err(Ended::Failed(error)) = ended {
                // Whoever has gone away needs no reason.
                drop(feed.out.send(Err(error)).await);
            }
        });
        rows
    }

    /// Hands rows over.
    pub(super) async fn send(&self, rows: Vec<Value>) -> Result<(), Ended> {
        if rows.is_empty() {
            return Ok(());
        }
        self.out.send(Ok(rows)).await.map_err(|_| Ended::Unread)
    }
}
