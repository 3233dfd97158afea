//! A plan in a file, for whoever has to approve it: every step, as JSON or as rows for a spreadsheet.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::Path;

use serde_json::Value;

use super::failure::Failure;

/// Writes the plan of a dry run's report, and says how it stands to the plan that is held.
///
/// # Errors
/// When the file cannot be written.
pub(super) fn write(file: &Path, report: &Value, held: &Value) -> Result<(), Failure> {
    let is_csv = file
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
    let text = match is_csv {
        true => rows(report),
        false => document(report)?,
    };
    let is_output = file == Path::new("-");
    if is_output {
        io::stdout().write_all(text.as_bytes())?;
    } else {
        let cannot = |error: io::Error| Failure::failed(format!("{}: {error}", file.display()));
        private(file)
            .map_err(cannot)?
            .write_all(text.as_bytes())
            .map_err(cannot)?;
    }
    let (hash, is_held) = (cell(&report["plan_hash"]), &held["hash"]);
    let mut out: Box<dyn io::Write> = match is_output {
        true => Box::new(io::stderr()),
        false => Box::new(io::stdout()),
    };
    match is_held.as_str() {
        Some(same) if same == hash => writeln!(out, "plan {hash}: this is the plan that is held")?,
        Some(other) => writeln!(
            out,
            "plan {hash}: not the plan that is held, {other}; the directory or the model has changed since, and a run \
             holds this one instead"
        )?,
        None => writeln!(out, "plan {hash}: no plan is held")?,
    }
    Ok(())
}

/// The file holds names of people: it is its owner's alone.
pub(super) fn private(file: &Path) -> io::Result<std::fs::File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file)
}

fn document(report: &Value) -> Result<String, Failure> {
    let mut plan = report["plan"].clone();
    plan["hash"] = report["plan_hash"].clone();
    plan["held"] = report["held"].clone();
    let text = serde_json::to_string_pretty(&plan);
    let text = text.map_err(|error| Failure::failed(format!("the plan cannot be written: {error}")))?;
    Ok(text + "\n")
}

/// One row for each step and for each member who comes or leaves (RFC 4180).
fn rows(report: &Value) -> String {
    let plan = &report["plan"];
    let mut text = String::from("class,action,name,external_id,member,detail\r\n");
    let mut row = |cells: [String; 6]| {
        let cells = cells.map(quoted);
        // A text takes everything.
        let _ = write!(text, "{}\r\n", cells.join(","));
    };
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let (none, word) = (String::new, str::to_owned);
    for step in list(&plan["people"]) {
        let [action, name, id] = ["action", "name", "external_id"].map(|part| cell(&step[part]));
        row([word("person"), action, name, id, none(), none()]);
    }
    for step in list(&plan["groups"]) {
        let [action, name, id] = ["action", "name", "external_id"].map(|part| cell(&step[part]));
        row([word("group"), action, name.clone(), id.clone(), none(), none()]);
        for (action, part) in [("add", "add"), ("remove", "remove")] {
            for member in list(&step[part]) {
                row([
                    word("membership"),
                    word(action),
                    name.clone(),
                    id.clone(),
                    who(&member),
                    none(),
                ]);
            }
        }
    }
    for team in list(&plan["teams"]) {
        let detail = format!("+{} -{}", team["add"], team["remove"]);
        let action = if team["is_new"] == true { "create" } else { "rule" };
        row([word("team"), word(action), cell(&team["name"]), none(), none(), detail]);
    }
    for seat in list(&plan["seats"]) {
        let detail = ["used", "limit", "needed", "freed", "short", "after"];
        let detail = detail.map(|part| match &seat[part] {
            Value::Null => format!("{part} none"),
            number => format!("{part} {number}"),
        });
        let detail = detail.join(", ");
        row([word("seats"), none(), cell(&seat["licence"]), none(), none(), detail]);
    }
    for change in list(&plan["id_changes"]) {
        let [kind, name, id, was] = ["kind", "name", "external_id", "was"].map(|part| cell(&change[part]));
        row([kind, word("id_changed"), name, id, none(), format!("was {was}")]);
    }
    for failure in list(&plan["failures"]) {
        let [kind, name, id] = ["kind", "name", "external_id"].map(|part| cell(&failure[part]));
        let reason = serde_json::from_value::<crate::provision::failure::Failure>(failure);
        let detail = reason.map(|failure| failure.reason.to_string()).unwrap_or_default();
        row([kind, word("failure"), name, id, none(), detail]);
    }
    text
}

/// A member's identifier: ours of one who is there, the source's of one who comes with the plan.
fn who(member: &Value) -> String {
    let mut inner = member;
    while let Some((_, value)) = inner.as_object().and_then(|object| object.iter().next()) {
        inner = value;
    }
    cell(inner)
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A cell. What a spreadsheet would take for a formula begins with an apostrophe.
fn quoted(text: String) -> String {
    let text = match text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        true => format!("'{text}"),
        false => text,
    };
    match text.contains([',', '"', '\r', '\n']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::rows;

    #[test]
    fn every_step_and_member_is_a_row_and_nothing_is_a_formula() {
        let report = json!({ "plan": {
            "people": [{ "action": "create", "name": "=cmd|\"calc\"", "external_id": "1" }],
            "groups": [{
                "action": "keep", "name": "Crew, old", "external_id": "2",
                "add": [{ "person": "1" }, { "known": { "user": "u-1" } }], "remove": [{ "user": "u-2" }],
            }],
            "seats": [{ "licence": "pro", "used": 1, "limit": null, "needed": 1, "freed": 0, "short": 0, "after": 2 }],
            "failures": [{ "kind": "user", "external_id": "3", "name": "cat", "reason": { "reason": "outdated" } }],
        } });
        let expected = [
            "class,action,name,external_id,member,detail",
            "person,create,\"'=cmd|\"\"calc\"\"\",1,,",
            "group,keep,\"Crew, old\",2,,",
            "membership,add,\"Crew, old\",2,1,",
            "membership,add,\"Crew, old\",2,u-1,",
            "membership,remove,\"Crew, old\",2,u-2,",
            "seats,,pro,,,\"used 1, limit none, needed 1, freed 0, short 0, after 2\"",
            "user,failure,cat,3,,changed since the plan was made; the next run tries again",
        ];
        assert_eq!(rows(&report).lines().collect::<Vec<_>>(), expected);
    }
}
