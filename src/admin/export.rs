//! Tables as files: CSV, as it is read, or XLSX (S003-29, S003-30, S004-13). A file shows what the list shows to whoever asks, and
//! nobody whose data's processing is restricted.
//!
//! A file is not of one moment: like the pages of a list, each part of it is as it was when it was read, and what is changed
//! meanwhile may be in it or not. Nothing that stays is missing or doubled.

mod choose;
mod feed;
mod fields;
mod log;
mod people;
pub mod table;
mod things;

use std::collections::BTreeMap;

use axum::body::{Body, Bytes};
use axum::extract::{Extension, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;

use crate::directory::audit::AuditFilter;
use crate::directory::{Directory, DirectoryError};
use crate::sheet::workbook::{self, Page};
use crate::sheet::{Cell, SheetError, delimited};

use super::caller::{Administrator, Parameters};
use super::listing::{Listing, Question, literal};
use super::problem::Problem;
use super::views;
use feed::{Feed, Rows};
use table::{Column, Table};

/// What files may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SheetLimits {
    /// Rows of an XLSX file, which is made in memory; CSV has no bound.
    pub workbook_rows: usize,
}

impl Default for SheetLimits {
    fn default() -> Self {
        Self { workbook_rows: 50_000 }
    }
}

/// What to write, and how.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Exported {
    /// `csv` (default) or `xlsx`.
    #[serde(default)]
    format: Format,
    /// The columns, in their order, separated by commas; the usual ones unless told.
    columns: Option<String>,
    /// Of CSV, what stands between two cells: `comma` (default), `semicolon` or `tab`.
    #[serde(default)]
    separator: delimited::Separator,
    /// Whether CSV begins with a byte order mark, which older spreadsheets need to see that it is UTF-8.
    #[serde(default)]
    bom: bool,
    /// Where rows have a state: only those in these, separated by commas; a workbook has one sheet for each.
    state: Option<String>,
    /// Only what satisfies this filter (RFC 7644 section 3.4.2.2), as the list takes it.
    filter: Option<String>,
    /// In the order of this member, as the list takes it.
    sort: Option<String>,
    /// The greatest first.
    #[serde(default)]
    descending: bool,
    /// Only what is found by this text, as the list takes it.
    q: Option<String>,
    /// As this saved view says, by its name: its filter and order, and its columns unless others are named.
    view: Option<String>,
}

/// Which kind of file.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Comma separated values (RFC 4180).
    #[default]
    Csv,
    /// A workbook (ECMA-376).
    Xlsx,
}

impl Format {
    /// What files of the kind end with.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Xlsx => "xlsx",
        }
    }

    /// The media type.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Xlsx => WORKBOOK,
        }
    }
}

/// The media type of a workbook.
pub const WORKBOOK: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

macro_rules! tables {
    ($($name:ident: $table:ident, $shown:literal;)*) => {
        $(
            #[doc = concat!("`GET .../export/", $shown, "`.")]
            pub async fn $name(
                State(directory): State<Directory>,
                caller: Administrator,
                limits: Option<Extension<SheetLimits>>,
                Parameters(exported): Parameters<Exported>,
            ) -> Result<Response, Problem> {
                let limits = limits.map_or_else(SheetLimits::default, |Extension(limits)| limits);
                let asked = exported.of(Table::$table)?;
                export(directory, caller, limits, asked).await
            }
        )*
    };
}

tables! {
    users: Users, "users";
    groups: Groups, "groups";
    memberships: Memberships, "memberships";
    role_holders: RoleHolders, "role-holders";
    resources: Resources, "resources";
    resource_assignments: ResourceAssignments, "resource-assignments";
    licence_holders: LicenceHolders, "licence-holders";
    invitations: Invitations, "invitations";
    guests: Guests, "guests";
    guest_links: GuestLinks, "guest-links";
    roles: Roles, "roles";
    permissions: Permissions, "permissions";
    licences: Licences, "licences";
    cost_centres: CostCentres, "cost-centres";
    connections: Connections, "connections";
    tokens: Tokens, "tokens";
}

