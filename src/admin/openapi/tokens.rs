//! Tokens.

use serde_json::Value;

use super::description::{Description, delete, get, post};
use super::schema::{list, named, nullable, object, text, time, uuid, words};
use crate::admin::tokens::NewToken;

pub(super) fn descriptions() -> Vec<Description> {
    vec![
        get("tokens", "The organisation's tokens, oldest first; never their secrets").answers_list(named("Token")),
        post("tokens", "Makes a token; its text is in this answer only")
            .takes::<NewToken>()
            .answers_created(named("Token")),
        delete("tokens/{id}", "Withdraws a token: the next request with it is refused").answers_nothing(),
        get("/tokens", "The gateway's own tokens").answers_list(named("Token")),
        post(
            "/tokens",
            "Makes a token for the administration of the gateway, or of the organisations that are named; its text is in this answer only",
        )
        .takes::<NewToken>()
        .answers_created(named("Token")),
        delete("/tokens/{id}", "Withdraws a token of the gateway").answers_nothing(),
    ]
}

pub(super) fn components() -> Vec<(&'static str, Value)> {
    vec![(
        "Token",
        object(
            [
                ("id", uuid()),
                (
                    "opens",
                    words(&["connection", "organisation", "organisations", "person", "gateway"]),
                ),
                ("connection", nullable(text())),
                ("user", nullable(uuid())),
                ("label", text()),
                ("created", time()),
                ("expires", nullable(time())),
            ],
            [("token", text()), ("organisations", nullable(list(uuid())))],
        ),
    )]
}
