//! The invited person's door: the page behind the link in an invitation, and the one behind a link for a forgotten password.
//!
//! `GET /invitations/{secret}` shows the form and what is asked of a password, `POST` accepts; `/password-reset/{secret}` likewise. The
//! pages work without
//! JavaScript; a small script ticks the criteria off while the person types. A secret that is unknown, used, withdrawn or
//! expired gets one and the same page. They speak English, Dutch and German: see `sentences`.

mod accept;
mod page;
mod reset;
mod sentences;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use serde_json::Value;

use crate::directory::Directory;
use crate::directory::invitation::PATH;
use crate::directory::password::reset_mail::PATH as RESET;
use crate::model::id::OrganisationId;
use crate::model::locale::Language;
use crate::model::user::User;
use crate::rate::{ClientAddress, Limits};
use page::{Page, Said};
use sentences::{Sentences, asked_for};

/// The longest form, in bytes.
const BODY_BYTES_MAX: usize = 16 << 10;

/// The door.
#[derive(Clone)]
struct Invitee {
    directory: Directory,
    limits: Arc<Limits>,
}

impl Invitee {
    /// What to say to a person: in the person's own language, else one that the browser asks for, else the organisation's.
    async fn say_to(&self, organisation: OrganisationId, user: &User, headers: &HeaderMap) -> &'static Sentences {
        let settings = self.directory.load_organisation(organisation).await.ok();
        let own = user.attributes.get("preferredLanguage").and_then(Value::as_str);
        let theirs = settings
            .as_ref()
            .and_then(|settings| settings.organisation.defaults.language.as_ref());
        let asked = asked_for(accept_language(headers));
        Sentences::of(own.into_iter().chain(asked).chain(theirs.map(Language::as_str)))
    }

    /// What to say to somebody who is not known.
    fn say(headers: &HeaderMap) -> &'static Sentences {
        Sentences::of(asked_for(accept_language(headers)))
    }
}

/// The routes over a directory.
pub fn router(directory: Directory, limits: Arc<Limits>) -> Router {
    let door = Invitee { directory, limits };
    let pages = Router::new()
        .route(&format!("{PATH}{{secret}}"), get(accept::show).post(accept::accept))
        .route(&format!("{RESET}{{secret}}"), get(reset::show).post(reset::reset))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn_with_state(door.clone(), guard));
    Router::new()
        .route(&format!("{PATH}assets/page.css"), get(page::style))
        .route(&format!("{PATH}assets/page.js"), get(page::script))
        .merge(pages)
        .with_state(door)
}

/// What every page says to the browser: the address holds a secret, so it is kept, shown and told nowhere.
const HEADERS: [(HeaderName, &str); 6] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; script-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("x-robots-tag"), "noindex, nofollow"),
];

/// Bounds how often one address may come, and counts secrets that open nothing as failed authentication.
async fn guard(State(door): State<Invitee>, request: Request, next: Next) -> Response {
    let address = request.extensions().get::<ClientAddress>().copied();
    let say = Invitee::say(request.headers());
    let taken = address.map_or(Ok(()), |address| door.limits.pages.take(&address.key()));
    let mut response = match taken {
        Ok(()) => next.run(request).await,
        Err(wait) => too_many(wait.0, say),
    };
    if response.status() == StatusCode::NOT_FOUND
        && let Err(wait) = door.limits.note_failure(address)
    {
        response = too_many(wait.0, say);
    }
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// The languages that the browser asks for, as it writes them.
fn accept_language(headers: &HeaderMap) -> &str {
    let header = headers.get(header::ACCEPT_LANGUAGE);
    header.and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn too_many(wait_s: u64, say: &'static Sentences) -> Response {
    let mut response = Said(Page::Busy { wait_s }, say).into_response();
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, HeaderValue::from(wait_s));
    response
}
