//! What a server sends as a search result entry, decoded without trust (RFC 4511 section 4.5.2).

use std::collections::BTreeMap;
use std::collections::btree_map;

use ldap3::ResultEntry;
use ldap3::asn1::{StructureTag, TagClass};
use thiserror::Error;

use super::dn::DnKey;
use super::range::ValueRange;
use super::stable_id::{StableId, StableIdError, StableIdKind};

/// `SearchResultEntry`, `[APPLICATION 4]`.
const SEARCH_RESULT_ENTRY: u64 = 4;

/// One value of an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttributeValue {
    /// The value is UTF-8. Binary values can be so by chance: use [`Self::as_bytes`] for attributes known as binary.
    Text(String),
    /// It is not.
    Binary(Vec<u8>),
}

impl AttributeValue {
    /// The value as text.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Binary(_) => None,
        }
    }

    /// The value as the server sent it.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }
}

impl From<Vec<u8>> for AttributeValue {
    fn from(bytes: Vec<u8>) -> Self {
        String::from_utf8(bytes).map_or_else(|error| Self::Binary(error.into_bytes()), Self::Text)
    }
}

/// An entry's attributes by lower-case name without options: servers choose the case, and
/// `userCertificate;binary` is `usercertificate` here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes(BTreeMap<String, Vec<AttributeValue>>);

impl Attributes {
    /// The values of `name`, in any case, in the server's order; none when the attribute is absent.
    pub fn values(&self, name: &str) -> &[AttributeValue] {
        let exact = self.0.get(name);
        let values = exact.or_else(|| self.0.get(&name.to_ascii_lowercase()));
        values.map_or(&[], Vec::as_slice)
    }

    /// The values of `name`, in any case, that are text.
    pub fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        self.values(name).iter().filter_map(AttributeValue::as_text)
    }

    /// The first text value of `name`, in any case.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.texts(name).next()
    }

    /// Every attribute, by its lower-case name.
    pub fn iter(&self) -> btree_map::Iter<'_, String, Vec<AttributeValue>> {
        self.0.iter()
    }

    /// Adds values behind those that `name` has.
    pub(crate) fn append(&mut self, name: &str, values: Vec<AttributeValue>) {
        self.0.entry(name.to_ascii_lowercase()).or_default().extend(values);
    }

    /// Adds values before those that `name` has.
    fn prepend(&mut self, name: &str, values: Vec<AttributeValue>) {
        self.0
            .entry(name.to_ascii_lowercase())
            .or_default()
            .splice(0..0, values);
    }
}

impl FromIterator<(String, Vec<AttributeValue>)> for Attributes {
    fn from_iter<I: IntoIterator<Item = (String, Vec<AttributeValue>)>>(attributes: I) -> Self {
        let mut collected = Self::default();
        attributes
            .into_iter()
            .for_each(|(name, values)| collected.append(&name, values));
        collected
    }
}

/// An entry that can be told from every other one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name as the server wrote it.
    pub dn: String,
    /// The name in normal form, for resolving members.
    pub dn_key: DnKey,
    /// What stays when the name changes.
    pub stable_id: StableId,
    /// The attributes that were asked for and that the reading account may see. Never a part of an attribute's values:
    /// ranges are completed before an entry is handed out.
    pub attributes: Attributes,
}

/// Why bytes from a server are not an entry.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum DecodeError {
    /// The structure is not that of a search result entry.
    #[error("a search result entry is malformed: {what}")]
    Structure {
        /// Which part.
        what: &'static str,
    },
    /// RFC 4511 section 4.1.3 demands UTF-8 for a name.
    #[error("an entry's name is not UTF-8")]
    Name,
    /// An attribute description is no text.
    #[error("an attribute's name is not UTF-8")]
    AttributeName,
}

/// An entry as it came, not yet identified, perhaps with only a part of some attribute's values.
#[derive(Clone, Debug)]
pub(crate) struct RawEntry {
    pub(crate) dn: String,
    pub(crate) attributes: Attributes,
    /// Attributes of which only this range came, by lower-case name (see [`super::range`]).
    pub(crate) ranges: BTreeMap<String, ValueRange>,
}

impl RawEntry {
    /// Decodes a result that is neither a reference nor an intermediate response.
    pub(crate) fn decode(result: ResultEntry) -> Result<Self, DecodeError> {
        let tag = result.0;
        if tag.class != TagClass::Application || tag.id != SEARCH_RESULT_ENTRY {
            return Err(DecodeError::Structure {
                what: "another operation stands in its place",
            });
        }
        let mut parts = constructed(Some(tag), "it has no parts")?.into_iter();
        let dn = String::from_utf8(primitive(parts.next(), "its name")?).map_err(|_| DecodeError::Name)?;
        let mut raw = Self {
            dn,
            attributes: Attributes::default(),
            ranges: BTreeMap::new(),
        };
        for attribute in constructed(parts.next(), "its attribute list")? {
            let mut parts = constructed(Some(attribute), "an attribute")?.into_iter();
            let description = primitive(parts.next(), "an attribute's name")?;
            let description = String::from_utf8(description).map_err(|_| DecodeError::AttributeName)?;
            let set = constructed(parts.next(), "an attribute's values")?.into_iter();
            let values = set.map(|value| primitive(Some(value), "an attribute's value").map(AttributeValue::from));
            raw.add(&description, values.collect::<Result<_, _>>()?);
        }
        Ok(raw)
    }

    /// The entry with its identity; the DN comes back with the reason when it has none.
    pub(crate) fn identify(self, kind: StableIdKind) -> Result<Entry, (String, StableIdError)> {
        let values = self.attributes.values(kind.attribute());
        match StableId::from_values(kind, values) {
            Ok(stable_id) => {
                let dn_key = DnKey::of(&self.dn);
                Ok(Entry {
                    dn: self.dn,
                    dn_key,
                    stable_id,
                    attributes: self.attributes,
                })
            }
            Err(reason) => Err((self.dn, reason)),
        }
    }

    fn add(&mut self, description: &str, values: Vec<AttributeValue>) {
        let (name, options) = description.split_once(';').unwrap_or((description, ""));
        if let Some(range) = options.split(';').find_map(ValueRange::from_option) {
            self.ranges.insert(name.to_ascii_lowercase(), range);
        }
        // So that the first value of `cn` is not one of `cn;lang-fr`, whatever the server's order.
        match options.is_empty() {
            true => self.attributes.prepend(name, values),
            false => self.attributes.append(name, values),
        }
    }
}

/// The parts of a tag that must be there and have parts; `what` it is, for the error.
fn constructed(tag: Option<StructureTag>, what: &'static str) -> Result<Vec<StructureTag>, DecodeError> {
    let parts = tag.and_then(StructureTag::expect_constructed);
    parts.ok_or(DecodeError::Structure { what })
}

/// The bytes of a tag that must be there and have no parts; `what` it is, for the error.
fn primitive(tag: Option<StructureTag>, what: &'static str) -> Result<Vec<u8>, DecodeError> {
    let bytes = tag.and_then(StructureTag::expect_primitive);
    bytes.ok_or(DecodeError::Structure { what })
}
