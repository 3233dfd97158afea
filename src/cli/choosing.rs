//! What the lists of the command line have in common: which items, in which order, and which columns.

use std::io::Write as _;

use axum::http::Method;
use clap::Args;
use serde_json::{Value, json};

use super::failure::Failure;
use super::gateway::{Gateway, Payload, escaped};
use super::output::{self, cell};
use crate::model::list::List;

/// Which items of a list.
#[derive(Debug, Clone, Default, Args)]
pub struct Choosing {
    /// Only what satisfies this SCIM filter over the names that --json shows, such as: enabled eq true
    #[arg(long, value_name = "FILTER")]
    filter: Option<String>,
    /// In the order of this column
    #[arg(long, value_name = "COLUMN")]
    sort: Option<String>,
    /// The greatest first
    #[arg(long, requires = "sort")]
    descending: bool,
    /// As this saved view says; see: usher view --help
    #[arg(long, value_name = "NAME")]
    view: Option<String>,
    /// Show these columns
    #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
    columns: Vec<String>,
    /// At most this many
    #[arg(long)]
    limit: Option<usize>,
    /// One page, of --limit items or of the usual size, and how to turn it; JSON has the cursors beside the items
    #[arg(long)]
    page: bool,
    /// The page behind this cursor
    #[arg(long, value_name = "CURSOR", requires = "page", conflicts_with_all = ["before", "last"])]
    after: Option<String>,
    /// The page in front of this cursor
    #[arg(long, value_name = "CURSOR", requires = "page", conflicts_with = "last")]
    before: Option<String>,
    /// The last page
    #[arg(long, requires = "page")]
    last: bool,
}

/// An address with further parameters: those that are given.
fn with<'a>(path: &str, parameters: impl Iterator<Item = (&'a str, Option<&'a str>)>) -> String {
    let mut address = path.to_owned();
    for (name, value) in parameters {
        if let Some(value) = value {
            let join = if address.contains('?') { '&' } else { '?' };
            address = format!("{address}{join}{name}={}", escaped(value));
        }
    }
    address
}

/// A list on a way to the directory.
pub struct Listed<'a> {
    /// The way.
    pub gateway: &'a Gateway,
    /// The organisation's address: `/organisations/acme`.
    pub organisation: &'a str,
    /// Which.
    pub list: List,
    /// Whether JSON is printed.
    pub json: bool,
}

/// How items are shown unless columns are named: headings, and the cells of an item.
pub type Plain<'a> = (&'a [&'a str], &'a (dyn Fn(&Value) -> Vec<String> + Sync));

impl Choosing {
    /// The address with what is asked; `more` are further parameters.
    fn address(&self, path: &str, more: &[(&str, Option<&str>)]) -> String {
        let own = [
            ("filter", self.filter.as_deref()),
            ("sort", self.sort.as_deref()),
            ("descending", self.descending.then_some("true")),
            ("view", self.view.as_deref()),
        ];
        with(path, own.into_iter().chain(more.iter().copied()))
    }

    /// Prints the list: those columns that are named here or by the view, or as it is usual.
    ///
    /// # Errors
    /// As [`Gateway::list`].
    pub async fn print(
        &self,
        listed: Listed<'_>,
        path: &str,
        more: &[(&str, Option<&str>)],
        (heading, row): Plain<'_>,
    ) -> Result<(), Failure> {
        let mut out = std::io::stdout();
        let address = self.address(path, more);
        if self.page {
            let mut page = self.turn(&listed, &address).await?;
            if listed.json {
                return Ok(output::json(&mut out, &page)?);
            }
            let items = page["items"].as_array_mut().map(std::mem::take).unwrap_or_default();
            self.lay_out(&listed, &items, (heading, row)).await?;
            for (cursor, option) in [("previous", "--before"), ("next", "--after")] {
                if let Some(cursor_of) = page[cursor].as_str() {
                    writeln!(out, "{cursor}: --page {option} {cursor_of}")?;
                }
            }
            return Ok(());
        }
        let items = listed.gateway.list(&address, self.limit).await?;
        if listed.json {
            return Ok(output::json(&mut out, &json!(items))?);
        }
        self.lay_out(&listed, &items, (heading, row)).await
    }

    /// One page, with the cursors of its neighbours.
    async fn turn(&self, listed: &Listed<'_>, address: &str) -> Result<Value, Failure> {
        let limit = self.limit.map(|limit| limit.to_string());
        let manner = [
            ("limit", limit.as_deref()),
            ("after", self.after.as_deref()),
            ("before", self.before.as_deref()),
            ("last", self.last.then_some("true")),
        ];
        let path = with(address, manner.into_iter());
        listed.gateway.ask(Method::GET, &path, Payload::Empty).await
    }

    /// Prints items as a table.
    async fn lay_out(
        &self,
        listed: &Listed<'_>,
        items: &[Value],
        (heading, row): Plain<'_>,
    ) -> Result<(), Failure> {
        let mut out = std::io::stdout();
        let columns = self.shown(listed).await?;
        if columns.is_empty() {
            let rows: Vec<Vec<String>> = items.iter().map(row).collect();
            return Ok(output::table(&mut out, heading, &rows)?);
        }
        let heading: Vec<String> = columns.iter().map(|column| column.to_uppercase()).collect();
        let heading: Vec<&str> = heading.iter().map(String::as_str).collect();
        let cells = |item: &Value| columns.iter().map(|column| shown(item, column)).collect();
        let rows: Vec<Vec<String>> = items.iter().map(cells).collect();
        Ok(output::table(&mut out, &heading, &rows)?)
    }

    async fn shown(&self, listed: &Listed<'_>) -> Result<Vec<String>, Failure> {
        let (true, Some(name)) = (self.columns.is_empty(), &self.view) else {
            return Ok(self.columns.clone());
        };
        let path = format!("{}/views?list={}", listed.organisation, listed.list);
        let views = listed.gateway.list(&path, None).await?;
        let is_it = |view: &&Value| {
            let called = view["name"].as_str().unwrap_or_default();
            called.to_lowercase() == name.trim().to_lowercase() || view["id"].as_str() == Some(name)
        };
        let columns = views.iter().find(is_it).and_then(|view| view["columns"].as_array());
        Ok(columns.into_iter().flatten().map(cell).collect())
    }
}

/// A column of an item: a member, one of its attributes, or a part of either.
fn shown(item: &Value, column: &str) -> String {
    let pointer = format!("/{}", column.replace('.', "/"));
    let within = item.pointer(&pointer);
    let attributes = &item["attributes"];
    let extensions = attributes.as_object().into_iter().flatten();
    let mut extensions = extensions.filter(|(name, _)| name.starts_with("urn:"));
    let found = within
        .or_else(|| attributes.pointer(&pointer))
        .or_else(|| extensions.find_map(|(_, extension)| extension.pointer(&pointer)));
    match found {
        Some(Value::Array(list)) => list.iter().map(cell).collect::<Vec<_>>().join(","),
        Some(Value::Object(members)) => members.keys().cloned().collect::<Vec<_>>().join(","),
        Some(value) => cell(value),
        None => "-".to_owned(),
    }
}
