//! Signing in, and setting a forgotten password: the places that somebody without a token comes to.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::header::RETRY_AFTER;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::directory::second_factor::Code;
use crate::directory::sign_in::{SignIn, SignedIn};
use crate::directory::{Directory, DirectoryError};
use crate::rate::{ClientAddress, Limits, Wait};

use super::caller::Body;
use super::password_policy::shown;
use super::problem::Problem;

/// Where a request comes from, and what that address is held to. Nothing is known of one inside this process.
pub struct Visitor(Option<(IpAddr, Arc<Limits>)>);

impl<S: Send + Sync> FromRequestParts<S> for Visitor {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let address = parts.extensions.get::<ClientAddress>();
        let limits = parts.extensions.get::<Arc<Limits>>();
        let known = address.zip(limits);
        Ok(Self(known.map(|(address, limits)| (address.key(), Arc::clone(limits)))))
    }
}

impl Visitor {
    /// Whether the address may try at all.
    fn may_try(&self) -> Result<(), Wait> {
        match &self.0 {
            Some((address, limits)) => limits.sign_ins.check(address, Instant::now()),
            None => Ok(()),
        }
    }

    /// Counts a wrong sign-in against the address.
    fn failed(&self) {
        if let Some((address, limits)) = &self.0 {
            limits.sign_ins.fail(*address, Instant::now());
        }
    }
}

/// What somebody shows.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Shown {
    organisation: String,
    /// A login name.
    login: String,
    password: String,
    /// Six digits of the second factor.
    #[serde(default)]
    totp: Option<String>,
    /// One of the recovery codes, instead.
    #[serde(default)]
    recovery_code: Option<String>,
}

/// `POST /sign-in`: a session, whose token is in this answer only. Whatever is wrong, the answer is one and the same 401; a
/// right password without the code that is needed is answered 403 `code-needed`.
pub async fn sign_in(
    State(directory): State<Directory>,
    visitor: Visitor,
    Body(sent): Body<Shown>,
) -> Result<Response, Problem> {
    if let Err(wait) = visitor.may_try() {
        return Ok(too_many(wait));
    }
    let one_time = sent.totp.as_deref().map(Code::OneTime);
    let shown = SignIn {
        organisation: &sent.organisation,
        login: &sent.login,
        password: &sent.password,
        code: one_time.or_else(|| sent.recovery_code.as_deref().map(Code::Recovery)),
    };
    match directory.sign_in(&shown).await {
        Ok(SignedIn::Session { issued, duties, ends }) => {
            let session = json!({
                "session": issued.session.id,
                "token": issued.text,
                "user": issued.session.user,
                "ends_unless_used": ends,
                "expires": issued.session.expires,
                "duties": duties,
            });
            Ok((StatusCode::CREATED, Json(session)).into_response())
        }
        Ok(SignedIn::CodeNeeded) => Err(Problem::code_needed()),
        Err(error) => {
            if matches!(error, DirectoryError::Unauthenticated) {
                visitor.failed();
            }
            Err(error.into())
        }
    }
}

/// Whose password is forgotten.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Forgotten {
    organisation: String,
    /// A login id.
    login: String,
}

/// `POST /password/forgot`: mails a link to whoever has the login id and an e-mail address. The answer is 202 whoever that is,
/// nobody among them. An address that asks again and again has to wait, as with wrong sign-ins.
pub async fn forgot(
    State(directory): State<Directory>,
    visitor: Visitor,
    Body(forgotten): Body<Forgotten>,
) -> Result<Response, Problem> {
    if let Err(wait) = visitor.may_try() {
        return Ok(too_many(wait));
    }
    visitor.failed();
    directory
        .forget_password(&forgotten.organisation, &forgotten.login)
        .await?;
    Ok(StatusCode::ACCEPTED.into_response())
}

/// A new password, by a link.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reset {
    secret: String,
    password: String,
}

/// `POST /password/reset`: sets it. A password that the policy refuses spends nothing.
pub async fn reset(State(directory): State<Directory>, Body(reset): Body<Reset>) -> Result<Json<Value>, Problem> {
    let (organisation, user) = directory.reset_password(&reset.secret, &reset.password).await?;
    let settings = directory.load_organisation(organisation).await?;
    Ok(Json(json!({
        "organisation": settings.organisation.slug,
        "user": user.id,
        "user_name": user.user_name,
        "state": user.state(),
    })))
}

/// `POST /password/criteria`: each criterion for whoever has a link, and whether the password meets it. Changes nothing.
pub async fn criteria(State(directory): State<Directory>, Body(reset): Body<Reset>) -> Result<Json<Value>, Problem> {
    let (organisation, user) = directory.browse_reset(&reset.secret).await?;
    let criteria = directory
        .password_criteria(organisation, Some(&user), &reset.password)
        .await?;
    Ok(Json(shown(&criteria)))
}

fn too_many(wait: Wait) -> Response {
    let mut response = Problem::new(StatusCode::TOO_MANY_REQUESTS, wait.to_string()).into_response();
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait.0));
    response
}
