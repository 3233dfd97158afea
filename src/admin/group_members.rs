//! Members of a group, and the roles that they hold in it.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use async_trait::async_trait;
use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::directory::group_members::{
    AddMembers, ChangeGroupRole, MEMBERS_AT_ONCE, Reasons, RemoveMembers, RoleChange,
};
use crate::directory::membership::member_uuid;
use crate::directory::stretch::Stretch;
use crate::directory::{Directory, DirectoryError};
use crate::model::Object;
use crate::model::id::{GroupId, OrganisationId, UserId};
use crate::model::list::List;
use crate::model::membership::{Member, Membership};
use crate::model::slug::Slug;

use super::caller::{Administrator, Body, Parameters, Place};
use super::groups::find;
use super::listing::{Browse, Listing};
use super::problem::Problem;
use super::users;

/// Users by identifier or user name, and groups by identifier or name.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Named {
    /// Users.
    #[serde(default)]
    pub users: Vec<String>,
    /// Groups.
    #[serde(default)]
    pub groups: Vec<String>,
}

/// Members of a group: groups first, then users.
struct Members {
    organisation: OrganisationId,
    group: GroupId,
    /// What the group is called.
    called: String,
}

/// What names a member in a cursor: its kind and its identifier.
pub(super) struct MemberName(pub(super) Member);

impl FromStr for MemberName {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        parse_member(text).map(Self).ok_or(())
    }
}

/// The place of an item that shows a member's `kind` and `id`.
pub(super) fn member_of(item: &Value) -> String {
    let tag = if item["kind"] == "group" { 'g' } else { 'u' };
    format!("{tag}{}", item["id"].as_str().unwrap_or_default())
}

/// What users and groups are called: two round trips at most.
///
/// # Errors
/// As the store's read.
pub(super) async fn called(
    directory: &Directory,
    organisation: OrganisationId,
    members: impl Iterator<Item = Member> + Send,
) -> Result<BTreeMap<Member, String>, DirectoryError> {
    let (mut users, mut groups) = (Vec::new(), BTreeSet::new());
    for member in members {
        match member {
            Member::User(user) => users.push(user),
            Member::Group(group) => drop(groups.insert(group)),
        }
    }
    let users = directory.browse_users_by_id(organisation, &users).await?;
    let groups = directory.group_names(organisation, &groups).await?;
    let users = users.into_iter().map(|user| (Member::User(user.id), user.user_name));
    let groups = groups
        .into_iter()
        .map(|(group, name)| (Member::Group(group), name.to_string()));
    Ok(users.chain(groups).collect())
}

#[async_trait]
impl Browse for Members {
    type Name = MemberName;

    fn name(&self, item: &Value) -> String {
        member_of(item)
    }

    fn judged(&self, item: &Value) -> Object {
        let mut judged = item.as_object().cloned().unwrap_or_default();
        let roles = item["roles"].as_object().into_iter().flatten();
        judged.insert("roles".to_owned(), roles.map(|(role, _)| json!(role)).collect());
        judged
    }

    async fn browse(
        &self,
        directory: &Directory,
        along: Stretch<MemberName>,
        limit: usize,
    ) -> Result<Vec<Value>, DirectoryError> {
        let along = along.and_then(|MemberName(member)| Some(member));
        let members = directory
            .browse_members(self.organisation, self.group, along, limit)
            .await?;
        let names = called(directory, self.organisation, members.iter().map(|(member, _)| *member)).await?;
        let shown = |(member, edge): &(Member, Membership)| {
            json!({
                "kind": kind(*member),
                "id": member_uuid(*member),
                "member": names.get(member),
                "group": self.called,
                "group_id": self.group,
                "origins": edge.origins,
                "roles": edge.roles,
                "since": edge.since,
            })
        };
        Ok(members.iter().map(shown).collect())
    }
}

/// `GET .../groups/{group}/members`: with the reasons why each is in, and the roles held in the group (S001-10).
pub async fn list(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, group)): Place<(String, String)>,
    Parameters(listing): Parameters<Listing>,
) -> Result<Json<Value>, Problem> {
    let group = find(&directory, caller.organisation(), &group).await?;
    let question = listing.read(&directory, &caller, List::Members).await?;
    let members = Members {
        organisation: caller.organisation(),
        group: group.id,
        called: group.display_name,
    };
    Ok(Json(question.answer(&directory, members).await?))
}

/// `POST .../groups/{group}/members`: puts users and groups into it, all of them or none.
pub async fn add(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, group)): Place<(String, String)>,
    Body(named): Body<Named>,
) -> Result<Json<Value>, Problem> {
    let group = find(&directory, caller.organisation(), &group).await?;
    let add = AddMembers {
        group: group.id,
        members: members(&directory, &caller, &named).await?,
    };
    let texts = named.users.iter().chain(&named.groups);
    let changes = directory.run(&caller.permit, &add).await;
    let changes = changes.map_err(|error| as_named(error, texts.zip(&add.members)))?;
    Ok(Json(json!({ "added": ids(&changes.added) })))
}

