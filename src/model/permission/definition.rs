//! The catalogue of permissions: what an organisation's actions are, and what holding one brings along.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::record::Record;
use super::super::slug::Slug;
use super::gateway::GATEWAY_ACTIONS;
use super::{Permission, Reach};

/// Permissions by action. Empty when the organisation keeps no catalogue: then every action is accepted.
pub type Catalogue = BTreeMap<Slug, Definition>;

/// One permission of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// The action: `call.make`.
    pub key: Slug,
    /// Its name for people; empty for none.
    #[serde(default)]
    pub name: String,
    /// The settings area that it opens or belongs to (X03-1).
    #[serde(default)]
    pub area: Option<Slug>,
    /// The permission that contains it: whoever holds that one holds this one too (X03-2).
    #[serde(default)]
    pub parent: Option<Slug>,
    /// The reaches at which it is given; empty for all.
    #[serde(default)]
    pub reaches: BTreeSet<Reach>,
    /// Actions that come with it, at the same place and with the parameters of the same name (S002-11).
    #[serde(default)]
    pub implies: BTreeSet<Slug>,
    /// Parameters with the values that each may have (S002-12).
    #[serde(default)]
    pub parameters: BTreeMap<Slug, BTreeSet<Slug>>,
    /// The plan or add-on without which it sleeps (X02-5, S002-20).
    #[serde(default)]
    pub requires_feature: Option<Slug>,
    /// Whether only a member of a group can use it (S000-23).
    #[serde(default)]
    pub requires_group: bool,
    /// The boolean attribute of the organisation's own which takes a member along to the groups of the own access list as well
    /// (S004-34); nobody whose attribute is not true goes anywhere.
    #[serde(default)]
    pub roams_with: Option<String>,
    /// The type of resource of which a person needs at least one to use it (S000-15).
    #[serde(default)]
    pub requires_resource: Option<Slug>,
    /// Whether it is a mark on a person rather than a right, as that a recording needs everyone's consent (S002-17). Its parent
    /// does not contain it.
    #[serde(default)]
    pub flag: bool,
}

impl Record for Definition {
    const KIND: &'static str = "permission";
}

impl Definition {
    /// A permission at every reach, without conditions.
    #[must_use]
    pub fn new(key: Slug) -> Self {
        Self {
            key,
            name: String::new(),
            area: None,
            parent: None,
            reaches: BTreeSet::new(),
            implies: BTreeSet::new(),
            parameters: BTreeMap::new(),
            requires_feature: None,
            requires_group: false,
            roams_with: None,
            requires_resource: None,
            flag: false,
        }
    }

    /// The actions that this one names.
    pub fn names(&self) -> impl Iterator<Item = &Slug> {
        self.parent.iter().chain(&self.implies)
    }
}

/// Why a permission does not fit the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// The catalogue does not know the action.
    #[error("\"{0}\" is in no [[permissions]] of this organisation: declare it there, or put the name right")]
    UnknownAction(Slug),
    /// The action is not given at this reach.
    #[error("\"{action}\" is not given at reach \"{}\": use {allowed}", .reach.as_str())]
    Reach {
        /// The action.
        action: Slug,
        /// The reach.
        reach: Reach,
        /// The reaches that are possible, in words.
        allowed: String,
    },
    /// The action has no such parameter.
    #[error("\"{action}\" has no parameter \"{parameter}\": declare it under its parameters, or leave it out")]
    UnknownParameter {
        /// The action.
        action: Slug,
        /// The parameter.
        parameter: Slug,
    },
    /// The parameter does not take the value.
    #[error("parameter \"{parameter}\" of \"{action}\" does not take \"{value}\": use {allowed}")]
    Value {
        /// The action.
        action: Slug,
        /// The parameter.
        parameter: Slug,
        /// The value.
        value: Slug,
        /// The values that are possible, in words.
        allowed: String,
    },
}

/// Whether an action is one that this gateway itself asks for, catalogue or not.
#[must_use]
pub fn is_gateway_action(action: &Slug) -> bool {
    GATEWAY_ACTIONS.contains(&action.as_str())
}

/// The actions that come with an action: those that it contains, and those that it implies.
pub fn brought_along<'a>(catalogue: &'a Catalogue, action: &'a Slug) -> impl Iterator<Item = &'a Slug> {
    let is_child = move |child: &&Definition| child.parent.as_ref() == Some(action) && !child.flag;
    let children = catalogue.values().filter(is_child).map(|child| &child.key);
    children.chain(
        catalogue
            .get(action)
            .into_iter()
            .flat_map(|definition| &definition.implies),
    )
}

/// Whether a permission fits the catalogue. Without a catalogue every one does; the gateway's own actions always do.
///
/// # Errors
/// [`Unfit`].
pub fn fits(catalogue: &Catalogue, permission: &Permission) -> Result<(), Unfit> {
    let action = &permission.action;
    if catalogue.is_empty() {
        return Ok(());
    }
    let Some(definition) = catalogue.get(action) else {
        let is_known = is_gateway_action(action) && permission.parameters.is_empty();
        return if is_known {
            Ok(())
        } else {
            Err(Unfit::UnknownAction(action.clone()))
        };
    };
    if !definition.reaches.is_empty() && !definition.reaches.contains(&permission.reach) {
        return Err(Unfit::Reach {
            action: action.clone(),
            reach: permission.reach,
            allowed: listed(definition.reaches.iter().map(|reach| reach.as_str())),
        });
    }
    for (parameter, value) in &permission.parameters {
        let Some(allowed) = definition.parameters.get(parameter) else {
            return Err(Unfit::UnknownParameter {
                action: action.clone(),
                parameter: parameter.clone(),
            });
        };
        if !allowed.contains(value) {
            return Err(Unfit::Value {
                action: action.clone(),
                parameter: parameter.clone(),
                value: value.clone(),
                allowed: listed(allowed.iter().map(Slug::as_str)),
            });
        }
    }
    Ok(())
}

fn listed<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = words.map(|word| format!("\"{word}\"")).collect();
    quoted.join(" or ")
}
