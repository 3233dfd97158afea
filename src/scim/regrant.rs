//! Licences and roles that a connection's rules give by group: looked at again whenever a person's groups change.

use crate::directory::membership::MemberChanges;
use crate::directory::{DirectoryError, Unit, keys};
use crate::model::group::Group;
use crate::model::id::{GroupId, UserId};
use crate::model::membership::{Member, Membership};
use crate::model::{record, represent};
use crate::provision::person;
use crate::provision::rule_teams::is_by_rules_alone;
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
    // A group that the person enters or leaves at the same time is a conflict: two removals at once would each still see
    // the other group, and the grant would stay for ever.
    unit.bytes(&keys::member_changes(organisation, Member::User(user)))
        .await?;
    let edges = Scan::prefix(&keys::member_groups(organisation, Member::User(user)), SCAN_ENTRIES_MAX);
    let edges = unit.scan(edges).await?;
    let mut ids: Vec<GroupId> = Vec::with_capacity(edges.len());
    for (key, stored) in &edges {
        let edge: Membership = record::decode(&stored.value)?;
        if !is_by_rules_alone(&edge) {
            ids.extend(keys::last_uuid(key).map(GroupId::new));
        }
    }
    unit.fetch(ids.iter().map(|id| keys::group(organisation, *id)).collect::<Vec<_>>())
        .await?;
    let mut groups = Vec::with_capacity(ids.len());
    for id in ids {
        if let Some(group) = unit.find::<Group>(&keys::group(organisation, id)).await? {
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
        let resource = represent::user(&before, Some(&rules.context.connection.name));
        let groups = names(groups);
        let grants = identity::grants(
            Rules {
                before: Some(&before),
                groups: &groups,
                ..rules
            },
            &resource,
        )?;
        person::regrant(unit, rules.context, &before, &grants).await?;
    }
    Ok(())
}

/// Members whose grants are looked at again when their group is renamed.
const RENAMED_MEMBERS_MAX: usize = 5_000;

/// Evaluates the rules again for the members of a group whose name changed: rules know groups by their names.
///
/// # Errors
/// [`DirectoryError::InvalidValue`] for a group with too many members for one commit; as [`after_member_changes`].
pub(super) async fn after_rename(
    unit: &mut Unit,
    rules: Rules<'_>,
    before: &Group,
    after: &Group,
) -> Result<(), DirectoryError> {
    if before.display_name == after.display_name || !rules.mapping.needs_groups() {
        return Ok(());
    }
    // Whoever comes in or leaves meanwhile conflicts.
    unit.bytes(&keys::group_changes(unit.organisation(), after.id)).await?;
    let members: Vec<Member> = unit
        .list_members(after.id)
        .await?
        .into_iter()
        .map(|(member, _)| member)
        .collect();
    if members.len() > RENAMED_MEMBERS_MAX {
        let reason = format!(
            "this connection's rules give by the names of groups, and a group of more than {RENAMED_MEMBERS_MAX} members \
             cannot be renamed at once: make a new group and move the members"
        );
        return Err(DirectoryError::invalid("displayName", reason));
    }
    let changes = MemberChanges {
        added: members,
        ..MemberChanges::default()
    };
    after_member_changes(unit, rules, after, &changes).await
}
