//! Tables as files: CSV, as it is read, or XLSX (S003-29, S003-30, S004-13). A file shows what the list shows to whoever asks, and
//! nobody whose data's processing is restricted.

mod feed;
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
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;

use crate::directory::{Directory, DirectoryError};
use crate::model::list::List;
use crate::sheet::workbook::{self, Page};
use crate::sheet::{Cell, SheetError, delimited};

use super::caller::{Administrator, Parameters};
use super::listing::{Listing, literal};
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
    /// Of users and invitations: only those in these states, separated by commas; a workbook has one sheet for each.
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
                export(directory, caller, limits, Table::$table, exported).await
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
}

async fn export(
    directory: Directory,
    caller: Administrator,
    limits: SheetLimits,
    table: Table,
    exported: Exported,
) -> Result<Response, Problem> {
    let states = states(table, exported.state.as_deref())?;
    let mut names = exported.columns.clone();
    let question = match table.list() {
        Some(list) => {
            if let (Some(view), None) = (&exported.view, &names) {
                let view = views::named(&directory, &caller, list, view).await?;
                names = Some(view.columns.join(","));
            }
            let action = if list == List::Groups {
                "group.view"
            } else {
                "user.view"
            };
            let question = listing(&exported, &states).read(&directory, &caller, list).await?;
            Some(question.within(&caller, action))
        }
        None => {
            exported.check_plain(table)?;
            None
        }
    };
    let columns = table.columns(names.as_deref(), &caller.settings)?;
    let with_groups = table == Table::Users && columns.iter().any(|column| column.name == "groups");
    let rows = Feed::start(directory, caller, table, question, with_groups);
    let body = match exported.format {
        Format::Csv => csv(rows, columns, &exported)?,
        Format::Xlsx => {
            let pages = collect(rows, &columns, table, &states, limits.workbook_rows).await?;
            let written = tokio::task::spawn_blocking(move || workbook::write(&pages)).await;
            Body::from(written.map_err(|_| Problem::internal())??)
        }
    };
    Ok(file(body, table.as_str(), exported.format))
}

/// What is asked of the list behind a table.
fn listing(exported: &Exported, states: &[&'static str]) -> Listing {
    let listing = Listing {
        filter: exported.filter.clone(),
        sort: exported.sort.clone(),
        descending: exported.descending,
        q: exported.q.clone(),
        view: exported.view.clone(),
        ..Listing::default()
    };
    if states.is_empty() {
        return listing;
    }
    let any: Vec<String> = states
        .iter()
        .map(|state| format!("state eq {}", literal(state)))
        .collect();
    listing.narrowed(&any.join(" or "))
}

impl Exported {
    /// Refuses what only a list can answer.
    fn check_plain(&self, table: Table) -> Result<(), Problem> {
        let asked = [
            ("filter", self.filter.is_some()),
            ("sort", self.sort.is_some()),
            ("q", self.q.is_some()),
            ("view", self.view.is_some()),
        ];
        match asked.into_iter().find(|(_, is_asked)| *is_asked) {
            Some((name, _)) => Err(Problem::bad_request(format!(
                "{name}: {} are exported as a whole: leave it out",
                table.as_str()
            ))),
            None => Ok(()),
        }
    }
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
    let known = table.list().map(List::states).unwrap_or_default();
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
fn csv(rows: Rows, columns: Vec<Column>, exported: &Exported) -> Result<Body, Problem> {
    let separator = exported.separator;
    let names = columns.iter().map(|column| Cell::Text(column.name.clone())).collect();
    let mut start = if exported.bom {
        delimited::BOM.as_bytes().to_vec()
    } else {
        Vec::new()
    };
    start.extend(delimited::rows(&[names], separator)?);
    let first = tokio_stream::once(Ok(Bytes::from(start)));
    let rest = ReceiverStream::new(rows).map(move |part| {
        let part = part.map_err(Broken::Store)?;
        let cells: Vec<Vec<Cell>> = part
            .iter()
            .map(|row| columns.iter().map(|column| column.cell(row)).collect())
            .collect();
        let written = delimited::rows(&cells, separator).map_err(Broken::Sheet)?;
        Ok::<_, Broken>(Bytes::from(written))
    });
    Ok(Body::from_stream(first.chain(rest)))
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
    mut rows: Rows,
    columns: &[Column],
    table: Table,
    states: &[&'static str],
    most: usize,
) -> Result<Vec<Page>, Problem> {
    let mut pages: BTreeMap<usize, Page> = BTreeMap::new();
    let page = |name: &str| Page {
        name: name.to_owned(),
        heading: columns.iter().map(|column| column.name.clone()).collect(),
        rows: Vec::new(),
    };
    if states.is_empty() {
        pages.insert(0, page(table.as_str()));
    }
    for (at, state) in states.iter().enumerate() {
        pages.insert(at, page(state));
    }
    let mut count = 0;
    while let Some(part) = rows.recv().await {
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
