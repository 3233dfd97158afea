//! What may happen in a history.

use axum::http::Method;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::access::put_or_delete;
use super::act::Act;
use super::organisation::Variant;
use super::world::World;
use crate::kit::scim::{GROUP, USER};

/// Numbers stand for people and groups: the n-th that was made, round and round.
type Pick = u8;

/// One request, or a few that belong together.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// The identity provider creates a person under one of a few names.
    Create(Pick),
    /// It writes a person anew.
    Replace(Pick, Pick),
    /// It says whether the person is active.
    SetActive(Pick, bool),
    /// It deletes a person.
    Delete(Pick),
    /// It creates a group under one of a few names, with some members.
    CreateGroup(Pick, Vec<Pick>),
    /// It adds people to a group.
    AddMembers(Pick, Vec<Pick>),
    /// It takes a person out of a group.
    RemoveMember(Pick, Pick),
    /// It replaces a group's members.
    SetMembers(Pick, Vec<Pick>),
    /// It renames a group.
    RenameGroup(Pick, Pick),
    /// It deletes a group.
    DeleteGroup(Pick),
    /// An administrator does something with a person: one of [`World::VERBS`].
    Administer(Pick, Pick),
    /// An administrator deletes a person.
    AdministratorDeletes(Pick),
    /// The person whose invitation was made last accepts it.
    Accept,
    /// The limit and the policy of the licence change.
    Limit(u8, u8),
    /// An administrator gives a person a licence, or takes it.
    License(Pick, Pick, bool),
    /// An administrator gives a person a role, or takes it; one of them puts its holders into a group.
    Assign(Pick, Pick, bool),
    /// An administrator puts a person into a group, or takes the person out.
    Join(Pick, Pick, bool),
    /// A person has another home group.
    Move(Pick, Pick),
    /// What a group gives changes.
    Give(Pick, Pick, bool),
    /// A group's rights sleep, or wake.
    Enable(Pick, bool),
    /// A role puts its holders into a group, or no longer.
    Link(Pick, Pick, bool),
    /// A person is made by an administrator.
    Prepare(Pick, bool),
    /// A person is erased.
    Erase(Pick),
    /// One of everything else that can be asked for.
    Act(Act),
}

impl Arbitrary for Step {
    type Parameters = ();
    type Strategy = BoxedStrategy<Self>;

    fn arbitrary_with((): ()) -> Self::Strategy {
        let pick = any::<Pick>;
        let some = || prop::collection::vec(any::<Pick>(), 0..4);
        prop_oneof![
            12 => pick().prop_map(Self::Create),
            3 => (pick(), pick()).prop_map(|(who, name)| Self::Replace(who, name)),
            4 => (pick(), any::<bool>()).prop_map(|(who, active)| Self::SetActive(who, active)),
            2 => pick().prop_map(Self::Delete),
            4 => (pick(), some()).prop_map(|(name, members)| Self::CreateGroup(name, members)),
            4 => (pick(), some()).prop_map(|(group, members)| Self::AddMembers(group, members)),
            3 => (pick(), pick()).prop_map(|(group, who)| Self::RemoveMember(group, who)),
            2 => (pick(), some()).prop_map(|(group, members)| Self::SetMembers(group, members)),
            1 => (pick(), pick()).prop_map(|(group, name)| Self::RenameGroup(group, name)),
            1 => pick().prop_map(Self::DeleteGroup),
            8 => (pick(), pick()).prop_map(|(who, verb)| Self::Administer(who, verb)),
            1 => pick().prop_map(Self::AdministratorDeletes),
            1 => Just(Self::Accept),
            3 => (any::<u8>(), any::<u8>()).prop_map(|(limit, policy)| Self::Limit(limit, policy)),
            4 => (pick(), pick(), any::<bool>()).prop_map(|(who, licence, gives)| Self::License(who, licence, gives)),
            4 => (pick(), pick(), any::<bool>()).prop_map(|(who, role, gives)| Self::Assign(who, role, gives)),
            3 => (pick(), pick(), any::<bool>()).prop_map(|(group, who, comes)| Self::Join(group, who, comes)),
            2 => (pick(), pick()).prop_map(|(who, group)| Self::Move(who, group)),
            2 => (pick(), pick(), any::<bool>()).prop_map(|(group, what, adds)| Self::Give(group, what, adds)),
            1 => (pick(), any::<bool>()).prop_map(|(group, wakes)| Self::Enable(group, wakes)),
            2 => (pick(), pick(), any::<bool>()).prop_map(|(role, group, links)| Self::Link(role, group, links)),
            2 => (pick(), any::<bool>()).prop_map(|(name, invites)| Self::Prepare(name, invites)),
            1 => pick().prop_map(Self::Erase),
            60 => any::<Act>().prop_map(Self::Act),
        ]
        .boxed()
    }
}

