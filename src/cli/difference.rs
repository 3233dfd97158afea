//! What each step of a plan changes, printed as it comes: lines for people, JSON, or rows for a spreadsheet.

use std::io::{self, Write};

use serde_json::Value;

use super::output::cell;

/// Lines that a terminal gets unless told otherwise.
pub const LINES_MAX: usize = 100;

/// How differences are written.
enum Form {
    /// Lines for people: so many are left, and so many differences were kept back.
    Lines { left: Option<usize>, kept_back: u64 },
    /// One JSON document; whether something stands in its list.
    Json { has_some: bool },
    /// Rows for a spreadsheet (RFC 4180).
    Rows,
}

/// Writes differences as they come.
pub struct Printer<W> {
    out: W,
    form: Form,
}

impl<W: Write> Printer<W> {
    /// Lines for people, at most so many.
    pub const fn lines(out: W, lines_max: Option<usize>) -> Self {
        let form = Form::Lines {
            left: lines_max,
            kept_back: 0,
        };
        Self { out, form }
    }

    /// A JSON object: `differences`, and what is known at the end.
    ///
    /// # Errors
    /// As the writer.
    pub fn json(mut out: W) -> io::Result<Self> {
        write!(out, "{{\n  \"differences\": [")?;
        let form = Form::Json { has_some: false };
        Ok(Self { out, form })
    }

    /// Rows.
    ///
    /// # Errors
    /// As the writer.
    pub fn rows(mut out: W) -> io::Result<Self> {
        write!(out, "class,action,name,external_id,what,before,after\r\n")?;
        Ok(Self { out, form: Form::Rows })
    }

    /// One difference.
    ///
    /// # Errors
    /// As the writer.
    pub fn difference(&mut self, difference: &Value) -> io::Result<()> {
        match &mut self.form {
            Form::Lines { left, kept_back } => {
                if *left == Some(0) {
                    *kept_back += 1;
                    return Ok(());
                }
                let lines = lines(difference);
                if let Some(left) = left {
                    *left = left.saturating_sub(lines.len());
                }
                lines.iter().try_for_each(|line| writeln!(self.out, "{line}"))
            }
            Form::Json { has_some } => {
                let comma = if *has_some { "," } else { "" };
                *has_some = true;
                write!(self.out, "{comma}\n    {difference}")
            }
            Form::Rows => rows(difference)
                .into_iter()
                .try_for_each(|cells| row(&mut self.out, cells)),
        }
    }

    /// The end, with what else there is to say in JSON. Answers how many differences were kept back, and the writer.
    ///
    /// # Errors
    /// As the writer.
    pub fn end(mut self, rest: &Value) -> io::Result<(u64, W)> {
        let mut kept = 0;
        match self.form {
            Form::Lines { kept_back, .. } => kept = kept_back,
            Form::Json { has_some } => {
                let end = if has_some { "\n  ]" } else { "]" };
                let rest = format!("{rest:#}");
                match rest.strip_prefix('{') {
                    Some("}") | None => writeln!(self.out, "{end}\n}}")?,
                    Some(rest) => writeln!(self.out, "{end},{rest}")?,
                }
            }
            Form::Rows => {}
        }
        self.out.flush()?;
        Ok((kept, self.out))
    }

    /// A row beside those of differences; nothing where none are written.
    ///
    /// # Errors
    /// As the writer.
    pub fn row(&mut self, cells: [String; 7]) -> io::Result<()> {
        match self.form {
            Form::Rows => row(&mut self.out, cells),
            Form::Lines { .. } | Form::Json { .. } => Ok(()),
        }
    }
}

fn class(difference: &Value) -> &'static str {
    match difference["kind"] == "group" {
        true => "group",
        false => "person",
    }
}

fn lines(difference: &Value) -> Vec<String> {
    let id = difference["external_id"].as_str().map(|id| format!("  ({id})"));
    let head = format!(
        "{:7} {:16} {}{}",
        class(difference),
        cell(&difference["action"]),
        cell(&difference["name"]),
        id.unwrap_or_default()
    );
    let mut lines = vec![head];
    if let Some(reason) = reason(difference) {
        lines.push(format!("{:8}not done: {reason}", ""));
    }
    let changes = difference["changes"].as_array().into_iter().flatten();
    lines.extend(changes.map(|change| format!("{:8}{}", "", told(change))));
    lines
}

/// Why a step would not be carried out.
fn reason(difference: &Value) -> Option<String> {
    let reason = difference.get("failure")?.clone();
    let known = serde_json::from_value::<crate::provision::failure::FailureReason>(reason.clone());
    Some(known.map_or_else(|_| reason.to_string(), |reason| reason.to_string()))
}

