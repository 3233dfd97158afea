//! Organisations as wholes: made, shown, declared by a file, verified, and their events. And this document itself.

use serde_json::{Value, json};

use super::description::{Description, get, post};
use super::schema::{any, boolean, integer, list, map, named, nullable, object, text, time, uuid, words};
use crate::admin::{apply, organisations};

pub(super) fn descriptions() -> Vec<Description> {
    vec![
        get("/openapi.json", "This document")
            .open()
            .answers(json!({ "type": "object" })),
        get(
            "/organisations",
            "Organisations that the caller administers, in the order of their slugs",
        )
        .answers_list(named("Organisation")),
        post("/organisations", "Makes an organisation")
            .takes::<organisations::NewOrganisation>()
            .answers_created(named("Organisation")),
        get(
            "",
            "One organisation, with how many users and groups it has, and its own attributes",
        )
        .answers(named("Organisation")),
        post(
            "apply",
            "Brings the organisation to what an organisation file (TOML) declares",
        )
        .query::<apply::Manner>()
        .takes_as("application/toml", text())
        .answers(object(
            [
                ("organisation", text()),
                ("dry_run", boolean()),
                ("changes", list(named("Change"))),
            ],
            [],
        )),
        get(
            "events",
            "What was committed after event `after`, oldest first, without gaps",
        )
        .answers_list(named("Event")),
        get(
            "/profiles",
            "Profiles that come with the gateway, with what each is for",
        )
        .answers_list(named("Profile")),
        get("/profiles/{name}", "One profile, with its file").answers(named("Profile")),
        get(
            "verify",
            "Every invariant of the organisation, line by line, last `done`",
        )
        .answers_lines(findings()),
        get("/verify", "Every invariant of the gateway, line by line, last `done`").answers_lines(findings()),
    ]
}

fn findings() -> Value {
    object(
        [],
        [
            ("violation", any()),
            ("note", any()),
            ("done", any()),
            ("failed", any()),
        ],
    )
}

pub(super) fn components() -> Vec<(&'static str, Value)> {
    vec![
        (
            "Organisation",
            object(
                [
                    ("id", uuid()),
                    ("slug", text()),
                    ("name", text()),
                    ("invitation_hours", integer()),
                    ("verified_domains", list(text())),
                    ("local_changes", words(&["allowed", "refused"])),
                    ("audit_days", integer()),
                    ("authority", map(list(text()))),
                    ("created", time()),
                ],
                [
                    ("users", integer()),
                    ("groups", integer()),
                    ("page_size", nullable(integer())),
                ],
            ),
        ),
        (
            "Change",
            object([("place", text()), ("outcome", text())], [("fields", list(text()))]),
        ),
        (
            "Event",
            object(
                [
                    ("number", integer()),
                    ("at", time()),
                    ("kind", text()),
                    ("actor", named("Actor")),
                    ("subject", text()),
                    ("data", map(any())),
                ],
                [],
            ),
        ),
        (
            "Actor",
            object(
                [("door", text())],
                [("connection", nullable(text())), ("token", nullable(uuid()))],
            ),
        ),
        (
            "Profile",
            object([("name", text()), ("summary", text())], [("file", text())]),
        ),
    ]
}
