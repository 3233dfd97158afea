//! People from a file: planned in a rehearsal that plays every row through, and done row by row (X02-6).
//!
//! A row is one commit: the person is made or changed as a whole, with groups, roles, licences and the invitation, or not at all.

mod person;

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use crate::directory::bulk;
use crate::directory::keys::{self, fold};
use crate::directory::stretch::Stretch;
use crate::directory::{Directory, DirectoryError, Operation, Permit, Principal, Unit};
use crate::model::id::{JobId, OrganisationId, UserId};
use crate::model::import::{EmptyCells, ImportMode, ImportRow, ImportTask, PersonDraft};
use crate::model::job::{Effect, Job, JobItem, JobState, Outcome, Tally, Task};
use crate::model::record;
use crate::model::schema::SchemaSet;
use crate::model::slug::Slug;

use super::{ITEMS_AT_ONCE, PutJob, fingerprint};
use person::WritePerson;

/// A file, as it was understood.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportFile {
    /// Which rows are done.
    pub mode: ImportMode,
    /// Whether people are invited by mail unless their row says otherwise.
    pub invite: bool,
    /// What an empty cell says.
    pub empty_cells: EmptyCells,
    /// Columns that were left out.
    pub ignored: Vec<String>,
    /// The rows, in the order of the file.
    pub rows: Vec<ImportRow>,
}

/// What is planned so far.
struct Planning<'a> {
    /// The directory, in which everything may happen.
    rehearsal: Directory,
    principal: &'a Principal,
    organisation: OrganisationId,
    schemas: &'a SchemaSet,
    mode: ImportMode,
    invite: bool,
    /// The line that named a person first.
    seen: BTreeMap<String, u64>,
    /// Rows that are refused because no seat is free, by licence.
    without_seat: BTreeMap<Slug, u32>,
}

/// What playing a row came to.
struct Played {
    user: Option<UserId>,
    revision: Option<u64>,
    effect: Effect,
    is_changed: bool,
}

impl Directory {
    /// Plans the rows of a file, in their order. Nothing changes but that the plan is kept, until it is confirmed, discarded or too
    /// old.
    ///
    /// # Errors
    /// [`DirectoryError::InvalidValue`] for no row and for too many; as the store's read and commit.
    pub async fn plan_import(
        &self,
        principal: &Principal,
        permit: &Permit,
        file: ImportFile,
    ) -> Result<Job, DirectoryError> {
        let organisation = permit.organisation();
        let limits = self.jobs.limits;
        let ImportFile {
            mode,
            invite,
            empty_cells,
            ignored,
            mut rows,
        } = file;
        check_count(rows.len(), limits.items_max)?;
        let settings = self.load_organisation(organisation).await?;
        let mut planning = Planning {
            rehearsal: self.rehearse(),
            principal,
            organisation,
            schemas: &settings.schemas.users,
            mode,
            invite,
            seen: BTreeMap::new(),
            without_seat: BTreeMap::new(),
        };
        let mut items = Vec::with_capacity(rows.len());
        let mut planned = Tally::default();
        for (number, row) in (1u32..).zip(&mut rows) {
            let item = planning.play(number, row).await?;
            planned.add(&item.planned);
            items.push(item);
        }
        let seats = self
            .seat_forecast(&planning.rehearsal, organisation, &planning.without_seat)
            .await?;
        let creates = items.iter().filter(|item| item.effect.created).count();
        let creates = u32::try_from(creates).unwrap_or(u32::MAX);
        let task = ImportTask {
            mode,
            invite,
            empty_cells,
            ignored,
            creates,
            updates: planned.change.saturating_sub(creates),
        };
        let (id, now) = (JobId::new(self.clock.uuid()), self.clock.now());
        let job = Job {
            id,
            confirm: confirm(id, &task, &items, &rows),
            task: Task::Import(task),
            actor: permit.actor().clone(),
            state: JobState::Planned,
            items: u32::try_from(items.len()).unwrap_or(u32::MAX),
            planned,
            results: None,
            warnings: bulk::seat_warnings(&seats),
            seats,
            target: fingerprint(std::iter::empty()),
            created: now,
            expires: now + limits.plan_lives,
            confirmed: None,
            ended: None,
        };
        self.keep_import(permit, &job, &items, &rows).await?;
        Ok(job)
    }

    /// Keeps a plan with its rows. The head comes first, so that what is left of a planning that breaks off is found.
    async fn keep_import(
        &self,
        permit: &Permit,
        job: &Job,
        items: &[JobItem],
        rows: &[ImportRow],
    ) -> Result<(), DirectoryError> {
        let draft = Job {
            state: JobState::Drafted,
            ..job.clone()
        };
        let drafting = permit.clone().within_job(job.id);
        let head = PutJob {
            job: &draft,
            items: &[],
        };
        self.run(&drafting, &head).await?;
        let numbered: Vec<(u32, &ImportRow)> = (1u32..).zip(rows).collect();
        for rows in numbered.chunks(ITEMS_AT_ONCE) {
            self.run(&drafting, &PutRows { job: job.id, rows }).await?;
        }
        self.keep_job(permit, job, items).await
    }

