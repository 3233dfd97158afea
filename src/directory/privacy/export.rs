//! Handing a person's data over (S000-32, GDPR articles 15 and 20).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::directory::audit::{MASK, is_about, mask};
use crate::directory::keys::{self, Assigned, Table};
use crate::directory::settings::OrganisationSettings;
use crate::directory::{Directory, DirectoryError, tables};
use crate::model::audit::AuditEntry;
use crate::model::custom_attribute::Bearer;
use crate::model::id::{OrganisationId, ResourceId};
use crate::model::record;
use crate::model::user::User;
use crate::store::{Key, Versioned};

use super::traces::Traces;

/// Tables that only lead to records, count them, or hold other people.
const LEFT_OUT: [Table; 10] = [
    Table::User,
    Table::Unique,
    Table::Index,
    Table::Count,
    Table::MemberGroup,
    Table::MemberTouched,
    Table::GroupTouched,
    Table::InvitationIndex,
    Table::Idempotency,
    Table::Waiting,
];

/// Tables whose records name people, and not only refer to them.
const NAMING: [Table; 3] = [Table::Run, Table::Journal, Table::Outbox];

impl Directory {
    /// Everything that is held about a person, by table, also what is shown to nobody else. Never secrets: a hash tells
    /// the person nothing and others too much.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn export_user(&self, settings: &OrganisationSettings, user: &User) -> Result<Value, DirectoryError> {
        self.flush_journal().await?;
        let organisation = settings.organisation.id;
        let traces = Traces::of(user);
        let mut held: BTreeMap<&'static str, Vec<Value>> = BTreeMap::new();
        let mut resources: Vec<(&'static str, usize, ResourceId)> = Vec::new();
        self.for_each_under(&keys::organisation_all(organisation), |key, stored| {
            if let Some(table) = tables::of(key).filter(|table| !LEFT_OUT.contains(table))
                && let Some(item) = item(organisation, table, key, stored, &traces)?
            {
                let items = held.entry(tables::name(table)).or_default();
                resources.extend(resource_of(table, key).map(|id| (tables::name(table), items.len(), id)));
                items.push(item);
            }
            Ok(())
        })
        .await?;
        for (table, at, id) in resources {
            let resource = self.browse_resource(organisation, id).await?;
            let (kind, name) = resource.map(|resource| (resource.type_, resource.name)).unzip();
            if let Some(item) = held.get_mut(table).and_then(|items| items.get_mut(at)) {
                item["resource"] = json!({ "id": id, "type": kind, "name": name });
            }
        }
        let mut record = json!(user);
        mask(&mut record);
        // What the organisation keeps about people in attributes of its own is theirs as well, shown or not, whatever it is called.
        if let Some(custom) = settings.custom(Bearer::User)
            && let Some(own) = user.attributes.get(&custom.urn)
        {
            let mut own = own.clone();
            custom.mask_secrets(&mut own, &MASK.into());
            record["attributes"][&custom.urn] = own;
        }
        Ok(json!({
            "exported": self.clock.now(),
            "organisation": settings.organisation.slug,
            "user": record,
            "held": held,
        }))
    }
}

/// The resource of an assignment, or of the note that the person owns it.
fn resource_of(table: Table, key: &Key) -> Option<ResourceId> {
    match table {
        Table::Assignment => keys::subject_of(key).map(|(resource, _)| resource),
        Table::SubjectAssignment => Assigned::read(key).map(|assigned| match assigned {
            Assigned::To(_, resource) | Assigned::Owner(_, resource) => resource,
        }),
        _ => None,
    }
}

fn item(
    organisation: OrganisationId,
    table: Table,
    key: &Key,
    stored: &Versioned,
    traces: &Traces,
) -> Result<Option<Value>, DirectoryError> {
    if table == Table::Audit {
        let mut entry: AuditEntry = record::decode(&stored.value)?;
        entry.changes.retain(|change| is_about(change, traces.id_text()));
        if entry.changes.is_empty() {
            return Ok(None);
        }
        // Who else came or left in the same commit is not the person's to know.
        for change in &mut entry.changes {
            change.members.retain(|member| member.ends_with(traces.id_text()));
        }
        let at = keys::audit::audit_place(key).map(|(at_ms, _)| at_ms);
        return Ok(Some(json!({ "at_ms": at, "entry": entry })));
    }
    let mut value: Value = serde_json::from_slice(&stored.value).unwrap_or_default();
    let is_named = NAMING.contains(&table) && traces.names_in(&value);
    if !traces.is_keyed(key) && !traces.refers(&value) && !is_named {
        return Ok(None);
    }
    // The views under a person's own key are all the person's.
    if table != Table::View || !traces.is_keyed(key) {
        traces.narrow(&mut value);
    }
    if table == Table::SubjectAssignment && value.is_null() {
        // What only notes an owner has no value of its own.
        value = json!({});
    }
    mask(&mut value);
    if let Some(members) = value.as_object_mut() {
        members.remove("v");
        if table == Table::GroupMember {
            let group = key
                .as_bytes()
                .get(18..34)
                .and_then(|id| uuid::Uuid::from_slice(id).ok());
            members.insert("group".to_owned(), json!(group));
        }
        if let (Table::SubjectAssignment, Some(assigned)) = (table, Assigned::read(key)) {
            let is_owner = matches!(assigned, Assigned::Owner(..));
            members.insert("is_owner".to_owned(), json!(is_owner));
        }
        if table == Table::Event && *key != keys::events(organisation) {
            members.insert("number".to_owned(), json!(keys::last_number(key)));
        }
    }
    Ok(Some(value))
}
