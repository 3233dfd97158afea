//! What the model knows of the source around a change: who a name stands for, which groups hold whom, which are inside which.

use std::collections::{BTreeSet, HashMap};

use uuid::Uuid;

use crate::directory::keys;
use crate::directory::link::{self, Link};
use crate::directory::{Directory, DirectoryError};
use crate::model::group::Group;
use crate::model::id::{GroupId, OrganisationId, UserId};
use crate::model::membership::Member;
use crate::model::record;
use crate::model::slug::Slug;
use crate::provision::failure::Kind;

/// Keys of one read.
const CHUNK: usize = 500;

/// A connection's memory of its source.
#[derive(Clone, Copy)]
pub(super) struct Memory<'a> {
    pub(super) directory: &'a Directory,
    pub(super) organisation: OrganisationId,
    pub(super) connection: &'a Slug,
}

impl Memory<'_> {
    /// The links of these identifiers, in their order.
    pub(super) async fn links(&self, kind: Kind, ids: &[String]) -> Result<Vec<Option<Link>>, DirectoryError> {
        let mut links = Vec::with_capacity(ids.len());
        for part in ids.chunks(CHUNK) {
            let key = |id: &String| keys::link(self.organisation, self.connection, kind.link_tag(), id);
            for found in self.directory.store().get_many(part.iter().map(key).collect()).await? {
                links.push(found.map(|found| record::decode(&found.value)).transpose()?);
            }
        }
        Ok(links)
    }

    /// Every link of a kind, with the source's identifier.
    pub(super) async fn all_links(&self, kind: Kind) -> Result<Vec<(String, Link)>, DirectoryError> {
        let prefix = keys::links(self.organisation, self.connection, kind.link_tag());
        let mut links = Vec::new();
        let each = self.directory.for_each_under(&prefix, |key, stored| {
            if let Some(id) = keys::linked_id(&prefix, key) {
                links.push((id.to_owned(), record::decode(&stored.value)?));
            }
            Ok(())
        });
        each.await?;
        Ok(links)
    }

    /// Who goes by these names.
    pub(super) async fn named(&self, names: &[u128]) -> Result<HashMap<u128, (Kind, String)>, DirectoryError> {
        let mut known = HashMap::new();
        for part in names.chunks(CHUNK) {
            let key = |name: &u128| keys::source_name(self.organisation, self.connection, Uuid::from_u128(*name));
            let found = self.directory.store().get_many(part.iter().map(key).collect()).await?;
            for (name, found) in part.iter().zip(found) {
                let Some(found) = found else { continue };
                match link::named(&found.value) {
                    Some((b'u', id)) => known.insert(*name, (Kind::User, id.to_owned())),
                    Some((_, id)) => known.insert(*name, (Kind::Group, id.to_owned())),
                    None => None,
                };
            }
        }
        Ok(known)
    }

    /// The source's identifiers of the groups that these people are in, as far as the groups come from this connection.
    pub(super) async fn groups_of(&self, users: &[UserId]) -> Result<BTreeSet<String>, DirectoryError> {
        let mut groups: BTreeSet<GroupId> = BTreeSet::new();
        for user in users {
            let edges = keys::member_groups(self.organisation, Member::User(*user));
            let each = self.directory.for_each_under(&edges, |key, _| {
                groups.extend(keys::last_uuid(key).map(GroupId::new));
                Ok(())
            });
            each.await?;
        }
        let groups: Vec<GroupId> = groups.into_iter().collect();
        let mut ids = BTreeSet::new();
        for part in groups.chunks(CHUNK) {
            let wanted = part.iter().map(|id| keys::group(self.organisation, *id)).collect();
            for found in self.directory.store().get_many(wanted).await?.into_iter().flatten() {
                let group: Group = record::decode(&found.value)?;
                ids.extend(group.external_ids.get(self.connection).cloned());
            }
        }
        Ok(ids)
    }
}

/// Which groups are inside which, by the source's identifiers.
#[derive(Default)]
pub(super) struct Nest {
    above: HashMap<String, Vec<String>>,
}

impl Nest {
    pub(super) fn of(links: &[(String, Link)]) -> Self {
        let mut above: HashMap<String, Vec<String>> = HashMap::new();
        for (id, link) in links {
            for inside in &link.below {
                above.entry(inside.clone()).or_default().push(id.clone());
            }
        }
        Self { above }
    }

    /// These groups and every group above them.
    pub(super) fn upwards(&self, groups: BTreeSet<String>) -> BTreeSet<String> {
        let mut open: Vec<String> = groups.into_iter().collect();
        let mut all = BTreeSet::new();
        while let Some(next) = open.pop() {
            if let Some(above) = self.above.get(&next) {
                open.extend(above.iter().filter(|group| !all.contains(*group)).cloned());
            }
            all.insert(next);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Link, Nest};

    #[test]
    fn groups_above_are_found_through_chains_and_cycles() {
        let link = |below: &[&str]| {
            let mut link = Link::new(uuid::Uuid::nil());
            link.below = below.iter().map(ToString::to_string).collect();
            link
        };
        let links = [
            ("top".to_owned(), link(&["middle"])),
            ("middle".to_owned(), link(&["bottom", "top"])),
            ("bottom".to_owned(), link(&[])),
            ("aside".to_owned(), link(&[])),
        ];
        let nest = Nest::of(&links);
        let upwards = |group: &str| nest.upwards(BTreeSet::from([group.to_owned()]));
        let all = |groups: &[&str]| groups.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
        assert_eq!(upwards("bottom"), all(&["bottom", "middle", "top"]));
        assert_eq!(upwards("top"), all(&["middle", "top"]));
        assert_eq!(upwards("aside"), all(&["aside"]));
    }
}
