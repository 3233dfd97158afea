//! The tree as it is in the repository: cases, requirements, gaps, and what they say about each other.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::case::Case;
use crate::mention;

/// Everything, with the paths of cases relative to `conformance/`.
pub(crate) struct Tree {
    /// The cases by path.
    pub(crate) cases: BTreeMap<String, Case>,
    /// The requirements, file by file.
    pub(crate) documents: Vec<Document>,
    /// The cases that are known to fail, each with a one-sentence reason.
    pub(crate) gaps: BTreeMap<String, String>,
    /// What is wrong with the tree itself.
    pub(crate) faults: Vec<String>,
}

/// The requirements of one document.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Document {
    /// Its title.
    pub(crate) title: String,
    /// The requirements in its order.
    #[serde(rename = "requirement")]
    pub(crate) requirements: Vec<Requirement>,
}

/// One sentence of a document that binds a service provider.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Requirement {
    /// What cases cite.
    pub(crate) id: String,
    /// The section.
    pub(crate) section: String,
    /// `MUST`, `SHOULD`, or what the document calls it.
    pub(crate) level: String,
    /// A one-sentence paraphrase.
    pub(crate) says: String,
    /// Where it is shown instead of in a case, or why no request can show it.
    #[serde(default)]
    pub(crate) elsewhere: Option<String>,
    /// Tests of the program that show what no request to a running service can: `tests/server/tls.rs::name_of_the_test`.
    #[serde(default)]
    pub(crate) tests: Vec<String>,
    /// Files that hold it in the model, each of which names it.
    #[serde(default)]
    pub(crate) held: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Gaps {
    gaps: BTreeMap<String, String>,
}

/// The folder of the tree.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance")
}

impl Tree {
    /// Reads all of it. Faults are collected, not thrown: they are told all at once.
    pub(crate) fn read() -> Self {
        let mut tree = Self {
            cases: BTreeMap::new(),
            documents: Vec::new(),
            gaps: BTreeMap::new(),
            faults: Vec::new(),
        };
        tree.read_documents();
        for part in ["rfc7643", "rfc7644", "rfc9865", "ipsie", "clients", "deviations"] {
            tree.read_cases(&folder().join(part));
        }
        match read::<Gaps>(&folder().join("gaps.toml"), |text| Ok(toml::from_str(text)?)) {
            Ok(Gaps { gaps }) => tree.gaps = gaps,
            Err(fault) => tree.faults.push(fault),
        }
        tree.check();
        tree
    }

    /// The cases that cite a requirement.
    pub(crate) fn cases_of(&self, requirement: &str) -> Vec<&str> {
        let citing = self
            .cases
            .iter()
            .filter(|(_, case)| case.cites.iter().any(|cited| cited == requirement));
        citing.map(|(path, _)| path.as_str()).collect()
    }

    fn read_documents(&mut self) {
        for path in files(&folder().join("requirements"), "toml") {
            match read::<Document>(&path, |text| Ok(toml::from_str(text)?)) {
                Ok(document) => self.documents.push(document),
                Err(fault) => self.faults.push(fault),
            }
        }
    }

    fn read_cases(&mut self, below: &Path) {
        for path in files(below, "json") {
            let place = path
                .strip_prefix(folder())
                .unwrap_or(&path)
                .to_string_lossy()
                .replace('\\', "/");
            match read::<Case>(&path, |text| Ok(serde_json::from_str(text)?)) {
                Ok(case) => drop(self.cases.insert(place, case)),
                Err(fault) => self.faults.push(fault),
            }
        }
    }

    fn check(&mut self) {
        let mut known = BTreeSet::new();
        let mut faults = Vec::new();
        for requirement in self.documents.iter().flat_map(|document| &document.requirements) {
            let Requirement {
                id,
                elsewhere,
                tests,
                held,
                ..
            } = requirement;
            if !known.insert(id.as_str()) {
                faults.push(format!("requirements: {id} is there twice"));
            }
            for test in tests.iter().filter(|test| !is_there(test)) {
                faults.push(format!("requirements: {id} names {test}, which is no test"));
            }
            for file in held.iter().filter(|file| !names(file, id)) {
                faults.push(format!("requirements: {id} is held by {file}, which does not name it"));
            }
            if held.is_empty() && mention::numbers(id).contains(id) {
                faults.push(format!("requirements: {id} does not say which file holds it"));
            }
            match (self.cases_of(id).is_empty() && tests.is_empty(), elsewhere) {
                (true, None) => faults.push(format!("requirements: {id} has no case and does not say why")),
                (false, Some(_)) => faults.push(format!("requirements: {id} is shown, so `elsewhere` must go")),
                _ => {}
            }
        }
        for (path, case) in &self.cases {
            for cited in case.cites.iter().filter(|cited| !known.contains(cited.as_str())) {
                faults.push(format!("{path}: cites {cited}, which no file in requirements/ has"));
            }
            if case.cites.is_empty() && case.source.is_none() {
                faults.push(format!("{path}: cites nothing and names no source"));
            }
            if case.name.is_empty() || case.steps.is_empty() {
                faults.push(format!("{path}: a case has a name and steps"));
            }
        }
        for path in self.gaps.keys().filter(|path| !self.cases.contains_key(*path)) {
            faults.push(format!("gaps.toml: there is no case {path}"));
        }
        self.faults.append(&mut faults);
    }
}

/// Whether the file has a test of this name.
fn is_there(test: &str) -> bool {
    let Some((file, name)) = test.split_once("::") else {
        return false;
    };
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap_or_default();
    text.contains(&format!("fn {name}()"))
}

/// Whether the file is there and names the requirement.
fn names(file: &str, id: &str) -> bool {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap_or_default();
    mention::numbers(&text).contains(id)
}

/// Every file with this extension below the folder, in order.
fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder).into_iter().flatten().flatten();
        for path in entries.map(|entry| entry.path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|own| own == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn read<T>(path: &Path, parse: impl Fn(&str) -> Result<T, anyhow::Error>) -> Result<T, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    parse(&text).map_err(|error| format!("{}: {error}", path.display()))
}
