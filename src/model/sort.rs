//! The order of resources (RFC 7644 section 3.4.2.3; S004-14).

use std::cmp::Ordering;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};
use thiserror::Error;

use super::Object;
use super::attribute::{AttributePath, AttributePathError};
use super::deviation::{Deviation, Journal, Strictness};
use super::filter::compare_numbers;
use super::fold::fold;
use super::instant::instant;
use super::schema::{AttributeType, SchemaSet};
use super::scim_type::ScimType;

/// `sortOrder`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SortOrder {
    /// Small values first, resources without a value last.
    #[default]
    Ascending,
    /// The reverse.
    Descending,
}

impl SortOrder {
    /// Reads the value of `sortOrder`, in any case.
    ///
    /// # Errors
    ///
    /// [`SortError::Order`] for any other word.
    pub fn parse(word: &str) -> Result<Self, SortError> {
        match word.to_ascii_lowercase().as_str() {
            "ascending" => Ok(Self::Ascending),
            "descending" => Ok(Self::Descending),
            _ => Err(SortError::Order { word: word.to_owned() }),
        }
    }
}

/// Why a sort is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SortError {
    /// The path is malformed.
    #[error("sortBy: {0}")]
    Malformed(#[from] AttributePathError),
    /// No schema defines the attribute.
    #[error("sortBy: attribute \"{attribute}\" is not defined for this resource type; see /Schemas")]
    Unknown {
        /// As it was written.
        attribute: String,
    },
    /// The order would reveal the attribute.
    #[error("sortBy: attribute \"{attribute}\" cannot be sorted by")]
    Sensitive {
        /// The canonical path.
        attribute: String,
    },
    /// A complex attribute without a `value`.
    #[error("sortBy: attribute \"{attribute}\" is complex; name one of its sub-attributes")]
    SubAttributeNeeded {
        /// The canonical path.
        attribute: String,
    },
    /// An attribute of an extension without its URN.
    #[error("sortBy: attribute \"{attribute}\" belongs to an extension; write \"{canonical}\"")]
    Unqualified {
        /// As it was written.
        attribute: String,
        /// The canonical path.
        canonical: String,
    },
    /// Not a direction.
    #[error("sortOrder: {word:?} is neither \"ascending\" nor \"descending\"")]
    Order {
        /// As it was written.
        word: String,
    },
}

impl SortError {
    /// The keyword of RFC 7644 section 3.12.
    #[must_use]
    pub fn scim_type(&self) -> ScimType {
        match self {
            Self::Malformed(_) | Self::Unknown { .. } | Self::SubAttributeNeeded { .. } | Self::Unqualified { .. } => {
                ScimType::InvalidPath
            }
            Self::Sensitive { .. } => ScimType::Sensitive,
            Self::Order { .. } => ScimType::InvalidValue,
        }
    }
}

/// `sortBy`: what resources are ordered by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SortBy {
    path: AttributePath,
    type_: AttributeType,
    case_exact: bool,
}

/// The value that a resource is ordered by, to be computed once for each resource. Without a value it is the greatest:
/// last when ascending, first when descending.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SortKey(Option<Key>);

/// The tags are one letter: keys travel in cursors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Key {
    #[serde(rename = "b")]
    Boolean(bool),
    #[serde(rename = "n")]
    Number(Number),
    #[serde(rename = "i")]
    Instant(DateTime<Utc>),
    #[serde(rename = "t")]
    Text(String),
}

impl SortBy {
    /// Reads the value of `sortBy`, with what was tolerated: a complex attribute stands for its `value`, and one of an
    /// extension needs no URN.
    ///
    /// # Errors
    ///
    /// [`SortError`] for an attribute that does not exist or cannot be compared; on a strict connection also what a lenient
    /// one tolerates.
    pub fn parse(text: &str, schemas: &SchemaSet, strictness: Strictness) -> Result<(Self, Vec<Deviation>), SortError> {
        let mut journal = Journal::new(strictness);
        let path: AttributePath = text.parse()?;
        let resolved = schemas.resolve(&path).ok_or_else(|| SortError::Unknown {
            attribute: text.to_owned(),
        })?;
        if resolved.extension.is_some() && path.schema.is_none() {
            let attribute = path.to_string();
            let refusal = SortError::Unqualified {
                attribute: attribute.clone(),
                canonical: resolved.path().to_string(),
            };
            journal.tolerate(Deviation::UnqualifiedAttribute { attribute }, refusal)?;
        }
        let (mut path, mut leaf) = (resolved.path(), resolved.leaf());
        if resolved.attribute.is_secret() || leaf.is_secret() {
            return Err(SortError::Sensitive {
                attribute: path.to_string(),
            });
        }
        if leaf.is_complex() {
            let needed = || SortError::SubAttributeNeeded {
                attribute: path.to_string(),
            };
            leaf = leaf.sub_attribute("value").ok_or_else(needed)?;
            // RFC 7644 section 3.4.2.3: of a complex attribute, the path to a sub-attribute.
            let attribute = path.to_string();
            journal.tolerate(Deviation::BareComplex { attribute }, needed())?;
            path = path.child(&leaf.name);
        }
        let by = Self {
            type_: leaf.type_,
            case_exact: leaf.compares_exactly(),
            path,
        };
        Ok((by, journal.into_deviations()))
    }

