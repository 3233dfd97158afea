//! Connections: shown with their settings. They hold no secret: a directory's password is in a file or the environment.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use axum::{Extension, Json};
use serde_json::{Value, json};

use crate::directory::keys::Count;
use crate::directory::{Directory, DirectoryError};
use crate::model::connection::{Connection, ConnectionKind};
use crate::model::list::List;
use crate::model::slug::Slug;
use crate::provision::{probe, state};

use super::caller::{Administrator, Parameters, Place};
use super::lines;
use super::listing::{Known, Listing};
use super::problem::Problem;

/// The address that clients know the gateway by, put into a request's extensions by whoever knows it.
#[derive(Debug, Clone)]
pub struct PublicUrl(
    /// Without a slash at its end.
    pub Arc<str>,
);

/// `GET .../connections`: all, each with how many people it is linked to, and the hash of a plan that is held.
pub async fn list(
    State(directory): State<Directory>,
    caller: Administrator,
    Parameters(listing): Parameters<Listing>,
) -> Result<Json<Value>, Problem> {
    let question = listing.read(&directory, &caller, List::Connections).await?;
    let connections = known(&directory, &caller).await?;
    Ok(Json(question.answer(&directory, connections).await?))
}

/// The organisation's connections.
///
/// # Errors
/// As the store's read.
pub(super) async fn known(directory: &Directory, caller: &Administrator) -> Result<Known, DirectoryError> {
    let connections: Vec<_> = caller.settings.connections.values().collect();
    let counts: Vec<Count> = connections
        .iter()
        .map(|connection| Count::Linked(connection.name.clone()))
        .collect();
    let counts = directory.browse_counts(caller.organisation(), &counts).await?;
    let mut items: Vec<Value> = Vec::with_capacity(connections.len());
    for (connection, linked) in connections.into_iter().zip(counts) {
        let held = match connection.kind {
            ConnectionKind::Ldap => state::held(directory, caller.organisation(), &connection.name).await?,
            ConnectionKind::Scim => None,
        };
        items.push(json!({
            "name": connection.name,
            "kind": connection.kind,
            "onboarding": connection.onboarding,
            "schedule": connection.schedule,
            "linked": linked,
            "held": held.map(|held| held.hash),
        }));
    }
    Ok(Known::by("name", items))
}

/// `GET .../connections/{name}`: one, with all its settings.
pub async fn retrieve(
    caller: Administrator,
    Place((_, name)): Place<(String, String)>,
) -> Result<Json<Value>, Problem> {
    Ok(Json(json!(find(&caller, &name)?.as_ref())))
}

/// `POST .../connections/{name}/test`: tries the connection out, which changes nothing. One line, `{"done": report}`, once all is
/// tried: a large directory takes its time.
pub async fn test(
    State(directory): State<Directory>,
    caller: Administrator,
    public_url: Option<Extension<PublicUrl>>,
    Place((_, name)): Place<(String, String)>,
) -> Result<Response, Problem> {
    let connection = find(&caller, &name)?;
    let settings = Arc::clone(&caller.settings);
    Ok(lines::answer::<Value, _, _>(move |_| async move {
        let url = public_url.as_ref().map(|Extension(PublicUrl(url))| url.as_ref());
        let report = probe::probe(&directory, &settings, &connection, url).await?;
        Ok(json!(report))
    }))
}

fn find(caller: &Administrator, name: &str) -> Result<Arc<Connection>, DirectoryError> {
    let slug = name.parse::<Slug>().ok();
    let found = slug.and_then(|slug| caller.settings.connections.get(&slug));
    found
        .cloned()
        .ok_or_else(|| DirectoryError::not_found("connection", name))
}
