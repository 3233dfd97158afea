//! The members that a client names: our ids, of users or groups.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::directory::membership::{MemberChanges, member_uuid};
use crate::directory::{DirectoryError, Unit, keys};
use crate::model::group::Group;
use crate::model::id::{GroupId, UserId};
use crate::model::membership::Member;
use crate::model::normalise::Member as Named;
use crate::model::patch::MemberChange;
use crate::provision::team::{self, MemberStep};

use super::error::ScimError;
use super::identity::Rules;
use super::{Scim, regrant};

/// Refuses a request that names more members than the setting allows.
///
/// # Errors
/// 413 with the bound.
pub fn check_count(scim: &Scim, members: usize) -> Result<(), ScimError> {
    let limit = scim.settings().members_max;
    if members <= limit {
        return Ok(());
    }
    let detail = format!("the request names {members} members, at most {limit} are taken at once: send them in parts");
    Err(ScimError::new(StatusCode::PAYLOAD_TOO_LARGE, detail))
}

/// Reads everything that a change of these members will need, in one round trip.
///
/// # Errors
/// As the store's read.
pub async fn prefetch<'a>(
    unit: &mut Unit,
    group: GroupId,
    named: impl Iterator<Item = &'a str> + Send,
) -> Result<(), DirectoryError> {
    let organisation = unit.organisation();
    let mut wanted = vec![keys::group(organisation, group)];
    for id in named.filter_map(|text| text.parse::<UserId>().ok()) {
        let group_id = GroupId::new(id.uuid());
        wanted.extend([keys::user(organisation, id), keys::group(organisation, group_id)]);
        for member in [Member::User(id), Member::Group(group_id)] {
            wanted.push(keys::group_member(organisation, group, member));
            wanted.push(keys::member_changes(organisation, member));
        }
    }
    unit.fetch(wanted).await
}

/// Every id that a list of changes names.
pub fn named(changes: &[MemberChange]) -> impl Iterator<Item = &str> {
    changes.iter().flat_map(|change| -> Vec<&str> {
        match change {
            MemberChange::Add(members) | MemberChange::Replace(members) => {
                members.iter().map(|member| member.value.as_str()).collect()
            }
            MemberChange::Remove(ids) => ids.iter().map(String::as_str).collect(),
            MemberChange::RemoveWhere(filter) => filter.listed_values().unwrap_or_default(),
            MemberChange::RemoveAll => Vec::new(),
        }
    })
}

/// Applies the changes to the group, in order.
///
/// # Errors
/// As [`team::change_members`].
pub async fn apply(
    unit: &mut Unit,
    rules: Rules<'_>,
    group: &Group,
    changes: &[MemberChange],
) -> Result<MemberChanges, DirectoryError> {
    let mut steps = Vec::new();
    let mut unknown = Vec::new();
    for change in changes {
        steps.push(match change {
            MemberChange::Add(members) => MemberStep::Add(resolve(unit, members, &mut unknown).await?),
            MemberChange::Replace(members) => MemberStep::Replace(resolve(unit, members, &mut unknown).await?),
            MemberChange::RemoveAll => MemberStep::Replace(Vec::new()),
            MemberChange::Remove(ids) => MemberStep::Remove(both_kinds(ids.iter().map(String::as_str))),
            MemberChange::RemoveWhere(filter) => match filter.listed_values() {
                Some(ids) => MemberStep::Remove(both_kinds(ids.into_iter())),
                None => {
                    let all = unit.list_members(group.id).await?.into_iter().map(|(member, _)| member);
                    MemberStep::Remove(all.filter(|member| filter.matches(&element(*member))).collect())
                }
            },
        });
    }
    let done = team::change_members(unit, rules.context, group, &steps, unknown).await?;
    regrant::after_member_changes(unit, rules, group, &done).await?;
    Ok(done)
}

/// What the client calls a member, as ours: the type it says, else whichever exists.
async fn resolve(unit: &mut Unit, members: &[Named], unknown: &mut Vec<String>) -> Result<Vec<Member>, DirectoryError> {
    let organisation = unit.organisation();
    let mut resolved = Vec::with_capacity(members.len());
    for member in members {
        let Ok(id) = member.value.parse::<UserId>() else {
            unknown.push(member.value.clone());
            continue;
        };
        let as_group = GroupId::new(id.uuid());
        // The type is a hint only: clients are known to send none, or the wrong one.
        let is_group = unit.glance(&keys::user(organisation, id)).await?.is_none()
            && unit.glance(&keys::group(organisation, as_group)).await?.is_some();
        resolved.push(if is_group {
            Member::Group(as_group)
        } else {
            Member::User(id)
        });
    }
    Ok(resolved)
}

fn both_kinds<'a>(ids: impl Iterator<Item = &'a str>) -> Vec<Member> {
    ids.filter_map(|id| id.parse::<UserId>().ok())
        .flat_map(|id| [Member::User(id), Member::Group(GroupId::new(id.uuid()))])
        .collect()
}

fn element(member: Member) -> Value {
    json!({ "value": member_uuid(member).to_string(), "type": kind(member) })
}

/// The value of `type`.
#[must_use]
pub fn kind(member: Member) -> &'static str {
    match member {
        Member::User(_) => "User",
        Member::Group(_) => "Group",
    }
}

/// A member as a client sees it (RFC 7643 s4.2).
#[must_use]
pub fn shown(member: Member, base_url: &str) -> Value {
    let mut shown = element(member);
    let id = member_uuid(member);
    shown["$ref"] = format!("{base_url}/{}s/{id}", kind(member)).into();
    shown
}
