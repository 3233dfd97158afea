//! Groups, their members and their tree.

use serde_json::Value;

use super::description::{Description, delete, get, patch, post, put};
use super::schema::{any, boolean, integer, list, map, named, nullable, object, of_with, text, time, uuid, words};
use crate::admin::group_edit::GivesChange;
use crate::admin::trial::Trial;
use crate::admin::{group_members, group_tree};
use crate::model::group::GroupDraft;
use crate::model::locale::Defaults;

pub(super) fn descriptions() -> Vec<Description> {
    let mut all = of_groups();
    all.extend(of_what_groups_give());
    all.extend(of_members());
    all
}

fn of_groups() -> Vec<Description> {
    vec![
        get(
            "groups",
            "Groups in the order of their creation, or those that are asked for",
        )
        .answers_list(named("Group")),
        post(
            "groups",
            "Makes a group, with its first members (`users`) and what is assigned to it (`resources`)",
        )
        .takes_schema(of_with::<GroupDraft, 2>([
            ("users", list(text())),
            ("resources", list(text())),
        ]))
        .query::<Trial>()
        .answers_created(named("Group"))
        .answers(named("Group")),
        get(
            "groups/tree",
            "Groups with those below them, in the order of their codes",
        )
        .query::<group_tree::Wanted>()
        .answers(object([("items", list(named("GroupNode")))], [])),
        get("groups/{group}", "One group, by identifier or name").answers(named("Group")),
        patch("groups/{group}", "Changes a group by a JSON merge patch (RFC 7396)")
            .takes_schema(map(any()))
            .answers(named("Group")),
        delete(
            "groups/{group}",
            "Deletes a group for good; members lose what they had because of it",
        )
        .answers_nothing(),
        put(
            "groups/{group}/defaults",
            "The language, time zone and country prefix of those who have none of their own",
        )
        .takes::<Defaults>()
        .answers(object([("id", uuid()), ("defaults", named("Defaults"))], [])),
        post(
            "groups/{group}/disable",
            "Disables a group: its rights sleep, nothing is taken away",
        )
        .answers(named("Group")),
        post(
            "groups/{group}/enable",
            "Enables a group: its rights are in force again",
        )
        .answers(named("Group")),
    ]
}

fn of_what_groups_give() -> Vec<Description> {
    vec![
        post(
            "groups/{group}/gives",
            "Changes the roles and licences that members have by being members",
        )
        .takes::<GivesChange>()
        .answers(object(
            [
                ("gives", named("Gives")),
                ("changed", integer()),
                ("refused", list(uuid())),
            ],
            [],
        )),
        put(
            "groups/{group}/linked-roles/{role}",
            "Links a role to a group from the group's end: the role's holders are members from now on",
        )
        .answers(named("Group")),
        delete(
            "groups/{group}/linked-roles/{role}",
            "Unlinks a role from a group from the group's end",
        )
        .answers(named("Group")),
    ]
}

fn of_members() -> Vec<Description> {
    let kind = || words(&["user", "group"]);
    let changed = || object([("changed", list(uuid()))], []);
    let staying = object([("kind", kind()), ("id", uuid()), ("origins", list(text()))], []);
    vec![
        get("groups/{group}/members", "Its members, with the reasons why each is in").answers_list(named("Member")),
        post(
            "groups/{group}/members",
            "Puts users and groups into a group, all of them or none",
        )
        .takes::<group_members::Named>()
        .answers(object([("added", list(uuid()))], [])),
        delete(
            "groups/{group}/members/{member}",
            "Takes a member out of a group; whoever a connection holds stays unless `managed` is true",
        )
        .query::<group_members::Manner>()
        .answers(object([("removed", list(uuid())), ("staying", list(staying))], [])),
        post("groups/{group}/roles/{role}", "Gives members a role in this group")
            .takes::<group_members::Named>()
            .answers(changed()),
        delete("groups/{group}/roles/{role}", "Takes a role in this group from members")
            .takes::<group_members::Named>()
            .answers(changed()),
    ]
}

pub(super) fn components() -> Vec<(&'static str, Value)> {
    let kind = || words(&["group", "team", "unit", "room"]);
    vec![
        (
            "Group",
            object(
                [
                    ("id", uuid()),
                    ("display_name", text()),
                    ("kind", kind()),
                    ("enabled", boolean()),
                    ("parent", nullable(uuid())),
                    ("level", integer()),
                    ("is_billing_root", boolean()),
                    ("is_default", boolean()),
                    ("members", integer()),
                    ("defaults", named("Defaults")),
                    ("gives", named("Gives")),
                    ("attributes", map(any())),
                    ("external_ids", map(text())),
                    ("created", time()),
                    ("last_modified", time()),
                ],
                [
                    ("code", nullable(text())),
                    ("linked_roles", list(text())),
                    ("link", nullable(text())),
                    ("avatar", nullable(text())),
                ],
            ),
        ),
        ("GroupNode", node(kind())),
        (
            "Defaults",
            object(
                [],
                [("language", text()), ("timezone", text()), ("country_prefix", text())],
            ),
        ),
        (
            "Gives",
            object([("roles", list(text())), ("licences", list(text()))], []),
        ),
        (
            "Member",
            object(
                [
                    ("kind", words(&["user", "group"])),
                    ("id", uuid()),
                    ("origins", list(text())),
                    ("since", time()),
                    ("group", text()),
                    ("group_id", uuid()),
                ],
                [("roles", any()), ("member", nullable(text()))],
            ),
        ),
    ]
}

/// A group of the tree.
fn node(kind: Value) -> Value {
    object(
        [
            ("id", uuid()),
            ("display_name", text()),
            ("kind", kind),
            ("level", integer()),
            ("enabled", boolean()),
            ("is_billing_root", boolean()),
            ("children", list(named("GroupNode"))),
        ],
        [("code", nullable(text()))],
    )
}
