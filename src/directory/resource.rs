//! Resources by administrators: made, changed, deleted, and gone by themselves when their time is over.

use serde_json::{Map, Value, json};

use crate::model::clock::Timestamp;
use crate::model::event::EventKind;
use crate::model::id::{OrganisationId, ResourceId, UserId};
use crate::model::membership::Member;
use crate::model::merge_patch::merge;
use crate::model::resource::{Resource, ResourceDraft, ResourceType};
use crate::model::user::User;
use crate::store::{SCAN_ENTRIES_MAX, Scan};

use super::keys::{self, Count};
use super::{Directory, DirectoryError, Operation, Principal, Unit};

/// Makes a resource.
pub struct CreateResource(
    /// The resource as it is to be.
    pub ResourceDraft,
);

#[async_trait::async_trait]
impl Operation for CreateResource {
    type Outcome = Resource;

    async fn attempt(&self, unit: &mut Unit) -> Result<Resource, DirectoryError> {
        let draft = &self.0;
        let type_ = unit.load_resource_type(&draft.type_).await?;
        check(draft, unit.now())?;
        check_settings(&type_, draft)?;
        let organisation = unit.organisation();
        let made = Resource {
            id: ResourceId::new(unit.clock().uuid()),
            type_: draft.type_.clone(),
            name: draft.name.trim().to_owned(),
            owner: draft.owner,
            settings: draft.settings.clone(),
            enabled: draft.enabled,
            expires: draft.expires,
            created: unit.now(),
            last_modified: unit.now(),
            revision: 1,
        };
        unit.claim_resource_keys(None, &made).await?;
        unit.put_bytes(keys::resource_entry(organisation, &made.type_, made.id), "");
        unit.count(
            keys::count(organisation, &Count::Resources(made.type_.clone())),
            1,
            None,
        );
        unit.put(keys::resource(organisation, made.id), &made);
        unit.event(EventKind::ResourceCreated, made.id, json!({ "type": made.type_ }));
        Ok(made)
    }
}

/// Changes a resource by a merge patch (RFC 7396) of its [`ResourceDraft`]. Its type stays.
pub struct UpdateResource {
    /// Which.
    pub resource: ResourceId,
    /// What changes.
    pub changes: Map<String, Value>,
}

#[async_trait::async_trait]
impl Operation for UpdateResource {
    type Outcome = Resource;

    async fn attempt(&self, unit: &mut Unit) -> Result<Resource, DirectoryError> {
        let before = unit.load_resource(self.resource).await?;
        let mut document = serde_json::to_value(ResourceDraft::from(&before)).unwrap_or_default();
        merge(&mut document, &Value::Object(self.changes.clone()));
        let draft: ResourceDraft =
            serde_json::from_value(document).map_err(|error| DirectoryError::invalid("resource", error.to_string()))?;
        if draft.type_ != before.type_ {
            return Err(DirectoryError::Mutability {
                attribute: "type".to_owned(),
                reason: "make another resource of the other type".to_owned(),
            });
        }
        let is_kept = draft.expires == before.expires;
        check(&draft, if is_kept { Timestamp::MIN_UTC } else { unit.now() })?;
        if draft.settings != before.settings {
            check_settings(&unit.load_resource_type(&draft.type_).await?, &draft)?;
        }
        let mut after = Resource {
            name: draft.name.trim().to_owned(),
            owner: draft.owner,
            settings: draft.settings,
            enabled: draft.enabled,
            expires: draft.expires,
            ..before.clone()
        };
        if after == before {
            return Ok(after);
        }
        after.last_modified = unit.now().max(before.last_modified);
        after.revision += 1;
        unit.claim_resource_keys(Some(&before), &after).await?;
        unit.put(keys::resource(unit.organisation(), after.id), &after);
        unit.event(EventKind::ResourceUpdated, after.id, json!({ "type": after.type_ }));
        Ok(after)
    }
}

/// Deletes a resource. Its assignments go right after, in parts, by [`Directory::close_resources`].
pub struct DeleteResource(
    /// Which.
    pub ResourceId,
);

#[async_trait::async_trait]
impl Operation for DeleteResource {
    type Outcome = ();

