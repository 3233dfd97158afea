//! The tree of groups.

use std::collections::{BTreeMap, BTreeSet};

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::directory::{Directory, DirectoryError};
use crate::model::group::Group;
use crate::model::id::GroupId;

use super::caller::{Administrator, Parameters};
use super::groups::find;
use super::problem::Problem;

/// Groups that one answer holds.
const NODES_MAX: usize = 5000;

/// Which part of the tree.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// Only this group and what lies below it, by identifier or name.
    below: Option<String>,
    /// Disabled groups as well, with everything below them (X04-12).
    #[serde(default)]
    inactive: bool,
}

/// `GET .../groups/tree`: groups with those below them (S004-3, S004-20), in the order of their codes.
pub async fn tree(
    State(directory): State<Directory>,
    caller: Administrator,
    Parameters(wanted): Parameters<Wanted>,
) -> Result<Json<Value>, Problem> {
    let organisation = caller.organisation();
    let reached = match caller.bounded("group.view") {
        Some(rights) => {
            directory
                .reached_groups(organisation, (rights.as_ref(), "group.view"))
                .await?
        }
        None => None,
    };
    let is_reached = |id: &GroupId| reached.as_ref().is_none_or(|reached| reached.contains(id));
    let top = match &wanted.below {
        Some(named) => {
            let found = find(&directory, organisation, named).await?;
            let top = Some(found.id).filter(is_reached);
            Some(top.ok_or_else(|| DirectoryError::not_found("group", named))?)
        }
        None => None,
    };
    let ids = match (top, &reached) {
        (Some(top), _) => {
            let mut ids = directory.subtree(organisation, top).await?;
            ids.retain(is_reached);
            Some(ids)
        }
        (None, Some(reached)) => Some(reached.iter().copied().collect()),
        (None, None) => None,
    };
    let groups = match ids {
        Some(ids) => {
            refuse_above(ids.len())?;
            directory.browse_groups_by_id(organisation, &ids).await?
        }
        None => {
            let all = directory.browse_groups(organisation, None, NODES_MAX + 1).await?;
            refuse_above(all.len())?;
            all
        }
    };
    // What lies above those that are shown is not: they are the first then.
    let shown: BTreeSet<GroupId> = groups.iter().map(|group| group.id).collect();
    let mut children: BTreeMap<Option<GroupId>, Vec<&Group>> = BTreeMap::new();
    for group in &groups {
        let parent = group.parent.filter(|parent| shown.contains(parent));
        if group.enabled || wanted.inactive {
            children.entry(parent).or_default().push(group);
        }
    }
    for siblings in children.values_mut() {
        siblings.sort_by_key(|group| (group.code.clone(), group.id));
    }
    Ok(Json(json!({ "items": nodes(&children, None) })))
}

fn refuse_above(count: usize) -> Result<(), Problem> {
    if count <= NODES_MAX {
        return Ok(());
    }
    let reason =
        format!("more than {NODES_MAX} groups: ask for a part of the tree with below=GROUP, or page through groups");
    Err(DirectoryError::TooMany { reason }.into())
}

/// The depth of a tree is bounded by the organisation's rules, and so is this recursion.
fn nodes(children: &BTreeMap<Option<GroupId>, Vec<&Group>>, parent: Option<GroupId>) -> Vec<Value> {
    let below = children.get(&parent).into_iter().flatten();
    below
        .map(|group| {
            json!({
                "id": group.id,
                "display_name": group.display_name,
                "kind": group.kind,
                "code": group.code,
                "level": group.level(),
                "enabled": group.enabled,
                "is_billing_root": group.is_billing_root,
                "children": nodes(children, Some(group.id)),
            })
        })
        .collect()
}
