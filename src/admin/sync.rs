//! Synchronisation runs: started with their progress line by line, looked at, and the plans that the brake holds.

mod listed;

use std::sync::Arc;

use async_trait::async_trait;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::directory::{Directory, DirectoryError};
use crate::model::list::List;
use crate::model::slug::Slug;
use crate::provision::difference::Difference;
use crate::provision::failure::Kind;
use crate::provision::failure::list;
use crate::provision::held::{Approve, Discard};
use crate::provision::history;
use crate::provision::progress::{Progress, Report};
use crate::provision::reading::Reading;
use crate::provision::rehearse::Sink;
use crate::provision::run::{RunMode, SyncRun};
use crate::provision::state;

use super::caller::{Administrator, Body, Parameters, Place};
use super::lines;
use super::listing::Listing;
use super::problem::Problem;
use listed::{Differences, Failures};

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
#[serde(rename_all = "snake_case")]
enum Line {
    Progress(Progress),
    Difference(Difference),
}

/// Differences on their way to the client: no more of them are made than it reads.
struct Lines(mpsc::Sender<Line>);

#[async_trait]
impl Sink for Lines {
    async fn take(&mut self, differences: Vec<Difference>) -> Result<(), DirectoryError> {
        for difference in differences {
            // Nobody reads any more: nobody needs to know.
            let _ = self.0.send(Line::Difference(difference)).await;
        }
        Ok(())
    }
}

/// `POST .../connections/{name}/sync`: runs the connection. Lines `{"progress": ...}`, in a dry run `{"difference": ...}` for each step
/// and what follows from it, last `{"done": report}`. A run goes on when its client has gone.
///
/// Differences show people's attributes. Only tokens that administer the organisation come here (persons do not: the route demands no
/// single right), and those may read users.
pub async fn run(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, name)): Place<(String, String)>,
    Parameters(manner): Parameters<Manner>,
) -> Result<Response, Problem> {
    let connection = connection(&caller, &name)?;
    let organisation = caller.organisation();
    Ok(told(move |report, mut differences| async move {
        if !manner.dry_run {
            let (mode, reading) = (RunMode::Apply, manner.reading);
            let run = SyncRun::execute(&directory, organisation, &connection, mode, reading, report);
            return Ok(json!(run.await?));
        }
        let preview = SyncRun::preview(
            &directory,
            organisation,
            &connection,
            manner.reading,
            report,
            &mut differences,
        );
        let report = preview.await?;
        let mut done = json!(report);
        done["teams"] = json!(report.plan.teams);
        done["id_changes"] = json!(report.plan.id_changes);
        done["dangling_examples"] = json!(report.plan.dangling.examples);
        Ok(done)
    }))
}

/// The answer of work that says how far it is, line by line, and may send differences on the way.
fn told<W, F>(work: W) -> Response
where
    W: FnOnce(Report, Lines) -> F + Send + 'static,
    F: Future<Output = Result<Value, Problem>> + Send + 'static,
{
    lines::answer::<Line, _, _>(move |lines| {
        let differences = Lines(lines.clone());
        // A step that finds the line full is left out: the next one says more.
        let report: Report = Arc::new(move |progress| drop(lines.try_send(Line::Progress(progress))));
        work(report, differences)
    })
}

/// `GET .../connections/{name}/runs`: the runs that are kept, newest first; the last good one of each reading, the last error,
/// how many entries are on the failure list, a held plan.
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
    let failures = list::total(&directory, organisation, &connection).await?;
    let held = state::held(&directory, organisation, &connection).await?;
    let runs = history::load(&directory, organisation, &connection).await?;
    Ok(Json(json!({
        "runs": runs,
        "last_good": known.last_good,
        "last_changes": known.last_changes,
        "last_presence": known.last_presence,
        "last_error": known.last_error,
        "failures": { "total": failures },
        "held": held,
    })))
}

/// `GET .../connections/{name}/failures`: the entries that runs left as they were, with the reason, groups first, each in the order of
/// their identifiers. `total` counts those as well that are too many to be listed.
pub async fn failures(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, name)): Place<(String, String)>,
    Parameters(listing): Parameters<Listing>,
) -> Result<Json<Value>, Problem> {
    let connection = connection(&caller, &name)?;
    let organisation = caller.organisation();
    let is_narrowed = listing.filter.is_some() || listing.q.is_some() || listing.view.is_some();
    let question = listing.read(&directory, &caller, List::Failures).await?;
    let failures = Failures {
        organisation,
        connection: connection.clone(),
    };
    let mut answer = question.answer(&directory, failures).await?;
    if !is_narrowed {
        answer["total"] = json!(list::total(&directory, organisation, &connection).await?);
    }
    Ok(Json(answer))
}

/// Which entry is tried again.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// The source's identifier of the one entry; all of the list when missing.
    external_id: Option<String>,
    /// Whether that is a person's, `user`, or a group's, `group`.
    #[serde(default)]
    kind: EntryKind,
}

/// What an entry is.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EntryKind {
    /// A person.
    #[default]
    User,
    /// A group.
    Group,
}

/// `POST .../connections/{name}/failures/retry?external_id=ID&kind=user`: tries one entry of the failure list again, or all of it, and
/// reads nothing else. Lines as those of a run.
pub async fn retry(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, name)): Place<(String, String)>,
    Parameters(retry): Parameters<Retry>,
) -> Result<Response, Problem> {
    let connection = connection(&caller, &name)?;
    let organisation = caller.organisation();
    let kind = match retry.kind {
        EntryKind::User => Kind::User,
        EntryKind::Group => Kind::Group,
    };
    let only = retry.external_id.map(|id| (kind, id));
    Ok(told(move |report, _| async move {
        let retried = SyncRun::retry(&directory, organisation, &connection, only, report).await?;
        Ok(json!(retried))
    }))
}

/// `GET .../connections/{name}/held/differences`: what the plan that is held would change, as it was read when it was held. Not found
/// when none is held, and when it was held by an earlier release, which kept its name alone.
pub async fn held_differences(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, name)): Place<(String, String)>,
    Parameters(listing): Parameters<Listing>,
) -> Result<Json<Value>, Problem> {
    let connection = connection(&caller, &name)?;
    let organisation = caller.organisation();
    let question = listing.read(&directory, &caller, List::Differences).await?;
    let held = state::held(&directory, organisation, &connection).await?;
    let held = held.filter(|held| held.kept.is_some());
    let held = held.ok_or_else(|| DirectoryError::not_found("held plan", &name))?;
    let hash = held.hash.clone();
    let differences = Differences {
        organisation,
        connection,
        held,
    };
    let mut answer = question.answer(&directory, differences).await?;
    answer["hash"] = json!(hash);
    Ok(Json(answer))
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
