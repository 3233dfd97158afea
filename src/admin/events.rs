//! The event feed.

use async_trait::async_trait;
use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::directory::events::NumberedEvent;
use crate::directory::stretch::Stretch;
use crate::directory::{Directory, DirectoryError};
use crate::model::id::OrganisationId;
use crate::model::list::List;

use super::caller::{Administrator, Parameters};
use super::listing::{Browse, Listing};
use super::problem::Problem;

/// The feed, the oldest first.
struct Events(OrganisationId);

#[async_trait]
impl Browse for Events {
    type Name = u64;

    const NAME: &'static str = "number";

    async fn browse(
        &self,
        directory: &Directory,
        along: Stretch<u64>,
        limit: usize,
    ) -> Result<Vec<Value>, DirectoryError> {
        let events = directory.browse_events(self.0, along, limit).await?;
        Ok(events.iter().map(view).collect())
    }
}

/// `GET .../events?after=N&limit=M`: what was committed after event N, oldest first, without gaps unless a filter leaves some out. A
/// cursor is the number of an event; 0 stands in front of the first.
pub async fn list(
    State(directory): State<Directory>,
    caller: Administrator,
    Parameters(listing): Parameters<Listing>,
) -> Result<Json<Value>, Problem> {
    let question = listing.read(&directory, &caller, List::Events).await?;
    let events = Events(caller.organisation());
    Ok(Json(question.answer(&directory, events).await?))
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
