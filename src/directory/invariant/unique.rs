//! Every unique name leads to a record that bears it, and every record holds its names: a user every login id.

use async_trait::async_trait;

use crate::directory::DirectoryError;
use crate::directory::keys::{self, Table};
use crate::directory::user::login::login_keys;
use crate::directory::user::parse_uuid;
use crate::directory::verify::Report;
use crate::model::group::Group;
use crate::model::id::{GroupId, UserId};
use crate::model::user::User;
use crate::store::{Key, Versioned};

use super::records::group_unique_keys;
use super::{Invariant, View, readable};

/// The invariant.
pub struct UniqueNames;

#[async_trait]
impl Invariant for UniqueNames {
    fn name(&self) -> &'static str {
        "unique"
    }

    async fn verify(&self, view: &View<'_>, report: &mut Report) -> Result<(), DirectoryError> {
        self.check_names(view, report).await?;
        self.check_users(view, report).await?;
        self.check_groups(view, report).await
    }
}

impl UniqueNames {
    async fn check_names(&self, view: &View<'_>, report: &mut Report) -> Result<(), DirectoryError> {
        let organisation = view.organisation;
        let mut pages = view.under(&keys::table(organisation, Table::Unique));
        while let Some(mut entries) = pages.next(report).await? {
            // Values of custom attributes are looked at with those.
            entries.retain(|(key, _)| !keys::is_custom_entry(key));
            let holders = |_: &Key, stored: &Versioned| {
                parse_uuid(&stored.value).map_or_else(Vec::new, |id| {
                    vec![
                        keys::user(organisation, UserId::new(id)),
                        keys::group(organisation, GroupId::new(id)),
                    ]
                })
            };
            for entry in view.together(entries, holders).await? {
                let user = readable::<User>(entry.others.first().and_then(Option::as_ref));
                let group = readable::<Group>(entry.others.get(1).and_then(Option::as_ref));
                let is_borne = user.is_some_and(|user| login_keys(organisation, &user).contains_key(&entry.key))
                    || group.is_some_and(|group| group_unique_keys(organisation, &group).contains(&entry.key));
                if !is_borne {
                    let what = "leads to no record that bears this name";
                    view.broken(report, self.name(), &entry.key, what).await;
                }
            }
        }
        Ok(())
    }

    async fn check_users(&self, view: &View<'_>, report: &mut Report) -> Result<(), DirectoryError> {
        let organisation = view.organisation;
        let mut pages = view.under(&keys::table(organisation, Table::User));
        while let Some(entries) = pages.next(report).await? {
            let name = |_: &Key, stored: &Versioned| {
                readable::<User>(Some(stored))
                    .map_or_else(Vec::new, |user| login_keys(organisation, &user).into_keys().collect())
            };
            for entry in view.together(entries, name).await? {
                self.compare(view, report, &entry.key, &entry.others).await;
            }
        }
        Ok(())
    }

    async fn check_groups(&self, view: &View<'_>, report: &mut Report) -> Result<(), DirectoryError> {
        let organisation = view.organisation;
        let mut pages = view.under(&keys::table(organisation, Table::Group));
        while let Some(entries) = pages.next(report).await? {
            let name = |_: &Key, stored: &Versioned| {
                readable::<Group>(Some(stored)).map_or_else(Vec::new, |group| group_unique_keys(organisation, &group))
            };
            for entry in view.together(entries, name).await? {
                self.compare(view, report, &entry.key, &entry.others).await;
            }
        }
        Ok(())
    }

    async fn compare(&self, view: &View<'_>, report: &mut Report, key: &Key, others: &[Option<Versioned>]) {
        // A record that cannot be read asks for no name and is reported elsewhere.
        for held in others {
            let holder = held.as_ref().and_then(|stored| parse_uuid(&stored.value));
            if holder != keys::last_uuid(key) {
                let what = match holder {
                    Some(other) => format!("does not hold its own name: {other} does"),
                    None => "does not hold its own name: nobody does".to_owned(),
                };
                view.broken(report, self.name(), key, what).await;
            }
        }
    }
}
