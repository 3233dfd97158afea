//! Groups that a connection's rules put people into. Such a membership has the rules as its reason, so neither the members that
//! a SCIM client writes nor those of a directory's group touch it, and it ends when the rules no longer say so.
//!
//! Rules never look at memberships that rules made, so one cannot feed the next, and there are no circles.

use std::collections::BTreeSet;

use crate::directory::membership::{Leaving, MemberChanges};
use crate::directory::{DirectoryError, Operation, Unit};
use crate::model::connection::MissingTeams;
use crate::model::group::{Group, Kind};
use crate::model::id::GroupId;
use crate::model::membership::{Member, Membership};
use crate::model::origin::Origin;
use crate::model::user::User;

use super::lease::Claim;
use super::person::Context;

/// What becomes of a person's memberships once the person is written.
pub(super) struct Moving {
    origin: Origin,
    into: BTreeSet<GroupId>,
    out_of: BTreeSet<GroupId>,
}

/// Notes on the person which groups the rules say, and makes those that are missing.
///
/// # Errors
/// [`DirectoryError::InvalidValue`] for a missing group where those are refused; as the store's read.
pub(super) async fn prepare(
    unit: &mut Unit,
    context: Context<'_>,
    user: &mut User,
    teams: &BTreeSet<String>,
) -> Result<Moving, DirectoryError> {
    let name = &context.connection.name;
    let mut into = BTreeSet::new();
    for team in teams {
        into.insert(find_or_make(unit, context, team).await?);
    }
    let before = user.rule_teams.remove(name).unwrap_or_default();
    if !into.is_empty() {
        user.rule_teams.insert(name.clone(), into.clone());
    }
    Ok(Moving {
        origin: Origin::Rule(name.clone()),
        out_of: before.difference(&into).copied().collect(),
        into,
    })
}

impl Moving {
    /// Moves the person. What the groups give is part of the answer.
    ///
    /// # Errors
    /// Seats, as [`Unit::update_user`]; as the store's read.
    pub(super) async fn carry_out(&self, unit: &mut Unit, user: User) -> Result<User, DirectoryError> {
        if self.into.is_empty() && self.out_of.is_empty() {
            return Ok(user);
        }
        let member = [Member::User(user.id)];
        for id in self.into.iter().chain(&self.out_of) {
            // A group that is gone holds nobody.
            let Some(group) = unit.find_group(*id).await? else {
                continue;
            };
            let mut changes = MemberChanges::default();
            if self.into.contains(id) {
                unit.add_members(&group, &member, &self.origin, &mut changes).await?;
            } else {
                let leaving = Leaving::These(member.to_vec());
                unit.remove_members(&group, &leaving, &self.origin, false, &mut changes)
                    .await?;
            }
            unit.note_member_changes(*id, &changes);
        }
        unit.load_user(user.id).await
    }
}

/// Whether only rules hold a member in a group.
#[must_use]
pub fn is_by_rules_alone(edge: &Membership) -> bool {
    edge.origins.iter().all(|origin| matches!(origin, Origin::Rule(_)))
}

async fn find_or_make(unit: &mut Unit, context: Context<'_>, team: &str) -> Result<GroupId, DirectoryError> {
    if let Some(found) = unit.find_group_name(team).await? {
        return Ok(found);
    }
    if context.connection.missing_teams == MissingTeams::Refuse {
        return Err(missing(context, team));
    }
    let now = unit.now();
    let mut group = Group::new(GroupId::new(unit.clock().uuid()), team.to_owned(), now);
    group.kind = Kind::Team;
    group.sources = BTreeSet::from([context.connection.name.clone()]);
    Ok(unit.create_group(group).await?.id)
}

/// A rule names a team that is not there.
pub(super) fn missing(context: Context<'_>, team: &str) -> DirectoryError {
    let place = format!("connections.{}.grants", context.connection.name);
    let reason = format!("there is no team {team:?}: make it, or set missing_teams = \"create\"");
    DirectoryError::invalid(place, reason)
}

/// Makes the teams that a run needs, before many people come into them at once.
pub(super) struct MakeTeams<'a> {
    pub(super) context: Context<'a>,
    pub(super) lease: &'a Claim,
    pub(super) teams: Vec<&'a str>,
}

#[async_trait::async_trait]
impl Operation for MakeTeams<'_> {
    type Outcome = ();

    async fn attempt(&self, unit: &mut Unit) -> Result<(), DirectoryError> {
        self.lease.relied_on(unit).await?;
        for team in &self.teams {
            find_or_make(unit, self.context, team).await?;
        }
        Ok(())
    }
}
