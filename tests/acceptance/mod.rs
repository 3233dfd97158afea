//! Promises kept by the running binary: over HTTP, through crashes, in races.

mod crash;
mod histories;
mod races;
mod scim_http;