/// One change in words.
fn told(change: &Value) -> String {
    let what = match change["what"].as_str() {
        Some("attribute") => String::new(),
        Some(what) => what.replace('_', " "),
        None => String::new(),
    };
    let name = change["name"].as_str().unwrap_or_default();
    let place = [what.as_str(), name].join(" ");
    let place = place.trim();
    let value = |value: &Value| match value {
        Value::Null => "(none)".to_owned(),
        other => other.to_string(),
    };
    match (&change["before"], &change["after"]) {
        _ if change["is_hidden"] == true => format!("{place}: changed; its value is not shown"),
        (Value::Null, Value::Bool(true)) if !name.is_empty() => format!("+ {place}"),
        (Value::Bool(true), Value::Null) if !name.is_empty() => format!("- {place}"),
        (before, after) => format!("{place}: {} -> {}", value(before), value(after)),
    }
}

/// One row for a step, and one for each thing that it changes.
fn rows(difference: &Value) -> Vec<[String; 7]> {
    let text = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let [action, name, id] = ["action", "name", "external_id"].map(|part| text(&difference[part]));
    let class = class(difference);
    let mut rows = Vec::new();
    if difference["part"].as_u64().unwrap_or_default() == 0 {
        let failure = reason(difference).map(|reason| format!("not done: {reason}"));
        let what = failure.unwrap_or_default();
        let head = [class.to_owned(), action.clone(), name.clone(), id.clone(), what];
        let [class, action, name, id, what] = head;
        rows.push([class, action, name, id, what, String::new(), String::new()]);
    }
    for change in difference["changes"].as_array().into_iter().flatten() {
        let what = [text(&change["what"]), text(&change["name"])].join(" ");
        let hidden = change["is_hidden"] == true;
        let value = |value: &Value| if hidden { "***".to_owned() } else { text(value) };
        rows.push([
            format!("{class} change"),
            action.clone(),
            name.clone(),
            id.clone(),
            what.trim_end().to_owned(),
            value(&change["before"]),
            value(&change["after"]),
        ]);
    }
    rows
}

fn row(out: &mut impl Write, cells: [String; 7]) -> io::Result<()> {
    write!(out, "{}\r\n", cells.map(quoted).join(","))
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
    use serde_json::{Value, json};

    use super::Printer;

    fn update() -> Value {
        json!({ "kind": "user", "action": "update", "name": "=cmd|\"calc\"", "external_id": "1", "changes": [
            { "what": "attribute", "name": "title", "before": "Clerk, old", "after": "Head" },
            { "what": "role", "name": "staff", "after": true },
            { "what": "licence", "name": "pro", "before": "held", "after": "waiting" },
            { "what": "attribute", "name": "urn:x:pin", "is_hidden": true },
        ] })
    }

    fn crew() -> Value {
        json!({ "kind": "group", "action": "keep", "name": "crew", "external_id": "2", "changes": [
            { "what": "member", "name": "ada", "before": true },
        ], "failure": { "reason": "outdated" } })
    }

    fn text(written: Vec<u8>) -> String {
        String::from_utf8(written).expect("a text")
    }

    #[test]
    fn every_step_and_change_is_a_row_and_nothing_is_a_formula() {
        let mut printer = Printer::rows(Vec::new()).expect("a heading");
        for difference in [update(), crew()] {
            printer.difference(&difference).expect("rows");
        }
        let (_, written) = printer.end(&json!({})).expect("an end");
        let expected = [
            "class,action,name,external_id,what,before,after",
            "person,update,\"'=cmd|\"\"calc\"\"\",1,,,",
            "person change,update,\"'=cmd|\"\"calc\"\"\",1,attribute title,\"Clerk, old\",Head",
            "person change,update,\"'=cmd|\"\"calc\"\"\",1,role staff,,true",
            "person change,update,\"'=cmd|\"\"calc\"\"\",1,licence pro,held,waiting",
            "person change,update,\"'=cmd|\"\"calc\"\"\",1,attribute urn:x:pin,***,***",
            "group,keep,crew,2,not done: changed since the plan was made; the next run tries again,,",
            "group change,keep,crew,2,member ada,true,",
        ];
        assert_eq!(text(written).lines().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_terminal_gets_so_many_lines_and_hears_how_many_differences_are_left() {
        let mut printer = Printer::lines(Vec::new(), Some(4));
        for difference in [update(), crew(), crew()] {
            printer.difference(&difference).expect("lines");
        }
        let (kept_back, written) = printer.end(&json!({})).expect("an end");
        assert_eq!(kept_back, 2);
        let expected = [
            "person  update           =cmd|\"calc\"  (1)",
            "        title: \"Clerk, old\" -> \"Head\"",
            "        + role staff",
            "        licence pro: \"held\" -> \"waiting\"",
            "        urn:x:pin: changed; its value is not shown",
        ];
        assert_eq!(text(written).lines().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_comes_line_by_line_is_one_json_document() {
        for differences in [vec![], vec![update()], vec![update(), crew()]] {
            let mut printer = Printer::json(Vec::new()).expect("a start");
            for difference in &differences {
                printer.difference(difference).expect("a line");
            }
            let (_, written) = printer.end(&json!({ "outcome": "planned" })).expect("an end");
            let document: Value = serde_json::from_str(&text(written)).expect("JSON");
            assert_eq!(document, json!({ "differences": differences, "outcome": "planned" }));
        }
    }
}
