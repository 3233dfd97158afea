//! Cost centres: who pays for a seat (X03-10).

use serde::{Deserialize, Serialize};

use super::record::Record;
use super::slug::Slug;

/// A cost centre. Exactly one of an organisation's is the default: it pays for every seat that is not charged to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CostCentre {
    /// Its short name.
    pub key: Slug,
    /// Its name for people.
    pub name: String,
    /// Whether it is the default.
    #[serde(default)]
    pub default: bool,
}

impl Record for CostCentre {
    const KIND: &'static str = "cost centre";
}
