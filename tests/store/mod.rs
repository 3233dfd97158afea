//! The store contract: one list of behaviours for every engine, random histories on both, and the rules of the sled engine.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod histories;
mod kit;
mod observed;
mod rehearsal;
mod sled_rules;
mod stress;
mod suite;

use suite::store_suite;

store_suite! {
    memory: kit::Fixture::memory(),
    sled: kit::Fixture::sled(),
}
