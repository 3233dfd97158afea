//! What must hold after any history, judged by what the API shows; and what `verify` says.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::world::World;

/// Everything that the lists show at the end.
struct Seen {
    users: BTreeMap<String, Value>,
    groups: BTreeMap<String, Value>,
    roles: BTreeMap<String, Value>,
    /// Members of each group, with the reasons.
    members: BTreeMap<String, BTreeMap<String, Value>>,
}

impl World {
    /// Everything that must hold, whatever happened.
    pub(super) async fn check(&self) -> Result<(), TestCaseError> {
        let verified = self.administrator.get(&format!("{}/verify", self.path)).await;
        let lines = verified
            .body
            .as_array()
            .cloned()
            .unwrap_or_else(|| vec![verified.body.clone()]);
        let done = lines.last().map(|line| line["done"]["violations"].clone());
        prop_assert_eq!(done, Some(json!(0)), "{:#?}", lines);
        let notes: Vec<_> = lines.iter().filter(|line| line.get("note").is_some()).collect();
        prop_assert!(notes.is_empty(), "work is left undone: {:#?}", notes);
        let seen = self.look().await;
        seen.names()?;
        seen.origins()?;
        seen.gifts()?;
        self.check_seats(&seen).await?;
        self.check_counts(&seen).await?;
        self.check_events().await
    }

    async fn look(&self) -> Seen {
        let by = |items: Vec<Value>, name: &str| {
            let keyed = items.into_iter().map(|item| (text(&item[name]), item));
            keyed.collect::<BTreeMap<_, _>>()
        };
        let groups = by(self.items("groups").await, "id");
        let mut members = BTreeMap::new();
        for group in groups.keys() {
            let found = self.items(&format!("groups/{group}/members")).await;
            let found = found
                .into_iter()
                .map(|item| (text(&item["id"]), item["origins"].clone()));
            members.insert(group.clone(), found.collect());
        }
        Seen {
            users: by(self.items("users").await, "id"),
            roles: by(self.items("roles").await, "key"),
            groups,
            members,
        }
    }

    /// Who holds or waits for a seat agrees with the numbers of each licence, and no licence gives more than it may.
    async fn check_seats(&self, seen: &Seen) -> Result<(), TestCaseError> {
        for licence in self.items("licences").await {
            let key = text(&licence["key"]);
            let held: usize = seen.users.values().map(|user| seats(user, &key)).sum();
            prop_assert_eq!(&licence["used"], &json!(held), "seats of {}", key);
            let queued = seen.users.values().filter(|user| {
                let seat = &user["licences"][&key]["seat"];
                seat.get("waiting").or_else(|| seat.get("refused")).is_some()
            });
            let queued = queued.count();
            prop_assert_eq!(&licence["waiting"], &json!(queued), "the queue of {}", key);
            let Some(ceiling) = ceiling(&licence) else { continue };
            let used = i64::try_from(held).unwrap_or(i64::MAX);
            let most = self.ceilings.get(&key).copied().unwrap_or(ceiling).max(ceiling);
            prop_assert!(used <= most, "{} gives {} of {} seats", key, used, most);
            prop_assert!(queued == 0 || used >= ceiling, "{}: a seat is free and wanted", key);
        }
        Ok(())
    }

    /// Notes how many seats may be in use: as many as the file says now, or as are in use already.
    pub(super) async fn look_at_ceilings(&mut self) {
        for licence in self.items("licences").await {
            if let (Some(ceiling), Some(used)) = (ceiling(&licence), licence["used"].as_i64()) {
                self.ceilings.insert(text(&licence["key"]), ceiling.max(used));
            }
        }
    }

    /// What is counted is what is listed.
    async fn check_counts(&self, seen: &Seen) -> Result<(), TestCaseError> {
        for (id, group) in &seen.groups {
            prop_assert_eq!(&group["members"], &json!(seen.members[id].len()), "members of {}", id);
        }
        for (key, role) in &seen.roles {
            let held = seen
                .users
                .values()
                .filter(|user| user["roles"].get(key).is_some())
                .count();
            if role["scope"] == "global" {
                prop_assert_eq!(&role["holders"], &json!(held), "holders of {}", key);
            }
            if let Some(max) = role["max_holders"].as_u64() {
                // The number may be lowered below those who hold it; that of the first file is not.
                let is_within = held as u64 <= max || key != "head";
                prop_assert!(is_within, "{} has {} holders of {}", key, held, max);
            }
        }
        for resource in self.items("resources").await {
            let id = text(&resource["id"]);
            let assigned = self.items(&format!("resources/{id}/assignments")).await;
            for (kind, count) in [("user", &resource["users"]), ("group", &resource["groups"])] {
                let listed = assigned.iter().filter(|item| item["kind"] == kind).count();
                prop_assert_eq!(count, &json!(listed), "{}s of resource {}", kind, id);
            }
            for item in &assigned {
                let known = seen.users.contains_key(&text(&item["id"])) || seen.groups.contains_key(&text(&item["id"]));
                prop_assert!(known, "resource {} is assigned to nobody: {}", id, item);
            }
        }
        Ok(())
    }

    /// Numbers without gaps, from the first on.
    async fn check_events(&self) -> Result<(), TestCaseError> {
        let events = self.items("events").await;
        for (index, event) in events.iter().enumerate() {
            prop_assert_eq!(&event["number"], &json!(index + 1), "an event is missing");
        }
        Ok(())
    }

