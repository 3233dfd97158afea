//! What the deletion of a role means, told before it happens (S003-51): who holds it, what becomes of its linked groups, and what
//! they and their members lose.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::model::group::Group;
use crate::model::id::{GroupId, OrganisationId, UserId};
use crate::model::membership::{Member, Membership};
use crate::model::origin::Origin;
use crate::model::record;
use crate::model::role::Role;
use crate::model::slug::Slug;
use crate::store::{Key, SCAN_ENTRIES_MAX, Scan};

use super::error::Denial;
use super::keys::{self, Count, Index, Table};
use super::role_deletion::LinkedGroups;
use super::{Directory, DirectoryError, Principal, Unit};

/// What the deletion of a role means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Impact {
    /// The role.
    pub role: Slug,
    /// What becomes of its linked groups.
    pub linked_groups: LinkedGroups,
    /// How many people hold it in the whole organisation.
    pub users: u64,
    /// The first of them, at most 50.
    pub first_users: Vec<NamedUser>,
    /// How many memberships end: those for which the role is the only reason, and every one of a group that is deleted.
    pub memberships: u64,
    /// The linked groups, each with what becomes of it.
    pub groups: Vec<LinkedGroup>,
    /// The groups that give the role to their members, and will not any more.
    pub given_by: Vec<NamedGroup>,
    /// Stands for all of this: the deletion asks for it, so that nobody deletes more than what they saw.
    pub confirm: String,
}

/// A user by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NamedUser {
    /// Who.
    pub id: UserId,
    /// The login name.
    pub user_name: String,
}

/// A group by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NamedGroup {
    /// Which.
    pub id: GroupId,
    /// Its name.
    pub display_name: String,
}

/// A linked group of a role that is deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LinkedGroup {
    /// Which.
    pub id: GroupId,
    /// Its name.
    pub display_name: String,
    /// What becomes of it.
    pub becomes: Becomes,
    /// Why it stays, when it was to be disabled or deleted and cannot be: then it is left as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How many members it has, for whatever reason.
    pub members: u64,
    /// What it gives to its members: with it, that sleeps or goes.
    pub gives: Gifts,
    /// How many resources are assigned to it.
    pub resources: u64,
}

/// Roles and licences that a group gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Gifts {
    /// Roles.
    pub roles: BTreeSet<Slug>,
    /// Licences.
    pub licences: BTreeSet<Slug>,
}

/// What becomes of a linked group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Becomes {
    /// It stays as it is, without those who are in it because of the role alone.
    Stays,
    /// It is disabled.
    Disabled,
    /// It is deleted.
    Deleted,
}

impl LinkedGroup {
    /// Whether something is done to it.
    #[must_use]
    pub fn goes(&self) -> bool {
        self.becomes != Becomes::Stays
    }
}

impl Impact {
    /// How many groups are disabled or deleted.
    #[must_use]
    pub fn going(&self) -> usize {
        self.groups.iter().filter(|group| group.goes()).count()
    }
}

/// Users that an impact names.
const NAMED: usize = 50;

/// Holders looked at in one read.
const HOLDERS: usize = 1000;

impl Directory {
    /// What the deletion of a role would mean at present.
    ///
    /// # Errors
    /// [`DirectoryError::NotFound`]; as the store's read.
    pub async fn role_impact(
        &self,
        organisation: OrganisationId,
        role: &Slug,
        linked_groups: LinkedGroups,
    ) -> Result<Impact, DirectoryError> {
        let stored = self.store.get(keys::named(organisation, Table::Role, role)).await?;
        let stored = stored.ok_or_else(|| DirectoryError::not_found("role", role))?;
        let known: Role = record::decode(&stored.value)?;
        let mut hash = Sha256::new();
        hash.update(&stored.value);
        hash.update(json!(linked_groups).to_string());
        let groups = self.linked_groups(organisation, &known, linked_groups).await?;
        for group in &groups {
            // How many are in a group that stays is nothing that is confirmed.
            let seen = if group.goes() {
                json!(group)
            } else {
                json!([group.id, group.reason])
            };
            hash.update(seen.to_string());
        }
        let left: BTreeSet<GroupId> = remaining(&groups).collect();
        let lost = groups.iter().filter(|group| group.becomes == Becomes::Deleted);
        let mut memberships = lost.map(|group| group.members).sum();
        let mut users = 0;
        let mut first = Vec::new();
        let mut scan = Scan::prefix(
            &keys::index_entries(organisation, Index::RoleHolder, role.as_str()),
            HOLDERS,
        );
        loop {
            let found = self.store.scan(scan.clone()).await?;
            let holders: Vec<UserId> = found
                .iter()
                .filter_map(|(key, _)| keys::last_uuid(key))
                .map(UserId::new)
                .collect();
            let Some((last, _)) = found.last() else { break };
            scan = scan.after(last.clone());
            for user in &holders {
                hash.update(user.uuid().as_bytes());
                users += 1;
            }
            first.extend(holders.iter().take(NAMED.saturating_sub(first.len())).copied());
            memberships += self.ending(organisation, (role, &left), &holders).await?;
        }
        let given_by = self.givers(organisation, role).await?;
        for group in &given_by {
            hash.update(group.id.uuid().as_bytes());
        }
        let mut names: BTreeMap<UserId, String> = self.user_names(organisation, &first).await?;
        let named = |id: UserId| {
            Some(NamedUser {
                id,
                user_name: names.remove(&id)?,
            })
        };
        let digest = hash.finalize();
        Ok(Impact {
            role: role.clone(),
            linked_groups,
            users,
            first_users: first.into_iter().filter_map(named).collect(),
            memberships,
            groups,
            given_by,
            confirm: digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect(),
        })
    }

