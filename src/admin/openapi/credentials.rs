//! Passwords, second factors and sessions: those of others for administrators, and one's own.

use serde_json::Value;

use super::description::{Description, delete, get, post, put};
use super::schema::{any, boolean, integer, list, named, nullable, object, text, time, uuid};
use crate::admin::{credentials, password_policy, session, sign_in};
use crate::model::password_policy::PasswordPolicy;

pub(super) fn descriptions() -> Vec<Description> {
    let mut all = of_others();
    all.extend(of_whoever_asks());
    all.extend(of_oneself());
    all
}

fn of_others() -> Vec<Description> {
    vec![
        get(
            "password-policy",
            "What the organisation asks of passwords, with the criteria in words",
        )
        .answers(named("PasswordPolicy")),
        put("password-policy", "Another policy, as a whole")
            .takes::<PasswordPolicy>()
            .answers(named("PasswordPolicy")),
        get(
            "password-policy/impact",
            "How many people the policy touches, or one that differs in what is given",
        )
        .query::<password_policy::WhatIf>()
        .answers(object([], [])),
        post(
            "password-policy/check",
            "Each criterion, and whether a password meets it",
        )
        .takes::<password_policy::Judged>()
        .answers(named("Criteria")),
        get(
            "users/{user}/credential",
            "What is known of how a user signs in; never a hash or a secret",
        )
        .answers(object(
            [
                ("user", uuid()),
                ("has_password", boolean()),
                ("second_factor", boolean()),
            ],
            [("locked_until", nullable(time())), ("last_sign_in", nullable(time()))],
        )),
        post(
            "users/{user}/password",
            "Sets a user's password; every session of theirs ends",
        )
        .takes::<credentials::Given>()
        .answers(named("User")),
        post("users/{user}/reset-link", "What sets a new password, once; shown once")
            .answers_created(object([("user", uuid()), ("expires", time())], [("secret", text())])),
        post("users/{user}/unlock", "Forgets wrong sign-ins").answers(object([("unlocked", boolean())], [])),
        delete("users/{user}/second-factor", "Takes a user's second factor away").answers_nothing(),
        post(
            "users/{user}/signed-in",
            "Says that the product let the user in by single sign-on",
        )
        .answers(named("User")),
        get("users/{user}/sessions", "A user's sessions that are good, oldest first")
            .answers_list(named("Session")),
        delete("users/{user}/sessions", "Ends every session of a user").answers(object([("ended", integer())], [])),
        delete("users/{user}/sessions/{session}", "Ends one session of a user").answers_nothing(),
    ]
}

fn of_whoever_asks() -> Vec<Description> {
    let person = || {
        object(
            [
                ("organisation", text()),
                ("user", uuid()),
                ("user_name", text()),
                ("state", text()),
            ],
            [],
        )
    };
    vec![
        post(
            "/sign-in",
            "Signs a person in: a session, whose token is in this answer only",
        )
        .open()
        .takes::<sign_in::Shown>()
        .answers_created(object(
            [
                ("session", uuid()),
                ("user", uuid()),
                ("expires", time()),
                ("duties", list(any())),
            ],
            [("token", text()), ("ends_unless_used", nullable(time()))],
        )),
        post("/sign-out", "Ends the session").session().answers_nothing(),
        post(
            "/password/forgot",
            "Mails a link that sets a new password; the answer is the same whoever asks",
        )
        .open()
        .takes::<sign_in::Forgotten>()
        .answers_bare(202),
        post("/password/reset", "Sets a new password by a link")
            .open()
            .takes::<sign_in::Reset>()
            .answers(person()),
        post(
            "/password/criteria",
            "Each criterion for whoever has a link, and whether the password meets it",
        )
        .open()
        .takes::<sign_in::Reset>()
        .answers(named("Criteria")),
    ]
}

fn of_oneself() -> Vec<Description> {
    let codes = || object([("recovery_codes", list(text()))], []);
    vec![
        get("/session", "Who has signed in, until when, and what must happen first")
            .session()
            .answers(named("Session")),
        post(
            "/session/password",
            "Changes one's own password; one's other sessions end",
        )
        .session()
        .takes::<session::NewPassword>()
        .answers_nothing(),
        post(
            "/session/password/criteria",
            "Each criterion, and whether the password meets it",
        )
        .session()
        .takes::<session::Considered>()
        .answers(named("Criteria")),
        post("/session/second-factor", "A secret for a device; shown once")
            .session()
            .answers_created(object([], [("secret", text()), ("url", text())])),
        post(
            "/session/second-factor/confirm",
            "A first code of the device; answers the recovery codes, once",
        )
        .session()
        .may_be_missing()
        .takes::<session::Proof>()
        .answers(codes()),
        post(
            "/session/second-factor/recovery-codes",
            "New recovery codes, for a code",
        )
        .session()
        .may_be_missing()
        .takes::<session::Proof>()
        .answers(codes()),
        post(
            "/session/second-factor/remove",
            "Takes one's second factor away, for a code",
        )
        .session()
        .may_be_missing()
        .takes::<session::Proof>()
        .answers_nothing(),
        get("/sessions", "One's own sessions that are good")
            .session()
            .answers_list(named("Session")),
        delete("/sessions/{session}", "Ends one of one's own sessions")
            .session()
            .answers_nothing(),
    ]
}

pub(super) fn components() -> Vec<(&'static str, Value)> {
    vec![
        (
            "PasswordPolicy",
            object(
                [("enabled", boolean()), ("criteria", list(any()))],
                [("min_length", integer())],
            ),
        ),
        ("Criteria", object([("met", boolean()), ("criteria", list(any()))], [])),
        (
            "Session",
            object(
                [("id", uuid()), ("created", time()), ("expires", time())],
                [("last_used", nullable(time())), ("second_factor", any())],
            ),
        ),
    ]
}
