//! Pages without a filter in the order of creation: the total is a counter, and the records are read in order.

use crate::directory::unit::parse_counter;
use crate::directory::{Directory, DirectoryError, keys};
use crate::model::id::OrganisationId;
use crate::store::{Found, Key, Read, Scan, Versioned};

use super::{CHUNK, Next, Page, Place, Query, Queryable, Start, too_many};

impl Directory {
    /// A page of everything.
    pub(super) async fn page_of_all<R: Queryable>(
        &self,
        organisation: OrganisationId,
        query: Query<'_>,
    ) -> Result<Page<R>, DirectoryError> {
        let counter = keys::count(organisation, &R::COUNT);
        // One more than the page tells whether there is another one.
        let wanted = if query.count == 0 { 0 } else { query.count + 1 };
        let mut scan = Scan::prefix(&keys::table(organisation, R::TABLE), CHUNK.max(wanted));
        let mut skip = match query.start {
            Start::Index(index) => usize::try_from(index.saturating_sub(1)).unwrap_or(usize::MAX),
            Start::After(before) => {
                scan = scan.after(R::key(organisation, before.next.place.id));
                0
            }
            Start::Before(behind) => {
                scan = scan.backward().after(R::key(organisation, behind.next.place.id));
                0
            }
        };
        let mut entries = Vec::new();
        let mut counted = None;
        let mut spent = 0;
        while counted.is_none() || entries.len() < wanted {
            scan.limit = CHUNK
                .max(wanted)
                .min(skip.saturating_add(wanted - entries.len()).max(1));
            let reads = vec![Read::Get(counter.clone()), Read::Scan(scan.clone())];
            let mut found = self.store.read(reads).await?.into_iter();
            let stored = found.next().and_then(Found::into_value);
            let number = stored.map_or(Ok(0), |stored| parse_counter(&counter, &stored.value))?;
            if counted.is_none() {
                counted = Some(number.unsigned_abs());
            }
            let read: Vec<(Key, _)> = found.next().map(Found::into_entries).unwrap_or_default();
            let Some((last, _)) = read.last() else { break };
            scan = scan.after(last.clone());
            spent += read.len();
            if spent > query.budget.records {
                return Err(too_many(query.budget));
            }
            let skipped = skip.min(read.len());
            skip -= skipped;
            let missing = wanted - entries.len();
            entries.extend(read.into_iter().skip(skipped).take(missing));
        }
        // What was read one too many lies in the direction of the walk.
        let mut is_last = entries.len() <= query.count;
        let mut is_first = matches!(query.start, Start::Index(1));
        entries.truncate(query.count);
        if matches!(query.start, Start::Before(_)) {
            entries.reverse();
            (is_first, is_last) = (is_last, false);
        }
        let first = entries.first().filter(|_| !is_first).and_then(place);
        let last = entries.last().filter(|_| !is_last).and_then(place);
        let records = entries.into_iter().map(|(_, stored)| stored.value).collect();
        let resources = R::complete(self, organisation, records).await?;
        let groups = self.missing_groups(organisation, query, &resources, Vec::new()).await?;
        Ok(Page {
            total: query.total(counted.unwrap_or_default(), resources.len(), is_last),
            resources,
            groups,
            next: last.map(|place| Next { place, walk: None }),
            first,
        })
    }
}

fn place((key, _): &(Key, Versioned)) -> Option<Place> {
    let id = keys::last_uuid(key)?;
    Some(Place { id, key: None })
}
