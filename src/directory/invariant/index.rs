//! Every index entry leads to a user who has that value, and every user is found by each of theirs.

use async_trait::async_trait;

use crate::directory::DirectoryError;
use crate::directory::keys::{self, Table};
use crate::directory::user::index_entries;
use crate::directory::verify::Report;
use crate::model::id::UserId;
use crate::model::user::User;
use crate::store::{Key, Versioned};

use super::{Invariant, View, readable};

/// The invariant.
pub struct Indexes;

#[async_trait]
impl Invariant for Indexes {
    fn name(&self) -> &'static str {
        "index"
    }

    async fn verify(&self, view: &View<'_>, report: &mut Report) -> Result<(), DirectoryError> {
        let organisation = view.organisation;
        let mut pages = view.under(&keys::table(organisation, Table::Index));
        while let Some(mut entries) = pages.next(report).await? {
            // Values of custom attributes are looked at with those.
            entries.retain(|(key, _)| !keys::is_custom_entry(key));
            let user = |key: &Key, _: &Versioned| {
                keys::last_uuid(key).map_or_else(Vec::new, |id| vec![keys::user(organisation, UserId::new(id))])
            };
            for entry in view.together(entries, user).await? {
                let user = readable::<User>(entry.others.first().and_then(Option::as_ref));
                if !user.is_some_and(|user| index_entries(organisation, &user).contains(&entry.key)) {
                    let what = "leads to no user who has this value";
                    view.broken(report, self.name(), &entry.key, what).await;
                }
            }
        }
        self.check_users(view, report).await
    }
}

impl Indexes {
    async fn check_users(&self, view: &View<'_>, report: &mut Report) -> Result<(), DirectoryError> {
        let organisation = view.organisation;
        let wanted = |user: &User| index_entries(organisation, user).into_iter().collect::<Vec<Key>>();
        let mut pages = view.under(&keys::table(organisation, Table::User));
        while let Some(entries) = pages.next(report).await? {
            let keys = |_: &Key, stored: &Versioned| {
                readable::<User>(Some(stored)).map_or_else(Vec::new, |user| wanted(&user))
            };
            for entry in view.together(entries, keys).await? {
                let missing = entry.others.iter().filter(|found| found.is_none()).count();
                if missing > 0 {
                    let what = format!("is not found by {missing} of its {} values", entry.others.len());
                    view.broken(report, self.name(), &entry.key, what).await;
                }
            }
        }
        Ok(())
    }
}
