//! What a group gives to its members: roles and licences (S003-35, S003-45), and the walk that brings it to the members who are
//! there already.
//!
//! Who joins or leaves is given or loses it in the same commit. A change of what the group gives reaches everyone else in
//! parts: the commit of the change leaves a mark that names how far the walk has come, so that it goes on after a crash.

use std::collections::BTreeSet;

use serde_json::json;

use crate::model::effective::Target;
use crate::model::event::EventKind;
use crate::model::group::Group;
use crate::model::id::{GroupId, OrganisationId, UserId};
use crate::model::membership::Member;
use crate::model::origin::Origin;
use crate::model::role::Scope;
use crate::model::slug::Slug;
use crate::model::user::User;
use crate::store::{SCAN_ENTRIES_MAX, Scan};

use super::group_members::check_role;
use super::keys::{self, Table};
use super::membership::claim_licence;
use super::{Directory, DirectoryError, Operation, Permit, Principal, Unit};

/// Changes what a group gives. Its members get it by [`Directory::walk_group_gives`].
#[derive(Debug, Clone, Default)]
pub struct ChangeGives {
    /// Roles that it gives from now on.
    pub add_roles: BTreeSet<Slug>,
    /// Roles that it gives no more.
    pub remove_roles: BTreeSet<Slug>,
    /// Licences that it gives from now on.
    pub add_licences: BTreeSet<Slug>,
    /// Licences that it gives no more.
    pub remove_licences: BTreeSet<Slug>,
}

struct Change<'a>(GroupId, &'a ChangeGives);

#[async_trait::async_trait]
impl Operation for Change<'_> {
    type Outcome = Group;

    async fn attempt(&self, unit: &mut Unit) -> Result<Group, DirectoryError> {
        let Self(id, change) = self;
        let organisation = unit.organisation();
        let before = unit.load_group(*id).await?;
        // Whoever has the group give something gives it to its members, and nobody gives what they do not have (S001-25).
        for role in change.add_roles.iter().chain(&change.remove_roles) {
            if let Some(role) = unit.find_role(role).await? {
                unit.may_pass_on(&role, None).await?;
            }
        }
        if !(change.add_licences.is_empty() && change.remove_licences.is_empty()) {
            unit.demand("licence.assign", &Target::organisation())?;
        }
        for role in &change.add_roles {
            check_role(unit, role, Scope::Global).await?;
            if unit
                .find_role(role)
                .await?
                .is_some_and(|role| role.max_holders.is_some())
            {
                let reason = format!(
                    "role {:?} has a number of holders that a group cannot keep to: give it to users",
                    role.as_str()
                );
                return Err(DirectoryError::invalid("role", reason));
            }
        }
        for licence in &change.add_licences {
            let key = keys::named(organisation, Table::Licence, licence);
            if unit.bytes(&key).await?.is_none() {
                let reason = format!("licence {:?} does not exist", licence.as_str());
                return Err(DirectoryError::invalid("licence", reason));
            }
        }
        let mut after = before.clone();
        after.grants_roles.extend(change.add_roles.iter().cloned());
        after.grants_roles.retain(|role| !change.remove_roles.contains(role));
        after.grants_licences.extend(change.add_licences.iter().cloned());
        after
            .grants_licences
            .retain(|licence| !change.remove_licences.contains(licence));
        // The walk is begun anew also when nothing changed: whoever found no free seat last time is looked at again.
        unit.put_bytes(keys::group_gives(organisation, *id), FROM_THE_START);
        if after != before {
            let data = json!({ "roles": after.grants_roles, "licences": after.grants_licences });
            unit.event(EventKind::GroupGivesChanged, *id, data);
        }
        unit.update_group(&before, after).await
    }
}

/// What a walk did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Given {
    /// Members whose roles or licences changed.
    pub changed: usize,
    /// Members for whom a licence had no free seat: they have the roles, and not the licence. Ask again when there are seats.
    pub refused: Vec<UserId>,
}

/// Where a walk stands before its first part.
const FROM_THE_START: &str = "";

/// Members looked at in one commit.
const MEMBERS_AT_ONCE: usize = 50;

/// Brings the next members of a group to what it gives.
struct GivePart {
    group: GroupId,
    most: usize,
    seats: Seats,
}

/// What happens to a licence that has no free seat.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seats {
    /// The part is refused.
    Needed,
    /// The licences that the member does not have yet are left out.
    LeftOut,
}

struct Part {
    users: Vec<UserId>,
    changed: usize,
    is_last: bool,
}

#[async_trait::async_trait]
impl Operation for GivePart {
    type Outcome = Part;

