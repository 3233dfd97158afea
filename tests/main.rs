//! Tests

mod kit;
mod ldap;
