//! The SCIM service through its router.

mod access;
mod budget;
mod groups;
mod paging;
mod query;
mod search;
mod seats;
mod sorting;
mod users;
