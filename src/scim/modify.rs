//! Modify with PATCH (RFC 7644 s3.5.2). Atomic: the operations work on a copy, and the copy is committed as one unit.

mod own;

use std::collections::BTreeSet;
use std::sync::OnceLock;

use async_trait::async_trait;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::Value;

use crate::directory::membership::group_version;
use crate::directory::password::NewPassword;
use crate::directory::{Directory, DirectoryError, Operation, Unit, keys};
use crate::model::Object;
use crate::model::attribute::is_urn;
use crate::model::deviation::Deviation;
use crate::model::group::Group;
use crate::model::id::{GroupId, UserId};
use crate::model::lifecycle::Block;
use crate::model::patch::{MemberChange, PatchError, PatchLimits, PatchRequest, Patched, patch};
use crate::model::represent::{self, GroupState, version};
use crate::model::schema::SchemaSet;
use crate::model::user::User;
use crate::provision::authority::{Extent, full_name};
use crate::provision::person;
use crate::provision::team;

use super::access::Access;
use super::body::Document;
use super::error::ScimError;
use super::grants::{self, Before};
use super::identity::Rules;
use super::parameters::Shown;
use super::response::{is_conditional, may_change, no_content};
use super::retrieve::{ById, Target, answer_group, answer_user, load_stored_group};
use super::withdraw::{self, LookAtGroup};
use super::{Endpoint, Scim, aside, identity, members, regrant};

/// What an attempt found: the PATCH itself may be wrong for the resource as it is.
type Attempted<T> = Result<T, PatchError>;

fn parse(scim: &Scim, access: &Access, body: Value) -> Result<PatchRequest, ScimError> {
    let settings = scim.settings();
    let limits = PatchLimits {
        operations: settings.patch_operations_max,
        values: settings.members_max.max(PatchLimits::default().values),
        path: settings.filter,
    };
    Ok(PatchRequest::parse(body, limits, access.connection.strictness)?)
}

/// `PATCH /Users/{id}`.
pub(super) async fn user(
    State(scim): State<Scim>,
    access: Access,
    Path(ById { id }): Path<ById>,
    Shown(parameters): Shown,
    headers: HeaderMap,
    Document(body): Document,
) -> Result<Response, ScimError> {
    let target = Target::<UserId>::of(&scim, &access, Endpoint::Users, &id, &parameters)?;
    let request = parse(&scim, &access, body)?;
    let modify = ModifyUser {
        rules: access.rules(),
        id: target.id,
        schemas: target.schemas,
        request: &request,
        headers: &headers,
        directory: scim.directory(),
        password: OnceLock::new(),
    };
    let (user, deviations) = scim.directory().run(&access.permit, &modify).await??;
    access.journal("modify user", &deviations);
    answer_user(&scim, &access, (StatusCode::OK, &headers), &user, &target.projection).await
}

struct ModifyUser<'a> {
    rules: Rules<'a>,
    id: UserId,
    schemas: &'a SchemaSet,
    request: &'a PatchRequest,
    headers: &'a HeaderMap,
    directory: &'a Directory,
    /// Hashing is slow on purpose: a second attempt uses the first one's.
    password: OnceLock<NewPassword>,
}

#[async_trait]
impl Operation for ModifyUser<'_> {
    type Outcome = Attempted<(User, Vec<Deviation>)>;

    async fn attempt(&self, unit: &mut Unit) -> Result<Self::Outcome, DirectoryError> {
        let before = unit.load_user(self.id).await?;
        check_user_version(self.headers, &before)?;
        let context = self.rules.context;
        let connection = &context.connection.name;
        let mut current = represent::user(&before, Some(connection));
        // The client changes its own word on `active`; an administrator's block is not its to see, confirm or lift.
        let blocked_here = before
            .facts
            .suspended_by
            .contains(&Block::Connection(connection.clone()));
        current.insert("active".to_owned(), (!blocked_here).into());
        let Patched {
            mut resource,
            password,
            mut deviations,
            ..
        } = match patch(self.schemas, &current, self.request, context.connection) {
            Ok(patched) => patched,
            Err(error) => return Ok(Err(error)),
        };
        deviations.extend(grants::screen(self.rules, &mut resource, Before::Modified(&current))?);
        let mut changed = changed_names(&current, &resource);
        let password = password.flatten().map(|password| {
            let new = self.password.get_or_init(|| self.directory.new_password(&password));
            new.clone()
        });
        let groups = regrant::names(regrant::groups_of(unit, self.rules, self.id).await?);
        let mut person = identity::person(
            Rules {
                before: Some(&before),
                groups: &groups,
                ..self.rules
            },
            resource,
            password,
        )?;
        if !changed.contains("active") {
            person.active = None;
        }
        let place = (context, self.schemas);
        let asked = (&current, self.request);
        deviations.extend(own::words(place, &before, asked, &mut person.attributes, &mut changed));
        let extent = Extent::Named(&changed);
        let (user, beside) = person::update(unit, context, &before, &person, extent).await?;
        deviations.extend(aside::deviations(beside));
        Ok(Ok((user, deviations)))
    }
}

/// The attributes that differ: an extension by its URN, and those in it by their full names.
fn changed_names(current: &Object, next: &Object) -> BTreeSet<String> {
    let mut changed = BTreeSet::new();
    for name in differing(current, next) {
        let [before, after] = [current, next].map(|object| object.get(name).and_then(Value::as_object));
        if is_urn(name) {
            let (before, after) = (before.cloned().unwrap_or_default(), after.cloned().unwrap_or_default());
            changed.extend(differing(&before, &after).map(|sub| full_name(name, sub)));
        }
        changed.insert(name.clone());
    }
    changed
}

