//! Promises kept by the running binary: over HTTP, through crashes, in races, and the stories of five products.

mod crash;
mod histories;
mod races;
mod scim_http;
mod stories;
