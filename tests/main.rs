//! The one test binary.

mod kit;
mod model;
mod scim;
mod store;
