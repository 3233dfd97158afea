//! Tests
mod powercut;
mod store;
