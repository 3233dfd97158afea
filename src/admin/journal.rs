//! The request journal of a connection.

use async_trait::async_trait;
use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::directory::journal::JournalEntry;
use crate::directory::stretch::Stretch;
use crate::directory::{Directory, DirectoryError};
use crate::model::id::OrganisationId;
use crate::model::list::List;
use crate::model::slug::Slug;

use super::caller::{Administrator, Parameters, Place};
use super::listing::{Browse, Listing};
use super::problem::Problem;

/// The journal, the newest first.
struct Entries {
    organisation: OrganisationId,
    connection: Slug,
}

#[async_trait]
impl Browse for Entries {
    type Name = Uuid;

    async fn browse(
        &self,
        directory: &Directory,
        along: Stretch<Uuid>,
        limit: usize,
    ) -> Result<Vec<Value>, DirectoryError> {
        let entries = directory
            .list_journal(self.organisation, &self.connection, along, limit)
            .await?;
        Ok(entries.iter().map(view).collect())
    }
}

/// `GET .../connections/{name}/journal`: the newest first; `next` goes on to older ones.
pub async fn list(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, name)): Place<(String, String)>,
    Parameters(listing): Parameters<Listing>,
) -> Result<Json<Value>, Problem> {
    let slug = name.parse::<Slug>().ok();
    let known = slug.filter(|slug| caller.settings.connections.contains_key(slug));
    let connection = known.ok_or_else(|| DirectoryError::not_found("connection", &name))?;
    let question = listing.read(&directory, &caller, List::Journal).await?;
    // Whoever looks sees the last request too.
    directory.flush_journal().await?;
    let entries = Entries {
        organisation: caller.organisation(),
        connection,
    };
    Ok(Json(question.answer(&directory, entries).await?))
}

fn view((id, entry): &(Uuid, JournalEntry)) -> Value {
    let mut shown = json!(entry);
    shown["id"] = json!(id);
    shown
}
