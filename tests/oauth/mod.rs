//! The token endpoint, over HTTP: what opens a connection, for how long, and what does not.

mod claims;
mod client;
mod exchange;
mod fetched_keys;
mod form;
mod metadata;
mod secret;
mod settings;
mod signature;
