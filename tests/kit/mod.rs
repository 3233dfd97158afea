//! What tests are built from: servers to talk to, clients that are values, and directories whose truth is known.

pub(crate) mod assertion;
pub(crate) mod ber;
pub(crate) mod directory_ldif;
pub(crate) mod faulty_ldap;
pub(crate) mod faulty_search;
pub(crate) mod gateway;
pub(crate) mod scim;
pub(crate) mod served;
pub(crate) mod slapd;
pub(crate) mod tcp_proxy;
