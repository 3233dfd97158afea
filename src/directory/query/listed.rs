//! Pages with a filter or an order: the matches are listed once, as identifiers and what they are sorted by, and the page is
//! read from the list. Whoever walks on brings the list along ([`super::Walk`]); without it the matches are listed anew and
//! the page continues behind its place.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use uuid::Uuid;

use crate::directory::{Directory, DirectoryError, keys};
use crate::model::id::{GroupId, OrganisationId};
use crate::model::sort::SortKey;
use crate::store::{Found, Read, Scan};

use super::{CHUNK, Next, Page, Place, Query, Queryable, Sort, Start, Walk, candidates, edges, group_ids, groups_of};

/// Matches that are kept whole while they are listed: a small answer needs no second reading.
const KEPT_MAX: usize = CHUNK;

/// One match: what it is sorted by, and its identifier.
pub type Listed = (SortKey, Uuid);

/// Every match of a query, in its order.
pub struct Matches<R> {
    /// The matches.
    pub entries: Vec<Listed>,
    /// Those that may be on the page and were kept.
    kept: HashMap<Uuid, Kept<R>>,
}

/// A resource, and its groups if they were read with it.
type Kept<R> = (R, Option<Vec<GroupId>>);

/// A record that may match, and the groups of its resource if they were read with it.
type Candidate = (Bytes, Option<Vec<GroupId>>);

/// The order of two matches: by the sort, then by creation.
fn order(sort: Option<Sort<'_>>, (left, left_id): &Listed, (right, right_id): &Listed) -> Ordering {
    let by_key = sort.map_or(Ordering::Equal, |sort| left.compare(right, sort.order));
    by_key.then_with(|| left_id.cmp(right_id))
}

impl Directory {
    /// A page of what matches.
    pub(super) async fn page_of_matches<R: Queryable>(
        &self,
        organisation: OrganisationId,
        query: Query<'_>,
    ) -> Result<Page<R>, DirectoryError> {
        if let Start::After(before) | Start::Before(before) = query.start
            && let Some(walk) = &before.next.walk
        {
            return self
                .page_of_list(organisation, query, walk.clone(), before.total, HashMap::new())
                .await;
        }
        let Matches { entries, kept } = self.matches::<R>(organisation, query).await?;
        let at = match query.start {
            Start::Index(index) => usize::try_from(index.saturating_sub(1)).unwrap_or(usize::MAX),
            Start::After(before) => {
                let place = listed(&before.next.place);
                entries.partition_point(|entry| order(query.sort, entry, &place) != Ordering::Greater)
            }
            Start::Before(behind) => {
                let place = listed(&behind.next.place);
                entries.partition_point(|entry| order(query.sort, entry, &place) == Ordering::Less)
            }
        };
        let ids: Arc<[Uuid]> = entries.iter().map(|(_, id)| *id).collect();
        let at = at.min(ids.len());
        let total = ids.len() as u64;
        self.page_of_list(organisation, query, Walk { ids, at }, total, kept)
            .await
    }

    /// Lists every match, in order. Memory is bounded: a record is forgotten once it is judged, unless it may be on the page.
    ///
    /// # Errors
    /// [`DirectoryError::TooMany`] past the budget; as the store's read.
    pub async fn matches<R: Queryable>(
        &self,
        organisation: OrganisationId,
        query: Query<'_>,
    ) -> Result<Matches<R>, DirectoryError> {
        let mut matches = Matches {
            entries: Vec::new(),
            kept: HashMap::new(),
        };
        let mut spent = 0;
        let mut spend = |records: usize| {
            spent += records;
            if spent > query.budget.records {
                return Err(super::too_many(query.budget));
            }
            Ok(())
        };
        let ids = match query.filter {
            Some(filter) if query.indexes => candidates::of::<R>(self, organisation, filter, query).await?,
            _ => None,
        };
        if let Some(ids) = ids {
            for part in ids.chunks(CHUNK) {
                let records = self.read_by_id::<R>(organisation, part, query.with_groups).await?;
                spend(records.len())?;
                let judged = self.judge(organisation, query, records).await?;
                matches.take(query, judged);
            }
        } else {
            let mut scan = Scan::prefix(&keys::table(organisation, R::TABLE), CHUNK);
            loop {
                let entries = self.store.scan(scan.clone()).await?;
                let Some((last, _)) = entries.last() else { break };
                scan = scan.after(last.clone());
                spend(entries.len())?;
                let records = entries.into_iter().map(|(_, stored)| (stored.value, None)).collect();
                let judged = self.judge(organisation, query, records).await?;
                matches.take(query, judged);
            }
        }
        if query.sort.is_some() {
            matches
                .entries
                .sort_unstable_by(|left, right| order(query.sort, left, right));
        }
        Ok(matches)
    }

