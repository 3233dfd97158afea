//! Where a reading of changes ended, for the caller to store.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use super::{ChangeMethod, Tree};
use crate::ldap::connection::Connection;
use crate::ldap::search::{Query, Scope};
use crate::ldap::stable_id::StableIdKind;

/// Where a reading of changes ended. Opaque: it is stored and given back.
///
/// It holds the server's own mark, never a time of our clock, and what the mark is valid for. It holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    pub(super) mark: Mark,
    pub(super) valid_for: ValidFor,
    /// The containers above the entries, when they are followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) tree: Option<Tree>,
}

impl Cursor {
    /// The same, good for as long as the containers above the entries are these.
    #[must_use]
    pub fn with_tree(mut self, tree: Tree) -> Self {
        self.tree = Some(tree);
        self
    }

    /// Whether the containers above the entries are followed. Cursors of earlier releases do not.
    #[must_use]
    pub fn knows_tree(&self) -> bool {
        self.tree.is_some()
    }

    /// The method that it belongs to.
    pub fn method(&self) -> ChangeMethod {
        match self.mark {
            Mark::ContentSync { .. } => ChangeMethod::ContentSync,
            Mark::UpdateSequence { .. } => ChangeMethod::UpdateSequence,
            Mark::ModifyTimestamp { .. } => ChangeMethod::ModifyTimestamp,
        }
    }
}

/// The server's mark.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Mark {
    /// RFC 4533 section 2.1.2: the cookie means nothing to us.
    ContentSync {
        #[serde(serialize_with = "as_base64", deserialize_with = "from_base64")]
        cookie: Vec<u8>,
    },
    /// All changes up to `highest` of the domain controller with this `invocationId` are known.
    UpdateSequence { highest: u64, invocation_id: Uuid },
    /// The latest `modifyTimestamp` seen, in seconds since 1970; `None` when there was none.
    ModifyTimestamp { highest: Option<i64> },
}

/// What a mark is valid for. 389-DS binds its cookies to all of this, and a changed filter brings entries in that have
/// not changed themselves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ValidFor {
    url: String,
    bind_dn: String,
    base: String,
    scope: Scope,
    filter: String,
    stable_id: StableIdKind,
}

/// A part of what a cursor is valid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CursorPart {
    /// The server that answered.
    Server,
    /// The account that reads: another may see more or less.
    BindDn,
    /// The base of the search.
    Base,
    /// The scope of the search.
    Scope,
    /// The filter of the search.
    Filter,
    /// The attribute that identifies an entry.
    StableId,
}

impl fmt::Display for CursorPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Server => "server",
            Self::BindDn => "bind account",
            Self::Base => "base",
            Self::Scope => "scope",
            Self::Filter => "filter",
            Self::StableId => "stable id attribute",
        })
    }
}

impl ValidFor {
    pub(super) fn now(connection: &Connection, query: &Query) -> Self {
        Self {
            url: connection.url().to_string(),
            bind_dn: connection.bind_dn().to_owned(),
            base: query.base.clone(),
            scope: query.scope,
            filter: query.filter.as_str().to_owned(),
            stable_id: query.stable_id,
        }
    }

    /// The first part in which `self` and `other` differ.
    pub(super) fn difference(&self, other: &Self) -> Option<CursorPart> {
        let parts = [
            (self.url == other.url, CursorPart::Server),
            (self.bind_dn == other.bind_dn, CursorPart::BindDn),
            (self.base == other.base, CursorPart::Base),
            (self.scope == other.scope, CursorPart::Scope),
            (self.filter == other.filter, CursorPart::Filter),
            (self.stable_id == other.stable_id, CursorPart::StableId),
        ];
        parts.into_iter().find(|(is_same, _)| !is_same).map(|(_, part)| part)
    }
}

fn as_base64<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&STANDARD.encode(bytes))
}

fn from_base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    STANDARD.decode(text).map_err(D::Error::custom)
}
