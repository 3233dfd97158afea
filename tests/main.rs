//! Tests
mod kit;
mod ldap;
mod store;
