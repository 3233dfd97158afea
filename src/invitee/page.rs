//! The pages: one template, a style sheet and a script.

use std::sync::LazyLock;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use minijinja::{AutoEscape, Environment, UndefinedBehavior, context};
use serde::Serialize;

use crate::model::password_policy::Criterion;

const TEMPLATE: &str = include_str!("assets/page.html");
const STYLE: &str = include_str!("assets/page.css");
const SCRIPT: &str = include_str!("assets/page.js");

/// What a link is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Purpose {
    /// Coming in.
    Invitation,
    /// Setting a forgotten password anew.
    Reset,
}

/// A page.
pub(super) enum Page {
    /// The form.
    Form(Filled),
    /// The password is set.
    Done {
        /// By which link.
        purpose: Purpose,
        /// The organisation's name.
        organisation: String,
        /// What the person signs in with.
        user_name: String,
    },
    /// The secret opens nothing.
    Closed(Purpose),
    /// Too many requests.
    Busy {
        /// Seconds to wait.
        wait_s: u64,
    },
    /// Something went wrong inside.
    Broken,
}

/// What the form shows.
#[derive(Debug, Serialize)]
pub(super) struct Filled {
    /// What the link is for.
    pub(super) purpose: Purpose,
    /// The organisation's name.
    pub(super) organisation: String,
    /// The person's name, empty when there is none.
    pub(super) display_name: String,
    /// What the person will sign in with.
    pub(super) user_name: String,
    /// When the link ends; empty when that is not told.
    pub(super) expires: String,
    /// What is asked of the password.
    pub(super) criteria: Vec<Criterion>,
    /// Whether `criteria` speak of a password that was sent.
    pub(super) is_judged: bool,
    /// What was wrong.
    pub(super) problem: Option<String>,
}

/// Built once: the template is part of the program.
static PAGES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment
});

impl Page {
    fn status(&self) -> StatusCode {
        match self {
            Self::Form(filled) if filled.problem.is_some() => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Form(_) | Self::Done { .. } => StatusCode::OK,
            Self::Closed(_) => StatusCode::NOT_FOUND,
            Self::Busy { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Broken => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn render(&self) -> Result<String, minijinja::Error> {
        let shown = match self {
            Self::Form(filled) => context! { page => "form", form => filled },
            Self::Done {
                purpose,
                organisation,
                user_name,
            } => context! { page => "done", purpose, organisation, user_name },
            Self::Closed(purpose) => context! { page => "closed", purpose },
            Self::Busy { wait_s } => context! { page => "busy", wait_s },
            Self::Broken => context! { page => "broken" },
        };
        PAGES.render_str(TEMPLATE, shown)
    }
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        match self.render() {
            Ok(html) => (self.status(), Html(html)).into_response(),
            Err(error) => {
                tracing::error!(%error, "a page could not be made");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}

/// `GET /invitations/assets/page.css`.
pub(super) async fn style() -> Response {
    asset("text/css; charset=utf-8", STYLE)
}

/// `GET /invitations/assets/page.js`.
pub(super) async fn script() -> Response {
    asset("text/javascript; charset=utf-8", SCRIPT)
}

fn asset(kind: &'static str, text: &'static str) -> Response {
    let mut response = text.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
