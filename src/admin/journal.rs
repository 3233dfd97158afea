//! The request journal of a connection.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::directory::journal::JournalEntry;
use crate::directory::{Directory, DirectoryError};
use crate::model::slug::Slug;

use super::caller::{Administrator, Parameters, Place};
use super::page::{Paging, page};
use super::problem::Problem;

/// `GET .../connections/{name}/journal?limit=N&after=ID`: the newest first; `after` goes on to older ones.
pub async fn list(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, name)): Place<(String, String)>,
    Parameters(paging): Parameters<Paging>,
) -> Result<Json<Value>, Problem> {
    let slug = name.parse::<Slug>().ok();
    let known = slug.filter(|slug| caller.settings.connections.contains_key(slug));
    let connection = known.ok_or_else(|| DirectoryError::not_found("connection", &name))?;
    let limit = paging.limit()?;
    let before = paging.after(|text| text.parse::<Uuid>().ok())?;
    // Whoever looks sees the last request too.
    directory.flush_journal().await?;
    let entries = directory
        .list_journal(caller.organisation(), &connection, before, limit + 1)
        .await?;
    Ok(Json(page(entries, limit, |(id, _)| id.to_string(), view)))
}

fn view((id, entry): &(Uuid, JournalEntry)) -> Value {
    let mut shown = json!(entry);
    shown["id"] = json!(id);
    shown
}