    /// Every item of a list, page by page.
    async fn items(&self, list: &str) -> Vec<Value> {
        let mut items = Vec::new();
        let mut after = String::new();
        loop {
            let path = format!("{}/{list}?limit=100{after}", self.path);
            let mut page = self.administrator.get(&path).await.expect(200);
            if let Some(found) = page["items"].as_array_mut() {
                items.append(found);
            }
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => return items,
            }
        }
    }
}

impl Seen {
    /// A text by which somebody signs in is nobody else's, whatever its kind and case.
    fn names(&self) -> Result<(), TestCaseError> {
        let mut taken = BTreeMap::new();
        for (id, user) in &self.users {
            let ids = user["login_ids"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|login| &login["value"]);
            let names: BTreeSet<String> = ids
                .chain([&user["user_name"]])
                .map(|name| text(name).to_lowercase())
                .collect();
            for name in names {
                let other = taken.insert(name.clone(), id);
                prop_assert!(other.is_none(), "{} is the name of two: {} and {:?}", name, id, other);
            }
        }
        Ok(())
    }

    /// Every edge has reasons, and what each reason names is there and gives it.
    fn origins(&self) -> Result<(), TestCaseError> {
        for (id, user) in &self.users {
            for (role, origins) in user["roles"].as_object().into_iter().flatten() {
                prop_assert!(self.roles.contains_key(role), "{} holds {}, which is no role", id, role);
                self.reasons(id, origins, |group| names(&group["gives"]["roles"]).contains(role))?;
            }
            for (licence, claim) in user["licences"].as_object().into_iter().flatten() {
                self.reasons(id, &claim["origins"], |group| {
                    names(&group["gives"]["licences"]).contains(licence)
                })?;
            }
            if let Some(home) = user["home_group"]
                .as_str()
                .or_else(|| user["home_group"]["id"].as_str())
            {
                let reasons = self.members.get(home).and_then(|members| members.get(id));
                let is_home = reasons.is_some_and(|reasons| names(reasons).contains("home"));
                prop_assert!(is_home, "{} is at home in {} and no member", id, home);
            }
        }
        for (group, members) in &self.members {
            for (member, origins) in members {
                let is_there = self.users.contains_key(member) || self.groups.contains_key(member);
                prop_assert!(is_there, "{} of {} is not there", member, group);
                prop_assert!(!names(origins).is_empty(), "{} is in {} for no reason", member, group);
                for role in names(origins).iter().filter_map(|origin| origin.strip_prefix("role:")) {
                    let links = self
                        .roles
                        .get(role)
                        .is_some_and(|role| names(&role["linked_groups"]).contains(group));
                    let holds = self.users[member]["roles"].get(role).is_some();
                    prop_assert!(
                        links && holds,
                        "{} is in {} by {}, which does not put them there",
                        member,
                        group,
                        role
                    );
                }
            }
        }
        Ok(())
    }

    /// The groups among the reasons are there, give it, and have the user as a member.
    fn reasons(&self, user: &str, origins: &Value, gives: impl Fn(&Value) -> bool) -> Result<(), TestCaseError> {
        let origins = names(origins);
        prop_assert!(!origins.is_empty(), "{} has something for no reason", user);
        for group in origins.iter().filter_map(|origin| origin.strip_prefix("group:")) {
            let is_given = self.groups.get(group).is_some_and(&gives);
            let is_member = self
                .members
                .get(group)
                .is_some_and(|members| members.contains_key(user));
            prop_assert!(
                is_given && is_member,
                "{} has something by {}, which does not give it",
                user,
                group
            );
        }
        Ok(())
    }

    /// Every member has what the group gives.
    fn gifts(&self) -> Result<(), TestCaseError> {
        for (id, group) in &self.groups {
            let origin = format!("group:{id}");
            let users = self.members[id].keys().filter_map(|member| self.users.get(member));
            for user in users {
                for role in names(&group["gives"]["roles"]) {
                    let has = names(&user["roles"][&role]).contains(&origin);
                    prop_assert!(has, "{} lacks role {} of {}", user["id"], role, id);
                }
                for licence in names(&group["gives"]["licences"]) {
                    let has = names(&user["licences"][&licence]["origins"]).contains(&origin);
                    prop_assert!(has, "{} lacks licence {} of {}", user["id"], licence, id);
                }
            }
        }
        Ok(())
    }
}

/// The seats that the person holds from this licence's pool: as the licence itself, and in place of another.
fn seats(user: &Value, key: &str) -> usize {
    let claims = user["licences"].as_object().into_iter().flatten();
    let held = claims.filter(|(licence, claim)| {
        let seat = &claim["seat"];
        (*licence == key && seat.get("held").is_some()) || seat["fallback"]["licence"] == json!(key)
    });
    held.count()
}

fn ceiling(licence: &Value) -> Option<i64> {
    let limit = licence["limit"].as_i64()?;
    let overage = licence["when_full"]["overage"].as_i64().unwrap_or(limit);
    Some(limit.max(overage))
}

fn names(list: &Value) -> BTreeSet<String> {
    list.as_array().into_iter().flatten().map(text).collect()
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
