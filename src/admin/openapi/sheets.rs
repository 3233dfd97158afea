//! Tables as files, and people from files.

use serde_json::{Value, json};

use super::description::{Description, delete, get, post};
use super::schema::{boolean, integer, list, named, nullable, object, of, text, time, uuid, words};
use crate::admin::bulk::Confirmation;
use crate::admin::export::{Exported, WORKBOOK};
use crate::admin::imports::{Manner, Written};
use crate::model::job::{Effect, SeatForecast, Tally};

const CSV: &str = "text/csv";

/// Bytes that are no text.
fn bytes() -> Value {
    json!({ "type": "string", "format": "binary" })
}

fn table(name: &str, summary: &str) -> Description {
    get(&format!("export/{name}"), summary)
        .query::<Exported>()
        .answers_with(200, CSV, text())
        .answers_with(200, WORKBOOK, bytes())
}

pub(super) fn descriptions() -> Vec<Description> {
    vec![
        table(
            "users",
            "Users as a file, one row each, with the organisation's own attributes",
        ),
        table("groups", "Groups as a file, one row each"),
        table("memberships", "Members of groups as a file, one row each"),
        table("role-holders", "Who holds which role, and where, as a file"),
        table("resources", "Resources as a file, one row each"),
        table("resource-assignments", "What resources are assigned to, as a file"),
        table("licence-holders", "Who is meant to have which licence, as a file"),
        table("invitations", "Invitations as a file, one row each"),
        table("guests", "Guests as a file, one row each"),
        table("guest-links", "Links by which guests join as a file, without their secrets"),
        table("roles", "Roles as a file, with how many people hold each"),
        table("permissions", "The catalogue of permissions as a file"),
        table(
            "licences",
            "Licences as a file, with how many seats are in use and how many people wait",
        ),
        table("cost-centres", "Cost centres as a file, with the seats that each pays for"),
        table("connections", "Connections as a file, without their settings"),
        table("tokens", "The organisation's tokens as a file; never their secrets"),
        get("imports/template", "The columns of a file of people, with an example")
            .query::<Written>()
            .answers_with(200, CSV, text())
            .answers_with(200, WORKBOOK, bytes()),
        post(
            "imports",
            "Plans the rows of a file, CSV or XLSX: what each would do, and the seats; nothing is done yet",
        )
        .query::<Manner>()
        .takes_as("application/octet-stream", bytes())
        .answers_created(named("PlannedImport")),
        get("imports", "Planned and done imports, the newest first").answers_list(named("Import")),
        get("imports/{import}", "One import").answers(named("Import")),
        delete("imports/{import}", "Gives a plan up: it cannot be confirmed any more").answers_nothing(),
        post(
            "imports/{import}/confirm",
            "Does what the plan says, once; 202 when it goes on after the answer",
        )
        .takes::<Confirmation>()
        .answers(named("Import"))
        .answers_with(202, "application/json", named("Import")),
        get(
            "imports/{import}/rows",
            "The rows of an import: what each would do, and what became of it",
        )
        .answers_list(named("ImportRow")),
        get("imports/{import}/result", "The same as a file")
            .query::<Written>()
            .answers_with(200, CSV, text())
            .answers_with(200, WORKBOOK, bytes()),
    ]
}

pub(super) fn components() -> Vec<(&'static str, Value)> {
    let planned = ["create", "update", "nothing", "refused"].map(|name| (name, integer()));
    let import = object(
        [
            ("id", uuid()),
            ("state", words(&["planned", "running", "done", "discarded"])),
            ("mode", words(&["create", "create_and_update"])),
            ("invite", boolean()),
            ("empty_cells", words(&["keep", "clear"])),
            ("ignored_columns", list(text())),
            ("rows", integer()),
            ("planned", object(planned, [])),
            ("results", nullable(of::<Tally>())),
            ("seats", list(of::<SeatForecast>())),
            ("warnings", list(text())),
            ("created", time()),
            ("expires", time()),
            ("confirmed", nullable(time())),
            ("ended", nullable(time())),
        ],
        [("confirm", text())],
    );
    let outcomes = ["create", "update", "nothing", "refused", "stale"];
    let row = object(
        [
            ("number", integer()),
            ("line", nullable(integer())),
            ("user_name", nullable(text())),
            ("planned", words(&outcomes)),
            ("result", nullable(words(&outcomes))),
            ("column", nullable(text())),
            ("reason", nullable(text())),
            ("effect", of::<Effect>()),
            ("id", nullable(uuid())),
        ],
        [],
    );
    let refused = object([("refused", list(named("ImportRow")))], []);
    vec![
        ("Import", import),
        ("ImportRow", row),
        ("PlannedImport", json!({ "allOf": [named("Import"), refused] })),
    ]
}
