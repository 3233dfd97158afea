//! Synchronisation runs: started with their progress line by line, looked at, and the plans that the brake holds.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::directory::{Directory, DirectoryError};
use crate::model::slug::Slug;
use crate::provision::held::{Approve, Discard};
use crate::provision::history;
use crate::provision::progress::Progress;
use crate::provision::reading::Reading;
use crate::provision::run::{RunMode, SyncRun};
use crate::provision::state;

use super::caller::{Administrator, Body, Parameters, Place};
use super::lines;
use super::problem::Problem;

/// How to run.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Manner {
    /// Read and plan; change nothing.
    #[serde(default)]
    dry_run: bool,
    /// What to read: `whole` (everything), `changes` or `presence`.
    #[serde(default)]
    reading: Reading,
}

/// Which plan a person approves.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    hash: String,
}

/// A line on the way.
#[derive(Serialize)]
struct Step {
    progress: Progress,
}

/// `POST .../connections/{name}/sync`: runs the connection. Lines `{"progress": ...}`, last `{"done": report}`, in a dry run with
/// the plan. A run goes on when its client has gone.
pub async fn run(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, name)): Place<(String, String)>,
    Parameters(manner): Parameters<Manner>,
) -> Result<Response, Problem> {
    let connection = connection(&caller, &name)?;
    let organisation = caller.organisation();
    let mode = if manner.dry_run {
        RunMode::DryRun
    } else {
        RunMode::Apply
    };
    Ok(lines::answer::<Step, _, _>(move |steps| async move {
        // A step that finds the line full is left out: the next one says more.
        let report = Arc::new(move |progress| drop(steps.try_send(Step { progress })));
        let report = SyncRun::execute(&directory, organisation, &connection, mode, manner.reading, report).await?;
        let mut done = json!(report);
        if mode == RunMode::DryRun {
            done["plan"] = json!(report.plan);
        }
        Ok(done)
    }))
}

/// `GET .../connections/{name}/runs`: the runs that are kept, newest first; the last good one of each reading, the last error,
/// the entries left as they are, a held plan.
pub async fn state(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, name)): Place<(String, String)>,
) -> Result<Json<Value>, Problem> {
    let connection = connection(&caller, &name)?;
    let organisation = caller.organisation();
    let known = state::load(&directory, organisation, &connection)
        .await?
        .unwrap_or_default();
    let failures = state::failures(&directory, organisation, &connection).await?;
    let held = state::held(&directory, organisation, &connection).await?;
    let runs = history::load(&directory, organisation, &connection).await?;
    Ok(Json(json!({
        "runs": runs,
        "last_good": known.last_good,
        "last_changes": known.last_changes,
        "last_presence": known.last_presence,
        "last_error": known.last_error,
        "failures": failures,
        "held": held,
    })))
}

/// `POST .../connections/{name}/held/approve`: the next run may apply exactly this plan.
pub async fn approve(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, name)): Place<(String, String)>,
    Body(approval): Body<Approval>,
) -> Result<StatusCode, Problem> {
    let approve = Approve {
        connection: connection(&caller, &name)?,
        hash: approval.hash,
    };
    directory.run(&caller.permit, &approve).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE .../connections/{name}/held`: forgets the plan; whether one was held.
pub async fn discard(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, name)): Place<(String, String)>,
) -> Result<Json<Value>, Problem> {
    let discard = Discard {
        connection: connection(&caller, &name)?,
    };
    let discarded = directory.run(&caller.permit, &discard).await?;
    Ok(Json(json!({ "discarded": discarded })))
}

fn connection(caller: &Administrator, name: &str) -> Result<Slug, DirectoryError> {
    let missing = || DirectoryError::not_found("connection", name);
    let slug: Slug = name.parse().map_err(|_| missing())?;
    if caller.settings.connections.contains_key(&slug) {
        Ok(slug)
    } else {
        Err(missing())
    }
}
