//! Showing an invitation, and accepting it.

use axum::extract::{Form, Path, State};
use axum::http::{HeaderMap, Method};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use super::Invitee;
use super::page::{Asked, Filled, Page, Purpose, Said};
use super::sentences::{Sentences, filled};
use crate::directory::DirectoryError;
use crate::directory::accept::{Invited, Look};

/// `GET /invitations/{secret}`: the form. `HEAD` opens nothing.
pub(super) async fn show(
    State(door): State<Invitee>,
    method: Method,
    Path(secret): Path<String>,
    headers: HeaderMap,
) -> Response {
    let look = if method == Method::HEAD {
        Look::Peeks
    } else {
        Look::Opens
    };
    match invited(&door, &secret, look).await {
        Ok(invited) => {
            let say = door.say_to(invited.organisation, &invited.user, &headers).await;
            form(&door, &invited, say, None, None).await
        }
        Err(page) => Said(page, Invitee::say(&headers)).into_response(),
    }
}

/// What the form sends.
#[derive(Deserialize)]
pub(super) struct Chosen {
    #[serde(default)]
    pub(super) password: String,
    #[serde(default)]
    pub(super) repeated: String,
}

/// `POST /invitations/{secret}`: sets the password. What is wrong is said on the same form.
pub(super) async fn accept(
    State(door): State<Invitee>,
    Path(secret): Path<String>,
    headers: HeaderMap,
    Form(chosen): Form<Chosen>,
) -> Response {
    let invited = match invited(&door, &secret, Look::Opens).await {
        Ok(invited) => invited,
        Err(page) => return Said(page, Invitee::say(&headers)).into_response(),
    };
    let say = door.say_to(invited.organisation, &invited.user, &headers).await;
    let again = async |problem: String| form(&door, &invited, say, Some(&chosen.password), Some(problem)).await;
    if chosen.password != chosen.repeated {
        return again(say.different.to_owned()).await;
    }
    match door.directory.accept_invitation(&secret, &chosen.password).await {
        Ok((_, user)) => {
            let done = Page::Done {
                purpose: Purpose::Invitation,
                organisation: invited.organisation_name.clone(),
                user_name: user.user_name,
            };
            Said(done, say).into_response()
        }
        Err(DirectoryError::InvalidValue { .. }) => again(say.refused.to_owned()).await,
        Err(DirectoryError::SeatsExhausted { .. }) => again(filled(say.no_seat, &invited.organisation_name)).await,
        Err(error) => Said(failed(&error, Purpose::Invitation), say).into_response(),
    }
}

async fn invited(door: &Invitee, secret: &str, look: Look) -> Result<Invited, Page> {
    let opened = door.directory.open_invitation(secret, look).await;
    opened.map_err(|error| failed(&error, Purpose::Invitation))
}

/// The form, with what is asked of a password and what was wrong with the one that was sent.
async fn form(
    door: &Invitee,
    invited: &Invited,
    say: &'static Sentences,
    password: Option<&str>,
    problem: Option<String>,
) -> Response {
    let criteria = door
        .directory
        .password_criteria(invited.organisation, Some(&invited.user), password.unwrap_or_default())
        .await;
    let page = match criteria {
        Ok(criteria) => Page::Form(Filled {
            purpose: Purpose::Invitation,
            organisation: invited.organisation_name.clone(),
            display_name: invited.user.display_name().unwrap_or_default().to_owned(),
            user_name: invited.user.user_name.clone(),
            expires: invited.expires.format("%Y-%m-%d %H:%M UTC").to_string(),
            criteria: Asked::of(&criteria, say),
            is_judged: password.is_some(),
            problem,
        }),
        Err(error) => failed(&error, Purpose::Invitation),
    };
    Said(page, say).into_response()
}

/// What the person sees when there is no form to show. Whether a link was never made, used, withdrawn or is expired is not
/// told.
pub(super) fn failed(error: &DirectoryError, purpose: Purpose) -> Page {
    match error {
        DirectoryError::Denied(_)
        | DirectoryError::NotFound { .. }
        | DirectoryError::Unauthenticated
        | DirectoryError::InvalidValue { .. } => Page::Closed(purpose),
        DirectoryError::SeatsExhausted { .. }
        | DirectoryError::Uniqueness { .. }
        | DirectoryError::AwaitsReview(_)
        | DirectoryError::Unconfirmed(_)
        | DirectoryError::LicenceInUse(_)
        | DirectoryError::Job(_)
        | DirectoryError::Mutability { .. }
        | DirectoryError::VersionMismatch { .. }
        | DirectoryError::TooMany { .. }
        | DirectoryError::Contended { .. }
        | DirectoryError::Unavailable(_)
        | DirectoryError::MailFiles(_)
        | DirectoryError::Corrupt(_) => {
            tracing::error!(%error, "a page could not be shown or its form taken");
            Page::Broken
        }
    }
}
