//! Finding users and groups (RFC 7644 s3.4.2): an index narrows the candidates where one can, the filter always decides.
//!
//! What no index narrows is read in chunks, in the order of creation, within a budget: past it the answer is `tooMany`.

mod candidates;
mod edges;
mod resource;

use crate::model::filter::ResolvedFilter;
use crate::model::id::{GroupId, OrganisationId};
use crate::model::membership::Member;
use crate::model::slug::Slug;
use crate::store::{Found, Key, Read, SCAN_ENTRIES_MAX, Scan};

use super::{Directory, DirectoryError, keys};
pub use resource::{Queryable, StoredGroup};

/// A question about users or groups.
#[derive(Debug, Clone, Copy)]
pub struct Query<'a> {
    /// Which; `None` for all.
    pub filter: Option<&'a ResolvedFilter>,
    /// The first result to answer, counted from 1 (RFC 7644 s3.4.2.4).
    pub start_index: u64,
    /// At most this many; 0 answers the number of results only.
    pub count: usize,
    /// Whose `externalId` is meant.
    pub connection: Option<&'a Slug>,
    /// Whether the groups of each result are read too.
    pub with_groups: bool,
    /// The most records that may be read.
    pub budget: QueryBudget,
}

/// How much one query may read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueryBudget {
    /// Records.
    pub records: usize,
}

impl Default for QueryBudget {
    fn default() -> Self {
        Self { records: 200_000 }
    }
}

/// A page of results.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// Matches in all.
    pub total: u64,
    /// The ones of this page.
    pub resources: Vec<T>,
    /// The groups of each of them, when the query asks for them.
    pub groups: Vec<Vec<GroupId>>,
}

/// Records read in one round trip of a scan.
const CHUNK: usize = 500;

impl Directory {
    /// Answers a query.
    ///
    /// # Errors
    /// [`DirectoryError::TooMany`] past the budget; as the store's read.
    pub async fn query<R: Queryable>(
        &self,
        organisation: OrganisationId,
        query: Query<'_>,
    ) -> Result<Page<R>, DirectoryError> {
        let Some(filter) = query.filter else {
            return self.page_of_all(organisation, query).await;
        };
        let mut collected = Collected {
            query,
            matched: 0,
            resources: Vec::new(),
            groups: Vec::new(),
            read: 0,
        };
        match candidates::of::<R>(self, organisation, filter, query).await? {
            Some(ids) => {
                for part in ids.chunks(CHUNK) {
                    let records = self
                        .read_with_groups::<R>(organisation, part, query.with_groups)
                        .await?;
                    self.judge(organisation, filter, &mut collected, records).await?;
                }
            }
            None => {
                let mut scan = Scan::prefix(&keys::table(organisation, R::TABLE), CHUNK);
                loop {
                    let entries = self.store.scan(scan.clone()).await?;
                    let Some((last, _)) = entries.last() else { break };
                    scan = scan.after(last.clone());
                    let records = entries.into_iter().map(|(_, stored)| (stored.value, None)).collect();
                    self.judge(organisation, filter, &mut collected, records).await?;
                }
            }
        }
        let Collected {
            matched,
            resources,
            groups,
            ..
        } = collected;
        let groups = self.missing_groups(organisation, query, &resources, groups).await?;
        Ok(Page {
            total: matched,
            resources,
            groups,
        })
    }

    /// Records by id, each with the groups of its resource: one round trip for both.
    async fn read_with_groups<R: Queryable>(
        &self,
        organisation: OrganisationId,
        ids: &[uuid::Uuid],
        with_groups: bool,
    ) -> Result<Vec<Candidate>, DirectoryError> {
        let mut reads: Vec<Read> = ids.iter().map(|id| Read::Get(R::key(organisation, *id))).collect();
        if with_groups {
            reads.extend(
                ids.iter()
                    .map(|id| Read::Scan(groups_of(organisation, R::member_of(*id)))),
            );
        }
        let mut found = self.store.read(reads).await?;
        let groups = found
            .split_off(ids.len())
            .into_iter()
            .map(Some)
            .chain(std::iter::repeat_with(|| None));
        let records = found.into_iter().map(Found::into_value).zip(groups);
        Ok(records
            .filter_map(|(stored, groups)| Some((stored?.value, groups.map(group_ids))))
            .collect())
    }

