//! The SCIM service through its router.

mod access;
mod budget;
mod groups;
mod query;
mod seats;
mod users;
