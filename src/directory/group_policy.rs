//! Changing what groups an organisation may have, while it has some.

use serde_json::json;

use crate::model::event::EventKind;
use crate::model::group::{DEPTH_MAX, Group, GroupPolicy};
use crate::model::id::GroupId;
use crate::model::organisation::Organisation;
use crate::model::record;
use crate::store::Scan;

use super::keys::{self, Count, Table};
use super::user::parse_uuid;
use super::{Directory, DirectoryError, Operation, Permit, Unit};

impl Unit {
    /// Brings the groups in line with a changed policy: refuses what they stand against, makes or names the billing root.
    ///
    /// # Errors
    /// [`DirectoryError::InvalidValue`] with the setting at fault.
    pub(super) async fn change_group_policy(
        &mut self,
        before: &GroupPolicy,
        after: &Organisation,
    ) -> Result<(), DirectoryError> {
        let policy = &after.groups;
        if before == policy {
            return Ok(());
        }
        let at = |setting: &str| format!("organisation.groups.{setting}");
        policy
            .check()
            .map_err(|(setting, reason)| DirectoryError::invalid(at(setting), reason))?;
        for level in policy.depth + 1..=DEPTH_MAX {
            let groups = self.relied_count(&Count::Level(level)).await?;
            if groups > 0 {
                let reason = format!("{groups} groups lie on level {level}: move or delete them first");
                return Err(DirectoryError::invalid(at("depth"), reason));
            }
        }
        match (before.billing_root, policy.billing_root) {
            (false, true) => self.name_billing_root(after).await,
            (true, false) => self.release_billing_root().await,
            _ => Ok(()),
        }
    }

    async fn relied_count(&mut self, what: &Count) -> Result<i64, DirectoryError> {
        let key = keys::count(self.organisation(), what);
        self.bytes(&key).await?;
        self.counter(&key).await
    }

    /// The only group of level 1 becomes the billing root; without any, one with the organisation's name is made.
    async fn name_billing_root(&mut self, organisation: &Organisation) -> Result<(), DirectoryError> {
        let all = self.relied_count(&Count::Groups).await?;
        let mut below = 0;
        for level in 2..=DEPTH_MAX {
            below += self.relied_count(&Count::Level(level)).await?;
        }
        let key = keys::billing_root(organisation.id);
        match all - below {
            0 => {
                let id = GroupId::new(self.clock().uuid());
                let mut root = Group::new(id, organisation.name.clone(), self.now());
                root.kind = organisation.groups.default_kind;
                root.is_billing_root = true;
                self.put_bytes(key, id.to_string());
                self.write_new_group(root).await.map(|_| ())
            }
            1 => {
                let before = self.only_root().await?;
                if !before.enabled {
                    let reason = format!("group {} is disabled: enable it first", before.id);
                    return Err(DirectoryError::invalid("organisation.groups.billing_root", reason));
                }
                let mut after = before.clone();
                if after.code.is_none() {
                    self.root_code(&mut after).await?;
                }
                after.is_billing_root = true;
                self.put_bytes(key, after.id.to_string());
                self.mark(&before, after);
                Ok(())
            }
            more => {
                let reason =
                    format!("{more} groups lie on level 1: leave one there, and move or delete the others first");
                Err(DirectoryError::invalid("organisation.groups.billing_root", reason))
            }
        }
    }

    /// The one group without a parent.
    async fn only_root(&mut self) -> Result<Group, DirectoryError> {
        let organisation = self.organisation();
        let children = keys::group_children(organisation, None);
        let in_tree = self.scan(Scan::prefix(&children, 1)).await?;
        let entries = if in_tree.is_empty() {
            // Groups from before there was a tree have no place in it; this is the only one.
            self.scan(Scan::prefix(&keys::table(organisation, Table::Group), 1))
                .await?
        } else {
            in_tree
        };
        let id = entries
            .first()
            .and_then(|(key, _)| keys::last_uuid(key))
            .map(GroupId::new);
        let id = id.ok_or_else(|| DirectoryError::Corrupt("the groups are counted wrong: usher verify".to_owned()))?;
        self.load_group(id).await
    }

    /// The billing root becomes a group like any other.
    async fn release_billing_root(&mut self) -> Result<(), DirectoryError> {
        let key = keys::billing_root(self.organisation());
        let root = self.bytes(&key).await?.and_then(|id| parse_uuid(&id)).map(GroupId::new);
        self.delete(key);
        if let Some(id) = root {
            let before = self.load_group(id).await?;
            let mut after = before.clone();
            after.is_billing_root = false;
            self.mark(&before, after);
        }
        Ok(())
    }

    /// Writes a group of which only its place or its mark changed.
    fn mark(&mut self, before: &Group, mut after: Group) {
        after.last_modified = self.now().max(before.last_modified);
        after.revision = before.revision + 1;
        self.put(keys::group(self.organisation(), after.id), &after);
        self.event(EventKind::GroupUpdated, after.id, json!({ "name_changed": false }));
    }
}

/// Groups that get a code in one commit.
const NUMBERED_AT_ONCE: usize = 100;

/// Gives codes to some of the groups from before the organisation had a tree. Answers where the next part begins.
struct NumberGroups(Option<GroupId>);

#[async_trait::async_trait]
impl Operation for NumberGroups {
    type Outcome = Option<GroupId>;

    async fn attempt(&self, unit: &mut Unit) -> Result<Option<GroupId>, DirectoryError> {
        let organisation = unit.organisation();
        if unit.group_policy().await?.depth == 1 {
            return Ok(None);
        }
        let mut scan = Scan::prefix(&keys::table(organisation, Table::Group), NUMBERED_AT_ONCE);
        if let Some(after) = self.0 {
            scan = scan.after(keys::group(organisation, after));
        }
        let entries = unit.scan(scan).await?;
        let mut last = None;
        for (_, stored) in &entries {
            let group: Group = record::decode(&stored.value)?;
            last = Some(group.id);
            if group.code.is_some() {
                continue;
            }
            if let Some(mut group) = unit.find_group(group.id).await?
                && group.code.is_none()
            {
                unit.root_code(&mut group).await?;
                let data = json!({ "parent": null, "code": group.code });
                unit.event(EventKind::GroupMoved, group.id, data);
            }
        }
        Ok(last.filter(|_| entries.len() == NUMBERED_AT_ONCE))
    }
}

impl Directory {
    /// Gives codes to groups from before the organisation had a tree, some in each commit. Groups that have theirs keep them.
    ///
    /// # Errors
    /// As the store's commit.
    pub async fn number_groups(&self, permit: &Permit) -> Result<(), DirectoryError> {
        let mut after = None;
        loop {
            after = self.run(permit, &NumberGroups(after)).await?;
            if after.is_none() {
                return Ok(());
            }
        }
    }
}
