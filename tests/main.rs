//! The one test binary.

mod model;
mod store;
