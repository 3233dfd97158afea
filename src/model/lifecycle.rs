//! A person's state, derived from facts and never stored twice (S000-20, S003-21, S003-27).
//!
//! `prepared -> invited -> enrolled (password set or single sign-on linked) -> active (first sign-in)`, with `suspended`
//! laid over any state, and `waiting` when a seat that the person needs is not free.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::clock::Timestamp;
use super::slug::Slug;

/// The state that Usher shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Known, not invited (S003-27).
    Prepared,
    /// An invitation is out.
    Invited,
    /// Has set a password or is linked to single sign-on.
    Enrolled,
    /// Has signed in at least once (S000-20), or came in by a connection that makes people active.
    Active,
    /// Stored without the seat that the person needs; promoted in order when one frees.
    Waiting,
    /// Blocked by a person or a connection.
    Suspended,
}

impl State {
    /// All of them, in the order in which a person comes in.
    pub const ALL: [Self; 6] = [
        Self::Prepared,
        Self::Invited,
        Self::Enrolled,
        Self::Active,
        Self::Waiting,
        Self::Suspended,
    ];

    /// The word in answers and filters.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Prepared => "prepared",
            Self::Invited => "invited",
            Self::Enrolled => "enrolled",
            Self::Active => "active",
            Self::Waiting => "waiting",
            Self::Suspended => "suspended",
        }
    }
}

/// The steps of coming in, in order. Licences name the step from which a person holds a seat.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// Known.
    #[default]
    Prepared,
    /// Invited.
    Invited,
    /// Able to sign in.
    Enrolled,
    /// Signed in, or made active by the connection.
    Active,
}

/// The facts that the state is derived from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Facts {
    /// When the latest invitation that still counts was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invited_at: Option<Timestamp>,
    /// When the person's password was set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_set_at: Option<Timestamp>,
    /// When single sign-on was linked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sso_linked_at: Option<Timestamp>,
    /// When the person first signed in, or the connection made the person active.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub activated_at: Option<Timestamp>,
    /// Who blocks the person; empty when nobody does.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub suspended_by: BTreeSet<Block>,
}

/// Who blocks a person. A connection lifts its own block only, never an administrator's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Block {
    /// A person did, in the console, the API or the command line.
    Administrator,
    /// The connection's source says inactive.
    Connection(Slug),
}

impl Facts {
    /// How far the person has come in.
    #[must_use]
    pub fn step(&self) -> Step {
        if self.activated_at.is_some() {
            Step::Active
        } else if self.password_set_at.is_some() || self.sso_linked_at.is_some() {
            Step::Enrolled
        } else if self.invited_at.is_some() {
            Step::Invited
        } else {
            Step::Prepared
        }
    }

    /// Whether anyone blocks the person.
    #[must_use]
    pub fn is_suspended(&self) -> bool {
        !self.suspended_by.is_empty()
    }

    /// The state to show; `waits` says that a seat the person needs is not free.
    #[must_use]
    pub fn state(&self, waits: bool) -> State {
        if self.is_suspended() {
            return State::Suspended;
        }
        if waits {
            return State::Waiting;
        }
        match self.step() {
            Step::Prepared => State::Prepared,
            Step::Invited => State::Invited,
            Step::Enrolled => State::Enrolled,
            Step::Active => State::Active,
        }
    }
}