/// A table that is asked for.
pub(super) struct Asked {
    /// Which.
    pub(super) table: Table,
    /// The kind of file.
    pub(super) format: Format,
    /// The columns, if they are named.
    pub(super) columns: Option<String>,
    /// Of CSV: what stands between two cells.
    pub(super) separator: delimited::Separator,
    /// Of CSV: whether it begins with a byte order mark.
    pub(super) bom: bool,
    /// The states that are asked for.
    pub(super) states: Vec<&'static str>,
    /// What is asked of the list.
    pub(super) listing: Listing,
    /// Of the audit log: which entries.
    pub(super) entries: AuditFilter,
}

impl Exported {
    fn of(self, table: Table) -> Result<Asked, Problem> {
        let states = states(table, self.state.as_deref())?;
        let mut listing = Listing {
            filter: self.filter,
            sort: self.sort,
            descending: self.descending,
            q: self.q,
            view: self.view,
            ..Listing::default()
        };
        if !states.is_empty() {
            let any: Vec<String> = states
                .iter()
                .map(|state| format!("state eq {}", literal(state)))
                .collect();
            listing = listing.narrowed(&any.join(" or "));
        }
        Ok(Asked {
            table,
            format: self.format,
            columns: self.columns,
            separator: self.separator,
            bom: self.bom,
            states,
            listing,
            entries: AuditFilter::default(),
        })
    }
}

/// Reads the table and writes it as it is asked for.
///
/// # Errors
/// A [`Problem`] that names the parameter at fault; as the store's read, as long as nothing was answered yet.
pub(super) async fn export(
    directory: Directory,
    caller: Administrator,
    limits: SheetLimits,
    asked: Asked,
) -> Result<Response, Problem> {
    let table = asked.table;
    let mut names = asked.columns.clone();
    // Of the log, a view's columns are those of whole entries.
    if let (Some(view), None, false) = (&asked.listing.view, &names, table == Table::Audit) {
        let view = views::named(&directory, &caller, table.list(), view).await?;
        names = Some(view.columns.join(","));
    }
    let columns = table.columns(names.as_deref(), &caller.settings)?;
    let question = asked.listing.clone().read(&directory, &caller, table.list()).await?;
    let question = question.within(&caller, table.action());
    let is_sorted = question.selection.order().is_some();
    let mut rows = rows(directory, caller, &asked, question, &columns);
    // An order is refused when there are too many rows for it, which is known with the first of them.
    let first = match is_sorted {
        true => rows.recv().await.transpose()?,
        false => None,
    };
    let body = match asked.format {
        Format::Csv => csv(first, rows, columns, &asked)?,
        Format::Xlsx => {
            let pages = collect(first, rows, &columns, &asked, limits.workbook_rows).await?;
            let written = tokio::task::spawn_blocking(move || workbook::write(&pages)).await;
            Body::from(written.map_err(|_| Problem::internal())??)
        }
    };
    Ok(file(body, table.as_str(), asked.format))
}

/// The rows that are meant.
fn rows(directory: Directory, caller: Administrator, asked: &Asked, question: Question, columns: &[Column]) -> Rows {
    let table = asked.table;
    let with_groups = table == Table::Users && columns.iter().any(|column| column.name == "groups");
    let selection = question.selection.clone();
    let most = directory.list_limits().sorted;
    let rows = Feed::start(directory, caller, table, question, asked.entries.clone(), with_groups);
    if table.is_one_list() {
        return rows;
    }
    choose::chosen(rows, selection, most)
}

/// An answer that is saved as a file.
pub(super) fn file(body: Body, name: &str, format: Format) -> Response {
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(format.media_type()));
    let disposition = format!("attachment; filename=\"{name}.{}\"", format.extension());
    if let Ok(disposition) = HeaderValue::try_from(disposition) {
        headers.insert(CONTENT_DISPOSITION, disposition);
    }
    response
}

