//! What people sign in with, and the sessions that come of it.

use sha2::Digest as _;

use crate::model::id::{OrganisationId, TokenId, UserId};
use crate::store::Key;

use super::{Builder, Table};

/// Counters among which the failures of nobody are spread.
const DECOYS: u8 = 64;

/// A person's credential.
#[must_use]
pub fn credential(organisation: OrganisationId, user: UserId) -> Key {
    Builder::of(organisation, Table::Credential)
        .byte(b'u')
        .uuid(user.uuid())
        .key()
}

/// All credentials.
#[must_use]
pub fn credentials(organisation: OrganisationId) -> Key {
    Builder::of(organisation, Table::Credential).byte(b'u').key()
}

/// Where a failed sign-in is counted that is nobody's to count: one of a fixed number of counters, by the name that was given.
#[must_use]
pub fn decoy(organisation: OrganisationId, folded: &str) -> Key {
    let hash = sha2::Sha256::digest(folded);
    Builder::of(organisation, Table::Credential)
        .byte(b'd')
        .byte(hash[0] % DECOYS)
        .key()
}

/// Whether a key of the table counts failures that are nobody's.
#[must_use]
pub fn is_decoy(key: &Key) -> bool {
    key.as_bytes().get(18) == Some(&b'd')
}

/// A session.
#[must_use]
pub fn session(organisation: OrganisationId, id: TokenId) -> Key {
    Builder::of(organisation, Table::Session)
        .byte(b's')
        .uuid(id.uuid())
        .key()
}

/// All sessions.
#[must_use]
pub fn sessions(organisation: OrganisationId) -> Key {
    Builder::of(organisation, Table::Session).byte(b's').key()
}

/// A session in the list of its person; identifiers are in the order of time.
#[must_use]
pub fn session_of(organisation: OrganisationId, user: UserId, id: TokenId) -> Key {
    Builder::of(organisation, Table::Session)
        .byte(b'u')
        .uuid(user.uuid())
        .uuid(id.uuid())
        .key()
}

/// All sessions of a person.
#[must_use]
pub fn sessions_of(organisation: OrganisationId, user: UserId) -> Key {
    Builder::of(organisation, Table::Session)
        .byte(b'u')
        .uuid(user.uuid())
        .key()
}

/// All lists of sessions.
#[must_use]
pub fn session_lists(organisation: OrganisationId) -> Key {
    Builder::of(organisation, Table::Session).byte(b'u').key()
}

/// The person and the session of a [`session_of`] key; `None` for any other.
#[must_use]
pub fn listed_session(key: &Key) -> Option<(UserId, TokenId)> {
    let rest = key.as_bytes().get(19..)?;
    let (user, id) = rest.split_at_checked(16)?;
    let uuid = |bytes| uuid::Uuid::from_slice(bytes).ok();
    (key.as_bytes().get(18) == Some(&b'u'))
        .then(|| Some((UserId::new(uuid(user)?), TokenId::new(uuid(id)?))))
        .flatten()
}
