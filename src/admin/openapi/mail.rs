//! Invitations, the outbox and the wording of mails.

use serde_json::Value;

use super::description::{Description, delete, get, post, put};
use super::schema::{any, boolean, integer, list, map, named, nullable, object, text, time, uuid};
use crate::admin::{invitations, templates};

pub(super) fn descriptions() -> Vec<Description> {
    let mut all = of_invitations();
    all.extend(of_mails());
    all
}

fn of_invitations() -> Vec<Description> {
    vec![
        get(
            "invitations",
            "Invitations in the order in which they were made, or those that are asked for",
        )
        .answers_list(named("Invitation")),
        post(
            "invitations/send",
            "Invites people, one by one; each item says what became of it",
        )
        .takes::<invitations::Sending>()
        .answers(object([("items", list(map(any())))], [("next", any())])),
        get("invitations/{id}", "One invitation").answers(named("Invitation")),
        post(
            "invitations/{id}/resend",
            "A new invitation for the same person; the earlier one is revoked",
        )
        .takes::<Option<invitations::Way>>()
        .optional_body()
        .answers_created(named("Invitation")),
        post("invitations/{id}/revoke", "Withdraws an invitation").answers(object([("revoked", boolean())], [])),
        post(
            "users/{user}/invite",
            "A new invitation; an earlier one is revoked; its secret is shown once",
        )
        .takes::<Option<invitations::Way>>()
        .optional_body()
        .answers_created(named("Invitation")),
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

fn of_mails() -> Vec<Description> {
    vec![
        get("outbox", "The mails of a state, the oldest first")
            .answers_list(named("Mail")),
        post("outbox/retry", "Tries every mail that was given up").answers(object([("retried", integer())], [])),
        post("outbox/{id}/retry", "Tries a mail now").answers(named("Mail")),
        delete("outbox/{id}", "Throws a mail away").answers_nothing(),
        get(
            "templates",
            "Every mail that there is, with the languages that the organisation has its own wording in",
        )
        .answers_list(object(
            [("name", text()), ("languages", list(text())), ("variables", any())],
            [],
        )),
        get("templates/{name}", "The wording that a reader of a language gets")
            .query::<templates::Wanted>()
            .answers(named("Template")),
        get("templates/{name}/variables", "What the wording may refer to").answers(object([("items", any())], [])),
        post("templates/{name}/preview", "The mail with samples for its variables")
            .takes::<templates::Look>()
            .answers(object(
                [("subject", text()), ("text", text())],
                [("html", nullable(text()))],
            )),
        put("templates/{name}/{language}", "The organisation's own wording")
            .takes::<templates::Wording>()
            .answers(named("Template"))
            .answers_created(named("Template")),
        delete(
            "templates/{name}/{language}",
            "Back to the wording that comes with the gateway",
        )
        .answers_nothing(),
    ]
}

pub(super) fn components() -> Vec<(&'static str, Value)> {
    vec![
        (
            "Invitation",
            object(
                [
                    ("id", uuid()),
                    ("user", uuid()),
                    ("state", text()),
                    ("created", time()),
                    ("expires", time()),
                ],
                [
                    ("channel", text()),
                    ("obstacle", any()),
                    ("mail", nullable(uuid())),
                    ("sent", nullable(time())),
                    ("opened", nullable(time())),
                    ("closed", nullable(time())),
                    ("user_name", nullable(text())),
                    ("secret", text()),
                    ("link", text()),
                ],
            ),
        ),
        (
            "Mail",
            object(
                [
                    ("id", uuid()),
                    ("state", text()),
                    ("template", text()),
                    ("created", time()),
                    ("attempts", integer()),
                ],
                [
                    ("due", nullable(time())),
                    ("failure", any()),
                    ("user", nullable(uuid())),
                ],
            ),
        ),
        (
            "Template",
            object(
                [
                    ("name", text()),
                    ("language", text()),
                    ("subject", text()),
                    ("text", text()),
                    ("builtin", boolean()),
                ],
                [("html", nullable(text()))],
            ),
        ),
    ]
}
