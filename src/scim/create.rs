//! Create (RFC 7644 s3.3).

use async_trait::async_trait;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use crate::directory::query::StoredGroup;
use crate::directory::{DirectoryError, Operation, Unit};
use crate::model::id::GroupId;
use crate::model::normalise::normalise;
use crate::model::patch::MemberChange;
use crate::model::user::User;
use crate::provision::matching::{self, Keys, Match};
use crate::provision::person::{self, Context, Person};
use crate::provision::team::{self, Team};

use super::access::Access;
use super::body::Document;
use super::error::ScimError;
use super::grants::{self, Before};
use super::identity::Rules;
use super::parameters::Shown;
use super::retrieve::{answer_group, answer_user, load_stored_group};
use super::{Endpoint, Scim, identity, members};

/// `POST /Users`.
pub(super) async fn user(
    State(scim): State<Scim>,
    access: Access,
    Shown(projection): Shown,
    headers: HeaderMap,
    Document(body): Document,
) -> Result<Response, ScimError> {
    let projection = projection.over(scim.schemas(&access, Endpoint::Users))?;
    let mut normalised = normalise(scim.schemas(&access, Endpoint::Users), body, &*access.connection)?;
    access.journal("create user", &normalised.deviations);
    let left_out = grants::screen(access.rules(), &mut normalised.resource, Before::Nobody)?;
    access.journal("create user", &left_out);
    let password = normalised.password.as_deref();
    let password = password.map(|password| scim.directory().new_password(password));
    let person = identity::person(access.rules(), normalised.resource, password)?;
    let create = CreateUser {
        context: access.context(),
        person: &person,
    };
    let created = scim.directory().run(&access.permit, &create).await;
    let user = access.reviewed(&scim, created).await?;
    answer_user(&scim, &access, (StatusCode::CREATED, &headers), &user, &projection).await
}

struct CreateUser<'a> {
    context: Context<'a>,
    person: &'a Person,
}

#[async_trait]
impl Operation for CreateUser<'_> {
    type Outcome = User;

    async fn attempt(&self, unit: &mut Unit) -> Result<User, DirectoryError> {
        let (context, person) = (self.context, self.person);
        let emails = emails(person);
        let keys = Keys {
            external_id: person.external_id.as_deref(),
            user_name: &person.user_name,
            emails: &emails,
        };
        match matching::find(unit, context.organisation, context.connection, keys).await? {
            Match::Nobody => person::create(unit, context, person).await,
            Match::Adopted(user) => person::adopt(unit, context, &user, person).await,
            // A client that creates whom it has created already: 409, and the filter finds the user (idp.md section 1.2).
            Match::Known(_) => {
                let value = person.external_id.clone().unwrap_or_default();
                Err(DirectoryError::Uniqueness {
                    attribute: "externalId".into(),
                    value,
                })
            }
            Match::Review(question) => Err(DirectoryError::AwaitsReview(question)),
            Match::Refused { attribute, .. } => Err(DirectoryError::Uniqueness {
                attribute: attribute.into(),
                value: person.user_name.clone(),
            }),
        }
    }
}

/// The e-mail addresses of a person.
pub(super) fn emails(person: &Person) -> Vec<&str> {
    let emails = person.attributes.get("emails").and_then(|emails| emails.as_array());
    emails
        .into_iter()
        .flatten()
        .filter_map(|email| email.get("value")?.as_str())
        .collect()
}

/// `POST /Groups`.
pub(super) async fn group(
    State(scim): State<Scim>,
    access: Access,
    Shown(projection): Shown,
    headers: HeaderMap,
    Document(body): Document,
) -> Result<Response, ScimError> {
    let projection = projection.over(scim.schemas(&access, Endpoint::Groups))?;
    let normalised = normalise(scim.schemas(&access, Endpoint::Groups), body, &*access.connection)?;
    access.journal("create group", &normalised.deviations);
    let named = normalised.members.unwrap_or_default();
    members::check_count(&scim, named.len())?;
    let team = identity::team(normalised.resource)?;
    let changes = if named.is_empty() {
        Vec::new()
    } else {
        vec![MemberChange::Add(named)]
    };
    let create = CreateGroup {
        rules: access.rules(),
        team: &team,
        members: &changes,
    };
    let (id, unknown) = scim.directory().run(&access.permit, &create).await?;
    access.journal_unknown("create group", unknown);
    let stored: StoredGroup = load_stored_group(&scim, &access, id).await?;
    answer_group(&scim, &access, (StatusCode::CREATED, &headers), &stored, &projection).await
}

struct CreateGroup<'a> {
    rules: Rules<'a>,
    team: &'a Team,
    members: &'a [MemberChange],
}

#[async_trait]
impl Operation for CreateGroup<'_> {
    /// The group, and how many members were left out.
    type Outcome = (GroupId, usize);

    async fn attempt(&self, unit: &mut Unit) -> Result<Self::Outcome, DirectoryError> {
        let group = team::create(unit, self.rules.context, self.team).await?;
        members::prefetch(unit, group.id, members::named(self.members)).await?;
        let done = members::apply(unit, self.rules, &group, self.members).await?;
        Ok((group.id, done.unknown.len()))
    }
}
