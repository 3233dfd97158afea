//! What a connection remembers of a group of its source, whether or not a group here stands for it.
//!
//! Rules look at the groups of the source as its last reading said them: by their names there, with those that could not be
//! used here, and with members who are nobody here. When one of them changes, this tells who was in it before. It is kept
//! only where rules look at groups, or where people have primary groups.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::model::record::Record;

/// What a group of a source said of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceGroup {
    /// Its name, as rules see it; empty when it has none.
    pub name: String,
    /// Its distinguished name, hashed.
    pub dn: Uuid,
    /// The number by which `primaryGroupID` names it (Active Directory).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relative_id: Option<u32>,
    /// It was somebody's primary group, so it does not name everybody who is in it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_primary: bool,
    /// A hash of the names that it holds: the same names need not be compared one by one.
    pub members: Uuid,
}

impl Record for SourceGroup {
    const KIND: &'static str = "source group";
}
