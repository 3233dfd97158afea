//! What the lists show that are about the gateway's own work: mail, connections, tokens, jobs, events.

use super::{Column, TEXT, flag, number, one_of_parts, parts, text, texts, time};
use crate::model::schema::AttributeType;

pub(super) const MAILS: &[Column] = &[
    text("id"),
    text("state"),
    text("template"),
    text("to"),
    text("language"),
    text("user"),
    text("invitation"),
    number("attempts"),
    text("failure"),
    time("created"),
    time("due"),
];

pub(super) const TEMPLATES: &[Column] = &[text("name"), texts("languages")];

pub(super) const PERMISSIONS: &[Column] = &[
    text("key"),
    text("name"),
    text("area"),
    text("parent"),
    texts("reaches"),
    texts("implies"),
    text("requires_feature"),
    flag("requires_group"),
    text("requires_resource"),
    flag("flag"),
];

pub(super) const CONNECTIONS: &[Column] = &[
    text("name"),
    text("kind"),
    text("onboarding"),
    text("schedule"),
    number("linked"),
    text("held"),
];

pub(super) const FAILURES: &[Column] = &[
    text("kind"),
    text("external_id"),
    text("name"),
    text("text"),
    time("since"),
];

pub(super) const DIFFERENCES: &[Column] = &[
    text("kind"),
    text("action"),
    text("name"),
    text("external_id"),
    text("id"),
    parts("changes", &[("what", TEXT), ("name", TEXT)]),
];

pub(super) const REVIEWS: &[Column] = &[
    text("id"),
    text("kind"),
    text("external_id"),
    text("name"),
    text("found"),
    text("matched"),
    time("since"),
    one_of_parts("decision", &[("verdict", TEXT), ("at", AttributeType::DateTime)]),
];

pub(super) const JOURNAL: &[Column] = &[
    text("id"),
    time("at"),
    text("method"),
    text("path"),
    number("status"),
    number("duration_ms"),
];

pub(super) const TOKENS: &[Column] = &[
    text("id"),
    text("opens"),
    texts("organisations"),
    text("connection"),
    text("user"),
    text("label"),
    time("created"),
    time("expires"),
];

pub(super) const JOBS: &[Column] = &[
    text("id"),
    text("state"),
    one_of_parts("task", &[("operation", TEXT)]),
    number("count"),
    time("created"),
    time("expires"),
    time("confirmed"),
    time("ended"),
];

pub(super) const JOB_ITEMS: &[Column] = &[
    number("number"),
    text("user"),
    text("user_name"),
    text("named"),
    one_of_parts("planned", &[("outcome", TEXT), ("reason", TEXT)]),
    one_of_parts("result", &[("outcome", TEXT), ("reason", TEXT)]),
];

pub(super) const IMPORTS: &[Column] = &[
    text("id"),
    text("state"),
    text("mode"),
    flag("invite"),
    number("rows"),
    time("created"),
    time("expires"),
    time("confirmed"),
    time("ended"),
];

pub(super) const IMPORT_ROWS: &[Column] = &[
    number("number"),
    number("line"),
    text("user_name"),
    text("planned"),
    text("result"),
    text("column"),
    text("reason"),
    text("id"),
];

pub(super) const VIEWS: &[Column] = &[
    text("id"),
    text("name"),
    text("list"),
    flag("shared"),
    text("filter"),
    text("state"),
    text("q"),
    text("sort"),
    flag("descending"),
    texts("columns"),
    number("page_size"),
    time("created"),
    time("last_modified"),
];

pub(super) const EVENTS: &[Column] = &[
    number("number"),
    time("at"),
    text("kind"),
    one_of_parts(
        "actor",
        &[("door", TEXT), ("connection", TEXT), ("token", TEXT), ("user", TEXT)],
    ),
    text("subject"),
];

pub(super) const ORGANISATIONS: &[Column] = &[
    text("id"),
    text("slug"),
    text("name"),
    texts("verified_domains"),
    flag("invite_new_users"),
    time("created"),
];

pub(super) const PROFILES: &[Column] = &[text("name"), text("summary")];

pub(super) const SESSIONS: &[Column] = &[
    text("id"),
    time("created"),
    time("last_used"),
    time("expires"),
    flag("second_factor"),
];
