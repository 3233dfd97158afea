//! Resources, and who has them.

use serde_json::Value;

use super::description::{Description, delete, get, patch, post};
use super::schema::{any, boolean, integer, list, map, named, nullable, object, text, time, uuid, words};
use crate::admin::resource_assign::{Assign, Withdraw};
use crate::admin::resources::Wanted;
use crate::model::resource::ResourceDraft;

pub(super) fn descriptions() -> Vec<Description> {
    let mut all = vec![
        get(
            "resource-types",
            "Types of resources, each with how many resources there are",
        )
        .answers_list(named("ResourceType")),
        get(
            "resources",
            "Resources, or those of one type, in the order of their creation",
        )
        .list_query::<Wanted>()
        .answers_list(named("Resource")),
        post("resources", "Makes a resource")
            .takes::<ResourceDraft>()
            .answers_created(named("Resource")),
        get("resources/{resource}", "One resource, by identifier or as TYPE:NAME").answers(named("Resource")),
        patch(
            "resources/{resource}",
            "Changes a resource by a JSON merge patch (RFC 7396)",
        )
        .takes_schema(map(any()))
        .answers(named("Resource")),
        delete(
            "resources/{resource}",
            "Deletes a resource for good, with its assignments",
        )
        .answers_nothing(),
    ];
    all.extend(of_assignments());
    all
}

fn of_assignments() -> Vec<Description> {
    vec![
        get(
            "resources/{resource}/assignments",
            "The users and groups that a resource is assigned to",
        )
        .answers_list(object(
            [
                ("kind", words(&["user", "group"])),
                ("id", uuid()),
                ("attributes", map(any())),
                ("since", time()),
                ("type", text()),
                ("resource", text()),
                ("resource_id", uuid()),
            ],
            [("subject", nullable(text()))],
        )),
        post(
            "resources/{resource}/assignments",
            "Assigns a resource, or changes what the assignments say; to all that are named or to none",
        )
        .takes::<Assign>()
        .answers(object([("changed", list(uuid()))], [])),
        delete(
            "resources/{resource}/assignments/{kind}/{subject}",
            "Takes a resource from a user (`users`) or a group (`groups`)",
        )
        .answers_nothing(),
        get(
            "users/{user}/resources",
            "What a user has now, directly or because of a group",
        )
        .answers_list(named("HeldResource")),
        get(
            "groups/{group}/resources",
            "What the members of a group have because of it",
        )
        .answers_list(named("HeldResource")),
        delete(
            "groups/{group}/resources",
            "Takes several resources from a group, all of them or none; with `preview` it only answers what would be taken",
        )
        .takes::<Withdraw>()
        .answers(object(
            [
                ("removed", list(named("Resource"))),
                ("members", integer()),
                ("preview", boolean()),
            ],
            [],
        )),
    ]
}

pub(super) fn components() -> Vec<(&'static str, Value)> {
    let facts = || {
        [
            ("id", uuid()),
            ("type", text()),
            ("name", text()),
            ("owner", nullable(uuid())),
            ("settings", map(any())),
            ("enabled", boolean()),
            ("expires", nullable(time())),
            ("created", time()),
            ("last_modified", time()),
        ]
    };
    vec![
        (
            "ResourceType",
            object(
                [
                    ("key", text()),
                    ("name", text()),
                    ("assignable", list(words(&["user", "group"]))),
                    ("exclusive", boolean()),
                    ("attributes", list(any())),
                    ("resources", integer()),
                ],
                [("settings", list(any()))],
            ),
        ),
        (
            "Resource",
            object(facts(), [("users", integer()), ("groups", integer())]),
        ),
        (
            "HeldResource",
            object(
                facts(),
                [("origins", list(text())), ("attributes", nullable(map(any())))],
            ),
        ),
    ]
}
