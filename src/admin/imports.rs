//! People from a file: a template, a plan that says what every row would do, and doing it once it is confirmed (X02-6).

pub mod columns;

use std::collections::BTreeMap;

use async_trait::async_trait;
use axum::Json;
use axum::body::{Body as Content, Bytes};
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use axum::response::Response;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::directory::job::import::ImportFile;
use crate::directory::job::DiscardJob;
use crate::directory::settings::OrganisationSettings;
use crate::directory::stretch::Stretch;
use crate::directory::{Directory, DirectoryError};
use crate::model::custom_attribute::Bearer;
use crate::model::id::{JobId, OrganisationId};
use crate::model::import::{EmptyCells, ImportMode, ImportRow, ImportTask};
use crate::model::job::{Job, JobItem, JobState, Outcome, Task};
use crate::model::list::List;
use crate::model::schema::Mutability;
use crate::sheet::workbook::{self, Page};
use crate::sheet::{Cell, delimited, reading};

use super::bulk::{Confirmation, Jobs, Reader, work};
use super::caller::{Administrator, Body, Parameters, Place};
use super::export::{Format, file};
use super::listing::{Browse, Listing};
use super::problem::Problem;
use columns::{Columns, WRITTEN};

/// Rows that the answer to a plan names as refused; the others are found among the rows.
const TOLD_MAX: usize = 100;

/// Rows read at once for a file of results.
const READ_AT_ONCE: usize = 500;

/// How a file is written.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Written {
    /// `csv` (default) or `xlsx`.
    #[serde(default)]
    format: Format,
    /// Of CSV, what stands between two cells: `comma` (default), `semicolon` or `tab`.
    #[serde(default)]
    separator: delimited::Separator,
    /// Whether CSV begins with a byte order mark.
    #[serde(default)]
    bom: bool,
}

/// `GET .../imports/template`: the names of the columns, with an example that is no row (it begins with `#`); a workbook has a
/// sheet that explains them.
pub async fn template(caller: Administrator, Parameters(written): Parameters<Written>) -> Result<Response, Problem> {
    let columns = described(&caller.settings);
    let heading: Vec<Cell> = columns.iter().map(|(name, ..)| Cell::Text(name.clone())).collect();
    let example = columns.iter().enumerate().map(|(at, (_, _, example))| {
        Cell::Text(if at == 0 {
            format!("# {example}")
        } else {
            example.clone()
        })
    });
    let example: Vec<Cell> = example.collect();
    let body = match written.format {
        Format::Csv => csv(&written, &[heading, example])?,
        Format::Xlsx => {
            let users = Page {
                name: "users".to_owned(),
                heading: columns.iter().map(|(name, ..)| name.clone()).collect(),
                rows: vec![example],
            };
            let explained = columns
                .into_iter()
                .map(|row| [row.0, row.1, row.2].map(Cell::Text).to_vec());
            let explained = Page {
                name: "columns".to_owned(),
                heading: ["column", "meaning", "example"].map(str::to_owned).to_vec(),
                rows: explained.collect(),
            };
            Content::from(workbook::write(&[users, explained])?)
        }
    };
    Ok(file(body, "import", written.format))
}

/// The columns that can be filled in: name, meaning and example.
fn described(settings: &OrganisationSettings) -> Vec<(String, String, String)> {
    let own = WRITTEN.iter().map(|(name, meaning, example)| {
        let keys = match *name {
            "roles" => settings.roles.keys().map(ToString::to_string).collect(),
            "licences" => settings.licences.keys().map(ToString::to_string).collect(),
            _ => Vec::new(),
        };
        let meaning = match keys.is_empty() {
            true => (*meaning).to_owned(),
            false => format!("{meaning}: {}", keys.join(", ")),
        };
        ((*name).to_owned(), meaning, (*example).to_owned())
    });
    let custom = settings.custom(Bearer::User);
    let custom = custom
        .into_iter()
        .flat_map(|schema| schema.in_use())
        .filter_map(|attribute| {
            let is_written = attribute.mutability != Mutability::ReadOnly && !attribute.is_secret();
            let type_ = attribute.type_.as_str();
            let mut meaning = match attribute.description.as_str() {
                "" => type_.to_owned(),
                description => format!("{description} ({type_})"),
            };
            if attribute.required {
                meaning.push_str(", required");
            }
            if !attribute.canonical_values.is_empty() {
                meaning = format!("{meaning}: {}", attribute.canonical_values.join(", "));
            }
            is_written.then(|| (attribute.name.clone(), meaning, String::new()))
        });
    own.chain(custom).collect()
}

/// How the rows of a file are to be done.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Manner {
    /// `create` (default): a row of somebody who is there is refused. `create_and_update`: the person is changed.
    #[serde(default)]
    mode: ImportMode,
    /// Whether people are invited by mail unless their row says otherwise; they are prepared else.
    #[serde(default)]
    invite: bool,
    /// What an empty cell says of somebody who is there: `keep` (default) nothing; `clear` takes away what the person has.
    #[serde(default)]
    empty_cells: EmptyCells,
}

