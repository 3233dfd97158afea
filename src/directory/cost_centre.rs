//! Cost centres: declared, changed, and which seats each pays for (X03-10).

use serde_json::json;

use crate::model::cost_centre::CostCentre;
use crate::model::event::EventKind;
use crate::model::id::{OrganisationId, UserId};
use crate::model::organisation::Organisation;
use crate::model::slug::Slug;
use crate::model::user::User;

use super::keys::{self, Table};
use super::{Directory, DirectoryError, Operation, Permit, Unit};

/// Makes a cost centre, or replaces it. Answers whether anything changed. A new default takes the place of the old one.
pub struct PutCostCentre(
    /// The cost centre as it is to be.
    pub CostCentre,
);

#[async_trait::async_trait]
impl Operation for PutCostCentre {
    type Outcome = bool;

    async fn attempt(&self, unit: &mut Unit) -> Result<bool, DirectoryError> {
        let (organisation, centre) = (unit.organisation(), &self.0);
        let key = keys::named(organisation, Table::CostCentre, &centre.key);
        let before: Option<CostCentre> = unit.find(&key).await?;
        if before.as_ref() == Some(centre) {
            return Ok(false);
        }
        if centre.name.trim().is_empty() {
            let place = format!("cost_centres.{}.name", centre.key);
            return Err(DirectoryError::invalid(place, "must not be empty"));
        }
        // Which one is the default is decided by one record, so that two changes at once cannot make two.
        let owner = keys::organisation(organisation);
        let mut settings: Organisation = unit
            .find(&owner)
            .await?
            .ok_or_else(|| DirectoryError::not_found("organisation", organisation))?;
        let is_default = settings.default_cost_centre.as_ref() == Some(&centre.key);
        match (&settings.default_cost_centre, centre.default) {
            (Some(other), true) if !is_default => {
                let key = keys::named(organisation, Table::CostCentre, other);
                if let Some(mut other) = unit.find::<CostCentre>(&key).await? {
                    other.default = false;
                    unit.put(key, &other);
                }
            }
            (Some(_) | None, true) => {}
            (Some(_), false) if !is_default => {}
            (Some(_) | None, false) => {
                let reason = "one cost centre is the default: set default = true on this one or on another";
                return Err(DirectoryError::invalid(format!("cost_centres.{}", centre.key), reason));
            }
        }
        if centre.default && !is_default {
            settings.default_cost_centre = Some(centre.key.clone());
            unit.put(owner, &settings);
        }
        unit.put(key, centre);
        unit.event(
            EventKind::CostCentreUpdated,
            &centre.key,
            json!({ "default": centre.default }),
        );
        Ok(true)
    }
}

/// People read at once.
const CHUNK: usize = 500;

/// Deletes a cost centre that is not the default, and that no seat is charged to.
struct DeleteCostCentre<'a> {
    directory: &'a Directory,
    key: &'a Slug,
}

#[async_trait::async_trait]
impl Operation for DeleteCostCentre<'_> {
    type Outcome = ();

    async fn attempt(&self, unit: &mut Unit) -> Result<(), DirectoryError> {
        let organisation = unit.organisation();
        // "Nothing is charged to it" is relied on: whoever is charged meanwhile leaves an event, and that is a conflict.
        unit.bytes(&keys::events(organisation)).await?;
        let key = keys::named(organisation, Table::CostCentre, self.key);
        let centre: Option<CostCentre> = unit.find(&key).await?;
        let centre = centre.ok_or_else(|| DirectoryError::not_found("cost centre", self.key))?;
        let place = || format!("cost_centres.{}", self.key);
        if centre.default {
            let reason = "is the default, which pays for every seat that is not charged to another: make another one the default first";
            return Err(DirectoryError::invalid(place(), reason));
        }
        let charged = self.charged(organisation).await?;
        if charged > 0 {
            let reason = format!("pays for {charged} seats: charge them to another one first");
            return Err(DirectoryError::invalid(place(), reason));
        }
        unit.delete(key);
        unit.event(EventKind::CostCentreDeleted, self.key, json!({}));
        Ok(())
    }
}

impl DeleteCostCentre<'_> {
    /// How many claims it pays for, whether a seat is held already or not.
    async fn charged(&self, organisation: OrganisationId) -> Result<usize, DirectoryError> {
        let settings = self.directory.load_organisation(organisation).await?;
        let mut charged = 0;
        for licence in settings.licences.keys() {
            let mut after = None;
            loop {
                let people = self
                    .directory
                    .browse_holders(organisation, licence, after, CHUNK)
                    .await?;
                let claims = people.iter().filter_map(|user| user.licences.get(licence));
                charged += claims
                    .filter(|claim| claim.cost_centre.as_ref() == Some(self.key))
                    .count();
                match people.last() {
                    Some(last) => after = Some(last.id),
                    None => break,
                }
            }
        }
        Ok(charged)
    }
}

impl Directory {
    /// Deletes a cost centre. The cost is the number of people with a licence.
    ///
    /// # Errors
    /// [`DirectoryError::NotFound`]; [`DirectoryError::InvalidValue`] for the default, and for one that seats are charged to; as the
    /// store's read and commit.
    pub async fn delete_cost_centre(&self, permit: &Permit, key: &Slug) -> Result<(), DirectoryError> {
        let delete = DeleteCostCentre { directory: self, key };
        self.run(permit, &delete).await
    }
}

/// The default first: the others need one.
#[must_use]
pub fn in_order(centres: &[CostCentre]) -> Vec<&CostCentre> {
    let (mut first, rest): (Vec<_>, Vec<_>) = centres.iter().partition(|centre| centre.default);
    first.extend(rest);
    first
}

/// Has a seat paid for by another cost centre; by the default one, when none is named.
pub struct ChargeSeat {
    /// Whose seat.
    pub user: UserId,
    /// Of which licence.
    pub licence: Slug,
    /// Who pays.
    pub cost_centre: Option<Slug>,
}

#[async_trait::async_trait]
impl Operation for ChargeSeat {
    type Outcome = User;

    async fn attempt(&self, unit: &mut Unit) -> Result<User, DirectoryError> {
        let before = unit.load_user(self.user).await?;
        let mut after = before.clone();
        let Some(claim) = after.licences.get_mut(&self.licence) else {
            return Err(DirectoryError::not_found("licence of the user", &self.licence));
        };
        unit.check_cost_centre(self.cost_centre.as_ref()).await?;
        if claim.cost_centre == self.cost_centre {
            return Ok(before);
        }
        claim.cost_centre.clone_from(&self.cost_centre);
        let after = unit.update_user(&before, after).await?;
        let data = json!({ "licence": self.licence, "cost_centre": self.cost_centre });
        unit.event(EventKind::SeatCharged, self.user, data);
        Ok(after)
    }
}

impl Unit {
    /// A cost centre that must exist, when one is named.
    ///
    /// # Errors
    /// [`DirectoryError::InvalidValue`]; as [`Unit::find`].
    pub(super) async fn check_cost_centre(&mut self, named: Option<&Slug>) -> Result<(), DirectoryError> {
        let Some(centre) = named else { return Ok(()) };
        let key = keys::named(self.organisation(), Table::CostCentre, centre);
        match self.find_present::<CostCentre>(&key).await? {
            Some(_) => Ok(()),
            None => {
                let reason = format!("\"{centre}\" is not a cost centre of this organisation: declare it first");
                Err(DirectoryError::invalid("cost_centre", reason))
            }
        }
    }
}
