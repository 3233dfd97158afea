//! Taking an account over: whoever sets somebody's password, sees a link that opens the account, takes the second factor away or
//! changes what the person signs in by or is written to at, can act as that person. So it takes all the power that the person has
//! (S001-25): a weaker person would become a stronger one otherwise.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::model::effective::{DefaultGrants, Effective, Place, Sources, Tree};
use crate::model::id::GroupId;
use crate::model::membership::{Member, Membership};
use crate::model::organisation::Organisation;
use crate::model::record;
use crate::model::role::Role;
use crate::model::slug::Slug;
use crate::model::user::User;
use crate::store::{SCAN_ENTRIES_MAX, Scan};

use super::authorise::Authority;
use super::error::Denial;
use super::keys::{self, Table};
use super::{DirectoryError, Unit};

impl Unit {
    /// Refuses the acting person to come by the account of somebody who may do what they may not. Whom this unit makes is nobody
    /// yet.
    ///
    /// # Errors
    /// [`DirectoryError::Denied`]; as [`Unit::find`].
    pub(super) async fn may_take_over(&mut self, user: &User) -> Result<(), DirectoryError> {
        let Authority::Person(effective) = self.authority().clone() else {
            return Ok(());
        };
        if effective.administers || effective.user == user.id {
            return Ok(());
        }
        let theirs = self.effective_of(user).await?;
        let mut trees = BTreeMap::new();
        let named = theirs.rights.iter().filter_map(|right| match right.place {
            Place::Group(group) | Place::Subtree(group) => Some(group),
            Place::Own | Place::OwnGroups | Place::OwnSubtrees | Place::Organisation => None,
        });
        for group in named.chain(theirs.groups.iter().copied()) {
            if let Entry::Vacant(entry) = trees.entry(group) {
                entry.insert(self.tree_of(group).await?);
            }
        }
        // A role that administers may sleep, and wake.
        let administers = self.any_administers(user.roles.keys()).await?;
        if !administers && effective.covers_all_of(&theirs, &trees) {
            Ok(())
        } else {
            Err(DirectoryError::Denied(Denial::StrongerThanActor))
        }
    }

    /// The same for a change of a user, when it is one of what the person signs in by, or of where mail to the person goes.
    ///
    /// # Errors
    /// As [`Unit::may_take_over`].
    pub(super) async fn may_readdress(&mut self, before: &User, after: &User) -> Result<(), DirectoryError> {
        let is_same = before.user_name == after.user_name
            && before.login_ids == after.login_ids
            && before.attributes.get("emails") == after.attributes.get("emails");
        if is_same {
            return Ok(());
        }
        self.may_take_over(before).await
    }

    /// Everything that a user may do, as the store has it.
    async fn effective_of(&mut self, user: &User) -> Result<Effective, DirectoryError> {
        let organisation = self.organisation();
        let mut roles: BTreeMap<Slug, Role> = BTreeMap::new();
        for (_, stored) in self
            .scan(Scan::prefix(&keys::table(organisation, Table::Role), SCAN_ENTRIES_MAX))
            .await?
        {
            let role: Role = record::decode(&stored.value)?;
            roles.insert(role.key.clone(), role);
        }
        let mut memberships = Vec::new();
        for group in self.groups_of(user.id).await? {
            let edge = keys::group_member(organisation, group, Member::User(user.id));
            let edge: Option<Membership> = self.find(&edge).await?;
            if let (Some(edge), Some(group)) = (edge, self.find_group(group).await?) {
                memberships.push((group, edge));
            }
        }
        let defaults: Option<DefaultGrants> = self.find(&keys::default_grants(organisation)).await?;
        let settings: Option<Organisation> = self.find_present(&keys::organisation(organisation)).await?;
        let sources = Sources {
            user,
            memberships: &memberships,
            roles: &roles,
            catalogue: &self.catalogue().await?,
            defaults: &defaults.unwrap_or_default(),
            features: &settings.map(|settings| settings.features).unwrap_or_default(),
        };
        Ok(sources.effective())
    }

    async fn tree_of(&mut self, group: GroupId) -> Result<Tree, DirectoryError> {
        let target = self.target_group(group).await?;
        Ok(Tree {
            group,
            above: target.above,
        })
    }
}
