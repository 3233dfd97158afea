//! Rows about groups, resources, invitations and guests.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::feed::{Ended, Feed, READ_AT_ONCE};
use crate::admin::{guests, invitations as invited, resources as held};
use crate::directory::keys::Count;
use crate::directory::membership::member_uuid;
use crate::model::membership::Member;

use crate::admin::groups as grouped;

/// Groups: what the list shows, with names where it has identifiers.
pub(super) async fn groups(feed: &Feed) -> Result<(), Ended> {
    let organisation = feed.caller.organisation();
    let mut after = None;
    loop {
        let found = feed.next_groups(&mut after).await?;
        let counts: Vec<Count> = found.iter().map(|group| Count::Members(group.id)).collect();
        let counts = feed.directory.browse_counts(organisation, &counts).await?;
        let parents = feed.names(found.iter().filter_map(|group| group.parent).collect()).await?;
        let rows = found.iter().zip(counts).map(|(group, members)| {
            let mut row = grouped::view(group, members, &feed.caller.settings);
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

/// Resources of every type.
pub(super) async fn resources(feed: &Feed) -> Result<(), Ended> {
    let organisation = feed.caller.organisation();
    let mut after = None;
    loop {
        let found = feed
            .directory
            .browse_resources(organisation, None, after, READ_AT_ONCE)
            .await?;
        let counts: Vec<Count> = found
            .iter()
            .flat_map(|resource| [Count::ResourceUsers(resource.id), Count::ResourceGroups(resource.id)])
            .collect();
        let counts = feed.directory.browse_counts(organisation, &counts).await?;
        let owners = feed
            .people(found.iter().filter_map(|resource| resource.owner).collect())
            .await?;
        let rows = found.iter().zip(counts.chunks(2)).map(|(resource, counts)| {
            let owner = resource.owner.and_then(|owner| owners.get(&owner));
            let mut row = held::facts(resource);
            row["owner"] = json!(owner.map(|owner| &owner.user_name));
            row["owner_id"] = json!(owner.map(|owner| owner.id));
            row["users"] = json!(counts.first());
            row["groups"] = json!(counts.get(1));
            row
        });
        let rows: Vec<Value> = rows.collect();
        feed.send(rows).await?;
        after = found.last().map(|resource| resource.id);
        if found.len() < READ_AT_ONCE {
            return Ok(());
        }
    }
}

/// What each resource is assigned to.
pub(super) async fn resource_assignments(feed: &Feed) -> Result<(), Ended> {
    let organisation = feed.caller.organisation();
    let mut after = None;
    loop {
        let found = feed
            .directory
            .browse_resources(organisation, None, after, READ_AT_ONCE)
            .await?;
        for resource in &found {
            let mut last = None;
            loop {
                let assigned = feed
                    .directory
                    .browse_assignments(organisation, resource.id, last, READ_AT_ONCE)
                    .await?;
                let (mut users, mut groups) = (BTreeSet::new(), BTreeSet::new());
                for (subject, _) in &assigned {
                    match subject {
                        Member::User(id) => users.insert(*id),
                        Member::Group(id) => groups.insert(*id),
                    };
                }
                let (users, groups) = (feed.people(users).await?, feed.names(groups).await?);
                let rows = assigned.iter().filter_map(|(subject, assignment)| {
                    let (kind, name) = match subject {
                        Member::User(id) => ("user", &users.get(id)?.user_name),
                        Member::Group(id) => ("group", groups.get(id)?),
                    };
                    Some(json!({
                        "type": resource.type_,
                        "resource": resource.name,
                        "resource_id": resource.id,
                        "kind": kind,
                        "subject": name,
                        "subject_id": member_uuid(*subject),
                        "attributes": (!assignment.attributes.is_empty()).then_some(&assignment.attributes),
                        "since": assignment.since,
                    }))
                });
                let rows: Vec<Value> = rows.collect();
                feed.send(rows).await?;
                last = assigned.last().map(|(subject, _)| *subject);
                if assigned.len() < READ_AT_ONCE {
                    break;
                }
            }
        }
        after = found.last().map(|resource| resource.id);
        if found.len() < READ_AT_ONCE {
            return Ok(());
        }
    }
}

/// Invitations, all or those of a state.
pub(super) async fn invitations(feed: &Feed) -> Result<(), Ended> {
    let organisation = feed.caller.organisation();
    let now = feed.directory.clock().now();
    let mut after = None;
    loop {
        let found = feed
            .directory
            .browse_invitations(organisation, feed.invitations, after, READ_AT_ONCE)
            .await?;
        let people = feed
            .people(found.iter().map(|(invitation, _)| invitation.user).collect())
            .await?;
        let rows = found.iter().filter_map(|(invitation, _)| {
            let mut row = invited::view(invitation, now);
            row["user_name"] = json!(people.get(&invitation.user)?.user_name);
            Some(row)
        });
        let rows: Vec<Value> = rows.collect();
        feed.send(rows).await?;
        after = found.last().map(|(invitation, _)| invitation.id);
        if found.len() < READ_AT_ONCE {
            return Ok(());
        }
    }
}

/// Guests.
pub(super) async fn guests(feed: &Feed) -> Result<(), Ended> {
    let organisation = feed.caller.organisation();
    let mut after = None;
    loop {
        let found = feed.directory.browse_guests(organisation, after, READ_AT_ONCE).await?;
        feed.send(found.iter().map(guests::view).collect()).await?;
        after = found.last().map(|guest| guest.id);
        if found.len() < READ_AT_ONCE {
            return Ok(());
        }
    }
}
