//! The audit log: read, filtered, exported.

use async_trait::async_trait;
use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Extension, State};
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio_stream::wrappers::ReceiverStream;

use crate::directory::audit::{AuditFilter, AuditPlace, ListedEntry};
use crate::directory::select::{Part, Rows};
use crate::directory::stretch::Stretch;
use crate::directory::{Directory, DirectoryError, keys};
use crate::model::Object;
use crate::model::audit::{AuditChange, AuditKind};
use crate::model::clock::Timestamp;
use crate::model::event::Door;
use crate::model::id::OrganisationId;
use crate::model::list::List;
use crate::model::selection::Selection;
use crate::sheet::delimited::Separator;

use super::caller::{Administrator, Caller, Parameters};
use super::export::table::Table;
use super::export::{self, SheetLimits};
use super::listing::{AskedWith, Listing, Question};
use super::problem::Problem;

/// Entries that an export reads at once.
const EXPORTED_AT_ONCE: usize = 500;

/// Which entries, beside what every list is asked.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// A token's identifier, a connection's name or a person's identifier.
    actor: Option<String>,
    /// `scim`, `ldap`, `api`, `invitee`, `person` or `system`.
    door: Option<String>,
    /// The identifier or short name of what changed.
    subject: Option<String>,
    /// What kind of thing changed: `user`, `group`, `membership`, `role` ...
    kind: Option<String>,
    /// The request's identifier (`x-request-id`).
    request: Option<String>,
    /// Not before this instant.
    from: Option<Timestamp>,
    /// Before this instant.
    to: Option<Timestamp>,
}

/// Which entries to export, and how.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Exported {
    /// A token's identifier, a connection's name or a person's identifier.
    actor: Option<String>,
    /// `scim`, `ldap`, `api`, `invitee`, `person` or `system`.
    door: Option<String>,
    /// The identifier or short name of what changed.
    subject: Option<String>,
    /// What kind of thing changed: `user`, `group`, `membership`, `role` ...
    kind: Option<String>,
    /// The request's identifier (`x-request-id`).
    request: Option<String>,
    /// Not before this instant.
    from: Option<Timestamp>,
    /// Before this instant.
    to: Option<Timestamp>,
    /// Only what satisfies this filter (RFC 7644 section 3.4.2.2), as the list takes it.
    filter: Option<String>,
    /// As this saved view says, by its name.
    view: Option<String>,
    /// `jsonl` (default), `csv` or `xlsx`.
    #[serde(default)]
    format: Format,
    /// Of CSV and XLSX: the columns, in their order, separated by commas.
    columns: Option<String>,
    /// Of CSV, what stands between two cells: `comma` (default), `semicolon` or `tab`.
    #[serde(default)]
    separator: Separator,
    /// Whether CSV begins with a byte order mark.
    #[serde(default)]
    bom: bool,
}

/// How an export is written.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Format {
    /// One JSON object a line.
    #[default]
    Jsonl,
    /// One field of a change a line, for spreadsheets.
    Csv,
    /// The same as a workbook.
    Xlsx,
}

impl Wanted {
    fn filter(&self) -> Result<AuditFilter, Problem> {
        let unknown = |name: &str, word: &str, known: &str| {
            Problem::bad_request(format!("{name}: {word:?} is not known: use one of {known}"))
        };
        let door = match self.door.as_deref() {
            None => None,
            Some(word) => Some(
                serde_json::from_value::<Door>(json!(word))
                    .map_err(|_| unknown("door", word, "scim, ldap, api, cli, invitee, person, guest, system"))?,
            ),
        };
        let kind = match self.kind.as_deref() {
            None => None,
            Some(word) => {
                let mut kinds = AuditKind::ALL.iter().copied();
                let words: Vec<&str> = AuditKind::ALL.iter().map(|kind| kind.as_str()).collect();
                let found = kinds.find(|kind| kind.as_str() == word);
                Some(found.ok_or_else(|| unknown("kind", word, &words.join(", ")))?)
            }
        };
        Ok(AuditFilter {
            actor: self.actor.clone(),
            door,
            subject: self.subject.clone(),
            kind,
            request: self.request.clone(),
            from: self.from,
            to: self.to,
        })
    }
}

/// `GET .../audit`: the newest first; `after` goes on to older ones. A page may be short and have a `next` all the same: a question
/// reads a bounded part of the log.
pub async fn list(
    State(directory): State<Directory>,
    caller: Administrator,
    AskedWith(listing, wanted): AskedWith<Wanted>,
) -> Result<Json<Value>, Problem> {
    let question = listing.read(&directory, &caller, List::Audit).await?;
    answer(&directory, caller.organisation(), &question, &wanted).await
}

/// The log, the newest first.
pub(super) struct Entries {
    pub(super) organisation: OrganisationId,
    pub(super) filter: AuditFilter,
}

#[async_trait]
impl Rows for Entries {
    type Row = ListedEntry;

    async fn read(
        &self,
        directory: &Directory,
        along: Stretch<&str>,
        limit: usize,
    ) -> Result<Part<ListedEntry>, DirectoryError> {
        let along: Stretch<AuditPlace> = along.and_then(|place| place.parse().ok());
        let (rows, next) = directory
            .list_audit(self.organisation, &self.filter, along, limit)
            .await?;
        let next = next.map(|place| place.to_string());
        Ok(Part { rows, next })
    }

