//! Writing groups.

use serde_json::{Value, json};

use crate::model::custom_attribute::Bearer;
use crate::model::event::EventKind;
use crate::model::group::Group;
use crate::model::id::{GroupId, OrganisationId};
use crate::model::membership::{Member, Membership};
use crate::model::origin::Origin;
use crate::model::record;
use crate::model::user::Tombstone;
use crate::store::{SCAN_ENTRIES_MAX, Scan};

use super::custom_attribute::Holder;
use super::keys::{self, Count, Unique, fold};
use super::user::parse_uuid;
use super::{Directory, DirectoryError, Operation, Principal, Unit};

impl Unit {
    /// A group that the decision relies on.
    ///
    /// # Errors
    /// As [`Unit::find`].
    pub async fn find_group(&mut self, id: GroupId) -> Result<Option<Group>, DirectoryError> {
        let key = keys::group(self.organisation(), id);
        self.find(&key).await
    }

    /// A group that must exist.
    ///
    /// # Errors
    /// [`DirectoryError::NotFound`]; as [`Unit::find`].
    pub async fn load_group(&mut self, id: GroupId) -> Result<Group, DirectoryError> {
        self.find_group(id)
            .await?
            .ok_or_else(|| DirectoryError::not_found("group", id))
    }

    /// Who holds this group name, if any group does.
    ///
    /// # Errors
    /// As [`Unit::find`].
    pub async fn find_group_name(&mut self, name: &str) -> Result<Option<GroupId>, DirectoryError> {
        let key = keys::unique(self.organisation(), Unique::GroupName, &fold(name));
        Ok(self.bytes(&key).await?.and_then(|id| parse_uuid(&id)).map(GroupId::new))
    }

    /// Writes a new group without members.
    ///
    /// # Errors
    /// [`DirectoryError::Uniqueness`]; as [`Unit::find`].
    pub async fn create_group(&mut self, mut group: Group) -> Result<Group, DirectoryError> {
        self.may_create().await?;
        group.revision = 1;
        self.claim_group_names(None, &group).await?;
        self.index_custom(holder(&group), None, Some(&group.attributes)).await?;
        self.count(keys::count(self.organisation(), &Count::Groups), 1, None);
        self.put(keys::group(self.organisation(), group.id), &group);
        self.event(EventKind::GroupCreated, group.id, Value::Null);
        Ok(group)
    }

    /// Writes a changed group. Nothing happens when nothing differs.
    ///
    /// # Errors
    /// As [`Unit::create_group`].
    pub async fn update_group(&mut self, before: &Group, mut after: Group) -> Result<Group, DirectoryError> {
        if after == *before {
            return Ok(after);
        }
        self.may_change_group(before, &after).await?;
        if before.grants_roles != after.grants_roles || before.grants_licences != after.grants_licences {
            self.mark_group(after.id);
        }
        self.claim_group_names(Some(before), &after).await?;
        self.index_custom(holder(&after), Some(&before.attributes), Some(&after.attributes))
            .await?;
        after.last_modified = self.now().max(before.last_modified);
        after.revision = before.revision + 1;
        self.put(keys::group(self.organisation(), after.id), &after);
        self.event(
            EventKind::GroupUpdated,
            after.id,
            json!({ "name_changed": before.display_name != after.display_name }),
        );
        Ok(after)
    }

    /// Deletes a group. Its record and name go in this commit; the edges of its members go right after, in parts, by
    /// [`Directory::purge_groups`], because one commit cannot hold those of a very large group.
    ///
    /// # Errors
    /// [`DirectoryError::InvalidValue`] while the group gives roles or licences, which its members would keep.
    pub async fn delete_group(&mut self, group: &Group) -> Result<(), DirectoryError> {
        self.may_touch_group(group).await?;
        let organisation = self.organisation();
        if !group.grants_roles.is_empty() || !group.grants_licences.is_empty() {
            let reason = "the group gives roles or licences: take those from it first";
            return Err(DirectoryError::invalid("group", reason));
        }
        self.is_free_of_links(group).await?;
        self.index_custom(holder(group), Some(&group.attributes), None).await?;
        self.delete(keys::unique(
            organisation,
            Unique::GroupName,
            &fold(&group.display_name),
        ));
        self.forget_links(b'g', &group.external_ids).await?;
        self.count(keys::count(organisation, &Count::Groups), -1, None);
        self.delete(keys::group(organisation, group.id));
        self.put_bytes(keys::purge(organisation, group.id), "");
        self.put(
            keys::tombstone(organisation, group.id.uuid()),
            &Tombstone { deleted: self.now() },
        );
        self.event(EventKind::GroupDeleted, group.id, Value::Null);
        Ok(())
    }

