//! Licences: limit, use, and who holds or waits for a seat.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::directory::keys::Count;
use crate::directory::{Directory, DirectoryError};
use crate::model::licence::{Licence, SeatClaim};
use crate::model::slug::Slug;
use crate::model::user::User;

use super::caller::{Administrator, Parameters, Place};
use super::page::{Paging, page};
use super::problem::Problem;

/// `GET .../licences`: all, with how many seats are in use and how many people wait.
pub async fn list(State(directory): State<Directory>, caller: Administrator) -> Result<Json<Value>, Problem> {
    let licences: Vec<&Licence> = caller.settings.licences.values().collect();
    let counts: Vec<Count> = licences
        .iter()
        .flat_map(|licence| [Count::Seats(licence.key.clone()), Count::Waiting(licence.key.clone())])
        .collect();
    let counts = directory.browse_counts(caller.organisation(), &counts).await?;
    let items: Vec<Value> = licences
        .iter()
        .zip(counts.chunks(2))
        .map(|(licence, counts)| view(licence, counts))
        .collect();
    Ok(Json(json!({ "items": items })))
}

/// `GET .../licences/{key}/holders`: everyone who is meant to have it, with the state of the seat.
pub async fn holders(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, key)): Place<(String, String)>,
    Parameters(paging): Parameters<Paging>,
) -> Result<Json<Value>, Problem> {
    let limit = paging.limit()?;
    let after = paging.after(|cursor| cursor.parse().ok())?;
    let missing = || DirectoryError::not_found("licence", &key);
    let slug: Slug = key.parse().map_err(|_| missing())?;
    if !caller.settings.licences.contains_key(&slug) {
        return Err(missing().into());
    }
    let holders = directory
        .browse_holders(caller.organisation(), &slug, after, limit + 1)
        .await?;
    let default = caller.settings.organisation.default_cost_centre.as_ref();
    let shown = |user: &User| {
        let claim = user.licences.get(&slug);
        let centre = claim.and_then(|claim| claim.cost_centre.as_ref()).or(default);
        json!({
            "id": user.id,
            "user_name": user.user_name,
            "state": user.state(),
            "claim": claim,
            "since": claim.and_then(SeatClaim::since),
            "cost_centre": centre,
        })
    };
    Ok(Json(page(holders, limit, |user| user.id.to_string(), shown)))
}

/// `GET .../licences/forecast`: for each licence, who would need a seat beyond those in use, against what is free. The cost is the
/// number of people who are meant to have one.
pub async fn forecast(State(directory): State<Directory>, caller: Administrator) -> Result<Json<Value>, Problem> {
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
            "suspended": tally.suspended,
            "short": tally.short(),
        }));
    }
    Ok(Json(json!({ "items": items })))
}

/// `GET .../cost-centres`: all, with how many seats of each licence each pays for.
pub async fn cost_centres(State(directory): State<Directory>, caller: Administrator) -> Result<Json<Value>, Problem> {
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
    Ok(Json(json!({ "items": items.collect::<Vec<_>>() })))
}

fn view(licence: &Licence, counts: &[i64]) -> Value {
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