    /// The canonical path.
    #[must_use]
    pub fn path(&self) -> &AttributePath {
        &self.path
    }

    /// The value that the resource is ordered by: of a multi-valued attribute the primary value, else the first.
    #[must_use]
    pub fn key(&self, resource: &Object) -> SortKey {
        SortKey(self.value(resource).and_then(|value| self.typed(value)))
    }

    /// The order of two canonical resources.
    #[must_use]
    pub fn compare(&self, left: &Object, right: &Object, order: SortOrder) -> Ordering {
        self.key(left).compare(&self.key(right), order)
    }

    fn value<'a>(&self, resource: &'a Object) -> Option<&'a Value> {
        let place = match &self.path.schema {
            Some(urn) => resource.get(urn)?.as_object()?,
            None => resource,
        };
        let value = match place.get(&self.path.name)? {
            Value::Array(elements) => {
                let primary = elements
                    .iter()
                    .find(|element| element.get("primary") == Some(&Value::Bool(true)));
                primary.or_else(|| elements.first())?
            }
            single => single,
        };
        match &self.path.sub {
            Some(sub) => value.get(sub),
            None => Some(value),
        }
    }

    fn typed(&self, value: &Value) -> Option<Key> {
        match (value, self.type_) {
            (Value::Bool(boolean), _) => Some(Key::Boolean(*boolean)),
            (Value::Number(number), _) => Some(Key::Number(number.clone())),
            (Value::String(text), AttributeType::DateTime) => instant(text).map(Key::Instant),
            (Value::String(text), _) if self.case_exact => Some(Key::Text(text.clone())),
            (Value::String(text), _) => Some(Key::Text(fold(text).into_owned())),
            (Value::Null | Value::Array(_) | Value::Object(_), _) => None,
        }
    }
}

/// Characters of a text that a bounded key keeps.
const TEXT_MAX: usize = 128;

impl SortKey {
    /// The key with at most 128 characters of its text: many are held at once, and one travels in a cursor. Texts that
    /// differ behind that are in the order of creation.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        if let Some(Key::Text(text)) = &mut self.0
            && let Some((end, _)) = text.char_indices().nth(TEXT_MAX)
        {
            text.truncate(end);
            text.shrink_to_fit();
        }
        self
    }

    /// The order of two resources by their keys.
    #[must_use]
    pub fn compare(&self, other: &Self, order: SortOrder) -> Ordering {
        let ascending = match (&self.0, &other.0) {
            (Some(left), Some(right)) => left.compare(right),
            (None, None) => Ordering::Equal,
            (None, Some(_)) => Ordering::Greater,
            (Some(_), None) => Ordering::Less,
        };
        match order {
            SortOrder::Ascending => ascending,
            SortOrder::Descending => ascending.reverse(),
        }
    }
}

impl Key {
    fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Boolean(left), Self::Boolean(right)) => left.cmp(right),
            (Self::Number(left), Self::Number(right)) => compare_numbers(left, right).unwrap_or(Ordering::Equal),
            (Self::Instant(left), Self::Instant(right)) => left.cmp(right),
            (Self::Text(left), Self::Text(right)) => left.cmp(right),
            // Values of one attribute have one type; a fixed order keeps the comparison total all the same.
            (left, right) => left.rank().cmp(&right.rank()),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Boolean(_) => 0,
            Self::Number(_) => 1,
            Self::Instant(_) => 2,
            Self::Text(_) => 3,
        }
    }
}
