//! Everything that a directory makes of the model, in words that two gateways over one directory have in common.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use usher::directory::keys::{self, Table};
use usher::model::group::Group;
use usher::model::membership::Member;
use usher::model::user::User;
use usher::provision::failure::{Kind, list};

use crate::provision::gateway::{Gateway, Source};

/// The model. People and groups of the directory are named by their stable ids, teams of rules by their names.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct State {
    /// Everything that is stored of a person but what differs from gateway to gateway.
    pub(super) people: BTreeMap<String, Value>,
    pub(super) groups: BTreeMap<String, Value>,
    /// With the origins of each member.
    pub(super) members: BTreeMap<String, BTreeMap<String, Value>>,
    /// People and groups on the failure list.
    pub(super) failing: BTreeSet<String>,
}

impl State {
    pub(super) async fn of<S: Source>(gateway: &Gateway<S>) -> Self {
        let organisation = gateway.organisation;
        let users: Vec<User> = gateway.records(keys::table(organisation, Table::User)).await;
        let groups: Vec<Group> = gateway.records(keys::table(organisation, Table::Group)).await;
        let connection = "corporate".parse().expect("a slug");
        let mut names: BTreeMap<String, String> = BTreeMap::new();
        for group in &groups {
            let team = format!("team {}", group.display_name);
            let name = group.external_ids.get(&connection).cloned().unwrap_or(team);
            names.insert(group.id.to_string(), name);
        }
        for user in &users {
            let name = user.external_ids.get(&connection).cloned();
            names.insert(
                user.id.to_string(),
                name.unwrap_or_else(|| format!("person {}", user.user_name)),
            );
        }
        let mut members: BTreeMap<String, BTreeMap<String, Value>> = BTreeMap::new();
        for group in &groups {
            let there = members.entry(names[&group.id.to_string()].clone()).or_default();
            for (member, membership) in gateway.edges(group.id).await {
                let member = match member {
                    Member::User(id) => id.to_string(),
                    Member::Group(id) => id.to_string(),
                };
                there.insert(names[&member].clone(), json!(membership.origins));
            }
        }
        let record = |value: Value| shared(&value, &names);
        let failures = list::retried(&gateway.directory, organisation, &connection).await;
        let failures = failures.expect("the failure list");
        let mut state = Self {
            people: users
                .iter()
                .map(|user| (names[&user.id.to_string()].clone(), record(json!(user))))
                .collect(),
            groups: groups
                .iter()
                .map(|group| (names[&group.id.to_string()].clone(), record(json!(group))))
                .collect(),
            members,
            failing: failures.into_iter().map(|(_, external_id)| external_id).collect(),
        };
        state.forget_empty_teams();
        state
    }

    /// A team that rules made stays when nobody is in it any more.
    fn forget_empty_teams(&mut self) {
        let is_idle =
            |name: &String, members: &BTreeMap<String, Value>| name.starts_with("team ") && members.is_empty();
        let idle: Vec<String> = self
            .members
            .iter()
            .filter(|(name, there)| is_idle(name, there))
            .map(|(name, _)| name.clone())
            .collect();
        for name in idle {
            self.members.remove(&name);
            self.groups.remove(&name);
        }
    }

    /// Without those whom `keep` does not name, and those who fail here or in the other.
    pub(super) fn only(&self, keep: &Self, failing: &BTreeSet<String>) -> Self {
        let is_kept =
            |id: &String| (keep.people.contains_key(id) || keep.groups.contains_key(id)) && !failing.contains(id);
        let mut only = self.clone();
        only.people.retain(|id, _| is_kept(id));
        only.groups.retain(|id, _| is_kept(id));
        only.members.retain(|id, _| is_kept(id));
        for members in only.members.values_mut() {
            members.retain(|id, _| is_kept(id));
        }
        only.failing.clear();
        only.forget_empty_teams();
        only
    }

    /// Who of these people is not suspended.
    pub(super) fn active(&self) -> BTreeSet<&String> {
        let is_active = |person: &Value| person["facts"].get("suspended_by").is_none();
        self.people
            .iter()
            .filter(|(_, person)| is_active(person))
            .map(|(id, _)| id)
            .collect()
    }

    /// How many seats of the licence `pro` are held, and how many people are to have one.
    pub(super) fn seats(&self) -> (usize, usize) {
        let claims = self.people.values().filter_map(|person| person["licences"].get("pro"));
        let (mut held, mut wanted) = (0, 0);
        for claim in claims.filter(|claim| claim["seat"] != "unneeded") {
            wanted += 1;
            held += usize::from(claim["seat"].get("held").is_some());
        }
        (held, wanted)
    }

    /// Without what rules give, and without the teams that they make.
    pub(super) fn without_grants(mut self) -> Self {
        for person in self.people.values_mut().filter_map(Value::as_object_mut) {
            person.retain(|field, _| !["licences", "roles", "rule_teams"].contains(&field.as_str()));
        }
        self.groups.retain(|id, _| !id.starts_with("team "));
        self.members.retain(|id, _| !id.starts_with("team "));
        self
    }

    /// Without who of those who claim a seat has one.
    pub(super) fn without_seats(mut self) -> Self {
        for person in self.people.values_mut() {
            for claim in person["licences"].as_object_mut().into_iter().flat_map(Map::values_mut) {
                claim["seat"] = Value::Null;
            }
        }
        self
    }
}

/// Where two of them differ, a line each.
pub(super) fn differences<V: serde::Serialize>(
    found: &BTreeMap<String, V>,
    wanted: &BTreeMap<String, V>,
) -> Vec<String> {
    let fields = |value: Option<&V>| match json!(value) {
        Value::Object(fields) => fields,
        other => Map::from_iter([("itself".to_owned(), other)]),
    };
    let mut lines = Vec::new();
    for id in found.keys().chain(wanted.keys()).collect::<BTreeSet<_>>() {
        let (one, other) = (fields(found.get(id)), fields(wanted.get(id)));
        for field in one.keys().chain(other.keys()).collect::<BTreeSet<_>>() {
            let (one, other) = (one.get(field), other.get(field));
            if one != other {
                lines.push(format!("{id} {field}: found {}, wanted {}", json!(one), json!(other)));
            }
        }
    }
    lines
}

/// A record without what differs from gateway to gateway, and with ids of groups and people as names.
fn shared(value: &Value, names: &BTreeMap<String, String>) -> Value {
    const OWN: [&str; 4] = ["id", "created", "last_modified", "revision"];
    match value {
        Value::Object(fields) => {
            let fields = fields.iter().filter(|(name, _)| !OWN.contains(&name.as_str()));
            Value::Object(
                fields
                    .map(|(name, value)| (name.clone(), shared(value, names)))
                    .collect(),
            )
        }
        Value::Array(values) => Value::Array(values.iter().map(|value| shared(value, names)).collect()),
        Value::String(text) => json!(names.get(text).unwrap_or(text)),
        other => other.clone(),
    }
}

/// The kinds of things that fail.
pub(super) fn kinds(failures: &[usher::provision::failure::Failure]) -> BTreeSet<(Kind, String)> {
    let word = |failure: &usher::provision::failure::Failure| {
        let reason = serde_json::to_value(&failure.reason).expect("JSON");
        (failure.kind, reason["reason"].as_str().unwrap_or_default().to_owned())
    };
    failures.iter().map(word).collect()
}