    /// Reads on in a list, or back, until the page is full. What has gone, or matches no more, is passed over.
    async fn page_of_list<R: Queryable>(
        &self,
        organisation: OrganisationId,
        query: Query<'_>,
        walk: Walk,
        counted: u64,
        mut kept: HashMap<Uuid, Kept<R>>,
    ) -> Result<Page<R>, DirectoryError> {
        let is_back = matches!(query.start, Start::Before(_));
        let Walk { ids, mut at } = walk;
        let end = at;
        let (mut resources, mut groups): (Vec<R>, Vec<_>) = (Vec::new(), Vec::new());
        while (if is_back { at > 0 } else { at < ids.len() }) && resources.len() < query.count {
            let wanted = query.count - resources.len();
            let part = if is_back {
                &ids[at.saturating_sub(wanted)..at]
            } else {
                &ids[at..ids.len().min(at + wanted)]
            };
            at = if is_back { at - part.len() } else { at + part.len() };
            let unread: Vec<Uuid> = part.iter().filter(|id| !kept.contains_key(id)).copied().collect();
            if !unread.is_empty() {
                let records = self.read_by_id::<R>(organisation, &unread, query.with_groups).await?;
                let judged: Vec<Kept<R>> = self.judge(organisation, query, records).await?;
                kept.extend(
                    judged
                        .into_iter()
                        .map(|(resource, groups)| (resource.uuid(), (resource, groups))),
                );
            }
            let found: Vec<Kept<R>> = part.iter().filter_map(|id| kept.remove(id)).collect();
            let (found, of): (Vec<R>, Vec<_>) = found.into_iter().unzip();
            let place = if is_back { 0 } else { resources.len() };
            resources.splice(place..place, found);
            groups.splice(place..place, of);
        }
        let is_last = !is_back && at >= ids.len();
        let is_first = match query.start {
            Start::Index(index) => index == 1,
            Start::After(_) => false,
            Start::Before(_) => at == 0,
        };
        let at = if is_back { end } else { at };
        let place = |resource: Option<&R>| {
            let resource = resource?;
            Some(Place {
                id: resource.uuid(),
                key: query.sort.map(|sort| key(query, sort, resource)),
            })
        };
        let first = place(resources.first()).filter(|_| !is_first);
        let place = place(resources.last()).filter(|_| !is_last);
        let groups = self.missing_groups(organisation, query, &resources, groups).await?;
        Ok(Page {
            total: query.total(counted, resources.len(), is_last),
            resources,
            groups,
            next: place.map(|place| Next {
                place,
                walk: Some(Walk { ids, at }),
            }),
            first,
        })
    }

    /// Records by id, each with the groups of its resource: one round trip for both.
    async fn read_by_id<R: Queryable>(
        &self,
        organisation: OrganisationId,
        ids: &[Uuid],
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

    /// Resources by id, for a caller that has listed the matches of several kinds itself; those that have gone are left out.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn resources<R: Queryable>(
        &self,
        organisation: OrganisationId,
        query: Query<'_>,
        ids: &[Uuid],
    ) -> Result<Page<R>, DirectoryError> {
        let records = self.read_by_id::<R>(organisation, ids, query.with_groups).await?;
        let judged = self.judge(organisation, query, records).await?;
        let (resources, groups): (Vec<R>, Vec<_>) = judged.into_iter().unzip();
        let groups = self.missing_groups(organisation, query, &resources, groups).await?;
        Ok(Page {
            total: resources.len() as u64,
            resources,
            groups,
            next: None,
            first: None,
        })
    }

    /// Puts the filter to records: those that match.
    async fn judge<R: Queryable>(
        &self,
        organisation: OrganisationId,
        query: Query<'_>,
        records: Vec<Candidate>,
    ) -> Result<Vec<Kept<R>>, DirectoryError> {
        let (records, groups): (Vec<_>, Vec<_>) = records.into_iter().unzip();
        let resources = R::complete(self, organisation, records).await?;
        let Some(filter) = query.filter else {
            return Ok(resources.into_iter().zip(groups).collect());
        };
        let answers = edges::answer(self, organisation, filter, &resources, query.connection).await?;
        let judged = resources.into_iter().zip(groups).zip(answers);
        Ok(judged.filter_map(|(kept, is_match)| is_match.then_some(kept)).collect())
    }
}

/// A place as an entry of the list.
fn listed(place: &Place) -> Listed {
    (place.key.clone().unwrap_or_default(), place.id)
}

/// What a resource is sorted by.
fn key<R: Queryable>(query: Query<'_>, sort: Sort<'_>, resource: &R) -> SortKey {
    sort.by.key(&resource.represent(query.connection)).bounded()
}

impl<R: Queryable> Matches<R> {
    fn take(&mut self, query: Query<'_>, judged: Vec<Kept<R>>) {
        for (resource, groups) in judged {
            let id = resource.uuid();
            let listed = query.sort.map(|sort| key(query, sort, &resource)).unwrap_or_default();
            self.entries.push((listed, id));
            if self.may_be_shown(query, id) {
                self.kept.insert(id, (resource, groups));
            }
        }
        if query.sort.is_some() && self.entries.len() > KEPT_MAX {
            self.kept.clear();
        }
    }

    /// Whether the match that was just listed can be on the page.
    fn may_be_shown(&self, query: Query<'_>, id: Uuid) -> bool {
        if query.sort.is_some() {
            return self.entries.len() <= KEPT_MAX;
        }
        // Without a sort the list is in its order from the start.
        let is_behind = match query.start {
            Start::Index(index) => self.entries.len() as u64 >= index,
            Start::After(before) => id > before.next.place.id,
            Start::Before(_) => false,
        };
        is_behind && self.kept.len() < query.count
    }
}
