//! Delivery: what leaves the gateway after a commit. Mail, by SMTP or into files.
//!
//! [`mailer`] takes mails from the outbox and tells it what became of them; [`letter`] writes them, [`transport`] hands them over.

pub mod folder;
pub mod letter;
pub mod mailer;
pub mod transport;
