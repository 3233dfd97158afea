//! People as they stream in: mapped, packed, and given their licences and roles when their groups are known.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::ldap::{AccountState, Entry, account_state};
use crate::provision::authority::Say;
use crate::provision::failure::{Failure, FailureReason, Kind};
use crate::provision::mapping::{GrantContext, Mapping, MappingError};
use crate::provision::person::Grants;
use crate::provision::source;

use super::names::{key_name, uid_name};
use super::{SnapshotPerson, Standing};

pub(super) struct Collector<'a> {
    mapping: &'a Mapping,
    /// What the grant rules read.
    wanted: BTreeSet<String>,
    drafts: Vec<Draft>,
    failures: Vec<Failure>,
}

/// A person whose groups are not known yet. An entry that could not be mapped is kept because groups
/// name it, and a member who is failing is not a member who is gone.
pub(super) struct Draft {
    pub(super) external_id: Arc<str>,
    user_name: Box<str>,
    is_active: bool,
    attributes: Box<[u8]>,
    /// What the grant rules read, packed; empty when they read nothing.
    kept: Box<[u8]>,
    standing: Standing,
    /// What groups call the person.
    pub(super) names: Box<[u128]>,
    pub(super) primary_group: Option<u32>,
}

/// All people, in the order of their ids, and the ways to find one.
pub(super) struct Collected {
    pub(super) drafts: Vec<Draft>,
    pub(super) failures: Vec<Failure>,
    pub(super) by_name: HashMap<u128, u32>,
    pub(super) by_primary_group: HashMap<u32, Vec<u32>>,
}

