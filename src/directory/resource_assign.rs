//! Assignments of resources to users and groups side by side (S000-6, S000-11, S001-39..44).
//!
//! Only these direct ones are stored. What the members of a group have through it is derived when it is read (see
//! [`super::resource_read`]): never stored, so joining costs nothing.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::model::event::EventKind;
use crate::model::id::{GroupId, ResourceId};
use crate::model::membership::Member;
use crate::model::resource::{Assignable, Assignment, Resource, ResourceType};

use super::keys::{self, Assigned, Count};
use super::membership::member_text;
use super::{Directory, DirectoryError, Operation, Permit, Unit};
use crate::store::{SCAN_ENTRIES_MAX, Scan};

/// Users and groups that one request may name.
pub const SUBJECTS_AT_ONCE: usize = 500;

/// Resources that one request may take from a group.
pub const RESOURCES_AT_ONCE: usize = 500;

/// Resources that one user or group may be assigned to directly, or own: all of them go in the commit that deletes it.
pub const RESOURCES_MAX: i64 = 1000;

/// Assigns a resource, or changes what the assignments say.
pub struct AssignResource {
    /// Which.
    pub resource: ResourceId,
    /// To whom.
    pub subjects: Vec<Member>,
    /// What the assignments say.
    pub attributes: Map<String, Value>,
}

#[async_trait::async_trait]
impl Operation for AssignResource {
    /// Those for whom something changed.
    type Outcome = Vec<Member>;

    async fn attempt(&self, unit: &mut Unit) -> Result<Vec<Member>, DirectoryError> {
        check_count(&self.subjects)?;
        let organisation = unit.organisation();
        let key = keys::resource(organisation, self.resource);
        let resource: Option<Resource> = unit.find_present(&key).await?;
        let resource = resource.ok_or_else(|| DirectoryError::not_found("resource", self.resource))?;
        let type_ = unit.load_resource_type(&resource.type_).await?;
        type_
            .check_attributes(&self.attributes)
            .map_err(|(place, reason)| DirectoryError::invalid(place, reason))?;
        let subjects: BTreeSet<Member> = self.subjects.iter().copied().collect();
        let mut changed = Vec::new();
        for subject in subjects {
            check_kind(&type_, subject)?;
            let key = keys::assignment(organisation, self.resource, subject);
            let before: Option<Assignment> = unit.find(&key).await?;
            if before
                .as_ref()
                .is_some_and(|before| before.attributes == self.attributes)
            {
                continue;
            }
            let is_new = before.is_none();
            let after = Assignment {
                attributes: self.attributes.clone(),
                since: before.map_or_else(|| unit.now(), |before| before.since),
            };
            if is_new {
                self.add(unit, &type_, &resource, subject).await?;
            }
            unit.put(keys::subject_assignment(organisation, subject, self.resource), &after);
            unit.put(key, &after);
            changed.push(subject);
        }
        unit.note_assignments(EventKind::ResourceAssigned, self.resource, &changed);
        Ok(changed)
    }
}

impl AssignResource {
    async fn add(
        &self,
        unit: &mut Unit,
        type_: &ResourceType,
        resource: &Resource,
        subject: Member,
    ) -> Result<(), DirectoryError> {
        if !unit.is_known(subject).await? {
            let kind = match subject {
                Member::User(_) => "user",
                Member::Group(_) => "group",
            };
            return Err(DirectoryError::not_found(kind, member_text(subject)));
        }
        let count = assigned_count(unit, self.resource, subject);
        if type_.exclusive {
            // "Nobody has it" is relied on: somebody who takes it at the same time is a conflict.
            unit.bytes(&count).await?;
            if unit.counter(&count).await? > 0 {
                return Err(DirectoryError::Uniqueness {
                    attribute: type_.key.to_string().into(),
                    value: resource.name.clone(),
                });
            }
        }
        unit.count(count, 1, None);
        unit.count_subject(subject).await
    }
}

/// Takes a resource from users and groups (S000-16, S001-14). What a user has through a group stays.
pub struct UnassignResource {
    /// Which.
    pub resource: ResourceId,
    /// From whom.
    pub subjects: Vec<Member>,
}

#[async_trait::async_trait]
impl Operation for UnassignResource {
    type Outcome = ();

    async fn attempt(&self, unit: &mut Unit) -> Result<(), DirectoryError> {
        check_count(&self.subjects)?;
        let organisation = unit.organisation();
        let key = keys::resource(organisation, self.resource);
        if unit.find_present::<Resource>(&key).await?.is_none() {
            return Err(DirectoryError::not_found("resource", self.resource));
        }
        let subjects: BTreeSet<Member> = self.subjects.iter().copied().collect();
        for subject in &subjects {
            if !unit.remove_assignment(self.resource, *subject).await? {
                return Err(DirectoryError::not_found("assignment", member_text(*subject)));
            }
        }
        let gone: Vec<Member> = subjects.into_iter().collect();
        unit.note_assignments(EventKind::ResourceUnassigned, self.resource, &gone);
        Ok(())
    }
}

/// Takes several resources from one group at once, all of them or none (S001-43). What its members have for another reason stays.
pub struct WithdrawResources {
    /// From which.
    pub group: GroupId,
    /// Which; one that is named twice counts once.
    pub resources: Vec<ResourceId>,
}

#[async_trait::async_trait]
impl Operation for WithdrawResources {
    /// Those that were taken, in the order of their creation.
    type Outcome = Vec<ResourceId>;