    async fn attempt(&self, unit: &mut Unit) -> Result<(), DirectoryError> {
        let resource = unit.load_resource(self.0).await?;
        unit.delete_resource(&resource).await
    }
}

fn check(draft: &ResourceDraft, now: Timestamp) -> Result<(), DirectoryError> {
    draft
        .check()
        .map_err(|(place, reason)| DirectoryError::invalid(place, reason))?;
    match draft.expires {
        Some(expires) if expires <= now => Err(DirectoryError::invalid("expires", "must be in the future")),
        _ => Ok(()),
    }
}

fn check_settings(type_: &ResourceType, draft: &ResourceDraft) -> Result<(), DirectoryError> {
    type_
        .check_settings(&draft.settings)
        .map_err(|(place, reason)| DirectoryError::invalid(place, reason))
}

impl Unit {
    /// A resource that must exist; the commit relies on it.
    pub(super) async fn load_resource(&mut self, id: ResourceId) -> Result<Resource, DirectoryError> {
        let found: Option<Resource> = self.find(&keys::resource(self.organisation(), id)).await?;
        found.ok_or_else(|| DirectoryError::not_found("resource", id))
    }

    /// Takes the name, the owner and the expiry, and gives up those that changed.
    async fn claim_resource_keys(&mut self, before: Option<&Resource>, after: &Resource) -> Result<(), DirectoryError> {
        let organisation = self.organisation();
        let name = keys::resource_name(organisation, &after.type_, &after.name);
        let old = before.map(|before| keys::resource_name(organisation, &before.type_, &before.name));
        if old.as_ref() != Some(&name) {
            if self.bytes(&name).await?.is_some() {
                return Err(DirectoryError::Uniqueness {
                    attribute: "name".into(),
                    value: after.name.clone(),
                });
            }
            self.put_bytes(name, after.id.to_string());
            if let Some(old) = old {
                self.delete(old);
            }
        }
        if before.and_then(|before| before.owner) != after.owner {
            if let Some(owner) = before.and_then(|before| before.owner) {
                self.disown(owner, after.id);
            }
            if let Some(owner) = after.owner {
                self.own(owner, after.id).await?;
            }
        }
        let expiry = |resource: &Resource| expiry_key(organisation, resource);
        let (old, new) = (before.and_then(expiry), expiry(after));
        if old != new {
            if let Some(old) = old {
                self.delete(old);
            }
            if let Some(new) = new {
                self.put_bytes(new, "");
            }
        }
        Ok(())
    }

    async fn own(&mut self, owner: UserId, id: ResourceId) -> Result<(), DirectoryError> {
        let organisation = self.organisation();
        let user: Option<User> = self.find_present(&keys::user(organisation, owner)).await?;
        if user.is_none() {
            return Err(DirectoryError::invalid("owner", format!("user {owner} does not exist")));
        }
        self.count_subject(Member::User(owner)).await?;
        self.put_bytes(keys::owned(organisation, owner, id), "");
        Ok(())
    }

    fn disown(&mut self, owner: UserId, id: ResourceId) {
        let organisation = self.organisation();
        self.delete(keys::owned(organisation, owner, id));
        let count = keys::count(organisation, &Count::Subject(Member::User(owner)));
        self.count(count, -1, None);
    }

    /// A deleted user owns nothing any more.
    pub(super) async fn leave_ownerless(&mut self, owner: UserId, id: ResourceId) -> Result<(), DirectoryError> {
        self.delete(keys::owned(self.organisation(), owner, id));
        let key = keys::resource(self.organisation(), id);
        if let Some(before) = self.find::<Resource>(&key).await?
            && before.owner == Some(owner)
        {
            let mut after = before.clone();
            after.owner = None;
            after.last_modified = self.now().max(before.last_modified);
            after.revision += 1;
            self.put(key, &after);
            self.event(EventKind::ResourceUpdated, id, json!({ "type": after.type_ }));
        }
        Ok(())
    }