impl<'a> Collector<'a> {
    pub(super) fn new(mapping: &'a Mapping) -> Self {
        Self {
            mapping,
            wanted: mapping.grant_attributes(),
            drafts: Vec::new(),
            failures: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, entry: Entry) {
        let source = source::attributes(&entry);
        let mapped = match self.mapping.person(&source) {
            Ok(mapped) => Some(mapped),
            Err(error) => {
                self.failures
                    .push(unmapped(entry.stable_id.as_str(), &entry.dn, &error));
                None
            }
        };
        let standing = match mapped {
            Some(_) => Standing::Read,
            None => Standing::Failing,
        };
        let (user_name, active, attributes) = mapped
            .map(|mapped| (mapped.user_name, mapped.active, mapped.attributes))
            .unwrap_or_default();
        // A locked account is still a person who works here; only "disabled" is a decision.
        let is_enabled = account_state(&entry) != AccountState::Disabled;
        let kept: BTreeMap<&String, &Vec<String>> = source
            .texts
            .iter()
            .filter(|(name, _)| self.wanted.contains(*name))
            .collect();
        let kept = if kept.is_empty() { Vec::new() } else { packed(&kept) };
        self.drafts.push(Draft {
            external_id: entry.stable_id.as_str().into(),
            user_name: user_name.into(),
            is_active: is_enabled && active != Some(false),
            attributes: packed(&Value::Object(attributes)).into(),
            kept: kept.into(),
            standing,
            names: std::iter::once(key_name(&entry.dn_key))
                .chain(entry.attributes.text("uid").map(uid_name))
                .collect(),
            primary_group: entry
                .attributes
                .text("primarygroupid")
                .and_then(|id| id.trim().parse().ok()),
        });
    }

    /// Somebody whom a group of a partial reading names, and who was not read.
    pub(super) fn know(&mut self, external_id: &str, names: Box<[u128]>) {
        self.drafts.push(Draft {
            external_id: external_id.into(),
            user_name: Box::default(),
            is_active: false,
            attributes: Box::default(),
            kept: Box::default(),
            standing: Standing::Named,
            names,
            primary_group: None,
        });
    }

    pub(super) fn finish(self) -> Collected {
        let mut drafts = self.drafts;
        drafts.sort_unstable_by(|one, other| one.external_id.cmp(&other.external_id));
        let numbered = || (0_u32..).zip(&drafts);
        let mut by_primary_group: HashMap<u32, Vec<u32>> = HashMap::new();
        for (index, draft) in numbered() {
            if let Some(group) = draft.primary_group {
                by_primary_group.entry(group).or_default().push(index);
            }
        }
        Collected {
            by_name: numbered()
                .flat_map(|(index, draft)| draft.names.iter().map(move |name| (*name, index)))
                .collect(),
            by_primary_group,
            failures: self.failures,
            drafts,
        }
    }
}

/// Evaluates the grant rules and hashes each person. Someone whose rules fail keeps the place, as one who could not be
/// mapped does; the failure says why.
pub(super) fn give(
    collected: Collected,
    names_of: &HashMap<u32, Vec<String>>,
    mapping: &Mapping,
    say: &Say,
    failures: &mut Vec<Failure>,
) -> (Vec<SnapshotPerson>, Vec<Grants>) {
    let mut grants: Vec<Grants> = vec![Grants::default()];
    let mut known: HashMap<Vec<u8>, u32> = HashMap::new();
    let mut people = Vec::with_capacity(collected.drafts.len());
    for (index, draft) in (0_u32..).zip(collected.drafts) {
        let groups = names_of.get(&index).map_or(&[][..], Vec::as_slice);
        let is_mapped = draft.standing == Standing::Read;
        let (place, standing) = match is_mapped.then(|| given(&draft, groups, mapping)) {
            None => (0, draft.standing),
            Some(Ok(one)) => {
                let key = packed(&(&one.licences, &one.roles, &one.teams));
                let next = grants.len() as u32;
                let place = *known.entry(key).or_insert_with(|| {
                    grants.push(one);
                    next
                });
                (place, Standing::Read)
            }
            Some(Err(error)) => {
                failures.push(unmapped(&draft.external_id, &draft.user_name, &error));
                (0, Standing::Failing)
            }
        };
        let given = &grants[place as usize];
        let mut hash = Sha256::new();
        let said = (
            &draft.user_name,
            draft.is_active,
            &given.licences,
            &given.roles,
            say.precedence,
        );
        hash.update(packed(&said));
        hash.update(&say.beside);
        if !given.teams.is_empty() {
            hash.update(packed(&given.teams));
        }
        hash.update(&draft.attributes);
        for name in &draft.names {
            hash.update(name.to_be_bytes());
        }
        people.push(SnapshotPerson {
            external_id: draft.external_id,
            user_name: draft.user_name,
            is_active: draft.is_active,
            standing,
            names: draft.names,
            attributes: draft.attributes,
            grants: place,
            hash: hash.finalize().into(),
        });
    }
    (people, grants)
}

fn given(draft: &Draft, groups: &[String], mapping: &Mapping) -> Result<Grants, MappingError> {
    if mapping.has_no_grant_rules() {
        return mapping.grants(&GrantContext {
            source: &BTreeMap::new(),
            user: &serde_json::Map::new(),
            groups,
        });
    }
    // Both were written by ourselves a moment ago, so they can be read.
    let source: BTreeMap<String, Vec<String>> = serde_json::from_slice(&draft.kept).unwrap_or_default();
    let mut user: serde_json::Map<String, Value> = serde_json::from_slice(&draft.attributes).unwrap_or_default();
    user.insert("userName".to_owned(), draft.user_name.as_ref().into());
    user.insert("active".to_owned(), draft.is_active.into());
    mapping.grants(&GrantContext {
        source: &source,
        user: &user,
        groups,
    })
}

fn unmapped(external_id: &str, name: &str, error: &MappingError) -> Failure {
    Failure {
        kind: Kind::User,
        external_id: Some(external_id.to_owned()),
        name: Some(name.to_owned()),
        reason: FailureReason::Unmapped {
            detail: error.to_string(),
        },
    }
}

/// Maps with text keys, lists and texts, which serde_json always writes.
pub(super) fn packed(value: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}