    async fn attempt(&self, unit: &mut Unit) -> Result<Part, DirectoryError> {
        let organisation = unit.organisation();
        let mark = keys::group_gives(organisation, self.group);
        let mut part = Part {
            users: Vec::new(),
            changed: 0,
            is_last: true,
        };
        let Some(stands_at) = unit.bytes(&mark).await? else {
            return Ok(part);
        };
        let Some(group) = unit.find_group(self.group).await? else {
            unit.delete(mark);
            return Ok(part);
        };
        let mut scan = Scan::prefix(&keys::group_members(organisation, group.id), self.most);
        if let Some(after) = read_member(&stands_at) {
            scan = scan.after(keys::group_member(organisation, group.id, after));
        }
        let entries = unit.scan(scan).await?;
        for (key, _) in &entries {
            // Whoever leaves at the same time conflicts here.
            let is_member = unit.bytes(key).await?.is_some();
            let Some(Member::User(id)) = keys::member_of(key).filter(|_| is_member) else {
                continue;
            };
            let Some(before) = unit.find_user(id).await? else {
                continue;
            };
            part.users.push(id);
            let after = self.given(&group, &before);
            if after != before {
                unit.update_user(&before, after).await?;
                part.changed += 1;
            }
        }
        match entries.last().and_then(|(key, _)| keys::member_of(key)) {
            Some(last) if entries.len() == self.most => {
                unit.put_bytes(mark, write_member(last));
                part.is_last = false;
            }
            _ => unit.delete(mark),
        }
        Ok(part)
    }
}

impl GivePart {
    fn given(&self, group: &Group, before: &User) -> User {
        let mut after = bring(group, before);
        if self.seats == Seats::LeftOut {
            after
                .licences
                .retain(|licence, _| before.licences.contains_key(licence));
        }
        after
    }
}

/// A member with exactly what the group gives, for that reason; other reasons stay.
#[must_use]
pub fn bring(group: &Group, before: &User) -> User {
    let mut after = before.clone();
    let origin = Origin::Group(group.id);
    after.roles.retain(|role, origins| {
        if !group.grants_roles.contains(role) {
            origins.remove(&origin);
        }
        !origins.is_empty()
    });
    for role in &group.grants_roles {
        after.roles.entry(role.clone()).or_default().insert(origin.clone());
    }
    for (licence, claim) in &mut after.licences {
        // A claim without a reason is dropped by the seat ledger, which gives the seat back.
        if !group.grants_licences.contains(licence) {
            claim.origins.remove(&origin);
        }
    }
    for licence in &group.grants_licences {
        claim_licence(&mut after, licence, origin.clone());
    }
    after
}

fn write_member(member: Member) -> String {
    match member {
        Member::User(id) => format!("u{id}"),
        Member::Group(id) => format!("g{id}"),
    }
}

/// The member at whom a walk stands; `None` at the start.
fn read_member(stored: &[u8]) -> Option<Member> {
    let text = std::str::from_utf8(stored).ok()?;
    match text.split_at_checked(1)? {
        ("u", id) => id.parse().ok().map(Member::User),
        ("g", id) => id.parse().ok().map(Member::Group),
        _ => None,
    }
}

impl Directory {
    /// Changes what a group gives, and brings its members to it.
    ///
    /// # Errors
    /// [`DirectoryError::InvalidValue`] for a role or licence that does not exist, or a role that counts inside one group; as
    /// the store's commit.
    pub async fn change_group_gives(
        &self,
        permit: &Permit,
        group: GroupId,
        change: &ChangeGives,
    ) -> Result<(Group, Given), DirectoryError> {
        let changed = self.run(permit, &Change(group, change)).await?;
        let given = self.walk_group_gives(permit, group).await?;
        Ok((changed, given))
    }

    /// Brings a group's members to what it gives, from where an earlier walk stands, some in each commit. Nothing happens
    /// without a mark.
    ///
    /// # Errors
    /// As the store's commit.
    pub async fn walk_group_gives(&self, permit: &Permit, group: GroupId) -> Result<Given, DirectoryError> {
        let mut given = Given::default();
        let mut part = GivePart {
            group,
            most: MEMBERS_AT_ONCE,
            seats: Seats::Needed,
        };
        loop {
            match self.run(permit, &part).await {
                Ok(done) => {
                    given.changed += done.changed;
                    if part.seats == Seats::LeftOut {
                        given.refused.extend(done.users);
                        part.seats = Seats::Needed;
                    }
                    if done.is_last {
                        return Ok(given);
                    }
                }
                // One by one from here, to find those who find no seat.
                Err(DirectoryError::SeatsExhausted { .. }) if part.most > 1 => part.most = 1,
                Err(DirectoryError::SeatsExhausted { .. }) => part.seats = Seats::LeftOut,
                Err(error) => return Err(error),
            }
        }
    }

    /// Goes on with the walks that an earlier process left half done.
    ///
    /// # Errors
    /// As the store's read and commit.
    pub async fn resume_group_gives(&self, organisation: OrganisationId) -> Result<(), DirectoryError> {
        let permit = Principal::system().administer(organisation)?;
        let marks = Scan::prefix(&keys::groups_giving(organisation), SCAN_ENTRIES_MAX);
        for (key, _) in self.store.scan(marks).await? {
            if let Some(id) = keys::last_uuid(&key) {
                self.walk_group_gives(&permit, GroupId::new(id)).await?;
            }
        }
        Ok(())
    }
}
