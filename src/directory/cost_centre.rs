//! Cost centres: declared, changed, and which seats each pays for (X03-10).

use serde_json::json;

use crate::model::cost_centre::CostCentre;
use crate::model::event::EventKind;
use crate::model::id::UserId;
use crate::model::organisation::Organisation;
use crate::model::slug::Slug;
use crate::model::user::User;

use super::keys::{self, Table};
use super::{DirectoryError, Operation, Unit};

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
