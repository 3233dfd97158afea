//! Forgetting a person (S000-32, GDPR article 17).

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value, json};

use crate::directory::audit::is_about;
use crate::directory::keys::{self, Table};
use crate::directory::tables::{self, Audited, Erasure};
use crate::directory::{Directory, DirectoryError, Operation, Permit, Unit};
use crate::model::audit::AuditEntry;
use crate::model::event::EventKind;
use crate::model::id::{JobId, OrganisationId, UserId};
use crate::model::job::{JobItem, Outcome};
use crate::model::record;
use crate::model::user::User;
use crate::model::view::Views;
use crate::store::{Batch, Key, Precondition, StoreError, Versioned};

use super::traces::{ERASED, Traces};

/// Records of one commit.
const PART: usize = 200;
/// How often a record that changes at the same time is looked at again.
const ROUNDS: u32 = 5;

/// What an erasure did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Erased {
    /// How many names, addresses and numbers of the person were looked for: none, when only the identifier is known of somebody
    /// who was deleted before.
    pub looked_for: usize,
    /// Records of other things in which the person was masked, or that went: how many, by table.
    pub records: BTreeMap<&'static str, u64>,
    /// Records that still name the person, because they are somebody else's: for a person to look at.
    pub left: Vec<Left>,
}

/// A record that still names an erased person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Left {
    /// What kind of record.
    pub table: &'static str,
    /// The identifier of the thing that it is or belongs to, where that has one.
    pub id: Option<uuid::Uuid>,
    /// Its short name, where it is known by one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// Deletes the record and all that goes with it. An organisation that refuses local changes cannot refuse this: it is the person's
/// right.
struct EraseUser(UserId);

#[async_trait::async_trait]
impl Operation for EraseUser {
    type Outcome = ();

    async fn attempt(&self, unit: &mut Unit) -> Result<(), DirectoryError> {
        let user = unit.load_user(self.0).await?;
        unit.remove_user(&user).await?;
        unit.event(EventKind::UserErased, user.id, Value::Null);
        Ok(())
    }
}

/// Which records are looked through.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// The audit log.
    Audit,
    /// Everything else.
    ButAudit,
}

impl Scope {
    fn holds(self, table: Table) -> bool {
        (self == Self::Audit) == (table == Table::Audit)
    }
}

/// What is to be done with a record.
enum Deed {
    Put(Vec<u8>),
    Delete,
}

impl Directory {
    /// Erases a person, who was also called `names`. One who was deleted before is erased from the other records, as far as the
    /// identifier, the audit entries about the person and `names` lead.
    ///
    /// The other records are looked through twice: before the deletion, so that a crash in between leaves nothing behind that only
    /// the deleted record would lead to, and after it, for what was written meanwhile. The audit log knows what the person was called
    /// before, so it is masked after everything else.
    ///
    /// # Errors
    /// [`DirectoryError::NotFound`] for somebody who never was; as the store's read and commit. It may be asked again.
    pub async fn erase_user(&self, permit: &Permit, id: UserId, names: &[String]) -> Result<Erased, DirectoryError> {
        let organisation = permit.organisation();
        let mut erased = Erased::default();
        self.flush_journal().await?;
        let user = self.browse_user(organisation, id).await?;
        let mut traces = user.as_ref().map_or_else(|| Traces::of_id(id), Traces::of);
        names.iter().for_each(|name| traces.add(name));
        self.trace_history(organisation, &mut traces).await?;
        let traces = Arc::new(traces);
        erased.looked_for = traces.count();
        if user.is_some() {
            self.scrub(organisation, &traces, Scope::ButAudit, &mut erased).await?;
            self.run(permit, &EraseUser(id)).await?;
        } else {
            let tombstone = keys::tombstone(organisation, id.uuid());
            if self.store.get(tombstone).await?.is_none() {
                return Err(DirectoryError::not_found("user", id));
            }
        }
        self.erase_mails(permit, &traces, &mut erased).await?;
        self.flush_journal().await?;
        self.scrub(organisation, &traces, Scope::ButAudit, &mut erased).await?;
        self.scrub(organisation, &traces, Scope::Audit, &mut erased).await?;
        erased.left = self.left(organisation, &traces).await?;
        Ok(erased)
    }

