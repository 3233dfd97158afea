//! How an outside identity becomes a user: match, map, decide who has the say, apply.
//!
//! SCIM requests come one at a time and synchronously; directory runs read everything first, plan, pass the brake and
//! apply. Both end in [`person`] and [`team`], inside one unit of work each, so that no rule exists twice.

pub mod advice;
mod apply;
pub mod authority;
pub mod brake;
pub mod check;
pub mod cursor;
pub mod difference;
pub mod failure;
mod flight;
pub mod held;
pub mod history;
pub mod lease;
pub mod logged;
pub mod mapping;
pub mod matching;
mod measure;
pub mod organisation_file;
pub mod person;
pub mod plan;
pub mod probe;
pub mod profile;
pub mod progress;
pub mod reading;
pub mod rehearse;
mod roster;
pub mod rule_teams;
pub mod run;
pub mod schedule;
pub mod snapshot;
pub mod source;
pub mod state;
pub mod team;
mod watch;
