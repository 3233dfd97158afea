//! Lists: filter, order, search, paging and saved views, the same for every noun (S004-9..16). A handler names its list, reads the
//! question by [`Listing::read`] and answers a page by [`Question::answer`].

use std::str::FromStr;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::directory::select::{Part, Rows, Selected};
use crate::directory::{Directory, DirectoryError};
use crate::model::Object;
use crate::model::list::List;
use crate::model::selection::{Asked, Place, Selection};
use crate::model::slug::Slug;

use super::caller::Administrator;
use super::page::Paging;
use super::problem::Problem;
use super::views;

/// What is asked of a list.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Listing {
    /// Items a page.
    #[schemars(range(min = 1, max = 1000))]
    pub limit: Option<usize>,
    /// The `next` of the page before.
    pub after: Option<String>,
    /// Only what satisfies this filter (RFC 7644 section 3.4.2.2) over the names that the items show.
    pub filter: Option<String>,
    /// In the order of this member; in the list's own order when missing.
    pub sort: Option<String>,
    /// The greatest first.
    #[serde(default)]
    pub descending: bool,
    /// Only what is in this state.
    pub state: Option<String>,
    /// Only what has this text in its name.
    pub q: Option<String>,
    /// Answer `total` as well: how many there are on all pages. It is missing when there are too many to look at.
    #[serde(default)]
    pub count: bool,
    /// As this saved view says, by its name; what is asked beside it narrows it further, and another order replaces its own.
    pub view: Option<String>,
}

/// A question that was read.
pub struct Question {
    /// Which items.
    pub selection: Selection,
    after: Option<Place>,
    /// Items a page.
    pub limit: usize,
}

impl Listing {
    /// Reads the question.
    ///
    /// # Errors
    /// A [`Problem`] that names the parameter at fault.
    pub async fn read(self, directory: &Directory, caller: &Administrator, list: List) -> Result<Question, Problem> {
        let asked = self.with_view(directory, caller, list).await?;
        let usual = caller.settings.organisation.page_size.map(usize::from);
        let usual = usual.unwrap_or_else(|| directory.list_limits().page_size);
        let paging = Paging {
            limit: asked.limit.or(Some(usual)),
            after: None,
        };
        let limit = paging.limit()?;
        let words = Asked {
            filter: asked.filter,
            sort: asked.sort,
            descending: asked.descending,
            state: asked.state,
            q: asked.q,
        };
        let selection = Selection::read(list, &caller.settings.schemas, &words).map_err(DirectoryError::from)?;
        let selection = if asked.count { selection.counted() } else { selection };
        let after = match &asked.after {
            Some(cursor) => Some(selection.place(cursor).map_err(DirectoryError::from)?),
            None => None,
        };
        Ok(Question {
            selection,
            after,
            limit,
        })
    }

    async fn with_view(
        mut self,
        directory: &Directory,
        caller: &Administrator,
        list: List,
    ) -> Result<Self, DirectoryError> {
        let Some(name) = self.view.take() else {
            return Ok(self);
        };
        let view = views::named(directory, caller, list, &name).await?;
        if let Some(filter) = &view.filter {
            self = self.narrowed(filter);
        }
        if self.sort.is_none() {
            (self.sort, self.descending) = (view.sort, view.descending);
        }
        self.state = self.state.or(view.state);
        self.q = self.q.or(view.q);
        self.limit = self.limit.or_else(|| view.page_size.map(usize::from));
        Ok(self)
    }

    /// The same with one more condition.
    #[must_use]
    pub fn narrowed(mut self, condition: &str) -> Self {
        self.filter = Some(match self.filter {
            Some(filter) => format!("({filter}) and ({condition})"),
            None => condition.to_owned(),
        });
        self
    }
}

/// A text as a filter's value: JSON's own escapes (RFC 7644 section 3.4.2.2, `compValue`).
#[must_use]
pub fn literal(text: &str) -> String {
    Value::from(text).to_string()
}

impl Question {
    /// The same question, of what the caller's rights to an action reach.
    #[must_use]
    pub fn within(mut self, caller: &Administrator, action: &'static str) -> Self {
        self.selection = self.selection.within(caller.bounded(action), action);
        self
    }

    /// Where the page begins.
    #[must_use]
    pub const fn after(&self) -> Option<&Place> {
        self.after.as_ref()
    }

