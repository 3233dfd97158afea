//! Trying out a connection before it is relied on: whether it works, what it would read, and what its operator should do.
//!
//! Nothing is written, nothing is remembered, and no secret is in the report.

mod client;
mod source;

use serde::Serialize;

use crate::directory::settings::OrganisationSettings;
use crate::directory::{Directory, DirectoryError};
use crate::ldap::probe::Verdict;
use crate::model::connection::{Connection, ConnectionKind, LdapScope};
use crate::model::slug::Slug;

use super::advice::Advice;

/// What was tried, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProbeReport {
    /// The connection.
    pub connection: Slug,
    /// What it is.
    pub kind: ConnectionKind,
    /// The worst of all verdicts.
    pub verdict: Verdict,
    /// In the order tried.
    pub findings: Vec<Finding>,
    /// What a run of a directory would ask for.
    pub reads: Vec<Search>,
}

/// One thing that was tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// `settings`, `server`, `users`, `groups`, `schedules`, `client`.
    pub place: &'static str,
    /// A word for scripts.
    pub finding: &'static str,
    /// How good it is.
    pub verdict: Verdict,
    /// The finding in a sentence. It may hold the name of an entry: for the operator, not for a log.
    pub text: String,
    /// What to do, where something should be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cure: Option<String>,
}

/// One search of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Search {
    /// `users` or `groups`.
    pub place: &'static str,
    /// The base entry's DN.
    pub base: String,
    /// `subtree` or `one`.
    pub scope: LdapScope,
    /// As the settings have it.
    pub filter: String,
    /// The attribute that identifies entries.
    pub stable_id: &'static str,
    /// The attributes asked for.
    pub attributes: Vec<String>,
    /// How many entries there are, when that was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entries: Option<u64>,
}

/// Tries a connection. `public_url` is the gateway's address as clients know it, where that is known.
///
/// # Errors
/// As the store's read; whatever is wrong with the connection itself is a finding.
pub async fn probe(
    directory: &Directory,
    organisation: &OrganisationSettings,
    connection: &Connection,
    public_url: Option<&str>,
) -> Result<ProbeReport, DirectoryError> {
    let now = directory.clock().now();
    let mut findings = Findings::default();
    let reads = match connection.kind {
        ConnectionKind::Ldap => source::probe(organisation, connection, now, &mut findings).await,
        ConnectionKind::Scim => {
            client::probe(directory, organisation, connection, public_url, &mut findings).await?;
            Vec::new()
        }
    };
    let Findings(findings) = findings;
    let verdicts = findings.iter().map(|finding| finding.verdict);
    Ok(ProbeReport {
        connection: connection.name.clone(),
        kind: connection.kind,
        verdict: verdicts.max().unwrap_or(Verdict::Good),
        findings,
        reads,
    })
}

/// What was found so far.
#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn good(&mut self, place: &'static str, finding: &'static str, text: String) {
        self.note(place, finding, Verdict::Good, text, None);
    }

    fn note(
        &mut self,
        place: &'static str,
        finding: &'static str,
        verdict: Verdict,
        text: String,
        cure: Option<String>,
    ) {
        self.0.push(Finding {
            place,
            finding,
            verdict,
            text,
            cure,
        });
    }

    fn advise(&mut self, place: &'static str, advice: &Advice) {
        let cure = Some(advice.cure().to_owned());
        self.note(place, advice.word(), Verdict::Advice, advice.to_string(), cure);
    }
}
