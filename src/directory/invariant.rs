//! What always holds in a store, one invariant per file.
//!
//! The directory keeps them with every commit; [`Invariant::verify`] looks whether they do hold. The order of [`all`] is that
//! of the questions: first whether records can be read at all, then whether they agree with each other, last the sums over
//! them. A violation early in the list is often the cause of those behind it.

pub mod counters;
pub mod credentials;
pub mod custom_attributes;
pub mod edges;
pub mod events;
pub mod group_tree;
pub mod guests;
pub mod homes;
pub mod index;
pub mod invitations;
pub mod jobs;
pub mod links;
pub mod mail;
pub mod records;
pub mod resources;
pub mod role_links;
pub mod role_sets;
pub mod seats;
pub mod shared;
pub mod tokens;
pub mod unique;
pub mod views;

use async_trait::async_trait;

use crate::model::id::OrganisationId;
use crate::model::record::{self, Record};
use crate::store::{Key, Read, Scan, Store, Versioned};

use super::DirectoryError;
use super::verify::{Report, Violation};

/// One rule over the records of an organisation.
#[async_trait]
pub trait Invariant: Send + Sync {
    /// Its name in violations.
    fn name(&self) -> &'static str;

    /// Reports every record that breaks it.
    ///
    /// # Errors
    /// As the store's read, when it cannot go on.
    async fn verify(&self, view: &View<'_>, report: &mut Report) -> Result<(), DirectoryError>;
}

/// Every invariant of an organisation, in the order in which they are looked at.
#[must_use]
pub fn all() -> Vec<Box<dyn Invariant>> {
    vec![
        // What cannot be read cannot be compared: known tables and readable records come first.
        Box::new(records::Records),
        // Names lead to records, and records to their names.
        Box::new(unique::UniqueNames),
        Box::new(index::Indexes),
        Box::new(custom_attributes::CustomAttributes),
        Box::new(links::Links),
        // Records lead to each other.
        Box::new(edges::Edges),
        Box::new(homes::Homes),
        Box::new(role_links::RoleLinks),
        Box::new(role_sets::RoleSets),
        Box::new(group_tree::GroupTree),
        Box::new(resources::Resources),
        Box::new(invitations::Invitations),
        Box::new(mail::Mail),
        Box::new(guests::Guests),
        Box::new(jobs::Jobs),
        Box::new(views::SavedViews),
        Box::new(tokens::Tokens),
        Box::new(credentials::Credentials),
        // The ledger needs users and licences that can be trusted.
        Box::new(seats::Seats),
        // Sums come after what they are sums of.
        Box::new(counters::Counters),
        // The log stands alone; it is the longest, and so the last.
        Box::new(events::Events),
    ]
}

/// Entries read at once.
const CHUNK: usize = 250;

/// How often something that changes while it is compared is read again.
const PATIENCE: u32 = 10;

/// An organisation's records, read in chunks.
pub struct View<'a> {
    store: &'a dyn Store,
    /// Whose.
    pub organisation: OrganisationId,
}

/// A record with what it refers to, all from one state of the store.
pub struct Entry {
    /// Its key.
    pub key: Key,
    /// Its bytes.
    pub value: Versioned,
    /// What it refers to, in the order of the keys asked for.
    pub others: Vec<Option<Versioned>>,
}

impl<'a> View<'a> {
    /// A view of one organisation.
    #[must_use]
    pub fn new(store: &'a dyn Store, organisation: OrganisationId) -> Self {
        Self { store, organisation }
    }

    /// The entries under a prefix, some at a time.
    #[must_use]
    pub fn under(&self, prefix: &Key) -> Pages<'a> {
        Pages {
            store: self.store,
            scan: Scan::prefix(prefix, CHUNK),
        }
    }

    /// Keys as they are now, from one state.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn get_many(&self, keys: Vec<Key>) -> Result<Vec<Option<Versioned>>, DirectoryError> {
        Ok(self.store.get_many(keys).await?)
    }

    /// Each entry with what it refers to, from one state. An entry that changed since it was scanned is taken as it is now; one
    /// that is gone is left out.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn together(
        &self,
        entries: Vec<(Key, Versioned)>,
        refers_to: impl Fn(&Key, &Versioned) -> Vec<Key> + Send + Sync,
    ) -> Result<Vec<Entry>, DirectoryError> {
        let mut settled = Vec::with_capacity(entries.len());
        let mut pending = entries;
        for _ in 0..PATIENCE {
            if pending.is_empty() {
                break;
            }
            let wanted: Vec<Vec<Key>> = pending.iter().map(|(key, value)| refers_to(key, value)).collect();
            let reads = pending
                .iter()
                .zip(&wanted)
                .flat_map(|((key, _), others)| std::iter::once(key).chain(others))
                .map(|key| Read::Get(key.clone()))
                .collect();
            let mut found = self
                .store
                .read(reads)
                .await?
                .into_iter()
                .map(|found| found.into_value());
            let mut changed = Vec::new();
            for ((key, scanned), wanted) in pending.into_iter().zip(wanted) {
                let now = found.next().flatten();
                let others = found.by_ref().take(wanted.len()).collect();
                match now {
                    Some(value) if value.version == scanned.version => settled.push(Entry { key, value, others }),
                    Some(value) => changed.push((key, value)),
                    None => {}
                }
            }
            pending = changed;
        }
        Ok(settled)
    }

    /// A violation at a key.
    pub async fn broken(
        &self,
        report: &mut Report,
        invariant: &'static str,
        key: &Key,
        what: impl Into<String> + Send,
    ) {
        let violation = Violation {
            invariant,
            organisation: Some(self.organisation),
            place: key.to_string(),
            what: what.into(),
        };
        report.violation(violation).await;
    }
}

/// A scan in chunks.
pub struct Pages<'a> {
    store: &'a dyn Store,
    scan: Scan,
}

impl Pages<'_> {
    /// The next entries; none at the end, or when nobody listens to the report any more.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn next(&mut self, report: &Report) -> Result<Option<Vec<(Key, Versioned)>>, DirectoryError> {
        if report.is_unheard() {
            return Ok(None);
        }
        let entries = self.store.scan(self.scan.clone()).await?;
        let Some((last, _)) = entries.last() else {
            return Ok(None);
        };
        self.scan = self.scan.clone().after(last.clone());
        Ok(Some(entries))
    }
}

/// A record, when it is there and can be read. Whether it can is the question of [`records`].
pub(super) fn readable<R: Record>(stored: Option<&Versioned>) -> Option<R> {
    stored.and_then(|stored| record::decode(&stored.value).ok())
}
