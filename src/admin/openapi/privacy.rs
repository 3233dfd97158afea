//! The privacy desk.

use super::description::{Description, get, post, put};
use super::schema::{integer, list, map, named, nullable, object, text, time, uuid};
use crate::admin::privacy::{Confirmation, Restriction};

pub(super) fn descriptions() -> Vec<Description> {
    let any = super::schema::any;
    let left = object([("table", text())], [("id", nullable(uuid())), ("name", text())]);
    vec![
        get(
            "users/{user}/export",
            "Everything that is held about a person, without secrets",
        )
        .answers(object(
            [
                ("exported", time()),
                ("organisation", text()),
                ("user", map(any())),
                ("held", map(list(any()))),
            ],
            [],
        )),
        post(
            "users/{user}/erase",
            "Erases a person for good, from every record; the user name must be typed",
        )
        .takes::<Confirmation>()
        .answers(object(
            [
                ("erased", uuid()),
                ("looked_for", integer()),
                ("records", map(integer())),
                ("left", list(left)),
            ],
            [],
        )),
        put(
            "users/{user}/restriction",
            "Keeps a person's data and uses it for nothing, or uses it again",
        )
        .takes::<Restriction>()
        .answers(named("User")),
    ]
}
