//! Writing groups.

use serde_json::{Value, json};

use crate::model::custom_attribute::Bearer;
use crate::model::event::EventKind;
use crate::model::group::Group;
use crate::model::id::GroupId;
use crate::model::membership::Member;
use crate::model::slug::Slug;
use crate::model::user::Tombstone;

use super::custom_attribute::Holder;
use super::group_purge::PURGE_GIVES;
use super::keys::{self, Count, Unique, fold};
use super::user::parse_uuid;
use super::{DirectoryError, Unit};

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
    /// [`DirectoryError::Uniqueness`] of its name or link; [`DirectoryError::InvalidValue`] for a kind or a place in the tree
    /// that the organisation does not allow; as [`Unit::find`].
    pub async fn create_group(&mut self, group: Group) -> Result<Group, DirectoryError> {
        self.may_create().await?;
        self.write_new_group(group).await
    }

    /// Writes a new group, also one that the organisation's settings ask for.
    ///
    /// # Errors
    /// As [`Unit::create_group`].
    pub(super) async fn write_new_group(&mut self, mut group: Group) -> Result<Group, DirectoryError> {
        group.revision = 1;
        self.place(None, &mut group).await?;
        self.claim_group_names(None, &group).await?;
        if group.is_default {
            self.note_default_group(group.id, true).await?;
        }
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
        self.place(Some(before), &mut after).await?;
        self.claim_group_names(Some(before), &after).await?;
        if before.is_default != after.is_default {
            self.note_default_group(after.id, after.is_default).await?;
        }
        self.index_custom(holder(&after), Some(&before.attributes), Some(&after.attributes))
            .await?;
        after.last_modified = self.now().max(before.last_modified);
        after.revision = before.revision + 1;
        // The rights that it gives sleep with it (S003-40).
        let administered = before.enabled
            && !after.enabled
            && self.any_administers(after.grants_roles.iter()).await?
            && self.has_administrator(None).await?;
        self.put(keys::group(self.organisation(), after.id), &after);
        if administered {
            self.require_administrator(None).await?;
        }
        self.event(
            EventKind::GroupUpdated,
            after.id,
            json!({ "name_changed": before.display_name != after.display_name }),
        );
        match (before.enabled, after.enabled) {
            (true, false) => self.event(EventKind::GroupDisabled, after.id, Value::Null),
            (false, true) => self.event(EventKind::GroupEnabled, after.id, Value::Null),
            _ => {}
        }
        Ok(after)
    }

    /// Deletes a group. Its record and name go in this commit; the edges of its members go right after, in parts, by
    /// [`super::Directory::purge_groups`], because one commit cannot hold those of a very large group; so does what members had
    /// because of the group.
    ///
    /// # Errors
    /// [`DirectoryError::Denied`] for the billing root, and while other groups lie below.
    pub async fn delete_group(&mut self, group: &Group) -> Result<(), DirectoryError> {
        self.may_touch_group(group).await?;
        let organisation = self.organisation();
        self.leave_tree(group).await?;
        if group.is_default {
            self.note_default_group(group.id, false).await?;
        }
        self.is_free_of_links(group).await?;
        self.forget_link_count(group);
        self.drop_assignments(Member::Group(group.id)).await?;
        self.index_custom(holder(group), Some(&group.attributes), None).await?;
        self.delete(keys::unique(
            organisation,
            Unique::GroupName,
            &fold(&group.display_name),
        ));
        if let Some(link) = &group.link {
            self.delete(keys::unique(organisation, Unique::GroupLink, link.as_str()));
        }
        self.forget_links(b'g', &group.external_ids).await?;
        self.count(keys::count(organisation, &Count::Groups), -1, None);
        self.delete(keys::group(organisation, group.id));
        let left = if group.gives() { PURGE_GIVES } else { "" };
        self.put_bytes(keys::purge(organisation, group.id), left);
        self.put(
            keys::tombstone(organisation, group.id.uuid()),
            &Tombstone { deleted: self.now() },
        );
        self.event(EventKind::GroupDeleted, group.id, Value::Null);
        Ok(())
    }

    /// Whether a group may be deleted, for those who do something with its members first: nothing is done to a group that stays.
    ///
    /// # Errors
    /// As [`Unit::delete_group`].
    pub async fn may_delete_group(&mut self, group: &Group) -> Result<(), DirectoryError> {
        self.may_touch_group(group).await?;
        self.may_leave_tree(group).await?;
        self.is_free_of_links(group).await
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
        self.claim_link(before.and_then(|group| group.link.as_ref()), after)
            .await?;
        let old = before.map(|group| &group.external_ids);
        self.claim_external_ids(b'g', after.id.uuid(), old, &after.external_ids)
            .await
    }

    async fn claim_link(&mut self, before: Option<&Slug>, after: &Group) -> Result<(), DirectoryError> {
        if before == after.link.as_ref() {
            return Ok(());
        }
        let organisation = self.organisation();
        if let Some(link) = &after.link {
            let key = keys::unique(organisation, Unique::GroupLink, link.as_str());
            if self.bytes(&key).await?.is_some() {
                return Err(DirectoryError::Uniqueness {
                    attribute: "link".into(),
                    value: link.to_string(),
                });
            }
            self.put_bytes(key, after.id.to_string());
        }
        if let Some(link) = before {
            self.delete(keys::unique(organisation, Unique::GroupLink, link.as_str()));
        }
        Ok(())
    }
}

fn holder(group: &Group) -> Holder {
    Holder {
        bearer: Bearer::Group,
        id: group.id.uuid(),
    }
}
