//! Which rows of a list are meant, and in which order: what a reader asks for (RFC 7644 sections 3.4.2.2 and 3.4.2.3; S004-9,
//! S004-14), read against the columns of the list.

use std::collections::BTreeSet;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use thiserror::Error;
use uuid::Uuid;

use super::Object;
use super::attribute::AttributePath;
use super::deviation::Strictness;
use super::effective::Effective;
use super::filter::{Filter, FilterError, FilterLimits, Literal, Operator, Position, ResolvedFilter};
use super::list::List;
use super::schema::{ResourceSchemas, SchemaSet};
use super::sort::{SortBy, SortError, SortKey, SortOrder};

/// What a reader asks for, as text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// A filter in the grammar of RFC 7644 section 3.4.2.2 over the list's columns.
    pub filter: Option<String>,
    /// The column to sort by; in the order of the list itself when missing.
    pub sort: Option<String>,
    /// Whether the greatest come first.
    pub descending: bool,
    /// A word of the column `state`.
    pub state: Option<String>,
    /// A text to look for: of users the start of an e-mail address or display name or a whole login id, else a part of a name.
    pub q: Option<String>,
}

/// Why a question about a list is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SelectionError {
    /// The filter is malformed, or its operators and values do not fit.
    #[error("{0}")]
    Filter(#[from] FilterError),
    /// The order is malformed.
    #[error("{}", .0.to_string().trim_start_matches("sortBy: "))]
    Sort(SortError),
    /// The list has no such attribute.
    #[error("attribute \"{attribute}\" is not shown by the list of {list}: use one of {}", names(*list))]
    UnknownAttribute {
        /// The parameter in which it is named.
        parameter: &'static str,
        /// As it was written.
        attribute: String,
        /// The list.
        list: List,
    },
    /// The list has no such state.
    #[error("{state:?} is no state of the list of {list}: use one of {}", list.states().join(", "))]
    UnknownState {
        /// As it was written.
        state: String,
        /// The list.
        list: List,
    },
    /// The list has no states.
    #[error("the list of {0} has no states")]
    Stateless(List),
    /// The list has one order only.
    #[error("the list of {0} has one order only: leave sort out")]
    Unsorted(List),
    /// The list is not searched.
    #[error("the list of {0} is not searched: use filter")]
    Unsearched(List),
    /// The place was given out by another question, or by none.
    #[error("{0:?} is not a cursor of this list: take `next` or `previous` of another page, and ask for the same order")]
    NotACursor(String),
}

fn names(list: List) -> String {
    let mut names: Vec<&str> = list.columns().iter().map(|column| column.name).collect();
    if matches!(list, List::Users | List::Groups) {
        names.push("attributes.NAME");
    }
    if list == List::Users {
        names.push("emails");
        names.push("groups");
    }
    names.join(", ")
}

impl SelectionError {
    /// The parameter at fault.
    #[must_use]
    pub const fn parameter(&self) -> &'static str {
        match self {
            Self::Filter(_) => "filter",
            Self::Sort(_) | Self::Unsorted(_) => "sort",
            Self::UnknownAttribute { parameter, .. } => parameter,
            Self::UnknownState { .. } | Self::Stateless(_) => "state",
            Self::Unsearched(_) => "q",
            Self::NotACursor(_) => "after",
        }
    }
}

/// How far a person's rights reach into a list.
#[derive(Debug, Clone)]
pub struct Reach {
    /// The person's rights.
    pub rights: Arc<Effective>,
    /// What the person wants to do with the rows.
    pub action: &'static str,
}

/// Which rows are meant, and in which order.
#[derive(Debug, Clone)]
pub struct Selection {
    list: List,
    filter: Option<ResolvedFilter>,
    order: Option<(SortBy, SortOrder)>,
    search: Option<String>,
    only: Option<BTreeSet<Uuid>>,
    reach: Option<Reach>,
    is_counted: bool,
}

