//! Who else is concerned by what a reading of changes heard: the groups that name somebody who came under a name, and, where
//! rules look at groups or people have primary groups, the people whom a change of a group puts into something else.
//!
//! Those people are read one by one and planned like people who changed themselves. Who else is in a group does not matter.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::ControlFlow;

use uuid::Uuid;

use crate::directory::DirectoryError;
use crate::directory::link::Link;
use crate::ldap::changes::{read_by_dn, read_by_ids};
use crate::ldap::{Connection as LdapConnection, Entry, Filter, Query, ReadError, StableId, read_all};
use crate::model::id::UserId;
use crate::provision::failure::Kind;
use crate::provision::mapping::Mapping;
use crate::provision::reading::WhyWhole;
use crate::provision::roster::Roster;

use super::names::{dn_name, key_name, member_names, uid_name};
use super::part::{Heard, PartError, unread};
use super::people::{Collected, Collector};
use super::reach::{Memory, Nest};
use super::rosters::{Concerned, Rosters};

/// Names whose groups are asked for in one search. Some servers grow slow over filters of thousands of parts.
const NAMED_PER_SEARCH: usize = 25;
/// Names that nobody is known by and that are looked up one by one; with more of them everything is read.
pub(super) const UNKNOWN_MAX: usize = 200;

/// How groups name somebody who was read.
pub(super) struct Called {
    pub(super) dn: String,
    pub(super) uid: Option<String>,
    pub(super) names: Vec<Uuid>,
    primary_group: Option<u32>,
}

/// People who were read.
pub(super) struct ReadPeople<'m> {
    pub(super) collector: Collector<'m>,
    pub(super) called: BTreeMap<String, Called>,
}

impl<'m> ReadPeople<'m> {
    pub(super) fn new(mapping: &'m Mapping) -> Self {
        Self {
            collector: Collector::new(mapping),
            called: BTreeMap::new(),
        }
    }

    pub(super) fn take(&mut self, entry: Entry) {
        let how = how_called(&entry);
        let id = entry.stable_id.as_str().to_owned();
        // What came twice is read once: the first is as new as the second.
        if self.called.insert(id, how).is_none() {
            self.collector.add(entry);
        }
    }

    fn names(&self) -> HashMap<u128, String> {
        let named = self.called.iter();
        let named = named.flat_map(|(id, how)| how.names.iter().map(move |name| (name.as_u128(), id.clone())));
        named.collect()
    }
}

fn how_called(entry: &Entry) -> Called {
    let uid = entry.attributes.text("uid").map(str::to_owned);
    let names = std::iter::once(key_name(&entry.dn_key)).chain(uid.as_deref().map(uid_name));
    let names = names.map(Uuid::from_u128).collect();
    let primary_group = entry.attributes.text("primarygroupid");
    Called {
        dn: entry.dn.clone(),
        uid,
        names,
        primary_group: primary_group.and_then(|id| id.trim().parse().ok()),
    }
}

/// Follows what was heard.
pub(super) struct Follower<'a, 'm> {
    pub(super) memory: Memory<'m>,
    pub(super) users: &'a Query,
    pub(super) groups: &'a Query,
    pub(super) member_attributes: &'a [String],
    /// Whether rules look at groups.
    pub(super) needs_groups: bool,
    /// Whether the last whole reading left behind what the groups hold.
    pub(super) knows_groups: bool,
    /// People who are read at most.
    pub(super) limit: u32,
}

/// What came of it.
pub(super) struct Followed<'m> {
    /// The groups that changed, and those that name somebody who came under a name.
    pub(super) entries: BTreeMap<String, Entry>,
    /// Which groups are inside which.
    pub(super) nest: Nest,
    /// Primary groups.
    pub(super) primary: BTreeSet<String>,
    /// Whose memberships may end: those who are renamed, back, or gone.
    pub(super) left: Vec<UserId>,
    /// Whether somebody came under a name, or left, or a primary group or one around it changed: then all of those are
    /// looked at.
    pub(super) touches_primary: bool,
    /// What is known of the groups; `None` where nothing changed, or nothing depends on it.
    pub(super) rosters: Option<Rosters<'m>>,
}

