//! Tests
mod kit;
mod ldap;
mod provision;
mod store;
