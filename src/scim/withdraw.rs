//! Taking everyone out of a group, in parts: each member's grants are looked at again, which is too much for one commit where
//! the group is large. For a group that is about to go, and for a PATCH that asks for nothing else.

use async_trait::async_trait;
use axum::http::HeaderMap;

use crate::directory::membership::{Leaving, MemberChanges};
use crate::directory::{DirectoryError, Operation, Unit, keys};
use crate::model::group::Group;
use crate::model::id::GroupId;
use crate::model::membership::Membership;
use crate::model::origin::Origin;
use crate::model::record;
use crate::store::{Key, Scan};

use super::access::Access;
use super::error::ScimError;
use super::identity::Rules;
use super::modify::check_group_version;
use super::{Scim, regrant};

/// Members that are looked at in one commit.
const WITHDRAWN_AT_ONCE: usize = 200;

/// Takes members out of a group: all of them, or only those that this connection put there. A crash in between leaves a group
/// with fewer members, and a client that was not answered and asks again.
///
/// # Errors
/// As the directory's writes.
pub(super) async fn members(scim: &Scim, access: &Access, group: GroupId, all: bool) -> Result<(), ScimError> {
    let mut part = WithdrawMembers {
        rules: access.rules(),
        id: group,
        all,
        after: None,
    };
    while let Some(last) = scim.directory().run(&access.permit, &part).await? {
        part.after = Some(last);
    }
    Ok(())
}

/// Takes a part of the members out of a group. Answers the last one that was looked at, if there may be more.
struct WithdrawMembers<'a> {
    rules: Rules<'a>,
    id: GroupId,
    all: bool,
    /// Where the part before ended: a large group is read once, not once for each part.
    after: Option<Key>,
}

#[async_trait]
impl Operation for WithdrawMembers<'_> {
    type Outcome = Option<Key>;

    async fn attempt(&self, unit: &mut Unit) -> Result<Option<Key>, DirectoryError> {
        let group = unit.load_group(self.id).await?;
        let origin = Origin::Connection(self.rules.context.connection.name.clone());
        let mut scan = Scan::prefix(&keys::group_members(unit.organisation(), self.id), WITHDRAWN_AT_ONCE);
        if let Some(after) = &self.after {
            scan = scan.after(after.clone());
        }
        let entries = unit.scan(scan).await?;
        let last = entries.last().filter(|_| entries.len() == WITHDRAWN_AT_ONCE);
        let last = last.map(|(key, _)| key.clone());
        let mut members = Vec::new();
        for (key, edge) in &entries {
            let edge: Membership = record::decode(&edge.value)?;
            if self.all || edge.origins.contains(&origin) {
                members.extend(keys::member_of(key));
            }
        }
        let mut changes = MemberChanges::default();
        let leaving = Leaving::These(members);
        unit.remove_members(&group, &leaving, &origin, self.all, &mut changes)
            .await?;
        regrant::after_member_changes(unit, self.rules, &group, &changes).await?;
        unit.note_member_changes(self.id, &changes);
        Ok(last)
    }
}

/// Judges a request about a group before anything is changed.
pub(super) struct LookAtGroup<'a> {
    /// Which.
    pub(super) id: GroupId,
    /// The request's conditions.
    pub(super) headers: &'a HeaderMap,
}

#[async_trait]
impl Operation for LookAtGroup<'_> {
    type Outcome = Group;

    async fn attempt(&self, unit: &mut Unit) -> Result<Group, DirectoryError> {
        let group = unit.load_group(self.id).await?;
        check_group_version(unit, self.headers, &group).await?;
        Ok(group)
    }
}
