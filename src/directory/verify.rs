//! Verifying a store: every invariant over every organisation, while the gateway works.
//!
//! Memory stays bounded whatever the store's size: records are read in chunks, and findings are handed over one by one.
//! What is compared is read from one state of the store, so that a change at the same moment is never taken for damage.

use serde::Serialize;
use tokio::sync::mpsc;

use crate::model::id::OrganisationId;

use super::invariant::{self, View, shared};
use super::{Directory, DirectoryError};

/// Something that ought not to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// The invariant: `unique`, `edges`, `counters`.
    pub invariant: &'static str,
    /// In which organisation; `None` for what stands between them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organisation: Option<OrganisationId>,
    /// The key of the record at fault.
    pub place: String,
    /// What is wrong with it. Identifiers and numbers only.
    pub what: String,
}

/// What a verification tells on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Finding {
    /// An invariant does not hold.
    Violation(Violation),
    /// Something could not be judged, and why.
    Note(String),
}

/// The numbers at the end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Records whose checksum was compared.
    pub records: u64,
    /// Invariants that were checked, over all organisations.
    pub checks: u64,
    /// Violations found.
    pub violations: u64,
}

/// Where findings go.
pub struct Report {
    findings: mpsc::Sender<Finding>,
    summary: Summary,
}

impl Report {
    /// A report to this channel. When nobody listens any more, the verification ends early.
    #[must_use]
    pub fn new(findings: mpsc::Sender<Finding>) -> Self {
        Self {
            findings,
            summary: Summary::default(),
        }
    }

    /// Hands a violation over.
    pub async fn violation(&mut self, violation: Violation) {
        self.summary.violations += 1;
        self.tell(Finding::Violation(violation)).await;
    }

    /// Hands a note over.
    pub async fn note(&mut self, note: String) {
        self.tell(Finding::Note(note)).await;
    }

    /// Whether nobody listens any more.
    #[must_use]
    pub fn is_unheard(&self) -> bool {
        self.findings.is_closed()
    }

    async fn tell(&mut self, finding: Finding) {
        // Whoever stopped listening misses nothing that was asked for.
        if self.findings.send(finding).await.is_err() {
            tracing::debug!("a finding was not heard");
        }
    }
}

impl Directory {
    /// Verifies one organisation.
    ///
    /// # Errors
    /// As the store's read, when it cannot go on.
    pub async fn verify_organisation(
        &self,
        organisation: OrganisationId,
        report: &mut Report,
    ) -> Result<Summary, DirectoryError> {
        let view = View::new(self.store.as_ref(), organisation);
        for invariant in invariant::all() {
            if report.is_unheard() {
                break;
            }
            invariant.verify(&view, report).await?;
            report.summary.checks += 1;
        }
        Ok(report.summary)
    }

    /// Verifies everything: each record's checksum, what organisations share, every organisation.
    ///
    /// # Errors
    /// As the store's read, when it cannot go on.
    pub async fn verify(&self, report: &mut Report) -> Result<Summary, DirectoryError> {
        let scrub = self.store.scrub().await?;
        report.summary.records = scrub.records;
        for (key, what) in scrub.damaged {
            let violation = Violation {
                invariant: "checksums",
                organisation: None,
                place: key.to_string(),
                what,
            };
            report.violation(violation).await;
        }
        for organisation in shared::verify(self.store.as_ref(), report).await? {
            self.verify_organisation(organisation, report).await?;
        }
        Ok(report.summary)
    }
}