    /// Takes what the audit entries about the person say that the person was called.
    async fn trace_history(&self, organisation: OrganisationId, traces: &mut Traces) -> Result<(), DirectoryError> {
        self.for_each_under(&keys::audit::audit(organisation), |_, stored| {
            let entry: AuditEntry = record::decode(&stored.value)?;
            entry.changes.iter().for_each(|change| traces.take_change(change));
            Ok(())
        })
        .await
    }

    async fn scrub(
        &self,
        organisation: OrganisationId,
        traces: &Traces,
        scope: Scope,
        erased: &mut Erased,
    ) -> Result<(), DirectoryError> {
        for _ in 0..ROUNDS {
            let mut deeds: Vec<(Key, Versioned, Table, Deed)> = Vec::new();
            self.for_each_under(&keys::organisation_all(organisation), |key, stored| {
                if let Some(table) = tables::of(key).filter(|table| scope.holds(*table))
                    && let Some(deed) = deed(table, key, stored, traces)
                {
                    deeds.push((key.clone(), stored.clone(), table, deed));
                }
                Ok(())
            })
            .await?;
            let mut has_changed = false;
            let mut deeds = deeds.into_iter().peekable();
            while deeds.peek().is_some() {
                let mut batch = Batch::new();
                let mut done: BTreeMap<&'static str, u64> = BTreeMap::new();
                for (key, stored, table, deed) in deeds.by_ref().take(PART) {
                    batch.require(Precondition::AtVersion(key.clone(), stored.version));
                    match deed {
                        Deed::Put(bytes) => batch.put(key, bytes),
                        Deed::Delete => batch.delete(key),
                    };
                    *done.entry(tables::name(table)).or_default() += 1;
                }
                match self.store.commit(batch).await {
                    Ok(_) => done.into_iter().for_each(|(name, many)| {
                        *erased.records.entry(name).or_default() += many;
                    }),
                    Err(StoreError::Conflict { .. }) => has_changed = true,
                    Err(error) => return Err(error.into()),
                }
            }
            if !has_changed {
                return Ok(());
            }
        }
        let key = keys::organisation_all(organisation).to_string();
        Err(DirectoryError::Contended { key })
    }

    /// What still names the person.
    async fn left(&self, organisation: OrganisationId, traces: &Traces) -> Result<Vec<Left>, DirectoryError> {
        let mut left = Vec::new();
        self.for_each_under(&keys::organisation_all(organisation), |key, stored| {
            if let Some(table) = tables::of(key)
                && (traces.names_key(key)
                    || serde_json::from_slice(&stored.value).is_ok_and(|value| traces.names_in(&value)))
            {
                left.extend(left_in(table, key, stored, traces));
            }
            Ok(())
        })
        .await?;
        Ok(left)
    }
}

/// What still names the person under a key: the record, or those of the things that one record holds.
fn left_in(table: Table, key: &Key, stored: &Versioned, traces: &Traces) -> Vec<Left> {
    let left = |id, name| Left {
        table: tables::name(table),
        id,
        name,
    };
    if table == Table::View {
        let views: Views = record::decode(&stored.value).unwrap_or_default();
        let naming = views.views.iter().filter(|view| traces.names_in(&json!(view)));
        return naming.map(|view| left(Some(view.id.uuid()), None)).collect();
    }
    if matches!(tables::treatment(table).audit, Audited::Named(_)) {
        return vec![left(None, Some(keys::last_text(key)))];
    }
    vec![left(id_of(table, key, stored), None)]
}

