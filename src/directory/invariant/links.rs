//! Every link leads to a user or group that carries the external identifier, and every external identifier has its link.

use std::collections::BTreeMap;

use async_trait::async_trait;

use crate::directory::DirectoryError;
use crate::directory::keys::{self, Table};
use crate::directory::link::Link;
use crate::directory::verify::Report;
use crate::model::group::Group;
use crate::model::id::{GroupId, OrganisationId, UserId};
use crate::model::slug::Slug;
use crate::model::user::User;
use crate::store::{Key, Versioned};

use super::{Entry, Invariant, View, readable};

/// The invariant.
pub struct Links;

#[async_trait]
impl Invariant for Links {
    fn name(&self) -> &'static str {
        "links"
    }

    async fn verify(&self, view: &View<'_>, report: &mut Report) -> Result<(), DirectoryError> {
        let organisation = view.organisation;
        let mut pages = view.under(&keys::table(organisation, Table::Link));
        while let Some(entries) = pages.next(report).await? {
            let ends = |_: &Key, stored: &Versioned| {
                readable::<Link>(Some(stored)).map_or_else(Vec::new, |link| {
                    vec![
                        keys::user(organisation, UserId::new(link.id)),
                        keys::group(organisation, GroupId::new(link.id)),
                    ]
                })
            };
            for entry in view.together(entries, ends).await? {
                if !entry.others.is_empty() && !is_carried(organisation, &entry) {
                    let what = "leads to nobody who carries this external identifier";
                    view.broken(report, self.name(), &entry.key, what).await;
                }
            }
        }
        let user = |stored: &Versioned| {
            readable::<User>(Some(stored)).map(|user| links(organisation, b'u', &user.external_ids))
        };
        self.check_records(view, report, Table::User, user).await?;
        let group = |stored: &Versioned| {
            readable::<Group>(Some(stored)).map(|group| links(organisation, b'g', &group.external_ids))
        };
        self.check_records(view, report, Table::Group, group).await
    }
}

impl Links {
    async fn check_records(
        &self,
        view: &View<'_>,
        report: &mut Report,
        table: Table,
        links: impl Fn(&Versioned) -> Option<Vec<Key>> + Send + Sync,
    ) -> Result<(), DirectoryError> {
        let mut pages = view.under(&keys::table(view.organisation, table));
        while let Some(entries) = pages.next(report).await? {
            let wanted = |_: &Key, stored: &Versioned| links(stored).unwrap_or_default();
            for entry in view.together(entries, wanted).await? {
                let own = keys::last_uuid(&entry.key);
                let is_linked = |found: &Option<Versioned>| {
                    readable::<Link>(found.as_ref()).is_some_and(|link| Some(link.id) == own)
                };
                if !entry.others.iter().all(is_linked) {
                    let what = "carries an external identifier that does not lead to it";
                    view.broken(report, self.name(), &entry.key, what).await;
                }
            }
        }
        Ok(())
    }
}

fn links(organisation: OrganisationId, kind: u8, external_ids: &BTreeMap<Slug, String>) -> Vec<Key> {
    external_ids
        .iter()
        .map(|(connection, external_id)| keys::link(organisation, connection, kind, external_id))
        .collect()
}

fn is_carried(organisation: OrganisationId, entry: &Entry) -> bool {
    let user = readable::<User>(entry.others.first().and_then(Option::as_ref));
    let group = readable::<Group>(entry.others.get(1).and_then(Option::as_ref));
    let users = user.map(|user| links(organisation, b'u', &user.external_ids));
    let groups = group.map(|group| links(organisation, b'g', &group.external_ids));
    users.into_iter().chain(groups).flatten().any(|key| key == entry.key)
}
