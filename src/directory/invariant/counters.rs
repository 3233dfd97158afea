//! Every counter equals what it counts: users, groups, members of each group, seats, people who wait, people linked, resources and
//! their assignments.

use std::collections::BTreeMap;

use async_trait::async_trait;

use crate::directory::DirectoryError;
use crate::directory::custom_attribute;
use crate::directory::keys::{self, Count, Table};
use crate::directory::unit::parse_counter;
use crate::directory::verify::Report;
use crate::model::custom_attribute::Bearer;
use crate::model::group::Group;
use crate::model::id::{GroupId, OrganisationId};
use crate::model::mail::MailState;
use crate::model::role::Role;
use crate::model::user::User;
use crate::store::{Key, Version, Versioned};

use super::{Invariant, PATIENCE, View, readable, resources};

/// The invariant.
pub struct Counters;

#[async_trait]
impl Invariant for Counters {
    fn name(&self) -> &'static str {
        "counters"
    }

    async fn verify(&self, view: &View<'_>, report: &mut Report) -> Result<(), DirectoryError> {
        self.sums(view, report).await?;
        self.members(view, report).await?;
        self.strays(view, report).await
    }
}

/// Bytes of a counter's key before the letter that says what it counts.
const TAG_AT: usize = 18;

/// The letter of the counters of group members, which there are many of.
const MEMBERS: u8 = b'm';

impl Counters {
    /// The counters of the whole organisation. They can be judged when no event came while everything was counted.
    async fn sums(&self, view: &View<'_>, report: &mut Report) -> Result<(), DirectoryError> {
        // The outbox changes without an event when a mail has gone.
        let outbox = MailState::ALL.map(|state| keys::count(view.organisation, &Count::Mail(state)));
        let marks: Vec<Key> = outbox.into_iter().chain([keys::events(view.organisation)]).collect();
        for _ in 0..PATIENCE {
            let before = versions(view, marks.clone()).await?;
            let expected = count(view, report).await?;
            let stored = stored(view, report).await?;
            if report.is_unheard() {
                return Ok(());
            }
            if versions(view, marks.clone()).await? == before {
                return self.compare(view, report, &expected, &stored).await;
            }
        }
        let note = format!(
            "the counters of organisation {} could not be compared: it changes too fast; stop the gateway and verify again",
            view.organisation
        );
        report.note(note).await;
        Ok(())
    }

    async fn compare(
        &self,
        view: &View<'_>,
        report: &mut Report,
        expected: &BTreeMap<Key, i64>,
        stored: &BTreeMap<Key, i64>,
    ) -> Result<(), DirectoryError> {
        let all: std::collections::BTreeSet<&Key> = expected.keys().chain(stored.keys()).collect();
        for key in all {
            let of = |counts: &BTreeMap<Key, i64>| counts.get(key).copied().unwrap_or_default();
            if of(expected) != of(stored) {
                let what = format!("says {} and there are {}", of(stored), of(expected));
                view.broken(report, self.name(), key, what).await;
            }
        }
        Ok(())
    }

    async fn members(&self, view: &View<'_>, report: &mut Report) -> Result<(), DirectoryError> {
        let mut pages = view.under(&keys::table(view.organisation, Table::Group));
        while let Some(entries) = pages.next(report).await? {
            for id in entries.iter().filter_map(|(key, _)| keys::last_uuid(key)) {
                self.members_of(view, report, GroupId::new(id)).await?;
            }
        }
        Ok(())
    }

    /// One group's counter. It can be judged when the group's members did not change while they were counted.
    async fn members_of(&self, view: &View<'_>, report: &mut Report, group: GroupId) -> Result<(), DirectoryError> {
        let organisation = view.organisation;
        let counter = keys::count(organisation, &Count::Members(group));
        let marks = vec![
            keys::group(organisation, group),
            keys::group_changes(organisation, group),
            counter.clone(),
        ];
        for _ in 0..PATIENCE {
            let before = versions(view, marks.clone()).await?;
            let mut members: i64 = 0;
            let mut pages = view.under(&keys::group_members(organisation, group));
            while let Some(entries) = pages.next(report).await? {
                members += i64::try_from(entries.len()).unwrap_or(i64::MAX);
            }
            let now = view.get_many(marks.clone()).await?;
            if report.is_unheard() || now.first().is_none_or(Option::is_none) {
                return Ok(());
            }
            if now.iter().map(version).eq(before) {
                let stored = now.last().and_then(Option::as_ref);
                let stored = stored.map_or(Ok(0), |stored| parse_counter(&counter, &stored.value));
                // A counter that is no number is reported with the records.
                if let Some(stored) = stored.ok().filter(|stored| *stored != members) {
                    let what = format!("says {stored} and there are {members}");
                    view.broken(report, self.name(), &counter, what).await;
                }
                return Ok(());
            }
        }
        report
            .note(format!(
                "the members of group {group} could not be counted: they change too fast"
            ))
            .await;
        Ok(())
    }