fn differing<'a>(one: &'a Object, other: &'a Object) -> impl Iterator<Item = &'a String> {
    let names = one.keys().chain(other.keys());
    names.filter(move |name| one.get(*name) != other.get(*name))
}

/// `PATCH /Groups/{id}`. Answers 204: a group of 100,000 is not sent back for each change (idp.md section 9).
pub(super) async fn group(
    State(scim): State<Scim>,
    access: Access,
    Path(ById { id }): Path<ById>,
    Shown(parameters): Shown,
    headers: HeaderMap,
    Document(body): Document,
) -> Result<Response, ScimError> {
    let target = Target::<GroupId>::of(&scim, &access, Endpoint::Groups, &id, &parameters)?;
    let request = parse(&scim, &access, body)?;
    let mut modify = ModifyGroup {
        schemas: target.schemas,
        rules: access.rules(),
        id: target.id,
        request: &request,
        headers: &headers,
    };
    let unconditional = HeaderMap::new();
    if modify.only_empties() && access.mapping.needs_groups() {
        let look = LookAtGroup {
            id: target.id,
            headers: &headers,
        };
        scim.directory().run(&access.permit, &look).await?;
        withdraw::members(&scim, &access, target.id, access.connection.owns_memberships).await?;
        // The condition was met before the first part, and the parts have moved the version.
        modify.headers = &unconditional;
    }
    let modified = scim.directory().run(&access.permit, &modify).await;
    let (deviations, unknown) = access.reviewed(&scim, modified).await??;
    access.journal("modify group", &deviations);
    access.journal_unknown("modify group", unknown);
    if !parameters.asks_for_attributes() {
        return Ok(no_content(None));
    }
    let stored = load_stored_group(&scim, &access, target.id).await?;
    answer_group(&scim, &access, (StatusCode::OK, &headers), &stored, &target.projection).await
}

struct ModifyGroup<'a> {
    rules: Rules<'a>,
    id: GroupId,
    schemas: &'a SchemaSet,
    request: &'a PatchRequest,
    headers: &'a HeaderMap,
}

impl ModifyGroup<'_> {
    fn patch(&self, current: &Object) -> Attempted<Patched> {
        patch(self.schemas, current, self.request, self.rules.context.connection)
    }

    /// The members that the request names, before the group is read: so that all is read in one round trip.
    fn named(&self) -> Vec<MemberChange> {
        self.patch(&blank()).map(|patched| patched.members).unwrap_or_default()
    }

    /// Whether all members go and nothing else is asked for.
    fn only_empties(&self) -> bool {
        let empties = |change: &MemberChange| match change {
            MemberChange::RemoveAll => true,
            MemberChange::Replace(members) => members.is_empty(),
            MemberChange::Add(_) | MemberChange::Remove(_) | MemberChange::RemoveWhere(_) => false,
        };
        self.patch(&blank())
            .is_ok_and(|patched| !patched.changed && matches!(patched.members.as_slice(), [only] if empties(only)))
    }
}

/// A group of which nothing is known.
fn blank() -> Object {
    let mut blank = Object::new();
    blank.insert("displayName".to_owned(), "-".into());
    blank
}

#[async_trait]
impl Operation for ModifyGroup<'_> {
    /// What was tolerated, and how many members were left out.
    type Outcome = Attempted<(Vec<Deviation>, usize)>;

    async fn attempt(&self, unit: &mut Unit) -> Result<Self::Outcome, DirectoryError> {
        members::prefetch(unit, self.id, members::named(&self.named())).await?;
        let before = unit.load_group(self.id).await?;
        check_group_version(unit, self.headers, &before).await?;
        let state = GroupState {
            last_modified: before.last_modified,
            revision: before.revision,
            members: 0,
        };
        let current = represent::group(&before, state, Some(&self.rules.context.connection.name));
        let patched = match self.patch(&current) {
            Ok(patched) => patched,
            Err(error) => return Ok(Err(error)),
        };
        let after = if patched.changed {
            let after = team::update(unit, self.rules.context, &before, &identity::team(patched.resource)?).await?;
            regrant::after_rename(unit, self.rules, &before, &after).await?;
            after
        } else {
            before
        };
        let done = members::apply(unit, self.rules, &after, &patched.members).await?;
        Ok(Ok((patched.deviations, done.unknown.len())))
    }
}

/// The conditions of a change to a user (RFC 7644 s3.14).
pub(super) fn check_user_version(headers: &HeaderMap, user: &User) -> Result<(), DirectoryError> {
    if may_change(headers, user.revision) {
        return Ok(());
    }
    Err(DirectoryError::VersionMismatch {
        actual: version(user.revision),
    })
}

/// The conditions of a change to a group: its version counts the changes of members too, and the commit then relies on them.
pub(super) async fn check_group_version(
    unit: &mut Unit,
    headers: &HeaderMap,
    group: &Group,
) -> Result<(), DirectoryError> {
    if !is_conditional(headers) {
        return Ok(());
    }
    let key = keys::group_changes(unit.organisation(), group.id);
    unit.bytes(&key).await?;
    let changes = unit.counter(&key).await?;
    let (_, revision) = group_version(group, None, changes);
    if may_change(headers, revision) {
        return Ok(());
    }
    Err(DirectoryError::VersionMismatch {
        actual: version(revision),
    })
}
