//! Licences: limit, use, and who holds or waits for a seat.

use std::collections::BTreeMap;

use async_trait::async_trait;
use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::directory::keys::Count;
use crate::directory::settings::OrganisationSettings;
use crate::directory::stretch::Stretch;
use crate::directory::{Directory, DirectoryError};
use crate::model::id::UserId;
use crate::model::licence::{Licence, Seat, SeatClaim};
use crate::model::list::List;
use crate::model::slug::Slug;
use crate::model::user::User;

use super::caller::{Administrator, Parameters, Place};
use super::listing::{Browse, Known, Listing};
use super::problem::Problem;

/// `GET .../licences`: all, with how many seats are in use and how many people wait.
pub async fn list(
    State(directory): State<Directory>,
    caller: Administrator,
    Parameters(listing): Parameters<Listing>,
) -> Result<Json<Value>, Problem> {
    let question = listing.read(&directory, &caller, List::Licences).await?;
    let licences = known(&directory, &caller).await?;
    Ok(Json(question.answer(&directory, licences).await?))
}

/// The organisation's licences, with their use.
///
/// # Errors
/// As the store's read.
pub(super) async fn known(directory: &Directory, caller: &Administrator) -> Result<Known, DirectoryError> {
    let licences: Vec<&Licence> = caller.settings.licences.values().collect();
    let counts: Vec<Count> = licences
        .iter()
        .flat_map(|licence| [Count::Seats(licence.key.clone()), Count::Waiting(licence.key.clone())])
        .collect();
    let counts = directory.browse_counts(caller.organisation(), &counts).await?;
    let counted = licences.iter().zip(counts.chunks(2));
    Ok(Known::by("key", counted.map(|(licence, counts)| view(licence, counts))))
}

/// Everyone who is meant to have a licence.
struct Holders<'a> {
    settings: &'a OrganisationSettings,
    licence: &'a Slug,
}

#[async_trait]
impl Browse for Holders<'_> {
    type Name = UserId;

    async fn browse(
        &self,
        directory: &Directory,
        along: Stretch<UserId>,
        limit: usize,
    ) -> Result<Vec<Value>, DirectoryError> {
        let organisation = &self.settings.organisation;
        let holders = directory
            .browse_holders(organisation.id, self.licence, along, limit)
            .await?;
        let default = organisation.default_cost_centre.as_ref();
        let shown = |user: &User| {
            let claim = user.licences.get(self.licence);
            let centre = claim.and_then(|claim| claim.cost_centre.as_ref()).or(default);
            json!({
                "id": user.id,
                "user_name": user.user_name,
                "state": user.state(),
                "licence": self.licence,
                "seat": claim.map(seat),
                "origins": claim.map(|claim| &claim.origins),
                "claim": claim,
                "since": claim.and_then(SeatClaim::since),
                "cost_centre": centre,
            })
        };
        Ok(holders.iter().map(shown).collect())
    }
}

/// `GET .../licences/{key}/holders`: everyone who is meant to have it, with the state of the seat.
pub async fn holders(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, key)): Place<(String, String)>,
    Parameters(listing): Parameters<Listing>,
) -> Result<Json<Value>, Problem> {
    let missing = || DirectoryError::not_found("licence", &key);
    let licence: Slug = key.parse().map_err(|_| missing())?;
    if !caller.settings.licences.contains_key(&licence) {
        return Err(missing().into());
    }
    let question = listing.read(&directory, &caller, List::LicenceHolders).await?;
    let holders = Holders {
        settings: &caller.settings,
        licence: &licence,
    };
    Ok(Json(question.answer(&directory, holders).await?))
}

/// `GET .../licences/forecast`: for each licence, who would need a seat beyond those in use, against what is free. The cost is the
/// number of people who are meant to have one.
pub async fn forecast(
    State(directory): State<Directory>,
    caller: Administrator,
    Parameters(listing): Parameters<Listing>,
) -> Result<Json<Value>, Problem> {
    let question = listing.read(&directory, &caller, List::LicenceForecast).await?;
    let mut items = Vec::new();
    for licence in caller.settings.licences.values() {
        let tally = directory.tally_licence(caller.organisation(), licence).await?;
        items.push(json!({
            "licence": licence.key,
            "limit": licence.limit,
            "used": tally.used,
            "free": tally.free,
            "prepared": tally.below,
            "waiting": tally.waiting,
            "refused": tally.refused,
            "suspended": tally.suspended,
            "short": tally.short(),
        }));
    }
    let items = Known::by("licence", items);
    Ok(Json(question.answer(&directory, items).await?))
}

/// `GET .../cost-centres`: all, with how many seats of each licence each pays for.
pub async fn cost_centres(
    State(directory): State<Directory>,
    caller: Administrator,
    Parameters(listing): Parameters<Listing>,
) -> Result<Json<Value>, Problem> {
    let question = listing.read(&directory, &caller, List::CostCentres).await?;
    let centres = known_cost_centres(&directory, &caller).await?;
    Ok(Json(question.answer(&directory, centres).await?))
}

/// The organisation's cost centres, with the seats that each pays for.
///
/// # Errors
/// As the store's read.
pub(super) async fn known_cost_centres(directory: &Directory, caller: &Administrator) -> Result<Known, DirectoryError> {
    let settings = &caller.settings;
    let mut paid: BTreeMap<&Slug, BTreeMap<&Slug, u64>> = BTreeMap::new();
    let default = settings.organisation.default_cost_centre.as_ref();
    for licence in settings.licences.values() {
        let tally = directory.tally_licence(caller.organisation(), licence).await?;
        for (centre, seats) in tally.charged {
            let named = centre
                .as_ref()
                .and_then(|centre| settings.cost_centres.get_key_value(centre));
            if let Some(centre) = named.map(|(key, _)| key).or(default) {
                *paid.entry(centre).or_default().entry(&licence.key).or_default() += seats;
            }
        }
    }
    let items = settings.cost_centres.values().map(|centre| {
        json!({
            "key": centre.key,
            "name": centre.name,
            "default": centre.default,
            "seats": paid.get(&centre.key).cloned().unwrap_or_default(),
        })
    });
    Ok(Known::by("key", items))
}

/// The state of a seat in words.
pub(super) fn seat(claim: &SeatClaim) -> String {
    match &claim.seat {
        Seat::Unneeded => "unneeded".to_owned(),
        Seat::Held(_) => "held".to_owned(),
        Seat::Waiting(_) => "waiting".to_owned(),
        Seat::Refused(_) => "refused".to_owned(),
        Seat::Fallback { licence, .. } => format!("held from {licence}"),
    }
}

/// A licence with its seats in use and the people who wait.
pub(super) fn view(licence: &Licence, counts: &[i64]) -> Value {
    json!({
        "key": licence.key,
        "name": licence.name,
        "limit": licence.limit,
        "used": counts.first(),
        "waiting": counts.get(1),
        "consumes_from": licence.consumes_from,
        "when_full": licence.when_full,
        "required_for_roles": licence.required_for_roles,
        "features": licence.features,
        "thresholds": licence.thresholds,
    })
}
