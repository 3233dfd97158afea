//! Groups as they stream in, and their members as indexes.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::ldap::Entry;
use crate::model::connection::Nesting;
use crate::provision::failure::{Failure, FailureReason, Kind};
use crate::provision::roster::Roster;
use crate::provision::source::GROUP_NAMES;

use super::names::{key_name, member_names};
use super::people::Collected;
use super::rosters::relative_id_of;
use super::{Dangling, SnapshotGroup, SnapshotPerson, nesting};

pub(super) struct Collector<'a> {
    people: &'a Collected,
    member_attributes: Vec<String>,
    drafts: Vec<Draft>,
    failures: Vec<Failure>,
    dangling: Dangling,
    /// What each group names, where a later reading will ask.
    rosters: Option<Vec<(Arc<str>, Roster)>>,
}

/// A group whose nested groups are not known yet. One without a name cannot be used itself, but its people are still
/// people of the groups above it.
struct Draft {
    external_id: Arc<str>,
    name: Box<str>,
    dn: u128,
    people: Vec<u32>,
    is_primary: bool,
    /// Members that are no person: groups, or nobody.
    others: Vec<(u128, Box<str>)>,
}

/// All groups, in the order of their ids.
#[derive(Default)]
pub(super) struct Found {
    pub(super) groups: Vec<SnapshotGroup>,
    pub(super) failures: Vec<Failure>,
    pub(super) dangling: Dangling,
    /// The names of each person's groups, nested ones included; empty unless asked for.
    pub(super) names_of: HashMap<u32, Vec<String>>,
    /// What each group names, if anybody asked.
    pub(super) rosters: Option<Vec<(Arc<str>, Roster)>>,
}

/// The name of a group, as rules see it; empty when it has none.
pub(super) fn name_of(entry: &Entry) -> &str {
    let names = GROUP_NAMES.iter().filter_map(|name| entry.attributes.text(name));
    let name = names.map(str::trim).find(|name| !name.is_empty());
    name.unwrap_or_default()
}

impl Found {
    /// Marks the groups of which a partial reading does not know everybody.
    pub(super) fn open(&mut self, open: &BTreeMap<String, bool>) {
        for group in &mut self.groups {
            if let Some(is_primary) = open.get(group.external_id.as_ref()) {
                group.is_open = true;
                group.is_primary |= *is_primary;
            }
        }
    }
}

impl<'a> Collector<'a> {
    pub(super) fn new(people: &'a Collected, member_attributes: &[String]) -> Self {
        Self {
            people,
            member_attributes: member_attributes.to_vec(),
            drafts: Vec::new(),
            failures: Vec::new(),
            dangling: Dangling::default(),
            rosters: None,
        }
    }

    /// Notes what each group names.
    pub(super) fn keep_rosters(&mut self) {
        self.rosters.get_or_insert_default();
    }

    pub(super) fn add(&mut self, entry: Entry) {
        let name = name_of(&entry);
        if name.is_empty() {
            self.failures.push(Failure {
                kind: Kind::Group,
                external_id: Some(entry.stable_id.as_str().to_owned()),
                name: Some(entry.dn.clone()),
                reason: FailureReason::Unmapped {
                    detail: "the group has no name; give it a cn".to_owned(),
                },
            });
        }
        let mut draft = Draft {
            external_id: entry.stable_id.as_str().into(),
            name: name.into(),
            dn: key_name(&entry.dn_key),
            people: Vec::new(),
            is_primary: false,
            others: Vec::new(),
        };
        let mut names = Vec::new();
        for (name, text) in member_names(&entry, &self.member_attributes) {
            if self.rosters.is_some() {
                names.push(name);
            }
            match self.people.by_name.get(&name) {
                Some(index) => draft.people.push(*index),
                None => draft.others.push((name, text.into())),
            }
        }
        let relative = relative_id_of(&entry);
        // Active Directory does not list those whose primary group it is.
        let primary = relative.and_then(|id| self.people.by_primary_group.get(&id));
        draft.is_primary = primary.is_some();
        draft.people.extend(primary.into_iter().flatten());
        draft.people.sort_unstable();
        draft.people.dedup();
        draft.people.shrink_to_fit();
        if let Some(rosters) = &mut self.rosters {
            names.sort_unstable();
            names.dedup();
            names.shrink_to_fit();
            let roster = Roster {
                name: draft.name.clone(),
                dn: draft.dn,
                relative_id: relative,
                is_primary: draft.is_primary,
                names,
            };
            rosters.push((Arc::clone(&draft.external_id), roster));
        }
        self.drafts.push(draft);
    }

