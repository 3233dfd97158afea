//! Members of groups by administrators, and the roles that they hold in one group (S001-11..12, S001-15..30).

use std::collections::BTreeSet;

use serde_json::json;

use crate::model::event::EventKind;
use crate::model::group::Group;
use crate::model::id::{GroupId, OrganisationId};
use crate::model::membership::{Member, Membership};
use crate::model::origin::{Origin, Origins};
use crate::model::record;
use crate::model::role::{Role, Scope};
use crate::model::slug::Slug;

use super::keys::{self, Table};
use super::membership::{Leaving, MemberChanges, member_text};
use super::{Directory, DirectoryError, Operation, Unit};

/// Members that one request may name.
pub const MEMBERS_AT_ONCE: usize = 1000;

/// Puts members into a group because an administrator says so: many at once (S000-3, -10, -17, S001-31, -35, S003-17, -38), all
/// of them or none. Who would be added is shown by whoever asks for it (S001-33, -34).
pub struct AddMembers {
    /// Which group.
    pub group: GroupId,
    /// Who.
    pub members: Vec<Member>,
}

#[async_trait::async_trait]
impl Operation for AddMembers {
    type Outcome = MemberChanges;

    async fn attempt(&self, unit: &mut Unit) -> Result<MemberChanges, DirectoryError> {
        check_count(&self.members)?;
        let group = unit.load_group(self.group).await?;
        // Who lets somebody into a group gives what the group gives (S001-25).
        unit.may_pass_on_gifts(&group).await?;
        unit.must_reach(&self.members).await?;
        let mut changes = MemberChanges::default();
        unit.add_members(&group, &self.members, &Origin::Direct, &mut changes)
            .await?;
        if let Some(unknown) = changes.unknown.first() {
            return Err(DirectoryError::not_found("member", unknown));
        }
        unit.note_member_changes(group.id, &changes);
        Ok(changes)
    }
}

/// Which reasons an administrator takes from members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reasons {
    /// What administrators and the organisation's default gave. Whoever a connection, a rule or a role holds in the group stays.
    Local,
    /// Those of connections and their rules as well: the identity provider's next word may bring the member back.
    Managed,
}

/// Takes members out of a group (S000-17, S001-36, -38); who that is, is shown by whoever asks for it (S001-37).
pub struct RemoveMembers {
    /// Which group.
    pub group: GroupId,
    /// Who.
    pub members: Vec<Member>,
    /// For which reasons.
    pub reasons: Reasons,
}

#[async_trait::async_trait]
impl Operation for RemoveMembers {
    /// Who left, and who stays for which reasons.
    type Outcome = (MemberChanges, Vec<(Member, Origins)>);

    async fn attempt(&self, unit: &mut Unit) -> Result<Self::Outcome, DirectoryError> {
        check_count(&self.members)?;
        let group = unit.load_group(self.group).await?;
        // Who takes somebody out takes that.
        unit.may_pass_on_gifts(&group).await?;
        let mut changes = MemberChanges::default();
        let mut staying = Vec::new();
        for member in self.members.iter().collect::<BTreeSet<_>>() {
            let key = keys::group_member(unit.organisation(), group.id, *member);
            let Some(edge) = unit.find::<Membership>(&key).await? else {
                return Err(DirectoryError::not_found("member", member_text(*member)));
            };
            let leaving = Leaving::These(vec![*member]);
            for origin in edge.origins.iter().filter(|origin| self.takes(origin)) {
                unit.remove_members(&group, &leaving, origin, false, &mut changes)
                    .await?;
            }
            if let Some(kept) = unit.find::<Membership>(&key).await? {
                staying.push((*member, kept.origins));
            }
        }
        unit.note_member_changes(group.id, &changes);
        Ok((changes, staying))
    }
}

impl RemoveMembers {
    /// What a role gives is taken by taking the role.
    fn takes(&self, origin: &Origin) -> bool {
        match origin {
            Origin::Direct | Origin::Default => true,
            Origin::Connection(_) | Origin::Rule(_) => self.reasons == Reasons::Managed,
            // Somebody moves home by moving.
            Origin::Role(_) | Origin::Group(_) | Origin::Home => false,
        }
    }
}

/// What happens to a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoleChange {
    /// Members are given it.
    Give,
    /// It is taken from members.
    Take,
}

/// Gives members of a group a role in it, or takes one (S001-27, S001-28).
pub struct ChangeGroupRole {
    /// Which group.
    pub group: GroupId,
    /// The role; of scope `group`.
    pub role: Slug,
    /// Whose.
    pub members: Vec<Member>,
    /// Which way.
    pub change: RoleChange,
}

