//! Permissions: the catalogue, the defaults, what is given to one user, and what it all comes to.

use serde_json::Value;

use super::description::{Description, delete, get, post, put};
use super::schema::{any, boolean, list, map, named, nullable, object, page, text, uuid, with, words};
use crate::admin::listing::Listing;
use crate::admin::{access, grants, rights};
use crate::model::effective::DefaultGrants;
use crate::model::permission::definition::Definition;

pub(super) fn descriptions() -> Vec<Description> {
    let mut all = of_everyone();
    all.extend(of_one_user());
    all
}

fn of_everyone() -> Vec<Description> {
    vec![
        get(
            "permissions",
            "The catalogue of permissions, and the gateway's own actions, which need no entry in it",
        )
        .query::<Listing>()
        .answers(with(
            page(named("Permission")),
            [("gateway_actions", list(text()))],
        )),
        put("permissions/{key}", "Makes a permission, or replaces it as a whole")
            .takes::<Definition>()
            .answers(named("Permission")),
        delete("permissions/{key}", "Takes a permission out of the catalogue").answers_nothing(),
        get(
            "default-permissions",
            "What everyone and every guest may do without a role",
        )
        .answers(named("DefaultPermissions")),
        put(
            "default-permissions",
            "What everyone and every guest may do without a role, as a whole",
        )
        .takes::<DefaultGrants>()
        .answers(named("DefaultPermissions")),
    ]
}

fn of_one_user() -> Vec<Description> {
    let granted = || object([("items", list(text()))], []);
    vec![
        get("users/{user}/access", "Whose data a user sees, area by area").answers(named("Access")),
        put("users/{user}/access/{area}", "Whose data a user is to see of one area")
            .takes::<access::NewAccess>()
            .answers(named("Access")),
        get("users/{user}/permissions", "Permissions given to a user without a role").answers(granted()),
        post("users/{user}/permissions", "Gives a user a permission without a role")
            .takes::<grants::Named>()
            .answers(granted()),
        delete(
            "users/{user}/permissions",
            "Takes back a permission that was given without a role",
        )
        .query::<grants::Named>()
        .answers(granted()),
        get(
            "users/{user}/effective",
            "Every right of a user, with every chain of reasons",
        )
        .answers(object(
            [
                ("user", uuid()),
                ("administers", boolean()),
                ("rights", list(named("Right"))),
            ],
            [],
        )),
        get(
            "users/{user}/explain",
            "Where a right of a user comes from, every way, and whether it counts",
        )
        .query::<rights::Explained>()
        .answers(object(
            [
                ("user", uuid()),
                ("permission", text()),
                ("allowed", boolean()),
                ("administers", boolean()),
                ("because", list(named("Right"))),
            ],
            [],
        )),
        get(
            "users/{user}/eligibility",
            "Whether a user can do something at present, and every reason why not",
        )
        .query::<rights::Asked>()
        .answers(object(
            [
                ("user", uuid()),
                ("action", text()),
                ("eligible", boolean()),
                ("reasons", list(text())),
            ],
            [],
        )),
    ]
}

pub(super) fn components() -> Vec<(&'static str, Value)> {
    let seen = || {
        object(
            [("mode", words(&["none", "assigned", "own", "list", "all"]))],
            [("groups", list(uuid()))],
        )
    };
    vec![
        (
            "Permission",
            object(
                [
                    ("key", text()),
                    ("name", text()),
                    ("area", nullable(text())),
                    ("parent", nullable(text())),
                    ("reaches", list(words(&["self", "group", "subtree", "organisation"]))),
                    ("implies", list(text())),
                    ("parameters", map(list(text()))),
                    ("requires_feature", nullable(text())),
                    ("requires_group", boolean()),
                    ("roams_with", nullable(text())),
                    ("requires_resource", nullable(text())),
                    ("flag", boolean()),
                ],
                [],
            ),
        ),
        (
            "DefaultPermissions",
            object([("everyone", list(text())), ("guests", list(text()))], []),
        ),
        (
            "Access",
            object(
                [
                    ("group", seen()),
                    ("report", seen()),
                    ("audio", seen()),
                    ("scoring", seen()),
                ],
                [],
            ),
        ),
        (
            "Right",
            object(
                [("action", text()), ("place", any())],
                [
                    ("parameters", map(text())),
                    ("via", list(any())),
                    ("asleep", list(any())),
                ],
            ),
        ),
    ]
}
