//! Declaring custom attributes: what would make stored values unreadable or untrue is refused.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use uuid::Uuid;

use crate::directory::declare::{Rehearsal, compare, refuse};
use crate::directory::keys::{self, Count, Table};
use crate::directory::{DirectoryError, Operation, Unit};
use crate::model::connection::Connection;
use crate::model::custom_attribute::{
    Bearer, CustomAttribute, CustomSchema, Defined, Index, IndexKind, MOST_ATTRIBUTES, extension_of,
};
use crate::model::event::EventKind;
use crate::model::organisation::Organisation;
use crate::model::schema::Schema;
use crate::store::{Key, SCAN_ENTRIES_MAX, Scan};

use super::attributes_of;

/// Records looked at in one round trip.
const CHUNK: usize = 500;

/// Declares an attribute, or changes its declaration.
pub(in crate::directory) struct PutCustomAttribute<'a> {
    /// Of which resource type.
    pub(in crate::directory) bearer: Bearer,
    /// The attribute as it is to be.
    pub(in crate::directory) attribute: &'a CustomAttribute,
}

/// Lays the declared attributes of a resource type.
pub(in crate::directory) async fn lay(
    unit: &mut Unit,
    shown: &mut Rehearsal,
    bearer: Bearer,
    declared: &[CustomAttribute],
) -> Result<(), DirectoryError> {
    let key = keys::custom_schema(unit.organisation(), bearer);
    for attribute in declared {
        let place = format!("{}.{}", bearer.list(), attribute.name);
        let before = shown_attribute(unit, &key, &attribute.name).await?;
        match (PutCustomAttribute { bearer, attribute }).attempt(unit).await {
            Ok(()) => {
                let after = shown_attribute(unit, &key, &attribute.name).await?;
                shown.changes.push(compare(place, before.as_ref(), after.as_ref()));
            }
            Err(error) => refuse(shown, place, error)?,
        }
    }
    Ok(())
}

async fn shown_attribute(unit: &mut Unit, key: &Key, name: &str) -> Result<Option<Value>, DirectoryError> {
    let schema: Option<CustomSchema> = unit.find(key).await?;
    let defined = schema.as_ref().and_then(|schema| schema.find(name));
    Ok(defined.map(|defined| json!(defined.attribute)))
}

#[async_trait::async_trait]
impl Operation for PutCustomAttribute<'_> {
    type Outcome = ();

    async fn attempt(&self, unit: &mut Unit) -> Result<(), DirectoryError> {
        let (bearer, attribute) = (self.bearer, self.attribute);
        let place = || format!("{}.{}", bearer.list(), attribute.name);
        let refused = |error: String| DirectoryError::invalid(place(), error);
        attribute.check(bearer).map_err(|error| refused(error.to_string()))?;
        let key = keys::custom_schema(unit.organisation(), bearer);
        let mut schema = present(unit, &key, bearer).await?;
        let same = |defined: &Defined| defined.attribute.name.eq_ignore_ascii_case(&attribute.name);
        let at = schema.attributes.iter().position(same);
        let before = at.map(|at| schema.attributes[at].clone());
        if before.as_ref().is_some_and(|before| before.attribute == *attribute) {
            return Ok(());
        }
        let counter = keys::count(unit.organisation(), &Count::Values(bearer, attribute.name.clone()));
        // Relied on: a value that comes or goes at the same time is a conflict.
        unit.bytes(&counter).await?;
        let is_used = unit.counter(&counter).await? > 0;
        if let Some(before) = before.as_ref().filter(|_| is_used) {
            let change = attribute.check_change(&before.attribute);
            change.map_err(|error| refused(error.to_string()))?;
        }
        if attribute.retired {
            check_unmapped(unit, &schema.urn, attribute)
                .await
                .map_err(|error| match error {
                    Unmapped::Directory(error) => error,
                    Unmapped::Mapped(connection) => refused(format!(
                        "retired: connection {connection} maps to it: take the rule away first"
                    )),
                })?;
        }
        let was_unique = before.as_ref().is_some_and(|before| before.attribute.unique);
        if attribute.unique && !was_unique && is_used {
            check_distinct(unit, bearer, attribute).await?;
        }
        let index = before.map(|before| before.index).unwrap_or_default();
        let defined = Defined {
            attribute: attribute.clone(),
            index: index.towards(attribute.wanted_index(), is_used),
        };
        match at {
            Some(at) => schema.attributes[at] = defined,
            None => schema.attributes.push(defined),
        }
        check_whole(&schema).map_err(refused)?;
        unit.put(key, &schema);
        let subject = unit.organisation();
        unit.event(EventKind::OrganisationUpdated, subject, json!({ "attribute": place() }));
        Ok(())
    }
}

