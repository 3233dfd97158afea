//! Groups and their members.

use serde_json::Value;

use super::description::{Description, get};
use super::schema::{boolean, integer, list, map, named, object, text, time, uuid, words};

pub(super) fn descriptions() -> Vec<Description> {
    vec![
        get("groups", "Groups, in the order of their creation").answers_page(named("Group")),
        get("groups/{group}", "One group, by identifier or name").answers(named("Group")),
        get("groups/{group}/members", "Its members, with the reasons why each is in").answers_page(named("Member")),
    ]
}

pub(super) fn components() -> Vec<(&'static str, Value)> {
    vec![
        (
            "Group",
            object(
                [
                    ("id", uuid()),
                    ("display_name", text()),
                    ("kind", text()),
                    ("enabled", boolean()),
                    ("members", integer()),
                    ("created", time()),
                    ("last_modified", time()),
                ],
                [("external_ids", map(text()))],
            ),
        ),
        (
            "Member",
            object(
                [
                    ("kind", words(&["user", "group"])),
                    ("id", uuid()),
                    ("origins", list(text())),
                    ("since", time()),
                ],
                [("roles", super::schema::any())],
            ),
        ),
    ]
}
