//! Licences and their holders.

use serde_json::Value;

use super::description::{Description, delete, get, put};
use super::schema::{any, boolean, integer, list, map, named, nullable, object, text, time, uuid};
use crate::admin::licence_edit::{CostCentreBody, LicenceBody, Manner};

pub(super) fn descriptions() -> Vec<Description> {
    vec![
        get(
            "licences",
            "Licences, with how many seats are in use and how many people wait",
        )
        .answers_list(named("Licence")),
        put("licences/{key}", "Makes a licence, or replaces it")
            .takes::<LicenceBody>()
            .answers(named("Licence")),
        delete(
            "licences/{key}",
            "Deletes a licence that nobody has, or, with `holders=take` and the `confirm` of its impact, one that people have",
        )
        .query::<Manner>()
        .answers(named("LicenceImpact")),
        get("licences/{key}/impact", "What deleting a licence would mean")
            .query::<Manner>()
            .answers(named("LicenceImpact")),
        put("cost-centres/{key}", "Makes a cost centre, or replaces it")
            .takes::<CostCentreBody>()
            .answers(object([("key", text()), ("name", text()), ("default", boolean())], [])),
        delete("cost-centres/{key}", "Deletes a cost centre that no seat is charged to").answers_nothing(),
        get(
            "licences/{key}/holders",
            "Everyone who is meant to have it, with the state of the seat",
        )
        .answers_list(object(
            [("id", uuid()), ("user_name", text()), ("state", text())],
            [
                ("licence", text()),
                ("seat", nullable(text())),
                ("origins", nullable(list(text()))),
                ("claim", any()),
                ("since", nullable(time())),
                ("cost_centre", nullable(text())),
            ],
        )),
        get(
            "licences/forecast",
            "For each licence, who would need a seat beyond those in use, against what is free",
        )
        .answers_list(named("LicenceForecast")),
        get(
            "cost-centres",
            "Cost centres, with how many seats of each licence each pays for",
        )
        .answers_list(object(
            [
                ("key", text()),
                ("name", text()),
                ("default", boolean()),
                ("seats", map(integer())),
            ],
            [],
        )),
    ]
}

pub(super) fn components() -> Vec<(&'static str, Value)> {
    vec![
        (
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
                [
                    ("required_for_roles", list(text())),
                    ("features", list(text())),
                    ("thresholds", list(any())),
                ],
            ),
        ),
        (
            "LicenceImpact",
            object(
                [
                    ("licence", text()),
                    ("holders", text()),
                    ("users", integer()),
                    ("seats", integer()),
                    ("waiting", integer()),
                    ("lent", integer()),
                    (
                        "first_users",
                        list(object([("id", uuid()), ("user_name", text())], [])),
                    ),
                    (
                        "groups",
                        list(object([("id", uuid()), ("display_name", text())], [])),
                    ),
                    ("named_by", list(text())),
                    ("confirm", text()),
                ],
                [],
            ),
        ),
        (
            "LicenceForecast",
            object(
                [
                    ("licence", text()),
                    ("limit", nullable(integer())),
                    ("used", integer()),
                    ("free", nullable(integer())),
                    ("prepared", integer()),
                    ("waiting", integer()),
                    ("refused", integer()),
                    ("suspended", integer()),
                    ("short", integer()),
                ],
                [],
            ),
        ),
    ]
}