    /// The groups of a page's resources, where they were not read with the records.
    async fn missing_groups<R: Queryable>(
        &self,
        organisation: OrganisationId,
        query: Query<'_>,
        resources: &[R],
        known: Vec<Option<Vec<GroupId>>>,
    ) -> Result<Vec<Vec<GroupId>>, DirectoryError> {
        if !query.with_groups || resources.is_empty() {
            return Ok(Vec::new());
        }
        if let Some(all) = known.into_iter().collect::<Option<Vec<_>>>()
            && all.len() == resources.len()
        {
            return Ok(all);
        }
        let scans = resources
            .iter()
            .map(|resource| Read::Scan(groups_of(organisation, resource.member())));
        let found = self.store.read(scans.collect()).await?;
        Ok(found.into_iter().map(group_ids).collect())
    }

    /// Puts the filter to records and keeps those of the page.
    async fn judge<R: Queryable>(
        &self,
        organisation: OrganisationId,
        filter: &ResolvedFilter,
        collected: &mut Collected<'_, R>,
        records: Vec<Candidate>,
    ) -> Result<(), DirectoryError> {
        collected.spend(records.len())?;
        let (records, groups): (Vec<_>, Vec<_>) = records.into_iter().unzip();
        let resources = R::complete(self, organisation, records).await?;
        let answers = edges::answer(self, organisation, filter, &resources, collected.query.connection).await?;
        for ((resource, groups), is_match) in resources.into_iter().zip(groups).zip(answers) {
            if is_match {
                collected.add(resource, groups);
            }
        }
        Ok(())
    }

    /// A page without a filter: the total is a counter, and the records are read in order.
    async fn page_of_all<R: Queryable>(
        &self,
        organisation: OrganisationId,
        query: Query<'_>,
    ) -> Result<Page<R>, DirectoryError> {
        let counter = keys::count(organisation, &R::COUNT);
        let mut skip = usize::try_from(query.start_index.saturating_sub(1)).unwrap_or(usize::MAX);
        let mut scan = Scan::prefix(&keys::table(organisation, R::TABLE), CHUNK.max(query.count));
        let mut records = Vec::new();
        let mut total = None;
        let mut spent = 0;
        while total.is_none() || records.len() < query.count {
            scan.limit = CHUNK
                .max(query.count)
                .min(skip.saturating_add(query.count - records.len()).max(1));
            let reads = vec![Read::Get(counter.clone()), Read::Scan(scan.clone())];
            let mut found = self.store.read(reads).await?.into_iter();
            let stored = found.next().and_then(Found::into_value);
            let counted = stored.map_or(Ok(0), |stored| super::unit::parse_counter(&counter, &stored.value))?;
            total = total.or(Some(counted.unsigned_abs()));
            let entries: Vec<(Key, _)> = found.next().map(Found::into_entries).unwrap_or_default();
            let Some((last, _)) = entries.last() else { break };
            scan = scan.after(last.clone());
            spent += entries.len();
            if spent > query.budget.records {
                return Err(too_many(query.budget));
            }
            let skipped = skip.min(entries.len());
            skip -= skipped;
            let wanted = query.count - records.len();
            records.extend(
                entries
                    .into_iter()
                    .skip(skipped)
                    .take(wanted)
                    .map(|(_, stored)| stored.value),
            );
        }
        let resources = R::complete(self, organisation, records).await?;
        let groups = self.missing_groups(organisation, query, &resources, Vec::new()).await?;
        Ok(Page {
            total: total.unwrap_or_default(),
            resources,
            groups,
        })
    }
}

/// A record that may match, and the groups of its resource if they were read with it.
type Candidate = (bytes::Bytes, Option<Vec<GroupId>>);

fn groups_of(organisation: OrganisationId, member: Member) -> Scan {
    Scan::prefix(&keys::member_groups(organisation, member), SCAN_ENTRIES_MAX)
}

fn group_ids(found: Found) -> Vec<GroupId> {
    found
        .into_entries()
        .iter()
        .filter_map(|(key, _)| keys::last_uuid(key))
        .map(GroupId::new)
        .collect()
}

struct Collected<'a, R> {
    query: Query<'a>,
    matched: u64,
    resources: Vec<R>,
    groups: Vec<Option<Vec<GroupId>>>,
    read: usize,
}

impl<R> Collected<'_, R> {
    fn spend(&mut self, records: usize) -> Result<(), DirectoryError> {
        self.read += records;
        if self.read > self.query.budget.records {
            Err(too_many(self.query.budget))
        } else {
            Ok(())
        }
    }

    fn add(&mut self, resource: R, groups: Option<Vec<GroupId>>) {
        self.matched += 1;
        if self.matched >= self.query.start_index && self.resources.len() < self.query.count {
            self.resources.push(resource);
            self.groups.push(groups);
        }
    }
}

fn too_many(budget: QueryBudget) -> DirectoryError {
    let reason = format!(
        "more than {} records would be read: narrow the filter with userName, externalId, emails.value, displayName or id",
        budget.records
    );
    DirectoryError::TooMany { reason }
}
