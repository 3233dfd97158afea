//! The conformance runner: every case of `conformance/` against a SCIM service.
//!
//! `cargo test --test conformance` starts the gateway that was built and stops it again. With `USHER_CONFORMANCE_URL` and
//! `USHER_CONFORMANCE_TOKEN` it talks to that service instead. See `conformance/README.md`.

mod answer;
mod assertion;
mod case;
mod coverage;
mod mention;
mod perform;
mod subject;
mod tree;
mod variables;

use std::process::ExitCode;

use futures_util::StreamExt as _;
use futures_util::stream;

use crate::case::Case;
use crate::perform::{Outcome, perform};
use crate::subject::Subject;
use crate::tree::Tree;

/// Cases that run side by side.
const CASES_AT_ONCE: usize = 8;

/// What is asked of the runner.
#[derive(Debug, Default)]
struct Arguments {
    /// Parts of paths; a case runs when its path contains one of them.
    filters: Vec<String>,
    /// Name the cases that pass as well.
    verbose: bool,
    /// Write `COVERAGE.md` and run nothing.
    write_coverage: bool,
    /// Name the test instead of running it.
    list: bool,
    /// Only tests that are usually ignored: there are none.
    ignored: bool,
}

impl Arguments {
    /// Our own options, and those that test tools give to every test program.
    fn parse(words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut arguments = Self::default();
        let mut words = words.peekable();
        let mut exact = false;
        while let Some(word) = words.next() {
            match word.as_str() {
                "--verbose" => arguments.verbose = true,
                "--write-coverage" => arguments.write_coverage = true,
                "--list" => arguments.list = true,
                "--ignored" => arguments.ignored = true,
                "--exact" => exact = true,
                "--nocapture" | "--no-capture" | "--include-ignored" | "--quiet" | "-q" => {}
                "--format" | "--test-threads" | "--color" | "--skip" => drop(words.next()),
                option if option.starts_with('-') => {
                    return Err(format!(
                        "unknown option {option}: there are --verbose, --write-coverage and parts of case paths"
                    ));
                }
                part => arguments.filters.push(part.to_owned()),
            }
        }
        if exact {
            // A test tool that runs tests one by one names this one: it is the whole tree.
            arguments.filters.retain(|filter| filter != "conformance");
        }
        Ok(arguments)
    }

    fn wants(&self, path: &str) -> bool {
        self.filters.is_empty() || self.filters.iter().any(|filter| path.contains(filter.as_str()))
    }
}

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(fault) => {
            eprintln!("conformance: {fault}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<bool, String> {
    let arguments = Arguments::parse(std::env::args().skip(1))?;
    if arguments.list {
        if !arguments.ignored {
            println!("conformance: test");
        }
        return Ok(true);
    }
    let tree = Tree::read();
    if arguments.write_coverage {
        coverage::write(&tree)?;
    }
    let mut faults = tree.faults.clone();
    faults.extend(coverage::fault(&tree));
    for fault in &faults {
        println!("FAILED {fault}");
    }
    if arguments.write_coverage || arguments.ignored {
        return Ok(faults.is_empty());
    }
    let chosen: Vec<(&str, &Case)> = tree
        .cases
        .iter()
        .filter(|(path, _)| arguments.wants(path))
        .map(|(path, case)| (path.as_str(), case))
        .collect();
    if chosen.is_empty() {
        println!("0 passed, {} failed, 0 skipped", faults.len());
        return Ok(faults.is_empty());
    }
    let runtime = tokio::runtime::Runtime::new().map_err(|error| format!("no runtime: {error}"))?;
    let outcomes = runtime.block_on(outcomes(chosen))?;
    Ok(report(&tree, outcomes, faults.len(), arguments.verbose))
}

async fn outcomes(chosen: Vec<(&str, &Case)>) -> Result<Vec<(String, Outcome)>, String> {
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        // A connection for each request: a service may close one after a refusal, and the next request must not meet that.
        .pool_max_idle_per_host(0)
        .build()
        .map_err(|error| format!("no HTTP client: {error}"))?;
    let subject = Subject::find(&client).await?;
    println!("{} cases against {}", chosen.len(), subject.description());
    let running = stream::iter(chosen).map(|(path, case)| {
        let (subject, client) = (&subject, &client);
        async move { (path.to_owned(), perform(case, subject, client).await) }
    });
    let mut outcomes: Vec<_> = running.buffer_unordered(CASES_AT_ONCE).collect().await;
    outcomes.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(outcomes)
}

/// Says what failed, and the score. A case in `gaps.toml` that fails is skipped; one that passes is a failure, so that the
/// list stays true.
fn report(tree: &Tree, outcomes: Vec<(String, Outcome)>, faults: usize, verbose: bool) -> bool {
    let (mut passed, mut failed, mut skipped) = (0, faults, 0);
    for (path, outcome) in outcomes {
        let name = tree.cases.get(&path).map_or("", |case| case.name.as_str());
        match (outcome, tree.gaps.get(&path)) {
            (Outcome::Passed, None) => {
                passed += 1;
                if verbose {
                    println!("passed {path}: {name}");
                }
            }
            (Outcome::Passed, Some(_)) => {
                failed += 1;
                println!("FAILED {path}: passes, so its line in gaps.toml must go");
            }
            (Outcome::Failed(why), None) => {
                failed += 1;
                println!("FAILED {path}: {name}: {why}");
            }
            (Outcome::Failed(why), Some(reason)) => {
                skipped += 1;
                if verbose {
                    println!("skipped {path}: {reason} [{why}]");
                } else {
                    println!("skipped {path}: {reason}");
                }
            }
            (Outcome::Skipped(reason), _) => {
                skipped += 1;
                println!("skipped {path}: {reason}");
            }
        }
    }
    println!("{passed} passed, {failed} failed, {skipped} skipped");
    failed == 0
}