    /// Counters of groups that are gone for good.
    async fn strays(&self, view: &View<'_>, report: &mut Report) -> Result<(), DirectoryError> {
        let organisation = view.organisation;
        let mut pages = view.under(&keys::table(organisation, Table::Count));
        while let Some(mut entries) = pages.next(report).await? {
            entries.retain(|(key, _)| is_of_members(key));
            let group = |key: &Key, _: &Versioned| {
                keys::last_uuid(key).map(GroupId::new).map_or_else(Vec::new, |group| {
                    vec![keys::group(organisation, group), keys::purge(organisation, group)]
                })
            };
            for entry in view.together(entries, group).await? {
                if entry.others.iter().all(Option::is_none) {
                    let what = "counts the members of a group that does not exist";
                    view.broken(report, self.name(), &entry.key, what).await;
                }
            }
        }
        Ok(())
    }
}

fn is_of_members(key: &Key) -> bool {
    key.as_bytes().get(TAG_AT) == Some(&MEMBERS)
}

fn version(stored: &Option<Versioned>) -> Option<Version> {
    stored.as_ref().map(|stored| stored.version)
}

async fn versions(view: &View<'_>, keys: Vec<Key>) -> Result<Vec<Option<Version>>, DirectoryError> {
    Ok(view.get_many(keys).await?.iter().map(version).collect())
}

/// What the counters ought to say.
async fn count(view: &View<'_>, report: &Report) -> Result<BTreeMap<Key, i64>, DirectoryError> {
    let organisation = view.organisation;
    let mut sums = BTreeMap::new();
    let mut users = view.under(&keys::table(organisation, Table::User));
    while let Some(entries) = users.next(report).await? {
        for (_, stored) in &entries {
            add(&mut sums, organisation, &Count::Users);
            if let Some(user) = readable::<User>(Some(stored)) {
                count_user(&mut sums, organisation, &user);
                for what in custom_attribute::counters(Bearer::User, &user.attributes) {
                    add(&mut sums, organisation, &what);
                }
            }
        }
    }
    for state in MailState::ALL {
        let mut mails = view.under(&keys::mail::mails(organisation, state));
        while let Some(entries) = mails.next(report).await? {
            for _ in &entries {
                add(&mut sums, organisation, &Count::Mail(state));
            }
        }
    }
    let mut groups = view.under(&keys::table(organisation, Table::Group));
    while let Some(entries) = groups.next(report).await? {
        for (_, stored) in &entries {
            add(&mut sums, organisation, &Count::Groups);
            if let Some(group) = readable::<Group>(Some(stored)) {
                for what in custom_attribute::counters(Bearer::Group, &group.attributes) {
                    add(&mut sums, organisation, &what);
                }
                if group.level() > 1 {
                    add(&mut sums, organisation, &Count::Level(group.level()));
                }
            }
        }
    }
    let mut roles = view.under(&keys::table(organisation, Table::Role));
    while let Some(entries) = roles.next(report).await? {
        for role in entries.iter().filter_map(|(_, stored)| readable::<Role>(Some(stored))) {
            for group in role.linked_groups {
                add(&mut sums, organisation, &Count::RolesLinked(group));
            }
        }
    }
    resources::count(view, report, &mut sums).await?;
    Ok(sums)
}

fn count_user(sums: &mut BTreeMap<Key, i64>, organisation: OrganisationId, user: &User) {
    for (key, claim) in &user.licences {
        if let Some(pool) = claim.pool(key) {
            add(sums, organisation, &Count::Seats(pool.clone()));
        }
        if claim.is_queued() {
            add(sums, organisation, &Count::Waiting(key.clone()));
        }
    }
    for role in user.roles.keys() {
        add(sums, organisation, &Count::RoleHolders(role.clone()));
    }
    for connection in user.connections() {
        add(sums, organisation, &Count::Linked(connection.clone()));
    }
}

fn add(sums: &mut BTreeMap<Key, i64>, organisation: OrganisationId, what: &Count) {
    *sums.entry(keys::count(organisation, what)).or_default() += 1;
}

/// What they say. Those of group members are looked at one by one.
async fn stored(view: &View<'_>, report: &Report) -> Result<BTreeMap<Key, i64>, DirectoryError> {
    let mut counters = BTreeMap::new();
    let mut pages = view.under(&keys::table(view.organisation, Table::Count));
    while let Some(entries) = pages.next(report).await? {
        for (key, stored) in entries.into_iter().filter(|(key, _)| !is_of_members(key)) {
            // One that is no number is reported with the records, and here as nothing.
            let number = parse_counter(&key, &stored.value).unwrap_or_default();
            counters.insert(key, number);
        }
    }
    Ok(counters)
}
