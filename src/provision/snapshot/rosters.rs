//! The groups of the source as they are known, with those that a reading of changes heard of laid over: who is concerned when
//! one changes, and in which groups somebody is.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use uuid::Uuid;

use crate::directory::DirectoryError;
use crate::directory::keys::{linked_id, source_group};
use crate::directory::source_group::SourceGroup;
use crate::ldap::Entry;
use crate::provision::failure::Kind;
use crate::provision::reading::WhyWhole;
use crate::provision::roster::{self, Learned, Roster};
use crate::provision::source::relative_id;

use super::groups::name_of;
use super::names::{key_name, member_names};
use super::part::PartError;
use super::reach::Memory;

impl Roster {
    /// What an entry says.
    pub(super) fn of(entry: &Entry, member_attributes: &[String]) -> Self {
        let names: BTreeSet<u128> = member_names(entry, member_attributes).map(|(name, _)| name).collect();
        Self {
            name: name_of(entry).into(),
            dn: key_name(&entry.dn_key),
            relative_id: relative_id_of(entry),
            is_primary: false,
            names: names.into_iter().collect(),
        }
    }
}

/// The number by which `primaryGroupID` names a group.
pub(super) fn relative_id_of(entry: &Entry) -> Option<u32> {
    let sid = entry.attributes.values("objectsid").first();
    sid.and_then(|sid| relative_id(sid.as_bytes()))
}

/// Which state of the groups is meant.
#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    /// As the readings before knew them.
    Before,
    /// As they are now.
    Now,
}

/// Who a name stands for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Who {
    Person(String),
    Group(String),
}

/// Whom changes of groups concern.
#[derive(Default)]
pub(super) struct Concerned {
    /// People, by the source's identifier.
    pub(super) people: BTreeSet<String>,
    /// Everybody whose `primaryGroupID` is one of these.
    pub(super) primaries: BTreeSet<u32>,
    /// Names that have come into a group, and that nobody is known by.
    pub(super) unknown: BTreeSet<u128>,
}

/// The groups of a source.
pub(super) struct Rosters<'a> {
    memory: Memory<'a>,
    before: BTreeMap<String, SourceGroup>,
    /// Those that were heard of; `None` is gone.
    heard: BTreeMap<String, Option<Roster>>,
    by_dn_before: HashMap<u128, String>,
    by_dn_now: HashMap<u128, String>,
}

impl<'a> Rosters<'a> {
    pub(super) async fn load(memory: Memory<'a>) -> Result<Self, DirectoryError> {
        let before = roster::known(memory.directory, memory.organisation, memory.connection).await?;
        let by_dn = before.iter().map(|(id, group)| (group.dn.as_u128(), id.clone()));
        let by_dn: HashMap<u128, String> = by_dn.collect();
        Ok(Self {
            memory,
            before,
            heard: BTreeMap::new(),
            by_dn_now: by_dn.clone(),
            by_dn_before: by_dn,
        })
    }

    /// A group as it is now; `None` for one that is gone.
    pub(super) fn hear(&mut self, id: &str, mut roster: Option<Roster>) {
        let dn = self.dn_now(id);
        if dn.is_some_and(|dn| self.by_dn_now.get(&dn).is_some_and(|holder| holder == id)) {
            dn.map(|dn| self.by_dn_now.remove(&dn));
        }
        if let Some(roster) = &mut roster {
            roster.is_primary |= self.before.get(id).is_some_and(|group| group.is_primary);
            self.by_dn_now.insert(roster.dn, id.to_owned());
        }
        if roster.is_some() || self.before.contains_key(id) {
            self.heard.insert(id.to_owned(), roster);
        }
    }

    /// Notes that somebody's primary group is one of these.
    pub(super) async fn mark_primary(&mut self, numbers: &BTreeSet<u32>) -> Result<(), DirectoryError> {
        let is_meant = |number: Option<u32>| number.is_some_and(|number| numbers.contains(&number));
        for roster in self.heard.values_mut().flatten() {
            roster.is_primary |= is_meant(roster.relative_id);
        }
        let unheard = self
            .before
            .iter()
            .filter(|(id, group)| is_meant(group.relative_id) && !group.is_primary && !self.heard.contains_key(*id));
        let mut marked = Vec::new();
        for (id, group) in unheard {
            let roster = Roster {
                name: group.name.as_str().into(),
                dn: group.dn.as_u128(),
                relative_id: group.relative_id,
                is_primary: true,
                names: self.members(When::Now, id).await?,
            };
            marked.push((id.clone(), Some(roster)));
        }
        self.heard.extend(marked);
        Ok(())
    }

