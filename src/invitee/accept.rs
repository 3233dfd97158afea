//! Showing an invitation, and accepting it.

use axum::extract::{Form, Path, State};
use axum::http::Method;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use super::Invitee;
use super::page::{Filled, Page, Purpose};
use crate::directory::DirectoryError;
use crate::directory::accept::{Invited, Look};

/// What is said of two passwords that differ.
pub(super) const DIFFERENT: &str = "The two passwords are not the same.";
/// What is said of a password that the policy refuses.
pub(super) const UNMET: &str = "The password does not meet every criterion.";

/// `GET /invitations/{secret}`: the form. `HEAD` opens nothing.
pub(super) async fn show(State(door): State<Invitee>, method: Method, Path(secret): Path<String>) -> Response {
    let look = if method == Method::HEAD {
        Look::Peeks
    } else {
        Look::Opens
    };
    match invited(&door, &secret, look).await {
        Ok(invited) => form(&door, &invited, None, None).await,
        Err(page) => page.into_response(),
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
    Form(chosen): Form<Chosen>,
) -> Response {
    let invited = match invited(&door, &secret, Look::Opens).await {
        Ok(invited) => invited,
        Err(page) => return page.into_response(),
    };
    if chosen.password != chosen.repeated {
        let problem = DIFFERENT;
        return form(&door, &invited, Some(&chosen.password), Some(problem.to_owned())).await;
    }
    match door.directory.accept_invitation(&secret, &chosen.password).await {
        Ok((_, user)) => Page::Done {
            purpose: Purpose::Invitation,
            organisation: invited.organisation_name,
            user_name: user.user_name,
        }
        .into_response(),
        Err(DirectoryError::InvalidValue { .. }) => {
            let problem = UNMET;
            form(&door, &invited, Some(&chosen.password), Some(problem.to_owned())).await
        }
        Err(DirectoryError::SeatsExhausted { .. }) => {
            let problem = format!(
                "{} has no free seat for you at the moment. Ask the person who invited you, and come back later: the \
                 invitation stays good.",
                invited.organisation_name
            );
            form(&door, &invited, Some(&chosen.password), Some(problem)).await
        }
        Err(error) => failed(&error, Purpose::Invitation).into_response(),
    }
}

async fn invited(door: &Invitee, secret: &str, look: Look) -> Result<Invited, Page> {
    let opened = door.directory.open_invitation(secret, look).await;
    opened.map_err(|error| failed(&error, Purpose::Invitation))
}

/// The form, with what is asked of a password and what was wrong with the one that was sent.
async fn form(door: &Invitee, invited: &Invited, password: Option<&str>, problem: Option<String>) -> Response {
    let criteria = door
        .directory
        .password_criteria(invited.organisation, Some(&invited.user), password.unwrap_or_default())
        .await;
    match criteria {
        Ok(criteria) => Page::Form(Filled {
            purpose: Purpose::Invitation,
            organisation: invited.organisation_name.clone(),
            display_name: invited.user.display_name().unwrap_or_default().to_owned(),
            user_name: invited.user.user_name.clone(),
            expires: invited.expires.format("%Y-%m-%d %H:%M UTC").to_string(),
            criteria,
            is_judged: password.is_some(),
            problem,
        })
        .into_response(),
        Err(error) => failed(&error, Purpose::Invitation).into_response(),
    }
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
        | DirectoryError::Job(_)
        | DirectoryError::Mutability { .. }
        | DirectoryError::VersionMismatch { .. }
        | DirectoryError::TooMany { .. }
        | DirectoryError::Contended { .. }
        | DirectoryError::Unavailable(_)
        | DirectoryError::Corrupt(_) => {
            tracing::error!(%error, "a page could not be shown or its form taken");
            Page::Broken
        }
    }
}
