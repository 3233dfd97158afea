//! The outbox: mails that wait and mails that were given up. What a mail says is not shown: it may hold a secret.

use async_trait::async_trait;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::directory::outbox::{DiscardMail, RetryMail};
use crate::directory::stretch::Stretch;
use crate::directory::{Directory, DirectoryError};
use crate::model::id::{MailId, OrganisationId};
use crate::model::list::List;
use crate::model::mail::{MailState, QueuedMail};
use crate::model::selection::SelectionError;

use super::caller::{Administrator, Parameters, Place};
use super::listing::{Browse, Listing};
use super::problem::Problem;

/// Mails that one request tries again.
const RETRIES_MAX: usize = 1000;

/// The mails of a state, the oldest first.
struct Mails {
    organisation: OrganisationId,
    state: MailState,
}

#[async_trait]
impl Browse for Mails {
    type Name = MailId;

    async fn browse(
        &self,
        directory: &Directory,
        along: Stretch<MailId>,
        limit: usize,
    ) -> Result<Vec<Value>, DirectoryError> {
        let mails = directory
            .browse_mails(self.organisation, self.state, along, limit)
            .await?;
        Ok(mails.iter().map(view).collect())
    }
}

/// `GET .../outbox`: the mails of a state, the oldest first; the queued ones unless told.
pub async fn list(
    State(directory): State<Directory>,
    caller: Administrator,
    Parameters(mut listing): Parameters<Listing>,
) -> Result<Json<Value>, Problem> {
    // Each state has an index of its own.
    let word = listing.state.take();
    let state = word.as_deref().map_or(Some(MailState::Queued), |word| {
        MailState::ALL.into_iter().find(|state| state.as_str() == word)
    });
    let state = state.ok_or_else(|| {
        DirectoryError::from(SelectionError::UnknownState {
            state: word.unwrap_or_default(),
            list: List::Mails,
        })
    })?;
    let question = listing.read(&directory, &caller, List::Mails).await?;
    let mails = Mails {
        organisation: caller.organisation(),
        state,
    };
    Ok(Json(question.answer(&directory, mails).await?))
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
