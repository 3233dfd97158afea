//! What `usher licence set` changes of a licence.

use clap::Args;
use serde_json::{Map, Value, json};

use crate::cli::failure::Failure;

/// What is to be different; what is not given stays, or is as in a new licence.
#[derive(Debug, Args)]
pub(super) struct Changes {
    /// Its name for people; the short name, when a new licence gets none
    #[arg(long)]
    name: Option<String>,
    /// How many seats there are: a number, or none for as many as wanted
    #[arg(long)]
    limit: Option<String>,
    /// From which step on a person holds a seat: prepared, invited, enrolled or active
    #[arg(long)]
    consumes_from: Option<String>,
    /// What happens when no seat is free: refuse, wait, fallback=LICENCE or overage=SEATS
    #[arg(long)]
    when_full: Option<String>,
    /// A role of which only holders need a seat; may be repeated, none for everybody
    #[arg(long = "required-for-role", value_name = "ROLE")]
    roles: Vec<String>,
    /// What a seat opens in the product; may be repeated, none for nothing
    #[arg(long = "feature", value_name = "FEATURE")]
    features: Vec<String>,
    /// A percentage of the limit that is told when it is reached; may be repeated, none for nothing
    #[arg(long = "threshold", value_name = "PERCENT")]
    thresholds: Vec<String>,
}

/// What a licence is made of, beside its short name.
const MEMBERS: [&str; 7] = [
    "name",
    "limit",
    "consumes_from",
    "when_full",
    "required_for_roles",
    "features",
    "thresholds",
];

impl Changes {
    /// The whole licence, from what it is now.
    ///
    /// # Errors
    /// [`Failure::Usage`] for what cannot be read.
    pub(super) fn whole(&self, key: &str, known: Option<&Value>) -> Result<Value, Failure> {
        let mut whole: Map<String, Value> = MEMBERS
            .into_iter()
            .filter_map(|name| Some((name.to_owned(), known?.get(name)?.clone())))
            .collect();
        let mut put = |name: &str, value: Value| whole.insert(name.to_owned(), value);
        if let Some(name) = &self.name {
            put("name", json!(name));
        } else if known.is_none() {
            put("name", json!(key));
        }
        match self.limit.as_deref() {
            None => {}
            Some("none") => drop(put("limit", Value::Null)),
            Some(limit) => drop(put("limit", json!(number("--limit", limit)?))),
        }
        if let Some(step) = &self.consumes_from {
            put("consumes_from", json!(step));
        }
        if let Some(policy) = &self.when_full {
            put("when_full", when_full(policy)?);
        }
        for (name, given) in [("required_for_roles", &self.roles), ("features", &self.features)] {
            if !given.is_empty() {
                put(name, json!(listed(given)));
            }
        }
        if !self.thresholds.is_empty() {
            let percents = listed(&self.thresholds).into_iter();
            let percents: Result<Vec<u32>, Failure> = percents.map(|text| number("--threshold", text)).collect();
            put("thresholds", json!(percents?));
        }
        Ok(Value::Object(whole))
    }
}

fn listed(given: &[String]) -> Vec<&str> {
    if given == ["none"] {
        return Vec::new();
    }
    given.iter().map(String::as_str).collect()
}

fn number(option: &str, text: &str) -> Result<u32, Failure> {
    let wrong = |_| Failure::Usage(format!("{option} {text:?}: write a number, or none"));
    text.parse().map_err(wrong)
}

fn when_full(policy: &str) -> Result<Value, Failure> {
    Ok(match policy.split_once('=') {
        None => json!(policy),
        Some(("overage", seats)) => json!({ "overage": number("--when-full overage", seats)? }),
        Some((policy, licence)) => json!({ policy: licence }),
    })
}
