//! One row's person: made or changed, with everything that the row says, in one commit.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::directory::authorise::{Demand, On};
use crate::directory::bulk::Standing;
use crate::directory::error::Denial;
use crate::directory::group_members::AddMembers;
use crate::directory::invitation::InviteUser;
use crate::directory::keys;
use crate::directory::licence::AssignLicence;
use crate::directory::role_assignment::AssignRole;
use crate::directory::user::administer::{CreateUser, NewUser, UpdateUser};
use crate::directory::user::home::MoveUser;
use crate::directory::{Directory, DirectoryError, Operation, Permit, Principal, Unit};
use crate::model::Object;
use crate::model::id::{GroupId, OrganisationId, UserId};
use crate::model::import::PersonDraft;
use crate::model::invitation::Channel;
use crate::model::lifecycle::State;
use crate::model::membership::{Member, Membership};
use crate::model::schema::SchemaSet;
use crate::model::user::User;

/// Makes or changes the person of a row. Who has a group, role or licence for whatever reason is not given it again, so that what was
/// exported changes nothing.
pub(super) struct WritePerson<'a> {
    /// The organisation's schema of users.
    pub(super) schemas: &'a SchemaSet,
    /// What the row says.
    pub(super) draft: &'a PersonDraft,
    /// Who is there already.
    pub(super) user: Option<UserId>,
    /// Whether somebody who is prepared is invited.
    pub(super) invite: bool,
}

#[async_trait::async_trait]
impl Operation for WritePerson<'_> {
    /// Who it is, and whether anything changed.
    type Outcome = (UserId, bool);

    async fn attempt(&self, unit: &mut Unit) -> Result<Self::Outcome, DirectoryError> {
        let home = match &self.draft.home_group {
            Some(named) => Some(group(unit, "home_group", named).await?),
            None => None,
        };
        let user = match self.user {
            None => self.create(unit, home).await?,
            Some(user) => {
                self.update(unit, user, home).await?;
                user
            }
        };
        for named in &self.draft.groups {
            let group = group(unit, "groups", named).await?;
            let member = Member::User(user);
            let key = keys::group_member(unit.organisation(), group, member);
            if unit.find::<Membership>(&key).await?.is_none() {
                let members = vec![member];
                AddMembers { group, members }.attempt(unit).await?;
            }
        }
        for role in &self.draft.roles {
            if !unit.load_user(user).await?.roles.contains_key(role) {
                let role = role.clone();
                AssignRole {
                    user,
                    role,
                    in_place: false,
                }
                .attempt(unit)
                .await?;
            }
        }
        // Who has an invitation, or has come in, needs none.
        if self.invite && unit.load_user(user).await?.state() == State::Prepared {
            let channel = Some(Channel::Email);
            InviteUser { user, channel }.attempt(unit).await?;
        }
        Ok((user, !unit.is_unchanged()))
    }
}

impl WritePerson<'_> {
    async fn create(&self, unit: &mut Unit, home_group: Option<GroupId>) -> Result<UserId, DirectoryError> {
        let draft = self.draft;
        let mut groups = Vec::new();
        for named in &draft.groups {
            groups.push(group(unit, "groups", named).await?);
        }
        let new = NewUser {
            user_name: draft.user_name.clone().unwrap_or_default(),
            attributes: draft.attributes.clone(),
            login_ids: draft.login_ids.clone().unwrap_or_default(),
            nicknames: draft.nicknames.clone().unwrap_or_default(),
            labels: draft.labels.clone().unwrap_or_default(),
            country_prefix: draft.country_prefix.clone(),
            licences: draft.licences.clone(),
            home_group,
            groups,
            roles: draft.roles.clone(),
            invite: self.invite,
            channel: Some(Channel::Email),
            ..NewUser::default()
        };
        let create = CreateUser {
            schemas: self.schemas,
            user: &new,
        };
        let (made, _) = create.attempt(unit).await?;
        Ok(made.id)
    }

    async fn update(&self, unit: &mut Unit, user: UserId, home: Option<GroupId>) -> Result<(), DirectoryError> {
        let before = unit.load_user(user).await?;
        let patch = patch(self.draft, &before);
        if !patch.is_empty() {
            let update = UpdateUser {
                schemas: self.schemas,
                user,
                patch: &patch,
            };
            update.attempt(unit).await?;
        }
        for licence in &self.draft.licences {
            if before.licences.contains_key(licence) {
                continue;
            }
            let assign = AssignLicence {
                user,
                licence: licence.clone(),
                cost_centre: None,
            };
            assign.attempt(unit).await?;
        }
        match home {
            Some(to) if before.home_group != Some(to) => {
                let take_history = false;
                MoveUser { user, to, take_history }.attempt(unit).await.map(drop)
            }
            _ => Ok(()),
        }
    }
}

/// Those of the columns that are to be cleared in which the person has something.
fn clears<'a>(draft: &'a PersonDraft, before: &User) -> Vec<(&'a String, &'a String)> {
    let before = json!(before);
    let has = |pointer: &str| match before.pointer(pointer) {
        None | Some(Value::Null) => false,
        Some(Value::Array(items)) => !items.is_empty(),
        Some(Value::String(text)) => !text.is_empty(),
        Some(_) => true,
    };
    draft.cleared.iter().filter(|(_, pointer)| has(pointer)).collect()
}

