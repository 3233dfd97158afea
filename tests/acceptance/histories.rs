//! Random histories over the doors: whatever came in which order, every invariant holds (design.md section 4).
//!
//! Each history has an organisation of its own, behind the gateway's whole router: an identity provider writes over SCIM, an administrator
//! through the admin API, an invited person accepts, an operator declares other limits, and a directory is read. Requests may be refused, but not by
//! our own fault (5xx); at the end `verify` finds nothing, and what can be seen from outside agrees with itself.
//!
//! `USHER_HISTORIES` says how many.

mod access;
mod act;
mod check;
mod credentials;
mod data;
mod directory;
mod lists;
mod many;
mod organisation;
mod provider;
mod resources;
mod step;
mod tree;
mod world;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use step::Step;
use world::Gateway;

/// Histories are spread over so many tests, which run side by side.
const SHARDS: u32 = 4;
/// Histories in CI.
const IN_CI: u32 = 10_000;
/// Histories elsewhere.
const ELSEWHERE: u32 = 400;

fn histories() -> u32 {
    let wanted = std::env::var("USHER_HISTORIES").ok().map(|number| {
        number
            .parse()
            .expect("USHER_HISTORIES is a number: how many histories to run")
    });
    wanted.unwrap_or_else(|| {
        if std::env::var_os("CI").is_some() {
            IN_CI
        } else {
            ELSEWHERE
        }
    })
}

fn run_shard(shard: u8) {
    let config = Config {
        cases: histories().div_ceil(SHARDS),
        failure_persistence: None,
        ..Config::default()
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let history = prop::collection::vec(any::<Step>(), 1..14);
    // In CI always the same histories: a change is to blame when one of them fails. Elsewhere others each time.
    let seed = std::env::var_os("CI").map_or_else(rand::random, |_| [shard; 32]);
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let gateway = runtime.block_on(Gateway::new());
    let outcome = TestRunner::new_with_rng(config, rng).run(&history, |steps| {
        runtime.block_on(async {
            let mut world = gateway.world().await;
            let mut taken = Ok(());
            for step in &steps {
                taken = step.take(&mut world).await;
                if taken.is_err() {
                    break;
                }
            }
            if taken.is_ok() {
                taken = world.check().await;
            }
            taken.map_err(|error| world.explain(error))
        })
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

#[test]
fn every_invariant_holds_after_a_quarter_of_the_histories() {
    run_shard(0);
}

#[test]
fn every_invariant_holds_after_the_second_quarter_of_the_histories() {
    run_shard(1);
}

#[test]
fn every_invariant_holds_after_the_third_quarter_of_the_histories() {
    run_shard(2);
}

#[test]
fn every_invariant_holds_after_the_last_quarter_of_the_histories() {
    run_shard(3);
}
