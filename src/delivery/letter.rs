//! A mail as it is sent (RFC 5322, MIME).

use std::time::SystemTime;

use lettre::Message;
use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MessageBuilder, MultiPart, SinglePart};
use thiserror::Error;

use crate::model::clock::Timestamp;
use crate::model::id::MailId;
use crate::model::mail::template::Rendered;

/// A mail that cannot be written.
#[derive(Debug, Error)]
pub enum LetterError {
    /// The address is none that a mail server takes.
    #[error("the e-mail address cannot be used: {0}")]
    Address(lettre::address::AddressError),
    /// The parts do not make a mail.
    #[error("the mail cannot be written: {0}")]
    Parts(lettre::error::Error),
}

/// Nobody is there to answer (RFC 3834 s5): vacation programs stay quiet.
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

/// Writes a mail. Its `Message-ID` follows from the identifier, so that a receiver can tell a second copy.
///
/// # Errors
/// [`LetterError`].
pub fn write(id: MailId, from: &Mailbox, to: &str, rendered: Rendered, now: Timestamp) -> Result<Message, LetterError> {
    let address = to.parse().map_err(LetterError::Address)?;
    let builder: MessageBuilder = Message::builder()
        .message_id(Some(format!("<{id}@{}>", from.email.domain())))
        .date(SystemTime::from(now))
        .from(from.clone())
        .to(Mailbox::new(None, address))
        .subject(rendered.subject)
        .header(AutoSubmitted);
    let text = SinglePart::plain(rendered.text);
    match rendered.html {
        Some(html) => {
            let parts = MultiPart::alternative()
                .singlepart(text)
                .singlepart(SinglePart::html(html));
            builder.multipart(parts)
        }
        None => builder.singlepart(text),
    }
    .map_err(LetterError::Parts)
}
