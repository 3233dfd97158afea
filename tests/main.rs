//! The one test binary: one link step, modules by layer and surface.

mod kit;
mod ldap;
mod model;
mod powercut;
mod scim;
mod store;
mod tidy;
//! Tests
mod kit;
mod ldap;
mod provision;
mod store;