    pub(super) fn finish(mut self, nested: Nesting, wants_names: bool) -> Found {
        self.drafts
            .sort_unstable_by(|one, other| one.external_id.cmp(&other.external_id));
        let by_dn: HashMap<u128, u32> = self.drafts.iter().map(|draft| draft.dn).zip(0_u32..).collect();
        let mut below: Vec<Vec<u32>> = Vec::with_capacity(self.drafts.len());
        for (own, draft) in (0_u32..).zip(&self.drafts) {
            let mut groups = Vec::new();
            for (digest, text) in &draft.others {
                match by_dn.get(digest) {
                    // A group inside itself adds nothing.
                    Some(group) if *group == own => {}
                    Some(group) => groups.push(*group),
                    None => self.dangling.note(&draft.name, text),
                }
            }
            groups.sort_unstable();
            groups.dedup();
            below.push(groups);
        }
        let direct: Vec<&[u32]> = self.drafts.iter().map(|draft| draft.people.as_slice()).collect();
        let expanded: Vec<Vec<u32>> = (0..direct.len())
            .map(|group| nesting::expand(group, &direct, &below))
            .collect();
        let mut names_of: HashMap<u32, Vec<String>> = HashMap::new();
        let named = if wants_names { expanded.as_slice() } else { &[] };
        for (draft, people) in self
            .drafts
            .iter()
            .zip(named)
            .filter(|(draft, _)| !draft.name.is_empty())
        {
            for person in people {
                names_of.entry(*person).or_default().push(draft.name.to_string());
            }
        }
        let ids: Vec<Arc<str>> = self.drafts.iter().map(|draft| Arc::clone(&draft.external_id)).collect();
        let groups = self.drafts.into_iter().zip(below).zip(expanded);
        let groups = groups.map(|((draft, below), expanded)| {
            let inside = below.iter().map(|group| Arc::clone(&ids[*group as usize])).collect();
            let (people, groups) = match nested {
                Nesting::Flatten => (expanded, Vec::new()),
                Nesting::Keep => (draft.people, below),
            };
            SnapshotGroup {
                external_id: draft.external_id,
                name: draft.name,
                people,
                groups,
                dn: draft.dn,
                is_primary: draft.is_primary,
                is_open: false,
                inside,
                hash: [0; 32],
            }
        });
        Found {
            groups: groups.collect(),
            failures: self.failures,
            dangling: self.dangling,
            names_of,
            rosters: self.rosters,
        }
    }
}

/// Fills in the hashes. Members count by their stable ids, because indexes differ from reading to reading.
pub(super) fn hashed(mut groups: Vec<SnapshotGroup>, people: &[SnapshotPerson]) -> Vec<SnapshotGroup> {
    let ids: Vec<Arc<str>> = groups.iter().map(|group| group.external_id.clone()).collect();
    for group in &mut groups {
        let mut hash = Sha256::new();
        hash.update(group.name.as_bytes());
        hash.update(group.dn.to_be_bytes());
        for person in &group.people {
            hash.update([0]);
            hash.update(people[*person as usize].external_id.as_bytes());
        }
        for nested in &group.groups {
            hash.update([1]);
            hash.update(ids[*nested as usize].as_bytes());
        }
        group.hash = hash.finalize().into();
    }
    groups
}