#[async_trait::async_trait]
impl Operation for ChangeGroupRole {
    /// The members for whom something changed.
    type Outcome = Vec<Member>;

    async fn attempt(&self, unit: &mut Unit) -> Result<Vec<Member>, DirectoryError> {
        check_count(&self.members)?;
        let organisation = unit.organisation();
        let group = unit.load_group(self.group).await?;
        if self.change == RoleChange::Give {
            check_role(unit, &self.role, Scope::Group).await?;
        }
        // Nobody gives, or takes, what they do not have themselves (S001-25).
        if let Some(role) = unit.find_role(&self.role).await? {
            unit.may_pass_on(&role, Some(group.id)).await?;
        }
        let mut changed = Vec::new();
        for member in self.members.iter().collect::<BTreeSet<_>>() {
            let key = keys::group_member(organisation, group.id, *member);
            let Some(mut edge) = unit.find::<Membership>(&key).await? else {
                return Err(DirectoryError::not_found("member", member_text(*member)));
            };
            if self.lay(&mut edge) {
                unit.put(keys::member_group(organisation, *member, group.id), &edge);
                unit.put(key, &edge);
                changed.push(*member);
            }
        }
        self.note(unit, &group, &changed);
        Ok(changed)
    }
}

impl ChangeGroupRole {
    /// Changes an edge. Answers whether the member holds, or no longer holds, the role for a reason that was not there before.
    fn lay(&self, edge: &mut Membership) -> bool {
        match self.change {
            RoleChange::Give => edge.roles.entry(self.role.clone()).or_default().insert(Origin::Direct),
            RoleChange::Take => {
                let Some(origins) = edge.roles.get_mut(&self.role) else {
                    return false;
                };
                let is_taken = origins.remove(&Origin::Direct);
                if origins.is_empty() {
                    edge.roles.remove(&self.role);
                }
                is_taken
            }
        }
    }

    fn note(&self, unit: &mut Unit, group: &Group, changed: &[Member]) {
        if changed.is_empty() {
            return;
        }
        unit.touch_group(group.id);
        let kind = match self.change {
            RoleChange::Give => EventKind::GroupRoleAssigned,
            RoleChange::Take => EventKind::GroupRoleWithdrawn,
        };
        let members: Vec<String> = changed.iter().copied().map(member_text).collect();
        unit.event(kind, group.id, json!({ "role": self.role, "members": members }));
    }
}

/// Roles of members that one answer about a group shows.
const MEMBER_ROLES_MAX: usize = 10_000;

impl Directory {
    /// The roles that members hold in a group, in the order of the members; at most 10,000. The cost is the group's size.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn list_member_roles(
        &self,
        organisation: OrganisationId,
        group: GroupId,
    ) -> Result<Vec<(Member, Slug)>, DirectoryError> {
        let mut held = Vec::new();
        let members = keys::group_members(organisation, group);
        self.for_each_under(&members, |key, stored| {
            if let Some(member) = keys::member_of(key).filter(|_| held.len() < MEMBER_ROLES_MAX) {
                let edge: Membership = record::decode(&stored.value)?;
                held.extend(edge.roles.into_keys().map(|role| (member, role)));
            }
            Ok(())
        })
        .await?;
        Ok(held)
    }
}

/// Refuses a role that does not exist or counts elsewhere.
///
/// # Errors
/// [`DirectoryError::InvalidValue`].
pub(super) async fn check_role(unit: &mut Unit, key: &Slug, scope: Scope) -> Result<(), DirectoryError> {
    let stored: Option<Role> = unit.find(&keys::named(unit.organisation(), Table::Role, key)).await?;
    match stored {
        None => Err(DirectoryError::invalid(
            "role",
            format!("role {:?} does not exist", key.as_str()),
        )),
        Some(role) if role.scope != scope => {
            let needed = match scope {
                Scope::Group => "counts in the whole organisation, and this one must have scope = \"group\"",
                Scope::Global => "counts inside one group, and this one must have scope = \"global\"",
            };
            Err(DirectoryError::invalid(
                "role",
                format!("role {:?} {needed}", key.as_str()),
            ))
        }
        Some(_) => Ok(()),
    }
}

fn check_count(members: &[Member]) -> Result<(), DirectoryError> {
    match members.len() {
        0 => Err(DirectoryError::invalid("members", "must name at least one")),
        count if count > MEMBERS_AT_ONCE => {
            let reason = format!("{count} are too many, at most {MEMBERS_AT_ONCE} at once: send them in parts");
            Err(DirectoryError::invalid("members", reason))
        }
        _ => Ok(()),
    }
}
