//! Licences and cost centres made and changed one by one, by whoever may manage licences (S003-1): what an organisation file says of
//! them as well.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::directory::cost_centre::PutCostCentre;
use crate::directory::keys::Count;
use crate::directory::licence_deletion::Holders;
use crate::directory::{Directory, DirectoryError};
use crate::model::cost_centre::CostCentre;
use crate::model::licence::{Licence, WhenFull};
use crate::model::lifecycle::Step;
use crate::model::slug::Slug;

use super::caller::{Administrator, Body, Parameters, Place};
use super::licences::view;
use super::problem::Problem;

/// A licence, whole: what is not said is as in a new one.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LicenceBody {
    /// Its name for people.
    name: String,
    /// How many seats there are; as many as wanted without it.
    limit: Option<u32>,
    /// From which step on a person holds a seat.
    #[serde(default)]
    consumes_from: Step,
    /// What happens when no seat is free.
    #[serde(default)]
    when_full: WhenFull,
    /// Who holds none of these roles needs no seat; without any, everyone who is meant to have the licence does.
    #[serde(default)]
    required_for_roles: BTreeSet<Slug>,
    /// What a seat opens in the product.
    #[serde(default)]
    features: BTreeSet<String>,
    /// Percentages of the limit, 1 to 100: an event tells when so much comes into use.
    #[serde(default)]
    thresholds: BTreeSet<u8>,
}

/// `PUT .../licences/{key}`: makes one, or replaces it. A raised limit gives the free seats to those who wait, in order.
pub async fn put(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, key)): Place<(String, String)>,
    Body(body): Body<LicenceBody>,
) -> Result<Json<Value>, Problem> {
    let licence = Licence {
        key: short_name(&key)?,
        name: body.name,
        limit: body.limit,
        consumes_from: body.consumes_from,
        when_full: body.when_full,
        required_for_roles: body.required_for_roles,
        features: body.features,
        thresholds: body.thresholds,
    };
    directory.put_licence(&caller.permit, licence.clone()).await?;
    let counts = [Count::Seats(licence.key.clone()), Count::Waiting(licence.key.clone())];
    let counts = directory.browse_counts(caller.organisation(), &counts).await?;
    Ok(Json(view(&licence, &counts)))
}

/// How to delete.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Manner {
    /// What becomes of those who have it or wait for it, and of the groups that give it.
    #[serde(default)]
    holders: Holders,
    /// The `confirm` of the impact that was seen.
    confirm: Option<String>,
}

/// `GET .../licences/{key}/impact`: what deleting it would mean.
pub async fn impact(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, key)): Place<(String, String)>,
    Parameters(manner): Parameters<Manner>,
) -> Result<Json<Value>, Problem> {
    let key = named(&key)?;
    let impact = directory
        .licence_impact(caller.organisation(), &key, manner.holders)
        .await?;
    Ok(Json(json!(impact)))
}

/// `DELETE .../licences/{key}`: one that nobody has; with `holders=take` and the `confirm` of its impact, one that people have.
pub async fn delete(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, key)): Place<(String, String)>,
    Parameters(manner): Parameters<Manner>,
) -> Result<Json<Value>, Problem> {
    let key = named(&key)?;
    let confirm = manner.confirm.as_deref();
    let impact = directory
        .delete_licence(&caller.permit, &key, manner.holders, confirm)
        .await?;
    Ok(Json(json!(impact)))
}

fn named(key: &str) -> Result<Slug, DirectoryError> {
    key.parse().map_err(|_| DirectoryError::not_found("licence", key))
}

/// A cost centre, whole.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CostCentreBody {
    /// Its name for people.
    name: String,
    /// Whether it pays for every seat that is not charged to another. A new default takes the place of the old one.
    #[serde(default)]
    default: bool,
}

/// `PUT .../cost-centres/{key}`: makes one, or replaces it.
pub async fn put_cost_centre(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, key)): Place<(String, String)>,
    Body(body): Body<CostCentreBody>,
) -> Result<Json<Value>, Problem> {
    let centre = CostCentre {
        key: short_name(&key)?,
        name: body.name,
        default: body.default,
    };
    directory.run(&caller.permit, &PutCostCentre(centre.clone())).await?;
    Ok(Json(
        json!({ "key": centre.key, "name": centre.name, "default": centre.default }),
    ))
}

/// `DELETE .../cost-centres/{key}`: one that is not the default, and that no seat is charged to.
pub async fn delete_cost_centre(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, key)): Place<(String, String)>,
) -> Result<StatusCode, Problem> {
    let key: Slug = key
        .parse()
        .map_err(|_| DirectoryError::not_found("cost centre", &key))?;
    directory.delete_cost_centre(&caller.permit, &key).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn short_name(key: &str) -> Result<Slug, DirectoryError> {
    key.parse()
        .map_err(|error: crate::model::slug::NotASlug| DirectoryError::invalid("key", error.to_string()))
}
