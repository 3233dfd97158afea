//! What follows from the links between roles and groups is there, and nothing that does not: every derived edge has a living
//! origin. While links are still being followed there is nothing to judge.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;

use crate::directory::DirectoryError;
use crate::directory::keys::{self, Table};
use crate::directory::verify::Report;
use crate::model::group::Group;
use crate::model::id::{GroupId, UserId};
use crate::model::membership::{Member, Membership};
use crate::model::origin::{Origin, Origins};
use crate::model::role::Role;
use crate::model::role_link::{Held, Links, is_given, is_linked};
use crate::model::slug::Slug;
use crate::model::user::User;
use crate::store::Key;

use super::{Invariant, PATIENCE, View, readable};

/// The invariant.
pub struct RoleLinks;

#[async_trait]
impl Invariant for RoleLinks {
    fn name(&self) -> &'static str {
        "role links"
    }

    async fn verify(&self, view: &View<'_>, report: &mut Report) -> Result<(), DirectoryError> {
        let organisation = view.organisation;
        if is_pending(view, report).await? {
            let note = format!("links of roles and groups of organisation {organisation} are still being followed");
            report.note(note).await;
            return Ok(());
        }
        let links = links(view, report).await?;
        if !links.is_empty() {
            let mut pages = view.under(&keys::table(organisation, Table::User));
            while let Some(entries) = pages.next(report).await? {
                for id in entries.iter().filter_map(|(key, _)| keys::last_uuid(key)) {
                    self.judge(view, report, UserId::new(id), &links).await?;
                }
            }
            return Ok(());
        }
        self.strays(view, report).await
    }
}

impl RoleLinks {
    /// Without any link nothing can follow from one.
    async fn strays(&self, view: &View<'_>, report: &mut Report) -> Result<(), DirectoryError> {
        let organisation = view.organisation;
        let mut users = view.under(&keys::table(organisation, Table::User));
        while let Some(entries) = users.next(report).await? {
            for (key, stored) in &entries {
                let user = readable::<User>(Some(stored));
                let strays = |user: &User| user.roles.values().flatten().any(is_given) || !gifts(user).is_empty();
                if let (true, Some(id)) = (user.is_some_and(|user| strays(&user)), keys::last_uuid(key)) {
                    self.judge(view, report, UserId::new(id), &All::default()).await?;
                }
            }
        }
        let mut edges = view.under(&keys::table(organisation, Table::GroupMember));
        while let Some(entries) = edges.next(report).await? {
            for (key, stored) in &entries {
                let edge = readable::<Membership>(Some(stored));
                let is_stray = edge.is_some_and(|edge| edge.origins.iter().any(is_linked));
                if let (true, Some(Member::User(id))) = (is_stray, keys::member_of(key)) {
                    self.judge(view, report, id, &All::default()).await?;
                }
            }
        }
        Ok(())
    }

    /// One user. What does not agree with the links as they were read first is looked at again with those of the present, and
    /// can be judged when the user and the user's groups did not change meanwhile.
    async fn judge(&self, view: &View<'_>, report: &mut Report, id: UserId, known: &All) -> Result<(), DirectoryError> {
        let organisation = view.organisation;
        let member = Member::User(id);
        let user_key = keys::user(organisation, id);
        let marks = vec![user_key.clone(), keys::member_changes(organisation, member)];
        for _ in 0..PATIENCE {
            let before = view.get_many(marks.clone()).await?;
            let Some(user) = readable::<User>(before.first().and_then(Option::as_ref)) else {
                return Ok(());
            };
            let gifts = gifts(&user);
            let held = Held {
                roles: user.roles,
                groups: groups(view, report, member).await?,
            };
            if known.is_followed(&held, &gifts) {
                return Ok(());
            }
            let links = links(view, report).await?;
            let after = view.get_many(marks.clone()).await?;
            let version = |stored: &Option<crate::store::Versioned>| stored.as_ref().map(|stored| stored.version);
            let is_steady = before.iter().map(version).eq(after.iter().map(version));
            if is_pending(view, report).await? || report.is_unheard() {
                return Ok(());
            }
            if links.is_followed(&held, &gifts) {
                return Ok(());
            }
            if is_steady {
                let what = "has a role, a membership or a licence that follows from no link, or lacks one that does";
                view.broken(report, self.name(), &user_key, what).await;
                return Ok(());
            }
        }
        Ok(())
    }
}

