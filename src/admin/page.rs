//! Cursor paging: `?limit=` and `?after=`; the answer has `items`, and `next` when there is more.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::problem::Problem;

/// Items a page, unless told (S004-15).
const LIMIT: usize = 100;
/// Items a page at most.
const LIMIT_MAX: usize = 1000;

/// What a client asks for.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Paging {
    /// Items a page.
    #[schemars(range(min = 1, max = 1000))]
    pub limit: Option<usize>,
    /// The `next` of the page before.
    pub after: Option<String>,
}

impl Paging {
    /// Items to read: one more than the page, to know whether there is a next one.
    ///
    /// # Errors
    /// A [`Problem`] for a limit that cannot be served.
    pub fn limit(&self) -> Result<usize, Problem> {
        let limit = self.limit.unwrap_or(LIMIT);
        if (1..=LIMIT_MAX).contains(&limit) {
            Ok(limit)
        } else {
            Err(Problem::bad_request(format!(
                "limit: {limit} is not between 1 and {LIMIT_MAX}"
            )))
        }
    }

    /// The cursor, read by `parse`.
    ///
    /// # Errors
    /// A [`Problem`] for a cursor that this list did not give out.
    pub fn after<T>(&self, parse: impl FnOnce(&str) -> Option<T>) -> Result<Option<T>, Problem> {
        match &self.after {
            None => Ok(None),
            Some(cursor) => match parse(cursor) {
                Some(after) => Ok(Some(after)),
                None => Err(Problem::bad_request(format!(
                    "after: {cursor:?} is not a cursor of this list: take `next` of the page before"
                ))),
            },
        }
    }
}

/// One page of what was read with one item too many.
pub fn page<T>(mut read: Vec<T>, limit: usize, cursor: impl Fn(&T) -> String, view: impl Fn(&T) -> Value) -> Value {
    let has_more = read.len() > limit;
    read.truncate(limit);
    let next = read.last().filter(|_| has_more).map(cursor);
    let items: Vec<Value> = read.iter().map(view).collect();
    match next {
        Some(next) => json!({ "items": items, "next": next }),
        None => json!({ "items": items }),
    }
}
