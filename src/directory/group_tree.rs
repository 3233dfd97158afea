//! The tree of groups: parents, levels, codes, the billing root (S004-4..6, X04-3, X04-12).
//!
//! Every group that comes below another raises the number kept for its parent, and relies on the parent's record. Who deletes
//! or moves the parent relies on that number and writes that record: the two never pass each other unseen, so no group is left
//! below one that is gone, or deeper than the organisation allows.

use std::collections::BTreeMap;

use serde_json::json;

use crate::model::event::{Door, EventKind};
use crate::model::group::{Code, Group, GroupPolicy};
use crate::model::id::{GroupId, OrganisationId};
use crate::model::organisation::Organisation;
use crate::store::{Key, Read, SCAN_ENTRIES_MAX, Scan};

use super::error::Denial;
use super::keys::{self, Count, Unique};
use super::user::parse_uuid;
use super::{Directory, DirectoryError, Unit};

/// Groups that lie below one that is moved, at most: they get their codes in the same commit.
pub const MOVED_MAX: usize = 500;

/// Groups whose ids [`Directory::subtree`] answers, at most.
pub const SUBTREE_MAX: usize = 100_000;

impl Unit {
    /// The rules of the organisation's groups; the commit relies on them.
    pub(super) async fn group_policy(&mut self) -> Result<GroupPolicy, DirectoryError> {
        let key = keys::organisation(self.organisation());
        let organisation: Option<Organisation> = self.find(&key).await?;
        Ok(organisation.map(|organisation| organisation.groups).unwrap_or_default())
    }

    /// Finds a group its place: its kind, its parent, its level and its code.
    ///
    /// # Errors
    /// [`DirectoryError::InvalidValue`] for a kind or place that the organisation does not allow; [`DirectoryError::Denied`]
    /// for the billing root.
    pub(super) async fn place(&mut self, before: Option<&Group>, after: &mut Group) -> Result<(), DirectoryError> {
        if let Some(before) = before
            && before.parent == after.parent
            && before.kind == after.kind
            && before.enabled == after.enabled
        {
            return Ok(());
        }
        if after.is_billing_root && (after.parent.is_some() || !after.enabled) {
            return Err(DirectoryError::Denied(Denial::BillingRoot));
        }
        let policy = self.group_policy().await?;
        self.check_kind(&policy, before, after)?;
        if after.parent.is_none() && policy.billing_root && !after.is_billing_root {
            let root = self.bytes(&keys::billing_root(self.organisation())).await?;
            after.parent = root.and_then(|id| parse_uuid(&id)).map(GroupId::new);
        }
        if before.is_some_and(|before| before.parent == after.parent) {
            return Ok(());
        }
        self.take_place(policy.depth, before, after).await
    }

    fn check_kind(
        &self,
        policy: &GroupPolicy,
        before: Option<&Group>,
        after: &mut Group,
    ) -> Result<(), DirectoryError> {
        if policy.kinds.contains(&after.kind) || before.is_some_and(|before| before.kind == after.kind) {
            return Ok(());
        }
        match self.actor().door {
            // A connection names no kind: what it brings is of the organisation's usual one.
            Door::Scim | Door::Ldap => {
                after.kind = policy.default_kind;
                Ok(())
            }
            Door::Api | Door::Cli | Door::Invitee | Door::Guest | Door::Person | Door::System => {
                let kinds: Vec<&str> = policy.kinds.iter().map(|kind| kind.as_str()).collect();
                let reason = format!(
                    "{:?} is no kind of group of this organisation: use {}",
                    after.kind.as_str(),
                    kinds.join(", ")
                );
                Err(DirectoryError::invalid("kind", reason))
            }
        }
    }

    async fn take_place(&mut self, depth: u8, before: Option<&Group>, after: &mut Group) -> Result<(), DirectoryError> {
        let organisation = self.organisation();
        let above = match after.parent {
            Some(parent) => Some(self.parent_of(after.id, parent).await?),
            None => None,
        };
        if depth == 1 {
            let Some(above) = above else {
                self.leave_place(before).await?;
                after.code = None;
                return Ok(());
            };
            let reason = format!(
                "groups of this organisation lie side by side, and none below {}: set depth in [organisation.groups]",
                above.id
            );
            return Err(DirectoryError::invalid("parent", reason));
        }
        let below = match before {
            Some(before) => self.groups_below(before).await?,
            None => Vec::new(),
        };
        let level = above.as_ref().map_or(0, Group::level) + 1;
        let from = before.map_or(level, Group::level);
        let deepest = below.iter().map(Group::level).max().unwrap_or(from);
        let reached = level + deepest.saturating_sub(from);
        if reached > depth {
            let reason = format!("would put a group on level {reached}, and this organisation has {depth} levels");
            return Err(DirectoryError::invalid("parent", reason));
        }
        let number = self.next_number(after.parent).await?;
        let code = Code::below(above.as_ref().and_then(|above| above.code.as_ref()), number);
        self.leave_place(before).await?;
        self.put_bytes(keys::group_child(organisation, after.parent, after.id), "");
        self.claim_code(&code, after.id).await?;
        after.code = Some(code.clone());
        if before.is_some() {
            self.event(
                EventKind::GroupMoved,
                after.id,
                json!({ "parent": after.parent, "code": code }),
            );
        }
        self.renumber(after, below).await
    }

