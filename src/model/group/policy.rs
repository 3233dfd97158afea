//! What groups an organisation may have.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Kind;

/// The most levels that any organisation may have (S004-4).
pub const DEPTH_MAX: u8 = 3;

/// The rules of an organisation's groups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GroupPolicy {
    /// The kinds that new groups may have.
    pub kinds: BTreeSet<Kind>,
    /// The kind of a group for which none is named: by an administrator, or by a connection.
    pub default_kind: Kind,
    /// How many levels there are: 1 (side by side) to [`DEPTH_MAX`].
    pub depth: u8,
    /// Whether there is exactly one group of level 1, which is never deleted (S004-6, X04-3). A group for which no parent is
    /// named then comes right below it.
    pub billing_root: bool,
}

impl Default for GroupPolicy {
    fn default() -> Self {
        Self {
            kinds: BTreeSet::from(Kind::ALL),
            default_kind: Kind::default(),
            depth: 1,
            billing_root: false,
        }
    }
}

impl GroupPolicy {
    /// Checks what can be told from the policy alone.
    ///
    /// # Errors
    /// The setting at fault, and what would be right.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        if !(1..=DEPTH_MAX).contains(&self.depth) {
            let reason = format!("{} is not between 1 and {DEPTH_MAX}", self.depth);
            return Err(("depth", reason));
        }
        if self.kinds.is_empty() {
            return Err(("kinds", "must name at least one kind".to_owned()));
        }
        if !self.kinds.contains(&self.default_kind) {
            let reason = format!("{:?} is not among the kinds", self.default_kind.as_str());
            return Err(("default_kind", reason));
        }
        if self.billing_root && self.depth == 1 {
            let reason = "needs a depth of at least 2: every other group lies below the root".to_owned();
            return Err(("billing_root", reason));
        }
        Ok(())
    }
}
