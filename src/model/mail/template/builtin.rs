//! The gateway's own wording, in English, Dutch and German as its pages are. `builtin/` has the parts as files, by language; the
//! subject is the first line of the text.

use super::{MailTemplate, TemplateName};
use crate::model::mail::language;

macro_rules! parts {
    ($language:literal, $name:literal) => {
        (
            include_str!(concat!("builtin/", $language, "/", $name, ".txt")),
            include_str!(concat!("builtin/", $language, "/", $name, ".html")),
        )
    };
}

macro_rules! wordings {
    ($wanted:expr, $language:literal) => {
        match $wanted {
            TemplateName::Invitation => parts!($language, "invitation"),
            TemplateName::PasswordReset => parts!($language, "password-reset"),
            TemplateName::GuestInvitation => parts!($language, "guest-invitation"),
            TemplateName::SignInWarning => parts!($language, "sign-in-warning"),
            TemplateName::PasswordSet => parts!($language, "password-set"),
        }
    };
}

/// The built-in wording of an event in a language, by its tag in comparison form; `None` where there is none in exactly this one.
#[must_use]
pub fn builtin(name: TemplateName, tag: &str) -> Option<MailTemplate> {
    let parts = match tag {
        "nl" => wordings!(name, "nl"),
        "de" => wordings!(name, "de"),
        language::LAST => return Some(english(name)),
        _ => return None,
    };
    Some(template(name, tag, parts))
}

/// The built-in wording of an event for everybody whose language has none.
#[must_use]
pub fn english(name: TemplateName) -> MailTemplate {
    template(name, language::LAST, wordings!(name, "en"))
}

fn template(name: TemplateName, tag: &str, (text, html): (&str, &str)) -> MailTemplate {
    let (subject, text) = text.split_once("\n\n").unwrap_or((text, text));
    MailTemplate {
        name,
        language: tag.to_owned(),
        subject: subject.to_owned(),
        text: text.to_owned(),
        html: Some(html.to_owned()),
    }
}