impl<'m> Follower<'_, 'm> {
    /// # Errors
    /// [`PartError`].
    pub(super) async fn follow(
        &self,
        ldap: &mut LdapConnection,
        people: &mut ReadPeople<'_>,
        users: &mut Heard,
        gone_groups: &BTreeSet<String>,
        entries: BTreeMap<String, Entry>,
    ) -> Result<Followed<'m>, PartError> {
        let mut found = Followed {
            entries,
            nest: Nest::default(),
            primary: BTreeSet::new(),
            left: self.gone(users).await?,
            touches_primary: false,
            rosters: None,
        };
        let is_still = found.entries.is_empty() && gone_groups.is_empty() && found.left.is_empty();
        let is_still = is_still && self.moved(people.called.iter().collect()).await?.0.is_empty();
        if is_still && (!self.needs_groups || people.called.is_empty()) {
            return Ok(found);
        }
        let links = match is_still {
            true => Vec::new(),
            false => self.memory.all_links(Kind::Group).await?,
        };
        found.nest = Nest::of(&links);
        let primary = links.iter().filter(|(_, link)| link.is_primary);
        found.primary = primary.map(|(id, _)| id.clone()).collect();
        let told_by_people = found.nest.upwards(found.primary.clone());
        let changed: BTreeSet<String> = found.entries.keys().chain(gone_groups).cloned().collect();
        // Such a group does not name everybody, so who of those who were not read is in it has to be found out.
        let touches = found.nest.upwards(changed.clone());
        let touches = touches.iter().any(|id| told_by_people.contains(id));
        found.rosters = match self.knows_groups {
            true => Some(Rosters::load(self.memory).await?),
            false if self.needs_groups => return Err(PartError::Whole(WhyWhole::GroupRules)),
            false if touches => return Err(PartError::Whole(WhyWhole::PrimaryGroup)),
            false => None,
        };
        found.touches_primary = touches || !found.left.is_empty();
        let links: HashMap<String, Link> = links.into_iter().collect();
        let compares = self.needs_groups || touches;
        self.rounds(ldap, people, users, &mut found, (changed, &links, compares))
            .await?;
        if let Some(rosters) = &mut found.rosters {
            let numbers = people.called.values().filter_map(|how| how.primary_group).collect();
            rosters.mark_primary(&numbers).await?;
        }
        Ok(found)
    }

    /// People lead to groups, and groups to people, until nobody comes any more.
    async fn rounds(
        &self,
        ldap: &mut LdapConnection,
        people: &mut ReadPeople<'_>,
        users: &mut Heard,
        found: &mut Followed<'m>,
        (mut changed, links, compares): (BTreeSet<String>, &HashMap<String, Link>, bool),
    ) -> Result<(), PartError> {
        let (mut looked, mut named) = (BTreeSet::new(), BTreeSet::new());
        let mut compared: BTreeSet<String> = BTreeSet::new();
        loop {
            let fresh = people.called.iter().filter(|(id, _)| !looked.contains(*id));
            let (moved, left) = self.moved(fresh.collect()).await?;
            found.touches_primary |= !moved.is_empty();
            found.left.extend(left);
            looked = people.called.keys().cloned().collect();
            let unasked = found.entries.iter().filter(|(id, _)| !named.contains(*id));
            let renamed = unasked.filter(|(id, entry)| !is_same(links.get(*id), &entry.dn));
            let renamed = renamed.map(|(_, entry)| (entry.dn.clone(), None));
            let names: Vec<(String, Option<String>)> = moved.into_iter().chain(renamed).collect();
            named.extend(found.entries.keys().cloned());
            self.read_naming(ldap, &names, &mut found.entries).await?;
            changed.extend(found.entries.keys().cloned());
            let unheard: Vec<String> = changed.difference(&compared).cloned().collect();
            if let Some(rosters) = &mut found.rosters {
                for id in &unheard {
                    let entry = found.entries.get(id);
                    rosters.hear(id, entry.map(|entry| Roster::of(entry, self.member_attributes)));
                }
                if compares {
                    let concerned = rosters.concerned(&unheard, &people.names(), self.limit).await?;
                    self.read_concerned(ldap, concerned, people, users, &mut found.entries)
                        .await?;
                }
            }
            compared.extend(unheard);
            let is_done = people.called.keys().all(|id| looked.contains(id));
            if is_done && found.entries.keys().all(|id| named.contains(id)) {
                return Ok(());
            }
        }
    }

    /// The users who are gone.
    async fn gone(&self, users: &Heard) -> Result<Vec<UserId>, DirectoryError> {
        let gone: Vec<String> = users.gone.iter().cloned().collect();
        let links = self.memory.links(Kind::User, &gone).await?;
        Ok(links.into_iter().flatten().map(|link| UserId::new(link.id)).collect())
    }

    /// Who came under a name, and whose memberships may end: those who are new, renamed or back.
    async fn moved(
        &self,
        fresh: Vec<(&String, &Called)>,
    ) -> Result<(Vec<(String, Option<String>)>, Vec<UserId>), DirectoryError> {
        let ids: Vec<String> = fresh.iter().map(|(id, _)| (*id).clone()).collect();
        let links = self.memory.links(Kind::User, &ids).await?;
        let (mut moved, mut left) = (Vec::new(), Vec::new());
        for ((_, how), link) in fresh.into_iter().zip(links) {
            if !link
                .as_ref()
                .is_some_and(|link| link.is_seen() && link.names == how.names)
            {
                moved.push((how.dn.clone(), how.uid.clone()));
                left.extend(link.map(|link| UserId::new(link.id)));
            }
        }
        Ok((moved, left))
    }

    /// Reads the groups that name any of these, by distinguished name or uid.
    async fn read_naming(
        &self,
        ldap: &mut LdapConnection,
        names: &[(String, Option<String>)],
        entries: &mut BTreeMap<String, Entry>,
    ) -> Result<(), PartError> {
        for part in names.chunks(NAMED_PER_SEARCH) {
            let terms = part.iter().flat_map(|(dn, uid)| {
                self.member_attributes.iter().filter_map(move |attribute| {
                    let is_uid = attribute.eq_ignore_ascii_case("memberUid");
                    let value = if is_uid { uid.as_deref() } else { Some(dn.as_str()) };
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

    /// Reads the people whom the changes of groups concern, as if they had changed themselves.
    async fn read_concerned(
        &self,
        ldap: &mut LdapConnection,
        concerned: Concerned,
        people: &mut ReadPeople<'_>,
        users: &mut Heard,
        groups: &mut BTreeMap<String, Entry>,
    ) -> Result<(), PartError> {
        let is_unread = |id: &&String| !people.called.contains_key(*id) && !users.gone.contains(*id);
        let wanted = concerned.people.iter().filter(is_unread);
        let wanted: Vec<StableId> = wanted
            .filter_map(|id| StableId::parse(self.users.stable_id, id).ok())
            .collect();
        let room = (self.limit as usize).saturating_sub(people.called.len());
        if wanted.len() > room {
            return Err(PartError::Whole(WhyWhole::TooMany { limit: self.limit }));
        }
        let mut found: Vec<Entry> = Vec::new();
        let complete = read_by_ids(ldap, self.users, &wanted, |entry| {
            found.push(entry);
            ControlFlow::Continue(())
        });
        users.note(Kind::User, &complete.await.map_err(unread("people"))?);
        if !concerned.primaries.is_empty() {
            self.read_primary(ldap, &concerned.primaries, room, &mut found).await?;
        }
        for text in self.texts(&concerned.unknown, groups)? {
            match read_by_dn(ldap, self.users, &text).await.map_err(unread("people"))? {
                Some(entry) => found.push(entry),
                None => {
                    let group = read_by_dn(ldap, self.groups, &text).await;
                    let group = group.map_err(unread("groups"))?;
                    groups.extend(group.map(|group| (group.stable_id.as_str().to_owned(), group)));
                }
            }
        }
        for entry in found {
            users.read.insert(entry.stable_id.as_str().to_owned());
            people.take(entry);
        }
        Ok(())
    }

    /// Reads everybody whose `primaryGroupID` is one of these.
    async fn read_primary(
        &self,
        ldap: &mut LdapConnection,
        numbers: &BTreeSet<u32>,
        room: usize,
        found: &mut Vec<Entry>,
    ) -> Result<(), PartError> {
        let terms = numbers
            .iter()
            .map(|id| Filter::equals("primaryGroupID", &id.to_string()));
        let query = Query {
            filter: Filter::all([self.users.filter.clone(), Filter::any(terms.filter_map(Result::ok))]),
            ..self.users.clone()
        };
        let read = read_all(ldap, &query, |entry| {
            found.push(entry);
            match found.len() > room {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        });
        match read.await {
            // Who is without an id is noted where people themselves are read.
            Ok(_) => Ok(()),
            Err(ReadError::Stopped) => Err(PartError::Whole(WhyWhole::TooMany { limit: self.limit })),
            Err(error) => Err(unread("people")(error)),
        }
    }

    /// The distinguished names behind hashed ones, as far as the groups that were read tell.
    fn texts(&self, names: &BTreeSet<u128>, groups: &BTreeMap<String, Entry>) -> Result<BTreeSet<String>, PartError> {
        let mut texts = BTreeMap::new();
        for entry in groups.values().filter(|_| !names.is_empty()) {
            let members = member_names(entry, self.member_attributes);
            // A uid is no distinguished name.
            let wanted = members.filter(|(name, text)| names.contains(name) && dn_name(text) == *name);
            texts.extend(wanted.map(|(name, text)| (name, text.to_owned())));
        }
        let bases = [&self.users.base, &self.groups.base];
        let bases: Vec<_> = bases
            .iter()
            .filter_map(|base| crate::ldap::Dn::parse(base).ok())
            .collect();
        let is_inside = |text: &String| {
            let dn = crate::ldap::Dn::parse(text);
            dn.is_ok_and(|dn| bases.iter().any(|base| dn.is_within(base)))
        };
        let texts: BTreeSet<String> = texts.into_values().filter(is_inside).collect();
        if texts.len() > UNKNOWN_MAX {
            let limit = u32::try_from(UNKNOWN_MAX).unwrap_or(u32::MAX);
            return Err(PartError::Whole(WhyWhole::TooMany { limit }));
        }
        Ok(texts)
    }
}

/// Whether a group is called as it was: groups above one that is new or renamed may have named it all along.
fn is_same(link: Option<&Link>, dn: &str) -> bool {
    let name = Uuid::from_u128(dn_name(dn));
    link.is_some_and(|link| link.is_seen() && link.names.contains(&name))
}

/// The names of the groups of everybody who was read, by place, as rules see them.
pub(super) async fn names_of(
    rosters: &Rosters<'_>,
    collected: &Collected,
    called: &BTreeMap<String, Called>,
) -> Result<HashMap<u32, Vec<String>>, DirectoryError> {
    let mut names_of = HashMap::new();
    for (index, draft) in (0_u32..).zip(&collected.drafts) {
        if called.contains_key(draft.external_id.as_ref()) {
            let names = rosters.names(&draft.names, draft.primary_group).await?;
            names_of.insert(index, names);
        }
    }
    Ok(names_of)
}
