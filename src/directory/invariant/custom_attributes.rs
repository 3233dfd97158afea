//! Every entry of an index over custom attributes leads to a resource that has the value, and every resource is found by each
//! of its values.

use std::collections::BTreeSet;

use async_trait::async_trait;

use crate::directory::custom_attribute::{Holder, entries};
use crate::directory::keys::{self, Table};
use crate::directory::user::parse_uuid;
use crate::directory::verify::Report;
use crate::directory::{DirectoryError, custom_attribute};
use crate::model::custom_attribute::{Bearer, CustomSchema, Index, IndexKind, extension_of};
use crate::model::id::{GroupId, UserId};
use crate::store::{Key, Versioned};

use super::{Invariant, View, readable};

/// The invariant.
pub struct CustomAttributes;

/// What an organisation declares.
type Schemas = Vec<(Bearer, CustomSchema)>;

#[async_trait]
impl Invariant for CustomAttributes {
    fn name(&self) -> &'static str {
        "custom_attributes"
    }

    async fn verify(&self, view: &View<'_>, report: &mut Report) -> Result<(), DirectoryError> {
        let schemas = declared(view).await?;
        self.check_entries(view, report, &schemas, Table::Unique).await?;
        self.check_entries(view, report, &schemas, Table::Index).await?;
        for (bearer, schema) in &schemas {
            self.check_resources(view, report, *bearer, schema).await?;
        }
        if declared(view).await? != schemas {
            let note = format!(
                "organisation {} changed its attributes while they were verified: verify again",
                view.organisation
            );
            report.note(note).await;
        }
        Ok(())
    }
}

async fn declared(view: &View<'_>) -> Result<Schemas, DirectoryError> {
    let keys = Bearer::ALL.map(|bearer| keys::custom_schema(view.organisation, bearer));
    let found = view.get_many(keys.to_vec()).await?;
    // One that cannot be read is reported with the records.
    let schemas = Bearer::ALL.into_iter().zip(found);
    Ok(schemas
        .filter_map(|(bearer, stored)| Some((bearer, readable(stored.as_ref())?)))
        .collect())
}

fn record_key(view: &View<'_>, holder: Holder) -> Key {
    match holder.bearer {
        Bearer::User => keys::user(view.organisation, UserId::new(holder.id)),
        Bearer::Group => keys::group(view.organisation, GroupId::new(holder.id)),
    }
}

/// The entries of a stored resource, in the indexes whose state `counts`.
fn entries_of(
    view: &View<'_>,
    holder: Holder,
    schema: &CustomSchema,
    record: &Versioned,
    counts: impl Fn(Index) -> Option<IndexKind>,
) -> BTreeSet<Key> {
    let attributes = custom_attribute::attributes_of(&record.value).unwrap_or_default();
    let extension = extension_of(&attributes).map(|(_, extension)| extension);
    let all = schema.attributes.iter().filter_map(|defined| {
        let kind = counts(defined.index)?;
        Some(entries(view.organisation, holder, &defined.attribute, kind, extension))
    });
    all.flat_map(|found| found.into_keys()).collect()
}

impl CustomAttributes {
    async fn check_entries(
        &self,
        view: &View<'_>,
        report: &mut Report,
        schemas: &Schemas,
        table: Table,
    ) -> Result<(), DirectoryError> {
        let mut pages = view.under(&keys::table(view.organisation, table));
        let holder_of = |key: &Key, stored: &Versioned| match table {
            Table::Unique => parse_uuid(&stored.value),
            _ => keys::last_uuid(key),
        };
        // Entries that are being removed say nothing.
        let dropping: Vec<Key> = schemas
            .iter()
            .flat_map(|(bearer, schema)| schema.attributes.iter().map(move |defined| (*bearer, defined)))
            .filter(|(_, defined)| matches!(defined.index, Index::Dropping(_)))
            .flat_map(|(bearer, defined)| {
                let name = &defined.attribute.name;
                [
                    keys::custom_unique_values(view.organisation, bearer, name),
                    keys::custom_entry_values(view.organisation, bearer, name),
                ]
            })
            .collect();
        while let Some(mut found) = pages.next(report).await? {
            found.retain(|(key, _)| {
                let is_dropped = dropping
                    .iter()
                    .any(|prefix| key.as_bytes().starts_with(prefix.as_bytes()));
                keys::is_custom_entry(key) && !is_dropped
            });
            let holders = |key: &Key, stored: &Versioned| {
                let id = holder_of(key, stored);
                let all = id
                    .into_iter()
                    .flat_map(|id| Bearer::ALL.map(|bearer| Holder { bearer, id }));
                all.map(|holder| record_key(view, holder)).collect()
            };
            for entry in view.together(found, holders).await? {
                let id = holder_of(&entry.key, &entry.value);
                let borne = Bearer::ALL.into_iter().zip(&entry.others).any(|(bearer, record)| {
                    let schema = schemas.iter().find(|(of, _)| *of == bearer);
                    let (Some((_, schema)), Some(record), Some(id)) = (schema, record, id) else {
                        return false;
                    };
                    let holder = Holder { bearer, id };
                    entries_of(view, holder, schema, record, Index::kept).contains(&entry.key)
                });
                if !borne {
                    let what = "leads to nothing that has this value of a custom attribute";
                    view.broken(report, self.name(), &entry.key, what).await;
                }
            }
        }
        Ok(())
    }

    async fn check_resources(
        &self,
        view: &View<'_>,
        report: &mut Report,
        bearer: Bearer,
        schema: &CustomSchema,
    ) -> Result<(), DirectoryError> {
        let table = match bearer {
            Bearer::User => Table::User,
            Bearer::Group => Table::Group,
        };
        let ready = |index| match index {
            Index::Ready(kind) => Some(kind),
            Index::None | Index::Building(_) | Index::Dropping(_) => None,
        };
        let mut pages = view.under(&keys::table(view.organisation, table));
        while let Some(found) = pages.next(report).await? {
            let wanted = |key: &Key, stored: &Versioned| {
                let holder = keys::last_uuid(key).map(|id| Holder { bearer, id });
                let all = holder.map(|holder| entries_of(view, holder, schema, stored, ready));
                all.into_iter().flatten().collect()
            };
            for entry in view.together(found, wanted).await? {
                let id = keys::last_uuid(&entry.key);
                let is_own = |stored: &Option<Versioned>| {
                    // An entry of a searchable attribute bears the identifier in its key and is empty.
                    let stored = stored.as_ref();
                    stored.is_some_and(|stored| stored.value.is_empty() || parse_uuid(&stored.value) == id)
                };
                let missing = entry.others.iter().filter(|stored| !is_own(stored)).count();
                if missing > 0 {
                    let all = entry.others.len();
                    let what = format!("is not found by {missing} of {all} values of custom attributes");
                    view.broken(report, self.name(), &entry.key, what).await;
                }
            }
        }
        Ok(())
    }
}
