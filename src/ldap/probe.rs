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
use super::search::{Complete, Query, read_all};
use super::settings::LdapSettings;
use super::stable_id::StableId;

/// A search for one value that takes longer than this has no index behind it, or a server that is overloaded.
const LOOKUP_PATIENCE: Duration = Duration::from_millis(500);

/// Entries that are looked at for what they show.
const LOOKED_AT: u64 = 50;
/// A time that no entry was changed after, and that still fits into OpenLDAP's index of times, as the year 9999 does not.
const FAR_FUTURE: &str = "21000101000000Z";
/// An update sequence number that no server reaches.
const LAST_SEQUENCE: &str = "9223372036854775807";

/// What a synchronisation makes of the entries, as far as a trial can look for it.
#[derive(Clone, Debug, Default)]
pub struct Needs {
    /// What is made of people, and of which attributes.
    pub users: Vec<Need>,
    /// The same of groups.
    pub groups: Vec<Need>,
    /// The attributes by which groups are searched for the people and groups in them.
    pub members: Vec<String>,
}

/// One thing that is made of entries.
#[derive(Clone, Debug)]
pub struct Need {
    /// What is made.
    pub what: String,
    /// Of these attributes; any of them will do.
    pub attributes: Vec<String>,
    /// Whether nothing can be made of an entry without.
    pub is_required: bool,
}

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
pub async fn probe(settings: &LdapSettings, users: &Query, groups: Option<&Query>, needs: &Needs) -> ProbeReport {
    let mut probe = Probe {
        settings,
        needs,
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
    needs: &'a Needs,
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
        if entries > 0 {
            self.look(place, query).await?;
        }
        if place == Place::Groups {
            self.try_members(query).await?;
        }
        match method {
            Some(method) => self.try_changes(place, query, method).await,
            None => Ok(()),
        }
    }

    /// Looks at the first entries for the attributes that something is to be made of. A server says nothing about those that
    /// an account may not read: it leaves them out.
    async fn look(&mut self, place: Place, query: &Query) -> Result<(), ConnectError> {
        let needs = match place {
            Place::Users => &self.needs.users,
            Place::Groups => &self.needs.groups,
            Place::Server => return Ok(()),
        };
        let (mut entries, mut unmet) = (0, needs.iter().collect::<Vec<_>>());
        let connection = self.connection().await?;
        let outcome = read_all(connection, query, |entry| {
            entries += 1;
            let shows = |name: &String| !entry.attributes.values(name).is_empty();
            unmet.retain(|need| !need.attributes.iter().any(shows));
            match entries < LOOKED_AT && !unmet.is_empty() {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            }
        })
        .await;
        match outcome {
            Ok(_) | Err(ReadError::Stopped) => {}
            // The pass over the ids has said what stands in the way of reading everything.
            Err(ReadError::SizeLimit { .. }) => {}
            Err(error) => {
                self.note(place, Outcome::Failed(error));
                return Ok(());
            }
        }
        for need in unmet {
            let outcome = Outcome::NotShown {
                what: need.what.clone(),
                attributes: need.attributes.clone(),
                entries,
                is_required: need.is_required,
            };
            self.note(place, outcome);
        }
        Ok(())
    }

    /// Groups are searched for those who are in them: is there an index?
    async fn try_members(&mut self, query: &Query) -> Result<(), ConnectError> {
        for attribute in &self.needs.members {
            // A name that can be in any attribute of members, and that nobody has.
            let nobody = match attribute.eq_ignore_ascii_case("memberUid") {
                true => "nobody at all".to_owned(),
                false => format!("cn=nobody at all,{}", query.base),
            };
            let Ok(filter) = Filter::equals(attribute, &nobody) else {
                continue;
            };
            let filter = Filter::all([query.filter.clone(), filter]);
            self.try_search(Place::Groups, query, attribute, filter).await?;
        }
        Ok(())
    }

    /// A search that finds nobody: what it costs is the looking.
    async fn try_search(
        &mut self,
        place: Place,
        query: &Query,
        attribute: &str,
        filter: Filter,
    ) -> Result<(), ConnectError> {
        let nobody = Query {
            filter,
            ..query.clone()
        };
        let connection = self.connection().await?;
        let start = Instant::now();
        let outcome = read_presence(connection, &nobody, |_, _| ControlFlow::Continue(())).await;
        self.judge_search(place, attribute, start.elapsed(), outcome);
        Ok(())
    }

    fn judge_search(&mut self, place: Place, attribute: &str, took: Duration, outcome: Result<Complete, ReadError>) {
        let unindexed = |took| Outcome::Unindexed {
            attribute: attribute.to_owned(),
            took,
        };
        match outcome {
            Ok(_) if took <= LOOKUP_PATIENCE => {}
            Ok(_) => self.note(place, unindexed(Some(took))),
            Err(ReadError::SizeLimit {
                code: ADMIN_LIMIT_EXCEEDED,
                ..
            }) => self.note(place, unindexed(None)),
            Err(error) => self.note(place, Outcome::Failed(error)),
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
        self.judge_search(place, query.stable_id.attribute(), start.elapsed(), outcome);
        Ok(())
    }

    /// The best method, and if that does not work the one that every server should have.
    async fn try_changes(&mut self, place: Place, query: &Query, method: ChangeMethod) -> Result<(), ConnectError> {
        let mut methods = vec![method];
        if method != ChangeMethod::ModifyTimestamp {
            methods.push(ChangeMethod::ModifyTimestamp);
        }
        for method in methods {
            let connection = self.connection().await?;
            match mark(connection, query, method).await {
                Ok(_) => {
                    self.note(place, Outcome::Changes(method));
                    return self.try_changed_since(place, query, method).await;
                }
                Err(reason) => self.note(place, Outcome::NoChanges { method, reason }),
            }
        }
        Ok(())
    }

    /// What changed is searched for by a number or a time: is there an index for ordering?
    async fn try_changed_since(
        &mut self,
        place: Place,
        query: &Query,
        method: ChangeMethod,
    ) -> Result<(), ConnectError> {
        let (attribute, last) = match method {
            ChangeMethod::ContentSync => return Ok(()),
            ChangeMethod::UpdateSequence => ("uSNChanged", LAST_SEQUENCE),
            ChangeMethod::ModifyTimestamp => ("modifyTimestamp", FAR_FUTURE),
        };
        match Filter::at_least(attribute, last) {
            Ok(filter) => self.try_search(place, query, attribute, filter).await,
            // Both are names of attributes.
            Err(_) => Ok(()),
        }
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
