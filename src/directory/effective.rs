//! A person's rights, gathered from the store (`seeds.md` section 2.1).

use std::collections::BTreeSet;

use crate::model::effective::{Effective, Right, Sources, Target};
use crate::model::group::Group;
use crate::model::id::{GroupId, OrganisationId, UserId};
use crate::model::membership::{Member, Membership};
use crate::model::record;
use crate::model::user::User;
use crate::store::{Key, SCAN_ENTRIES_MAX, Scan};

use super::keys;
use super::{Directory, DirectoryError};

/// Groups above a group that are looked at; a tree of groups has three levels (S004-4), and a circle must end.
const LEVELS_MAX: usize = 16;

impl Directory {
    /// Everything that a user may do, with the reasons.
    ///
    /// # Errors
    /// [`DirectoryError::NotFound`]; as the store's read.
    pub async fn effective(&self, organisation: OrganisationId, user: UserId) -> Result<Effective, DirectoryError> {
        let found = self.browse_user(organisation, user).await?;
        let user = found.ok_or_else(|| DirectoryError::not_found("user", user))?;
        self.effective_of(organisation, &user).await
    }

    /// The same, of a user who is in hand.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn effective_of(&self, organisation: OrganisationId, user: &User) -> Result<Effective, DirectoryError> {
        let settings = self.load_organisation(organisation).await?;
        let memberships = self.memberships(organisation, user.id).await?;
        let sources = Sources {
            user,
            memberships: &memberships,
            roles: &settings.roles,
            catalogue: &settings.permissions,
            defaults: &settings.defaults,
            features: &settings.organisation.features,
        };
        Ok(sources.effective())
    }

    /// Every chain of reasons by which a user has a permission, those that sleep included.
    ///
    /// # Errors
    /// As [`Directory::effective`].
    pub async fn explain(
        &self,
        organisation: OrganisationId,
        user: UserId,
        action: &str,
    ) -> Result<Vec<Right>, DirectoryError> {
        let effective = self.effective(organisation, user).await?;
        Ok(effective.of(action).cloned().collect())
    }

    /// The groups that a user is in, with the edges. The cost is the number of the user's groups.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn memberships(
        &self,
        organisation: OrganisationId,
        user: UserId,
    ) -> Result<Vec<(Group, Membership)>, DirectoryError> {
        let prefix = keys::member_groups(organisation, Member::User(user));
        let edges = self.store.scan(Scan::prefix(&prefix, SCAN_ENTRIES_MAX)).await?;
        let ids = edges.iter().filter_map(|(key, _)| keys::last_uuid(key));
        let groups: Vec<Key> = ids.map(|id| keys::group(organisation, GroupId::new(id))).collect();
        let groups = self.store.get_many(groups).await?;
        let mut memberships = Vec::with_capacity(edges.len());
        for ((_, edge), group) in edges.iter().zip(groups) {
            // The edges of a deleted group may stay for a moment.
            if let Some(group) = group {
                memberships.push((record::decode(&group.value)?, record::decode(&edge.value)?));
            }
        }
        Ok(memberships)
    }

    /// A user as the target of an action: the groups that the user is in, and those above.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn target_user(&self, organisation: OrganisationId, user: UserId) -> Result<Target, DirectoryError> {
        let memberships = self.memberships(organisation, user).await?;
        let mut target = Target {
            user: Some(user),
            ..Target::default()
        };
        for (group, _) in memberships {
            target.above.extend(self.groups_above(organisation, &group).await?);
            target.groups.insert(group.id);
        }
        Ok(target)
    }

    /// A group as the target of an action.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn target_group(&self, organisation: OrganisationId, group: GroupId) -> Result<Target, DirectoryError> {
        let above = match self.browse_group(organisation, group).await? {
            Some(group) => self.groups_above(organisation, &group).await?,
            None => BTreeSet::new(),
        };
        Ok(Target {
            user: None,
            groups: BTreeSet::from([group]),
            above,
        })
    }

    /// The groups above a group.
    pub(super) async fn groups_above(
        &self,
        organisation: OrganisationId,
        group: &Group,
    ) -> Result<BTreeSet<GroupId>, DirectoryError> {
        let mut above = BTreeSet::new();
        let mut next = group.parent;
        while let Some(id) = next.filter(|id| above.len() < LEVELS_MAX && above.insert(*id)) {
            next = self
                .browse_group(organisation, id)
                .await?
                .and_then(|group| group.parent);
        }
        Ok(above)
    }
}
