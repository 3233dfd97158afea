//! Bringing an organisation to what a file declares: all of it in one commit, or nothing.
//!
//! A declaration is first rehearsed: every part is decided as if it were committed, so that all refusals are known at once and
//! a dry run shows exactly what a real one does.

mod roles;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::connection::Connection;
use crate::model::cost_centre::CostCentre;
use crate::model::custom_attribute::Bearer;
use crate::model::declaration::{Declaration, DeclaredOrganisation};
use crate::model::effective::DefaultGrants;
use crate::model::id::OrganisationId;
use crate::model::mail::template::MailTemplate;
use crate::model::organisation::Organisation;
use crate::model::permission::definition::Definition;
use crate::model::record::Record;
use crate::model::resource::ResourceType;
use crate::model::slug::Slug;
use crate::store::Key;

use super::authority::PutAuthority;
use super::connection::PutConnection;
use super::cost_centre::{self, PutCostCentre};
use super::custom_attribute;
use super::keys::{self, Table};
use super::organisation::{CreateOrganisation, UpdateOrganisation};
use super::permission::{PutDefaultGrants, PutPermission};
use super::resource_type::PutResourceType;
use super::template::PutTemplate;
use super::{Directory, DirectoryError, Operation, Permit, Unit};

/// What became, or would become, of one part of a declaration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The part: `organisation`, `licences.pro`.
    pub place: String,
    /// What happened to it.
    pub outcome: Outcome,
    /// The names of the settings that changed.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub fields: BTreeSet<String>,
}

/// What happened to a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It was not there.
    Created,
    /// Some settings are others now.
    Updated,
    /// It was as declared already.
    Unchanged,
}

/// A part that was refused.
#[derive(Debug)]
pub struct Refusal {
    /// The part.
    pub place: String,
    /// Why.
    pub error: DirectoryError,
}

/// What a rehearsal showed.
#[derive(Debug, Default)]
pub struct Rehearsal {
    /// What would become of the parts that are not refused.
    pub changes: Vec<Change>,
    /// The parts that are refused; with any, nothing would be changed.
    pub refusals: Vec<Refusal>,
}

struct Declare<'a>(&'a Declaration);

#[async_trait::async_trait]
impl Operation for Declare<'_> {
    type Outcome = Vec<Change>;

    async fn attempt(&self, unit: &mut Unit) -> Result<Vec<Change>, DirectoryError> {
        let mut rehearsal = Rehearsal::default();
        self.lay(unit, &mut rehearsal).await?;
        match rehearsal.refusals.pop() {
            Some(refusal) => Err(refusal.error),
            None => Ok(rehearsal.changes),
        }
    }
}

