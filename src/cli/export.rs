//! A plan in a file, for whoever has to approve it: everything that it changes, as JSON or as rows for a spreadsheet.

use std::fs::OpenOptions;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::difference::Printer;
use super::failure::Failure;

/// A file that a plan is written to as it comes.
pub(super) struct Export {
    file: PathBuf,
    printer: Printer<BufWriter<Box<dyn Write + Send>>>,
}

impl Export {
    /// Begins a file: rows where its name ends in `.csv`, JSON otherwise. `-` is the output.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn begin(file: &Path) -> Result<Self, Failure> {
        let is_csv = file
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
        let out: Box<dyn Write + Send> = match is_output(file) {
            true => Box::new(io::stdout()),
            false => Box::new(private(file).map_err(|error| cannot(file, &error))?),
        };
        let out = BufWriter::new(out);
        let printer = match is_csv {
            true => Printer::rows(out),
            false => Printer::json(out),
        };
        Ok(Self {
            printer: printer.map_err(|error| cannot(file, &error))?,
            file: file.to_owned(),
        })
    }

    /// One difference.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn difference(&mut self, difference: &Value) -> Result<(), Failure> {
        let written = self.printer.difference(difference);
        written.map_err(|error| cannot(&self.file, &error))
    }

    /// The end of a plan that was made now: what belongs to no single step. Where to say more.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn end(mut self, report: &Value) -> Result<Box<dyn Write>, Failure> {
        let rest = json!({
            "hash": report["plan_hash"],
            "held": report["held"],
            "read": report["read"],
            "classes": report["classes"],
            "seats": report["seats"],
            "teams": report["teams"],
            "id_changes": report["id_changes"],
            "failures": report["failures"],
        });
        let rows = others(&rest).into_iter().try_for_each(|row| self.printer.row(row));
        let ended = rows.and_then(|()| self.printer.end(&rest));
        ended.map_err(|error| cannot(&self.file, &error))?;
        Ok(match is_output(&self.file) {
            true => Box::new(io::stderr()),
            false => Box::new(io::stdout()),
        })
    }
}

fn is_output(file: &Path) -> bool {
    file == Path::new("-")
}

fn cannot(file: &Path, error: &io::Error) -> Failure {
    Failure::failed(format!("{}: {error}", file.display()))
}

/// Says how a plan that was made now stands to the plan that is held.
///
/// # Errors
/// As the writer.
pub(super) fn compare(out: &mut dyn Write, report: &Value, held: &Value) -> io::Result<()> {
    let (hash, is_held) = (cell(&report["plan_hash"]), &held["hash"]);
    match is_held.as_str() {
        Some(same) if same == hash => writeln!(out, "plan {hash}: this is the plan that is held"),
        Some(other) => writeln!(
            out,
            "plan {hash}: not the plan that is held, {other}; the directory or the model has changed since, and a run \
             holds this one instead"
        ),
        None => writeln!(out, "plan {hash}: no plan is held"),
    }
}

/// Says what was exported of a plan that is held.
///
/// # Errors
/// As the writer.
pub(super) fn say_kept(out: &mut dyn Write, held: &Value) -> io::Result<()> {
    writeln!(
        out,
        "plan {}: this is the plan that is held, as it was read {}",
        cell(&held["hash"]),
        cell(&held["since"])
    )?;
    match held["kept"]["shortened"].as_u64() {
        Some(0) | None => Ok(()),
        Some(many) => writeln!(
            out,
            "of {many} steps only the heads are kept, because the plan is very large: see all of them with --dry-run"
        ),
    }
}

/// The file holds names of people: it is its owner's alone.
pub(super) fn private(file: &Path) -> io::Result<std::fs::File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file)
}

/// Rows for what belongs to no single step.
fn others(rest: &Value) -> Vec<[String; 7]> {
    let list = |name: &str| rest[name].as_array().cloned().unwrap_or_default();
    let (none, word) = (String::new, str::to_owned);
    let mut rows = Vec::new();
    for team in list("teams") {
        let moved = format!("+{} -{}", team["add"], team["remove"]);
        let action = if team["is_new"] == true { "create" } else { "rule" };
        rows.push([
            word("team"),
            word(action),
            cell(&team["name"]),
            none(),
            moved,
            none(),
            none(),
        ]);
    }
    for seat in list("seats") {
        let moved = ["limit", "needed", "freed", "short"].map(|part| match &seat[part] {
            Value::Null => format!("{part} none"),
            number => format!("{part} {number}"),
        });
        let (used, after) = (cell(&seat["used"]), cell(&seat["after"]));
        let moved = moved.join(", ");
        rows.push([
            word("seats"),
            none(),
            cell(&seat["licence"]),
            none(),
            moved,
            used,
            after,
        ]);
    }
    for change in list("id_changes") {
        let [kind, name, id, was] = ["kind", "name", "external_id", "was"].map(|part| cell(&change[part]));
        rows.push([kind, word("id_changed"), name, id.clone(), none(), was, id]);
    }
    for failure in list("failures") {
        let [kind, name, id] = ["kind", "name", "external_id"].map(|part| cell(&failure[part]));
        let reason = serde_json::from_value::<crate::provision::failure::Failure>(failure);
        let detail = reason.map(|failure| failure.reason.to_string()).unwrap_or_default();
        rows.push([kind, word("failure"), name, id, detail, none(), none()]);
    }
    rows
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