    /// Rows of a job in order, those behind this number, each with its number.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn import_rows(
        &self,
        organisation: OrganisationId,
        id: JobId,
        along: impl Into<Stretch<u32>> + Send,
        limit: usize,
    ) -> Result<BTreeMap<u32, ImportRow>, DirectoryError> {
        let prefix = keys::import_rows(organisation, id);
        let scan = along.into().scan(&prefix, limit, |number| keys::import_row(organisation, id, number));
        let found = self.store.scan(scan).await?;
        let rows = found.iter().filter_map(|(key, stored)| {
            let number = u32::try_from(keys::last_number(key)?).ok()?;
            Some(record::decode(&stored.value).map(|row| (number, row)))
        });
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Does the row of an item. Answers what became of it.
    pub(super) async fn do_row(
        &self,
        principal: &Principal,
        organisation: OrganisationId,
        (job, task): (JobId, &ImportTask),
        item: &JobItem,
    ) -> Result<Outcome, DirectoryError> {
        let stored = self.store.get(keys::import_row(organisation, job, item.number)).await?;
        let row: Option<ImportRow> = stored.map(|stored| record::decode(&stored.value)).transpose()?;
        // The person whom it names was erased meanwhile.
        let gone = || DirectoryError::not_found("import row", item.number);
        let draft = row.and_then(|row| row.draft).ok_or_else(gone)?;
        let user = self.person_of(organisation, &draft).await?;
        let invite = draft.invite.unwrap_or(task.invite);
        let permit = self
            .authorise_row(principal, organisation, &draft, (user, invite))
            .await?;
        let settings = self.load_organisation(organisation).await?;
        let done = DoRow {
            job,
            number: item.number,
            user,
            write: WritePerson {
                schemas: &settings.schemas.users,
                draft: &draft,
                user,
                invite,
            },
        };
        self.run(&permit.within_job(job), &done).await
    }

    /// Who a row is about, if somebody who is there.
    async fn person_of(
        &self,
        organisation: OrganisationId,
        draft: &PersonDraft,
    ) -> Result<Option<UserId>, DirectoryError> {
        let found = match (draft.id, &draft.user_name) {
            (Some(id), _) => {
                let found = self.browse_user(organisation, id).await?;
                Some(found.ok_or_else(|| DirectoryError::not_found("user", id))?)
            }
            (None, Some(name)) => self.browse_user_name(organisation, name).await?,
            (None, None) => return Err(DirectoryError::invalid("user_name", "is required")),
        };
        Ok(found.map(|user| user.id))
    }
}

/// Bytes of a row as it is kept: as many rows as are written in one commit fit into it.
const ROW_BYTES_MAX: usize = 32 * 1024;

fn check_count(rows: usize, most: usize) -> Result<(), DirectoryError> {
    match rows {
        0 => Err(DirectoryError::invalid(
            "file",
            "has no row below the names of the columns",
        )),
        rows if rows > most => {
            let reason = format!("{rows} rows are too many, at most {most} at once: send the file in parts");
            Err(DirectoryError::invalid("file", reason))
        }
        _ => Ok(()),
    }
}

impl Planning<'_> {
    /// Plays one row.
    async fn play(&mut self, number: u32, row: &mut ImportRow) -> Result<JobItem, DirectoryError> {
        if record::encode(&*row).len() > ROW_BYTES_MAX {
            row.draft = None;
            row.fault = Some(format!(
                "says more than {ROW_BYTES_MAX} bytes: write the rest through the API"
            ));
        }
        let mut item = JobItem {
            number,
            user: None,
            named: Some(row.name.clone()),
            revision: None,
            planned: Outcome::Nothing,
            effect: Effect::default(),
            result: None,
        };
        if let Some(reason) = &row.fault {
            item.planned = Outcome::Refused { reason: reason.clone() };
            return Ok(item);
        }
        let draft = row.draft.clone().unwrap_or_default();
        item.planned = match self.play_draft(&draft, row.line).await {
            Ok(played) => {
                item.user = played.user;
                item.revision = played.revision;
                item.effect = played.effect;
                if played.is_changed {
                    Outcome::Change
                } else {
                    Outcome::Nothing
                }
            }
            Err(error) => {
                if let DirectoryError::SeatsExhausted { licence, .. } = &error {
                    *self.without_seat.entry(licence.clone()).or_default() += 1;
                }
                row.column = column(&error);
                bulk::refused(error)?
            }
        };
        if item.user.is_some() {
            item.named = None;
        }
        Ok(item)
    }

    async fn play_draft(&mut self, draft: &PersonDraft, line: u64) -> Result<Played, DirectoryError> {
        self.note_person(draft, line)?;
        let rehearsal = &self.rehearsal;
        let user = rehearsal.person_of(self.organisation, draft).await?;
        if user.is_some() && self.mode == ImportMode::Create {
            let reason = "is there already: choose the mode create_and_update to change people who are there";
            return Err(DirectoryError::invalid("user_name", reason));
        }
        let invite = draft.invite.unwrap_or(self.invite);
        let permit = rehearsal
            .authorise_row(self.principal, self.organisation, draft, (user, invite))
            .await?;
        let before = match user {
            Some(user) => rehearsal.standing(self.organisation, user).await?,
            None => bulk::Standing::default(),
        };
        let write = WritePerson {
            schemas: self.schemas,
            draft,
            user,
            invite,
        };
        let (written, is_changed) = rehearsal.run(&permit, &write).await?;
        let mut effect = Effect::default();
        if is_changed {
            effect = before
                .turns_into(&rehearsal.standing(self.organisation, written).await?)
                .shorten();
            effect.clears = before.cleared_by(draft);
            if invite {
                effect.obstacle = rehearsal.obstacle(self.organisation, written).await?;
            }
        }
        Ok(Played {
            user,
            revision: before.revision(),
            effect,
            is_changed,
        })
    }

    /// No person is in a file twice: which of the rows should count?
    fn note_person(&mut self, draft: &PersonDraft, line: u64) -> Result<(), DirectoryError> {
        let name = draft.user_name.as_deref().map(fold);
        let id = draft.id.map(|id| id.to_string());
        for (column, key) in [("user_name", name), ("id", id)] {
            let Some(key) = key else { continue };
            if let Some(first) = self.seen.get(&key) {
                let reason = format!("is in line {first} as well: leave one of the two");
                return Err(DirectoryError::invalid(column, reason));
            }
            self.seen.insert(key, line);
        }
        Ok(())
    }
}