impl Declare<'_> {
    /// Permissions, then roles and licences, then connections: what is referred to comes first. Attributes come after them, because
    /// one is not retired while a connection maps to it, and at last the lists that name connections and attributes.
    async fn lay(&self, unit: &mut Unit, shown: &mut Rehearsal) -> Result<(), DirectoryError> {
        let place = "organisation".to_owned();
        let key = keys::organisation(unit.organisation());
        let before = record::<Organisation>(unit, &key).await?;
        let result = declare_organisation(unit, &self.0.organisation).await;
        note::<Organisation>(unit, shown, place, &key, before, result).await?;
        for permission in in_order(
            &self.0.permissions,
            |permission| &permission.key,
            |permission| permission.names().collect(),
        ) {
            let key = keys::named(unit.organisation(), Table::Permission, &permission.key);
            let part = PutPermission(permission.clone());
            lay_part::<Definition>(unit, shown, format!("permissions.{}", permission.key), &key, &part).await?;
        }
        if let Some(defaults) = &self.0.default_permissions {
            let key = keys::default_grants(unit.organisation());
            let part = PutDefaultGrants(defaults.clone());
            lay_part::<DefaultGrants>(unit, shown, "default_permissions".to_owned(), &key, &part).await?;
        }
        self.lay_kinds(unit, shown).await?;
        self.lay_roles(unit, shown).await?;
        for connection in &self.0.connections {
            let key = keys::named(unit.organisation(), Table::Connection, &connection.name);
            let part = PutConnection(connection.clone());
            lay_part::<Connection>(unit, shown, format!("connections.{}", connection.name), &key, &part).await?;
        }
        for bearer in Bearer::ALL {
            custom_attribute::declare::lay(unit, shown, bearer, self.0.attributes(bearer)).await?;
        }
        if let Some(authority) = &self.0.authority {
            let key = keys::organisation(unit.organisation());
            let part = PutAuthority(authority.clone());
            lay_part::<Organisation>(unit, shown, "authority".to_owned(), &key, &part).await?;
        }
        self.check_marks(unit, shown).await?;
        self.lay_templates(unit, shown).await
    }

    /// Permissions of the file, and those whose mark the file declares anew: the attribute must be there and fit.
    async fn check_marks(&self, unit: &mut Unit, shown: &mut Rehearsal) -> Result<(), DirectoryError> {
        for permission in unit.catalogue().await?.values() {
            let is_named = self.0.permissions.iter().any(|own| own.key == permission.key);
            let mark = permission.roams_with.as_deref();
            let is_touched = mark.is_some_and(|mark| {
                let mut attributes = self.0.user_attributes.iter();
                attributes.any(|attribute| attribute.name.eq_ignore_ascii_case(mark))
            });
            if (is_named || is_touched)
                && let Err(error) = unit.refuse_unknown_mark(permission).await
            {
                refuse(shown, format!("permissions.{}", permission.key), error)?;
            }
        }
        Ok(())
    }

    /// Cost centres, and types of resources.
    async fn lay_kinds(&self, unit: &mut Unit, shown: &mut Rehearsal) -> Result<(), DirectoryError> {
        for centre in cost_centre::in_order(&self.0.cost_centres) {
            let key = keys::named(unit.organisation(), Table::CostCentre, &centre.key);
            let part = PutCostCentre(centre.clone());
            lay_part::<CostCentre>(unit, shown, format!("cost_centres.{}", centre.key), &key, &part).await?;
        }
        for type_ in &self.0.resource_types {
            let key = keys::named(unit.organisation(), Table::ResourceType, &type_.key);
            let part = PutResourceType(type_.clone());
            lay_part::<ResourceType>(unit, shown, format!("resource_types.{}", type_.key), &key, &part).await?;
        }
        Ok(())
    }

    async fn lay_templates(&self, unit: &mut Unit, shown: &mut Rehearsal) -> Result<(), DirectoryError> {
        for template in &self.0.templates {
            let key = keys::mail::template(unit.organisation(), template.name, &template.language);
            let part = PutTemplate(template.clone());
            lay_part::<MailTemplate>(
                unit,
                shown,
                format!("templates.{}.{}", template.name, template.language),
                &key,
                &part,
            )
            .await?;
        }
        Ok(())
    }
}

impl Directory {
    /// What a declaration would change, and what of it is refused. Changes nothing.
    ///
    /// # Errors
    /// Only when it cannot be told: as the store's read.
    pub async fn rehearse_declaration(
        &self,
        permit: &Permit,
        declaration: &Declaration,
    ) -> Result<Rehearsal, DirectoryError> {
        let mut rehearsal = Rehearsal::default();
        let mut unit = Unit::new(self, permit);
        Declare(declaration).lay(&mut unit, &mut rehearsal).await?;
        Ok(rehearsal)
    }

    /// Brings the organisation to what is declared, gives seats that a raised limit frees to those who wait, and brings the
    /// indexes of custom attributes in line.
    ///
    /// # Errors
    /// The last refusal, when any part is refused; as [`Directory::settle_custom_attributes`]; as the store's commit.
    pub async fn declare(&self, permit: &Permit, declaration: &Declaration) -> Result<Vec<Change>, DirectoryError> {
        let changes = self.run(permit, &Declare(declaration)).await?;
        for licence in &declaration.licences {
            self.promote_waiting(permit, &licence.key).await?;
        }
        if declaration.organisation.groups.is_some() {
            self.number_groups(permit).await?;
        }
        if Bearer::ALL
            .into_iter()
            .any(|bearer| !declaration.attributes(bearer).is_empty())
        {
            self.settle_custom_attributes(permit).await?;
        }
        Ok(changes)
    }

    /// An identifier for an organisation that a declaration makes.
    #[must_use]
    pub fn new_organisation_id(&self) -> OrganisationId {
        OrganisationId::new(self.clock.uuid())
    }
}

