//! Users and their invitations.

use serde_json::Value;

use super::description::{Description, delete, get, post};
use super::schema::{any, boolean, list, map, named, nullable, object, text, time, uuid};
use crate::admin::{invitations, users};

pub(super) fn descriptions() -> Vec<Description> {
    vec![
        get("users", "Users in the order of their creation, or those that are found")
            .query::<users::Wanted>()
            .answers_page(named("User")),
        get("users/{user}", "One user, by identifier or user name").answers(named("User")),
        delete(
            "users/{user}",
            "Deletes a user for good; the identifier is never used again",
        )
        .answers_nothing(),
        post("users/{user}/suspend", "Blocks a user; no connection lifts it").answers(named("User")),
        post("users/{user}/reactivate", "Lifts the administrator's block").answers(named("User")),
        post(
            "users/{user}/invite",
            "Makes a new invitation and revokes an earlier one; the secret is shown once",
        )
        .answers_created(object(
            [("id", uuid()), ("user", uuid()), ("expires", time())],
            [("secret", text())],
        )),
        post(
            "users/{user}/revoke-invitation",
            "Withdraws the invitation that is out, if one is",
        )
        .answers(object([("revoked", boolean())], [])),
        post("/invitations/accept", "Sets the first password of an invited person")
            .open()
            .takes::<invitations::Acceptance>()
            .answers(object(
                [
                    ("organisation", text()),
                    ("user", uuid()),
                    ("user_name", text()),
                    ("state", text()),
                ],
                [],
            )),
    ]
}

pub(super) fn components() -> Vec<(&'static str, Value)> {
    vec![(
        "User",
        object(
            [
                ("id", uuid()),
                ("user_name", text()),
                ("display_name", nullable(text())),
                ("emails", list(text())),
                ("state", text()),
                ("active", boolean()),
                ("attributes", map(any())),
                ("created", time()),
                ("last_modified", time()),
            ],
            [
                ("suspended_by", any()),
                ("external_ids", map(text())),
                ("roles", map(list(text()))),
                ("licences", map(any())),
            ],
        ),
    )]
}
