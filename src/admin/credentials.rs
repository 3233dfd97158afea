//! What administrators do with what a user signs in with: passwords, links to reset one, second factors, lock-outs, sessions
//! (S002-22, S004-28, X02-8).

use axum::Json;
use axum::extract::{Extension, State};
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::directory::password::impact::needs_second_factor;
use crate::directory::password::reset::IssueResetLink;
use crate::directory::password::reset_mail::{MailResetLink, PATH};
use crate::directory::second_factor::RemoveSecondFactor;
use crate::directory::session::EndSessions;
use crate::directory::sign_in::{ReportSignIn, Unlock};
use crate::directory::{Directory, DirectoryError};
use crate::model::id::TokenId;
use crate::model::list::List;
use crate::model::session::Session;

use super::caller::{Administrator, Body, Parameters, Place};
use super::connections::PublicUrl;
use super::invitations::Optional;
use super::listing::{Known, Listing};
use super::problem::Problem;
use super::users::{find, view};

/// `GET .../users/{user}/credential`: what is known of how a user signs in; never a hash or a secret.
pub async fn retrieve(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, user)): Place<(String, String)>,
) -> Result<Json<Value>, Problem> {
    let user = find(&directory, caller.organisation(), &user).await?;
    let known = directory.browse_credential(caller.organisation(), &user).await?;
    let (policy, now) = (&caller.settings.organisation.password_policy, directory.clock().now());
    let factor = known.confirmed_factor();
    Ok(Json(json!({
        "user": user.id,
        "has_password": known.hash.is_some(),
        "password_set_at": known.set_at,
        "must_change": known.must_change_now(policy, now),
        "version": known.version,
        "last_sign_in": known.last_sign_in,
        "failures": known.failures,
        "locked_until": known.locked_until.filter(|_| known.is_locked(now)),
        "second_factor": factor.is_some(),
        "second_factor_needed": needs_second_factor(policy, &caller.settings, &user),
        "recovery_codes_left": factor.map(|factor| factor.recovery.len()),
        "reset_link_expires": known.reset.filter(|link| link.is_open(now)).map(|link| link.expires),
    })))
}

/// A password that an administrator sets.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Given {
    password: String,
    /// Whether it must be changed at the next sign-in; as the policy says when absent.
    #[serde(default)]
    must_change: Option<bool>,
}

/// `POST .../users/{user}/password`: sets it. A prepared person is enrolled by it; every session of theirs ends.
pub async fn set_password(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, user)): Place<(String, String)>,
    Body(given): Body<Given>,
) -> Result<Json<Value>, Problem> {
    let user = find(&directory, caller.organisation(), &user).await?;
    let after = directory
        .set_password(&caller.permit, user.id, &given.password, given.must_change)
        .await?;
    Ok(Json(view(&after, &caller.settings)))
}

/// How a link reaches the person.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ResetChannel {
    /// Whoever asks is shown the secret.
    #[default]
    Link,
    /// By mail.
    Email,
}

/// What may be said when a link is made.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResetWay {
    #[serde(default)]
    channel: ResetChannel,
}

/// `POST .../users/{user}/reset-link`: what sets a new password, once; shown once, or with `"channel": "email"` mailed to the
/// person alone. An earlier one is worth nothing then.
pub async fn reset_link(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, user)): Place<(String, String)>,
    public: Option<Extension<PublicUrl>>,
    way: Optional<ResetWay>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let user = find(&directory, caller.organisation(), &user).await?;
    let way = way.and_then(|Body(way)| way).unwrap_or_default();
    if way.channel == ResetChannel::Email {
        let sent = directory.run(&caller.permit, &MailResetLink(user.id)).await?;
        let shown = json!({ "user": user.id, "mail": sent.mail, "expires": sent.expires });
        return Ok((StatusCode::CREATED, Json(shown)));
    }
    let issued = directory.run(&caller.permit, &IssueResetLink(user.id)).await?;
    let mut shown = json!({ "user": user.id, "secret": issued.secret, "expires": issued.expires });
    if let Some(Extension(PublicUrl(url))) = public {
        shown["link"] = json!(format!("{url}{PATH}{}", issued.secret));
    }
    Ok((StatusCode::CREATED, Json(shown)))
}

/// `POST .../users/{user}/unlock`: forgets wrong sign-ins; whether there were any.
pub async fn unlock(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, user)): Place<(String, String)>,
) -> Result<Json<Value>, Problem> {
    let user = find(&directory, caller.organisation(), &user).await?;
    let unlocked = directory.run(&caller.permit, &Unlock(user.id)).await?;
    Ok(Json(json!({ "unlocked": unlocked })))
}

/// `DELETE .../users/{user}/second-factor`: for a lost device.
pub async fn remove_second_factor(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, user)): Place<(String, String)>,
) -> Result<StatusCode, Problem> {
    let user = find(&directory, caller.organisation(), &user).await?;
    directory.run(&caller.permit, &RemoveSecondFactor(user.id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST .../users/{user}/signed-in`: the product let the user in by single sign-on (A4).
pub async fn signed_in(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, user)): Place<(String, String)>,
) -> Result<Json<Value>, Problem> {
    let user = find(&directory, caller.organisation(), &user).await?;
    let after = directory.run(&caller.permit, &ReportSignIn(user.id)).await?;
    Ok(Json(view(&after, &caller.settings)))
}

/// `GET .../users/{user}/sessions`: those that are good, oldest first.
pub async fn sessions(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, user)): Place<(String, String)>,
    Parameters(listing): Parameters<Listing>,
) -> Result<Json<Value>, Problem> {
    let user = find(&directory, caller.organisation(), &user).await?;
    let question = listing.read(&directory, &caller, List::Sessions).await?;
    let sessions = directory.browse_sessions(caller.organisation(), &user).await?;
    let items = Known::by("id", sessions.iter().map(session));
    Ok(Json(question.answer(&directory, items).await?))
}

/// `DELETE .../users/{user}/sessions`: all; how many there were.
pub async fn end_sessions(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, user)): Place<(String, String)>,
) -> Result<Json<Value>, Problem> {
    let user = find(&directory, caller.organisation(), &user).await?;
    let end = EndSessions {
        user: user.id,
        only: None,
    };
    let ended = directory.run(&caller.permit, &end).await?;
    Ok(Json(json!({ "ended": ended })))
}

/// `DELETE .../users/{user}/sessions/{session}`: one.
pub async fn end_session(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, user, id)): Place<(String, String, String)>,
) -> Result<StatusCode, Problem> {
    let user = find(&directory, caller.organisation(), &user).await?;
    let end = EndSessions {
        user: user.id,
        only: Some(session_id(&id)?),
    };
    directory.run(&caller.permit, &end).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A session's identifier in a path.
pub(super) fn session_id(text: &str) -> Result<TokenId, DirectoryError> {
    text.parse().map_err(|_| DirectoryError::not_found("session", text))
}

/// A session as a list shows one.
pub(super) fn session(session: &Session) -> Value {
    json!({
        "id": session.id,
        "created": session.created,
        "last_used": session.seen,
        "expires": session.expires,
        "second_factor": session.second_factor,
    })
}