    /// Gives the groups below one that has moved their codes.
    async fn renumber(&mut self, moved: &Group, below: Vec<Group>) -> Result<(), DirectoryError> {
        let mut codes: BTreeMap<GroupId, Option<Code>> = BTreeMap::from([(moved.id, moved.code.clone())]);
        // Parents come before their children.
        for before in below {
            let above = before.parent.and_then(|parent| codes.get(&parent).cloned()).flatten();
            let number = before.code.as_ref().map_or(0, Code::number);
            let code = Code::below(above.as_ref(), number);
            if let Some(old) = &before.code {
                self.give_up_code(old).await?;
            }
            self.claim_code(&code, before.id).await?;
            codes.insert(before.id, Some(code.clone()));
            let mut after = before.clone();
            after.code = Some(code.clone());
            after.last_modified = self.now().max(before.last_modified);
            after.revision += 1;
            self.put(keys::group(self.organisation(), after.id), &after);
            self.event(
                EventKind::GroupMoved,
                after.id,
                json!({ "parent": after.parent, "code": code }),
            );
        }
        Ok(())
    }

    /// The group that another is to lie below.
    async fn parent_of(&mut self, child: GroupId, parent: GroupId) -> Result<Group, DirectoryError> {
        let invalid = |reason: String| DirectoryError::invalid("parent", reason);
        let Some(mut above) = self.find_group(parent).await? else {
            return Err(invalid(format!("group {parent} does not exist")));
        };
        if !above.enabled {
            return Err(invalid(format!("group {parent} is disabled: enable it first")));
        }
        let mut next = Some(above.clone());
        while let Some(group) = next {
            if group.id == child {
                return Err(invalid("a group cannot lie below itself".to_owned()));
            }
            next = match group.parent {
                Some(id) => self.find_group(id).await?,
                None => None,
            };
        }
        if above.code.is_none() {
            // The group is from before the organisation had a tree.
            self.root_code(&mut above).await?;
        }
        Ok(above)
    }

    /// Gives a group without a parent its first code.
    pub(super) async fn root_code(&mut self, group: &mut Group) -> Result<(), DirectoryError> {
        let organisation = self.organisation();
        let code = Code::below(None, self.next_number(None).await?);
        self.put_bytes(keys::group_child(organisation, None, group.id), "");
        self.claim_code(&code, group.id).await?;
        group.code = Some(code);
        group.revision += 1;
        self.put(keys::group(organisation, group.id), group);
        Ok(())
    }

    /// Every group below one, parents before their children; the commit relies on all of them and on that there are no others.
    async fn groups_below(&mut self, top: &Group) -> Result<Vec<Group>, DirectoryError> {
        let organisation = self.organisation();
        let mut below: Vec<Group> = Vec::new();
        let mut parents = vec![top.id];
        while let Some(parent) = parents.pop() {
            self.bytes(&keys::group_number(organisation, Some(parent))).await?;
            let children = keys::group_children(organisation, Some(parent));
            let entries = self.scan(Scan::prefix(&children, MOVED_MAX + 1)).await?;
            if below.len() + entries.len() > MOVED_MAX {
                let reason = format!("more than {MOVED_MAX} groups lie below the group: move some of them first");
                return Err(DirectoryError::invalid("parent", reason));
            }
            for id in entries
                .iter()
                .filter_map(|(key, _)| keys::last_uuid(key))
                .map(GroupId::new)
            {
                below.push(self.load_group(id).await?);
                parents.push(id);
            }
        }
        below.sort_by_key(Group::level);
        Ok(below)
    }

    /// A deleted group leaves the tree.
    ///
    /// # Errors
    /// [`DirectoryError::Denied`] for the billing root, and while other groups lie below.
    pub(super) async fn leave_tree(&mut self, group: &Group) -> Result<(), DirectoryError> {
        self.may_leave_tree(group).await?;
        self.delete(keys::group_number(self.organisation(), Some(group.id)));
        self.leave_place(Some(group)).await
    }

