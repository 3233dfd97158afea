//! What tests are built from: servers to talk to, clients that are values, and directories whose truth is known.

pub(crate) mod access;
pub(crate) mod assertion;
pub(crate) mod ber;
pub(crate) mod certificates;
pub(crate) mod custom_attributes;
pub(crate) mod directory_ldif;
pub(crate) mod ds389;
pub(crate) mod faulty_ldap;
mod faulty_message;
pub(crate) mod faulty_proxy;
pub(crate) mod faulty_search;
mod faulty_sync;
pub(crate) mod gateway;
pub(crate) mod house;
pub(crate) mod mail_server;
pub(crate) mod plain_ldap;
pub(crate) mod process;
pub(crate) mod real_directory;
pub(crate) mod samba;
pub(crate) mod scim;
pub(crate) mod served;
pub(crate) mod slapd;
pub(crate) mod tcp_proxy;
