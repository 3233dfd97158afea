//! Whom a person's rights reach (X04-2). Lists ask while they are read (see [`super::select`]), so that pages stay full and cursors
//! true.

use std::collections::BTreeSet;

use crate::model::effective::{Effective, Target};
use crate::model::id::{GroupId, OrganisationId, UserId};
use crate::model::membership::Member;
use crate::store::{SCAN_ENTRIES_MAX, Scan};

use super::authorise::Authority;
use super::membership::{member_record, member_text};
use super::{Directory, DirectoryError, Unit, keys};

/// The actions by which somebody has a person in view: by looking at people, or by saying who is in their groups.
const IN_VIEW: [&str; 2] = ["user.view", "group.members"];

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

    /// The groups that a person's rights to an action reach, when they are bound to some; `None` when they reach all.
    ///
    /// # Errors
    /// As [`Directory::subtree`].
    pub async fn reached_groups(
        &self,
        organisation: OrganisationId,
        (effective, action): (&Effective, &str),
    ) -> Result<Option<BTreeSet<GroupId>>, DirectoryError> {
        let Some(bounds) = effective.bounds(action) else {
            return Ok(None);
        };
        let mut reached = BTreeSet::new();
        for (group, below) in bounds {
            reached.insert(group);
            if below {
                reached.extend(self.subtree(organisation, group).await?);
            }
        }
        Ok(Some(reached))
    }
}

impl Unit {
    /// Refuses to put somebody into a group whom the acting person's rights do not reach yet: who is in the group is within reach
    /// of whoever runs it, so that anybody could be fetched. A nested group must be in view as well. Whom this very request makes
    /// was judged by where they are made.
    ///
    /// # Errors
    /// [`DirectoryError::NotFound`], as for somebody who is not there; as [`Unit::find`].
    pub(super) async fn must_reach(&mut self, members: &[Member]) -> Result<(), DirectoryError> {
        let Authority::Person(effective) = self.authority().clone() else {
            return Ok(());
        };
        for member in members {
            let is_reached = match member {
                Member::User(user) => {
                    let target = self.stored_target(*user).await?;
                    target.is_none_or(|target| {
                        IN_VIEW
                            .iter()
                            .any(|action| effective.allows(action, &target).is_allowed())
                    })
                }
                Member::Group(group) => {
                    let target = self.target_group(*group).await?;
                    effective.allows("group.view", &target).is_allowed()
                }
            };
            if !is_reached {
                return Err(DirectoryError::not_found("member", member_text(*member)));
            }
        }
        Ok(())
    }

    /// A user as a target where the store has them, before anything of this unit: `None` for somebody whom this unit makes.
    async fn stored_target(&mut self, user: UserId) -> Result<Option<Target>, DirectoryError> {
        let organisation = self.organisation();
        let member = Member::User(user);
        let stored = self.scan(Scan::prefix(&member_record(organisation, member), 1)).await?;
        if stored.is_empty() && self.is_known(member).await? {
            return Ok(None);
        }
        let groups = self.groups_of(user).await?;
        let mut target = Target {
            user: Some(user),
            ..Target::default()
        };
        for group in groups {
            let own = self.target_group(group).await?;
            target.groups.extend(own.groups);
            target.above.extend(own.above);
        }
        Ok(Some(target))
    }

    /// The groups that a user is in where the store has them, before anything of this unit. A hint, like every scan.
    ///
    /// # Errors
    /// As the store's read.
    pub(super) async fn groups_of(&self, user: UserId) -> Result<BTreeSet<GroupId>, DirectoryError> {
        let prefix = keys::member_groups(self.organisation(), Member::User(user));
        let edges = self.scan(Scan::prefix(&prefix, SCAN_ENTRIES_MAX)).await?;
        let ids = edges.iter().filter_map(|(key, _)| keys::last_uuid(key));
        Ok(ids.map(GroupId::new).collect())
    }
}