/// The column that an error is about, as a file names it.
fn column(error: &DirectoryError) -> Option<String> {
    let name = match error {
        DirectoryError::InvalidValue { attribute, .. } | DirectoryError::Mutability { attribute, .. } => attribute,
        DirectoryError::Uniqueness { attribute, .. } => attribute.as_ref(),
        DirectoryError::SeatsExhausted { .. } => "licences",
        DirectoryError::NotFound { kind, .. } => match *kind {
            "group" => "groups",
            "role" => "roles",
            "licence" => "licences",
            "user" => "id",
            _ => return None,
        },
        _ => return None,
    };
    Some(match name {
        "userName" => "user_name".to_owned(),
        "loginIds" => "login_ids".to_owned(),
        "name.givenName" => "given_name".to_owned(),
        "name.familyName" => "family_name".to_owned(),
        "displayName" => "display_name".to_owned(),
        "role" => "roles".to_owned(),
        "licence" => "licences".to_owned(),
        other => other.to_owned(),
    })
}

/// Stands for a plan: what the rows say, and what would become of each.
fn confirm(id: JobId, task: &ImportTask, items: &[JobItem], rows: &[ImportRow]) -> String {
    let mut hash = Sha256::new();
    hash.update(id.uuid().as_bytes());
    hash.update(serde_json::to_vec(task).unwrap_or_default());
    for (item, row) in items.iter().zip(rows) {
        hash.update(record::encode(item));
        hash.update(record::encode(row));
    }
    hash.finalize()
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Writes rows beside the items of a job.
struct PutRows<'a> {
    job: JobId,
    rows: &'a [(u32, &'a ImportRow)],
}

#[async_trait::async_trait]
impl Operation for PutRows<'_> {
    type Outcome = ();

    async fn attempt(&self, unit: &mut Unit) -> Result<(), DirectoryError> {
        let organisation = unit.organisation();
        for (number, row) in self.rows {
            unit.put(keys::import_row(organisation, self.job, *number), *row);
        }
        Ok(())
    }
}

/// Does one row and notes its result, in one commit.
struct DoRow<'a> {
    job: JobId,
    number: u32,
    /// Whom it is about now.
    user: Option<UserId>,
    write: WritePerson<'a>,
}

#[async_trait::async_trait]
impl Operation for DoRow<'_> {
    type Outcome = Outcome;

    async fn attempt(&self, unit: &mut Unit) -> Result<Outcome, DirectoryError> {
        let key = keys::job_item(unit.organisation(), self.job, self.number);
        let item: Option<JobItem> = unit.find(&key).await?;
        let mut item = item.ok_or_else(|| DirectoryError::not_found("job item", self.number))?;
        // Somebody else came first: another process, or an attempt whose answer was lost.
        if let Some(result) = item.result {
            return Ok(result);
        }
        let user = match self.user {
            Some(user) => unit.find_user(user).await?,
            None => None,
        };
        let is_same = self.user == item.user && user.map(|user| user.revision) == item.revision;
        let result = if is_same {
            let (written, is_changed) = self.write.attempt(unit).await?;
            item.user = Some(written);
            if is_changed { Outcome::Change } else { Outcome::Nothing }
        } else {
            Outcome::Stale
        };
        item.result = Some(result.clone());
        unit.put(key, &item);
        Ok(result)
    }
}
