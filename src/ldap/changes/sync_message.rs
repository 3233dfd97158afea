//! The messages of content synchronisation (RFC 4533 section 2). The library's own parsers panic on malformed ones.

use ldap3::ResultEntry;
use ldap3::asn1::StructureTag;
use ldap3::controls::{Control, MakeCritical, RawControl, RefreshMode, SyncRequest};

use crate::ldap::guard::frame::{Element, child, element};
use crate::ldap::read_error::IncompleteReason;

/// Section 2.3.
const SYNC_STATE: &str = "1.3.6.1.4.1.4203.1.9.1.2";
/// Section 2.4.
const SYNC_DONE: &str = "1.3.6.1.4.1.4203.1.9.1.3";
/// Section 2.5.
const SYNC_INFO: &[u8] = b"1.3.6.1.4.1.4203.1.9.1.4";

const BOOLEAN: u8 = 0x01;
const OCTET_STRING: u8 = 0x04;
const ENUMERATED: u8 = 0x0a;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;

/// `syncUUID ::= OCTET STRING (SIZE(16))`, section 2.1.1.
pub(super) type SyncUuid = [u8; 16];

/// Section 2.2. Critical, so that a server that cannot do it says so instead of sending plain results.
pub(super) fn request(mode: RefreshMode, cookie: Option<&[u8]>) -> Vec<RawControl> {
    let request = SyncRequest {
        mode,
        cookie: cookie.map(<[u8]>::to_vec),
        reload_hint: false,
    };
    vec![request.critical().into()]
}

/// What a message says about one entry (section 2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Present,
    Add,
    Modify,
    Delete,
}

/// The Sync State control of an entry.
pub(super) fn state(controls: &[Control]) -> Result<(State, SyncUuid), IncompleteReason> {
    let what = "an entry without a sync state";
    let value = value(controls, SYNC_STATE).ok_or(IncompleteReason::SyncMessage { what })?;
    parse_state(value).ok_or(IncompleteReason::SyncMessage {
        what: "a malformed sync state",
    })
}

fn parse_state(value: &[u8]) -> Option<(State, SyncUuid)> {
    let mut parts = Parts::of(value, SEQUENCE)?;
    let state = match parts.take(ENUMERATED)? {
        [0] => State::Present,
        [1] => State::Add,
        [2] => State::Modify,
        [3] => State::Delete,
        _ => return None,
    };
    let uuid = parts.take(OCTET_STRING)?.try_into().ok()?;
    Some((state, uuid))
}

/// The Sync Done control of a result (section 2.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Done {
    pub(super) cookie: Option<Vec<u8>>,
    /// False asks a literal client to remove everything that was not mentioned. 389-DS says so after every reading of
    /// changes, so nothing is concluded from it but "ask who is there".
    pub(super) refresh_deletes: bool,
}

/// The Sync Done control. Without it the server has ignored the request.
pub(super) fn done(controls: &[Control]) -> Result<Done, IncompleteReason> {
    let what = "a result without a sync done control";
    let value = value(controls, SYNC_DONE).ok_or(IncompleteReason::SyncMessage { what })?;
    parse_done(value).ok_or(IncompleteReason::SyncMessage {
        what: "a malformed sync done control",
    })
}

fn parse_done(value: &[u8]) -> Option<Done> {
    let mut parts = Parts::of(value, SEQUENCE)?;
    let cookie = parts.take(OCTET_STRING).map(<[u8]>::to_vec);
    let refresh_deletes = parts.take_boolean(false);
    parts.is_empty().then_some(Done {
        cookie,
        refresh_deletes,
    })
}

/// A Sync Info message (section 2.5), without its cookies: only that of a Sync Done is known to be followed by success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Info {
    NewCookie,
    /// End of a delete phase.
    RefreshDelete {
        is_done: bool,
    },
    /// End of a present phase.
    RefreshPresent {
        is_done: bool,
    },
    /// Entries that are gone.
    Deleted(Vec<SyncUuid>),
    /// Entries that are unchanged: what a present phase consists of.
    Present,
}

/// An intermediate response; `None` for one that is not about synchronisation (RFC 4511 section 4.13).
pub(super) fn info(message: ResultEntry) -> Result<Option<Info>, IncompleteReason> {
    let malformed = IncompleteReason::SyncMessage {
        what: "a malformed sync info message",
    };
    let mut parts = message.0.expect_constructed().unwrap_or_default().into_iter();
    // responseName [0], responseValue [1].
    let is_sync = parts.next().and_then(bytes_of(0)).as_deref() == Some(SYNC_INFO);
    if !is_sync {
        return Ok(None);
    }
    let value = parts.next().and_then(bytes_of(1));
    value.and_then(|value| parse_info(&value)).map(Some).ok_or(malformed)
}

fn bytes_of(id: u64) -> impl Fn(StructureTag) -> Option<Vec<u8>> {
    move |tag| (tag.id == id).then(|| tag.expect_primitive()).flatten()
}

fn parse_info(value: &[u8]) -> Option<Info> {
    let choice = element(value, 0).ok().flatten()?;
    if choice.tag == 0x80 {
        return Some(Info::NewCookie);
    }
    let mut parts = Parts::of(value, choice.tag)?;
    // The optional cookie comes first in all of them.
    let _ = parts.take(OCTET_STRING);
    match choice.tag {
        0xa1 => Some(Info::RefreshDelete {
            is_done: parts.take_boolean(true),
        }),
        0xa2 => Some(Info::RefreshPresent {
            is_done: parts.take_boolean(true),
        }),
        0xa3 => {
            let are_deletes = parts.take_boolean(false);
            let mut uuids = parts.open(SET)?;
            if !are_deletes {
                return Some(Info::Present);
            }
            let mut deleted = Vec::new();
            while !uuids.is_empty() {
                deleted.push(uuids.take(OCTET_STRING)?.try_into().ok()?);
            }
            Some(Info::Deleted(deleted))
        }
        _ => None,
    }
}

fn value<'a>(controls: &'a [Control], oid: &str) -> Option<&'a [u8]> {
    let control = controls.iter().find(|control| control.1.ctype == oid)?;
    control.1.val.as_deref()
}

/// The parts of one constructed element, taken one after the other.
struct Parts<'a> {
    bytes: &'a [u8],
    parent: Element,
    at: usize,
}

impl<'a> Parts<'a> {
    /// The parts of the element that `bytes` is.
    fn of(bytes: &'a [u8], tag: u8) -> Option<Self> {
        let parent = element(bytes, 0).ok().flatten()?;
        (parent.tag == tag && parent.end == bytes.len()).then_some(Self {
            bytes,
            parent,
            at: parent.start,
        })
    }

    fn is_empty(&self) -> bool {
        self.at == self.parent.end
    }

    fn next(&mut self, tag: u8) -> Option<Element> {
        if self.is_empty() {
            return None;
        }
        let found = child(self.bytes, self.at, self.parent).ok()?;
        (found.tag == tag).then(|| {
            self.at = found.end;
            found
        })
    }

    /// The content of the next part if it has this tag; otherwise it stays.
    fn take(&mut self, tag: u8) -> Option<&'a [u8]> {
        let found = self.next(tag)?;
        self.bytes.get(found.start..found.end)
    }

    fn take_boolean(&mut self, default: bool) -> bool {
        self.take(BOOLEAN)
            .map_or(default, |content| content.iter().any(|byte| *byte != 0))
    }

    fn open(&mut self, tag: u8) -> Option<Self> {
        let parent = self.next(tag)?;
        Some(Self {
            bytes: self.bytes,
            parent,
            at: parent.start,
        })
    }
}

#[cfg(test)]
mod tests;