async fn declare_organisation(unit: &mut Unit, declared: &DeclaredOrganisation) -> Result<(), DirectoryError> {
    let key = keys::organisation(unit.organisation());
    let present = match unit.find::<Organisation>(&key).await? {
        Some(present) => present,
        None => {
            let name = declared.name.as_deref().unwrap_or(declared.slug.as_str());
            let create = CreateOrganisation {
                slug: &declared.slug,
                name,
            };
            create.attempt(unit).await?
        }
    };
    let wanted = Organisation {
        name: declared.name.clone().unwrap_or_else(|| present.name.clone()),
        invitation_hours: declared.invitation_hours.unwrap_or(present.invitation_hours),
        verified_domains: declared
            .verified_domains
            .clone()
            .unwrap_or_else(|| present.verified_domains.clone()),
        local_changes: declared.local_changes.unwrap_or(present.local_changes),
        audit_days: declared.audit_days.unwrap_or(present.audit_days),
        groups: declared.groups.clone().unwrap_or_else(|| present.groups.clone()),
        password_policy: declared
            .password_policy
            .clone()
            .unwrap_or_else(|| present.password_policy.clone()),
        guest_url: declared.guest_url.clone().or_else(|| present.guest_url.clone()),
        invite_new_users: declared.invite_new_users.unwrap_or(present.invite_new_users),
        name_required: declared.name_required.unwrap_or(present.name_required),
        role_required: declared.role_required.unwrap_or(present.role_required),
        login: declared.login.clone().unwrap_or_else(|| present.login.clone()),
        defaults: declared.defaults.clone().unwrap_or_else(|| present.defaults.clone()),
        features: declared.features.clone().unwrap_or_else(|| present.features.clone()),
        page_size: declared.page_size.or(present.page_size),
        ..present.clone()
    };
    UpdateOrganisation(wanted.clone()).attempt(unit).await?;
    unit.change_group_policy(&present.groups, &wanted).await
}

/// Decides one part as if it were committed, and notes what became of it.
async fn lay_part<R: Record>(
    unit: &mut Unit,
    shown: &mut Rehearsal,
    place: String,
    key: &Key,
    part: &impl Operation,
) -> Result<(), DirectoryError> {
    let before = record::<R>(unit, key).await?;
    let result = part.attempt(unit).await.map(drop);
    note::<R>(unit, shown, place, key, before, result).await
}

/// Notes what became of a part.
async fn note<R: Record>(
    unit: &mut Unit,
    shown: &mut Rehearsal,
    place: String,
    key: &Key,
    before: Option<Value>,
    result: Result<(), DirectoryError>,
) -> Result<(), DirectoryError> {
    match result {
        Ok(()) => {
            let after = record::<R>(unit, key).await?;
            shown.changes.push(compare(place, before.as_ref(), after.as_ref()));
        }
        Err(error) => refuse(shown, place, error)?,
    }
    Ok(())
}

/// Notes a refusal. Only an error that says nothing about the part ends the whole.
pub(super) fn refuse(shown: &mut Rehearsal, place: String, error: DirectoryError) -> Result<(), DirectoryError> {
    match error {
        DirectoryError::Unavailable(_) | DirectoryError::Corrupt(_) | DirectoryError::Contended { .. } => Err(error),
        refused => {
            shown.refusals.push(Refusal { place, error: refused });
            Ok(())
        }
    }
}

async fn record<R: Record>(unit: &mut Unit, key: &Key) -> Result<Option<Value>, DirectoryError> {
    let found: Option<R> = unit.find(key).await?;
    Ok(found.map(|record| serde_json::to_value(record).unwrap_or_default()))
}

pub(super) fn compare(place: String, before: Option<&Value>, after: Option<&Value>) -> Change {
    let Some(before) = before else {
        return Change {
            place,
            outcome: Outcome::Created,
            fields: BTreeSet::new(),
        };
    };
    let names = |value: &Value| {
        value
            .as_object()
            .map(|fields| fields.keys().cloned().collect::<Vec<_>>())
    };
    let mut all: BTreeSet<String> = names(before).into_iter().flatten().collect();
    all.extend(after.and_then(names).into_iter().flatten());
    let fields: BTreeSet<String> = all
        .into_iter()
        .filter(|name| before.get(name) != after.and_then(|after| after.get(name)))
        .collect();
    let outcome = if fields.is_empty() {
        Outcome::Unchanged
    } else {
        Outcome::Updated
    };
    Change { place, outcome, fields }
}

/// The items with what each refers to before it. Items that refer to each other in a circle come last, as they are: the first
/// of them is refused by name.
fn in_order<T>(items: &[T], key: impl Fn(&T) -> &Slug, refers_to: impl Fn(&T) -> Vec<&Slug>) -> Vec<&T> {
    let mut pending: BTreeMap<&Slug, &T> = items.iter().map(|item| (key(item), item)).collect();
    let mut ordered = Vec::with_capacity(items.len());
    loop {
        let ready: Vec<&Slug> = pending
            .iter()
            .filter(|(own, item)| {
                let mut needed = refers_to(item).into_iter();
                needed.all(|other| other == **own || !pending.contains_key(other))
            })
            .map(|(own, _)| *own)
            .collect();
        if ready.is_empty() {
            ordered.extend(pending.into_values());
            return ordered;
        }
        for own in ready {
            ordered.extend(pending.remove(own));
        }
    }
}
