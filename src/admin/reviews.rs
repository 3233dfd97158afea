//! The review list of a connection: identities that look like somebody who is there already.

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::directory::review::DecideReview;
use crate::directory::{Directory, DirectoryError};
use crate::model::list::List;
use crate::model::review::Verdict;
use crate::model::slug::Slug;

use super::caller::{Administrator, Body, Parameters, Place};
use super::listing::{Known, Listing};
use super::problem::Problem;

/// What an administrator decides.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// The identity's name on the list.
    id: String,
    /// `approved`, `rejected`, or null: what was decided is taken back.
    verdict: Option<Verdict>,
}

/// `GET .../connections/{name}/reviews`: those that wait and those that are decided and not linked yet, the oldest first.
pub async fn list(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, name)): Place<(String, String)>,
    Parameters(listing): Parameters<Listing>,
) -> Result<Json<Value>, Problem> {
    let connection = connection(&caller, &name)?;
    let question = listing.read(&directory, &caller, List::Reviews).await?;
    let reviews = directory.list_reviews(caller.organisation(), &connection).await?;
    let named = reviews.iter().map(|review| {
        let since = review.since.timestamp_micros();
        (format!("{since:020}.{}", review.id), json!(review))
    });
    Ok(Json(question.answer(&directory, Known::in_order(named)).await?))
}

/// `POST .../connections/{name}/reviews`: decides about one identity. Answers it as it is then.
pub async fn decide(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, name)): Place<(String, String)>,
    Body(decision): Body<Decision>,
) -> Result<Json<Value>, Problem> {
    let decide = DecideReview {
        connection: connection(&caller, &name)?,
        id: decision.id,
        verdict: decision.verdict,
    };
    let review = directory.run(&caller.permit, &decide).await?;
    Ok(Json(json!(review)))
}

fn connection(caller: &Administrator, name: &str) -> Result<Slug, DirectoryError> {
    let slug = name.parse::<Slug>().ok();
    let known = slug.filter(|slug| caller.settings.connections.contains_key(slug));
    known.ok_or_else(|| DirectoryError::not_found("connection", name))
}