async fn present(unit: &mut Unit, key: &Key, bearer: Bearer) -> Result<CustomSchema, DirectoryError> {
    if let Some(schema) = unit.find(key).await? {
        return Ok(schema);
    }
    let own = keys::organisation(unit.organisation());
    let organisation: Organisation = unit
        .find(&own)
        .await?
        .ok_or_else(|| DirectoryError::not_found("organisation", unit.organisation()))?;
    Ok(CustomSchema::new(&organisation.slug, bearer))
}

/// All attributes together: their number, and names that differ.
fn check_whole(schema: &CustomSchema) -> Result<(), String> {
    let count = schema.attributes.len();
    if count > MOST_ATTRIBUTES {
        return Err(format!(
            "would be the {count}th attribute, at most {MOST_ATTRIBUTES} are allowed"
        ));
    }
    let whole = Schema {
        id: schema.urn.clone(),
        name: String::new(),
        description: String::new(),
        attributes: schema
            .attributes
            .iter()
            .map(|defined| defined.attribute.definition())
            .collect(),
    };
    whole.check().map_err(|error| error.to_string())
}

enum Unmapped {
    Directory(DirectoryError),
    Mapped(String),
}

impl From<DirectoryError> for Unmapped {
    fn from(error: DirectoryError) -> Self {
        Self::Directory(error)
    }
}

/// A rule that writes an attribute which is not there would make its connection useless.
async fn check_unmapped(unit: &mut Unit, urn: &str, attribute: &CustomAttribute) -> Result<(), Unmapped> {
    let table = keys::table(unit.organisation(), Table::Connection);
    let stored = unit.scan(Scan::prefix(&table, SCAN_ENTRIES_MAX)).await?;
    let mut all: BTreeSet<Key> = stored.into_iter().map(|(key, _)| key).collect();
    all.extend(unit.changed_under(&table).map(|(key, _)| key.clone()));
    let target = format!("{urn}:{}", attribute.name).to_ascii_lowercase();
    for key in all {
        let Some(connection) = unit.find::<Connection>(&key).await? else {
            continue;
        };
        let is_mapped = connection.mapping.iter().any(|rule| {
            let to = rule.to.trim().to_ascii_lowercase();
            let rest = to.strip_prefix(&target);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        });
        if is_mapped {
            return Err(Unmapped::Mapped(connection.name.to_string()));
        }
    }
    Ok(())
}

/// Refuses to make an attribute unique while two resources have the same value. Resources that are written meanwhile are
/// looked at when the index is built.
async fn check_distinct(unit: &Unit, bearer: Bearer, attribute: &CustomAttribute) -> Result<(), DirectoryError> {
    let mut holders: BTreeMap<String, Uuid> = BTreeMap::new();
    let mut scan = Scan::prefix(&keys::table(unit.organisation(), table(bearer)), CHUNK);
    loop {
        let entries = unit.scan(scan.clone()).await?;
        let Some((last, _)) = entries.last() else { return Ok(()) };
        scan = scan.after(last.clone());
        for (key, stored) in &entries {
            let Some(id) = keys::last_uuid(key) else { continue };
            let attributes = attributes_of(&stored.value).unwrap_or_default();
            let value = extension_of(&attributes).and_then(|(_, extension)| extension.get(&attribute.name));
            for text in value.map(|value| attribute.index_texts(value)).unwrap_or_default() {
                if let Some(other) = holders.insert(text, id).filter(|other| *other != id) {
                    return Err(not_distinct(bearer, attribute, other, id));
                }
            }
        }
    }
}

/// The table of a resource type.
pub(super) fn table(bearer: Bearer) -> Table {
    match bearer {
        Bearer::User => Table::User,
        Bearer::Group => Table::Group,
    }
}

/// The refusal of an attribute whose values are not unique. It names the resources and not the value.
pub(super) fn not_distinct(bearer: Bearer, attribute: &CustomAttribute, one: Uuid, other: Uuid) -> DirectoryError {
    let reason = format!("unique: {one} and {other} have the same value: change one of them first");
    DirectoryError::invalid(format!("{}.{}", bearer.list(), attribute.name), reason)
}

/// The index state of an attribute that turned out not to be unique.
pub(super) fn no_longer_unique(defined: &mut Defined) {
    defined.attribute.unique = false;
    defined.index = Index::Dropping(IndexKind::Unique);
}
