//! What the connection remembers: for a complete snapshot read in large scans, for a partial one link by link.

use std::collections::HashSet;

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
        // An entry that was read but cannot be used is failing, not missing.
        let failing = self.snapshot.failures().iter().filter(|failure| failure.kind == kind);
        let failing: HashSet<&str> = failing.filter_map(|failure| failure.external_id.as_deref()).collect();
        let mut links = Links {
            count: 0,
            entries: vec![None; self.entries(kind)],
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
            let external_id = keys::linked_id(&prefix, key);
            match external_id.and_then(|external_id| self.place(kind, external_id)) {
                Some(place) => links.entries[place] = Some(self.known(kind, place, &link)),
                None if external_id.is_some_and(|external_id| failing.contains(external_id)) => {}
                None => links.missing.push(link),
            }
            Ok(())
        });
        each.await?;
        Ok(links)
    }

    /// The links of what changed, and of what is gone. The others stay unread, so the cost is that of the change.
    async fn some_links(&self, kind: Kind, gone: &[String]) -> Result<Links, DirectoryError> {
        let wanted = 0..self.entries(kind);
        let wanted: Vec<Key> = wanted
            .map(|place| self.link_key(kind, self.external_id(kind, place)))
            .collect();
        let mut links = Links {
            count: self.linked_before(kind),
            entries: Vec::with_capacity(wanted.len()),
            missing: Vec::new(),
        };
        for part in wanted.chunks(CHUNK) {
            for found in self.directory.store().get_many(part.to_vec()).await? {
                let link: Option<Link> = found.map(|found| record::decode(&found.value)).transpose()?;
                let place = links.entries.len();
                links.entries.push(link.map(|link| self.known(kind, place, &link)));
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

    /// How many entries of a kind the snapshot has.
    fn entries(&self, kind: Kind) -> usize {
        match kind {
            Kind::User => self.snapshot.people().len(),
            Kind::Group => self.snapshot.groups().len(),
        }
    }

    fn external_id(&self, kind: Kind, place: usize) -> &str {
        match kind {
            Kind::User => &self.snapshot.people()[place].external_id,
            Kind::Group => &self.snapshot.groups()[place].external_id,
        }
    }

    /// Where an entry is in the snapshot, which is in the order of the stable ids.
    fn place(&self, kind: Kind, external_id: &str) -> Option<usize> {
        let (people, groups) = (self.snapshot.people(), self.snapshot.groups());
        let place = match kind {
            Kind::User => people.binary_search_by(|person| (*person.external_id).cmp(external_id)),
            Kind::Group => groups.binary_search_by(|group| (*group.external_id).cmp(external_id)),
        };
        place.ok()
    }

    /// An entry as its link knows it.
    fn known(&self, kind: Kind, place: usize, link: &Link) -> Known {
        let (hash, names) = match kind {
            Kind::User => {
                let person = &self.snapshot.people()[place];
                (person.hash(), person.names())
            }
            Kind::Group => {
                let group = &self.snapshot.groups()[place];
                (group.hash(), group.names())
            }
        };
        Known {
            id: link.id,
            is_unchanged: link.is_seen() && link.hash == Some(hash),
            has_same_names: link.names == names,
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
