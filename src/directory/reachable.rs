//! Lists as far as a person's rights reach (X04-2): records are passed over while they are read, so that pages stay full and
//! cursors true. The work of one page is bounded; a page may come short, and its cursor goes on.

use crate::model::effective::{Effective, Target};
use crate::model::group::Group;
use crate::model::id::{GroupId, OrganisationId, UserId};
use crate::model::user::User;

use super::{Directory, DirectoryError};

/// Records that one page looks at, at most.
const LOOKED_AT_MAX: usize = 2_000;
/// Records read at once.
const CHUNK: usize = 200;

/// Some records, and where to go on when there may be more.
#[derive(Debug, Clone, PartialEq)]
pub struct Reached<T> {
    /// The records.
    pub items: Vec<T>,
    /// The last one that was looked at, unless it was the last of all.
    pub next: Option<uuid::Uuid>,
}

impl Directory {
    /// Whether a person's rights to an action reach a user.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn reaches_user(
        &self,
        organisation: OrganisationId,
        (effective, action): (&Effective, &str),
        user: UserId,
    ) -> Result<bool, DirectoryError> {
        let target = self.target_user(organisation, user).await?;
        Ok(effective.allows(action, &target).is_allowed())
    }

    /// Users in the order of their creation, after this one, whom a person's rights to an action reach.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn reachable_users(
        &self,
        organisation: OrganisationId,
        right: (&Effective, &str),
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Reached<User>, DirectoryError> {
        let mut items = Vec::new();
        let mut last = after;
        for _ in 0..LOOKED_AT_MAX / CHUNK {
            let found = self.browse_users(organisation, last, CHUNK).await?;
            let is_all = found.len() < CHUNK;
            for user in found {
                last = Some(user.id);
                if self.reaches_user(organisation, right, user.id).await? {
                    items.push(user);
                }
                if items.len() == limit {
                    return Ok(Reached {
                        items,
                        next: last.map(UserId::uuid),
                    });
                }
            }
            if is_all {
                return Ok(Reached { items, next: None });
            }
        }
        Ok(Reached {
            items,
            next: last.map(UserId::uuid),
        })
    }

    /// Groups in the order of their creation, after this one, that a person's rights to an action reach. A disabled group is shown
    /// to nobody who does not see all of them (S003-41).
    ///
    /// # Errors
    /// As the store's read.
    pub async fn reachable_groups(
        &self,
        organisation: OrganisationId,
        (effective, action): (&Effective, &str),
        after: Option<GroupId>,
        limit: usize,
    ) -> Result<Reached<Group>, DirectoryError> {
        let mut items = Vec::new();
        let mut last = after;
        for _ in 0..LOOKED_AT_MAX / CHUNK {
            let found = self.browse_groups(organisation, last, CHUNK).await?;
            let is_all = found.len() < CHUNK;
            for group in found {
                last = Some(group.id);
                let target = Target {
                    above: self.groups_above(organisation, &group).await?,
                    groups: [group.id].into(),
                    user: None,
                };
                if group.enabled && effective.allows(action, &target).is_allowed() {
                    items.push(group);
                }
                if items.len() == limit {
                    return Ok(Reached {
                        items,
                        next: last.map(GroupId::uuid),
                    });
                }
            }
            if is_all {
                return Ok(Reached { items, next: None });
            }
        }
        Ok(Reached {
            items,
            next: last.map(GroupId::uuid),
        })
    }
}
