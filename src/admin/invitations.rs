//! Accepting an invitation: the only place of the admin API that needs no token but the invitation's own secret.

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::directory::Directory;

use super::caller::Body;
use super::problem::Problem;

/// What an invited person sends.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Acceptance {
    secret: String,
    password: String,
}

/// `POST /invitations/accept`: sets the first password; the person is enrolled.
pub async fn accept(
    State(directory): State<Directory>,
    Body(acceptance): Body<Acceptance>,
) -> Result<Json<Value>, Problem> {
    let (organisation, user) = directory
        .accept_invitation(&acceptance.secret, &acceptance.password)
        .await?;
    let settings = directory.load_organisation(organisation).await?;
    Ok(Json(json!({
        "organisation": settings.organisation.slug,
        "user": user.id,
        "user_name": user.user_name,
        "state": user.state(),
    })))
}
