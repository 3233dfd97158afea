//! Rows about people. Nobody whose data's processing is restricted is in any of them (S000-32).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::feed::{Ended, Feed, READ_AT_ONCE};
use crate::admin::{licences, users};
use crate::directory::DirectoryError;
use crate::directory::membership::member_uuid;
use crate::directory::select::CountedGroup;
use crate::model::group::Group;
use crate::model::id::{GroupId, UserId};
use crate::model::list::List;
use crate::model::membership::{Member, Membership};
use crate::model::selection::Place;
use crate::model::user::User;

impl Feed {
    /// Users as they are asked for and as far as the caller's rights reach, some at a time; `after` is `None` at the end.
    async fn next_users(&self, after: &mut Option<Place>) -> Result<Vec<User>, DirectoryError> {
        let selection = self.selection(List::Users, "user.view");
        let selected = self
            .directory
            .select_users(self.caller.organisation(), &selection, after.as_ref(), self.at_once())
            .await?;
        *after = selected.next;
        Ok(selected.items.into_iter().filter(|user| !user.restricted).collect())
    }

    /// Groups as they are asked for and as far as the caller's rights reach, some at a time; `after` is `None` at the end.
    pub(super) async fn next_groups(&self, after: &mut Option<Place>) -> Result<Vec<CountedGroup>, DirectoryError> {
        let selection = self.selection(List::Groups, "group.view");
        let selected = self
            .directory
            .select_groups(self.caller.organisation(), &selection, after.as_ref(), self.at_once())
            .await?;
        *after = selected.next;
        Ok(selected.items)
    }

    /// The people behind identifiers, without those who are restricted.
    pub(super) async fn people(&self, ids: BTreeSet<UserId>) -> Result<BTreeMap<UserId, User>, DirectoryError> {
        let ids: Vec<UserId> = ids.into_iter().collect();
        let found = self
            .directory
            .browse_users_by_id(self.caller.organisation(), &ids)
            .await?;
        let people = found.into_iter().filter(|user| !user.restricted);
        Ok(people.map(|user| (user.id, user)).collect())
    }

    /// The names of groups.
    pub(super) async fn names(&self, ids: BTreeSet<GroupId>) -> Result<BTreeMap<GroupId, String>, DirectoryError> {
        let names = self.directory.group_names(self.caller.organisation(), &ids).await?;
        Ok(names.into_iter().map(|(id, name)| (id, name.to_string())).collect())
    }

    /// The groups of each of these people.
    async fn groups_of(&self, users: &[User]) -> Result<BTreeMap<UserId, Vec<String>>, DirectoryError> {
        let mut groups = BTreeMap::new();
        if !self.with_groups {
            return Ok(groups);
        }
        for user in users {
            let held = self.directory.memberships(self.caller.organisation(), user.id).await?;
            groups.insert(user.id, held.into_iter().map(|(group, _)| group.display_name).collect());
        }
        Ok(groups)
    }
}

/// Users: what the list shows, with names where it has identifiers.
pub(super) async fn users(feed: &Feed) -> Result<(), Ended> {
    let mut after = None;
    loop {
        let found = feed.next_users(&mut after).await?;
        let homes = feed
            .names(found.iter().filter_map(|user| user.home_group).collect())
            .await?;
        let groups = feed.groups_of(&found).await?;
        let signed_in = feed.directory.last_sign_ins(feed.caller.organisation(), &found).await?;
        let rows = found.iter().zip(signed_in).map(|(user, signed_in)| {
            let mut row = users::view(user, &feed.caller.settings);
            row["last_sign_in"] = json!(signed_in);
            for (name, part) in [("given_name", "givenName"), ("family_name", "familyName")] {
                row[name] = row["attributes"]["name"][part].clone();
            }
            let logins = user.login_ids.iter();
            row["login_ids"] = logins
                .map(|login| format!("{}:{}", login.kind.as_str(), login.value))
                .collect();
            row["roles"] = json!(user.roles.keys().collect::<Vec<_>>());
            row["licences"] = json!(user.licences.keys().collect::<Vec<_>>());
            let external = user.external_ids.iter();
            row["external_ids"] = external.map(|(connection, id)| format!("{connection}:{id}")).collect();
            row["review_pending"] = json!(user.review_pending.as_ref().map(|review| review.since));
            row["home_group_id"] = row["home_group"].take();
            row["home_group"] = json!(user.home_group.and_then(|home| homes.get(&home)));
            row["groups"] = json!(groups.get(&user.id));
            row
        });
        let rows: Vec<Value> = rows.collect();
        feed.send(rows).await?;
        if after.is_none() {
            return Ok(());
        }
    }
}

