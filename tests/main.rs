//! Tests
mod store;