    async fn attempt(&self, unit: &mut Unit) -> Result<Vec<ResourceId>, DirectoryError> {
        let resources: BTreeSet<ResourceId> = self.resources.iter().copied().collect();
        match resources.len() {
            0 => return Err(DirectoryError::invalid("resources", "must name at least one")),
            count if count > RESOURCES_AT_ONCE => {
                let reason = format!("{count} are too many, at most {RESOURCES_AT_ONCE} at once: send them in parts");
                return Err(DirectoryError::invalid("resources", reason));
            }
            _ => {}
        }
        let subject = Member::Group(self.group);
        if !unit.is_known(subject).await? {
            return Err(DirectoryError::not_found("group", self.group));
        }
        for resource in &resources {
            if !unit.remove_assignment(*resource, subject).await? {
                return Err(DirectoryError::not_found("assignment", resource));
            }
            unit.note_assignments(EventKind::ResourceUnassigned, *resource, &[subject]);
        }
        Ok(resources.into_iter().collect())
    }
}

impl Directory {
    /// Plays the withdrawal through and changes nothing: which resources would be taken.
    ///
    /// # Errors
    /// What the withdrawal itself would be refused for.
    pub async fn rehearse_withdrawal(
        &self,
        permit: &Permit,
        withdraw: &WithdrawResources,
    ) -> Result<Vec<ResourceId>, DirectoryError> {
        self.rehearse().run(permit, withdraw).await
    }
}

fn assigned_count(unit: &Unit, resource: ResourceId, subject: Member) -> crate::store::Key {
    let what = match subject {
        Member::User(_) => Count::ResourceUsers(resource),
        Member::Group(_) => Count::ResourceGroups(resource),
    };
    keys::count(unit.organisation(), &what)
}

fn check_kind(type_: &ResourceType, subject: Member) -> Result<(), DirectoryError> {
    let (kind, word) = match subject {
        Member::User(_) => (Assignable::User, "users"),
        Member::Group(_) => (Assignable::Group, "groups"),
    };
    if type_.assignable.contains(&kind) {
        return Ok(());
    }
    let reason = format!("resources of type {} are not assigned to {word}", type_.key);
    Err(DirectoryError::invalid(word, reason))
}

fn check_count(subjects: &[Member]) -> Result<(), DirectoryError> {
    match subjects.len() {
        0 => Err(DirectoryError::invalid("users", "must name at least one user or group")),
        count if count > SUBJECTS_AT_ONCE => {
            let reason = format!("{count} are too many, at most {SUBJECTS_AT_ONCE} at once: send them in parts");
            Err(DirectoryError::invalid("users", reason))
        }
        _ => Ok(()),
    }
}

impl Unit {
    /// Counts one more resource of a user or group.
    pub(super) async fn count_subject(&mut self, subject: Member) -> Result<(), DirectoryError> {
        let count = keys::count(self.organisation(), &Count::Subject(subject));
        if self.counter(&count).await? >= RESOURCES_MAX {
            let reason = format!(
                "{} has {RESOURCES_MAX} resources, which is the most: take some back first, or assign them to a group",
                member_text(subject)
            );
            return Err(DirectoryError::invalid("resource", reason));
        }
        self.count(count, 1, Some(RESOURCES_MAX));
        Ok(())
    }

    /// Removes both keys of an assignment and counts it out. Answers whether it was there.
    pub(super) async fn remove_assignment(
        &mut self,
        resource: ResourceId,
        subject: Member,
    ) -> Result<bool, DirectoryError> {
        let organisation = self.organisation();
        let key = keys::assignment(organisation, resource, subject);
        if self.bytes(&key).await?.is_none() {
            return Ok(false);
        }
        self.delete(key);
        self.delete(keys::subject_assignment(organisation, subject, resource));
        let count = assigned_count(self, resource, subject);
        self.count(count, -1, None);
        self.count(keys::count(organisation, &Count::Subject(subject)), -1, None);
        Ok(true)
    }

    /// Notes a change of assignments. Nothing when there is none.
    pub(super) fn note_assignments(&mut self, kind: EventKind, resource: ResourceId, subjects: &[Member]) {
        if subjects.is_empty() {
            return;
        }
        let of = |wanted: fn(&Member) -> bool| -> Vec<String> {
            let subjects = subjects.iter().filter(|subject| wanted(subject));
            subjects.copied().map(member_text).collect()
        };
        let users = of(|subject| matches!(subject, Member::User(_)));
        let groups = of(|subject| matches!(subject, Member::Group(_)));
        self.event(kind, resource, json!({ "users": users, "groups": groups }));
    }

    /// Every assignment of a deleted user or group goes, and whatever the user owned is nobody's. The counter makes an
    /// assignment that is made at the same time a conflict.
    pub(super) async fn drop_assignments(&mut self, subject: Member) -> Result<(), DirectoryError> {
        let organisation = self.organisation();
        let count = keys::count(organisation, &Count::Subject(subject));
        if self.bytes(&count).await?.is_none() {
            return Ok(());
        }
        let all = Scan::prefix(&keys::assigned_to(organisation, subject), SCAN_ENTRIES_MAX);
        for (key, _) in self.scan(all).await? {
            match Assigned::read(&key) {
                Some(Assigned::To(_, resource)) => {
                    let edge = keys::assignment(organisation, resource, subject);
                    if self.bytes(&edge).await?.is_some() {
                        self.delete(edge);
                        let count = assigned_count(self, resource, subject);
                        self.count(count, -1, None);
                    }
                    self.delete(key);
                }
                Some(Assigned::Owner(user, resource)) => self.leave_ownerless(user, resource).await?,
                None => {}
            }
        }
        self.delete(count);
        Ok(())
    }
}
