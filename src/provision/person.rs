//! Creating and changing a user on behalf of a connection: one set of rules for SCIM and directory runs.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::directory::custom_attribute::{Holder, entries};
use crate::directory::error::Denial;
use crate::directory::membership::{claim_licence, withdraw_origin};
use crate::directory::password::NewPassword;
use crate::directory::settings::OrganisationSettings;
use crate::directory::user::parse_uuid;
use crate::directory::{DirectoryError, Unit};
use crate::model::connection::{Connection, Onboarding};
use crate::model::custom_attribute::{Bearer, IndexKind, extension_of};
use crate::model::id::UserId;
use crate::model::invitation::Channel;
use crate::model::lifecycle::{Block, Step};
use crate::model::origin::Origin;
use crate::model::review::ReviewKind;
use crate::model::slug::Slug;
use crate::model::user::User;

use super::authority::{self, Aside, Extent};
use super::rule_teams;

/// Licences, roles and teams that a connection's settings and rules give to one person.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants {
    /// Licences.
    pub licences: BTreeSet<Slug>,
    /// Roles.
    pub roles: BTreeSet<Slug>,
    /// Names of groups to be in.
    pub teams: BTreeSet<String>,
}

impl Grants {
    /// What everyone from this connection gets.
    #[must_use]
    pub fn of(connection: &Connection) -> Self {
        Self {
            licences: connection.licences.clone(),
            roles: connection.roles.clone(),
            teams: BTreeSet::new(),
        }
    }

    /// Adds what another rule gives.
    pub fn extend(&mut self, other: &Self) {
        self.licences.extend(other.licences.iter().cloned());
        self.roles.extend(other.roles.iter().cloned());
        self.teams.extend(other.teams.iter().cloned());
    }
}

/// A person as a connection presents them, in canonical form.
#[derive(Debug, Clone, PartialEq)]
pub struct Person {
    /// The connection's own identifier, if it has one.
    pub external_id: Option<String>,
    /// The login name.
    pub user_name: String,
    /// Every other attribute, canonical.
    pub attributes: Map<String, Value>,
    /// Whether the source says active; `None` when it says nothing.
    pub active: Option<bool>,
    /// The password, if the source set one.
    pub password: Option<NewPassword>,
    /// What the connection's rules give.
    pub grants: Grants,
}

/// The settings that a write needs.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The organisation.
    pub organisation: &'a OrganisationSettings,
    /// The connection that acts.
    pub connection: &'a Connection,
}

impl Context<'_> {
    fn origin(&self) -> Origin {
        Origin::Connection(self.connection.name.clone())
    }
}

/// Makes a new user: prepared, invited or active as the connection says.
///
/// # Errors
/// [`DirectoryError::Uniqueness`], [`DirectoryError::SeatsExhausted`]; as the store's read.
pub async fn create(unit: &mut Unit, context: Context<'_>, person: &Person) -> Result<User, DirectoryError> {
    let now = unit.now();
    let id = UserId::new(unit.clock().uuid());
    let mut user = User::new(id, person.user_name.clone(), now);
    user.sources.insert(context.connection.name.clone());
    write(unit, context, &mut user, person, Extent::Whole).await?;
    let moving = rule_teams::prepare(unit, context, &mut user, &person.grants.teams).await?;
    match context.connection.onboarding {
        Onboarding::Prepared => {}
        Onboarding::Active => user.facts.activated_at = Some(now),
        Onboarding::Invited if user.is_active() => {
            unit.invite(&mut user, Channel::Email).await?;
        }
        Onboarding::Invited => {}
    }
    let user = unit.create_user(user).await?;
    moving.carry_out(unit, user).await
}

/// Changes a user whom the connection knows, or links one whom it adopts.
///
/// # Errors
/// As [`create`].
pub async fn update(
    unit: &mut Unit,
    context: Context<'_>,
    before: &User,
    person: &Person,
    extent: Extent<'_>,
) -> Result<(User, Aside), DirectoryError> {
    let mut after = before.clone();
    let moving = rule_teams::prepare(unit, context, &mut after, &person.grants.teams).await?;
    let aside = write(unit, context, &mut after, person, extent).await?;
    // Whoever was made inactive could not be invited then, and is now.
    let is_back = !before.is_active() && after.is_active() && after.facts.step() == Step::Prepared;
    if is_back && context.connection.onboarding == Onboarding::Invited {
        unit.invite(&mut after, Channel::Email).await?;
    }
    let user = unit.update_user(before, after).await?;
    Ok((moving.carry_out(unit, user).await?, aside))
}

/// Takes over a user of another source, whom the matching policy lets the connection adopt.
///
/// # Errors
/// As [`create`].
pub async fn adopt(
    unit: &mut Unit,
    context: Context<'_>,
    before: &User,
    person: &Person,
) -> Result<User, DirectoryError> {
    let name = &context.connection.name;
    let mut after = before.clone();
    after.sources.insert(name.clone());
    write(unit, context, &mut after, person, Extent::Whole).await?;
    // What was asked about the two is answered.
    unit.forget_review(name, ReviewKind::User, person.external_id.as_deref(), &person.user_name)
        .await?;
    let moving = rule_teams::prepare(unit, context, &mut after, &person.grants.teams).await?;
    let user = unit.update_user(before, after).await?;
    moving.carry_out(unit, user).await
}

