//! Whoever has a home group is a member of it for that reason, and nobody is such a member of another group. The edges of a
//! deleted group may stay for the moment until they are purged.

use async_trait::async_trait;

use crate::directory::DirectoryError;
use crate::directory::keys::{self, Table};
use crate::directory::verify::Report;
use crate::model::id::{GroupId, UserId};
use crate::model::membership::{Member, Membership};
use crate::model::origin::Origin;
use crate::model::user::User;
use crate::store::{Key, Versioned};

use super::{Invariant, View, readable};

/// The invariant.
pub struct Homes;

#[async_trait]
impl Invariant for Homes {
    fn name(&self) -> &'static str {
        "homes"
    }

    async fn verify(&self, view: &View<'_>, report: &mut Report) -> Result<(), DirectoryError> {
        self.users(view, report).await?;
        self.edges(view, report).await
    }
}

impl Homes {
    async fn users(&self, view: &View<'_>, report: &mut Report) -> Result<(), DirectoryError> {
        let organisation = view.organisation;
        let mut pages = view.under(&keys::table(organisation, Table::User));
        while let Some(entries) = pages.next(report).await? {
            let edge = |_: &Key, stored: &Versioned| {
                let home = readable::<User>(Some(stored)).and_then(|user| Some((user.id, user.home_group?)));
                home.map_or_else(Vec::new, |(user, group)| {
                    vec![
                        keys::group_member(organisation, group, Member::User(user)),
                        keys::purge(organisation, group),
                    ]
                })
            };
            for entry in view.together(entries, edge).await? {
                let [edge, purge] = entry.others.as_slice() else {
                    continue;
                };
                let edge = readable::<Membership>(edge.as_ref());
                let is_home = edge.is_some_and(|edge| edge.origins.contains(&Origin::Home));
                if !is_home && purge.is_none() {
                    let what = "has a home group and is not a member of it for that reason";
                    view.broken(report, self.name(), &entry.key, what).await;
                }
            }
        }
        Ok(())
    }

    async fn edges(&self, view: &View<'_>, report: &mut Report) -> Result<(), DirectoryError> {
        let organisation = view.organisation;
        let mut pages = view.under(&keys::table(organisation, Table::GroupMember));
        while let Some(mut entries) = pages.next(report).await? {
            let is_home = |stored: &Versioned| {
                readable::<Membership>(Some(stored)).is_some_and(|edge| edge.origins.contains(&Origin::Home))
            };
            entries.retain(|(_, stored)| is_home(stored));
            let user = |key: &Key, _: &Versioned| match keys::member_of(key) {
                Some(Member::User(user)) => vec![keys::user(organisation, user)],
                Some(Member::Group(_)) | None => Vec::new(),
            };
            for entry in view.together(entries, user).await? {
                let user = readable::<User>(entry.others.first().and_then(Option::as_ref));
                let of = |group: GroupId, user: UserId| keys::group_member(organisation, group, Member::User(user));
                let home = user.and_then(|user| Some(of(user.home_group?, user.id)));
                if home.as_ref() != Some(&entry.key) {
                    let what = "is a membership in a home group that is not the member's";
                    view.broken(report, self.name(), &entry.key, what).await;
                }
            }
        }
        Ok(())
    }
}
