//! Saved views are those of somebody who is there, each with a name of its own.

use async_trait::async_trait;

use crate::directory::DirectoryError;
use crate::directory::keys::{self, Table};
use crate::directory::verify::Report;
use crate::model::view::Views;
use crate::store::{Key, Versioned};

use super::{Invariant, View, readable};

/// The invariant.
pub struct SavedViews;

#[async_trait]
impl Invariant for SavedViews {
    fn name(&self) -> &'static str {
        "views"
    }

    async fn verify(&self, view: &View<'_>, report: &mut Report) -> Result<(), DirectoryError> {
        let organisation = view.organisation;
        let mut pages = view.under(&keys::table(organisation, Table::View));
        while let Some(entries) = pages.next(report).await? {
            let owner = |key: &Key, _: &Versioned| {
                let owner = keys::people::views_owner(key);
                vec![owner.map_or_else(
                    || keys::organisation(organisation),
                    |user| keys::user(organisation, user),
                )]
            };
            for entry in view.together(entries, owner).await? {
                if entry.others.iter().any(Option::is_none) {
                    let what = "are the views of somebody who is not there";
                    view.broken(report, self.name(), &entry.key, what).await;
                }
                let views = readable::<Views>(Some(&entry.value)).unwrap_or_default().views;
                let is_doubled = views.iter().enumerate().any(|(at, one)| {
                    let mut others = views.iter().skip(at + 1);
                    others.any(|other| one.id == other.id || one.says.is_named(other.says.list, &other.says.name))
                });
                if is_doubled {
                    let what = "hold two views of one name or identifier";
                    view.broken(report, self.name(), &entry.key, what).await;
                }
            }
        }
        Ok(())
    }
}
