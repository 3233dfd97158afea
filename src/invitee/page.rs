//! The pages: one template, a style sheet and a script.

use std::sync::LazyLock;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value, context};
use serde::Serialize;

use crate::model::password_policy::{Criterion, CriterionKey};

use super::sentences::{Sentences, filled};

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
    /// What is asked of the password, in the reader's language.
    pub(super) criteria: Vec<Asked>,
    /// Whether `criteria` speak of a password that was sent.
    pub(super) is_judged: bool,
    /// What was wrong.
    pub(super) problem: Option<String>,
}

/// A criterion on the form.
#[derive(Debug, Serialize)]
pub(super) struct Asked {
    /// For the script.
    pub(super) key: CriterionKey,
    /// What the password must do.
    pub(super) text: String,
    /// Whether it does.
    pub(super) met: bool,
}

impl Asked {
    /// The criteria in a language.
    pub(super) fn of(criteria: &[Criterion], say: &Sentences) -> Vec<Self> {
        let asked = criteria.iter().map(|criterion| Self {
            key: criterion.key,
            text: say.criterion(criterion),
            met: criterion.met,
        });
        asked.collect()
    }
}

/// A page in a language.
pub(super) struct Said(
    /// What is to be seen.
    pub(super) Page,
    /// In which language.
    pub(super) &'static Sentences,
);

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

    fn render(&self, say: &Sentences) -> Result<String, minijinja::Error> {
        let told = |[title, sentence]: [&str; 2], then: &[&'static str], value: &str| {
            context! { page => "told", heading => title, sentence => filled(sentence, value), then => then }
        };
        let shown = match self {
            Self::Form(form) => say.form(form),
            Self::Done {
                purpose,
                organisation,
                user_name,
            } => {
                let heading = match purpose {
                    Purpose::Invitation => filled(say.welcome, organisation),
                    Purpose::Reset => organisation.clone(),
                };
                let (before, after) = say.done.split_once("{}").unwrap_or((say.done, ""));
                context! { page => "done", heading, before, after, user_name, close => say.close }
            }
            Self::Closed(Purpose::Reset) => {
                let [title, sentence, then @ ..] = say.reset_closed;
                told([title, sentence], &then, "")
            }
            Self::Closed(Purpose::Invitation) => {
                let [title, sentence, then @ ..] = say.invitation_closed;
                told([title, sentence], &then, "")
            }
            Self::Busy { wait_s } => told(say.busy, &[], &wait_s.to_string()),
            Self::Broken => told(say.broken, &[], ""),
        };
        let frame = context! { language => say.language, title => say.title };
        PAGES.render_str(TEMPLATE, context! { ..shown, ..frame })
    }
}

impl Sentences {
    /// What the form's template needs.
    fn form(&self, form: &Filled) -> Value {
        let name = match form.display_name.as_str() {
            "" => String::new(),
            name => format!(" {name}"),
        };
        let (choose, send) = match form.purpose {
            Purpose::Invitation => (self.choose, self.accept),
            Purpose::Reset => (self.choose_new, self.set),
        };
        context! {
            page => "form",
            form => form,
            hello => filled(self.hello, &name),
            choose,
            send,
            good_until => if form.expires.is_empty() { String::new() } else { filled(self.good_until, &form.expires) },
            user_name => self.user_name,
            password => self.password,
            must => self.must,
            again => self.again,
            met => self.met,
            unmet => self.unmet,
            different => self.different,
        }
    }
}

impl IntoResponse for Said {
    fn into_response(self) -> Response {
        let Self(page, say) = self;
        match page.render(say) {
            Ok(html) => {
                let language = [(header::CONTENT_LANGUAGE, say.language)];
                (page.status(), language, Html(html)).into_response()
            }
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
