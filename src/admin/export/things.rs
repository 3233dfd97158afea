//! Rows about groups, resources, invitations, and what is exported as its list shows it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::feed::{Ended, Feed, READ_AT_ONCE};
use crate::admin::listing::Item;
use crate::admin::{groups as grouped, invitations as invited, licences, resources as held};
use crate::directory::membership::member_uuid;
use crate::directory::select::{CountedGroup, Rows};
use crate::model::id::UserId;
use crate::model::membership::Member;
use crate::model::resource::Resource;
use crate::model::selection::Place;

/// Groups: what the list shows, with names where it has identifiers.
pub(super) async fn groups(feed: &Feed) -> Result<(), Ended> {
    let mut after = None;
    loop {
        let found = feed.next_groups(&mut after).await?;
        let parents = found.iter().filter_map(|counted| counted.group.parent);
        let parents = feed.names(parents.collect()).await?;
        let rows = found.iter().map(|CountedGroup { group, members }| {
            let mut row = grouped::view(group, *members, &feed.caller.settings);
            row["roles"] = json!(group.grants_roles);
            row["licences"] = json!(group.grants_licences);
            let external = group.external_ids.iter();
            row["external_ids"] = external.map(|(connection, id)| format!("{connection}:{id}")).collect();
            row["parent_id"] = row["parent"].take();
            row["parent"] = json!(group.parent.and_then(|parent| parents.get(&parent)));
            row
        });
        let rows: Vec<Value> = rows.collect();
        feed.send(rows).await?;
        if after.is_none() {
            return Ok(());
        }
    }
}

/// Some rows of a list, as it is asked for; `after` is `None` at the end.
async fn next_part(
    feed: &Feed,
    list: &impl Rows<Row = Item>,
    after: &mut Option<Place>,
) -> Result<Vec<Value>, Ended> {
    let part = feed
        .question
        .read_on(&feed.directory, list, after.as_ref(), feed.at_once())
        .await?;
    *after = part.next;
    Ok(part.items.into_iter().map(|item| item.shown).collect())
}

/// A list that is exported as it is shown.
pub(super) async fn listed(feed: &Feed, list: impl Rows<Row = Item>) -> Result<(), Ended> {
    let mut after = None;
    loop {
        let rows = next_part(feed, &list, &mut after).await?;
        feed.send(rows).await?;
        if after.is_none() {
            return Ok(());
        }
    }
}

fn id(value: &Value) -> Option<UserId> {
    value.as_str()?.parse().ok()
}

/// Resources, as they are asked for.
pub(super) async fn resources(feed: &Feed) -> Result<(), Ended> {
    let mut after = None;
    loop {
        let list = held::Listed {
            organisation: feed.caller.organisation(),
            type_: None,
        };
        let mut rows = next_part(feed, &list, &mut after).await?;
        let owners = rows.iter().filter_map(|row| id(&row["owner"])).collect();
        let owners = feed.people(owners).await?;
        for row in &mut rows {
            let owner = id(&row["owner"]).and_then(|owner| owners.get(&owner));
            row["owner"] = json!(owner.map(|owner| &owner.user_name));
            row["owner_id"] = json!(owner.map(|owner| owner.id));
        }
        feed.send(rows).await?;
        if after.is_none() {
            return Ok(());
        }
    }
}

/// What each resource is assigned to, as far as the caller's rights reach.
pub(super) async fn resource_assignments(feed: &Feed) -> Result<(), Ended> {
    let mut after = None;
    loop {
        let found = feed
            .directory
            .browse_resources(feed.caller.organisation(), None, after, READ_AT_ONCE)
            .await?;
        for resource in &found {
            assignments_of(feed, resource).await?;
        }
        after = found.last().map(|resource| resource.id);
        if found.len() < READ_AT_ONCE {
            return Ok(());
        }
    }
}

async fn assignments_of(feed: &Feed, resource: &Resource) -> Result<(), Ended> {
    let bounds = feed.caller.bounded("resource.view");
    let mut last = None;
    loop {
        let assigned = feed
            .directory
            .browse_assignments(feed.caller.organisation(), resource.id, last, READ_AT_ONCE)
            .await?;
        let (mut users, mut groups) = (BTreeSet::new(), BTreeSet::new());
        for (subject, _) in &assigned {
            match subject {
                Member::User(id) => users.insert(*id),
                Member::Group(id) => groups.insert(*id),
            };
        }
        let (users, groups) = (feed.people(users).await?, feed.names(groups).await?);
        let mut rows = Vec::new();
        for (subject, assignment) in &assigned {
            let named = match subject {
                Member::User(id) => users.get(id).map(|user| ("user", &user.user_name)),
                Member::Group(id) => groups.get(id).map(|name| ("group", name)),
            };
            let Some((kind, name)) = named else { continue };
            if !feed.reaches(bounds.as_deref(), "resource.view", *subject).await? {
                continue;
            }
            rows.push(json!({
                "type": resource.type_,
                "resource": resource.name,
                "resource_id": resource.id,
                "kind": kind,
                "subject": name,
                "subject_id": member_uuid(*subject),
                "id": member_uuid(*subject),
                "attributes": (!assignment.attributes.is_empty()).then_some(&assignment.attributes),
                "since": assignment.since,
            }));
        }
        feed.send(rows).await?;
        last = assigned.last().map(|(subject, _)| *subject);
        if assigned.len() < READ_AT_ONCE {
            return Ok(());
        }
    }
}

/// Invitations, as they are asked for.
pub(super) async fn invitations(feed: &Feed) -> Result<(), Ended> {
    let mut after = None;
    loop {
        let list = invited::Listed {
            organisation: feed.caller.organisation(),
            state: None,
        };
        let mut rows = next_part(feed, &list, &mut after).await?;
        let people = rows.iter().filter_map(|row| id(&row["user"])).collect();
        let people = feed.people(people).await?;
        rows.retain(|row| id(&row["user"]).is_some_and(|user| people.contains_key(&user)));
        feed.send(rows).await?;
        if after.is_none() {
            return Ok(());
        }
    }
}

/// Licences: what happens when one is full is a word or two.
pub(super) async fn licences(feed: &Feed) -> Result<(), Ended> {
    let mut after = None;
    let list = licences::known(&feed.directory, &feed.caller).await?;
    loop {
        let mut rows = next_part(feed, &list, &mut after).await?;
        for row in &mut rows {
            let when_full = row["when_full"].as_object().and_then(|policy| policy.iter().next());
            let text = when_full.map(|(policy, to)| format!("{policy}:{}", to.as_str().map_or_else(|| to.to_string(), str::to_owned)));
            if let Some(text) = text {
                row["when_full"] = json!(text);
            }
        }
        feed.send(rows).await?;
        if after.is_none() {
            return Ok(());
        }
    }
}

/// Cost centres: the seats that each pays for as `licence:number`.
pub(super) async fn cost_centres(feed: &Feed) -> Result<(), Ended> {
    let mut after = None;
    let list = licences::known_cost_centres(&feed.directory, &feed.caller).await?;
    loop {
        let mut rows = next_part(feed, &list, &mut after).await?;
        for row in &mut rows {
            let seats = row["seats"].as_object().into_iter().flatten();
            row["seats"] = seats.map(|(licence, count)| format!("{licence}:{count}")).collect();
        }
        feed.send(rows).await?;
        if after.is_none() {
            return Ok(());
        }
    }
}
