//! Licences and their holders.

use serde_json::Value;

use super::description::{Description, get};
use super::schema::{any, integer, list, named, nullable, object, text, uuid};

pub(super) fn descriptions() -> Vec<Description> {
    vec![
        get(
            "licences",
            "Licences, with how many seats are in use and how many people wait",
        )
        .answers(object([("items", list(named("Licence")))], [])),
        get(
            "licences/{key}/holders",
            "Everyone who is meant to have it, with the state of the seat",
        )
        .answers_page(object(
            [("id", uuid()), ("user_name", text()), ("state", text())],
            [("claim", any())],
        )),
    ]
}

pub(super) fn components() -> Vec<(&'static str, Value)> {
    vec![(
        "Licence",
        object(
            [
                ("key", text()),
                ("name", text()),
                ("limit", nullable(integer())),
                ("used", integer()),
                ("waiting", integer()),
                ("consumes_from", text()),
                ("when_full", any()),
            ],
            [],
        ),
    )]
}
