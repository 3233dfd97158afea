//! What a linter cannot say: which way the layers may look, how long files and functions may be, what must not be left.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Lines of code in one file (style: a file per idea). A ratchet: it may only go down.
const FILE_LINES_MAX: usize = 400;
/// Lines of one function.
const FUNCTION_LINES_MAX: usize = 70;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(folder: &str) -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).expect("a text");
                files.push((path, text));
            }
        }
    }
    assert!(!files.is_empty(), "{folder} has no Rust file");
    files
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).expect("below the root").display().to_string()
}

/// Lines that are neither blank nor comment.
fn code_lines(text: &str) -> usize {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with("//"))
        .count()
}

/// The layer of a source file: its first folder, or its own name.
fn layer(path: &Path) -> String {
    let below = path.strip_prefix(root().join("src")).expect("below src");
    let first = below
        .components()
        .next()
        .expect("a name")
        .as_os_str()
        .to_string_lossy()
        .into_owned();
    first.trim_end_matches(".rs").to_owned()
}

#[test]
fn layers_look_down_only() {
    // Each layer with those that it may name (design.md section 2). `provision::ldap` reads through the ldap adapter.
    let allowed: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("model", &[] as &[&str]),
        ("store", &[]),
        ("sheet", &[]),
        ("ldap", &["model"]),
        ("directory", &["model", "store"]),
        ("provision", &["model", "store", "directory", "ldap"]),
        ("rate", &["model"]),
        ("oauth", &["model", "directory", "rate"]),
        ("scim", &["model", "store", "directory", "provision", "rate"]),
        ("admin", &["model", "store", "directory", "provision", "rate", "sheet"]),
        ("invitee", &["model", "directory", "rate"]),
        ("config", &["model"]),
        ("delivery", &["model", "directory", "provision", "config"]),
        (
            "server",
            &[
                "delivery",
                "invitee",
                "model",
                "store",
                "directory",
                "provision",
                "scim",
                "admin",
                "oauth",
                "rate",
                "config",
            ],
        ),
        (
            "cli",
            &[
                "delivery",
                "model",
                "store",
                "directory",
                "provision",
                "config",
                "server",
                "admin",
                "scim",
                "sheet",
            ],
        ),
    ]);
    let mut wrong = Vec::new();
    for (path, text) in rust_files("src") {
        let own = layer(&path);
        let Some(allowed) = allowed.get(own.as_str()) else {
            continue;
        };
        for line in text.lines().map(str::trim).filter(|line| !line.starts_with("//")) {
            for (at, _) in line.match_indices("crate::") {
                let named: String = line[at + 7..]
                    .chars()
                    .take_while(|c| c.is_ascii_lowercase() || *c == '_')
                    .collect();
                let is_layer = [
                    "model",
                    "store",
                    "ldap",
                    "directory",
                    "provision",
                    "scim",
                    "admin",
                    "oauth",
                    "rate",
                    "config",
                    "sheet",
                    "delivery",
                    "invitee",
                    "server",
                    "cli",
                ]
                .contains(&named.as_str());
                if is_layer && named != own && !allowed.contains(&named.as_str()) {
                    wrong.push(format!("{}: {own} names {named}: {line}", shown(&path)));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn layers_do_not_name_what_they_must_not_know() {
    let forbidden: &[(&str, &[&str])] = &[
        (
            "model",
            &["tokio::", "axum::", "sled::", "ldap3::", "hyper::", "Utc::now"],
        ),
        (
            "directory",
            &[
                "axum::",
                "sled::",
                "ldap3::",
                "hyper::",
                "SledStore",
                "MemoryStore",
                "StatusCode",
                "Utc::now",
            ],
        ),
        (
            "provision",
            &["axum::", "sled::", "hyper::", "SledStore", "MemoryStore", "StatusCode"],
        ),
        ("scim", &["sled::", "ldap3::", "SledStore", "MemoryStore"]),
        ("admin", &["sled::", "ldap3::", "SledStore", "MemoryStore"]),
        ("oauth", &["sled::", "ldap3::", "SledStore", "MemoryStore"]),
        ("delivery", &["axum::", "sled::", "ldap3::", "SledStore", "MemoryStore"]),
        ("invitee", &["sled::", "ldap3::", "SledStore", "MemoryStore"]),
    ];
    let mut wrong = Vec::new();
    for (path, text) in rust_files("src") {
        let own = layer(&path);
        for (_, words) in forbidden.iter().filter(|(layer, _)| *layer == own) {
            for line in text.lines().map(str::trim).filter(|line| !line.starts_with("//")) {
                // The one place where the machine's clock is read.
                let is_clock = path.ends_with("model/clock.rs");
                if let Some(word) = words
                    .iter()
                    .find(|word| line.contains(**word) && !(is_clock && **word == "Utc::now"))
                {
                    wrong.push(format!("{}: {own} names {word}: {line}", shown(&path)));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_and_functions_stay_short() {
    let mut wrong = Vec::new();
    for (path, text) in rust_files("src") {
        let lines = code_lines(&text);
        if lines > FILE_LINES_MAX {
            wrong.push(format!(
                "{}: {lines} lines of code, at most {FILE_LINES_MAX}: split the idea",
                shown(&path)
            ));
        }
        for (name, lines) in functions(&text) {
            if lines > FUNCTION_LINES_MAX {
                wrong.push(format!(
                    "{}: {name} has {lines} lines, at most {FUNCTION_LINES_MAX}",
                    shown(&path)
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Functions with their number of lines, by the indentation that rustfmt guarantees.
fn functions(text: &str) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    let lines: Vec<&str> = text.lines().collect();
    for (at, line) in lines.iter().enumerate() {
        let indent = line.len() - line.trim_start().len();
        let head = line.trim_start();
        let is_function = [
            "fn ",
            "pub fn ",
            "async fn ",
            "pub async fn ",
            "pub(super) fn ",
            "pub(crate) fn ",
            "pub(super) async fn ",
            "pub(crate) async fn ",
            "const fn ",
            "pub const fn ",
        ]
        .iter()
        .any(|start| head.starts_with(start));
        if !is_function || head.ends_with(';') {
            continue;
        }
        let closing = format!("{}}}", " ".repeat(indent));
        let length = lines[at..]
            .iter()
            .position(|line| *line == closing)
            .map_or(1, |length| length + 1);
        let name = head.split('(').next().unwrap_or(head);
        found.push((name.to_owned(), length));
    }
    found
}

#[test]
fn nothing_is_left_lying_about() {
    let words = ["dbg!(", "todo!(", "unimplemented!(", "TODO", "FIXME", "XXX"];
    let mut wrong = Vec::new();
    for (path, text) in rust_files("src").into_iter().chain(rust_files("tests")) {
        if path.ends_with("tidy.rs") {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            if let Some(word) = words.iter().find(|word| line.contains(**word)) {
                wrong.push(format!("{}:{}: {word}", shown(&path), number + 1));
            }
            if line.contains("#[allow(") {
                wrong.push(format!(
                    "{}:{}: use #[expect(.., reason = \"..\")]",
                    shown(&path),
                    number + 1
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn file_names_are_words_of_the_field() {
    let banned = [
        "utils", "util", "helpers", "helper", "common", "core", "handler", "handlers", "manager", "types", "misc",
    ];
    let wrong: Vec<String> = rust_files("src")
        .into_iter()
        .filter(|(path, _)| {
            path.file_stem()
                .is_some_and(|stem| banned.contains(&stem.to_string_lossy().as_ref()))
        })
        .map(|(path, _)| shown(&path))
        .collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// Releases in which a known hole is closed; what is older must not come back through the lock file. The advisory
/// databases do not list all of them, so the floor is kept here as well.
const FLOORS: &[(&str, &str, &str)] = &[
    ("crossbeam-epoch", "0.9.20", "RUSTSEC-2026-0204"),
    ("h2", "0.4.16", "RUSTSEC-2026-0258"),
    ("jsonwebtoken", "10.3.0", "CVE-2026-25537"),
    ("postgres-protocol", "0.6.12", "RUSTSEC-2026-0179"),
    ("tokio-postgres", "0.7.18", "RUSTSEC-2026-0178"),
    ("tracing-subscriber", "0.3.20", "RUSTSEC-2025-0055"),
];

#[test]
fn the_lock_file_holds_no_release_with_a_known_hole() {
    let text = std::fs::read_to_string(root().join("Cargo.lock")).expect("Cargo.lock");
    let lock: toml::Table = text.parse().expect("TOML");
    let numbers = |version: &str| -> Vec<u64> {
        let release = version.split(['-', '+']).next().unwrap_or(version);
        release.split('.').filter_map(|part| part.parse().ok()).collect()
    };
    let mut wrong = Vec::new();
    for package in lock["package"].as_array().expect("packages") {
        let (name, version) = (
            package["name"].as_str().expect("name"),
            package["version"].as_str().expect("version"),
        );
        for (_, floor, why) in FLOORS.iter().filter(|(floored, _, _)| *floored == name) {
            if numbers(version) < numbers(floor) {
                wrong.push(format!("{name} {version} is below {floor} ({why})"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}
