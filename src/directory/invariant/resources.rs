//! Resources are found by their name, type, owner and end; assignments are written both ways, alike, and lead to what is there.
//! Those of a deleted resource may stay for the moment until they are removed.

use std::collections::BTreeMap;

use async_trait::async_trait;

use crate::directory::DirectoryError;
use crate::directory::keys::{self, Assigned, Count, Table};
use crate::directory::membership::member_record;
use crate::directory::resource::expiry_key;
use crate::directory::user::parse_uuid;
use crate::directory::verify::Report;
use crate::model::id::{OrganisationId, ResourceId};
use crate::model::membership::Member;
use crate::model::resource::Resource;
use crate::store::{Key, Versioned};

use super::{Entry, Invariant, View, readable};

/// The invariant.
pub struct Resources;

#[async_trait]
impl Invariant for Resources {
    fn name(&self) -> &'static str {
        "resources"
    }

    async fn verify(&self, view: &View<'_>, report: &mut Report) -> Result<(), DirectoryError> {
        self.look(view, report, Table::Resource, beside_resource, judge_resource)
            .await?;
        self.look(view, report, Table::Assignment, beside_assignment, judge_assignment)
            .await?;
        self.look(view, report, Table::SubjectAssignment, beside_subject, judge_subject)
            .await
    }
}

/// What belongs to an entry.
type Beside = fn(OrganisationId, &Key, &Versioned) -> Vec<Key>;

/// What is wrong with it.
type Judge = fn(OrganisationId, &Entry) -> Option<&'static str>;

impl Resources {
    async fn look(
        &self,
        view: &View<'_>,
        report: &mut Report,
        table: Table,
        beside: Beside,
        judge: Judge,
    ) -> Result<(), DirectoryError> {
        let organisation = view.organisation;
        let mut pages = view.under(&keys::table(organisation, table));
        while let Some(entries) = pages.next(report).await? {
            let wanted = |key: &Key, stored: &Versioned| beside(organisation, key, stored);
            for entry in view.together(entries, wanted).await? {
                if let Some(what) = judge(organisation, &entry) {
                    view.broken(report, self.name(), &entry.key, what).await;
                }
            }
        }
        Ok(())
    }
}

fn is_record(organisation: OrganisationId, key: &Key) -> bool {
    key.as_bytes().starts_with(keys::resources(organisation).as_bytes())
}

/// Everything that a resource is found by.
fn found_by(organisation: OrganisationId, resource: &Resource) -> Vec<Key> {
    let mut keys = vec![
        keys::resource_name(organisation, &resource.type_, &resource.name),
        keys::resource_entry(organisation, &resource.type_, resource.id),
        keys::named(organisation, Table::ResourceType, &resource.type_),
    ];
    keys.extend(expiry_key(organisation, resource));
    if let Some(owner) = resource.owner {
        keys.push(keys::owned(organisation, owner, resource.id));
        keys.push(keys::user(organisation, owner));
    }
    keys
}

fn beside_resource(organisation: OrganisationId, key: &Key, stored: &Versioned) -> Vec<Key> {
    if is_record(organisation, key) {
        return readable::<Resource>(Some(stored)).map_or_else(Vec::new, |own| found_by(organisation, &own));
    }
    let id = if keys::is_resource_name(key) {
        parse_uuid(&stored.value)
    } else {
        keys::last_uuid(key)
    };
    let id = id.map(ResourceId::new);
    id.map(|id| keys::resource(organisation, id)).into_iter().collect()
}

fn judge_resource(organisation: OrganisationId, entry: &Entry) -> Option<&'static str> {
    if !is_record(organisation, &entry.key) {
        let resource = readable::<Resource>(entry.others.first().and_then(Option::as_ref));
        let leads = resource.is_some_and(|resource| found_by(organisation, &resource).contains(&entry.key));
        return (!leads).then_some("leads to no resource that is found by it");
    }
    let own = keys::last_uuid(&entry.key);
    let name = entry
        .others
        .first()?
        .as_ref()
        .and_then(|stored| parse_uuid(&stored.value));
    if name != own {
        return Some("does not hold its own name");
    }
    let is_found = entry.others.iter().all(Option::is_some);
    (!is_found).then_some("is not found by its type, its owner or its end")
}