    async fn claim_group_names(&mut self, before: Option<&Group>, after: &Group) -> Result<(), DirectoryError> {
        let organisation = self.organisation();
        let folded = fold(&after.display_name);
        let previous = before.map(|group| fold(&group.display_name));
        if previous.as_ref() != Some(&folded) {
            if self.find_group_name(&after.display_name).await?.is_some() {
                return Err(DirectoryError::Uniqueness {
                    attribute: "displayName".into(),
                    value: after.display_name.clone(),
                });
            }
            self.put_bytes(
                keys::unique(organisation, Unique::GroupName, &folded),
                after.id.to_string(),
            );
            if let Some(previous) = previous {
                self.delete(keys::unique(organisation, Unique::GroupName, &previous));
            }
        }
        let old = before.map(|group| &group.external_ids);
        self.claim_external_ids(b'g', after.id.uuid(), old, &after.external_ids)
            .await
    }
}

fn holder(group: &Group) -> Holder {
    Holder {
        bearer: Bearer::Group,
        id: group.id.uuid(),
    }
}

/// Edges removed in one commit of a purge.
const PURGE_EDGES: usize = 500;

/// Removes some of what a deleted group left behind. Answers whether that was the rest.
struct PurgeGroup(GroupId);

#[async_trait::async_trait]
impl Operation for PurgeGroup {
    type Outcome = bool;

    async fn attempt(&self, unit: &mut Unit) -> Result<bool, DirectoryError> {
        let (organisation, group) = (unit.organisation(), self.0);
        let own = Member::Group(group);
        let marker = keys::purge(organisation, group);
        if unit.bytes(&marker).await?.is_none() {
            return Ok(true);
        }
        let below = unit
            .scan(Scan::prefix(&keys::group_members(organisation, group), PURGE_EDGES))
            .await?;
        for (key, stored) in &below {
            unit.delete(key.clone());
            if let Some(member) = keys::member_of(key) {
                unit.delete(keys::member_group(organisation, member, group));
                let edge: Membership = record::decode(&stored.value)?;
                if edge.origins.contains(&Origin::Home) {
                    unit.forget_home(group, member).await?;
                }
            }
        }
        let above = unit
            .scan(Scan::prefix(&keys::member_groups(organisation, own), PURGE_EDGES))
            .await?;
        for (key, _) in &above {
            // Only the purge that still finds the edge counts it out of the group above.
            let is_there = unit.bytes(key).await?.is_some();
            if let Some(parent) = keys::last_uuid(key).map(GroupId::new).filter(|_| is_there) {
                unit.remove_edge(parent, own);
                unit.event(EventKind::MembershipRemoved, parent, json!({ "members": [group] }));
            }
        }
        let is_done = below.is_empty() && above.is_empty();
        if is_done {
            unit.delete(marker);
            unit.delete(keys::count(organisation, &Count::Members(group)));
            unit.delete(keys::group_touched(organisation, group));
            unit.delete(keys::group_changes(organisation, group));
            unit.delete(keys::member_changes(organisation, own));
        }
        Ok(is_done)
    }
}

impl Directory {
    /// Removes what deleted groups of an organisation left behind: the edges to and from them. Safe to run at any time and
    /// again; run after each deletion and at the start.
    ///
    /// # Errors
    /// As the store's read and commit.
    pub async fn purge_groups(&self, organisation: OrganisationId) -> Result<(), DirectoryError> {
        let permit = Principal::system().administer(organisation)?;
        let pending = Scan::prefix(&keys::table(organisation, keys::Table::Purge), SCAN_ENTRIES_MAX);
        for (key, _) in self.store.scan(pending).await? {
            if let Some(id) = keys::last_uuid(&key) {
                let purge = PurgeGroup(GroupId::new(id));
                while !self.run_only(&permit, &purge).await? {}
            }
        }
        Ok(())
    }
}
