//! Licences and roles that a connection's rules give by group: looked at again whenever a person's groups change.

use crate::directory::membership::MemberChanges;
use crate::directory::query::Queryable as _;
use crate::directory::{DirectoryError, Unit, keys};
use crate::model::group::Group;
use crate::model::id::{GroupId, UserId};
use crate::model::membership::Member;
use crate::provision::person;
use crate::store::{SCAN_ENTRIES_MAX, Scan};

use super::identity::{self, Rules};

/// The names of the groups that a user is in, as stored; nothing when no rule asks.
///
/// # Errors
/// As the store's read.
pub(super) async fn groups_of(
    unit: &mut Unit,
    rules: Rules<'_>,
    user: UserId,
) -> Result<Vec<(GroupId, String)>, DirectoryError> {
    if !rules.mapping.needs_groups() {
        return Ok(Vec::new());
    }
    let organisation = unit.organisation();
    let edges = Scan::prefix(&keys::member_groups(organisation, Member::User(user)), SCAN_ENTRIES_MAX);
    let edges = unit.scan(edges).await?;
    let ids: Vec<GroupId> = edges
        .iter()
        .filter_map(|(key, _)| keys::last_uuid(key))
        .map(GroupId::new)
        .collect();
    unit.fetch(ids.iter().map(|id| keys::group(organisation, *id)).collect::<Vec<_>>())
        .await?;
    let mut groups = Vec::with_capacity(ids.len());
    for id in ids {
        if let Some(group) = unit.find_present::<Group>(&keys::group(organisation, id)).await? {
            groups.push((id, group.display_name));
        }
    }
    Ok(groups)
}

/// Only the names.
pub(super) fn names(groups: Vec<(GroupId, String)>) -> Vec<String> {
    groups.into_iter().map(|(_, name)| name).collect()
}

/// Evaluates the rules again for everyone who came into `group` or left it.
///
/// # Errors
/// Seats, as [`Unit::update_user`]; as the store's read.
pub(super) async fn after_member_changes(
    unit: &mut Unit,
    rules: Rules<'_>,
    group: &Group,
    changes: &MemberChanges,
) -> Result<(), DirectoryError> {
    if !rules.mapping.needs_groups() {
        return Ok(());
    }
    let came = changes.added.iter().map(|member| (*member, true));
    let left = changes.removed.iter().map(|member| (*member, false));
    for (member, is_in) in came.chain(left) {
        let Member::User(id) = member else { continue };
        let Some(before) = unit.find_user(id).await? else {
            continue;
        };
        let mut groups = groups_of(unit, rules, id).await?;
        groups.retain(|(id, _)| *id != group.id);
        if is_in {
            groups.push((group.id, group.display_name.clone()));
        }
        let resource = before.represent(Some(&rules.context.connection.name));
        let groups = names(groups);
        let grants = identity::grants(
            Rules {
                groups: &groups,
                ..rules
            },
            &resource,
        )?;
        person::regrant(unit, rules.context, &before, &grants).await?;
    }
    Ok(())
}
