//! The groups that a change of people or groups touches, read whole, with everyone whom they name.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::ControlFlow;

use crate::ldap::changes::{read_by_dn, read_by_ids};
use crate::ldap::{Connection as LdapConnection, Dn, Entry, Filter, Query, StableId, read_all};
use crate::model::id::UserId;
use crate::provision::failure::Kind;
use crate::provision::reading::WhyWhole;

use super::names::{dn_name, key_name, member_names};
use super::part::{Called, PartError, unread};
use super::reach::{Memory, Nest};

/// People whose groups are asked for in one search. Some servers grow slow over filters of thousands of parts.
const NAMED_PER_SEARCH: usize = 25;
/// Names that nobody is known by and that are looked up one by one; with more of them everything is read.
const UNKNOWN_MAX: usize = 200;

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
    /// Reads every group that `joined` are named in, that `left` were in, and those around `entries`, which changed
    /// themselves.
    pub(super) async fn read(
        &self,
        ldap: &mut LdapConnection,
        mut entries: BTreeMap<String, Entry>,
        joined: &[&Called],
        left: &[UserId],
    ) -> Result<Around, PartError> {
        let is_idle = entries.is_empty() && self.gone_groups.is_empty() && joined.is_empty() && left.is_empty();
        if is_idle {
            return Ok(Around {
                entries,
                named: BTreeMap::new(),
                open: BTreeMap::new(),
            });
        }
        let changed: BTreeSet<String> = entries.keys().chain(self.gone_groups).cloned().collect();
        let links = self.memory.all_links(Kind::Group).await?;
        let moved = self.moved_groups(&entries, &links);
        let people = joined.iter().map(|how| (how.dn.as_str(), how.uid.as_deref()));
        let names: Vec<(&str, Option<&str>)> = people.chain(moved.iter().map(|dn| (dn.as_str(), None))).collect();
        self.read_naming(ldap, &names, &mut entries).await?;
        let mut touched = self.memory.groups_of(left).await?;
        touched.extend(entries.keys().cloned());
        touched.extend(self.gone_groups.iter().cloned());
        let nest = Nest::of(&links);
        let primary = links.iter().filter(|(_, link)| link.is_primary);
        let primary: BTreeSet<String> = primary.map(|(id, _)| id.clone()).collect();
        let told_by_people = nest.upwards(primary.clone());
        // When such a group changed itself, nobody can tell who of those who were not read is still in it.
        if nest.upwards(changed).iter().any(|id| told_by_people.contains(id)) {
            return Err(PartError::Whole(WhyWhole::PrimaryGroup));
        }
        if !joined.is_empty() || !left.is_empty() {
            touched.extend(told_by_people.iter().cloned());
        }
        let open = told_by_people.into_iter().map(|id| (primary.contains(&id), id));
        let around = self.read_closed(ldap, entries, nest.upwards(touched)).await?;
        Ok(Around {
            open: open.map(|(is_primary, id)| (id, is_primary)).collect(),
            ..around
        })
    }

    /// The names of groups that are new or renamed: groups above may have named them all along.
    fn moved_groups(
        &self,
        entries: &BTreeMap<String, Entry>,
        links: &[(String, crate::directory::link::Link)],
    ) -> Vec<String> {
        let known: HashMap<&str, _> = links.iter().map(|(id, link)| (id.as_str(), link)).collect();
        let is_same = |id: &str, dn: &str| {
            let name = uuid::Uuid::from_u128(dn_name(dn));
            known
                .get(id)
                .is_some_and(|link| link.is_seen() && link.names.contains(&name))
        };
        entries
            .iter()
            .filter(|(id, entry)| !is_same(id, &entry.dn))
            .map(|(_, entry)| entry.dn.clone())
            .collect()
    }

    /// Reads the groups that name any of these, by distinguished name or uid.
    async fn read_naming(
        &self,
        ldap: &mut LdapConnection,
        names: &[(&str, Option<&str>)],
        entries: &mut BTreeMap<String, Entry>,
    ) -> Result<(), PartError> {
        for part in names.chunks(NAMED_PER_SEARCH) {
            let terms = part.iter().flat_map(|(dn, uid)| {
                self.member_attributes.iter().filter_map(move |attribute| {
                    let is_uid = attribute.eq_ignore_ascii_case("memberUid");
                    let value = if is_uid { *uid } else { Some(*dn) };
                    Filter::equals(attribute, value?).ok()
                })
            });
            let query = Query {
                filter: Filter::all([self.groups.filter.clone(), Filter::any(terms)]),
                ..self.groups.clone()
            };
            let read = read_all(ldap, &query, |entry| {
                entries.insert(entry.stable_id.as_str().to_owned(), entry);
                ControlFlow::Continue(())
            });
            // A group without an id is noted where groups themselves are read.
            let _ = read.await.map_err(unread("groups"))?;
        }
        Ok(())
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
