//! The audit log, and requests with an idempotency key.

use crate::model::id::{OrganisationId, TokenId};
use crate::store::Key;

use super::{Builder, Table};

/// The audit log of an organisation; [`super::GATEWAY`] has one of its own.
#[must_use]
pub fn audit(organisation: OrganisationId) -> Key {
    Builder::of(organisation, Table::Audit).key()
}

/// The entries from an instant (milliseconds) on begin here.
#[must_use]
pub fn audit_from(organisation: OrganisationId, at_ms: u64) -> Key {
    Builder::of(organisation, Table::Audit).number(at_ms).key()
}

/// One entry: by the instant (milliseconds), then by an identifier that keeps the order of entries of one millisecond.
#[must_use]
pub fn audit_entry(organisation: OrganisationId, at_ms: u64, id: uuid::Uuid) -> Key {
    Builder::of(organisation, Table::Audit).number(at_ms).uuid(id).key()
}

/// The instant (milliseconds) and the identifier of an [`audit_entry`].
#[must_use]
pub fn audit_place(key: &Key) -> Option<(u64, uuid::Uuid)> {
    let rest = key.as_bytes().get(18..)?;
    let at = u64::from_be_bytes(rest.get(..8)?.try_into().ok()?);
    Some((at, uuid::Uuid::from_slice(rest.get(8..)?).ok()?))
}

/// What a credential's idempotency key stands for; `hash` is hexadecimal.
#[must_use]
pub fn idempotency(organisation: OrganisationId, token: TokenId, hash: &str) -> Key {
    Builder::of(organisation, Table::Idempotency)
        .uuid(token.uuid())
        .text(hash)
        .key()
}
