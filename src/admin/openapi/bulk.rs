//! Work on many people at once.

use serde_json::{Value, json};

use super::description::{Description, get, post};
use super::schema::{any, integer, list, map, named, nullable, object, of, page, text, time, uuid, words};
use crate::admin::bulk::{Confirmation, Planned};
use crate::admin::listing::Listing;
use crate::model::job::{Effect, SeatForecast, Tally};

const STATES: [&str; 4] = ["planned", "running", "done", "discarded"];

pub(super) fn descriptions() -> Vec<Description> {
    vec![
        post(
            "bulk",
            "Plans the same for many people: what would happen to each, and to the seats; nothing is done yet",
        )
        .takes::<Planned>()
        .answers_created(named("Job")),
        get("bulk", "Planned and done work on many people, the newest first")
            .answers_list(named("JobHead")),
        get("bulk/{job}", "One job with a page of its items")
            .query::<Listing>()
            .answers(named("Job")),
        post(
            "bulk/{job}/confirm",
            "Does what the plan says, once; 202 when it goes on after the answer",
        )
        .takes::<Confirmation>()
        .answers(named("Job"))
        .answers_with(202, "application/json", named("Job")),
        post("bulk/{job}/discard", "Gives a plan up: it cannot be confirmed any more").answers(named("JobHead")),
    ]
}

pub(super) fn components() -> Vec<(&'static str, Value)> {
    let facts = [
        ("id", uuid()),
        ("state", words(&STATES)),
        ("task", map(any())),
        ("count", integer()),
        ("planned", of::<Tally>()),
        ("results", nullable(of::<Tally>())),
        ("seats", list(of::<SeatForecast>())),
        ("warnings", list(text())),
        ("confirm", text()),
        ("actor", map(any())),
        ("created", time()),
        ("expires", time()),
        ("confirmed", nullable(time())),
        ("ended", nullable(time())),
    ];
    let outcome = |of: &[&str]| object([("outcome", words(of))], [("reason", text())]);
    let item = object(
        [
            ("number", integer()),
            ("user", nullable(uuid())),
            ("user_name", nullable(text())),
            ("named", nullable(text())),
            ("planned", outcome(&["change", "nothing", "refused"])),
            ("effect", of::<Effect>()),
            ("result", nullable(outcome(&["change", "nothing", "refused", "stale"]))),
        ],
        [],
    );
    let items = page(item);
    vec![
        ("JobHead", object(facts, [])),
        ("Job", json!({ "allOf": [named("JobHead"), items] })),
    ]
}
