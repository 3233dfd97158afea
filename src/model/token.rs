//! Bearer tokens: `ush_` + id + secret + checksum, stored hashed (design.md section 8).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::clock::Timestamp;
use super::id::{OrganisationId, TokenId, UserId};
use super::record::Record;
use super::slug::Slug;

/// What is stored of a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// The public half.
    pub id: TokenId,
    /// SHA-256 of the secret half, hexadecimal.
    pub secret_hash: String,
    /// What it opens.
    pub grant: TokenGrant,
    /// A note for people.
    #[serde(default)]
    pub label: String,
    /// When it was made.
    pub created: Timestamp,
    /// From this instant on it is worth nothing; `None` for no end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
}

impl Record for Token {
    const KIND: &'static str = "token";
}

/// What a token opens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenGrant {
    /// One SCIM connection of one organisation.
    Connection {
        /// The organisation.
        organisation: OrganisationId,
        /// The connection.
        connection: Slug,
    },
    /// The administration of one organisation.
    Organisation {
        /// The organisation.
        organisation: OrganisationId,
    },
    /// The administration of some organisations, chosen one by one (S003-2).
    Organisations {
        /// Which.
        organisations: BTreeSet<OrganisationId>,
    },
    /// What one person of an organisation may do.
    Person {
        /// The organisation.
        organisation: OrganisationId,
        /// The person.
        user: UserId,
    },
    /// The administration of the whole gateway.
    Gateway,
}
