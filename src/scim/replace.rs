//! Replace (RFC 7644 s3.5.1).

use async_trait::async_trait;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use crate::directory::password::NewPassword;
use crate::directory::{DirectoryError, Operation, Unit};
use crate::model::Object;
use crate::model::custom_attribute::{Bearer, Reader};
use crate::model::deviation::Deviation;
use crate::model::id::{GroupId, UserId};
use crate::model::lifecycle::Block;
use crate::model::normalise::{SchemaError, check_immutable, normalise};
use crate::model::patch::MemberChange;
use crate::model::represent::{self, GroupState};
use crate::model::schema::SchemaSet;
use crate::model::user::User;
use crate::provision::authority::Extent;
use crate::provision::person;
use crate::provision::team::{self, Team};

use super::access::Access;
use super::body::Document;
use super::error::ScimError;
use super::grants::{self, Before};
use super::identity::Rules;
use super::modify::{check_group_version, check_user_version};
use super::parameters::Shown;
use super::retrieve::{ById, Target, answer_group, answer_user, load_stored_group};
use super::{Endpoint, Scim, aside, identity, members, regrant};

/// `PUT /Users/{id}`.
pub(super) async fn user(
    State(scim): State<Scim>,
    access: Access,
    Path(ById { id }): Path<ById>,
    Shown(parameters): Shown,
    headers: HeaderMap,
    Document(body): Document,
) -> Result<Response, ScimError> {
    let target = Target::<UserId>::of(&scim, &access, Endpoint::Users, &id, &parameters)?;
    let normalised = normalise(target.schemas, body, &*access.connection)?;
    access.journal("replace user", &normalised.deviations);
    let password = normalised.password.as_deref();
    let password = password.map(|password| scim.directory().new_password(password));
    let replace = ReplaceUser {
        rules: access.rules(),
        id: target.id,
        schemas: target.schemas,
        resource: normalised.resource,
        password,
        headers: &headers,
    };
    let (user, left_out) = scim.directory().run(&access.permit, &replace).await??;
    access.journal("replace user", &left_out);
    answer_user(&scim, &access, (StatusCode::OK, &headers), &user, &target.projection).await
}

struct ReplaceUser<'a> {
    rules: Rules<'a>,
    id: UserId,
    schemas: &'a SchemaSet,
    resource: Object,
    password: Option<NewPassword>,
    headers: &'a HeaderMap,
}

#[async_trait]
impl Operation for ReplaceUser<'_> {
    /// With what was left out; the body itself may be wrong for the resource as it is.
    type Outcome = Result<(User, Vec<Deviation>), SchemaError>;

    async fn attempt(&self, unit: &mut Unit) -> Result<Self::Outcome, DirectoryError> {
        let before = unit.load_user(self.id).await?;
        check_user_version(self.headers, &before)?;
        // s3.5.1: an immutable attribute that has a value must keep it.
        let current = represent::user(&before, Some(&self.rules.context.connection.name));
        if let Err(error) = check_immutable(self.schemas, &current, &self.resource) {
            return Ok(Err(error));
        }
        let groups = regrant::names(regrant::groups_of(unit, self.rules, self.id).await?);
        let rules = Rules {
            before: Some(&before),
            groups: &groups,
            ..self.rules
        };
        let mut resource = self.resource.clone();
        let mut deviations = grants::screen(rules, &mut resource, Before::Replaced(&before))?;
        let mut person = identity::person(rules, resource, self.password.clone())?;
        let own = Block::Connection(rules.context.connection.name.clone());
        if !before.is_active() && !before.facts.suspended_by.contains(&own) && person.active == Some(false) {
            // The client sends back what it was shown: another's block, which is not its own word.
            person.active = None;
        }
        let (user, beside) = person::update(unit, rules.context, &before, &person, Extent::Whole).await?;
        deviations.extend(aside::deviations(beside));
        Ok(Ok((user, deviations)))
    }
}

/// `PUT /Groups/{id}`.
pub(super) async fn group(
    State(scim): State<Scim>,
    access: Access,
    Path(ById { id }): Path<ById>,
    Shown(parameters): Shown,
    headers: HeaderMap,
    Document(body): Document,
) -> Result<Response, ScimError> {
    let target = Target::<GroupId>::of(&scim, &access, Endpoint::Groups, &id, &parameters)?;
    let normalised = normalise(target.schemas, body, &*access.connection)?;
    access.journal("replace group", &normalised.deviations);
    let named = normalised.members.unwrap_or_default();
    members::check_count(&scim, named.len())?;
    let team = identity::team(normalised.resource.clone())?;
    let changes = [MemberChange::Replace(named)];
    let replace = ReplaceGroup {
        rules: access.rules(),
        id: target.id,
        schemas: target.schemas,
        resource: &normalised.resource,
        team: &team,
        members: &changes,
        headers: &headers,
    };
    let replaced = scim.directory().run(&access.permit, &replace).await;
    let unknown = access.reviewed(&scim, replaced).await??;
    access.journal_unknown("replace group", unknown);
    let stored = load_stored_group(&scim, &access, target.id).await?;
    answer_group(&scim, &access, (StatusCode::OK, &headers), &stored, &target.projection).await
}

struct ReplaceGroup<'a> {
    rules: Rules<'a>,
    id: GroupId,
    schemas: &'a SchemaSet,
    resource: &'a Object,
    team: &'a Team,
    members: &'a [MemberChange],
    headers: &'a HeaderMap,
}

#[async_trait]
impl Operation for ReplaceGroup<'_> {
    /// How many members were left out.
    type Outcome = Result<usize, SchemaError>;

    async fn attempt(&self, unit: &mut Unit) -> Result<Self::Outcome, DirectoryError> {
        members::prefetch(unit, self.id, members::named(self.members)).await?;
        let before = unit.load_group(self.id).await?;
        check_group_version(unit, self.headers, &before).await?;
        let state = GroupState {
            last_modified: before.last_modified,
            revision: before.revision,
            members: 0,
        };
        let current = represent::group(&before, state, Some(&self.rules.context.connection.name));
        if let Err(error) = check_immutable(self.schemas, &current, self.resource) {
            return Ok(Err(error));
        }
        let mut team = self.team.clone();
        if let Some(custom) = self.rules.context.organisation.custom(Bearer::Group) {
            custom.keep_unseen(&before.attributes, &mut team.attributes, Reader::Client);
        }
        let after = team::update(unit, self.rules.context, &before, &team).await?;
        regrant::after_rename(unit, self.rules, &before, &after).await?;
        let done = members::apply(unit, self.rules, &after, self.members).await?;
        Ok(Ok(done.unknown.len()))
    }
}
