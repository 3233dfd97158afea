//! What runs left as it was, and what a held plan would change, as lists show them. Their places are no members of their items.

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use crate::admin::listing::Item;
use crate::directory::select::{Part, Rows};
use crate::directory::stretch::Stretch;
use crate::directory::{Directory, DirectoryError, keys};
use crate::model::Object;
use crate::model::id::OrganisationId;
use crate::model::selection::Selection;
use crate::model::slug::Slug;
use crate::provision::failure::list::{self, Listed};
use crate::provision::held::HeldPlan;
use crate::provision::held::kept::{self, At};
use crate::store::Key;

/// The failure list of a connection: groups first, then people, each in the order of their identifiers.
pub(super) struct Failures {
    pub(super) organisation: OrganisationId,
    pub(super) connection: Slug,
}

impl Failures {
    fn prefix(&self) -> Key {
        keys::failures(self.organisation, &self.connection)
    }

    /// The key behind a place: what follows the list's own.
    fn key(&self, place: &str) -> Option<Key> {
        let rest = URL_SAFE_NO_PAD.decode(place).ok()?;
        Some(Key::new([self.prefix().as_bytes(), rest.as_slice()].concat()))
    }
}

#[async_trait]
impl Rows for Failures {
    type Row = Item;

    async fn read(&self, directory: &Directory, along: Stretch<&str>, limit: usize) -> Result<Part<Item>, DirectoryError> {
        let along = along.and_then(|place| self.key(place));
        let found = list::page(directory, self.organisation, &self.connection, along, limit).await?;
        let start = self.prefix().as_bytes().len();
        let item = |(key, listed): (Key, Listed)| {
            let mut shown = json!(listed.failure);
            shown["since"] = json!(listed.since);
            shown["text"] = json!(listed.failure.reason.to_string());
            Item {
                place: URL_SAFE_NO_PAD.encode(&key.as_bytes()[start..]),
                shown,
            }
        };
        Ok(part(found.into_iter().map(item).collect(), limit))
    }

    fn place(&self, row: &Item) -> String {
        row.place.clone()
    }

    fn is_place(&self, text: &str) -> bool {
        self.key(text).is_some()
    }

    async fn shown(&self, _: &Directory, rows: &[Item], _: &Selection) -> Result<Vec<Object>, DirectoryError> {
        Ok(objects(rows))
    }
}

/// The differences of a plan that is held, in its order.
pub(super) struct Differences {
    pub(super) organisation: OrganisationId,
    pub(super) connection: Slug,
    pub(super) held: HeldPlan,
}

impl Differences {
    /// A cursor of a plan that was replaced meanwhile leads nowhere.
    fn at(&self, place: &str) -> Option<At> {
        let (part, place) = place.strip_prefix(&self.held.hash)?.strip_prefix('.')?.split_once('.')?;
        Some((part.parse().ok()?, place.parse().ok()?))
    }
}

#[async_trait]
impl Rows for Differences {
    type Row = Item;

    async fn read(&self, directory: &Directory, along: Stretch<&str>, limit: usize) -> Result<Part<Item>, DirectoryError> {
        let along = along.and_then(|place| self.at(place));
        let found = kept::differences(
            directory,
            self.organisation,
            &self.connection,
            &self.held,
            along,
            limit,
        )
        .await?;
        // Numbers as wide as any: texts of places are in the order of the places.
        let items = found.iter().map(|((part, place), difference)| Item {
            place: format!("{}.{part:010}.{place:010}", self.held.hash),
            shown: json!(difference),
        });
        Ok(part(items.collect(), limit))
    }

    fn place(&self, row: &Item) -> String {
        row.place.clone()
    }

    fn is_place(&self, text: &str) -> bool {
        self.at(text).is_some()
    }

    async fn shown(&self, _: &Directory, rows: &[Item], _: &Selection) -> Result<Vec<Object>, DirectoryError> {
        Ok(objects(rows))
    }
}

/// Rows of which there are fewer than were asked for only at the end of the list.
fn part(rows: Vec<Item>, limit: usize) -> Part<Item> {
    let last = rows.last().filter(|_| rows.len() >= limit);
    let next = last.map(|row| row.place.clone());
    Part { rows, next }
}

fn objects(rows: &[Item]) -> Vec<Object> {
    let object = |row: &Item| row.shown.as_object().cloned().unwrap_or_default();
    rows.iter().map(object).collect()
}
