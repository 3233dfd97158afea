//! Groups that everyone who is new becomes a member of (X02-12).

use std::collections::BTreeSet;

use crate::model::id::GroupId;
use crate::model::membership::Member;
use crate::model::origin::Origin;
use crate::model::user::User;

use super::membership::MemberChanges;
use super::{DirectoryError, Unit, keys};

/// Groups for newcomers that one organisation may have: each costs a few writes whenever a user comes in.
pub const DEFAULT_GROUPS_MAX: usize = 8;

impl Unit {
    async fn default_groups(&mut self) -> Result<BTreeSet<GroupId>, DirectoryError> {
        let key = keys::default_groups(self.organisation());
        let stored = self.bytes(&key).await?.unwrap_or_default();
        read_default_groups(&stored).ok_or_else(|| DirectoryError::Corrupt(format!("{key} holds no identifiers")))
    }

    /// Notes whether a group is for newcomers.
    ///
    /// # Errors
    /// [`DirectoryError::InvalidValue`] beyond [`DEFAULT_GROUPS_MAX`] groups.
    pub(super) async fn note_default_group(&mut self, group: GroupId, is_default: bool) -> Result<(), DirectoryError> {
        let mut groups = self.default_groups().await?;
        let is_changed = if is_default {
            groups.insert(group)
        } else {
            groups.remove(&group)
        };
        if !is_changed {
            return Ok(());
        }
        if groups.len() > DEFAULT_GROUPS_MAX {
            let reason = format!("{DEFAULT_GROUPS_MAX} groups take newcomers already: take one of them back first");
            return Err(DirectoryError::invalid("is_default", reason));
        }
        let key = keys::default_groups(self.organisation());
        if groups.is_empty() {
            self.delete(key);
        } else {
            let ids: Vec<String> = groups.iter().map(GroupId::to_string).collect();
            self.put_bytes(key, ids.join(" "));
        }
        Ok(())
    }

    /// Puts a new user into the groups for newcomers. A disabled group takes nobody.
    ///
    /// # Errors
    /// As [`Unit::add_members`].
    pub(super) async fn join_default_groups(&mut self, user: User) -> Result<User, DirectoryError> {
        let groups = self.default_groups().await?;
        if groups.is_empty() {
            return Ok(user);
        }
        for id in groups {
            let group = self.load_group(id).await?;
            if !group.enabled {
                continue;
            }
            let mut changes = MemberChanges::default();
            self.add_members(&group, &[Member::User(user.id)], &Origin::Default, &mut changes)
                .await?;
            self.note_member_changes(id, &changes);
        }
        // What a group gives is on the record by now.
        self.load_user(user.id).await
    }
}

/// The identifiers that the key of default groups holds; `None` when it holds something else.
#[must_use]
pub fn read_default_groups(stored: &[u8]) -> Option<BTreeSet<GroupId>> {
    let text = std::str::from_utf8(stored).ok()?;
    text.split_whitespace().map(|id| id.parse().ok()).collect()
}