async fn write(
    unit: &mut Unit,
    context: Context<'_>,
    user: &mut User,
    person: &Person,
    extent: Extent<'_>,
) -> Result<Aside, DirectoryError> {
    let connection = context.connection;
    let mut aside = authority::write_attributes(user, connection, context.organisation, &person.attributes, extent);
    wait_for_others(unit, context, user, &mut aside).await?;
    if !authority::write_user_name(user, connection, context.organisation, &person.user_name) {
        aside.yielded.insert("userName".to_owned());
    }
    match &person.external_id {
        Some(external_id) => user.external_ids.insert(connection.name.clone(), external_id.clone()),
        None => user.external_ids.remove(&connection.name),
    };
    set_active(user, &connection.name, person.active);
    set_grants(user, &context.origin(), &person.grants);
    if let Some(password) = &person.password {
        unit.set_password(user, password, false).await?;
    }
    Ok(aside)
}

/// Values that come back from waiting may be somebody else's by now, where they must be unique: these wait on, and the attribute is
/// without a value until that one gives it up.
async fn wait_for_others(
    unit: &mut Unit,
    context: Context<'_>,
    user: &mut User,
    aside: &mut Aside,
) -> Result<(), DirectoryError> {
    let Some(custom) = context.organisation.custom(Bearer::User) else {
        return Ok(());
    };
    let holder = Holder {
        bearer: Bearer::User,
        id: user.id.uuid(),
    };
    for defined in &custom.attributes {
        let name = authority::full_name(&custom.urn, &defined.attribute.name);
        let Some(connection) = aside.back.get(&name).cloned() else {
            continue;
        };
        if defined.index.kept() != Some(IndexKind::Unique) {
            continue;
        }
        let extension = extension_of(&user.attributes).map(|(_, extension)| extension);
        let keys = entries(
            unit.organisation(),
            holder,
            &defined.attribute,
            IndexKind::Unique,
            extension,
        );
        for key in keys.into_keys() {
            let other = unit.bytes(&key).await?.and_then(|id| parse_uuid(&id)).map(UserId::new);
            if let Some(other) = other.filter(|other| *other != user.id) {
                tracing::warn!(user.id = %user.id, attribute = name, user.other = %other, "a value that waited is somebody else's by now, and waits on");
                authority::wait_again(user, &name, &connection);
                aside.back.remove(&name);
                aside.taken.insert(name, other);
                break;
            }
        }
    }
    Ok(())
}

/// Brings what the connection gives to a user in line with its rules, and changes nothing else.
///
/// # Errors
/// Seats, as [`Unit::update_user`].
pub async fn regrant(
    unit: &mut Unit,
    context: Context<'_>,
    before: &User,
    grants: &Grants,
) -> Result<User, DirectoryError> {
    let mut after = before.clone();
    set_grants(&mut after, &context.origin(), grants);
    let moving = rule_teams::prepare(unit, context, &mut after, &grants.teams).await?;
    let user = unit.update_user(before, after).await?;
    moving.carry_out(unit, user).await
}

/// The source's word on `active`. It lifts its own block only, never an administrator's or another source's.
pub fn set_active(user: &mut User, connection: &Slug, active: Option<bool>) {
    match active {
        Some(false) => {
            user.facts.suspended_by.insert(Block::Connection(connection.clone()));
        }
        Some(true) => {
            user.facts.suspended_by.remove(&Block::Connection(connection.clone()));
        }
        None => {}
    }
}

/// Brings what the connection gives in line with its rules; what others give stays.
fn set_grants(user: &mut User, origin: &Origin, grants: &Grants) {
    withdraw_origin(user, origin);
    for role in &grants.roles {
        user.roles.entry(role.clone()).or_default().insert(origin.clone());
    }
    for licence in &grants.licences {
        claim_licence(user, licence, origin.clone());
    }
}

/// The connection no longer has the person: deleted when no other source does, unlinked otherwise. True when deleted.
///
/// # Errors
/// [`DirectoryError::Denied`] when the person is another source's; as the store's read.
pub async fn remove(unit: &mut Unit, context: Context<'_>, user: &User) -> Result<bool, DirectoryError> {
    let name = &context.connection.name;
    let held_by = user.held_by();
    if !held_by.is_empty() && !held_by.contains(name) {
        return Err(DirectoryError::Denied(Denial::HeldByAnother));
    }
    if held_by.len() <= 1 {
        unit.delete_user(user).await?;
        return Ok(true);
    }
    let mut after = user.clone();
    after.sources.remove(name);
    after.external_ids.remove(name);
    set_active(&mut after, name, Some(true));
    withdraw_origin(&mut after, &context.origin());
    let mut aside = authority::let_go(&mut after, name, context.organisation);
    wait_for_others(unit, context, &mut after, &mut aside).await?;
    let moving = rule_teams::prepare(unit, context, &mut after, &BTreeSet::new()).await?;
    let user = unit.update_user(user, after).await?;
    moving.carry_out(unit, user).await?;
    Ok(false)
}
