//! The event feed.

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::directory::Directory;
use crate::directory::events::NumberedEvent;

use super::caller::{Administrator, Parameters};
use super::page::{Paging, page};
use super::problem::Problem;

/// Where to go on.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// The number of the last event that the reader has; 0 for none.
    #[serde(default)]
    after: u64,
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<usize>,
}

/// `GET .../events?after=N&limit=M`: what was committed after event N, oldest first, without gaps.
pub async fn list(
    State(directory): State<Directory>,
    caller: Administrator,
    Parameters(wanted): Parameters<Wanted>,
) -> Result<Json<Value>, Problem> {
    let paging = Paging {
        limit: wanted.limit,
        after: None,
    };
    let limit = paging.limit()?;
    let events = directory
        .events_after(caller.organisation(), wanted.after, limit + 1)
        .await?;
    Ok(Json(page(events, limit, |event| event.number.to_string(), view)))
}

fn view(numbered: &NumberedEvent) -> Value {
    let event = &numbered.event;
    json!({
        "number": numbered.number,
        "at": event.at,
        "kind": event.kind.as_str(),
        "actor": event.actor,
        "subject": event.subject,
        "data": event.data,
    })
}
