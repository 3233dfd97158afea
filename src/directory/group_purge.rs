//! What follows the deletion of a group, in parts: its edges go, and with them what its members had because of it.

use serde_json::json;

use crate::model::event::EventKind;
use crate::model::id::{GroupId, OrganisationId};
use crate::model::membership::{Member, Membership};
use crate::model::origin::Origin;
use crate::model::record;
use crate::store::{SCAN_ENTRIES_MAX, Scan};

use super::keys::{self, Count};
use super::membership::withdraw_origin;
use super::{Directory, DirectoryError, Operation, Principal, Unit};

/// What stands in the mark of a deleted group that gave roles or licences.
pub(super) const PURGE_GIVES: &str = "gives";

/// Edges removed in one commit.
const EDGES_AT_ONCE: usize = 500;

/// Edges removed in one commit when each member's record may change as well.
const MEMBERS_AT_ONCE: usize = 100;

/// Removes some of what a deleted group left behind. Answers whether that was the rest.
struct PurgeGroup(GroupId);

#[async_trait::async_trait]
impl Operation for PurgeGroup {
    type Outcome = bool;

    async fn attempt(&self, unit: &mut Unit) -> Result<bool, DirectoryError> {
        let (organisation, group) = (unit.organisation(), self.0);
        let own = Member::Group(group);
        let marker = keys::purge(organisation, group);
        let Some(left) = unit.bytes(&marker).await? else {
            return Ok(true);
        };
        let gave = &left[..] == PURGE_GIVES.as_bytes();
        let most = if gave { MEMBERS_AT_ONCE } else { EDGES_AT_ONCE };
        let below = unit
            .scan(Scan::prefix(&keys::group_members(organisation, group), most))
            .await?;
        for (key, stored) in &below {
            unit.delete(key.clone());
            let Some(member) = keys::member_of(key) else { continue };
            unit.delete(keys::member_group(organisation, member, group));
            let edge: Membership = record::decode(&stored.value)?;
            if edge.origins.contains(&Origin::Home) {
                unit.forget_home(group, member).await?;
            }
            if let (true, Member::User(user)) = (gave, member)
                && let Some(before) = unit.find_user(user).await?
            {
                let mut after = before.clone();
                withdraw_origin(&mut after, &Origin::Group(group));
                unit.update_user(&before, after).await?;
            }
        }
        let above = unit
            .scan(Scan::prefix(&keys::member_groups(organisation, own), EDGES_AT_ONCE))
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
    /// Removes what deleted groups of an organisation left behind: the edges to and from them, and what their members had
    /// because of them. Safe to run at any time and again; run after each deletion and at the start.
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
