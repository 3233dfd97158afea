//! Trying out a connection before it is used: what works, what does not, and what an operator should do about it.
//!
//! It only reads: two passes over ids, a few searches for one entry.

mod finding;

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

pub use finding::{Finding, Outcome, Place, Verdict};

use super::capability::Capability;
use super::changes::{ChangeMethod, mark, read_by_ids, read_presence, sees_deletions};
use super::connection::{ConnectError, Connection};
use super::filter::Filter;
use super::read_error::ReadError;
use super::result_code::ADMIN_LIMIT_EXCEEDED;
use super::search::{Complete, Query};
use super::settings::LdapSettings;
use super::stable_id::StableId;

/// A search for one value that takes longer than this has no index behind it, or a server that is overloaded.
const LOOKUP_PATIENCE: Duration = Duration::from_millis(500);

/// Everything that was tried.
#[derive(Debug)]
#[must_use]
pub struct ProbeReport {
    /// In the order tried.
    pub findings: Vec<Finding>,
    /// What the server says about itself; none when it could not be asked.
    pub capability: Option<Capability>,
}

impl ProbeReport {
    /// The worst of all verdicts.
    pub fn verdict(&self) -> Verdict {
        let verdicts = self.findings.iter().map(|finding| finding.outcome.verdict());
        verdicts.max().unwrap_or(Verdict::Good)
    }
}

/// Tries everything that a synchronisation does, as far as it can be tried by reading.
pub async fn probe(settings: &LdapSettings, users: &Query, groups: Option<&Query>) -> ProbeReport {
    let mut probe = Probe {
        settings,
        connection: None,
        report: ProbeReport {
            findings: Vec::new(),
            capability: None,
        },
    };
    // Without a connection the one finding says why.
    if let Err(error) = probe.run(users, groups).await {
        probe.note(Place::Server, Outcome::Unreachable(error));
    }
    probe.report
}

struct Probe<'a> {
    settings: &'a LdapSettings,
    connection: Option<Connection>,
    report: ProbeReport,
}

