//! Usher: a SCIM 2.0 / LDAP identity provisioning gateway.

pub mod model;
pub mod store;
