//! The audit log as rows: one for each field that a change touched, the newest first.

use serde_json::{Value, json};

use super::feed::{Ended, Feed, READ_AT_ONCE};
use crate::admin::audit::Entries;
use crate::directory::audit::ListedEntry;

/// Entries as they are asked for, some at a time.
pub(super) async fn changes(feed: &Feed) -> Result<(), Ended> {
    let entries = Entries {
        organisation: feed.caller.organisation(),
        filter: feed.entries.clone(),
    };
    let mut after = None;
    loop {
        let found = feed
            .directory
            .walk(&entries, &feed.question.selection, after.as_ref(), READ_AT_ONCE)
            .await?;
        feed.send(found.items.iter().flat_map(rows).collect()).await?;
        after = found.next;
        if after.is_none() {
            return Ok(());
        }
    }
}

fn rows(listed: &ListedEntry) -> Vec<Value> {
    let actor = json!(listed.entry.actor);
    let mut rows = Vec::new();
    for change in &listed.entry.changes {
        let start = json!({
            "id": listed.place.to_string(),
            "at": listed.at,
            "door": actor["door"],
            "connection": actor["connection"],
            "token": actor["token"],
            "user": actor["user"],
            "job": actor["job"],
            "request": listed.entry.request,
            "kind": change.kind.as_str(),
            "subject": change.subject,
            "outcome": change.outcome.as_str(),
        });
        let members = change
            .members
            .iter()
            .map(|member| json!({ "field": "member", "after": member }));
        let fields = change
            .fields
            .iter()
            .map(|(name, (before, after))| json!({ "field": name, "before": text(before), "after": text(after) }));
        let mut touched: Vec<Value> = members.chain(fields).collect();
        if touched.is_empty() {
            touched.push(json!({}));
        }
        rows.extend(touched.into_iter().map(|mut row| {
            if let (Some(row), Some(start)) = (row.as_object_mut(), start.as_object()) {
                row.extend(start.clone());
            }
            row
        }));
    }
    rows
}

/// A value as it was: a text as it is, anything else as JSON.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}
