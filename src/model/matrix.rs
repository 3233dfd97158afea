//! The role matrix: what every role permits, and how far (S000-8, S001-26).

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::permission::definition::Catalogue;
use super::permission::{Permission, Reach};
use super::role::{Role, Scope};
use super::slug::Slug;

/// Roles beside permissions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Matrix {
    /// The actions, in the order of the catalogue's areas; without a catalogue in their own.
    pub permissions: Vec<Row>,
    /// The roles.
    pub roles: Vec<Column>,
}

/// An action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The action.
    pub action: Slug,
    /// Its name for people; empty for none.
    pub name: String,
    /// Its area.
    pub area: Option<Slug>,
}

/// A role with what it permits, by what it includes, contains and implies too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Column {
    /// The role.
    pub key: Slug,
    /// Its name for people.
    pub name: String,
    /// Where it counts.
    pub scope: Scope,
    /// Whether it permits everything that the admin API offers.
    pub administers: bool,
    /// How far each action reaches; an action that is missing is not permitted.
    pub cells: BTreeMap<Slug, BTreeSet<Reach>>,
    /// What it permits within its linked groups.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub linked_cells: BTreeMap<Slug, BTreeSet<Reach>>,
}

/// The matrix of these roles.
#[must_use]
pub fn of(roles: &BTreeMap<Slug, Role>, catalogue: &Catalogue) -> Matrix {
    let columns: Vec<Column> = roles.values().map(|role| column(role, roles, catalogue)).collect();
    let mut actions: BTreeSet<&Slug> = catalogue.keys().collect();
    for column in &columns {
        actions.extend(column.cells.keys().chain(column.linked_cells.keys()));
    }
    let mut rows: Vec<Row> = actions
        .into_iter()
        .map(|action| {
            let definition = catalogue.get(action);
            Row {
                action: action.clone(),
                name: definition.map(|definition| definition.name.clone()).unwrap_or_default(),
                area: definition.and_then(|definition| definition.area.clone()),
            }
        })
        .collect();
    rows.sort_by(|one, other| (&one.area, &one.action).cmp(&(&other.area, &other.action)));
    Matrix {
        permissions: rows,
        roles: columns,
    }
}

fn column(role: &Role, roles: &BTreeMap<Slug, Role>, catalogue: &Catalogue) -> Column {
    let mut seen = BTreeSet::from([&role.key]);
    let mut pending = vec![role];
    let mut cells = BTreeMap::new();
    let mut administers = false;
    while let Some(next) = pending.pop() {
        administers |= next.administers;
        fill(&mut cells, &next.permissions, catalogue);
        let included = next.includes.iter().filter_map(|key| roles.get(key));
        pending.extend(included.filter(|included| seen.insert(&included.key)));
    }
    let mut linked_cells = BTreeMap::new();
    fill(&mut linked_cells, &role.group_permissions, catalogue);
    Column {
        key: role.key.clone(),
        name: role.name.clone(),
        scope: role.scope,
        administers,
        cells,
        linked_cells,
    }
}

fn fill(cells: &mut BTreeMap<Slug, BTreeSet<Reach>>, permissions: &BTreeSet<Permission>, catalogue: &Catalogue) {
    for permission in permissions {
        let mut pending = vec![&permission.action];
        let mut seen = BTreeSet::new();
        while let Some(action) = pending.pop() {
            if seen.insert(action) {
                cells.entry(action.clone()).or_default().insert(permission.reach);
                pending.extend(super::permission::definition::brought_along(catalogue, action));
            }
        }
    }
}
