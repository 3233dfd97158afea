//! Usher: a SCIM 2.0 / LDAP identity provisioning gateway.

pub mod admin;
pub mod cli;
pub mod config;
pub mod directory;
pub mod ldap;
pub mod model;
pub mod provision;
pub mod scim;
pub mod server;
pub mod store;
pub mod telemetry;
