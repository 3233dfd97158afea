//! The audit log: read, filtered, exported.

use async_trait::async_trait;
use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio_stream::wrappers::ReceiverStream;

use crate::directory::audit::{AuditFilter, AuditPlace, ListedEntry};
use crate::directory::select::{Part, Rows};
use crate::directory::{Directory, DirectoryError, keys};
use crate::model::Object;
use crate::model::audit::{AuditChange, AuditKind};
use crate::model::clock::Timestamp;
use crate::model::event::Door;
use crate::model::id::OrganisationId;
use crate::model::list::List;
use crate::model::selection::Selection;

use super::caller::{Administrator, Caller, Parameters};
use super::listing::Listing;
use super::page::Paging;
use super::problem::Problem;

/// Entries that an export reads at once.
const EXPORTED_AT_ONCE: usize = 500;

/// Which entries, and where to go on.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// Entries a page.
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<usize>,
    /// The `next` of the page before.
    after: Option<String>,
    /// Only what satisfies this filter (RFC 7644 section 3.4.2.2) over the names that the entries show.
    filter: Option<String>,
    /// As this saved view says, by its name.
    view: Option<String>,
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
    /// `jsonl` (default) or `csv`.
    #[serde(default)]
    format: Format,
}

impl From<Exported> for Wanted {
    fn from(exported: Exported) -> Self {
        Self {
            limit: None,
            after: None,
            filter: None,
            view: None,
            actor: exported.actor,
            door: exported.door,
            subject: exported.subject,
            kind: exported.kind,
            request: exported.request,
            from: exported.from,
            to: exported.to,
        }
    }
}

/// How an export is written.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Format {
    /// One JSON object a line.
    #[default]
    Jsonl,
    /// One change a line, for spreadsheets.
    Csv,
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
    Parameters(wanted): Parameters<Wanted>,
) -> Result<Json<Value>, Problem> {
    let listing = Listing {
        limit: wanted.limit,
        after: wanted.after.clone(),
        filter: wanted.filter.clone(),
        view: wanted.view.clone(),
        ..Listing::default()
    };
    let question = listing.read(&directory, &caller, List::Audit).await?;
    let entries = Entries {
        organisation: caller.organisation(),
        filter: wanted.filter()?,
    };
    let selected = directory
        .walk(&entries, &question.selection, question.after(), question.limit)
        .await?;
    Ok(Json(question.page(&selected, view)))
}

/// The log, the newest first.
struct Entries {
    organisation: OrganisationId,
    filter: AuditFilter,
}

#[async_trait]
impl Rows for Entries {
    type Row = ListedEntry;

    async fn read(
        &self,
        directory: &Directory,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Part<ListedEntry>, DirectoryError> {
        let after = after.and_then(|place| place.parse().ok());
        let (rows, next) = directory
            .list_audit(self.organisation, &self.filter, after, limit)
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

/// `GET /audit`: what was changed of the gateway itself; without filters and views, which are an organisation's.
pub async fn list_gateway(
    State(directory): State<Directory>,
    Caller(principal): Caller,
    Parameters(wanted): Parameters<Wanted>,
) -> Result<Json<Value>, Problem> {
    principal.administer_gateway(keys::GATEWAY)?;
    answer(&directory, keys::GATEWAY, wanted).await
}

async fn answer(directory: &Directory, organisation: OrganisationId, wanted: Wanted) -> Result<Json<Value>, Problem> {
    if wanted.filter.is_some() || wanted.view.is_some() {
        return Err(Problem::bad_request(
            "filter and view are for the log of an organisation",
        ));
    }
    let filter = wanted.filter()?;
    let paging = Paging {
        limit: wanted.limit,
        after: wanted.after,
    };
    let after = paging.after(|text| text.parse::<AuditPlace>().ok())?;
    let (entries, next) = directory
        .list_audit(organisation, &filter, after, paging.limit()?)
        .await?;
    let items: Vec<Value> = entries.iter().map(view).collect();
    let mut shown = json!({ "items": items });
    if let Some(next) = next {
        shown["next"] = json!(next.to_string());
    }
    Ok(Json(shown))
}

/// `GET .../audit/export`: everything that is asked for, the newest first, as JSON lines or CSV.
pub async fn export(
    State(directory): State<Directory>,
    caller: Administrator,
    Parameters(exported): Parameters<Exported>,
) -> Result<Response, Problem> {
    let format = exported.format;
    let filter = Wanted::from(exported).filter()?;
    let organisation = caller.organisation();
    let (parts, received) = tokio::sync::mpsc::channel::<Result<Bytes, DirectoryError>>(4);
    tokio::spawn(async move {
        let mut after = None;
        let mut text = match format {
            Format::Jsonl => String::new(),
            Format::Csv => HEADING.to_owned(),
        };
        loop {
            let page = directory
                .list_audit(organisation, &filter, after, EXPORTED_AT_ONCE)
                .await;
            let part = page.map(|(entries, next)| {
                after = next;
                for entry in &entries {
                    write(&mut text, entry, format);
                }
                Bytes::from(std::mem::take(&mut text))
            });
            let is_end = part.is_err() || after.is_none();
            // Nobody reads any more, or that was all.
            if parts.send(part).await.is_err() || is_end {
                return;
            }
        }
    });
    let mut response = Body::from_stream(ReceiverStream::new(received)).into_response();
    let (kind, file) = match format {
        Format::Jsonl => ("application/x-ndjson", "attachment; filename=\"audit.jsonl\""),
        Format::Csv => ("text/csv; charset=utf-8", "attachment; filename=\"audit.csv\""),
    };
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static(file));
    Ok(response)
}

const HEADING: &str = "at,door,connection,token,request,kind,subject,outcome,field,before,after\r\n";

fn write(text: &mut String, listed: &ListedEntry, format: Format) {
    if format == Format::Jsonl {
        text.push_str(&view(listed).to_string());
        text.push('\n');
        return;
    }
    let actor = json!(listed.entry.actor);
    let shown = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let known = |value: &Value| if value.is_null() { String::new() } else { shown(value) };
    for change in &listed.entry.changes {
        let start = [
            listed.at.to_rfc3339(),
            known(&actor["door"]),
            known(&actor["connection"]),
            known(&actor["token"]),
            listed.entry.request.clone().unwrap_or_default(),
            change.kind.to_string(),
            change.subject.clone(),
            change.outcome.as_str().to_owned(),
        ];
        let members = change
            .members
            .iter()
            .map(|member| ["member".to_owned(), String::new(), member.clone()]);
        let fields = change
            .fields
            .iter()
            .map(|(name, (old, new))| [name.clone(), known(old), known(new)]);
        let mut rows: Vec<[String; 3]> = members.chain(fields).collect();
        if rows.is_empty() {
            rows.push(Default::default());
        }
        for row in rows {
            let cells: Vec<String> = start.iter().chain(&row).map(|cell| quoted(cell)).collect();
            text.push_str(&cells.join(","));
            text.push_str("\r\n");
        }
    }
}

/// A cell of RFC 4180 that no spreadsheet takes for a formula.
fn quoted(cell: &str) -> String {
    let guard = if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        "'"
    } else {
        ""
    };
    if guard.is_empty() && !cell.contains([',', '"', '\r', '\n']) {
        return cell.to_owned();
    }
    format!("\"{guard}{}\"", cell.replace('"', "\"\""))
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
