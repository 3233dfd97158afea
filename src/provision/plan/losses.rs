//! What a plan takes from people who stay: roles, licences and teams that the connection gave and gives no longer.
//!
//! One wrong word in a rule takes a role from everybody and deletes nobody, so it is counted for itself.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::directory::DirectoryError;
use crate::directory::keys::fold;
use crate::model::id::GroupId;
use crate::model::origin::Origin;
use crate::model::slug::Slug;
use crate::model::user::User;
use crate::provision::person::Grants;

use super::linked::Links;
use super::teams::Teams;
use super::{CHUNK, Planner};

/// What is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Given {
    /// A role.
    Role,
    /// A licence.
    Licence,
    /// A group that rules put people into.
    Team,
}

impl Given {
    /// The word in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Role => "role",
            Self::Licence => "licence",
            Self::Team => "team",
        }
    }
}

/// Something that people lose by a plan. Those who are deleted or let go are not among them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Loss {
    /// What it is.
    pub what: Given,
    /// Which: a key, or a group's name.
    pub name: String,
    /// How many lose it: nothing else gives it to them. Of a team: whom the rules no longer put into it.
    pub count: u64,
    /// How many have it from the connection, of those whom the reading holds.
    pub of: u64,
}

/// Who has something before the plan, and who loses it.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    held: u64,
    lost: u64,
}

/// What known people who have changed have and lose.
#[derive(Debug, Default)]
pub(super) struct Losses {
    roles: BTreeMap<Slug, Count>,
    licences: BTreeMap<Slug, Count>,
}

impl Losses {
    /// Counts a person as before and as written.
    pub(super) fn note(&mut self, before: &User, after: &User, connection: &Slug) {
        let origin = Origin::Connection(connection.clone());
        for (role, origins) in &before.roles {
            if origins.contains(&origin) {
                let is_lost = !after.roles.contains_key(role);
                count(&mut self.roles, role, is_lost);
            }
        }
        for (licence, claim) in &before.licences {
            if claim.origins.contains(&origin) {
                let is_lost = !after.licences.contains_key(licence);
                count(&mut self.licences, licence, is_lost);
            }
        }
    }
}

fn count(counts: &mut BTreeMap<Slug, Count>, key: &Slug, is_lost: bool) {
    let count = match counts.get_mut(key) {
        Some(count) => count,
        None => counts.entry(key.clone()).or_default(),
    };
    count.held += 1;
    count.lost += u64::from(is_lost);
}

impl Planner<'_> {
    /// Everything that somebody loses, with how many have it.
    pub(super) async fn losses(
        &self,
        losses: &Losses,
        known: &Links,
        teams: &Teams,
    ) -> Result<Vec<Loss>, DirectoryError> {
        let mut found = Vec::new();
        let kinds = [(Given::Role, &losses.roles), (Given::Licence, &losses.licences)];
        for (what, counts) in kinds {
            for (key, count) in counts.iter().filter(|(_, count)| count.lost > 0) {
                let has = |grants: &Grants| match what {
                    Given::Role => grants.roles.contains(key),
                    Given::Licence | Given::Team => grants.licences.contains(key),
                };
                found.push(Loss {
                    what,
                    name: key.to_string(),
                    count: count.lost,
                    of: count.held + self.unchanged(known, has),
                });
            }
        }
        let left: Vec<(GroupId, u64, u64)> = teams.left().collect();
        for part in left.chunks(CHUNK) {
            let ids: Vec<GroupId> = part.iter().map(|(id, _, _)| *id).collect();
            for ((_, lost, held), group) in part.iter().zip(self.load_groups(&ids).await?) {
                let Some(group) = group else { continue };
                let name = fold(&group.display_name);
                let has = |grants: &Grants| grants.teams.iter().any(|team| fold(team) == name);
                found.push(Loss {
                    what: Given::Team,
                    name: group.display_name,
                    count: *lost,
                    of: held + self.unchanged(known, has),
                });
            }
        }
        Ok(found)
    }

    /// How many of those who are as they were have something: they have what the reading gives them.
    fn unchanged(&self, known: &Links, has: impl Fn(&Grants) -> bool) -> u64 {
        let people = self.snapshot.people().iter().zip(&known.entries);
        let unchanged =
            people.filter(|(person, link)| person.is_usable() && link.is_some_and(|link| link.is_unchanged));
        unchanged
            .filter(|(person, _)| has(self.snapshot.grants(person)))
            .count() as u64
    }
}
