//! Saved views of lists.

use serde_json::{Value, json};

use super::description::{Description, delete, get, post, put};
use super::schema::{boolean, integer, list, named, nullable, object, of, text, time, uuid};
use crate::admin::views::{Reset, Wanted};
use crate::model::list::List;
use crate::model::view::ViewDraft;

pub(super) fn descriptions() -> Vec<Description> {
    vec![
        get("views", "One's own saved views of lists, then the shared ones")
            .list_query::<Wanted>()
            .answers_list(named("View")),
        post("views", "Keeps a view: one's own, or with `shared` everyone's")
            .takes_schema(new_view())
            .answers_created(named("View")),
        delete(
            "views",
            "Drops every view of a list that is one's own; of a token, every shared one",
        )
        .query::<Reset>()
        .answers(object([("deleted", integer())], [])),
        get("views/{view}", "One view").answers(named("View")),
        put("views/{view}", "What a view is to say, as a whole; whose it is stays")
            .takes_schema(new_view())
            .answers(named("View")),
        delete("views/{view}", "Drops a view").answers_nothing(),
    ]
}

fn new_view() -> Value {
    let mut schema = of::<ViewDraft>();
    schema["properties"]["shared"] = json!({ "type": "boolean", "description": "Whether everyone may use it." });
    schema
}

pub(super) fn components() -> Vec<(&'static str, Value)> {
    vec![(
        "View",
        object(
            [
                ("id", uuid()),
                ("name", text()),
                ("list", of::<List>()),
                ("shared", boolean()),
                ("filter", nullable(text())),
                ("state", nullable(text())),
                ("q", nullable(text())),
                ("sort", nullable(text())),
                ("descending", boolean()),
                ("columns", list(text())),
                ("page_size", nullable(integer())),
                ("created", time()),
                ("last_modified", time()),
            ],
            [],
        ),
    )]
}