impl Step {
    /// Takes the step.
    pub(super) async fn take(&self, world: &mut World) -> Result<(), TestCaseError> {
        match self {
            Self::Create(name) => world.create("Users", &person(*name)).await,
            Self::Replace(who, name) => {
                let path = world.user(*who);
                world.scim(Method::PUT, &path, Some(person(*name))).await
            }
            Self::SetActive(who, active) => {
                let path = world.user(*who);
                let change = json!([{ "op": "replace", "path": "active", "value": active }]);
                world.scim(Method::PATCH, &path, Some(patch(change))).await
            }
            Self::Delete(who) => {
                let path = world.user(*who);
                world.scim(Method::DELETE, &path, None).await
            }
            Self::CreateGroup(name, members) => {
                let members = world.members(members);
                let group = json!({ "schemas": [GROUP], "displayName": group_name(*name), "members": members });
                world.create("Groups", &group).await
            }
            Self::AddMembers(group, members) => {
                let change = json!([{ "op": "add", "path": "members", "value": world.members(members) }]);
                world.change_group(*group, change).await
            }
            Self::RemoveMember(group, who) => {
                let id = world.user_id(*who);
                let change = json!([{ "op": "remove", "path": format!("members[value eq \"{id}\"]") }]);
                world.change_group(*group, change).await
            }
            Self::SetMembers(group, members) => {
                let change = json!([{ "op": "replace", "path": "members", "value": world.members(members) }]);
                world.change_group(*group, change).await
            }
            Self::RenameGroup(group, name) => {
                let change = json!([{ "op": "replace", "path": "displayName", "value": group_name(*name) }]);
                world.change_group(*group, change).await
            }
            Self::DeleteGroup(group) => {
                let path = world.group(*group);
                world.scim(Method::DELETE, &path, None).await
            }
            Self::Administer(who, verb) => world.administer(*who, *verb).await,
            Self::AdministratorDeletes(who) => {
                world
                    .admin(Method::DELETE, &format!("users/{}", world.user_id(*who)), None)
                    .await
            }
            Self::Accept => world.accept().await,
            Self::Limit(limit, policy) => {
                let variant = Variant {
                    limit: limit % 4,
                    policy: *policy,
                    ..world.variant
                };
                world.apply(variant).await
            }
            Self::License(who, licence, true) => {
                let body = json!({ "licence": one_of(&LICENCES, *licence) });
                world
                    .admin(
                        Method::POST,
                        &format!("users/{}/licences", world.user_id(*who)),
                        Some(body),
                    )
                    .await
            }
            Self::License(who, licence, false) => {
                let path = format!("users/{}/licences/{}", world.user_id(*who), one_of(&LICENCES, *licence));
                world.admin(Method::DELETE, &path, None).await
            }
            Self::Assign(who, role, gives) => {
                let path = format!("users/{}/roles/{}", world.user_id(*who), one_of(&ROLES, *role));
                world.admin(put_or_delete(*gives), &path, None).await
            }
            Self::Join(group, who, true) => {
                let body = json!({ "users": [world.user_id(*who)] });
                world
                    .admin(
                        Method::POST,
                        &format!("groups/{}/members", world.group_id(*group)),
                        Some(body),
                    )
                    .await
            }
            Self::Join(group, who, false) => {
                let path = format!("groups/{}/members/{}", world.group_id(*group), world.user_id(*who));
                world.admin(Method::DELETE, &path, None).await
            }
            Self::Move(who, group) => {
                let body = json!({ "to": world.group_id(*group) });
                world
                    .admin(Method::POST, &format!("users/{}/move", world.user_id(*who)), Some(body))
                    .await
            }
            Self::Give(group, what, adds) => {
                let what = json!({ "roles": [one_of(&ROLES, *what)], "licences": [one_of(&LICENCES, *what)] });
                let body = if *adds {
                    json!({ "add": what })
                } else {
                    json!({ "remove": what })
                };
                world
                    .admin(
                        Method::POST,
                        &format!("groups/{}/gives", world.group_id(*group)),
                        Some(body),
                    )
                    .await
            }
            Self::Enable(group, wakes) => {
                let verb = if *wakes { "enable" } else { "disable" };
                world
                    .admin(Method::POST, &format!("groups/{}/{verb}", world.group_id(*group)), None)
                    .await
            }
            Self::Link(role, group, links) => {
                let path = format!("roles/{}/groups/{}", one_of(&ROLES, *role), world.group_id(*group));
                world.admin(put_or_delete(*links), &path, None).await
            }
            Self::Prepare(name, invites) => world.prepare(&format!("person{}", name % 6), *invites).await,
            Self::Erase(who) => world.erase(*who).await,
            Self::Act(act) => act.take(world).await,
        }
    }
}

/// Few names, so that people meet.
pub(super) fn person(name: Pick) -> Value {
    let name = name % 6;
    json!({
        "schemas": [USER],
        "userName": format!("person{name}"),
        "externalId": format!("ext{name}"),
        "displayName": format!("Person {name}"),
        "emails": [{ "value": format!("person{name}@acme.example"), "primary": true }],
    })
}

pub(super) const LICENCES: [&str; 3] = ["basic", "pro", "lead"];
pub(super) const ROLES: [&str; 3] = ["member", "agent", "head"];

fn one_of(names: &[&'static str], pick: Pick) -> &'static str {
    names[usize::from(pick) % names.len()]
}

fn group_name(name: Pick) -> String {
    // One of them gives a licence by a rule of the connection.
    ["leads", "staff", "guests"][usize::from(name) % 3].to_owned()
}

/// A PATCH request (RFC 7644 s3.5.2).
pub(super) fn patch(operations: Value) -> Value {
    json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations })
}