impl Standing {
    /// The columns in which a row takes away what the person had.
    pub(super) fn cleared_by(&self, draft: &PersonDraft) -> BTreeSet<String> {
        let before = self.user();
        let columns = before.into_iter().flat_map(|user| clears(draft, user));
        columns.map(|(column, _)| column.clone()).collect()
    }
}

/// A merge patch that takes away what lies there.
fn cleared(pointer: &str) -> Value {
    let parts = pointer.rsplit('/').filter(|part| !part.is_empty());
    parts.fold(Value::Null, |inner, part| {
        let name = part.replace("~1", "/").replace("~0", "~");
        json!({ name: inner })
    })
}

/// What an update writes: what the row says and the person has not.
fn patch(draft: &PersonDraft, before: &User) -> Object {
    let mut patch = Object::new();
    if let Some(name) = draft.user_name.as_ref().filter(|name| **name != before.user_name) {
        patch.insert("user_name".to_owned(), json!(name));
    }
    let said = [
        (
            "country_prefix",
            draft.country_prefix.as_ref().map(|prefix| json!(prefix)),
        ),
        ("login_ids", draft.login_ids.as_ref().map(|logins| json!(logins))),
        ("nicknames", draft.nicknames.as_ref().map(|names| json!(names))),
        ("labels", draft.labels.as_ref().map(|labels| json!(labels))),
    ];
    for (name, value) in said {
        patch.extend(value.map(|value| (name.to_owned(), value)));
    }
    let mut attributes = draft.attributes.clone();
    attributes.retain(|name, value| {
        before
            .attributes
            .get(name)
            .is_none_or(|present| !is_told(value, present))
    });
    if !attributes.is_empty() {
        patch.insert("attributes".to_owned(), Value::Object(attributes));
    }
    for (_, pointer) in clears(draft, before) {
        join(&mut patch, cleared(pointer));
    }
    patch
}

/// Two patches as one: `null` stays, which a merge would take for "remove" (RFC 7396 section 2).
fn join(patch: &mut Object, more: Value) {
    let Value::Object(more) = more else { return };
    for (name, value) in more {
        match (patch.get_mut(&name), value) {
            (Some(Value::Object(inner)), value @ Value::Object(_)) => join(inner, value),
            (_, value) => drop(patch.insert(name, value)),
        }
    }
}

/// Whether a list of values says nothing new. A file has the values alone: their types and the rest stay as they are.
fn is_told(said: &Value, present: &Value) -> bool {
    let values = |list: &Value| -> Option<Vec<Value>> {
        let items = list.as_array()?;
        items.iter().map(|item| item.get("value").cloned()).collect()
    };
    values(said).is_some_and(|said| Some(said) == values(present))
}

/// A group by name or identifier.
async fn group(unit: &mut Unit, column: &str, named: &str) -> Result<GroupId, DirectoryError> {
    if let Ok(id) = named.parse::<GroupId>()
        && unit.find_group(id).await?.is_some()
    {
        return Ok(id);
    }
    let found = unit.find_group_name(named).await?;
    found.ok_or_else(|| DirectoryError::invalid(column, format!("group {named:?} does not exist")))
}

impl Directory {
    /// May do everything that a row asks for: what the requests for the single things would demand. A person who may not see
    /// somebody learns nothing of them.
    pub(super) async fn authorise_row(
        &self,
        principal: &Principal,
        organisation: OrganisationId,
        draft: &PersonDraft,
        (user, invite): (Option<UserId>, bool),
    ) -> Result<Permit, DirectoryError> {
        let Some(user) = user else {
            // Where somebody new may be made, and with what, is judged by the operation that makes them.
            let create = Demand {
                action: "user.create",
                on: On::Reachable,
            };
            return self.authorise(principal, organisation, Some(create)).await;
        };
        let on = On::User(user);
        let first = Demand {
            action: "user.update",
            on,
        };
        if principal.user().is_none() {
            return self.authorise(principal, organisation, Some(first)).await;
        }
        let see = Demand {
            action: "user.view",
            on,
        };
        match self.authorise(principal, organisation, Some(see)).await {
            Err(DirectoryError::Denied(Denial::NoRight)) => {
                return Err(DirectoryError::not_found("user", user));
            }
            other => other?,
        };
        let permit = self.authorise(principal, organisation, Some(first)).await?;
        let further = [
            ("role.assign", !draft.roles.is_empty()),
            ("licence.assign", !draft.licences.is_empty()),
            ("user.invite", invite),
        ];
        for (action, _) in further.into_iter().filter(|(_, is_wanted)| *is_wanted) {
            self.authorise(principal, organisation, Some(Demand { action, on }))
                .await?;
        }
        for named in draft.groups.iter().chain(&draft.home_group) {
            let found = match named.parse::<GroupId>() {
                Ok(id) => self.browse_group(organisation, id).await?,
                Err(_) => self.browse_group_name(organisation, named).await?,
            };
            let on = found.map_or(On::Organisation, |group| On::Group(group.id));
            let fill = Demand {
                action: "group.members",
                on,
            };
            self.authorise(principal, organisation, Some(fill)).await?;
        }
        Ok(permit)
    }
}
