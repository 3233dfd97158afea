//! What the connection remembers, read in large scans: one read for thousands of entries.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use crate::directory::DirectoryError;
use crate::directory::keys;
use crate::directory::user::Link;
use crate::model::record;
use crate::provision::failure::Kind;
use crate::store::{Key, SCAN_ENTRIES_MAX, Scan};

use super::Planner;

/// The links of one kind, sorted by whether their entries are in the snapshot.
pub(super) struct Links {
    /// How many there are.
    pub(super) count: u64,
    /// For each entry of the snapshot.
    pub(super) entries: Vec<Option<Known>>,
    /// Links whose entries were not read.
    pub(super) missing: Vec<Link>,
}

/// An entry that the connection knows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    pub(super) id: Uuid,
    /// Its hash is the one that was last applied.
    pub(super) is_unchanged: bool,
}

impl Planner<'_> {
    pub(super) async fn links(&self, kind: Kind) -> Result<Links, DirectoryError> {
        let (organisation, connection) = (self.permit.organisation(), &self.context.connection.name);
        let tag = match kind {
            Kind::User => b'u',
            Kind::Group => b'g',
        };
        let key = |external_id: &str| keys::link(organisation, connection, tag, external_id);
        let (ids, hashes): (Vec<&str>, Vec<String>) = match kind {
            Kind::User => {
                let people = self.snapshot.people().iter();
                people.map(|person| (&*person.external_id, person.hash())).unzip()
            }
            Kind::Group => {
                let groups = self.snapshot.groups().iter();
                groups.map(|group| (&*group.external_id, group.hash())).unzip()
            }
        };
        let places: HashMap<Key, usize> = ids.iter().map(|id| key(id)).zip(0..).collect();
        // An entry that was read but cannot be used is failing, not missing.
        let failing = self.snapshot.failures().iter().filter(|failure| failure.kind == kind);
        let failing: HashSet<Key> = failing
            .filter_map(|failure| failure.external_id.as_deref())
            .map(key)
            .collect();
        let mut links = Links {
            count: 0,
            entries: vec![None; ids.len()],
            missing: Vec::new(),
        };
        let mut scan = Scan::prefix(&keys::links(organisation, connection, tag), SCAN_ENTRIES_MAX);
        loop {
            let found = self.directory.store().scan(scan.clone()).await?;
            for (key, stored) in &found {
                let link: Link = record::decode(&stored.value)?;
                links.count += 1;
                match places.get(key) {
                    Some(place) => {
                        let is_seen = link.missed == 0 && link.missing_since.is_none();
                        links.entries[*place] = Some(Known {
                            id: link.id,
                            is_unchanged: is_seen && link.hash.as_ref() == Some(&hashes[*place]),
                        });
                    }
                    None if failing.contains(key) => {}
                    None => links.missing.push(link),
                }
            }
            match found.last() {
                Some((last, _)) if found.len() == SCAN_ENTRIES_MAX => scan = scan.after(last.clone()),
                _ => return Ok(links),
            }
        }
    }
}
