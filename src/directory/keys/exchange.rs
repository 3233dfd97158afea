//! What the token endpoint keeps: access tokens, the assertions that were used for them, and when each ends.

use crate::model::id::{OrganisationId, TokenId};
use crate::model::slug::Slug;
use crate::store::Key;

use super::{Builder, Table};

/// An access token.
#[must_use]
pub fn access_token(id: TokenId) -> Key {
    Builder::global(b'a').uuid(id.uuid()).key()
}

/// All access tokens.
#[must_use]
pub fn access_tokens() -> Key {
    Builder::global(b'a').key()
}

/// An assertion that was used in this organisation, whichever connection it opened; `hash` is hexadecimal and stands for its
/// maker and its identifier. No connection has an empty name.
#[must_use]
pub fn used_assertion(organisation: OrganisationId, hash: &str) -> Key {
    Builder::of(organisation, Table::Exchange)
        .text("")
        .byte(b'j')
        .text(hash)
        .key()
}

/// When (milliseconds) an access token and its assertion may be forgotten. The value is the assertion's hash.
#[must_use]
pub fn exchange_end(organisation: OrganisationId, connection: &Slug, ends_ms: u64, id: TokenId) -> Key {
    Builder::of(organisation, Table::Exchange)
        .text(connection.as_str())
        .byte(b'x')
        .number(ends_ms)
        .uuid(id.uuid())
        .key()
}

/// All ends of a connection's exchanges, the earliest first.
#[must_use]
pub fn exchange_ends(organisation: OrganisationId, connection: &Slug) -> Key {
    Builder::of(organisation, Table::Exchange)
        .text(connection.as_str())
        .byte(b'x')
        .key()
}

/// The instant in an [`exchange_end`] key.
#[must_use]
pub fn exchange_ends_ms(key: &Key) -> Option<u64> {
    let bytes = key.as_bytes();
    let end = bytes.len().checked_sub(16)?;
    let number = bytes.get(end.checked_sub(8)?..end)?;
    Some(u64::from_be_bytes(number.try_into().ok()?))
}

/// Whether a key is an [`exchange_end`]; else, in its table, it is a [`used_assertion`].
#[must_use]
pub fn is_exchange_end(organisation: OrganisationId, key: &Key) -> bool {
    let table = super::table(organisation, Table::Exchange);
    let below = key.as_bytes().strip_prefix(table.as_bytes()).unwrap_or_default();
    let after_name = below.iter().position(|byte| *byte == 0).map(|at| at + 1);
    after_name.and_then(|at| below.get(at)) == Some(&b'x')
}
