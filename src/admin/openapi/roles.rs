//! Roles and their holders.

use serde_json::Value;

use super::description::{Description, delete, get, post, put};
use super::schema::{any, boolean, integer, list, map, named, nullable, object, of_with, text, uuid, words};
use crate::admin::roles::{Giving, Manner};
use crate::model::role::Role;

pub(super) fn descriptions() -> Vec<Description> {
    vec![
        get("roles", "Roles in the order of their keys, or those that are asked for").answers_list(named("Role")),
        post("roles", "Makes a role, and gives it to `users` in the same commit")
            .takes_schema(of_with::<Role, 1>([("users", list(text()))]))
            .answers_created(named("Role")),
        get("roles/matrix", "Every role with every permission, side by side").answers(named("RoleMatrix")),
        get("roles/{role}", "One role, with how many people hold it").answers(named("Role")),
        put("roles/{role}", "What a role is to be, as a whole")
            .takes::<Role>()
            .answers(named("Role")),
        delete(
            "roles/{role}",
            "Deletes a role with the `confirm` of its impact; without it nothing happens and the impact is answered",
        )
        .query::<Manner>()
        .answers(named("RoleImpact")),
        get("roles/{role}/impact", "What deleting a role would mean")
            .query::<Manner>()
            .answers(named("RoleImpact")),
        get(
            "roles/{role}/holders",
            "Everyone who holds the role in the organisation, with the reasons",
        )
        .answers_list(named("RoleHolder")),
        put(
            "roles/{role}/groups/{group}",
            "Links a role to a group: its holders are members from now on",
        )
        .answers(named("Role")),
        delete(
            "roles/{role}/groups/{group}",
            "Unlinks a role from a group: who has no other reason leaves",
        )
        .answers(named("Role")),
        put(
            "roles/{role}/given-by/{group}",
            "Has a group give the role: its members hold it from now on",
        )
        .answers(named("Role")),
        delete(
            "roles/{role}/given-by/{group}",
            "Has a group give the role no more: who has no other reason loses it",
        )
        .answers(named("Role")),
        get(
            "users/{user}/roles/{role}",
            "What giving the role would change for the user, or taking it from one who was given it",
        )
        .answers(named("RoleEffect")),
        put("users/{user}/roles/{role}", "Gives a user a role directly")
            .query::<Giving>()
            .answers(named("User")),
        delete(
            "users/{user}/roles/{role}",
            "Takes back a role that was given directly; what comes otherwise stays",
        )
        .answers(named("User")),
    ]
}

pub(super) fn components() -> Vec<(&'static str, Value)> {
    let cells = || map(list(words(&["self", "group", "subtree", "organisation"])));
    let row = object([("action", text()), ("name", text()), ("area", nullable(text()))], []);
    let column = object(
        [
            ("key", text()),
            ("name", text()),
            ("scope", words(&["global", "group"])),
            ("administers", boolean()),
            ("cells", cells()),
        ],
        [("linked_cells", cells())],
    );
    vec![
        ("Role", role()),
        (
            "RoleMatrix",
            object([("permissions", list(row)), ("roles", list(column))], []),
        ),
        (
            "RoleImpact",
            object(
                [
                    ("role", text()),
                    (
                        "linked_groups",
                        words(&["drop-memberships", "disable-groups", "delete-groups"]),
                    ),
                    ("users", integer()),
                    ("first_users", list(object([("id", uuid()), ("user_name", text())], []))),
                    ("memberships", integer()),
                    ("groups", list(linked_group())),
                    ("given_by", list(object([("id", uuid()), ("display_name", text())], []))),
                    ("confirm", text()),
                ],
                [],
            ),
        ),
        (
            "RoleEffect",
            object(
                [
                    ("held", boolean()),
                    ("gained", list(ability())),
                    ("lost", list(ability())),
                    ("administers", boolean()),
                    ("groups", list(uuid())),
                    ("in_place_of", list(text())),
                ],
                [],
            ),
        ),
        (
            "RoleHolder",
            object(
                [
                    ("id", uuid()),
                    ("user_name", text()),
                    ("state", text()),
                    ("origins", nullable(list(text()))),
                ],
                [("display_name", nullable(text())), ("role", text())],
            ),
        ),
    ]
}

/// A linked group of a role that is deleted, and what becomes of it.
fn linked_group() -> Value {
    let gives = object([("roles", list(text())), ("licences", list(text()))], []);
    object(
        [
            ("id", uuid()),
            ("display_name", text()),
            ("becomes", words(&["stays", "disabled", "deleted"])),
            ("members", integer()),
            ("gives", gives),
            ("resources", integer()),
        ],
        [("reason", text())],
    )
}

/// An action, and where it counts.
fn ability() -> Value {
    object([("action", text()), ("place", any())], [])
}

fn role() -> Value {
    object(
        [
            ("key", text()),
            ("name", text()),
            ("scope", words(&["global", "group"])),
            ("permissions", list(text())),
            ("includes", list(text())),
            ("administers", boolean()),
            ("built_in", boolean()),
            ("assignable", words(&["everywhere", "api"])),
            ("linked_groups", list(uuid())),
            ("group_permissions", list(text())),
            ("max_holders", nullable(integer())),
            ("protected", boolean()),
            ("requires_licence", nullable(text())),
            ("takes_seat", boolean()),
            ("one_of", nullable(text())),
            ("holders", integer()),
        ],
        [],
    )
}