fn beside_assignment(organisation: OrganisationId, key: &Key, _: &Versioned) -> Vec<Key> {
    keys::subject_of(key).map_or_else(Vec::new, |(id, subject)| {
        vec![
            keys::subject_assignment(organisation, subject, id),
            keys::resource(organisation, id),
            keys::closing_resource(organisation, id),
            member_record(organisation, subject),
        ]
    })
}

fn beside_subject(organisation: OrganisationId, key: &Key, _: &Versioned) -> Vec<Key> {
    match Assigned::read(key) {
        Some(Assigned::To(subject, id)) => vec![
            keys::assignment(organisation, id, subject),
            keys::resource(organisation, id),
            keys::closing_resource(organisation, id),
            member_record(organisation, subject),
        ],
        Some(Assigned::Owner(_, id)) => vec![keys::resource(organisation, id)],
        None => Vec::new(),
    }
}

fn judge_assignment(_: OrganisationId, entry: &Entry) -> Option<&'static str> {
    let [opposite, resource, closing, subject] = entry.others.as_slice() else {
        return Some("names no resource and no user or group");
    };
    match opposite {
        None => return Some("is written in one direction only"),
        Some(opposite) if opposite.value != entry.value.value => return Some("differs from its other direction"),
        Some(_) => {}
    }
    if resource.is_none() && closing.is_none() {
        return Some("is of a resource that does not exist");
    }
    subject.is_none().then_some("is of a user or group that does not exist")
}

fn judge_subject(organisation: OrganisationId, entry: &Entry) -> Option<&'static str> {
    match Assigned::read(&entry.key) {
        Some(Assigned::Owner(owner, _)) => {
            let resource = readable::<Resource>(entry.others.first().and_then(Option::as_ref));
            let is_owner = resource.is_some_and(|resource| resource.owner == Some(owner));
            (!is_owner).then_some("names an owner of a resource that is not theirs")
        }
        Some(Assigned::To(..)) | None => judge_assignment(organisation, entry),
    }
}

/// What the counters of resources ought to say.
///
/// # Errors
/// As the store's read.
pub(super) async fn count(
    view: &View<'_>,
    report: &Report,
    sums: &mut BTreeMap<Key, i64>,
) -> Result<(), DirectoryError> {
    let organisation = view.organisation;
    let mut add = |what: &Count| *sums.entry(keys::count(organisation, what)).or_default() += 1;
    let mut resources = view.under(&keys::resources(organisation));
    while let Some(entries) = resources.next(report).await? {
        for resource in entries
            .iter()
            .filter_map(|(_, stored)| readable::<Resource>(Some(stored)))
        {
            add(&Count::Resources(resource.type_));
        }
    }
    let mut assignments = view.under(&keys::table(organisation, Table::Assignment));
    while let Some(entries) = assignments.next(report).await? {
        for (id, subject) in entries.iter().filter_map(|(key, _)| keys::subject_of(key)) {
            add(&match subject {
                Member::User(_) => Count::ResourceUsers(id),
                Member::Group(_) => Count::ResourceGroups(id),
            });
        }
    }
    let mut subjects = view.under(&keys::table(organisation, Table::SubjectAssignment));
    while let Some(entries) = subjects.next(report).await? {
        for assigned in entries.iter().filter_map(|(key, _)| Assigned::read(key)) {
            add(&Count::Subject(match assigned {
                Assigned::To(subject, _) => subject,
                Assigned::Owner(owner, _) => Member::User(owner),
            }));
        }
    }
    Ok(())
}
