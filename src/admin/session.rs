//! A person's own session, password and second factor. While a duty is open, a session opens nothing but that duty.

use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::directory::second_factor::Code;
use crate::directory::session::{EndSessions, LiveSession};
use crate::directory::{Directory, DirectoryError};
use crate::model::list::List;

use super::caller::{self, Body, Parameters, Place};
use super::credentials::{session, session_id};
use super::listing::{Known, Listing};
use super::password_policy::shown;
use super::problem::Problem;

/// Whoever shows the token of a session that is good, whatever its duties.
pub struct Person(LiveSession);

impl FromRequestParts<Directory> for Person {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, directory: &Directory) -> Result<Self, Problem> {
        let token = caller::token(&parts.headers).ok_or(DirectoryError::Unauthenticated)?;
        Ok(Self(directory.live_session(token).await?))
    }
}

/// `GET /session`: who has signed in, until when, and what must happen first.
pub async fn retrieve(Person(live): Person) -> Json<Value> {
    let mut shown = session(&live.session);
    shown["organisation"] = json!(live.settings.organisation.slug);
    shown["user"] = json!(live.user.id);
    shown["user_name"] = json!(live.user.user_name);
    shown["display_name"] = json!(live.user.display_name());
    shown["ends_unless_used"] = json!(live.ends());
    shown["duties"] = json!(live.duties);
    Json(shown)
}

/// `POST /sign-out`: ends the session.
pub async fn sign_out(State(directory): State<Directory>, Person(live): Person) -> Result<StatusCode, Problem> {
    let end = EndSessions {
        user: live.user.id,
        only: Some(live.session.id),
    };
    directory.run(&live.permit(), &end).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /sessions`: the person's sessions that are good.
pub async fn list(
    State(directory): State<Directory>,
    Person(live): Person,
    Parameters(listing): Parameters<Listing>,
) -> Result<Json<Value>, Problem> {
    live.unburdened()?;
    let question = listing.read_alone(&directory, List::Sessions)?;
    let sessions = directory
        .browse_sessions(live.settings.organisation.id, &live.user)
        .await?;
    let items = Known::by("id", sessions.iter().map(session));
    Ok(Json(question.answer(&directory, items).await?))
}

/// `DELETE /sessions/{session}`: ends one of the person's own.
pub async fn end(
    State(directory): State<Directory>,
    Person(live): Person,
    Place(id): Place<String>,
) -> Result<StatusCode, Problem> {
    live.unburdened()?;
    let end = EndSessions {
        user: live.user.id,
        only: Some(session_id(&id)?),
    };
    directory.run(&live.permit(), &end).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A new password of one's own.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPassword {
    current: String,
    password: String,
}

/// `POST /session/password`: changes the password; the person's other sessions end.
pub async fn change_password(
    State(directory): State<Directory>,
    Person(live): Person,
    Body(new): Body<NewPassword>,
) -> Result<StatusCode, Problem> {
    directory.change_password(&live, &new.current, &new.password).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A password that somebody thinks of.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Considered {
    password: String,
}

/// `POST /session/password/criteria`: each criterion, and whether the password meets it. Changes nothing.
pub async fn criteria(
    State(directory): State<Directory>,
    Person(live): Person,
    Body(considered): Body<Considered>,
) -> Result<Json<Value>, Problem> {
    let organisation = live.settings.organisation.id;
    let criteria = directory
        .password_criteria(organisation, Some(&live.user), &considered.password)
        .await?;
    Ok(Json(shown(&criteria)))
}

/// `POST /session/second-factor`: a secret for a device; shown once. It counts once a code has confirmed it.
pub async fn begin_second_factor(
    State(directory): State<Directory>,
    Person(live): Person,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let given = directory.begin_second_factor(&live).await?;
    let shown = json!({ "secret": given.secret.as_str(), "url": given.url.as_str() });
    Ok((StatusCode::CREATED, Json(shown)))
}

/// A code.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    #[serde(default)]
    totp: Option<String>,
    #[serde(default)]
    recovery_code: Option<String>,
}

impl Proof {
    fn code(&self) -> Result<Code<'_>, Problem> {
        match (&self.totp, &self.recovery_code) {
            (Some(digits), None) => Ok(Code::OneTime(digits)),
            (None, Some(text)) => Ok(Code::Recovery(text)),
            _ => Err(Problem::bad_request("give one of totp and recovery_code")),
        }
    }
}

/// `POST /session/second-factor/confirm`: a first code of the device. Answers the recovery codes, once.
pub async fn confirm_second_factor(
    State(directory): State<Directory>,
    Person(live): Person,
    Body(proof): Body<Proof>,
) -> Result<Json<Value>, Problem> {
    let digits = proof.totp.ok_or_else(|| Problem::bad_request("totp: is missing"))?;
    let codes = directory.confirm_second_factor(&live, &digits).await?;
    Ok(Json(json!({ "recovery_codes": codes })))
}

/// `POST /session/second-factor/recovery-codes`: new ones, for a code; earlier ones are worth nothing then.
pub async fn renew_recovery_codes(
    State(directory): State<Directory>,
    Person(live): Person,
    Body(proof): Body<Proof>,
) -> Result<Json<Value>, Problem> {
    let codes = directory.renew_recovery_codes(&live, proof.code()?).await?;
    Ok(Json(json!({ "recovery_codes": codes })))
}

/// `POST /session/second-factor/remove`: takes it away, for a code, where the policy does not ask for one.
pub async fn remove_second_factor(
    State(directory): State<Directory>,
    Person(live): Person,
    Body(proof): Body<Proof>,
) -> Result<StatusCode, Problem> {
    directory.remove_second_factor(&live, proof.code()?).await?;
    Ok(StatusCode::NO_CONTENT)
}