impl Probe<'_> {
    async fn run(&mut self, users: &Query, groups: Option<&Query>) -> Result<(), ConnectError> {
        let connection = self.connection().await?;
        let outcomes = [
            Outcome::Bound {
                url: connection.url().clone(),
                bind_dn: connection.bind_dn().to_owned(),
            },
            connection
                .tls_version()
                .map_or(Outcome::Plain, |version| Outcome::Encrypted { version }),
        ];
        let capability = Capability::read(connection).await;
        outcomes
            .into_iter()
            .for_each(|outcome| self.note(Place::Server, outcome));
        let capability = match capability {
            Ok(capability) => capability,
            Err(error) => {
                self.note(Place::Server, Outcome::Failed(error));
                return Ok(());
            }
        };
        let outcome = Outcome::Server {
            vendor: capability.vendor,
            text: capability.vendor_text.clone(),
        };
        self.note(Place::Server, outcome);
        let method = capability.change_method();
        if method.is_none() {
            self.note(Place::Server, Outcome::CannotPage);
        }
        if method == Some(ChangeMethod::UpdateSequence) {
            self.try_deletions(users).await?;
        }
        self.report.capability = Some(capability);
        self.try_query(Place::Users, users, method).await?;
        match groups {
            Some(groups) => self.try_query(Place::Groups, groups, method).await,
            None => Ok(()),
        }
    }

    async fn try_query(
        &mut self,
        place: Place,
        query: &Query,
        method: Option<ChangeMethod>,
    ) -> Result<(), ConnectError> {
        let (mut entries, mut example) = (0, None);
        let connection = self.connection().await?;
        let outcome = read_presence(connection, query, |_, dn| {
            entries += 1;
            example.get_or_insert_with(|| dn.to_owned());
            ControlFlow::Continue(())
        })
        .await;
        match outcome {
            Ok(complete) => self.note_complete(place, &complete, example),
            Err(ReadError::SizeLimit { code, text }) => self.note(place, Outcome::SizeLimit { entries, code, text }),
            Err(error) => {
                self.note(place, Outcome::Failed(error));
                return Ok(());
            }
        }
        self.try_lookup(place, query).await?;
        match method {
            Some(method) => self.try_changes(place, query, method).await,
            None => Ok(()),
        }
    }

    fn note_complete(&mut self, place: Place, complete: &Complete, example: Option<String>) {
        self.note(
            place,
            match example {
                Some(example) => Outcome::Reads {
                    entries: complete.entries(),
                    example,
                },
                None => Outcome::MatchesNothing,
            },
        );
        if let Some(dn) = complete.unidentified_dns().first() {
            let outcome = Outcome::Unidentified {
                entries: complete.unidentified(),
                example: dn.clone(),
            };
            self.note(place, outcome);
        }
        if let Some(url) = complete.referral_urls().first() {
            let outcome = Outcome::Referrals {
                references: complete.referrals(),
                example: url.clone(),
            };
            self.note(place, outcome);
        }
    }

    /// Changed entries are read by their stable ids: is there an index?
    async fn try_lookup(&mut self, place: Place, query: &Query) -> Result<(), ConnectError> {
        let nobody = StableId::from_sync_uuid(query.stable_id, [0; 16]);
        let everything = Query {
            filter: Filter::everything(),
            ..query.clone()
        };
        let connection = self.connection().await?;
        let start = Instant::now();
        let outcome = read_by_ids(connection, &everything, &[nobody], |_| ControlFlow::Continue(())).await;
        let took = start.elapsed();
        let attribute = query.stable_id.attribute();
        match outcome {
            Ok(_) if took <= LOOKUP_PATIENCE => {}
            Ok(_) => self.note(
                place,
                Outcome::Unindexed {
                    attribute,
                    took: Some(took),
                },
            ),
            Err(ReadError::SizeLimit {
                code: ADMIN_LIMIT_EXCEEDED,
                ..
            }) => self.note(place, Outcome::Unindexed { attribute, took: None }),
            Err(error) => self.note(place, Outcome::Failed(error)),
        }
        Ok(())
    }

    /// The best method, and if that does not work the one that every server should have.
    async fn try_changes(&mut self, place: Place, query: &Query, method: ChangeMethod) -> Result<(), ConnectError> {
        let connection = self.connection().await?;
        let Err(reason) = mark(connection, query, method).await else {
            self.note(place, Outcome::Changes(method));
            return Ok(());
        };
        self.note(place, Outcome::NoChanges { method, reason });
        if method == ChangeMethod::ModifyTimestamp {
            return Ok(());
        }
        let connection = self.connection().await?;
        let method = ChangeMethod::ModifyTimestamp;
        let outcome = match mark(connection, query, method).await {
            Ok(_) => Outcome::Changes(method),
            Err(reason) => Outcome::NoChanges { method, reason },
        };
        self.note(place, outcome);
        Ok(())
    }

    async fn try_deletions(&mut self, query: &Query) -> Result<(), ConnectError> {
        let connection = self.connection().await?;
        let outcome = match sees_deletions(connection, query).await {
            Ok(true) => Outcome::SeesDeletions,
            Ok(false) => Outcome::MissesDeletions,
            Err(error) => Outcome::Failed(error),
        };
        self.note(Place::Server, outcome);
        Ok(())
    }

    fn note(&mut self, place: Place, outcome: Outcome) {
        self.report.findings.push(Finding { place, outcome });
    }

    /// The open connection, or a new one after a failure has spent it.
    async fn connection(&mut self) -> Result<&mut Connection, ConnectError> {
        let usable = self.connection.take().filter(|connection| !connection.is_spent());
        let connection = match usable {
            Some(connection) => connection,
            None => Connection::open(self.settings).await?,
        };
        Ok(self.connection.insert(connection))
    }
}
