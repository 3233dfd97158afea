//! Items of a list as readers see them, and how they are read.

use std::str::FromStr;

use async_trait::async_trait;
use serde_json::Value;

use crate::directory::select::{Part, Rows};
use crate::directory::stretch::Stretch;
use crate::directory::{Directory, DirectoryError};
use crate::model::Object;
use crate::model::selection::Selection;

/// Items of a list as readers see them.
#[async_trait]
pub trait Browse: Send + Sync {
    /// What names an item, as a text in a cursor.
    type Name: FromStr + Send;

    /// The member that names an item.
    const NAME: &'static str = "id";

    /// What names an item among the others: a text, or a number.
    fn name(&self, item: &Value) -> String {
        let name = &item[Self::NAME];
        name.as_str().map_or_else(|| name.to_string(), str::to_owned)
    }

    /// The item as filters and orders see it, where that is not how readers see it.
    fn judged(&self, item: &Value) -> Object {
        item.as_object().cloned().unwrap_or_default()
    }

    /// Items behind one or in front of it, the nearest first; fewer than `limit` only at the end of the list.
    ///
    /// # Errors
    /// As the store's read.
    async fn browse(
        &self,
        directory: &Directory,
        along: Stretch<Self::Name>,
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

/// An item on its way to the reader.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// What names it among the others, as a text in a cursor.
    pub place: String,
    /// As readers see it.
    pub shown: Value,
}

#[async_trait]
impl<B: Browse> Rows for B {
    type Row = Item;

    async fn read(
        &self,
        directory: &Directory,
        along: Stretch<&str>,
        limit: usize,
    ) -> Result<Part<Item>, DirectoryError> {
        let along = along.and_then(|name| name.parse().ok());
        let items = self.browse(directory, along, limit).await?.into_iter();
        let item = |shown| Item {
            place: self.name(&shown),
            shown,
        };
        let rows: Vec<Item> = items.map(item).collect();
        let last = rows.last().filter(|_| rows.len() >= limit);
        let next = last.map(|row| row.place.clone());
        Ok(Part { rows, next })
    }

    fn place(&self, row: &Item) -> String {
        row.place.clone()
    }

    fn is_place(&self, text: &str) -> bool {
        text.parse::<B::Name>().is_ok()
    }

    async fn reaches(&self, directory: &Directory, row: &Item, selection: &Selection) -> Result<bool, DirectoryError> {
        Browse::reaches(self, directory, &row.shown, selection).await
    }

    async fn shown(&self, _: &Directory, rows: &[Item], _: &Selection) -> Result<Vec<Object>, DirectoryError> {
        Ok(rows.iter().map(|row| self.judged(&row.shown)).collect())
    }
}

/// Items that are all known: what an organisation declares, or a short list that is read as a whole.
pub struct Known(
    /// In the order of their places.
    Vec<Item>,
);

impl Known {
    /// Items in the order of the member that names each.
    pub fn by(member: &str, items: impl IntoIterator<Item = Value>) -> Self {
        let name = |item: &Value| item[member].as_str().unwrap_or_default().to_owned();
        Self::in_order(items.into_iter().map(|item| (name(&item), item)))
    }

    /// Items in the order of texts that name them: letters, digits, and what stands between them in short names.
    pub fn in_order(named: impl IntoIterator<Item = (String, Value)>) -> Self {
        let items = named.into_iter().map(|(place, shown)| Item { place, shown });
        let mut items: Vec<Item> = items.collect();
        items.sort_by(|one, other| one.place.cmp(&other.place));
        Self(items)
    }
}

#[async_trait]
impl Rows for Known {
    type Row = Item;

    async fn read(&self, _: &Directory, along: Stretch<&str>, limit: usize) -> Result<Part<Item>, DirectoryError> {
        let (found, has_more) = along.of(&self.0, limit, |item, place| item.place.as_str().cmp(place));
        let rows: Vec<Item> = found.into_iter().cloned().collect();
        let next = rows.last().filter(|_| has_more).map(|row| row.place.clone());
        Ok(Part { rows, next })
    }

    fn place(&self, row: &Item) -> String {
        row.place.clone()
    }

    fn is_place(&self, text: &str) -> bool {
        let is_known = |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
        !text.is_empty() && text.chars().all(is_known)
    }

    async fn shown(&self, _: &Directory, rows: &[Item], _: &Selection) -> Result<Vec<Object>, DirectoryError> {
        let object = |row: &Item| row.shown.as_object().cloned().unwrap_or_default();
        Ok(rows.iter().map(object).collect())
    }
}
