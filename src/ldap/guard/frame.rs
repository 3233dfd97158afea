//! One BER message at a time, checked before anything parses it (RFC 4511 section 5.1).

use thiserror::Error;

/// `SEQUENCE`, the tag of every LDAP message.
const SEQUENCE: u8 = 0x30;
/// `INTEGER`, the tag of a message id.
const INTEGER: u8 = 0x02;
/// A message with more elements than this would grow some fifty-fold when parsed.
const ELEMENTS_MAX: usize = 2_000_000;

/// What one message may hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FrameLimits {
    pub(crate) message_bytes_max: usize,
    pub(crate) nesting_max: usize,
}

/// Why a message is not passed on.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum FrameError {
    /// The message is longer than allowed. It was not read.
    #[error(
        "the server announced a message of {bytes} bytes, at most {limit} are read; raise message_bytes_max if it is right"
    )]
    TooLarge {
        /// The length announced.
        bytes: u64,
        /// The limit.
        limit: usize,
    },
    /// The message nests deeper than allowed.
    #[error("the server sent a message nested more than {limit} deep")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// The message has too many parts.
    #[error("the server sent a message of more than 2,000,000 elements")]
    TooManyElements,
    /// The bytes are no LDAP message.
    #[error("the server sent something that is not an LDAP message: {what}")]
    Malformed {
        /// What was wrong.
        what: &'static str,
    },
}

/// A BER element: its tag and where its content lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Element {
    pub(crate) tag: u8,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Element {
    fn is_constructed(self) -> bool {
        self.tag & 0x20 != 0
    }
}

/// The header of the element at `at`. `None`: more bytes are needed. The content may be incomplete.
pub(crate) fn element(bytes: &[u8], at: usize) -> Result<Option<Element>, FrameError> {
    let (Some(&tag), Some(&length)) = (bytes.get(at), bytes.get(at + 1)) else {
        return Ok(None);
    };
    if tag & 0x1f == 0x1f {
        return Err(FrameError::Malformed {
            what: "a tag of several bytes",
        });
    }
    if length < 0x80 {
        let start = at + 2;
        return Ok(Some(Element {
            tag,
            start,
            end: start + usize::from(length),
        }));
    }
    let size = usize::from(length & 0x7f);
    // RFC 4511 section 5.1: only the definite form of length; four octets reach 4 GiB.
    if size == 0 || size > 4 {
        return Err(FrameError::Malformed {
            what: "a length of no or more than four bytes",
        });
    }
    let Some(octets) = bytes.get(at + 2..at + 2 + size) else {
        return Ok(None);
    };
    let content = octets.iter().fold(0_usize, |sum, octet| sum << 8 | usize::from(*octet));
    let start = at + 2 + size;
    Ok(Some(Element {
        tag,
        start,
        end: start.saturating_add(content),
    }))
}

/// The length of the first message in `bytes` when it is whole and within `limits`. `None`: more bytes are needed.
pub(crate) fn message_length(bytes: &[u8], limits: FrameLimits) -> Result<Option<usize>, FrameError> {
    let Some(message) = element(bytes, 0)? else {
        return Ok(None);
    };
    if message.tag != SEQUENCE {
        return Err(FrameError::Malformed {
            what: "a message that is not a SEQUENCE",
        });
    }
    if message.end > limits.message_bytes_max {
        return Err(FrameError::TooLarge {
            bytes: message.end as u64,
            limit: limits.message_bytes_max,
        });
    }
    let Some(bytes) = bytes.get(..message.end) else {
        return Ok(None);
    };
    check_envelope(bytes, message)?;
    check_nesting(bytes, message, limits.nesting_max)?;
    Ok(Some(message.end))
}

/// What the frame of a message says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Envelope {
    /// The request that it answers; 0 for none.
    pub(crate) id: u32,
    operation: u8,
}

impl Envelope {
    /// Of a message that [`message_length`] has passed.
    pub(crate) fn of(bytes: &[u8]) -> Result<Self, FrameError> {
        let message = element(bytes, 0)?.ok_or(FrameError::Malformed { what: "nothing" })?;
        let id = child(bytes, message.start, message)?;
        let operation = child(bytes, id.end, message)?;
        let octets = bytes.get(id.start..id.end).unwrap_or_default();
        Ok(Self {
            id: octets.iter().fold(0, |sum, octet| sum << 8 | u32::from(*octet)),
            operation: operation.tag,
        })
    }

    /// Whether nothing follows for the same request: all but SearchResultEntry, SearchResultReference and
    /// IntermediateResponse (RFC 4511 sections 4.5.2 and 4.13).
    pub(crate) fn ends_the_answer(self) -> bool {
        !matches!(self.operation, 0x64 | 0x73 | 0x79)
    }
}

/// The element at `at`, whole and inside `parent`.
pub(crate) fn child(bytes: &[u8], at: usize, parent: Element) -> Result<Element, FrameError> {
    let truncated = FrameError::Malformed {
        what: "an element that ends after its parent",
    };
    let found = element(bytes, at)?.ok_or(truncated)?;
    match found.end <= parent.end {
        true => Ok(found),
        false => Err(truncated),
    }
}

/// RFC 4511 section 4.1.1: message id, operation, controls. `ldap3` panics on anything else.
fn check_envelope(bytes: &[u8], message: Element) -> Result<(), FrameError> {
    let id = child(bytes, message.start, message)?;
    if id.tag != INTEGER || id.start == id.end || id.end - id.start > 4 {
        return Err(FrameError::Malformed {
            what: "a message without a message id",
        });
    }
    let operation = child(bytes, id.end, message)?;
    if operation.tag & 0xc0 != 0x40 {
        return Err(FrameError::Malformed {
            what: "a message without an operation",
        });
    }
    if operation.end == message.end {
        return Ok(());
    }
    // Active Directory puts the name of a notice of disconnection, tag 0x8a, where controls, tag 0xa0, belong.
    let controls = child(bytes, operation.end, message)?;
    match matches!(controls.tag, 0xa0 | 0x8a) && controls.end == message.end {
        true => Ok(()),
        false => Err(FrameError::Malformed {
            what: "a message with something after its operation",
        }),
    }
}

/// Walks every element with a stack of our own, so that the depth costs heap and not the process.
fn check_nesting(bytes: &[u8], message: Element, nesting_max: usize) -> Result<(), FrameError> {
    let mut open = vec![message];
    let mut at = message.start;
    let mut elements = 0_usize;
    while let Some(&parent) = open.last() {
        if at == parent.end {
            open.pop();
            continue;
        }
        let found = child(bytes, at, parent)?;
        elements += 1;
        if elements > ELEMENTS_MAX {
            return Err(FrameError::TooManyElements);
        }
        if !found.is_constructed() {
            at = found.end;
            continue;
        }
        if open.len() >= nesting_max {
            return Err(FrameError::TooDeep { limit: nesting_max });
        }
        open.push(found);
        at = found.start;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