/// The end of a page: it stays where it is when rows come and go.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    /// The last row that was looked at, as the list writes it.
    pub row: String,
    /// What that row is sorted by, in a sorted list.
    pub key: Option<SortKey>,
}

impl Selection {
    /// Every row of a list, in its own order.
    #[must_use]
    pub const fn all(list: List) -> Self {
        Self {
            list,
            filter: None,
            order: None,
            search: None,
            only: None,
            reach: None,
            is_counted: false,
        }
    }

    /// Reads a question.
    ///
    /// # Errors
    /// [`SelectionError`], which names the parameter at fault.
    pub fn read(list: List, own: &ResourceSchemas, asked: &Asked) -> Result<Self, SelectionError> {
        let schemas = list.schemas(own);
        let mut parts = Vec::new();
        if let Some(state) = &asked.state {
            parts.push(in_state(list, state)?);
        }
        if let Some(text) = &asked.filter {
            parts.push(read_filter(list, &schemas, text)?);
        }
        let mut search = asked.q.clone().filter(|q| !q.trim().is_empty());
        if list != List::Users
            && let Some(q) = search.take()
        {
            if list.searched().is_empty() {
                return Err(SelectionError::Unsearched(list));
            }
            parts.push(found_by(list, q.trim()));
        }
        let filter = if parts.is_empty() {
            None
        } else {
            Some(Filter::and(parts).resolve(&schemas, Strictness::Lenient)?)
        };
        if list == List::Audit && asked.sort.is_some() {
            return Err(SelectionError::Unsorted(list));
        }
        let order = match &asked.sort {
            Some(column) => Some((read_sort(list, &schemas, column)?, direction(asked.descending))),
            None => None,
        };
        Ok(Self {
            filter,
            order,
            search,
            ..Self::all(list)
        })
    }

    /// The same, of these rows only.
    #[must_use]
    pub fn only(mut self, ids: impl IntoIterator<Item = Uuid>) -> Self {
        let ids: BTreeSet<Uuid> = ids.into_iter().collect();
        self.only = Some(match self.only {
            Some(before) => before.intersection(&ids).copied().collect(),
            None => ids,
        });
        self
    }

    /// The same, as far as a person's rights to an action reach; `None` for somebody whose rights reach everything.
    #[must_use]
    pub fn within(mut self, rights: Option<Arc<Effective>>, action: &'static str) -> Self {
        self.reach = rights.map(|rights| Reach { rights, action });
        self
    }

    /// The same, with how many rows are meant in all.
    #[must_use]
    pub const fn counted(mut self) -> Self {
        self.is_counted = true;
        self
    }

    /// Whether it is asked how many rows are meant in all.
    #[must_use]
    pub const fn is_counted(&self) -> bool {
        self.is_counted
    }

    /// The list.
    #[must_use]
    pub const fn list(&self) -> List {
        self.list
    }

    /// What rows must satisfy.
    #[must_use]
    pub const fn filter(&self) -> Option<&ResolvedFilter> {
        self.filter.as_ref()
    }

    /// What rows are sorted by.
    #[must_use]
    pub const fn order(&self) -> Option<&(SortBy, SortOrder)> {
        self.order.as_ref()
    }

    /// The text that is looked for by index.
    #[must_use]
    pub fn search(&self) -> Option<&str> {
        self.search.as_deref()
    }

    /// The rows that can be meant at all, if they were named.
    #[must_use]
    pub const fn named(&self) -> Option<&BTreeSet<Uuid>> {
        self.only.as_ref()
    }

    /// How far the reader's rights reach; `None` for everything.
    #[must_use]
    pub const fn reach(&self) -> Option<&Reach> {
        self.reach.as_ref()
    }

    /// Whether a row satisfies the filter.
    #[must_use]
    pub fn matches(&self, row: &Object) -> bool {
        self.filter.as_ref().is_none_or(|filter| filter.matches(row))
    }

