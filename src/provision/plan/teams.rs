//! The teams of a plan: who comes into groups by rule, and who leaves them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::directory::DirectoryError;
use crate::directory::keys::{self, Unique, fold};
use crate::directory::membership::claim_licence;
use crate::directory::user::parse_uuid;
use crate::model::connection::MissingTeams;
use crate::model::group::Group;
use crate::model::id::GroupId;
use crate::model::membership::{Member, Membership};
use crate::model::origin::Origin;
use crate::model::record;
use crate::model::user::User;
use crate::provision::failure::FailureReason;
use crate::provision::rule_teams;

use super::{CHUNK, Planner};

/// What becomes of one team by rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TeamForecast {
    /// The group's name.
    pub name: String,
    /// Whether it is made.
    pub is_new: bool,
    /// People whom the rules put into it.
    pub add: u64,
    /// People whom they no longer do.
    pub remove: u64,
}

/// The groups that the rules name, and the count of who moves.
pub(super) struct Teams {
    found: BTreeMap<String, Option<Group>>,
    /// Of the groups that somebody leaves, which give licences.
    giving: BTreeMap<GroupId, bool>,
    add: BTreeMap<String, u64>,
    remove: BTreeMap<GroupId, u64>,
    /// People whose step is planned, by the groups that they are in by rule before it.
    held: BTreeMap<GroupId, u64>,
}

impl Planner<'_> {
    pub(super) async fn load_teams(&self) -> Result<Teams, DirectoryError> {
        let names: BTreeSet<&String> = self.snapshot.teams().collect();
        let mut found = BTreeMap::new();
        for name in names {
            let key = keys::unique(self.permit.organisation(), Unique::GroupName, &fold(name));
            let id = self.directory.store().get(key).await?;
            let id = id.and_then(|id| parse_uuid(&id.value)).map(GroupId::new);
            let group = self.load_groups(id.as_slice()).await?.into_iter().flatten().next();
            found.insert(name.clone(), group);
        }
        Ok(Teams {
            found,
            giving: BTreeMap::new(),
            add: BTreeMap::new(),
            remove: BTreeMap::new(),
            held: BTreeMap::new(),
        })
    }

    /// Of the groups that each of these people is in by rule, and whose rules name the others: those that give licences and
    /// that nothing but the rules holds the person in. In the order of the question.
    pub(super) async fn teams_left(
        &self,
        teams: &mut Teams,
        people: &[(&User, Option<&BTreeSet<String>>)],
    ) -> Result<Vec<BTreeSet<GroupId>>, DirectoryError> {
        let organisation = self.permit.organisation();
        let name = &self.context.connection.name;
        let left: Vec<BTreeSet<GroupId>> = people
            .iter()
            .map(|(user, names)| {
                let mut left = user.rule_teams.get(name).cloned().unwrap_or_default();
                for stays in names.iter().flat_map(|names| teams.ids(names)) {
                    left.remove(&stays);
                }
                left
            })
            .collect();
        let unknown: BTreeSet<GroupId> = left.iter().flatten().copied().collect();
        let unknown: Vec<GroupId> = unknown
            .into_iter()
            .filter(|group| !teams.giving.contains_key(group))
            .collect();
        for part in unknown.chunks(CHUNK) {
            for (id, group) in part.iter().zip(self.load_groups(part).await?) {
                let gives = group.is_some_and(|group| !group.grants_licences.is_empty());
                teams.giving.insert(*id, gives);
            }
        }
        let mut over = vec![BTreeSet::new(); people.len()];
        let places = left.iter().enumerate();
        let wanted: Vec<(usize, GroupId)> = places
            .flat_map(|(place, groups)| groups.iter().map(move |group| (place, *group)))
            .filter(|(_, group)| teams.giving[group])
            .collect();
        let rule = Origin::Rule(name.clone());
        for part in wanted.chunks(CHUNK) {
            let key = |(place, group): &(usize, GroupId)| {
                keys::group_member(organisation, *group, Member::User(people[*place].0.id))
            };
            let found = self.directory.store().get_many(part.iter().map(key).collect()).await?;
            for ((place, group), found) in part.iter().zip(found) {
                let Some(found) = found else { continue };
                let edge: Membership = record::decode(&found.value)?;
                if edge.origins.iter().all(|origin| *origin == rule) {
                    over[*place].insert(*group);
                }
            }
        }
        Ok(over)
    }

    pub(super) async fn team_forecasts(&self, teams: &Teams) -> Result<Vec<TeamForecast>, DirectoryError> {
        let mut forecasts: BTreeMap<String, TeamForecast> = BTreeMap::new();
        let blank = |name: String, is_new| TeamForecast {
            name,
            is_new,
            add: 0,
            remove: 0,
        };
        for (name, add) in &teams.add {
            let is_new = !teams.found.get(name).is_some_and(Option::is_some);
            let forecast = blank(name.clone(), is_new);
            forecasts.insert(name.clone(), TeamForecast { add: *add, ..forecast });
        }
        let left: Vec<GroupId> = teams.remove.keys().copied().collect();
        for part in left.chunks(CHUNK) {
            for group in self.load_groups(part).await?.into_iter().flatten() {
                let name = group.display_name.clone();
                let forecast = forecasts.entry(name.clone()).or_insert_with(|| blank(name, false));
                forecast.remove += teams.remove[&group.id];
            }
        }
        Ok(forecasts.into_values().collect())
    }
}

impl Teams {
    /// The groups of these names that are there.
    fn ids<'a>(&'a self, names: &'a BTreeSet<String>) -> impl Iterator<Item = GroupId> + 'a {
        let groups = names.iter().filter_map(|name| self.found.get(name)?.as_ref());
        groups.map(|group| group.id)
    }

    /// Adds what the teams give to a previewed user: such licences take seats too.
    pub(super) fn claim(&self, user: &mut User, names: &BTreeSet<String>) {
        let groups = names.iter().filter_map(|name| self.found.get(name)?.as_ref());
        for group in groups {
            for licence in &group.grants_licences {
                claim_licence(user, licence, Origin::Group(group.id));
            }
        }
    }

    /// Refuses somebody for whom a team is missing, where those are not made.
    pub(super) fn check(&self, planner: &Planner<'_>, names: &BTreeSet<String>) -> Result<(), FailureReason> {
        if planner.context.connection.missing_teams == MissingTeams::Create {
            return Ok(());
        }
        let is_missing = |name: &&String| !self.found.get(*name).is_some_and(Option::is_some);
        match names.iter().find(is_missing) {
            None => Ok(()),
            Some(name) => Err(FailureReason::from(&rule_teams::missing(planner.context, name))),
        }
    }

    /// The groups that somebody is no longer in by rule: how many leave, and how many of those whose step is planned are in it.
    pub(super) fn left(&self) -> impl Iterator<Item = (GroupId, u64, u64)> {
        let left = self.remove.iter();
        left.map(|(group, lost)| (*group, *lost, self.held.get(group).copied().unwrap_or_default()))
    }

    /// Counts a person whose step is planned.
    pub(super) fn note(&mut self, before: &BTreeSet<GroupId>, names: &BTreeSet<String>) {
        let mut after = BTreeSet::new();
        for name in names {
            let id = self.found.get(name).and_then(Option::as_ref).map(|group| group.id);
            if !id.is_some_and(|id| before.contains(&id)) {
                *self.add.entry(name.clone()).or_default() += 1;
            }
            after.extend(id);
        }
        for group in before {
            *self.held.entry(*group).or_default() += 1;
        }
        for left in before.difference(&after) {
            *self.remove.entry(*left).or_default() += 1;
        }
    }
}