async fn is_pending(view: &View<'_>, report: &Report) -> Result<bool, DirectoryError> {
    // What a deleted group gave is taken back together with its edges.
    for table in [Table::RoleLink, Table::Purge] {
        let mut pages = view.under(&keys::table(view.organisation, table));
        if pages.next(report).await?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A user's groups that are there, with the reasons.
async fn groups(
    view: &View<'_>,
    report: &Report,
    member: Member,
) -> Result<BTreeMap<GroupId, Origins>, DirectoryError> {
    let organisation = view.organisation;
    let mut held = BTreeMap::new();
    let mut pages = view.under(&keys::member_groups(organisation, member));
    while let Some(entries) = pages.next(report).await? {
        let group = |key: &Key, _: &crate::store::Versioned| {
            let id = keys::last_uuid(key).map(GroupId::new);
            id.map_or_else(Vec::new, |id| vec![keys::group(organisation, id)])
        };
        for entry in view.together(entries, group).await? {
            let is_there = entry.others.first().is_some_and(Option::is_some);
            let edge = readable::<Membership>(Some(&entry.value)).filter(|_| is_there);
            if let (Some(edge), Some(id)) = (edge, keys::last_uuid(&entry.key)) {
                held.insert(GroupId::new(id), edge.origins);
            }
        }
    }
    Ok(held)
}

/// Every link of the organisation whose ends are there.
#[derive(Default)]
struct All {
    links: Links,
    /// The licences that a group gives its members. Whoever finds no seat has the licence all the same, and stands in its queue.
    licences: BTreeMap<GroupId, BTreeSet<Slug>>,
    /// The licence that comes with a role.
    seats: BTreeMap<Slug, Slug>,
}

impl All {
    fn is_empty(&self) -> bool {
        self.links.given.is_empty() && self.links.linked.is_empty() && self.licences.is_empty() && self.seats.is_empty()
    }

    /// Whether somebody has what follows from the links, and nothing else that is said to.
    fn is_followed(&self, held: &Held, gifts: &BTreeSet<(Origin, Slug)>) -> bool {
        let of_groups = held.groups.keys().flat_map(|group| {
            let licences = self.licences.get(group).into_iter().flatten();
            licences.map(|licence| (Origin::Group(*group), licence.clone()))
        });
        let of_roles = held.roles.keys().filter_map(|role| {
            let licence = self.seats.get(role)?;
            Some((Origin::Role(role.clone()), licence.clone()))
        });
        held.settled(&self.links) == *held && of_groups.chain(of_roles).collect::<BTreeSet<_>>() == *gifts
    }
}

/// The licences that a user has because of groups and roles, each with the reason.
fn gifts(user: &User) -> BTreeSet<(Origin, Slug)> {
    let claims = user.licences.iter();
    let all = claims.flat_map(|(licence, claim)| claim.origins.iter().map(move |origin| (origin, licence)));
    all.filter(|(origin, _)| is_given(origin) || is_linked(origin))
        .map(|(origin, licence)| (origin.clone(), licence.clone()))
        .collect()
}

async fn links(view: &View<'_>, report: &Report) -> Result<All, DirectoryError> {
    let organisation = view.organisation;
    let All {
        mut links,
        mut licences,
        mut seats,
    } = All::default();
    let mut known = BTreeSet::new();
    let mut roles = view.under(&keys::table(organisation, Table::Role));
    while let Some(entries) = roles.next(report).await? {
        for role in entries.iter().filter_map(|(_, stored)| readable::<Role>(Some(stored))) {
            known.insert(role.key.clone());
            seats.extend(role.seat_taken().map(|licence| (role.key.clone(), licence.clone())));
            if !role.linked_groups.is_empty() {
                links.linked.insert(role.key, role.linked_groups);
            }
        }
    }
    let mut there = BTreeSet::new();
    let mut groups = view.under(&keys::table(organisation, Table::Group));
    while let Some(entries) = groups.next(report).await? {
        for mut group in entries.iter().filter_map(|(_, stored)| readable::<Group>(Some(stored))) {
            there.insert(group.id);
            if !group.grants_licences.is_empty() {
                licences.insert(group.id, group.grants_licences);
            }
            group.grants_roles.retain(|role| known.contains(role));
            if !group.grants_roles.is_empty() {
                links.given.insert(group.id, group.grants_roles);
            }
        }
    }
    for linked in links.linked.values_mut() {
        linked.retain(|group| there.contains(group));
    }
    Ok(All { links, licences, seats })
}
