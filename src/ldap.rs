//! The LDAP reading layer: from a list of URLs to plain directory entries, or to an error that says what to do.
//!
//! It knows nothing of users, groups or the store; `provision` decides what an entry means. In reading order:
//!
//! * [`settings`], [`url`], [`secret`]: what an operator configures, checked before anything is sent
//! * [`connection`]: the URLs in order, TLS, simple bind
//! * [`guard`]: the transport under `ldap3`, with limits on what a server may send
//! * [`capability`]: what the root DSE says about the server
//! * [`filter`], [`dn`], [`entry`], [`stable_id`], [`account`]: the words of the protocol as values
//! * [`search`], [`range`], [`read_error`]: a complete reading, or the reason why there is none
//! * [`mod@probe`]: trying all of it out, with advice
//! * [`changes`]: what changed since the last reading, or the reason why a full one is needed
//!
//! The rule that everything here serves: **a reading that was cut short must never look like a complete one**, because
//! what is missing from a complete reading is taken to be gone. Only [`search::read_all`] can make a
//! [`search::Complete`], and it does so only after the server has said so in every way that the protocol has.

pub mod account;
pub mod capability;
pub mod changes;
pub mod connection;
pub mod dn;
pub mod entry;
pub mod filter;
pub mod guard;
pub mod probe;
pub mod range;
pub mod read_error;
pub mod result_code;
pub mod search;
pub mod secret;
pub mod settings;
pub mod stable_id;
pub mod url;

pub use account::{AccountState, account_state};
pub use capability::{Capability, Vendor};
pub use changes::{
    ChangeError, ChangeMethod, Changed, Cursor, FullReadReason, mark, read_by_dn, read_by_ids, read_changes,
    read_presence, wait_for_changes,
};
pub use connection::{ConnectError, Connection};
pub use dn::{Dn, DnKey};
pub use entry::{AttributeValue, Attributes, Entry};
pub use filter::Filter;
pub use probe::{Need, Needs, ProbeReport, probe};
pub use read_error::ReadError;
pub use search::{Complete, Query, Scope, read_all};
pub use secret::Secret;
pub use settings::LdapSettings;
pub use stable_id::{StableId, StableIdKind};
pub use url::LdapUrl;
