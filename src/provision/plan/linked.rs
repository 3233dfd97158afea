//! What the connection remembers: for a complete snapshot read in large scans, for a partial one link by link.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use crate::directory::DirectoryError;
use crate::directory::keys;
use crate::directory::link::Link;
use crate::model::record;
use crate::provision::failure::Kind;
use crate::provision::snapshot::Extent;
use crate::store::Key;

use super::{CHUNK, Planner};

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
    /// The source calls it as it did.
    pub(super) has_same_names: bool,
}

/// The entries of one kind in a snapshot, as links know them.
struct Wanted {
    /// The keys of their links, in the snapshot's order.
    keys: Vec<Key>,
    hashes: Vec<String>,
    names: Vec<Vec<Uuid>>,
}

impl Planner<'_> {
    pub(super) async fn links(&self, kind: Kind) -> Result<Links, DirectoryError> {
        match self.snapshot.extent() {
            Extent::Whole => self.all_links(kind).await,
            Extent::Part {
                gone_people,
                gone_groups,
            } => {
                let gone = match kind {
                    Kind::User => gone_people,
                    Kind::Group => gone_groups,
                };
                self.some_links(kind, gone).await
            }
        }
    }

    /// Every link: those without an entry are missing.
    async fn all_links(&self, kind: Kind) -> Result<Links, DirectoryError> {
        let wanted = self.wanted(kind);
        let places: HashMap<&Key, usize> = wanted.keys.iter().zip(0..).collect();
        // An entry that was read but cannot be used is failing, not missing.
        let failing = self.snapshot.failures().iter().filter(|failure| failure.kind == kind);
        let failing: HashSet<Key> = failing
            .filter_map(|failure| failure.external_id.as_deref())
            .map(|external_id| self.link_key(kind, external_id))
            .collect();
        let mut links = Links {
            count: 0,
            entries: vec![None; wanted.keys.len()],
            missing: Vec::new(),
        };
        let prefix = keys::links(
            self.permit.organisation(),
            &self.context.connection.name,
            kind.link_tag(),
        );
        let each = self.directory.for_each_under(&prefix, |key, stored| {
            let link: Link = record::decode(&stored.value)?;
            links.count += 1;
            match places.get(key) {
                Some(place) => links.entries[*place] = Some(wanted.known(*place, &link)),
                None if failing.contains(key) => {}
                None => links.missing.push(link),
            }
            Ok(())
        });
        each.await?;
        Ok(links)
    }

    /// The links of what changed, and of what is gone. The others stay unread, so the cost is that of the change.
    async fn some_links(&self, kind: Kind, gone: &[String]) -> Result<Links, DirectoryError> {
        let wanted = self.wanted(kind);
        let mut links = Links {
            count: self.linked_before(kind),
            entries: Vec::with_capacity(wanted.keys.len()),
            missing: Vec::new(),
        };
        for part in wanted.keys.chunks(CHUNK) {
            for found in self.directory.store().get_many(part.to_vec()).await? {
                let link: Option<Link> = found.map(|found| record::decode(&found.value)).transpose()?;
                let place = links.entries.len();
                links.entries.push(link.map(|link| wanted.known(place, &link)));
            }
        }
        for part in gone.chunks(CHUNK) {
            let part = part
                .iter()
                .map(|external_id| self.link_key(kind, external_id))
                .collect();
            for found in self.directory.store().get_many(part).await?.into_iter().flatten() {
                links.missing.push(record::decode(&found.value)?);
            }
        }
        Ok(links)
    }

    fn wanted(&self, kind: Kind) -> Wanted {
        let (ids, rest): (Vec<&str>, Vec<(String, Vec<Uuid>)>) = match kind {
            Kind::User => {
                let people = self.snapshot.people().iter();
                people
                    .map(|person| (&*person.external_id, (person.hash(), person.names())))
                    .unzip()
            }
            Kind::Group => {
                let groups = self.snapshot.groups().iter();
                groups
                    .map(|group| (&*group.external_id, (group.hash(), group.names())))
                    .unzip()
            }
        };
        let (hashes, names) = rest.into_iter().unzip();
        Wanted {
            keys: ids.into_iter().map(|id| self.link_key(kind, id)).collect(),
            hashes,
            names,
        }
    }

    fn link_key(&self, kind: Kind, external_id: &str) -> Key {
        let connection = &self.context.connection.name;
        keys::link(self.permit.organisation(), connection, kind.link_tag(), external_id)
    }

    fn linked_before(&self, kind: Kind) -> u64 {
        match kind {
            Kind::User => self.linked.people,
            Kind::Group => self.linked.groups,
        }
    }
}

impl Wanted {
    fn known(&self, place: usize, link: &Link) -> Known {
        Known {
            id: link.id,
            is_unchanged: link.is_seen() && link.hash.as_ref() == Some(&self.hashes[place]),
            has_same_names: link.names == self.names[place],
        }
    }
}