/// Who a member is.
enum Named<'a> {
    User(&'a User),
    Group(&'a str),
}

/// Members of groups, one row each.
pub(super) async fn memberships(feed: &Feed) -> Result<(), Ended> {
    each_edge(feed, |group, member, named, edge| {
        let (kind, name) = match named {
            Named::User(user) => ("user", user.user_name.as_str()),
            Named::Group(name) => ("group", name),
        };
        vec![json!({
            "group": group.display_name,
            "group_id": group.id,
            "kind": kind,
            "member": name,
            "member_id": member_uuid(member),
            "id": member_uuid(member),
            "origins": edge.origins,
            "roles": edge.roles.keys().collect::<Vec<_>>(),
            "since": edge.since,
        })]
    })
    .await
}

/// Calls `row` for every member of every group that the caller may see.
async fn each_edge(
    feed: &Feed,
    row: impl Fn(&Group, Member, Named<'_>, &Membership) -> Vec<Value> + Sync,
) -> Result<(), Ended> {
    let organisation = feed.caller.organisation();
    let mut after = None;
    loop {
        for CountedGroup { group, .. } in feed.next_groups(&mut after).await? {
            let mut last = None;
            loop {
                let members = feed
                    .directory
                    .browse_members(organisation, group.id, last, READ_AT_ONCE)
                    .await?;
                let (mut users, mut groups) = (BTreeSet::new(), BTreeSet::new());
                for (member, _) in &members {
                    match member {
                        Member::User(id) => users.insert(*id),
                        Member::Group(id) => groups.insert(*id),
                    };
                }
                let (users, groups) = (feed.people(users).await?, feed.names(groups).await?);
                let name = |member: &Member| match member {
                    Member::User(id) => users.get(id).map(Named::User),
                    Member::Group(id) => groups.get(id).map(|name| Named::Group(name)),
                };
                let rows = members
                    .iter()
                    .filter_map(|(member, edge)| Some(row(&group, *member, name(member)?, edge)));
                feed.send(rows.flatten().collect()).await?;
                last = members.last().map(|(member, _)| *member);
                if members.len() < READ_AT_ONCE {
                    break;
                }
            }
        }
        if after.is_none() {
            return Ok(());
        }
    }
}

/// Roles that people hold: those of the whole organisation first, then those of each group.
pub(super) async fn role_holders(feed: &Feed) -> Result<(), Ended> {
    let mut after = None;
    loop {
        let found = feed.next_users(&mut after).await?;
        let rows = found.iter().flat_map(|user| {
            user.roles.iter().map(move |(role, origins)| {
                json!({
                    "role": role,
                    "user_name": user.user_name,
                    "user_id": user.id,
                    "id": user.id,
                    "display_name": user.display_name(),
                    "state": user.state(),
                    "origins": origins,
                })
            })
        });
        feed.send(rows.collect()).await?;
        if after.is_none() {
            break;
        }
    }
    each_edge(feed, |group, _, named, edge| {
        let Named::User(user) = named else { return Vec::new() };
        let rows = edge.roles.iter().map(|(role, origins)| {
            json!({
                "role": role,
                "user_name": user.user_name,
                "user_id": user.id,
                "id": user.id,
                "display_name": user.display_name(),
                "state": user.state(),
                "group": group.display_name,
                "group_id": group.id,
                "origins": origins,
            })
        });
        rows.collect()
    })
    .await
}

/// Licences that people are meant to have, with the state of each seat.
pub(super) async fn licence_holders(feed: &Feed) -> Result<(), Ended> {
    let settings = &feed.caller.settings;
    let default = settings.organisation.default_cost_centre.as_ref();
    let bounds = feed.caller.bounded("licence.view");
    for licence in settings.licences.keys() {
        let mut after = None;
        loop {
            let found = feed
                .directory
                .browse_holders(settings.organisation.id, licence, after, READ_AT_ONCE)
                .await?;
            let mut rows = Vec::new();
            for user in found.iter().filter(|user| !user.restricted) {
                let Some(claim) = user.licences.get(licence) else {
                    continue;
                };
                let subject = Member::User(user.id);
                if !feed.reaches(bounds.as_deref(), "licence.view", subject).await? {
                    continue;
                }
                rows.push(json!({
                    "licence": licence,
                    "user_name": user.user_name,
                    "user_id": user.id,
                    "id": user.id,
                    "state": user.state(),
                    "seat": licences::seat(claim),
                    "since": claim.since(),
                    "cost_centre": claim.cost_centre.as_ref().or(default),
                    "origins": claim.origins,
                }));
            }
            let next = found.last().filter(|_| found.len() == READ_AT_ONCE).map(|user| user.id);
            feed.send(rows).await?;
            after = next;
            if after.is_none() {
                break;
            }
        }
    }
    Ok(())
}
