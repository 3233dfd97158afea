//! Connections, their runs, review lists and request journals.

use serde_json::Value;

use super::description::{Description, delete, get, post};
use super::schema::{any, boolean, integer, list, named, nullable, object, text, time, uuid, words};
use crate::admin::{reviews, sync};

pub(super) fn descriptions() -> Vec<Description> {
    let mut all = of_connections();
    all.extend(of_runs());
    all
}

fn of_connections() -> Vec<Description> {
    vec![
        get("connections", "Connections, each with how many people it is linked to").answers_list(object(
            [
                ("name", text()),
                ("kind", text()),
                ("onboarding", text()),
                ("linked", integer()),
            ],
            [("schedule", nullable(text())), ("held", nullable(text()))],
        )),
        get("connections/{name}", "One connection with all its settings")
            .answers(object([("name", text()), ("kind", text())], [])),
        post(
            "connections/{name}/test",
            "Tries the connection out, which changes nothing",
        )
        .answers_lines(lines()),
        get(
            "connections/{name}/journal",
            "What the connection's client asked, the newest first",
        )
        .answers_list(named("JournalEntry")),
        get(
            "connections/{name}/reviews",
            "Identities that look like somebody who is there already, the oldest first",
        )
        .answers_list(named("Review")),
        post("connections/{name}/reviews", "Decides about one identity")
            .takes::<reviews::Decision>()
            .answers(named("Review")),
    ]
}

fn of_runs() -> Vec<Description> {
    vec![
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
        get(
            "connections/{name}/failures",
            "Entries that runs left as they were, with the reason",
        )
        .answers_list(named("Failure")),
        post(
            "connections/{name}/failures/retry",
            "Tries one entry of the failure list again, or all of it, and reads nothing else",
        )
        .query::<sync::Retry>()
        .answers_lines(lines()),
        get(
            "connections/{name}/held/differences",
            "What the plan that the brake holds would change, as it was read when it was held",
        )
        .answers_list(named("Difference")),
        delete("connections/{name}/held", "Forgets the plan that the brake holds")
            .answers(object([("discarded", boolean())], [])),
        post(
            "connections/{name}/held/approve",
            "Lets the next run apply exactly the plan that the brake holds",
        )
        .takes::<sync::Approval>()
        .answers_nothing(),
    ]
}

fn lines() -> Value {
    object(
        [],
        [
            ("progress", any()),
            ("difference", named("Difference")),
            ("done", any()),
            ("failed", any()),
        ],
    )
}

/// What one step of a plan changes.
fn difference() -> Value {
    let change = object(
        [("what", text())],
        [
            ("name", text()),
            ("before", any()),
            ("after", any()),
            ("is_hidden", boolean()),
        ],
    );
    object(
        [
            ("kind", words(&["user", "group"])),
            ("action", text()),
            ("name", text()),
            ("changes", list(change)),
        ],
        [
            ("external_id", text()),
            ("id", uuid()),
            ("failure", any()),
            ("part", integer()),
        ],
    )
}

pub(super) fn components() -> Vec<(&'static str, Value)> {
    vec![
        ("Difference", difference()),
        (
            "Failure",
            object(
                [
                    ("kind", words(&["user", "group"])),
                    ("reason", any()),
                    ("text", text()),
                    ("since", time()),
                ],
                [("external_id", text()), ("name", text())],
            ),
        ),
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
