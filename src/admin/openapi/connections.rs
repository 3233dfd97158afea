//! Connections, their runs, review lists and request journals.

use serde_json::Value;

use super::description::{Description, delete, get, post};
use super::schema::{any, boolean, integer, list, named, nullable, object, text, time, uuid, words};
use crate::admin::{reviews, sync};

pub(super) fn descriptions() -> Vec<Description> {
    vec![
        get("connections", "Connections, each with how many people it is linked to").answers(object(
            [(
                "items",
                list(object(
                    [
                        ("name", text()),
                        ("kind", text()),
                        ("onboarding", text()),
                        ("linked", integer()),
                    ],
                    [("schedule", nullable(text()))],
                )),
            )],
            [],
        )),
        get("connections/{name}", "One connection with all its settings")
            .answers(object([("name", text()), ("kind", text())], [])),
        post(
            "connections/{name}/test",
            "Tries the connection out, which changes nothing",
        )
        .answers_lines(lines()),
        post(
            "connections/{name}/sync",
            "Runs the connection, with its progress line by line, last the report",
        )
        .query::<sync::Manner>()
        .answers_lines(lines()),
        get(
            "connections/{name}/runs",
            "The runs that are kept, newest first, and how the connection stands",
        )
        .answers(object(
            [("runs", list(any())), ("failures", any())],
            [
                ("last_good", any()),
                ("last_changes", any()),
                ("last_presence", any()),
                ("last_error", any()),
                ("held", any()),
            ],
        )),
        delete("connections/{name}/held", "Forgets the plan that the brake holds")
            .answers(object([("discarded", boolean())], [])),
        post(
            "connections/{name}/held/approve",
            "Lets the next run apply exactly the plan that the brake holds",
        )
        .takes::<sync::Approval>()
        .answers_nothing(),
        get(
            "connections/{name}/journal",
            "What the connection's client asked, the newest first",
        )
        .answers_page(named("JournalEntry")),
        get(
            "connections/{name}/reviews",
            "Identities that look like somebody who is there already, the oldest first",
        )
        .answers(object([("items", list(named("Review")))], [])),
        post("connections/{name}/reviews", "Decides about one identity")
            .takes::<reviews::Decision>()
            .answers(named("Review")),
    ]
}

fn lines() -> Value {
    object([], [("progress", any()), ("done", any()), ("failed", any())])
}

pub(super) fn components() -> Vec<(&'static str, Value)> {
    vec![
        (
            "JournalEntry",
            object(
                [
                    ("id", uuid()),
                    ("at", time()),
                    ("method", text()),
                    ("path", text()),
                    ("status", integer()),
                    ("duration_ms", integer()),
                ],
                [("normalised", list(any())), ("refusal", any())],
            ),
        ),
        (
            "Review",
            object(
                [
                    ("id", text()),
                    ("kind", words(&["user", "group"])),
                    ("name", text()),
                    ("found", uuid()),
                    ("matched", text()),
                    ("since", time()),
                ],
                [("external_id", text()), ("decision", any())],
            ),
        ),
    ]
}
