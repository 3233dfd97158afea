//! The identity of an entry that survives renames and moves.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

use super::entry::AttributeValue;
use super::filter::Filter;

/// The attribute that a kind of server keeps for ever with an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum StableIdKind {
    /// `entryUUID` (RFC 4530), a UUID as text: OpenLDAP, 389-DS with the plug-in, most others.
    EntryUuid,
    /// `objectGUID`, 16 bytes with the first three fields little-endian: Active Directory, Samba.
    ObjectGuid,
    /// `nsUniqueId`, four groups of eight hexadecimal digits: 389-DS.
    NsUniqueId,
}

impl StableIdKind {
    /// The attribute's name as it is asked for.
    pub fn attribute(self) -> &'static str {
        match self {
            Self::EntryUuid => "entryUUID",
            Self::ObjectGuid => "objectGUID",
            Self::NsUniqueId => "nsUniqueId",
        }
    }
}

/// Why an entry cannot be identified.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum StableIdError {
    /// The attribute did not come. Often the reading account may not see it.
    #[error("the stable id attribute is missing")]
    Missing,
    /// The attribute came with several values.
    #[error("the stable id attribute has several values")]
    Several,
    /// The value has not the form of its kind.
    #[error("the stable id is malformed")]
    Malformed,
}

/// A stable id in canonical text: comparing two is comparing the texts and kinds.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StableId {
    kind: StableIdKind,
    text: String,
    /// The 128 bits that all three kinds have, for sets that must stay small.
    number: u128,
}

impl StableId {
    /// Reads the values of the kind's attribute.
    ///
    /// # Errors
    /// All of [`StableIdError`].
    pub fn from_values(kind: StableIdKind, values: &[AttributeValue]) -> Result<Self, StableIdError> {
        let value = match values {
            [] => return Err(StableIdError::Missing),
            [value] => value,
            _ => return Err(StableIdError::Several),
        };
        let text = match kind {
            StableIdKind::EntryUuid => {
                let text = value.as_text().ok_or(StableIdError::Malformed)?;
                Uuid::try_parse(text).map_err(|_| StableIdError::Malformed)?.to_string()
            }
            StableIdKind::ObjectGuid => {
                let bytes = value.as_bytes().try_into().map_err(|_| StableIdError::Malformed)?;
                Uuid::from_bytes_le(bytes).to_string()
            }
            StableIdKind::NsUniqueId => {
                let text = value.as_text().ok_or(StableIdError::Malformed)?;
                hexadecimal(text).ok_or(StableIdError::Malformed)?;
                text.to_owned()
            }
        };
        let number = hexadecimal(&text).ok_or(StableIdError::Malformed)?;
        Ok(Self { kind, text, number })
    }

    /// Reads the canonical text of an id, as [`Self::as_str`] gave it.
    ///
    /// # Errors
    /// [`StableIdError::Malformed`].
    pub fn parse(kind: StableIdKind, text: &str) -> Result<Self, StableIdError> {
        let value = match kind {
            StableIdKind::EntryUuid | StableIdKind::NsUniqueId => AttributeValue::Text(text.to_owned()),
            StableIdKind::ObjectGuid => {
                let guid = Uuid::try_parse(text).map_err(|_| StableIdError::Malformed)?;
                AttributeValue::Binary(guid.to_bytes_le().to_vec())
            }
        };
        Self::from_values(kind, std::slice::from_ref(&value))
    }

    /// The id of an entry that content synchronisation names by 16 bytes (RFC 4533 section 2.2, `syncUUID`). 389-DS puts
    /// the digits of `nsUniqueId` there, every other server the `entryUUID`.
    pub(crate) fn from_sync_uuid(kind: StableIdKind, bytes: [u8; 16]) -> Self {
        let number = u128::from_be_bytes(bytes);
        let text = match kind {
            StableIdKind::EntryUuid => Uuid::from_bytes(bytes).to_string(),
            StableIdKind::ObjectGuid => Uuid::from_bytes_le(bytes).to_string(),
            StableIdKind::NsUniqueId => {
                let digits = format!("{number:032x}");
                [&digits[..8], &digits[8..16], &digits[16..24], &digits[24..]].join("-")
            }
        };
        // The number is that of the text's digits, which a GUID writes in another order than its bytes.
        let number = hexadecimal(&text).unwrap_or(number);
        Self { kind, text, number }
    }

    /// `(attribute=id)`: the one entry that has it.
    pub(crate) fn filter(&self) -> Filter {
        let attribute = self.kind.attribute();
        let filter = match self.kind {
            StableIdKind::EntryUuid | StableIdKind::NsUniqueId => Filter::equals(attribute, &self.text),
            StableIdKind::ObjectGuid => Filter::equals_bytes(attribute, &Uuid::from_u128(self.number).to_bytes_le()),
        };
        // The three attributes are names, so this never falls back; if it did, too much would be read and not too little.
        filter.unwrap_or_else(|_| Filter::everything())
    }

    /// Which attribute it came from.
    pub fn kind(&self) -> StableIdKind {
        self.kind
    }

    pub(crate) fn number(&self) -> u128 {
        self.number
    }

    /// Canonical text: a lower-case UUID, or the `nsUniqueId` as the server wrote it.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for StableId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Exactly 32 hexadecimal digits, wherever the hyphens stand.
fn hexadecimal(text: &str) -> Option<u128> {
    let digits: String = text.chars().filter(|character| *character != '-').collect();
    let shaped = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    shaped.then(|| u128::from_str_radix(&digits, 16).ok()).flatten()
}
