//! The groups that a change of people or groups touches, read whole, with everyone whom they name.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::ControlFlow;

use crate::ldap::changes::{read_by_dn, read_by_ids};
use crate::ldap::{Connection as LdapConnection, Dn, Entry, Query, StableId};
use crate::provision::failure::Kind;
use crate::provision::reading::WhyWhole;

use super::follow::{Called, Followed, UNKNOWN_MAX};
use super::names::{key_name, member_names};
use super::part::{PartError, unread};
use super::reach::Memory;

/// Reads the groups around a change.
pub(super) struct GroupReader<'a> {
    pub(super) memory: Memory<'a>,
    pub(super) users: &'a Query,
    pub(super) groups: &'a Query,
    pub(super) member_attributes: &'a [String],
    /// People who were read.
    pub(super) called: &'a BTreeMap<String, Called>,
    pub(super) gone_people: &'a BTreeSet<String>,
    pub(super) gone_groups: &'a BTreeSet<String>,
}

/// Groups and whom they name.
pub(super) struct Around {
    pub(super) entries: BTreeMap<String, Entry>,
    /// People who were not read and are as they were, with the names that groups have for them.
    pub(super) named: BTreeMap<String, Vec<u128>>,
    /// Primary groups and those above them, each with whether it is one: their entries do not name everybody, and of
    /// people who were not read nothing changed in them.
    pub(super) open: BTreeMap<String, bool>,
}

impl GroupReader<'_> {
    /// Reads the groups around those that were found, and the groups that people were in whose memberships may end.
    pub(super) async fn read(
        &self,
        ldap: &mut LdapConnection,
        entries: BTreeMap<String, Entry>,
        followed: &Followed<'_>,
    ) -> Result<Around, PartError> {
        let mut touched = self.memory.groups_of(&followed.left).await?;
        touched.extend(entries.keys().cloned());
        touched.extend(self.gone_groups.iter().cloned());
        let told_by_people = followed.nest.upwards(followed.primary.clone());
        if followed.touches_primary {
            touched.extend(told_by_people.iter().cloned());
        }
        let open = told_by_people
            .into_iter()
            .map(|id| (followed.primary.contains(&id), id));
        let around = self.read_closed(ldap, entries, followed.nest.upwards(touched)).await?;
        Ok(Around {
            open: open.map(|(is_primary, id)| (id, is_primary)).collect(),
            ..around
        })
    }

    /// Reads `wanted` and every group inside them, and finds out who everybody in them is.
    async fn read_closed(
        &self,
        ldap: &mut LdapConnection,
        mut entries: BTreeMap<String, Entry>,
        mut wanted: BTreeSet<String>,
    ) -> Result<Around, PartError> {
        let mut named: BTreeMap<String, Vec<u128>> = BTreeMap::new();
        let mut unknown: BTreeMap<u128, String> = BTreeMap::new();
        let mut asked: HashSet<u128> = self
            .called
            .values()
            .flat_map(|how| how.names.iter().map(uuid::Uuid::as_u128))
            .collect();
        let mut tried: BTreeSet<String> = self.gone_groups.clone();
        loop {
            let missing = wanted
                .iter()
                .filter(|id| !entries.contains_key(*id) && !tried.contains(*id));
            let missing: Vec<StableId> = missing
                .filter_map(|id| StableId::parse(self.groups.stable_id, id).ok())
                .collect();
            tried.extend(wanted.iter().cloned());
            let read = read_by_ids(ldap, self.groups, &missing, |entry| {
                entries.insert(entry.stable_id.as_str().to_owned(), entry);
                ControlFlow::Continue(())
            });
            let _ = read.await.map_err(unread("groups"))?;
            asked.extend(entries.values().map(|entry| key_name(&entry.dn_key)));
            let mut fresh: BTreeMap<u128, String> = BTreeMap::new();
            for entry in entries.values() {
                let members = member_names(entry, self.member_attributes);
                fresh.extend(
                    members
                        .filter(|(name, _)| asked.insert(*name))
                        .map(|(name, text)| (name, text.to_owned())),
                );
            }
            let names: Vec<u128> = fresh.keys().copied().collect();
            let mut known = self.memory.named(&names).await?;
            for (name, text) in fresh {
                match known.remove(&name) {
                    Some((Kind::User, id)) if self.is_as_it_was(&id) => named.entry(id).or_default().push(name),
                    Some((Kind::Group, id)) if !entries.contains_key(&id) => drop(wanted.insert(id)),
                    // A name that was given up: whoever has it now would have been read.
                    Some(_) => {}
                    None => drop(unknown.insert(name, text)),
                }
            }
            if wanted.iter().all(|id| tried.contains(id)) {
                break;
            }
        }
        self.ask_for(ldap, unknown, &mut named).await?;
        Ok(Around {
            entries,
            named,
            open: BTreeMap::new(),
        })
    }

    fn is_as_it_was(&self, id: &str) -> bool {
        !self.called.contains_key(id) && !self.gone_people.contains(id)
    }

    /// Looks names up that nobody is known by: somebody who is known may have moved since, or have failed under the new
    /// name. One who is not known at all comes with a later reading.
    async fn ask_for(
        &self,
        ldap: &mut LdapConnection,
        unknown: BTreeMap<u128, String>,
        named: &mut BTreeMap<String, Vec<u128>>,
    ) -> Result<(), PartError> {
        let base = Dn::parse(&self.users.base).ok();
        let is_inside = |text: &String| {
            let dn = Dn::parse(text).ok();
            dn.zip(base.as_ref()).is_some_and(|(dn, base)| dn.is_within(base))
        };
        let unknown: Vec<(u128, String)> = unknown.into_iter().filter(|(_, text)| is_inside(text)).collect();
        if unknown.len() > UNKNOWN_MAX {
            let limit = u32::try_from(UNKNOWN_MAX).unwrap_or(u32::MAX);
            return Err(PartError::Whole(WhyWhole::TooMany { limit }));
        }
        for (name, text) in unknown {
            let found = read_by_dn(ldap, self.users, &text).await.map_err(unread("people"))?;
            let Some(entry) = found else { continue };
            let id = entry.stable_id.as_str().to_owned();
            let link = self.memory.links(Kind::User, std::slice::from_ref(&id)).await?;
            if link.into_iter().flatten().next().is_some() && self.is_as_it_was(&id) {
                named.entry(id).or_default().push(name);
            }
        }
        Ok(())
    }
}