/// `POST .../imports`: takes a file, CSV or XLSX, and answers the plan; nothing is changed until it is confirmed.
pub async fn plan(
    State(directory): State<Directory>,
    caller: Administrator,
    Parameters(manner): Parameters<Manner>,
    content: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let content = content?;
    // Unpacking a workbook takes its time.
    let read = tokio::task::spawn_blocking(move || reading::read(&content, reading::Bounds::default())).await;
    let sheet = read.map_err(|_| Problem::internal())??;
    let columns = Columns::read(&sheet, &caller.settings);
    let columns = columns.map_err(|reason| Problem::bad_request(format!("columns: {reason}")))?;
    let file = ImportFile {
        mode: manner.mode,
        invite: manner.invite,
        empty_cells: manner.empty_cells,
        ignored: columns.ignored(),
        rows: sheet
            .rows
            .iter()
            .map(|row| columns.row(row, manner.empty_cells))
            .collect(),
    };
    let job = directory.plan_import(&caller.principal, &caller.permit, file).await?;
    let task = import(&job).ok_or_else(Problem::internal)?;
    let mut shown = view(&job, task);
    let refused = refused(&directory, &caller, &job).await?;
    shown["refused"] = json!(refused);
    Ok((StatusCode::CREATED, Json(shown)))
}

/// The first rows of a plan that are refused.
async fn refused(directory: &Directory, caller: &Administrator, job: &Job) -> Result<Vec<Value>, DirectoryError> {
    let mut told = Vec::new();
    let mut after = None;
    while told.len() < TOLD_MAX && job.planned.refused > 0 {
        let (items, rows) = rows(directory, caller.organisation(), job.id, Stretch::On(after), READ_AT_ONCE).await?;
        let Some(last) = items.last() else { break };
        after = Some(last.number);
        let faulty = items
            .iter()
            .filter(|item| matches!(item.planned, Outcome::Refused { .. }));
        told.extend(faulty.map(|item| row_view(item, rows.get(&item.number))));
    }
    told.truncate(TOLD_MAX);
    Ok(told)
}

/// `GET .../imports`: the newest first; of a person, their own.
pub async fn list(
    State(directory): State<Directory>,
    caller: Administrator,
    Parameters(listing): Parameters<Listing>,
) -> Result<Json<Value>, Problem> {
    let question = listing.read(&directory, &caller, List::Imports).await?;
    let imports = Jobs {
        organisation: caller.organisation(),
        reader: Reader::of(&caller),
        view: |job| Some(view(job, import(job)?)),
    };
    Ok(Json(question.answer(&directory, imports).await?))
}

/// `GET .../imports/{import}`.
pub async fn retrieve(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, id)): Place<(String, String)>,
) -> Result<Json<Value>, Problem> {
    let (job, task) = find(&directory, &caller, &id).await?;
    Ok(Json(view(&job, &task)))
}

/// `GET .../imports/{import}/rows`: what each row would do, and did.
pub async fn list_rows(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, id)): Place<(String, String)>,
    Parameters(listing): Parameters<Listing>,
) -> Result<Json<Value>, Problem> {
    let (job, _) = find(&directory, &caller, &id).await?;
    let question = listing.read(&directory, &caller, List::ImportRows).await?;
    let rows = Rows {
        organisation: caller.organisation(),
        import: job.id,
    };
    Ok(Json(question.answer(&directory, rows).await?))
}

/// The rows of an import, in their order.
struct Rows {
    organisation: OrganisationId,
    import: JobId,
}

#[async_trait]
impl Browse for Rows {
    type Name = u32;

    const NAME: &'static str = "number";

    async fn browse(
        &self,
        directory: &Directory,
        along: Stretch<u32>,
        limit: usize,
    ) -> Result<Vec<Value>, DirectoryError> {
        let (items, rows) = rows(directory, self.organisation, self.import, along, limit).await?;
        let shown = items.iter().map(|item| row_view(item, rows.get(&item.number)));
        Ok(shown.collect())
    }
}

/// `GET .../imports/{import}/result`: the same as a file.
pub async fn result(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, id)): Place<(String, String)>,
    Parameters(written): Parameters<Written>,
) -> Result<Response, Problem> {
    const HEADING: [&str; 7] = ["line", "user_name", "planned", "result", "column", "reason", "id"];
    let (job, _) = find(&directory, &caller, &id).await?;
    let mut lines = Vec::new();
    let mut after = None;
    loop {
        let (items, rows) = rows(&directory, caller.organisation(), job.id, Stretch::On(after), READ_AT_ONCE).await?;
        let Some(last) = items.last() else { break };
        after = Some(last.number);
        lines.extend(items.iter().map(|item| {
            let shown = row_view(item, rows.get(&item.number));
            HEADING.map(|name| Cell::from(&shown[name])).to_vec()
        }));
    }
    let body = match written.format {
        Format::Csv => {
            lines.insert(0, HEADING.map(|name| Cell::Text(name.to_owned())).to_vec());
            csv(&written, &lines)?
        }
        Format::Xlsx => Content::from(workbook::write(&[Page {
            name: "result".to_owned(),
            heading: HEADING.map(str::to_owned).to_vec(),
            rows: lines,
        }])?),
    };
    Ok(file(body, "result", written.format))
}

