//! The entries that others stand below.
//!
//! When an organisational unit is renamed or moved, the names of all entries below it change, and some of them come into the base or
//! leave it. OpenLDAP, 389-DS and Active Directory write nothing into those entries then: no time stamp, no change number, no sync
//! message. So a reading of changes first looks whether the tree is as it was.

use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::update_sequence::literal;
use crate::ldap::connection::Connection;
use crate::ldap::filter::Filter;
use crate::ldap::read_error::ReadError;
use crate::ldap::search::{Query, Reading, Scope, read};

/// What people and groups are put below (RFC 4519 section 3, RFC 4524, and Active Directory's own).
const CONTAINERS: [&str; 8] = [
    "organizationalUnit",
    "organization",
    "container",
    "locality",
    "country",
    "dcObject",
    "domain",
    "builtinDomain",
];

/// A name for the ids and names of all containers below a base: another one when one of them was made, renamed, moved or removed.
/// What the account may not see is not in it, and neither are entries of other classes that have something below them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tree(String);

/// Reads the tree of a query. Costs one search, which answers with the containers alone.
///
/// # Errors
/// Every [`ReadError`]; afterwards the connection is spent.
pub async fn read_tree(connection: &mut Connection, query: &Query) -> Result<Tree, ReadError> {
    query.check()?;
    let mut sum = 0_u128;
    if query.scope == Scope::WholeSubtree {
        let classes = CONTAINERS
            .iter()
            .map(|class| literal(Filter::equals("objectClass", class)));
        let reading = Reading {
            filters: vec![Filter::any(classes)],
            ..Reading::ids_of(query)
        };
        let outcome = read(connection, reading, |entry| {
            // A sum does not depend on the order in which the server answers.
            sum = sum.wrapping_add(digest(entry.stable_id.number(), &entry.dn));
            ControlFlow::Continue(())
        });
        match outcome.await {
            Ok(complete) => drop(complete),
            // Containers that do not tell who they are cannot be followed.
            Err(ReadError::NoStableId { .. }) => sum = 0,
            Err(error) => return Err(error),
        }
    }
    Ok(Tree(format!("{sum:032x}")))
}

fn digest(id: u128, dn: &str) -> u128 {
    let mut hash = Sha256::new();
    hash.update(id.to_be_bytes());
    hash.update(dn.as_bytes());
    let mut half = [0; 16];
    half.copy_from_slice(&hash.finalize()[..16]);
    u128::from_be_bytes(half)
}
