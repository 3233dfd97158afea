//! Licences: declared and changed, given to people and taken from them; and for a raised limit, the people who waited are given
//! their seats.

use serde_json::json;

use crate::model::event::EventKind;
use crate::model::id::UserId;
use crate::model::licence::{Licence, WhenFull};
use crate::model::origin::{Origin, Origins};
use crate::model::slug::Slug;
use crate::model::user::User;

use super::keys::{self, Count, Table};
use super::membership::claim_licence;
use super::{Directory, DirectoryError, Operation, Permit, Unit, seat};

/// Gives a person a licence, directly. A seat is taken now when the person has come far enough to need one.
pub struct AssignLicence {
    /// Whom.
    pub user: UserId,
    /// Which.
    pub licence: Slug,
    /// Who pays; as it is, or the default cost centre, when none is named.
    pub cost_centre: Option<Slug>,
}

#[async_trait::async_trait]
impl Operation for AssignLicence {
    type Outcome = User;

    async fn attempt(&self, unit: &mut Unit) -> Result<User, DirectoryError> {
        let before = unit.load_user(self.user).await?;
        let mut after = before.clone();
        claim_licence(&mut after, &self.licence, Origin::Direct);
        unit.check_cost_centre(self.cost_centre.as_ref()).await?;
        if let Some(claim) = after.licences.get_mut(&self.licence)
            && self.cost_centre.is_some()
        {
            claim.cost_centre.clone_from(&self.cost_centre);
        }
        unit.update_user(&before, after).await
    }
}

/// Takes a directly given licence from a person. Who has it for another reason as well keeps it.
pub struct FreeLicence {
    /// From whom.
    pub user: UserId,
    /// Which.
    pub licence: Slug,
}

#[async_trait::async_trait]
impl Operation for FreeLicence {
    /// The person, and the reasons for which the licence stays; none when it is gone.
    type Outcome = (User, Origins);

    async fn attempt(&self, unit: &mut Unit) -> Result<Self::Outcome, DirectoryError> {
        let before = unit.load_user(self.user).await?;
        let mut after = before.clone();
        let Some(claim) = after.licences.get_mut(&self.licence) else {
            return Err(DirectoryError::not_found("licence of the user", &self.licence));
        };
        claim.origins.remove(&Origin::Direct);
        let staying = claim.origins.clone();
        Ok((unit.update_user(&before, after).await?, staying))
    }
}

/// Makes a licence, or replaces it. Answers whether anything changed.
pub struct PutLicence(
    /// The licence as it is to be.
    pub Licence,
);

#[async_trait::async_trait]
impl Operation for PutLicence {
    type Outcome = bool;

    async fn attempt(&self, unit: &mut Unit) -> Result<bool, DirectoryError> {
        let licence = &self.0;
        let key = keys::named(unit.organisation(), Table::Licence, &licence.key);
        let before: Option<Licence> = unit.find(&key).await?;
        if before.as_ref() == Some(licence) {
            return Ok(false);
        }
        if let Some(before) = &before {
            check_seat_rules(unit, before, licence).await?;
        }
        check_parts(unit, licence).await?;
        if let WhenFull::Fallback(other) = &licence.when_full {
            let exists = unit
                .bytes(&keys::named(unit.organisation(), Table::Licence, other))
                .await?
                .is_some();
            if other == &licence.key || !exists {
                let reason = format!(
                    "{:?} is no other licence of this organisation: declare it first",
                    other.as_str()
                );
                return Err(DirectoryError::invalid(
                    format!("licences.{}.when_full", licence.key),
                    reason,
                ));
            }
        }
        unit.put(key, licence);
        if !licence.thresholds.is_empty() {
            // Relied on: whoever takes a seat meanwhile decides anew which threshold is reached.
            let pool = keys::count(unit.organisation(), &Count::Seats(licence.key.clone()));
            unit.bytes(&pool).await?;
            let used = unit.counter(&pool).await?;
            let limit = before.map_or(licence.limit, |before| before.limit);
            seat::note_thresholds(unit, licence, (used, limit), used);
        }
        unit.event(
            EventKind::LicenceUpdated,
            &licence.key,
            json!({ "limit": licence.limit }),
        );
        Ok(true)
    }
}