    /// Whether a group may leave the tree.
    ///
    /// # Errors
    /// As [`Unit::leave_tree`].
    pub(super) async fn may_leave_tree(&mut self, group: &Group) -> Result<(), DirectoryError> {
        if group.is_billing_root {
            return Err(DirectoryError::Denied(Denial::BillingRoot));
        }
        let organisation = self.organisation();
        self.bytes(&keys::group_number(organisation, Some(group.id))).await?;
        let children = keys::group_children(organisation, Some(group.id));
        if self
            .first_under(&children, &std::collections::BTreeSet::new())
            .await?
            .is_some()
        {
            return Err(DirectoryError::Denied(Denial::HasSubgroups));
        }
        Ok(())
    }

    async fn leave_place(&mut self, group: Option<&Group>) -> Result<(), DirectoryError> {
        let Some((group, code)) = group.and_then(|group| Some((group, group.code.as_ref()?))) else {
            return Ok(());
        };
        self.delete(keys::group_child(self.organisation(), group.parent, group.id));
        self.give_up_code(code).await
    }

    async fn claim_code(&mut self, code: &Code, group: GroupId) -> Result<(), DirectoryError> {
        let organisation = self.organisation();
        let key = keys::unique(organisation, Unique::GroupCode, &code.to_string());
        // Numbers are never given twice; the commit relies on it all the same.
        self.bytes(&key).await?;
        self.put_bytes(key, group.to_string());
        self.count_level(code.level(), 1);
        Ok(())
    }

    async fn give_up_code(&mut self, code: &Code) -> Result<(), DirectoryError> {
        let key = keys::unique(self.organisation(), Unique::GroupCode, &code.to_string());
        self.bytes(&key).await?;
        self.delete(key);
        self.count_level(code.level(), -1);
        Ok(())
    }

    fn count_level(&mut self, level: u8, delta: i64) {
        if level > 1 {
            self.count(keys::count(self.organisation(), &Count::Level(level)), delta, None);
        }
    }

    async fn next_number(&mut self, parent: Option<GroupId>) -> Result<u32, DirectoryError> {
        let key = keys::group_number(self.organisation(), parent);
        let last = match self.bytes(&key).await? {
            Some(bytes) => std::str::from_utf8(&bytes)
                .ok()
                .and_then(|text| text.parse::<u32>().ok())
                .ok_or_else(|| DirectoryError::Corrupt(format!("{key} is not a number")))?,
            None => 0,
        };
        let next = last.checked_add(1);
        let next = next.ok_or_else(|| DirectoryError::invalid("parent", "every number below it has been given"))?;
        self.put_bytes(key, next.to_string());
        Ok(next)
    }
}

impl Directory {
    /// The ids of a group and of every group below it: the scope of whoever may act in its part of the tree (X04-12). Disabled
    /// groups are among them. A group that does not exist has nothing below it, and is answered alone.
    ///
    /// # Errors
    /// [`DirectoryError::TooMany`] beyond [`SUBTREE_MAX`] groups; as the store's read.
    pub async fn subtree(&self, organisation: OrganisationId, group: GroupId) -> Result<Vec<GroupId>, DirectoryError> {
        let mut found = vec![group];
        let mut parents = vec![group];
        while !parents.is_empty() {
            let mut children = Vec::new();
            for part in parents.chunks(PARENTS_AT_ONCE) {
                let scans = part.iter().map(|parent| {
                    let prefix = keys::group_children(organisation, Some(*parent));
                    Read::Scan(Scan::prefix(&prefix, SCAN_ENTRIES_MAX))
                });
                for (entries, parent) in self.store.read(scans.collect()).await?.into_iter().zip(part) {
                    let entries = entries.into_entries();
                    children.extend(entries.iter().filter_map(|(key, _)| child(key)));
                    if let Some((last, _)) = entries.last().filter(|_| entries.len() == SCAN_ENTRIES_MAX) {
                        self.more_children(organisation, *parent, last.clone(), &mut children)
                            .await?;
                    }
                    if found.len() + children.len() > SUBTREE_MAX {
                        let reason = format!("more than {SUBTREE_MAX} groups lie below group {group}");
                        return Err(DirectoryError::TooMany { reason });
                    }
                }
            }
            found.extend(&children);
            parents = children;
        }
        Ok(found)
    }

    async fn more_children(
        &self,
        organisation: OrganisationId,
        parent: GroupId,
        mut last: Key,
        children: &mut Vec<GroupId>,
    ) -> Result<(), DirectoryError> {
        let prefix = keys::group_children(organisation, Some(parent));
        loop {
            let scan = Scan::prefix(&prefix, SCAN_ENTRIES_MAX).after(last);
            let entries = self.store.scan(scan).await?;
            children.extend(entries.iter().filter_map(|(key, _)| child(key)));
            match entries.into_iter().next_back() {
                Some((key, _)) if children.len() <= SUBTREE_MAX => last = key,
                _ => return Ok(()),
            }
        }
    }
}

/// Parents whose children are read in one round trip.
const PARENTS_AT_ONCE: usize = 50;

fn child(key: &Key) -> Option<GroupId> {
    keys::last_uuid(key).map(GroupId::new)
}
