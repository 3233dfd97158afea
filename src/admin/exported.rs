//! A table that leaves the gateway as a file is noted in the audit log: who took it, and when.

use axum::extract::{FromRequestParts as _, MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;

use crate::directory::Directory;
use crate::directory::privacy::NoteExport;

use super::caller::Administrator;
use super::problem::Problem;

/// How the addresses of tables as files begin, and that of the audit log.
const TABLES: &str = "/organisations/{org}/export/";
const AUDIT: &str = "/organisations/{org}/audit/export";

/// The table that a route answers as a file.
fn table(route: &str) -> Option<&str> {
    match route.split_once(TABLES) {
        Some((_, table)) => Some(table),
        None => route.ends_with(AUDIT).then_some("audit"),
    }
}

/// Notes what is answered well. An export that cannot be noted is refused: nobody takes data away unseen.
pub async fn note(State(directory): State<Directory>, request: Request, next: Next) -> Result<Response, Problem> {
    let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let Some(table) = route.and_then(table).map(str::to_owned) else {
        return Ok(next.run(request).await);
    };
    let (mut parts, body) = request.into_parts();
    let caller = Administrator::from_request_parts(&mut parts, &directory).await;
    let answer = next.run(Request::from_parts(parts, body)).await;
    if let (Ok(caller), true) = (caller, answer.status().is_success()) {
        directory.run(&caller.permit, &NoteExport::Table(table)).await?;
    }
    Ok(answer)
}