/// Which reasons to take.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Manner {
    /// Also those of connections and their rules.
    #[serde(default)]
    managed: bool,
}

/// `DELETE .../groups/{group}/members/{member}`: takes a user, or a nested group, out of it. Whoever a connection holds in the
/// group stays and is answered with the reasons, unless `?managed=true` takes those too.
pub async fn remove(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, group, member)): Place<(String, String, String)>,
    Parameters(manner): Parameters<Manner>,
) -> Result<Json<Value>, Problem> {
    let group = find(&directory, caller.organisation(), &group).await?;
    let member = match users::find(&directory, caller.organisation(), &member).await {
        Ok(user) => Member::User(user.id),
        Err(DirectoryError::NotFound { .. }) => {
            let nested = find(&directory, caller.organisation(), &member).await;
            Member::Group(nested.map_err(|_| DirectoryError::not_found("member", &member))?.id)
        }
        Err(error) => return Err(error.into()),
    };
    let remove = RemoveMembers {
        group: group.id,
        members: vec![member],
        reasons: if manner.managed {
            Reasons::Managed
        } else {
            Reasons::Local
        },
    };
    let (changes, staying) = directory.run(&caller.permit, &remove).await?;
    let staying: Vec<Value> = staying
        .iter()
        .map(|(member, origins)| json!({ "kind": kind(*member), "id": member_uuid(*member), "origins": origins }))
        .collect();
    Ok(Json(json!({ "removed": ids(&changes.removed), "staying": staying })))
}

/// `POST .../groups/{group}/roles/{role}`: gives members a role in this group.
pub async fn give_role(
    state: State<Directory>,
    caller: Administrator,
    place: Place<(String, String, String)>,
    named: Body<Named>,
) -> Result<Json<Value>, Problem> {
    change_role(state, caller, place, named, RoleChange::Give).await
}

/// `DELETE .../groups/{group}/roles/{role}`: takes it from members.
pub async fn take_role(
    state: State<Directory>,
    caller: Administrator,
    place: Place<(String, String, String)>,
    named: Body<Named>,
) -> Result<Json<Value>, Problem> {
    change_role(state, caller, place, named, RoleChange::Take).await
}

async fn change_role(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, group, role)): Place<(String, String, String)>,
    Body(named): Body<Named>,
    change: RoleChange,
) -> Result<Json<Value>, Problem> {
    let group = find(&directory, caller.organisation(), &group).await?;
    let role: Slug = role.parse().map_err(|_| DirectoryError::not_found("role", &role))?;
    let change = ChangeGroupRole {
        group: group.id,
        role,
        members: members(&directory, &caller, &named).await?,
        change,
    };
    let changed = directory.run(&caller.permit, &change).await?;
    Ok(Json(json!({ "changed": ids(&changed) })))
}

/// The members that a request names.
pub(super) async fn members(
    directory: &Directory,
    caller: &Administrator,
    named: &Named,
) -> Result<Vec<Member>, Problem> {
    let count = named.users.len() + named.groups.len();
    if count > MEMBERS_AT_ONCE {
        let reason = format!("{count} are too many, at most {MEMBERS_AT_ONCE} at once: send them in parts");
        return Err(DirectoryError::invalid("users", reason).into());
    }
    let mut members = Vec::with_capacity(count);
    for user in &named.users {
        members.push(Member::User(
            users::find(directory, caller.organisation(), user).await?.id,
        ));
    }
    for group in &named.groups {
        members.push(Member::Group(find(directory, caller.organisation(), group).await?.id));
    }
    Ok(members)
}

/// Says of somebody who is out of the caller's reach what is said of somebody who is not there, so that nobody learns more than
/// what they asked with.
pub(super) fn as_named<'a>(
    error: DirectoryError,
    mut members: impl Iterator<Item = (&'a String, &'a Member)>,
) -> DirectoryError {
    let DirectoryError::NotFound { kind: "member", id } = &error else {
        return error;
    };
    match members.find(|(_, member)| member_uuid(**member).to_string() == *id) {
        Some((text, member)) => DirectoryError::not_found(kind(*member), text),
        None => error,
    }
}

/// The word for a member in answers.
pub(super) fn kind(member: Member) -> &'static str {
    match member {
        Member::User(_) => "user",
        Member::Group(_) => "group",
    }
}

fn ids(members: &[Member]) -> Vec<uuid::Uuid> {
    members.iter().copied().map(member_uuid).collect()
}

fn parse_member(cursor: &str) -> Option<Member> {
    if let Some(id) = cursor.strip_prefix('u') {
        return id.parse::<UserId>().ok().map(Member::User);
    }
    let id = cursor.strip_prefix('g')?;
    id.parse::<GroupId>().ok().map(Member::Group)
}
