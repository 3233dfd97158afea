//! What can be an e-mail address.

use std::str::FromStr as _;

use lettre::Address;
use thiserror::Error;

use super::ADDRESS_BYTES_MAX;

/// Why a text is no e-mail address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AddressFault {
    /// A line end could add a header to a mail, and with it a receiver.
    #[error("holds a control character, such as a line end: give one address")]
    Control,
    /// A mail would go to all of them.
    #[error("holds more than one address: give each its own value")]
    Several,
    /// It is too long (RFC 5321 s4.5.3.1.3).
    #[error("is longer than {ADDRESS_BYTES_MAX} bytes, which no mail server takes")]
    Long,
    /// No mail server would take it (RFC 5321 s4.1.2).
    #[error("is not an e-mail address, for example ada@example.com")]
    Form,
}

/// Whether a text is at most one address and changes nothing else in a mail. More is not asked of what identity providers say: a
/// text without `@` is taken as it comes, and no mail is sent to it.
///
/// # Errors
/// [`AddressFault::Control`], [`AddressFault::Several`].
pub fn check_single(text: &str) -> Result<(), AddressFault> {
    if text.chars().any(char::is_control) {
        return Err(AddressFault::Control);
    }
    // An "@" inside a quoted local part (RFC 5321 s4.1.2) is part of it.
    let is_quoted = text.starts_with('"');
    let is_list = text.contains([',', ';']) || text.split_whitespace().filter(|word| word.contains('@')).count() > 1;
    if !is_quoted && is_list && text.matches('@').count() > 1 {
        return Err(AddressFault::Several);
    }
    Ok(())
}

/// Whether a mail server would take a text as an address (RFC 5321 s4.1.2, RFC 6531 s3.3).
///
/// # Errors
/// [`AddressFault`].
pub fn check(text: &str) -> Result<(), AddressFault> {
    check_single(text)?;
    if text.len() > ADDRESS_BYTES_MAX {
        return Err(AddressFault::Long);
    }
    Address::from_str(text).map(drop).map_err(|_| AddressFault::Form)
}