/// The states that are asked for, where the table has any.
fn states(table: Table, asked: Option<&str>) -> Result<Vec<&'static str>, Problem> {
    let words = asked.into_iter().flat_map(|asked| asked.split(','));
    let words = words.map(str::trim).filter(|word| !word.is_empty());
    let known = table.list().states();
    let mut states = Vec::new();
    for word in words {
        let state = known.iter().find(|state| **state == word).ok_or_else(|| {
            Problem::bad_request(match known.is_empty() {
                true => format!("state: {} have none: leave it out", table.as_str()),
                false => format!("state: {word:?} is not known: use one of {}", known.join(", ")),
            })
        })?;
        if !states.contains(state) {
            states.push(*state);
        }
    }
    Ok(states)
}

/// CSV, written while it is read.
fn csv(first: Option<Vec<Value>>, rows: Rows, columns: Vec<Column>, asked: &Asked) -> Result<Body, Problem> {
    let separator = asked.separator;
    let names = columns.iter().map(|column| Cell::Text(column.name.clone())).collect();
    let mut start = if asked.bom {
        delimited::BOM.as_bytes().to_vec()
    } else {
        Vec::new()
    };
    start.extend(delimited::rows(&[names], separator)?);
    let start = tokio_stream::once(Ok(Bytes::from(start)));
    let parts = tokio_stream::iter(first.map(Ok)).chain(ReceiverStream::new(rows));
    let rest = parts.map(move |part| {
        let part = part.map_err(Broken::Store)?;
        let cells: Vec<Vec<Cell>> = part
            .iter()
            .map(|row| columns.iter().map(|column| column.cell(row)).collect())
            .collect();
        let written = delimited::rows(&cells, separator).map_err(Broken::Sheet)?;
        Ok::<_, Broken>(Bytes::from(written))
    });
    Ok(Body::from_stream(start.chain(rest)))
}

/// Why an answer breaks off in the middle.
#[derive(Debug, thiserror::Error)]
enum Broken {
    /// The store does not answer.
    #[error(transparent)]
    Store(DirectoryError),
    /// A row cannot be written.
    #[error(transparent)]
    Sheet(SheetError),
}

/// All rows: one page, or one for each state.
async fn collect(
    first: Option<Vec<Value>>,
    mut rows: Rows,
    columns: &[Column],
    asked: &Asked,
    most: usize,
) -> Result<Vec<Page>, Problem> {
    let states = &asked.states;
    let mut pages: BTreeMap<usize, Page> = BTreeMap::new();
    let page = |name: &str| Page {
        name: name.to_owned(),
        heading: columns.iter().map(|column| column.name.clone()).collect(),
        rows: Vec::new(),
    };
    if states.is_empty() {
        pages.insert(0, page(asked.table.as_str()));
    }
    for (at, state) in states.iter().enumerate() {
        pages.insert(at, page(state));
    }
    let mut count = 0;
    let mut next = first.map(Ok);
    if next.is_none() {
        next = rows.recv().await;
    }
    while let Some(part) = next {
        for row in part? {
            count += 1;
            if count > most {
                let detail =
                    format!("a workbook of more than {most} rows is not made: ask for CSV, or for less at once");
                return Err(Problem::bad_request(detail));
            }
            let own = states.iter().position(|state| row["state"] == *state);
            if let Some(page) = pages.get_mut(&own.unwrap_or_default()) {
                page.rows.push(columns.iter().map(|column| column.cell(&row)).collect());
            }
        }
        next = rows.recv().await;
    }
    Ok(pages.into_values().collect())
}

impl From<SheetError> for Problem {
    fn from(error: SheetError) -> Self {
        let detail = error.to_string();
        match error {
            SheetError::Unwritable { .. } => Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail),
            _ => Self::bad_request(detail),
        }
    }
}
