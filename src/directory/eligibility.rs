//! Why somebody can or cannot be used for something (S000-15, S000-20..24): the answer to "why can I not schedule this person?"

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use crate::model::access::{Area, Mode};
use crate::model::custom_attribute::{Bearer, urn};
use crate::model::effective::{Asleep, Decision, Target};
use crate::model::id::{GroupId, OrganisationId, UserId};
use crate::model::licence::SeatClaim;
use crate::model::lifecycle::Step;
use crate::model::permission::definition::Definition;
use crate::model::slug::Slug;
use crate::model::user::User;

use super::settings::OrganisationSettings;
use super::{Directory, DirectoryError};

/// Why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Reason {
    /// The person has not set a password and signed in yet (S000-20).
    NotActivated,
    /// The person has no resource of the type that this needs (S000-15).
    NoResource,
    /// The person is in no group, or not in this one, and this needs it (S000-23).
    NoGroup,
    /// No role or grant allows it (S000-24).
    NoRight,
    /// A role would allow it, and its seat is missing.
    NoSeat,
    /// The person is suspended.
    Suspended,
    /// The group is disabled, or a role that would allow it comes through one that is.
    DisabledGroup,
    /// The person waits for a seat.
    Waiting,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The action.
    pub action: Slug,
    /// The group in which it is to be done.
    pub group: Option<GroupId>,
    /// The person to whom it is to be done.
    pub to: Option<UserId>,
}

impl Directory {
    /// Every reason why a user cannot do this; none when the user can.
    ///
    /// # Errors
    /// [`DirectoryError::NotFound`]; as the store's read.
    pub async fn eligibility(
        &self,
        organisation: OrganisationId,
        user: UserId,
        question: &Question,
    ) -> Result<BTreeSet<Reason>, DirectoryError> {
        let found = self.browse_user(organisation, user).await?;
        let user = found.ok_or_else(|| DirectoryError::not_found("user", user))?;
        let settings = self.load_organisation(organisation).await?;
        let effective = self.effective_of(organisation, &user).await?;
        let own_groups = self.memberships(organisation, user.id).await?;
        let mut reasons = BTreeSet::new();
        let facts = [
            (user.facts.step() != Step::Active, Reason::NotActivated),
            (!user.is_active(), Reason::Suspended),
            (user.licences.values().any(SeatClaim::is_waiting), Reason::Waiting),
        ];
        reasons.extend(facts.into_iter().filter(|(holds, _)| *holds).map(|(_, reason)| reason));
        let mut target = match question.to {
            Some(to) => self.target_user(organisation, to).await?,
            // What is asked about nobody else is asked about the person.
            None => self.target_user(organisation, user.id).await?,
        };
        if let Some(group) = question.group {
            let asked = self.browse_group(organisation, group).await?;
            let asked = asked.ok_or_else(|| DirectoryError::not_found("group", group))?;
            if !asked.enabled {
                reasons.insert(Reason::DisabledGroup);
            }
            target = Target {
                user: question.to,
                ..self.target_group(organisation, group).await?
            };
        }
        match effective.allows(question.action.as_str(), &target) {
            Decision::Allowed(_) => {}
            Decision::Asleep(asleep) => reasons.extend(asleep.iter().map(reason)),
            Decision::Refused => {
                reasons.insert(Reason::NoRight);
            }
        }
        if let Some(definition) = settings.permissions.get(&question.action) {
            let is_outside = match question.group {
                Some(group) => !own_groups.iter().any(|(own, _)| own.id == group),
                None => own_groups.is_empty(),
            };
            let roams = question.group.is_some() && roams(&settings, &user, definition, &target);
            if definition.requires_group && is_outside && !roams {
                reasons.insert(Reason::NoGroup);
            }
            if let Some(kind) = &definition.requires_resource
                && !has_resource(&user, kind)
                && !self.is_given(organisation, user.id, kind).await?
            {
                reasons.insert(Reason::NoResource);
            }
        }
        Ok(reasons)
    }

    /// Whether a resource of this type is assigned to the user, directly or through a group (S000-15).
    async fn is_given(&self, organisation: OrganisationId, user: UserId, kind: &Slug) -> Result<bool, DirectoryError> {
        let held = self.resources_of(organisation, user).await?;
        Ok(held.iter().any(|held| held.resource.type_ == *kind))
    }
}

/// Whether the user's attribute and access list open a group that the user is not in (S004-34). A list means what lies below its
/// groups as well.
fn roams(settings: &OrganisationSettings, user: &User, definition: &Definition, target: &Target) -> bool {
    let urn = urn(&settings.organisation.slug, Bearer::User);
    let marked = definition.roams_with.as_ref().is_some_and(|attribute| {
        let own = user.attributes.get(&urn);
        own.and_then(|own| own.get(attribute)) == Some(&Value::Bool(true))
    });
    let seen = user.access.get(&Area::Group);
    marked
        && seen.is_some_and(|seen| match seen.mode {
            Mode::All => true,
            Mode::List => target
                .groups
                .union(&target.above)
                .any(|group| seen.groups.contains(group)),
            Mode::None | Mode::Assigned | Mode::Own => false,
        })
}

/// Whether a user has a resource of this type as SCIM says it: an `entitlements` value whose `type` is the resource type
/// (`seeds.md` M34).
fn has_resource(user: &User, kind: &Slug) -> bool {
    let entitlements = user.attributes.get("entitlements").and_then(Value::as_array);
    let is_of_kind = |entitlement: &Value| {
        let named = entitlement.get("type").and_then(Value::as_str);
        named.is_some_and(|named| named.eq_ignore_ascii_case(kind.as_str()))
    };
    entitlements.is_some_and(|entitlements| entitlements.iter().any(is_of_kind))
}

fn reason(asleep: &Asleep) -> Reason {
    match asleep {
        Asleep::DisabledGroup(_) => Reason::DisabledGroup,
        Asleep::NoSeat(_) => Reason::NoSeat,
        Asleep::NoFeature(_) => Reason::NoRight,
    }
}
