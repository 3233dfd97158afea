//! Lists: filter, order, search, paging and saved views, the same for every noun (S004-9..16). A handler names its list, reads the
//! question by [`Listing::read`] and answers a page by [`Question::answer`].

mod asked;
pub mod browse;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::directory::select::{Rows, Selected, Turn};
use crate::directory::{Directory, DirectoryError};
use crate::model::list::List;
use crate::model::schema::ResourceSchemas;
use crate::model::selection::{Asked, Place, Selection};

use super::caller::Administrator;
use super::problem::Problem;
use super::views;

pub use asked::{AskedWith, members};
pub use browse::{Browse, Item, Known};

/// What is asked of a list.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Listing {
    /// Items a page (S004-15).
    #[schemars(range(min = 1, max = 1000))]
    pub limit: Option<usize>,
    /// The `next` of the page before.
    pub after: Option<String>,
    /// The `previous` of the page behind.
    pub before: Option<String>,
    /// The last page.
    #[serde(default)]
    pub last: bool,
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
    /// Which page.
    pub turn: Turn,
    /// Items a page.
    pub limit: usize,
}

impl Listing {
    /// Reads the question.
    ///
    /// # Errors
    /// A [`Problem`] that names the parameter at fault.
    pub async fn read(self, directory: &Directory, caller: &Administrator, list: List) -> Result<Question, Problem> {
        self.check_order()?;
        let asked = self.with_view(directory, caller, list).await?;
        let usual = caller.settings.organisation.page_size.map(usize::from);
        let usual = usual.unwrap_or_else(|| directory.list_limits().page_size);
        asked.question(list, &caller.settings.schemas, usual)
    }

    /// Reads the question about a list that is no organisation's: the gateway's own, or a person's.
    ///
    /// # Errors
    /// As [`Listing::read`]; a view is refused.
    pub fn read_alone(self, directory: &Directory, list: List) -> Result<Question, Problem> {
        self.check_order()?;
        if self.view.is_some() {
            return Err(Problem::bad_request(format!(
                "view: the list of {list} has none: leave it out"
            )));
        }
        self.question(
            list,
            &ResourceSchemas::new(None, None),
            directory.list_limits().page_size,
        )
    }

    /// An order without a name to go by would be none.
    fn check_order(&self) -> Result<(), Problem> {
        if self.descending && self.sort.is_none() {
            return Err(Problem::bad_request(
                "descending: say by what with sort, for example sort=created&descending=true",
            ));
        }
        Ok(())
    }

    fn question(self, list: List, schemas: &ResourceSchemas, usual: usize) -> Result<Question, Problem> {
        let limit = limit(self.limit.unwrap_or(usual))?;
        let words = Asked {
            filter: self.filter,
            sort: self.sort,
            descending: self.descending,
            state: self.state,
            q: self.q,
        };
        let selection = Selection::read(list, schemas, &words).map_err(DirectoryError::from)?;
        let selection = if self.count { selection.counted() } else { selection };
        let place = |cursor: &str| -> Result<Place, DirectoryError> { Ok(selection.place(cursor)?) };
        let turn = match (&self.after, &self.before, self.last) {
            (None, None, false) => Turn::First,
            (Some(cursor), None, false) => Turn::Next(place(cursor)?),
            (None, Some(cursor), false) => Turn::Previous(place(cursor)?),
            (None, None, true) => Turn::Last,
            _ => return Err(Problem::bad_request("after, before, last: give one of them")),
        };
        Ok(Question { selection, turn, limit })
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

    /// A page as it is answered.
    pub fn page<T>(&self, selected: &Selected<T>, view: impl Fn(&T) -> Value) -> Value {
        let items: Vec<Value> = selected.items.iter().map(view).collect();
        let mut answer = json!({ "items": items });
        if let Some(next) = &selected.next {
            answer["next"] = json!(self.selection.cursor(next));
        }
        if let Some(previous) = &selected.previous {
            answer["previous"] = json!(self.selection.cursor(previous));
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
        rows: &impl Rows<Row = Item>,
        after: Option<&Place>,
        limit: usize,
    ) -> Result<Selected<Item>, DirectoryError> {
        directory.walk(rows, &self.selection, after, limit).await
    }

    /// Answers a page of items that filters see as readers do.
    ///
    /// # Errors
    /// As [`Directory::walk`].
    pub async fn answer(&self, directory: &Directory, rows: impl Rows<Row = Item>) -> Result<Value, Problem> {
        let turn = self.turn.clone();
        let selected = directory.walk(&rows, &self.selection, turn, self.limit).await?;
        Ok(self.page(&selected, |item| item.shown.clone()))
    }
}

/// Items that one page holds at most.
const LIMIT_MAX: usize = 1000;

fn limit(limit: usize) -> Result<usize, Problem> {
    if (1..=LIMIT_MAX).contains(&limit) {
        return Ok(limit);
    }
    let detail = format!("limit: {limit} is not between 1 and {LIMIT_MAX}");
    Err(Problem::bad_request(detail))
}
