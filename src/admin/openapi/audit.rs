//! The audit log.

use serde_json::{Value, json};

use super::description::{Description, get};
use super::schema::{any, list, map, named, nullable, object, text, time, uuid, words};
use crate::admin::audit::{Exported, Wanted};
use crate::admin::export::WORKBOOK;

pub(super) fn descriptions() -> Vec<Description> {
    // An export of nothing has no line.
    let line = json!({ "anyOf": [named("AuditEntry"), { "type": "object", "maxProperties": 0 }] });
    vec![
        get(
            "audit",
            "The audit log, newest first: who changed what, through which door, from what to what",
        )
        .list_query::<Wanted>()
        .answers_list(named("AuditEntry")),
        get(
            "audit/export",
            "The same, all that is asked for, as JSON lines, or as a table: CSV or XLSX",
        )
        .query::<Exported>()
        .answers_with(200, "application/x-ndjson", line)
        .answers_with(200, "text/csv", text())
        .answers_with(200, WORKBOOK, json!({ "type": "string", "format": "binary" })),
        get("/audit", "The audit log of the gateway itself: its tokens")
            .list_query::<Wanted>()
            .answers_list(named("AuditEntry")),
    ]
}

pub(super) fn components() -> Vec<(&'static str, Value)> {
    let pair = object([("before", any()), ("after", any())], []);
    let member = object([("kind", words(&["user", "group"])), ("id", uuid())], []);
    let change = object(
        [
            ("kind", text()),
            ("subject", text()),
            ("outcome", words(&["created", "updated", "deleted", "erased"])),
        ],
        [("fields", map(pair)), ("members", list(member))],
    );
    vec![(
        "AuditEntry",
        object(
            [
                ("id", text()),
                ("at", time()),
                ("actor", named("Actor")),
                ("request", nullable(text())),
                ("changes", list(change)),
            ],
            [],
        ),
    )]
}
