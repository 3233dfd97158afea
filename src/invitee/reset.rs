//! Setting a forgotten password anew.

use axum::extract::{Form, Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};

use super::Invitee;
use super::accept::{Chosen, failed};
use super::page::{Asked, Filled, Page, Purpose, Said};
use super::sentences::Sentences;
use crate::directory::DirectoryError;

/// `GET /password-reset/{secret}`: the form. The link stays as good as it was.
pub(super) async fn show(State(door): State<Invitee>, Path(secret): Path<String>, headers: HeaderMap) -> Response {
    form(&door, &secret, &headers, None, None).await
}

/// What was wrong with what was sent.
type Problem = fn(&Sentences) -> &'static str;

/// `POST /password-reset/{secret}`: sets the password. What is wrong is said on the same form.
pub(super) async fn reset(
    State(door): State<Invitee>,
    Path(secret): Path<String>,
    headers: HeaderMap,
    Form(chosen): Form<Chosen>,
) -> Response {
    if chosen.password != chosen.repeated {
        return form(
            &door,
            &secret,
            &headers,
            Some(&chosen.password),
            Some(|say| say.different),
        )
        .await;
    }
    let (organisation, user) = match door.directory.reset_password(&secret, &chosen.password).await {
        Ok(set) => set,
        Err(DirectoryError::InvalidValue { .. }) => {
            return form(
                &door,
                &secret,
                &headers,
                Some(&chosen.password),
                Some(|say| say.refused),
            )
            .await;
        }
        Err(error) => return Said(failed(&error, Purpose::Reset), Invitee::say(&headers)).into_response(),
    };
    let say = door.say_to(organisation, &user, &headers).await;
    let page = match door.directory.load_organisation(organisation).await {
        Ok(settings) => Page::Done {
            purpose: Purpose::Reset,
            organisation: settings.organisation.name.clone(),
            user_name: user.user_name,
        },
        Err(error) => failed(&error, Purpose::Reset),
    };
    Said(page, say).into_response()
}

async fn form(
    door: &Invitee,
    secret: &str,
    headers: &HeaderMap,
    password: Option<&str>,
    problem: Option<Problem>,
) -> Response {
    match fill(door, secret, headers, password, problem).await {
        Ok((filled, say)) => Said(Page::Form(filled), say).into_response(),
        Err(error) => Said(failed(&error, Purpose::Reset), Invitee::say(headers)).into_response(),
    }
}

async fn fill(
    door: &Invitee,
    secret: &str,
    headers: &HeaderMap,
    password: Option<&str>,
    problem: Option<Problem>,
) -> Result<(Filled, &'static Sentences), DirectoryError> {
    let (organisation, user) = door.directory.browse_reset(secret).await?;
    let settings = door.directory.load_organisation(organisation).await?;
    let say = door.say_to(organisation, &user, headers).await;
    let typed = password.unwrap_or_default();
    let criteria = door
        .directory
        .password_criteria(organisation, Some(&user), typed)
        .await?;
    let filled = Filled {
        purpose: Purpose::Reset,
        organisation: settings.organisation.name.clone(),
        display_name: user.display_name().unwrap_or_default().to_owned(),
        expires: String::new(),
        criteria: Asked::of(&criteria, say),
        is_judged: password.is_some(),
        problem: problem.map(|problem| problem(say).to_owned()),
        user_name: user.user_name,
    };
    Ok((filled, say))
}
