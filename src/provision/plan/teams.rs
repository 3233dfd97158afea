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
use crate::model::origin::Origin;
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
    add: BTreeMap<String, u64>,
    remove: BTreeMap<GroupId, u64>,
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
            add: BTreeMap::new(),
            remove: BTreeMap::new(),
        })
    }

    pub(super) async fn team_forecasts(&self, teams: Teams) -> Result<Vec<TeamForecast>, DirectoryError> {
        let mut forecasts: BTreeMap<String, TeamForecast> = BTreeMap::new();
        let blank = |name: String, is_new| TeamForecast {
            name,
            is_new,
            add: 0,
            remove: 0,
        };
        for (name, add) in teams.add {
            let is_new = !teams.found.get(&name).is_some_and(Option::is_some);
            let forecast = blank(name.clone(), is_new);
            forecasts.insert(name, TeamForecast { add, ..forecast });
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
    /// Adds what the teams give to a previewed user: such licences take seats too. What a team that is left gives stays in the
    /// forecast, because another reason may hold the person in it.
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
        for left in before.difference(&after) {
            *self.remove.entry(*left).or_default() += 1;
        }
    }
}
