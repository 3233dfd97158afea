//! The SCIM service through its router.

mod access;
mod budget;
mod bulk;
mod catalogue;
mod custom_attribute_writes;
mod custom_attributes;
mod extensions;
mod grants;
mod groups;
mod hostile;
mod http;
mod indexes;
mod journal;
mod limits;
mod paging;
mod parallel_walks;
mod query;
mod references;
mod rule_teams;
mod search;
mod seats;
mod sorting;
mod sources;
mod strictness;
mod users;
