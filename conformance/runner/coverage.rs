//! `COVERAGE.md`: every requirement with its cases, written from the tree.

use std::fmt::Write as _;

use crate::tree::{Requirement, Tree, folder};

/// The file's name.
pub(crate) const FILE: &str = "COVERAGE.md";

/// The text that the file should have.
pub(crate) fn text(tree: &Tree) -> String {
    let mut text = String::from(
        "# What is required of a service provider, and the cases that show it\n\n\
         Written by `cargo test --test conformance -- --write-coverage`; a run fails when it is out of date.\n\
         A case in italics is in `gaps.toml`: the requirement is known not to be met there.\n",
    );
    for document in &tree.documents {
        let total = document.requirements.len();
        let shown = document
            .requirements
            .iter()
            .filter(|requirement| is_shown(tree, requirement))
            .count();
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "\n## {}\n\n{total} requirements, {shown} with a case that passes or a test.\n\n\
             | requirement | section | level | says | cases |\n|---|---|---|---|---|\n",
            document.title
        );
        for requirement in &document.requirements {
            let Requirement {
                id,
                section,
                level,
                says,
                ..
            } = requirement;
            let _ = writeln!(
                text,
                "| {id} | {section} | {level} | {says} | {} |",
                cases(tree, requirement)
            );
        }
    }
    text
}

fn is_shown(tree: &Tree, requirement: &Requirement) -> bool {
    let mut cases = tree.cases_of(&requirement.id).into_iter();
    !requirement.tests.is_empty() || cases.any(|case| !tree.gaps.contains_key(case))
}

fn cases(tree: &Tree, requirement: &Requirement) -> String {
    if let Some(elsewhere) = &requirement.elsewhere {
        return format!("none: {elsewhere}");
    }
    let shown = tree.cases_of(&requirement.id).into_iter().map(|case| {
        let name = case.trim_end_matches(".json");
        if tree.gaps.contains_key(case) {
            format!("*{name}*")
        } else {
            name.to_owned()
        }
    });
    let held = requirement.held.iter().map(|file| format!("held by {file}"));
    held.chain(shown)
        .chain(requirement.tests.iter().cloned())
        .collect::<Vec<_>>()
        .join("<br>")
}

/// What is wrong with the file, if anything.
pub(crate) fn fault(tree: &Tree) -> Option<String> {
    let present = std::fs::read_to_string(folder().join(FILE)).unwrap_or_default();
    let stale = "COVERAGE.md is out of date: write it anew with cargo test --test conformance -- --write-coverage";
    (present != text(tree)).then(|| stale.to_owned())
}

/// Writes the file.
///
/// # Errors
/// The system's, with the path.
pub(crate) fn write(tree: &Tree) -> Result<(), String> {
    let path = folder().join(FILE);
    std::fs::write(&path, text(tree)).map_err(|error| format!("{}: {error}", path.display()))
}