    /// The groups that give a role to their members.
    async fn givers(&self, organisation: OrganisationId, role: &Slug) -> Result<Vec<NamedGroup>, DirectoryError> {
        let mut givers = Vec::new();
        self.for_each_under(&keys::table(organisation, Table::Group), |_, stored| {
            let group: Group = record::decode(&stored.value)?;
            if group.grants_roles.contains(role) {
                givers.push(NamedGroup {
                    id: group.id,
                    display_name: group.display_name,
                });
            }
            Ok(())
        })
        .await?;
        Ok(givers)
    }

    /// The linked groups of a role, those that lie below others first, and what becomes of each. It is played in a unit that is
    /// never committed: the link of the role itself keeps no group, and a group below that goes as well does not either.
    async fn linked_groups(
        &self,
        organisation: OrganisationId,
        role: &Role,
        policy: LinkedGroups,
    ) -> Result<Vec<LinkedGroup>, DirectoryError> {
        let permit = Principal::system().administer(organisation)?;
        let mut unit = Unit::new(self, &permit);
        unit.count_links(&role.linked_groups, &BTreeSet::new());
        let mut groups = Vec::new();
        for id in &role.linked_groups {
            groups.extend(unit.find_group(*id).await?);
        }
        groups.sort_by_key(|group| (std::cmp::Reverse(group.level()), group.id));
        let mut linked = Vec::with_capacity(groups.len());
        for group in groups {
            let (becomes, reason) = fate(&mut unit, &group, policy).await?;
            if becomes == Becomes::Deleted {
                unit.delete(keys::group_child(organisation, group.parent, group.id));
            }
            let members = unit
                .counter(&keys::count(organisation, &Count::Members(group.id)))
                .await?;
            let assigned = keys::subject_assignments(organisation, Member::Group(group.id));
            let assigned = self.store.scan(Scan::prefix(&assigned, SCAN_ENTRIES_MAX)).await?;
            linked.push(LinkedGroup {
                id: group.id,
                becomes,
                reason,
                members: members.unsigned_abs(),
                resources: assigned.len() as u64,
                gives: Gifts {
                    roles: group.grants_roles,
                    licences: group.grants_licences,
                },
                display_name: group.display_name,
            });
        }
        Ok(linked)
    }

    /// How many edges of these users to these groups have no reason but the role.
    async fn ending(
        &self,
        organisation: OrganisationId,
        (role, groups): (&Slug, &BTreeSet<GroupId>),
        users: &[UserId],
    ) -> Result<u64, DirectoryError> {
        let edges = users.iter().flat_map(|user| {
            let member = Member::User(*user);
            groups
                .iter()
                .map(move |group| keys::group_member(organisation, *group, member))
        });
        let edges: Vec<Key> = edges.collect();
        let own = BTreeSet::from([Origin::Role(role.clone())]);
        let mut ending = 0;
        for part in edges.chunks(1000) {
            for stored in self.store.get_many(part.to_vec()).await?.into_iter().flatten() {
                ending += u64::from(record::decode::<Membership>(&stored.value)?.origins == own);
            }
        }
        Ok(ending)
    }
}

/// The groups that are there afterwards, disabled or not.
fn remaining(groups: &[LinkedGroup]) -> impl Iterator<Item = GroupId> {
    let stay = groups.iter().filter(|group| group.becomes != Becomes::Deleted);
    stay.map(|group| group.id)
}

/// What becomes of a group, and why it stays when it was not to.
async fn fate(
    unit: &mut Unit,
    group: &Group,
    policy: LinkedGroups,
) -> Result<(Becomes, Option<String>), DirectoryError> {
    match policy {
        LinkedGroups::DropMemberships => Ok((Becomes::Stays, None)),
        LinkedGroups::DisableGroups if group.is_billing_root => {
            Ok((Becomes::Stays, Some(Denial::BillingRoot.to_string())))
        }
        LinkedGroups::DisableGroups => Ok((Becomes::Disabled, None)),
        LinkedGroups::DeleteGroups => match unit.may_delete_group(group).await {
            Ok(()) => Ok((Becomes::Deleted, None)),
            Err(DirectoryError::Denied(denial)) => Ok((Becomes::Stays, Some(denial.to_string()))),
            Err(error @ DirectoryError::InvalidValue { .. }) => Ok((Becomes::Stays, Some(error.to_string()))),
            Err(error) => Err(error),
        },
    }
}
