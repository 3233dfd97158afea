//! Keys of an organisation's own attributes and of the indexes over them.

use super::{Builder, Table};
use crate::model::custom_attribute::Bearer;
use crate::model::id::OrganisationId;
use crate::store::Key;

/// The byte of custom attributes in the tables that they share with built-in names and indexes.
const CUSTOM: u8 = b'a';

/// Bytes of a key before the byte that tells entries of one table apart.
const TAG_AT: usize = 18;

fn bearer_byte(bearer: Bearer) -> u8 {
    match bearer {
        Bearer::User => b'u',
        Bearer::Group => b'g',
    }
}

impl Builder {
    /// Names compare without case (RFC 7643 section 2.1).
    pub(super) fn attribute(self, bearer: Bearer, name: &str) -> Self {
        self.byte(bearer_byte(bearer)).text(&name.to_ascii_lowercase())
    }
}

/// What an organisation declares for a resource type.
#[must_use]
pub fn custom_schema(organisation: OrganisationId, bearer: Bearer) -> Key {
    Builder::of(organisation, Table::CustomAttribute)
        .byte(bearer_byte(bearer))
        .key()
}

/// The holder of a unique value; `text` is the value's form in an index.
#[must_use]
pub fn custom_unique(organisation: OrganisationId, bearer: Bearer, attribute: &str, text: &str) -> Key {
    Builder::of(organisation, Table::Unique)
        .byte(CUSTOM)
        .attribute(bearer, attribute)
        .text(text)
        .key()
}

/// Every unique value of an attribute.
#[must_use]
pub fn custom_unique_values(organisation: OrganisationId, bearer: Bearer, attribute: &str) -> Key {
    Builder::of(organisation, Table::Unique)
        .byte(CUSTOM)
        .attribute(bearer, attribute)
        .key()
}

/// An entry of the index of a searchable attribute; without an id, the start of all entries of a value.
#[must_use]
pub fn custom_entry(
    organisation: OrganisationId,
    bearer: Bearer,
    attribute: &str,
    text: &str,
    id: Option<uuid::Uuid>,
) -> Key {
    let entries = Builder::of(organisation, Table::Index)
        .byte(CUSTOM)
        .attribute(bearer, attribute)
        .text(text);
    match id {
        Some(id) => entries.uuid(id).key(),
        None => entries.key(),
    }
}

/// Every entry of the index of a searchable attribute.
#[must_use]
pub fn custom_entry_values(organisation: OrganisationId, bearer: Bearer, attribute: &str) -> Key {
    Builder::of(organisation, Table::Index)
        .byte(CUSTOM)
        .attribute(bearer, attribute)
        .key()
}

/// Whether a key of the unique names or of the indexes is about a custom attribute.
#[must_use]
pub fn is_custom_entry(key: &Key) -> bool {
    key.as_bytes().get(TAG_AT) == Some(&CUSTOM)
}
