//! Setting a forgotten password anew.

use axum::extract::{Form, Path, State};
use axum::response::{IntoResponse as _, Response};

use super::Invitee;
use super::accept::{Chosen, DIFFERENT, UNMET, failed};
use super::page::{Filled, Page, Purpose};
use crate::directory::DirectoryError;

/// `GET /password-reset/{secret}`: the form. The link stays as good as it was.
pub(super) async fn show(State(door): State<Invitee>, Path(secret): Path<String>) -> Response {
    form(&door, &secret, None, None).await
}

/// `POST /password-reset/{secret}`: sets the password. What is wrong is said on the same form.
pub(super) async fn reset(
    State(door): State<Invitee>,
    Path(secret): Path<String>,
    Form(chosen): Form<Chosen>,
) -> Response {
    if chosen.password != chosen.repeated {
        return form(&door, &secret, Some(&chosen.password), Some(DIFFERENT)).await;
    }
    let (organisation, user) = match door.directory.reset_password(&secret, &chosen.password).await {
        Ok(set) => set,
        Err(DirectoryError::InvalidValue { .. }) => {
            return form(&door, &secret, Some(&chosen.password), Some(UNMET)).await;
        }
        Err(error) => return failed(&error, Purpose::Reset).into_response(),
    };
    match door.directory.load_organisation(organisation).await {
        Ok(settings) => Page::Done {
            purpose: Purpose::Reset,
            organisation: settings.organisation.name.clone(),
            user_name: user.user_name,
        }
        .into_response(),
        Err(error) => failed(&error, Purpose::Reset).into_response(),
    }
}

async fn form(door: &Invitee, secret: &str, password: Option<&str>, problem: Option<&str>) -> Response {
    match fill(door, secret, password, problem).await {
        Ok(filled) => Page::Form(filled).into_response(),
        Err(error) => failed(&error, Purpose::Reset).into_response(),
    }
}

async fn fill(
    door: &Invitee,
    secret: &str,
    password: Option<&str>,
    problem: Option<&str>,
) -> Result<Filled, DirectoryError> {
    let (organisation, user) = door.directory.browse_reset(secret).await?;
    let settings = door.directory.load_organisation(organisation).await?;
    let typed = password.unwrap_or_default();
    let criteria = door
        .directory
        .password_criteria(organisation, Some(&user), typed)
        .await?;
    Ok(Filled {
        purpose: Purpose::Reset,
        organisation: settings.organisation.name.clone(),
        display_name: user.display_name().unwrap_or_default().to_owned(),
        expires: String::new(),
        criteria,
        is_judged: password.is_some(),
        problem: problem.map(str::to_owned),
        user_name: user.user_name,
    })
}
