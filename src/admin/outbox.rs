//! The outbox: mails that wait and mails that were given up. What a mail says is not shown: it may hold a secret.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::directory::outbox::{DiscardMail, RetryMail};
use crate::directory::{Directory, DirectoryError};
use crate::model::id::MailId;
use crate::model::mail::{MailState, QueuedMail};

use super::caller::{Administrator, Parameters, Place};
use super::page::{Paging, page};
use super::problem::Problem;

/// Mails that one request tries again.
const RETRIES_MAX: usize = 1000;

/// Which mails to list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    limit: Option<usize>,
    after: Option<String>,
    /// The queued ones unless told.
    state: Option<MailState>,
}

/// `GET .../outbox`: the mails of a state, the oldest first.
pub async fn list(
    State(directory): State<Directory>,
    caller: Administrator,
    Parameters(wanted): Parameters<Wanted>,
) -> Result<Json<Value>, Problem> {
    let paging = Paging {
        limit: wanted.limit,
        after: wanted.after,
    };
    let limit = paging.limit()?;
    let after = paging.after(|cursor| cursor.parse().ok())?;
    let state = wanted.state.unwrap_or(MailState::Queued);
    let mails = directory
        .browse_mails(caller.organisation(), state, after, limit + 1)
        .await?;
    Ok(Json(page(mails, limit, |mail| mail.id.to_string(), view)))
}

/// `POST .../outbox/{id}/retry`: tries a mail now, and gives it all the time that a new one has.
pub async fn retry(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, id)): Place<(String, String)>,
) -> Result<Json<Value>, Problem> {
    let mail = directory.run(&caller.permit, &RetryMail(parse(&id)?)).await?;
    Ok(Json(view(&mail)))
}

/// `POST .../outbox/retry`: tries every mail that was given up, at most a thousand in one request. Answers how many.
pub async fn retry_dead(State(directory): State<Directory>, caller: Administrator) -> Result<Json<Value>, Problem> {
    let dead = directory
        .browse_mails(caller.organisation(), MailState::Dead, None, RETRIES_MAX)
        .await?;
    let mut retried = 0;
    for mail in dead {
        match directory.run(&caller.permit, &RetryMail(mail.id)).await {
            Ok(_) => retried += 1,
            // Somebody else was faster.
            Err(DirectoryError::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Json(json!({ "retried": retried })))
}

/// `DELETE .../outbox/{id}`: a mail that is not to be sent any more.
pub async fn discard(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, id)): Place<(String, String)>,
) -> Result<StatusCode, Problem> {
    if directory.run(&caller.permit, &DiscardMail(parse(&id)?)).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(DirectoryError::not_found("mail", id).into())
    }
}

fn parse(id: &str) -> Result<MailId, DirectoryError> {
    id.parse().map_err(|_| DirectoryError::not_found("mail", id))
}

fn view(mail: &QueuedMail) -> Value {
    json!({
        "id": mail.id,
        "state": mail.state,
        "template": mail.message.template,
        "to": mail.message.to,
        "language": mail.message.language,
        "user": mail.user,
        "invitation": mail.invitation,
        "created": mail.created,
        "due": mail.due,
        "attempts": mail.attempts,
        "failure": mail.failure,
    })
}