    async fn delete_resource(&mut self, resource: &Resource) -> Result<(), DirectoryError> {
        let organisation = self.organisation();
        self.delete(keys::resource_name(organisation, &resource.type_, &resource.name));
        self.delete(keys::resource_entry(organisation, &resource.type_, resource.id));
        if let Some(expiry) = expiry_key(organisation, resource) {
            self.delete(expiry);
        }
        if let Some(owner) = resource.owner {
            self.disown(owner, resource.id);
        }
        let count = keys::count(organisation, &Count::Resources(resource.type_.clone()));
        self.count(count, -1, None);
        self.delete(keys::resource(organisation, resource.id));
        self.put_bytes(keys::closing_resource(organisation, resource.id), "");
        self.event(
            EventKind::ResourceDeleted,
            resource.id,
            json!({ "type": resource.type_ }),
        );
        Ok(())
    }
}

/// Where a resource that ends is found by its end.
#[must_use]
pub fn expiry_key(organisation: OrganisationId, resource: &Resource) -> Option<crate::store::Key> {
    let at_ms = resource.expires?.timestamp_millis().max(0).unsigned_abs();
    Some(keys::resource_expiry(organisation, at_ms, resource.id))
}

/// Resources that end in one commit.
const ENDED_AT_ONCE: usize = 50;

/// Deletes some of the resources whose time is over. Answers whether more may follow.
struct EndResources;

#[async_trait::async_trait]
impl Operation for EndResources {
    type Outcome = bool;

    async fn attempt(&self, unit: &mut Unit) -> Result<bool, DirectoryError> {
        let organisation = unit.organisation();
        let next = Scan::prefix(&keys::resource_expiries(organisation), ENDED_AT_ONCE);
        let entries = unit.scan(next).await?;
        for (key, _) in &entries {
            let Some(id) = keys::last_uuid(key).map(ResourceId::new) else {
                continue;
            };
            let found: Option<Resource> = unit.find(&keys::resource(organisation, id)).await?;
            match found {
                Some(resource) if resource.is_over(unit.now()) => unit.delete_resource(&resource).await?,
                // They come in the order of their ends.
                Some(_) => return Ok(false),
                None => {}
            }
        }
        Ok(entries.len() == ENDED_AT_ONCE)
    }
}

/// Assignments removed in one commit.
const CLOSED_AT_ONCE: usize = 300;

/// Removes some of a deleted resource's assignments. Answers whether that was the rest.
struct CloseResource(ResourceId);

#[async_trait::async_trait]
impl Operation for CloseResource {
    type Outcome = bool;

    async fn attempt(&self, unit: &mut Unit) -> Result<bool, DirectoryError> {
        let (organisation, id) = (unit.organisation(), self.0);
        let mark = keys::closing_resource(organisation, id);
        if unit.bytes(&mark).await?.is_none() {
            return Ok(true);
        }
        let assignments = Scan::prefix(&keys::assignments(organisation, id), CLOSED_AT_ONCE);
        let entries = unit.scan(assignments).await?;
        let mut gone = Vec::new();
        for (key, _) in &entries {
            if let Some((_, subject)) = keys::subject_of(key)
                && unit.remove_assignment(id, subject).await?
            {
                gone.push(subject);
            }
        }
        unit.note_assignments(EventKind::ResourceUnassigned, id, &gone);
        if entries.is_empty() {
            unit.delete(mark);
            unit.delete(keys::count(organisation, &Count::ResourceUsers(id)));
            unit.delete(keys::count(organisation, &Count::ResourceGroups(id)));
        }
        Ok(entries.is_empty())
    }
}

impl Directory {
    /// Deletes the resources whose time is over, and removes the assignments of deleted ones. Safe to run at any time and
    /// again; run after each deletion, before one is made, and at the start.
    ///
    /// # Errors
    /// As the store's read and commit.
    pub async fn close_resources(&self, organisation: OrganisationId) -> Result<(), DirectoryError> {
        let permit = Principal::system().administer(organisation)?;
        while self.run(&permit, &EndResources).await? {}
        let marks = Scan::prefix(&keys::closing_resources(organisation), SCAN_ENTRIES_MAX);
        for (key, _) in self.store.scan(marks).await? {
            if let Some(id) = keys::last_uuid(&key) {
                let close = CloseResource(ResourceId::new(id));
                while !self.run(&permit, &close).await? {}
            }
        }
        Ok(())
    }
}
