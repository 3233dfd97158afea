//! A run up to its decision: everything is read, or what changed, and the plan is made of it.

use std::sync::Arc;
use std::time::Instant;

use crate::model::custom_attribute::Bearer;
use crate::provision::cursor::{self, Cursors, Next};
use crate::provision::failure::list::List;
use crate::provision::mapping::Mapping;
use crate::provision::reading::{Reading, WhyWhole};
use crate::provision::snapshot::{Part, PartError, PartFrom, PartReader, WholeReader};
use crate::provision::state::{self, RunState};

use super::{Prepared, RunError, Running, millis};

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
        let settings = self.fingerprint();
        // Time stamps are the last resort: a server that offers more by now is asked anew. And whatever made this run a whole
        // one would make the next one whole as well, were it to go on from the same mark.
        let is_kept =
            |cursors: Cursors| cursors.settings == settings && !cursors.are_time_stamps() && cursors.know_the_trees();
        let are_good = cursors.is_some_and(is_kept) && why.is_none();
        let begun = Instant::now();
        let reader = WholeReader {
            connection: Arc::clone(&self.connection),
            mapping,
            say: self.say(),
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
        let prepared = self
            .plan(read.snapshot, &read.server, state, (read.took, reading_ms))
            .await?;
        Ok(Prepared {
            next,
            learned: read.learned,
            reading: Reading::Whole,
            why_whole: why,
            ..prepared
        })
    }

    /// Where a run over what changed begins, or why it cannot.
    fn from(&self, settings: &str, state: &RunState, cursors: Option<Cursors>) -> Result<PartFrom, WhyWhole> {
        match (self.reading, cursors) {
            // Another filter, base or account may see others, and whom it does not see is not gone.
            (Reading::Presence | Reading::Failures, _) if state.settings.as_deref() != Some(settings) => {
                Err(WhyWhole::Settings)
            }
            (Reading::Presence, _) => Ok(PartFrom::Presence),
            (Reading::Failures, _) => Ok(PartFrom::Failures),
            (_, None) => Err(WhyWhole::NoMark),
            (_, Some(cursors)) if cursors.settings != settings => Err(WhyWhole::Settings),
            (_, Some(cursors)) => Ok(PartFrom::Changes {
                users: Box::new(cursors.users),
                groups: cursors.groups.map(Box::new),
            }),
        }
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
        if state.is_discarded || state::held(self.directory, organisation, name).await?.is_some() {
            return Ok(Err(WhyWhole::Held));
        }
        let settings = self.fingerprint();
        let from = match self.from(&settings, state, cursors) {
            Ok(from) => from,
            Err(why) => return Ok(Err(why)),
        };
        let (retry, listed) = match &self.only {
            Some(only) => (vec![only.clone()], None),
            None => {
                let listed = List::read(self.directory, organisation, name).await?;
                (listed.retried(), Some(listed))
            }
        };
        let begun = Instant::now();
        let reader = PartReader {
            directory: self.directory.clone(),
            organisation,
            connection: Arc::clone(&self.connection),
            mapping: Arc::clone(mapping),
            say: self.say(),
            report: Arc::clone(&self.report),
            retry,
            is_retry: self.reading == Reading::Failures,
            knows_groups: state.knows_groups,
        };
        let Part {
            snapshot,
            server,
            cursors,
            settled,
            learned,
            took,
        } = match reader.read(from).await {
            Ok(part) => part,
            Err(PartError::Whole(why)) => return Ok(Err(why)),
            Err(PartError::Snapshot(error)) => return Err(self.unread(error)),
            Err(PartError::Directory(error)) => return Err(error.into()),
        };
        let prepared = self.plan(snapshot, &server, state, (took, millis(begun))).await?;
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
            learned,
            listed,
            ..prepared
        }))
    }
}