/// Who needs a seat is decided by the licence when the person is written, so that its rule does not change while anyone has it.
async fn check_seat_rules(unit: &mut Unit, before: &Licence, after: &Licence) -> Result<(), DirectoryError> {
    let changed = if before.consumes_from != after.consumes_from {
        "consumes_from"
    } else if before.required_for_roles != after.required_for_roles {
        "required_for_roles"
    } else {
        return Ok(());
    };
    // "Nobody has it" is relied on: whoever is given it meanwhile leaves an event, and that is a conflict.
    unit.bytes(&keys::events(unit.organisation())).await?;
    let holders = keys::index_entries(unit.organisation(), keys::Index::LicenceHolder, after.key.as_str());
    if unit.scan(crate::store::Scan::prefix(&holders, 1)).await?.is_empty() {
        return Ok(());
    }
    let reason = "cannot change while people have this licence: take it from them first";
    Err(DirectoryError::invalid(
        format!("licences.{}.{changed}", after.key),
        reason,
    ))
}

/// What a licence names must be there, and its numbers must mean something.
async fn check_parts(unit: &mut Unit, licence: &Licence) -> Result<(), DirectoryError> {
    if licence.name.trim().is_empty() {
        let place = format!("licences.{}.name", licence.key);
        return Err(DirectoryError::invalid(place, "must not be empty"));
    }
    for role in &licence.required_for_roles {
        let key = keys::named(unit.organisation(), Table::Role, role);
        if unit.bytes(&key).await?.is_none() {
            let reason = format!("\"{role}\" is not a role of this organisation: declare it first");
            let place = format!("licences.{}.required_for_roles", licence.key);
            return Err(DirectoryError::invalid(place, reason));
        }
    }
    if let Some(percent) = licence.thresholds.iter().find(|percent| !(1..=100).contains(*percent)) {
        let place = format!("licences.{}.thresholds", licence.key);
        return Err(DirectoryError::invalid(
            place,
            format!("{percent} is not a percentage from 1 to 100"),
        ));
    }
    Ok(())
}

/// Gives free seats to those who wait, some at a time. Answers whether more may follow.
struct PromoteWaiting<'a>(&'a Slug);

/// People promoted in one commit.
const PROMOTED_AT_ONCE: usize = 50;

#[async_trait::async_trait]
impl Operation for PromoteWaiting<'_> {
    type Outcome = bool;

    async fn attempt(&self, unit: &mut Unit) -> Result<bool, DirectoryError> {
        let key = keys::named(unit.organisation(), Table::Licence, self.0);
        match unit.find::<Licence>(&key).await? {
            Some(licence) => seat::promote_waiting(unit, &licence, PROMOTED_AT_ONCE).await,
            None => Ok(false),
        }
    }
}

impl Directory {
    /// Stores a licence and gives the seats that a raised limit frees to those who wait, in order.
    ///
    /// # Errors
    /// As [`PutLicence`].
    pub async fn put_licence(&self, permit: &Permit, licence: Licence) -> Result<bool, DirectoryError> {
        let key = licence.key.clone();
        let changed = self.run(permit, &PutLicence(licence)).await?;
        self.promote_waiting(permit, &key).await?;
        Ok(changed)
    }

    /// Gives the free seats of a licence, as it is stored, to those who wait for it, in order, some in each commit. Nothing
    /// happens for a licence that does not exist.
    ///
    /// # Errors
    /// As the store's commit.
    pub async fn promote_waiting(&self, permit: &Permit, licence: &Slug) -> Result<(), DirectoryError> {
        while self.run(permit, &PromoteWaiting(licence)).await? {}
        Ok(())
    }
}
