//! The gateway's own wording, in English. `builtin/` has the parts as files, the subject as the first line of the text.

use super::{MailTemplate, TemplateName};
use crate::model::mail::language;

/// The built-in wording of an event.
#[must_use]
pub fn builtin(name: TemplateName) -> MailTemplate {
    let (text, html) = match name {
        TemplateName::Invitation => (
            include_str!("builtin/invitation.txt"),
            include_str!("builtin/invitation.html"),
        ),
        TemplateName::PasswordReset => (
            include_str!("builtin/password-reset.txt"),
            include_str!("builtin/password-reset.html"),
        ),
        TemplateName::GuestInvitation => (
            include_str!("builtin/guest-invitation.txt"),
            include_str!("builtin/guest-invitation.html"),
        ),
        TemplateName::SignInWarning => (
            include_str!("builtin/sign-in-warning.txt"),
            include_str!("builtin/sign-in-warning.html"),
        ),
        TemplateName::PasswordSet => (
            include_str!("builtin/password-set.txt"),
            include_str!("builtin/password-set.html"),
        ),
    };
    let (subject, text) = text.split_once("\n\n").unwrap_or((text, text));
    MailTemplate {
        name,
        language: language::LAST.to_owned(),
        subject: subject.to_owned(),
        text: text.to_owned(),
        html: Some(html.to_owned()),
    }
}