/// The identifier of the thing that a record is or leads to. Not every key ends with one: some end with a text or a number.
fn id_of(table: Table, key: &Key, stored: &Versioned) -> Option<uuid::Uuid> {
    let value: Option<Value> = serde_json::from_slice(&stored.value).ok();
    let own = value.as_ref().and_then(|value| value.get("id")).and_then(Value::as_str);
    let is_led_to = std::str::from_utf8(&stored.value).ok();
    let said = own.or(is_led_to).and_then(|id| uuid::Uuid::try_parse(id).ok());
    said.or_else(|| match table {
        Table::Job => keys::job_of(key).map(JobId::uuid),
        Table::Index | Table::GroupMember | Table::MemberGroup | Table::Waiting | Table::InvitationIndex => {
            keys::last_uuid(key)
        }
        _ => None,
    })
}

fn deed(table: Table, key: &Key, stored: &Versioned, traces: &Traces) -> Option<Deed> {
    let treatment = tables::treatment(table).erasure;
    if treatment == Erasure::Report {
        return None;
    }
    if table == Table::Audit {
        return audit(stored, traces);
    }
    if table == Table::Job {
        return job_item(stored, traces);
    }
    let value: Option<Value> = serde_json::from_slice(&stored.value).ok();
    let is_named = traces.names_key(key) || value.as_ref().is_some_and(|value| traces.names_in(value));
    match treatment {
        Erasure::Drop => {
            // An answer that was kept shows the person whole, whatever it names them by.
            let is_shown = table == Table::Idempotency && value.is_some_and(|value| traces.refers(&value));
            (is_named || is_shown).then_some(Deed::Delete)
        }
        Erasure::Mask => {
            let mut value = value?;
            let is_question = value.get("found").and_then(Value::as_str) == Some(traces.id_text());
            if is_question {
                return Some(Deed::Delete);
            }
            if table == Table::Run && is_named && keys::is_failure(key) {
                return Some(Deed::Delete);
            }
            // Of a plan that is held, all that it says of the person goes.
            let is_dropped = table == Table::Run && traces.mask_differences(&mut value);
            let is_masked = traces.mask(&mut value);
            (is_dropped || is_masked).then(|| Deed::Put(value.to_string().into_bytes()))
        }
        Erasure::Report => None,
    }
}

/// An item of a job: how somebody was named who was not found, and the reasons of refusals. The rest are short names and
/// identifiers, which may be words that people are called by as well.
fn job_item(stored: &Versioned, traces: &Traces) -> Option<Deed> {
    let mut item: JobItem = record::decode(&stored.value).ok()?;
    let before = item.clone();
    let hide = |text: &mut String| {
        if traces.names(text) {
            ERASED.clone_into(text);
        }
    };
    if let Some(named) = &mut item.named {
        hide(named);
    }
    for outcome in std::iter::once(&mut item.planned).chain(&mut item.result) {
        if let Outcome::Refused { reason } = outcome {
            hide(reason);
        }
    }
    (item != before).then(|| Deed::Put(record::encode(&item)))
}

/// An audit entry: the values of the person's own changes go, and elsewhere what names them.
fn audit(stored: &Versioned, traces: &Traces) -> Option<Deed> {
    let mut entry: AuditEntry = record::decode(&stored.value).ok()?;
    let mut is_changed = false;
    let mut hide = |value: &mut Value, is_own: bool| {
        if is_own && !value.is_null() && value.as_str() != Some(ERASED) {
            *value = ERASED.into();
            is_changed = true;
        } else if !is_own {
            is_changed |= traces.mask(value);
        }
    };
    for change in &mut entry.changes {
        let is_own = is_about(change, traces.id_text());
        for (before, after) in change.fields.values_mut() {
            hide(before, is_own);
            hide(after, is_own);
        }
    }
    is_changed.then(|| Deed::Put(record::encode(&entry)))
}

impl Directory {
    /// The user to erase, once the name is typed right.
    ///
    /// # Errors
    /// [`DirectoryError::InvalidValue`] names what must be typed.
    pub fn confirm_erasure(&self, user: &User, typed: &str) -> Result<(), DirectoryError> {
        if user.user_name == typed {
            return Ok(());
        }
        let cure = "is not the user name of the person: type it as it is shown, for an erasure cannot be undone";
        Err(DirectoryError::invalid("confirm", cure))
    }
}
