//! Saved views: a filter, an order and columns that somebody keeps for next time (S004-11, S004-12).
//!
//! A person's own views are that person's alone. Shared ones are the organisation's: everyone who may see the list may use them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::clock::Timestamp;
use super::fold::fold;
use super::id::ViewId;
use super::list::List;
use super::record::Record;
use super::selection::Asked;

/// Views of one owner at most.
pub const VIEWS_MAX: usize = 100;
/// Characters of a view's name.
pub const NAME_MAX: usize = 100;
/// Bytes of a view's filter. All views of an owner are one record.
pub const FILTER_BYTES_MAX: usize = 2_000;
/// Columns of a view.
pub const COLUMNS_MAX: usize = 50;

/// What a view says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ViewDraft {
    /// What it is called; unique among the views of its owner for the list, caseless.
    pub name: String,
    /// The list that it is a view of.
    pub list: List,
    /// The filter, in the grammar of RFC 7644 section 3.4.2.2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// A word of the column `state`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// A text to look for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub q: Option<String>,
    /// The column to sort by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort: Option<String>,
    /// Whether the greatest come first.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub descending: bool,
    /// The columns that are shown, in order; those of the reader's program when there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// Items a page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub page_size: Option<u16>,
}

impl ViewDraft {
    /// What is asked of the list.
    #[must_use]
    pub fn asked(&self) -> Asked {
        Asked {
            filter: self.filter.clone(),
            sort: self.sort.clone(),
            descending: self.descending,
            state: self.state.clone(),
            q: self.q.clone(),
        }
    }

    /// Whether it is the view of this list and name.
    #[must_use]
    pub fn is_named(&self, list: List, name: &str) -> bool {
        self.list == list && fold(self.name.trim()) == fold(name.trim())
    }
}

/// A view that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedView {
    /// Its identifier.
    pub id: ViewId,
    /// What it says.
    pub says: ViewDraft,
    /// When it was made.
    pub created: Timestamp,
    /// When it last changed.
    pub last_modified: Timestamp,
}

/// Every view of one owner: one record, so that names are unique and the number is bounded whoever writes at the same time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Views {
    /// The views, in the order in which they were made.
    pub views: Vec<SavedView>,
}

impl Record for Views {
    const KIND: &'static str = "views";
}