    fn place(&self, row: &ListedEntry) -> String {
        row.place.to_string()
    }

    fn is_place(&self, text: &str) -> bool {
        text.parse::<AuditPlace>().is_ok()
    }

    async fn shown(&self, _: &Directory, rows: &[ListedEntry], _: &Selection) -> Result<Vec<Object>, DirectoryError> {
        let object = |row| view(row).as_object().cloned().unwrap_or_default();
        Ok(rows.iter().map(object).collect())
    }
}

/// `GET /audit`: what was changed of the gateway itself; without views, which are an organisation's.
pub async fn list_gateway(
    State(directory): State<Directory>,
    Caller(principal): Caller,
    AskedWith(listing, wanted): AskedWith<Wanted>,
) -> Result<Json<Value>, Problem> {
    principal.administer_gateway(keys::GATEWAY)?;
    let question = listing.read_alone(&directory, List::Audit)?;
    answer(&directory, keys::GATEWAY, &question, &wanted).await
}

async fn answer(
    directory: &Directory,
    organisation: OrganisationId,
    question: &Question,
    wanted: &Wanted,
) -> Result<Json<Value>, Problem> {
    let entries = Entries {
        organisation,
        filter: wanted.filter()?,
    };
    let turn = question.turn.clone();
    let selected = directory
        .walk(&entries, &question.selection, turn, question.limit)
        .await?;
    Ok(Json(question.page(&selected, view)))
}

/// `GET .../audit/export`: everything that is asked for, the newest first, as JSON lines, or as a table like the others.
pub async fn export(
    State(directory): State<Directory>,
    caller: Administrator,
    limits: Option<Extension<SheetLimits>>,
    Parameters(exported): Parameters<Exported>,
) -> Result<Response, Problem> {
    let wanted = Wanted {
        actor: exported.actor,
        door: exported.door,
        subject: exported.subject,
        kind: exported.kind,
        request: exported.request,
        from: exported.from,
        to: exported.to,
    };
    let entries = wanted.filter()?;
    let listing = Listing {
        filter: exported.filter,
        view: exported.view,
        ..Listing::default()
    };
    let format = match exported.format {
        Format::Csv => export::Format::Csv,
        Format::Xlsx => export::Format::Xlsx,
        Format::Jsonl => {
            if exported.columns.is_some() {
                return Err(Problem::bad_request(
                    "columns: JSON lines show whole entries: leave it out",
                ));
            }
            let question = listing.read(&directory, &caller, List::Audit).await?;
            return Ok(lines(directory, caller.organisation(), entries, question));
        }
    };
    let limits = limits.map_or_else(SheetLimits::default, |Extension(limits)| limits);
    let asked = export::Asked {
        table: Table::Audit,
        format,
        columns: exported.columns,
        separator: exported.separator,
        bom: exported.bom,
        states: Vec::new(),
        listing,
        entries,
    };
    export::export(directory, caller, limits, asked).await
}

/// One JSON object a line, written while it is read.
fn lines(directory: Directory, organisation: OrganisationId, filter: AuditFilter, question: Question) -> Response {
    let (parts, received) = tokio::sync::mpsc::channel::<Result<Bytes, DirectoryError>>(4);
    tokio::spawn(async move {
        let entries = Entries { organisation, filter };
        let mut after = None;
        loop {
            let found = directory
                .walk(&entries, &question.selection, after.as_ref(), EXPORTED_AT_ONCE)
                .await;
            let part = found.map(|found| {
                after = found.next;
                let lines = found.items.iter().map(|entry| format!("{}\n", view(entry)));
                Bytes::from(lines.collect::<String>())
            });
            let is_end = part.is_err() || after.is_none();
            // Nobody reads any more, or that was all.
            if parts.send(part).await.is_err() || is_end {
                return;
            }
        }
    });
    let mut response = Body::from_stream(ReceiverStream::new(received)).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    let name = "attachment; filename=\"audit.jsonl\"";
    headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static(name));
    response
}

fn view(listed: &ListedEntry) -> Value {
    json!({
        "id": listed.place.to_string(),
        "at": listed.at,
        "actor": listed.entry.actor,
        "request": listed.entry.request,
        "changes": listed.entry.changes.iter().map(change).collect::<Vec<_>>(),
    })
}

/// A change in whole words.
pub(super) fn change(change: &AuditChange) -> Value {
    let fields: Map<String, Value> = change
        .fields
        .iter()
        .map(|(name, (before, after))| (name.clone(), json!({ "before": before, "after": after })))
        .collect();
    let mut shown = json!({
        "kind": change.kind.as_str(),
        "subject": change.subject,
        "outcome": change.outcome.as_str(),
    });
    if !fields.is_empty() {
        shown["fields"] = Value::Object(fields);
    }
    if !change.members.is_empty() {
        let members = change.members.iter().map(|member| {
            let (tag, id) = member.split_at(1);
            json!({ "kind": if tag == "u" { "user" } else { "group" }, "id": id })
        });
        shown["members"] = members.collect();
    }
    shown
}