    /// What there is to remember of them.
    pub(super) fn learned(self) -> Learned {
        if self.heard.is_empty() {
            Learned::Nothing
        } else {
            Learned::Some(self.heard)
        }
    }

    /// Whom it concerns that these groups, which were heard of, are as they are now. `called` are the names of people who
    /// were read.
    ///
    /// # Errors
    /// [`PartError::Whole`] when that is more people than `limit`; as the store's read.
    pub(super) async fn concerned(
        &self,
        groups: &[String],
        called: &HashMap<u128, String>,
        limit: u32,
    ) -> Result<Concerned, PartError> {
        let mut concerned = Concerned::default();
        let mut below = [(When::Before, BTreeSet::new()), (When::Now, BTreeSet::new())];
        for id in groups {
            let before = self.before.get(id);
            let now = self.heard.get(id).and_then(Option::as_ref);
            let is_same = |(before, now): (&SourceGroup, &Roster)| {
                *before.name == *now.name && before.dn.as_u128() == now.dn && before.relative_id == now.relative_id
            };
            if before.zip(now).is_some_and(is_same) {
                self.compare(id, called, &mut concerned, &mut below).await?;
                continue;
            }
            // Whoever is below it is now below something else, whatever it holds.
            below.iter_mut().for_each(|(_, groups)| groups.extend([id.clone()]));
            // That a group is new here does not mean that nobody had it as the primary one.
            let is_new = before.is_none();
            concerned
                .primaries
                .extend(now.filter(|_| is_new).and_then(|now| now.relative_id));
        }
        for (when, groups) in below {
            self.expand(when, groups, called, &mut concerned, limit).await?;
        }
        Ok(concerned)
    }

    /// Of a group that is called as before: who came in, and who left.
    async fn compare(
        &self,
        id: &str,
        called: &HashMap<u128, String>,
        concerned: &mut Concerned,
        below: &mut [(When, BTreeSet<String>); 2],
    ) -> Result<(), PartError> {
        let record = self.heard.get(id).and_then(Option::as_ref).map(Roster::record);
        if record.map(|record| record.members) == self.before.get(id).map(|group| group.members) {
            return Ok(());
        }
        let old: BTreeSet<u128> = self.members(When::Before, id).await?.into_iter().collect();
        let new: BTreeSet<u128> = self.members(When::Now, id).await?.into_iter().collect();
        let left: Vec<u128> = old.difference(&new).copied().collect();
        let came: Vec<u128> = new.difference(&old).copied().collect();
        let (left, _) = self.resolve(When::Before, &left, called).await?;
        let (came, unknown) = self.resolve(When::Now, &came, called).await?;
        concerned.unknown.extend(unknown);
        // One who goes by another name is still in it.
        for who in left.symmetric_difference(&came) {
            match who {
                Who::Person(id) => concerned.people.extend([id.clone()]),
                Who::Group(id) => below.iter_mut().for_each(|(_, groups)| groups.extend([id.clone()])),
            }
        }
        Ok(())
    }

    /// Everybody in these groups, and in the groups inside them.
    async fn expand(
        &self,
        when: When,
        groups: BTreeSet<String>,
        called: &HashMap<u128, String>,
        concerned: &mut Concerned,
        limit: u32,
    ) -> Result<(), PartError> {
        let mut open: Vec<String> = groups.into_iter().collect();
        let mut visited = BTreeSet::new();
        while let Some(id) = open.pop() {
            if !visited.insert(id.clone()) {
                continue;
            }
            concerned.primaries.extend(self.primary_number(when, &id));
            let names = self.members(when, &id).await?;
            let (found, unknown) = self.resolve(when, &names, called).await?;
            concerned.unknown.extend(unknown);
            for who in found {
                match who {
                    Who::Person(id) => concerned.people.extend([id]),
                    Who::Group(id) => open.push(id),
                }
            }
            if concerned.people.len() > limit as usize {
                return Err(PartError::Whole(WhyWhole::TooMany { limit }));
            }
        }
        Ok(())
    }

