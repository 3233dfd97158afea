//! The LDAP reading layer: the words of the protocol, a real slapd, and a server that misbehaves.

mod account;
mod capability;
mod change_methods;
mod changes;
mod changes_ds389;
mod changes_faults;
mod changes_slapd;
mod dn;
mod faults;
mod filter;
mod hostile;
mod probe;
mod reading;
mod secure;
mod server_traits;
mod servers;
mod settings;
