//! From the reading to the plan and the brake's word on it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use crate::model::custom_attribute::Bearer;
use crate::provision::brake::{self, HoldReason};
use crate::provision::cursor::{self, Cursors, Next};
use crate::provision::failure::Kind;
use crate::provision::mapping::Mapping;
use crate::provision::plan::{Plan, Planner};
use crate::provision::progress::Progress;
use crate::provision::reading::{Reading, WhyWhole};
use crate::provision::snapshot::{Part, PartError, PartFrom, PartReader, Snapshot, SnapshotError, WholeReader};
use crate::provision::state::{self, RunState};

use super::{RunError, Running, millis};

/// A run before its decision.
pub(super) struct Prepared {
    pub(super) snapshot: Snapshot,
    pub(super) reading: Reading,
    pub(super) why_whole: Option<WhyWhole>,
    /// Where the next reading goes on.
    pub(super) next: Next,
    /// The entries that were looked at, when it was not everything.
    pub(super) settled: Option<BTreeSet<(Kind, String)>>,
    pub(super) plan: Plan,
    pub(super) hash: String,
    pub(super) held: Vec<HoldReason>,
    pub(super) reading_ms: u64,
    pub(super) planning_ms: u64,
}

impl Running<'_> {
    /// Everything up to the decision. Changes nothing.
    pub(super) async fn prepare(&self) -> Result<Prepared, RunError> {
        let mapping = Mapping::compile(&self.connection, self.settings.custom(Bearer::User));
        let mapping = mapping.map_err(|error| RunError::Mapping {
            connection: self.connection.name.clone(),
            error,
        })?;
        let mapping = Arc::new(mapping);
        let (organisation, name) = (self.permit.organisation(), &self.connection.name);
        let state = state::load(self.directory, organisation, name)
            .await?
            .unwrap_or_default();
        let cursors = cursor::load(self.directory, organisation, name).await?;
        let why = if self.reading == Reading::Whole {
            None
        } else {
            match self.part(&mapping, &state, cursors.clone()).await? {
                Ok(prepared) => return Ok(prepared),
                Err(why) => Some(why),
            }
        };
        self.whole(mapping, &state, cursors, why).await
    }

    /// A run over everything.
    async fn whole(
        &self,
        mapping: Arc<Mapping>,
        state: &RunState,
        cursors: Option<Cursors>,
        why: Option<WhyWhole>,
    ) -> Result<Prepared, RunError> {
        let settings = cursor::fingerprint(&self.connection, self.settings.custom(Bearer::User));
        let are_good = cursors.is_some_and(|cursors| cursors.settings == settings)
            && !matches!(why, Some(WhyWhole::Server { .. } | WhyWhole::NoMark));
        let begun = Instant::now();
        let reader = WholeReader {
            connection: Arc::clone(&self.connection),
            mapping,
            report: Arc::clone(&self.report),
            marks: !are_good,
        };
        let read = reader.read().await.map_err(|error| self.unread(error))?;
        let reading_ms = millis(begun);
        let next = match read.marks {
            _ if are_good => Next::Keep,
            Some((users, groups)) => Next::Put(Box::new(Cursors {
                settings,
                users,
                groups,
            })),
            None => Next::Drop,
        };
        let prepared = self.plan(read.snapshot, state, reading_ms).await?;
        Ok(Prepared {
            next,
            reading: Reading::Whole,
            why_whole: why,
            ..prepared
        })
    }

    /// A run over what changed, or why it has to be one over everything.
    async fn part(
        &self,
        mapping: &Arc<Mapping>,
        state: &RunState,
        cursors: Option<Cursors>,
    ) -> Result<Result<Prepared, WhyWhole>, RunError> {
        let (organisation, name) = (self.permit.organisation(), &self.connection.name);
        if state.last_good.is_none() {
            return Ok(Err(WhyWhole::First));
        }
        if state::held(self.directory, organisation, name).await?.is_some() {
            return Ok(Err(WhyWhole::Held));
        }
        let settings = cursor::fingerprint(&self.connection, self.settings.custom(Bearer::User));
        let from = match (self.reading, cursors) {
            (Reading::Presence, _) => PartFrom::Presence,
            (_, None) => return Ok(Err(WhyWhole::NoMark)),
            (_, Some(cursors)) if cursors.settings != settings => return Ok(Err(WhyWhole::Settings)),
            (_, Some(cursors)) => PartFrom::Changes {
                users: Box::new(cursors.users),
                groups: cursors.groups.map(Box::new),
            },
        };
        let failures = state::failures(self.directory, organisation, name).await?.failures;
        let retry = failures.into_iter();
        let retry = retry.filter_map(|failure| Some((failure.kind, failure.external_id?)));
        let begun = Instant::now();
        let reader = PartReader {
            directory: self.directory.clone(),
            organisation,
            connection: Arc::clone(&self.connection),
            mapping: Arc::clone(mapping),
            report: Arc::clone(&self.report),
            retry: retry.collect(),
        };
        let Part {
            snapshot,
            cursors,
            settled,
        } = match reader.read(from).await {
            Ok(part) => part,
            Err(PartError::Whole(why)) => return Ok(Err(why)),
            Err(PartError::Snapshot(error)) => return Err(self.unread(error)),
            Err(PartError::Directory(error)) => return Err(error.into()),
        };
        let prepared = self.plan(snapshot, state, millis(begun)).await?;
        if !prepared.held.is_empty() {
            return Ok(Err(WhyWhole::Brake));
        }
        let next = cursors.map_or(Next::Keep, |(users, groups)| {
            Next::Put(Box::new(Cursors {
                settings,
                users,
                groups,
            }))
        });
        Ok(Ok(Prepared {
            next,
            reading: self.reading,
            settled: Some(settled),
            ..prepared
        }))
    }

    fn unread(&self, error: SnapshotError) -> RunError {
        RunError::Snapshot {
            connection: self.connection.name.clone(),
            error,
        }
    }

    async fn plan(&self, snapshot: Snapshot, state: &RunState, reading_ms: u64) -> Result<Prepared, RunError> {
        let begun = Instant::now();
        let last_good = state.last_good.as_ref().map(|good| good.read);
        let planner = Planner {
            directory: self.directory,
            permit: &self.permit,
            context: self.context(),
            snapshot: &snapshot,
            linked: last_good.unwrap_or_default(),
            now: self.started,
        };
        let plan = planner.plan().await?;
        (self.report)(Progress::Planned { steps: plan.steps() });
        Ok(Prepared {
            held: brake::judge(&plan, &self.connection.brake, last_good),
            hash: plan.hash(),
            plan,
            snapshot,
            reading: self.reading,
            why_whole: None,
            next: Next::Keep,
            settled: None,
            reading_ms,
            planning_ms: millis(begun),
        })
    }
}