    /// The names of the groups that somebody is in, nested ones included, in the order of the groups' identifiers.
    ///
    /// # Errors
    /// As the store's read.
    pub(super) async fn names(&self, called: &[u128], primary: Option<u32>) -> Result<Vec<String>, DirectoryError> {
        let mut open = Vec::new();
        for name in called {
            open.extend(self.naming(*name).await?);
        }
        if primary.is_some() {
            let known = self.before.iter().filter(|(id, _)| !self.heard.contains_key(*id));
            let known = known.filter(|(_, group)| group.relative_id == primary);
            open.extend(known.map(|(id, _)| id.clone()));
            let heard = self
                .heard
                .iter()
                .filter_map(|(id, roster)| Some((id, roster.as_ref()?)));
            let heard = heard.filter(|(_, roster)| roster.relative_id == primary);
            open.extend(heard.map(|(id, _)| id.clone()));
        }
        let mut all = BTreeSet::new();
        while let Some(id) = open.pop() {
            // A group whose name another one has by now is in no group by it.
            let dn = self.dn_now(&id).filter(|dn| self.by_dn_now.get(dn) == Some(&id));
            if all.insert(id)
                && let Some(dn) = dn
            {
                open.extend(self.naming(dn).await?);
            }
        }
        let names = all.iter().map(|id| self.name_now(id));
        Ok(names.filter(|name| !name.is_empty()).map(str::to_owned).collect())
    }

    /// The groups that name somebody so now.
    async fn naming(&self, name: u128) -> Result<Vec<String>, DirectoryError> {
        let Memory {
            directory,
            organisation,
            connection,
        } = self.memory;
        let prefix = source_group::all_naming(organisation, connection, Uuid::from_u128(name));
        let mut groups = Vec::new();
        let each = directory.for_each_under(&prefix, |key, _| {
            let id = linked_id(&prefix, key);
            let id = id.filter(|id| self.before.contains_key(*id) && !self.heard.contains_key(*id));
            groups.extend(id.map(str::to_owned));
            Ok(())
        });
        each.await?;
        let heard = self
            .heard
            .iter()
            .filter_map(|(id, roster)| Some((id, roster.as_ref()?)));
        let heard = heard.filter(|(_, roster)| roster.names.binary_search(&name).is_ok());
        groups.extend(heard.map(|(id, _)| id.clone()));
        Ok(groups)
    }

    async fn members(&self, when: When, id: &str) -> Result<Vec<u128>, DirectoryError> {
        match self.heard.get(id) {
            Some(roster) if when == When::Now => {
                Ok(roster.as_ref().map(|roster| roster.names.clone()).unwrap_or_default())
            }
            _ if self.before.contains_key(id) => {
                let Memory {
                    directory,
                    organisation,
                    connection,
                } = self.memory;
                let names = roster::members(directory, organisation, connection, id).await?;
                Ok(names.into_iter().collect())
            }
            _ => Ok(Vec::new()),
        }
    }

    /// Who these names stand for, and those of them that stand for nobody now.
    async fn resolve(
        &self,
        when: When,
        names: &[u128],
        called: &HashMap<u128, String>,
    ) -> Result<(BTreeSet<Who>, Vec<u128>), DirectoryError> {
        let by_dn = match when {
            When::Before => &self.by_dn_before,
            When::Now => &self.by_dn_now,
        };
        let (mut found, mut open) = (BTreeSet::new(), Vec::new());
        for name in names {
            match (by_dn.get(name), called.get(name)) {
                (Some(id), _) => found.extend([Who::Group(id.clone())]),
                (None, Some(id)) if when == When::Now => found.extend([Who::Person(id.clone())]),
                (None, _) => open.push(*name),
            }
        }
        let mut known = self.memory.named(&open).await?;
        open.retain(|name| match known.remove(name) {
            Some((Kind::User, id)) => {
                found.insert(Who::Person(id));
                false
            }
            // A group that goes by another name now, or is gone.
            Some((Kind::Group, _)) => false,
            None => when == When::Now,
        });
        Ok((found, open))
    }

    fn primary_number(&self, when: When, id: &str) -> Option<u32> {
        match self.heard.get(id) {
            Some(roster) if when == When::Now => {
                let roster = roster.as_ref().filter(|roster| roster.is_primary)?;
                roster.relative_id
            }
            _ => self.before.get(id).filter(|group| group.is_primary)?.relative_id,
        }
    }

    fn dn_now(&self, id: &str) -> Option<u128> {
        match self.heard.get(id) {
            Some(roster) => roster.as_ref().map(|roster| roster.dn),
            None => self.before.get(id).map(|group| group.dn.as_u128()),
        }
    }

    fn name_now(&self, id: &str) -> &str {
        match self.heard.get(id) {
            Some(roster) => roster.as_ref().map_or("", |roster| &roster.name),
            None => self.before.get(id).map_or("", |group| &group.name),
        }
    }
}
