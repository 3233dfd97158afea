//! The tree of groups.

use std::collections::BTreeMap;

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
    let top = match &wanted.below {
        Some(named) => Some(find(&directory, organisation, named).await?.id),
        None => None,
    };
    let groups = match top {
        Some(top) => {
            let ids = directory.subtree(organisation, top).await?;
            refuse_above(ids.len())?;
            directory.browse_groups_by_id(organisation, &ids).await?
        }
        None => {
            let all = directory.browse_groups(organisation, None, NODES_MAX + 1).await?;
            refuse_above(all.len())?;
            all
        }
    };
    let mut children: BTreeMap<Option<GroupId>, Vec<&Group>> = BTreeMap::new();
    for group in &groups {
        let parent = group.parent.filter(|_| Some(group.id) != top);
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
