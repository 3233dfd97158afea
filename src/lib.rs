//! Usher: a SCIM 2.0 / LDAP identity provisioning gateway.

pub mod directory;
pub mod ldap;
pub mod model;
pub mod provision;
pub mod scim;
pub mod store;