/// `POST .../imports/{import}/confirm`: does what the plan says, row by row; 202 when that takes longer than a while: it goes on, and
/// the import says how far it is. Sent again, it goes on with what was broken off, and does nothing twice.
pub async fn confirm(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, id)): Place<(String, String)>,
    Body(Confirmation { confirm }): Body<Confirmation>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let (job, _) = find(&directory, &caller, &id).await?;
    work(&directory, &caller, job.id, &confirm).await?;
    let (job, task) = find(&directory, &caller, &id).await?;
    let status = if job.state == JobState::Running {
        StatusCode::ACCEPTED
    } else {
        StatusCode::OK
    };
    Ok((status, Json(view(&job, &task))))
}

/// `DELETE .../imports/{import}`: gives a plan up.
pub async fn discard(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, id)): Place<(String, String)>,
) -> Result<StatusCode, Problem> {
    let (job, _) = find(&directory, &caller, &id).await?;
    directory.run(&caller.permit, &DiscardJob(job.id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn find(directory: &Directory, caller: &Administrator, id: &str) -> Result<(Job, ImportTask), DirectoryError> {
    let missing = || DirectoryError::not_found("import", id);
    let parsed: JobId = id.parse().map_err(|_| missing())?;
    let job = directory.find_job(caller.organisation(), parsed).await?;
    let job = job.filter(|job| Reader::of(caller).may_see(job)).ok_or_else(missing)?;
    let task = import(&job).cloned().ok_or_else(missing)?;
    Ok((job, task))
}

fn import(job: &Job) -> Option<&ImportTask> {
    match &job.task {
        Task::Import(task) => Some(task),
        Task::Bulk(_) => None,
    }
}

/// Items with their rows.
async fn rows(
    directory: &Directory,
    organisation: OrganisationId,
    id: JobId,
    along: Stretch<u32>,
    limit: usize,
) -> Result<(Vec<JobItem>, BTreeMap<u32, ImportRow>), DirectoryError> {
    let items = directory.job_items(organisation, id, along, limit).await?;
    let rows = directory.import_rows(organisation, id, along, limit).await?;
    Ok((items, rows))
}

fn csv(written: &Written, rows: &[Vec<Cell>]) -> Result<Content, Problem> {
    let mut bytes = if written.bom {
        delimited::BOM.as_bytes().to_vec()
    } else {
        Vec::new()
    };
    bytes.extend(delimited::rows(rows, written.separator)?);
    Ok(Content::from(bytes))
}

fn view(job: &Job, task: &ImportTask) -> Value {
    let mut shown = json!({
        "id": job.id,
        "state": job.state,
        "mode": task.mode,
        "invite": task.invite,
        "empty_cells": task.empty_cells,
        "ignored_columns": task.ignored,
        "rows": job.items,
        "planned": {
            "create": task.creates,
            "update": task.updates,
            "nothing": job.planned.nothing,
            "refused": job.planned.refused,
        },
        "results": job.results,
        "seats": job.seats,
        "warnings": job.warnings,
        "created": job.created,
        "expires": job.expires,
        "confirmed": job.confirmed,
        "ended": job.ended,
    });
    if job.state == JobState::Planned {
        shown["confirm"] = json!(job.confirm);
    }
    shown
}

/// A row as it is shown: what the plan says, and what became of it.
fn row_view(item: &JobItem, row: Option<&ImportRow>) -> Value {
    let word = |outcome: &Outcome| match outcome {
        Outcome::Change if item.effect.created => "create",
        Outcome::Change => "update",
        Outcome::Nothing => "nothing",
        Outcome::Refused { .. } => "refused",
        Outcome::Stale => "stale",
    };
    let reason = |outcome: &Outcome| match outcome {
        Outcome::Refused { reason } => Some(reason.clone()),
        Outcome::Stale => Some("the person has changed since the plan: import the row again".to_owned()),
        Outcome::Change | Outcome::Nothing => None,
    };
    let told = item.result.as_ref().unwrap_or(&item.planned);
    json!({
        "number": item.number,
        "line": row.map(|row| row.line),
        "user_name": row.map(|row| &row.name),
        "planned": word(&item.planned),
        "result": item.result.as_ref().map(word),
        "column": row.and_then(|row| row.column.as_ref()),
        "reason": reason(told),
        "effect": item.effect,
        "id": item.user,
    })
}