    /// Whether the filter or the order speaks of a column.
    #[must_use]
    pub fn asks(&self, column: &str) -> bool {
        let is_order = |(by, _): &(SortBy, SortOrder)| by.path().name.eq_ignore_ascii_case(column);
        self.filter.as_ref().is_some_and(|filter| filter.mentions(column)) || self.order.as_ref().is_some_and(is_order)
    }

    /// What a row is sorted by.
    #[must_use]
    pub fn key(&self, row: &Object) -> Option<SortKey> {
        self.order.as_ref().map(|(by, _)| by.key(row).bounded())
    }

    /// A place as readers are given it. In a sorted list it says by what: taken to another order it would lead astray.
    #[must_use]
    pub fn cursor(&self, place: &Place) -> String {
        match &place.key {
            None => place.row.clone(),
            // Texts and numbers: serde_json always writes them.
            Some(key) => {
                let bytes = serde_json::to_vec(&(self.order_name(), key, &place.row)).unwrap_or_default();
                URL_SAFE_NO_PAD.encode(bytes)
            }
        }
    }

    /// The place that a reader brings back. Whether the list has such a row is the list's to say.
    ///
    /// # Errors
    /// [`SelectionError::NotACursor`] for what this question did not give out.
    pub fn place(&self, cursor: &str) -> Result<Place, SelectionError> {
        if self.order.is_none() {
            return Ok(Place {
                row: cursor.to_owned(),
                key: None,
            });
        }
        let read = || {
            let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
            let (name, key, row): (String, SortKey, String) = serde_json::from_slice(&bytes).ok()?;
            let key = Some(key);
            (name == self.order_name()).then_some(Place { row, key })
        };
        read().ok_or_else(|| SelectionError::NotACursor(cursor.to_owned()))
    }

    fn order_name(&self) -> String {
        let name = |(by, order): &(SortBy, SortOrder)| match order {
            SortOrder::Ascending => by.path().to_string(),
            SortOrder::Descending => format!("-{}", by.path()),
        };
        self.order.as_ref().map(name).unwrap_or_default()
    }
}

const fn direction(descending: bool) -> SortOrder {
    if descending {
        SortOrder::Descending
    } else {
        SortOrder::Ascending
    }
}

fn read_filter(list: List, schemas: &SchemaSet, text: &str) -> Result<Filter, SelectionError> {
    let known = |path: AttributePath, _| canonical(list, schemas, path, "filter");
    Filter::parse(text, FilterLimits::default())?.rename(&known)
}

fn read_sort(list: List, schemas: &SchemaSet, column: &str) -> Result<SortBy, SelectionError> {
    let path: AttributePath = column
        .parse()
        .map_err(|error| SelectionError::Sort(SortError::Malformed(error)))?;
    let path = canonical(list, schemas, path, "sort")?;
    let (by, _) = SortBy::parse(&path.to_string(), schemas, Strictness::Lenient).map_err(SelectionError::Sort)?;
    Ok(by)
}

fn canonical(
    list: List,
    schemas: &SchemaSet,
    path: AttributePath,
    parameter: &'static str,
) -> Result<AttributePath, SelectionError> {
    let attribute = path.to_string();
    list.canonical(path, schemas).ok_or(SelectionError::UnknownAttribute {
        parameter,
        attribute,
        list,
    })
}

fn compare(column: &str, operator: Operator, text: &str) -> Filter {
    Filter::Compare {
        path: AttributePath::core(column),
        operator,
        literal: Literal::String(text.to_owned()),
        at: Position(0),
    }
}

fn in_state(list: List, state: &str) -> Result<Filter, SelectionError> {
    let states = list.states();
    if states.is_empty() {
        return Err(SelectionError::Stateless(list));
    }
    if !states.contains(&state) {
        return Err(SelectionError::UnknownState {
            state: state.to_owned(),
            list,
        });
    }
    Ok(compare("state", Operator::Eq, state))
}

/// Rows that have the text in one of the columns that are searched.
fn found_by(list: List, q: &str) -> Filter {
    let columns = list.searched().iter();
    Filter::or(columns.map(|column| compare(column, Operator::Co, q)).collect())
}