    /// A page as it is answered.
    pub fn page<T>(&self, selected: &Selected<T>, view: impl Fn(&T) -> Value) -> Value {
        let items: Vec<Value> = selected.items.iter().map(view).collect();
        let mut answer = json!({ "items": items });
        if let Some(next) = &selected.next {
            answer["next"] = json!(self.selection.cursor(next));
        }
        if let Some(total) = selected.total {
            answer["total"] = json!(total);
        }
        answer
    }

    /// Items behind a place, for whoever reads the whole list.
    ///
    /// # Errors
    /// As [`Directory::walk`].
    pub async fn read_on(
        &self,
        directory: &Directory,
        rows: impl Browse,
        after: Option<&Place>,
        limit: usize,
    ) -> Result<Selected<Value>, DirectoryError> {
        directory.walk(&Browsed(rows), &self.selection, after, limit).await
    }

    /// Answers a page of items that filters see as readers do.
    ///
    /// # Errors
    /// As [`Directory::walk`].
    pub async fn answer(&self, directory: &Directory, rows: impl Browse) -> Result<Value, Problem> {
        let rows = Browsed(rows);
        let selected = directory.walk(&rows, &self.selection, self.after(), self.limit).await?;
        Ok(self.page(&selected, Value::clone))
    }
}

/// Items of a list as readers see them.
#[async_trait]
pub trait Browse: Send + Sync {
    /// What names an item, as a text in a cursor.
    type Name: FromStr + Send;

    /// The member that names an item.
    const NAME: &'static str = "id";

    /// What names an item among the others.
    fn name(&self, item: &Value) -> String {
        item[Self::NAME].as_str().unwrap_or_default().to_owned()
    }

    /// The item as filters and orders see it, where that is not how readers see it.
    fn judged(&self, item: &Value) -> Object {
        item.as_object().cloned().unwrap_or_default()
    }

    /// Items behind this one, fewer than `limit` only at the end of the list.
    ///
    /// # Errors
    /// As the store's read.
    async fn browse(
        &self,
        directory: &Directory,
        after: Option<Self::Name>,
        limit: usize,
    ) -> Result<Vec<Value>, DirectoryError>;

    /// Whether the reader's rights reach an item, where they are bound.
    ///
    /// # Errors
    /// As the store's read.
    async fn reaches(
        &self,
        _directory: &Directory,
        _item: &Value,
        _selection: &Selection,
    ) -> Result<bool, DirectoryError> {
        Ok(true)
    }
}

struct Browsed<B>(B);

#[async_trait]
impl<B: Browse> Rows for Browsed<B> {
    type Row = Value;

    async fn read(
        &self,
        directory: &Directory,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Part<Value>, DirectoryError> {
        let after = after.and_then(|name| name.parse().ok());
        let rows = self.0.browse(directory, after, limit).await?;
        let last = rows.last().filter(|_| rows.len() >= limit);
        let next = last.map(|row| self.place(row));
        Ok(Part { rows, next })
    }

    fn place(&self, row: &Value) -> String {
        self.0.name(row)
    }

    fn is_place(&self, text: &str) -> bool {
        text.parse::<B::Name>().is_ok()
    }

    async fn reaches(&self, directory: &Directory, row: &Value, selection: &Selection) -> Result<bool, DirectoryError> {
        self.0.reaches(directory, row, selection).await
    }

    async fn shown(&self, _: &Directory, rows: &[Value], _: &Selection) -> Result<Vec<Object>, DirectoryError> {
        Ok(rows.iter().map(|row| self.0.judged(row)).collect())
    }
}

/// Items that are all known: what an organisation declares.
pub struct Known {
    /// In the order of their `key`.
    pub items: Vec<Value>,
}

#[async_trait]
impl Browse for Known {
    type Name = Slug;

    const NAME: &'static str = "key";

    async fn browse(&self, _: &Directory, after: Option<Slug>, limit: usize) -> Result<Vec<Value>, DirectoryError> {
        let after = after.as_ref().map(Slug::as_str);
        let is_behind = |item: &&Value| after.is_none_or(|after| item["key"].as_str().is_some_and(|key| key > after));
        Ok(self.items.iter().filter(is_behind).take(limit).cloned().collect())
    }
}
