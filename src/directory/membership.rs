//! Group edges: one key each way per member, so that a change of one member costs the same in any group.
//!
//! A change of members never reads or writes the group's record. It is noted beside it: `group_changes` counts the changes
//! (part of the group's version), `group_touched` keeps the time.

use std::collections::BTreeSet;

use serde_json::json;

use crate::model::clock::{Timestamp, rfc3339};
use crate::model::event::EventKind;
use crate::model::group::Group;
use crate::model::id::{GroupId, OrganisationId};
use crate::model::licence::{Seat, SeatClaim};
use crate::model::membership::{Member, Membership};
use crate::model::origin::{Origin, Origins};
use crate::model::record;
use crate::model::role_link::is_linked;
use crate::model::slug::Slug;
use crate::model::user::User;
use crate::store::{Key, SCAN_ENTRIES_MAX, Scan};

use super::keys::{self, Count};
use super::{Directory, DirectoryError, Unit};

/// What a change of members did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemberChanges {
    /// Members who came in.
    pub added: Vec<Member>,
    /// Members who left.
    pub removed: Vec<Member>,
    /// Members who were named but are not known.
    pub unknown: Vec<String>,
    /// Members who stay because another source holds them.
    pub kept: Vec<Member>,
}

impl MemberChanges {
    /// Whether anyone came or left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }
}

/// Which members leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leaving {
    /// These.
    These(Vec<Member>),
    /// All but these.
    AllBut(Vec<Member>),
}

impl Unit {
    /// Adds members for one reason. A member who is there already gains the reason. Unknown ones are reported, not added.
    ///
    /// # Errors
    /// [`DirectoryError::InvalidValue`] for a group inside itself; seats, as [`Unit::update_user`].
    pub async fn add_members(
        &mut self,
        group: &Group,
        members: &[Member],
        origin: &Origin,
        changes: &mut MemberChanges,
    ) -> Result<(), DirectoryError> {
        self.may_touch_group(group).await?;
        let organisation = self.organisation();
        let wanted = members.iter().flat_map(|member| {
            [
                member_record(organisation, *member),
                keys::group_member(organisation, group.id, *member),
                keys::member_changes(organisation, *member),
            ]
        });
        self.fetch(wanted.collect::<Vec<_>>()).await?;
        for member in members {
            if *member == Member::Group(group.id) {
                return Err(DirectoryError::invalid(
                    "members",
                    "a group cannot be a member of itself",
                ));
            }
            if !self.is_known(*member).await? {
                changes.unknown.push(member_text(*member));
                continue;
            }
            let key = keys::group_member(organisation, group.id, *member);
            let existing = self.find::<Membership>(&key).await?;
            if existing.as_ref().is_some_and(|edge| edge.origins.contains(origin)) {
                continue;
            }
            let is_new = existing.is_none();
            let mut edge = existing.unwrap_or_else(|| Membership::new(origin.clone(), self.now()));
            edge.origins.insert(origin.clone());
            self.put(key, &edge);
            self.put(keys::member_group(organisation, *member, group.id), &edge);
            if is_new {
                self.count(keys::count(organisation, &Count::Members(group.id)), 1, None);
                self.count(keys::member_changes(organisation, *member), 1, None);
                self.grant(group, *member).await?;
                changes.added.push(*member);
            }
        }
        Ok(())
    }

    /// Takes one reason from members. Who has no reason left, leaves; with `owns` every reason goes.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn remove_members(
        &mut self,
        group: &Group,
        leaving: &Leaving,
        origin: &Origin,
        owns: bool,
        changes: &mut MemberChanges,
    ) -> Result<(), DirectoryError> {
        self.may_touch_group(group).await?;
        let organisation = self.organisation();
        let members = match leaving {
            Leaving::These(members) => members.clone(),
            Leaving::AllBut(stay) => {
                let stay: BTreeSet<Member> = stay.iter().copied().collect();
                let mut all = self.present_members(group.id).await?;
                all.retain(|member| !stay.contains(member));
                all
            }
        };
        self.fetch(
            members
                .iter()
                .map(|member| keys::group_member(organisation, group.id, *member))
                .collect::<Vec<_>>(),
        )
        .await?;
        for member in members {
            let key = keys::group_member(organisation, group.id, member);
            let Some(mut edge) = self.find::<Membership>(&key).await? else {
                continue;
            };
            let was = edge.clone();
            edge.withdraw(origin);
            if owns {
                // Whom a role puts there stays, whoever owns the other members.
                edge.origins.retain(is_linked);
            }
            if was.origins.contains(&Origin::Home) && !edge.origins.contains(&Origin::Home) {
                self.forget_home(group.id, member).await?;
            }
            if edge.origins.is_empty() {
                self.remove_edge(group.id, member);
                self.count(keys::member_changes(organisation, member), 1, None);
                self.withdraw(group, member).await?;
                changes.removed.push(member);
            } else {
                if edge != was {
                    self.put(key.clone(), &edge);
                    self.put(keys::member_group(organisation, member, group.id), &edge);
                    self.settle_circle(group, member, &edge).await?;
                }
                if self.bytes(&key).await?.is_some() {
                    changes.kept.push(member);
                } else {
                    changes.removed.push(member);
                }
            }
        }
        Ok(())
    }

    /// Notes that a group's members changed, with one event for each direction. Nothing when none did.
    pub fn note_member_changes(&mut self, group: GroupId, changes: &MemberChanges) {
        if changes.is_empty() {
            return;
        }
        self.touch_group(group);
        let texts = |members: &[Member]| members.iter().copied().map(member_text).collect::<Vec<_>>();
        for (kind, members) in [
            (EventKind::MembershipAdded, &changes.added),
            (EventKind::MembershipRemoved, &changes.removed),
        ] {
            // One event stays far below the bound of a stored value.
            for part in members.chunks(1000) {
                self.event(kind, group, json!({ "members": texts(part) }));
            }
        }
    }

    /// Notes beside a group's record that its edges changed: part of its version.
    pub(super) fn touch_group(&mut self, group: GroupId) {
        let organisation = self.organisation();
        self.put_bytes(keys::group_touched(organisation, group), rfc3339(self.now()));
        self.count(keys::group_changes(organisation, group), 1, None);
    }

    /// Every member of a group with the edge. For a whole replacement only: the cost is the group's size.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn list_members(&self, group: GroupId) -> Result<Vec<(Member, Membership)>, DirectoryError> {
        let mut members = Vec::new();
        let mut scan = Scan::prefix(&keys::group_members(self.organisation(), group), SCAN_ENTRIES_MAX);
        loop {
            let entries = self.scan(scan.clone()).await?;
            let Some((last, _)) = entries.last() else {
                return Ok(members);
            };
            scan = scan.after(last.clone());
            for (key, edge) in &entries {
                if let Some(member) = keys::member_of(key) {
                    members.push((member, record::decode(&edge.value)?));
                }
            }
        }
    }

    /// The members as this unit leaves them so far: the stored ones with its own changes laid over.
    async fn present_members(&mut self, group: GroupId) -> Result<Vec<Member>, DirectoryError> {
        let organisation = self.organisation();
        // Whoever changes the members at the same time conflicts: a replacement means these members and no others.
        self.bytes(&keys::group_changes(organisation, group)).await?;
        let mut members: BTreeSet<Member> = self
            .list_members(group)
            .await?
            .into_iter()
            .map(|(member, _)| member)
            .collect();
        for (key, is_there) in self.changed_under(&keys::group_members(organisation, group)) {
            match keys::member_of(key) {
                Some(member) if is_there => members.insert(member),
                Some(member) => members.remove(&member),
                None => false,
            };
        }
        Ok(members.into_iter().collect())
    }

    /// Deletes both keys of an edge and counts it out.
    pub(super) fn remove_edge(&mut self, group: GroupId, member: Member) {
        let organisation = self.organisation();
        self.delete(keys::group_member(organisation, group, member));
        self.delete(keys::member_group(organisation, member, group));
        self.count(keys::count(organisation, &Count::Members(group)), -1, None);
        self.touch_group(group);
    }

    /// Whether a member exists; the commit relies on that it still does.
    pub(super) async fn is_known(&mut self, member: Member) -> Result<bool, DirectoryError> {
        let organisation = self.organisation();
        Ok(match member {
            Member::User(id) => self
                .find_present::<User>(&keys::user(organisation, id))
                .await?
                .is_some(),
            Member::Group(id) => self
                .find_present::<Group>(&keys::group(organisation, id))
                .await?
                .is_some(),
        })
    }

    /// Gives a new member what the group gives.
    async fn grant(&mut self, group: &Group, member: Member) -> Result<(), DirectoryError> {
        let Member::User(id) = member else { return Ok(()) };
        if !self.gives(group).await? {
            return Ok(());
        }
        let before = self.load_user(id).await?;
        let mut after = before.clone();
        let origin = Origin::Group(group.id);
        for role in &group.grants_roles {
            if self.find_role(role).await?.is_none() {
                continue;
            }
            after.roles.entry(role.clone()).or_default().insert(origin.clone());
        }
        for licence in &group.grants_licences {
            claim_licence(&mut after, licence, origin.clone());
        }
        self.update_user(&before, after).await.map(|_| ())
    }

    /// What is left of the reasons for an edge may be a role that the group itself gives: then it holds nobody any more.
    async fn settle_circle(&mut self, group: &Group, member: Member, edge: &Membership) -> Result<(), DirectoryError> {
        match member {
            Member::User(id) if edge.origins.iter().any(is_linked) && self.gives(group).await? => {
                self.resettle_user(id).await.map(|_| ())
            }
            Member::User(_) | Member::Group(_) => Ok(()),
        }
    }

    /// Takes back what the group gave.
    async fn withdraw(&mut self, group: &Group, member: Member) -> Result<(), DirectoryError> {
        let Member::User(id) = member else { return Ok(()) };
        if !self.gives(group).await? {
            return Ok(());
        }
        let Some(before) = self.find_user(id).await? else {
            return Ok(());
        };
        let mut after = before.clone();
        withdraw_origin(&mut after, &Origin::Group(group.id));
        self.update_user(&before, after).await.map(|_| ())
    }
}

impl Directory {
    /// Every member of a group, in key order: users first, each by id. The cost is the group's size.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn list_members(
        &self,
        organisation: OrganisationId,
        group: GroupId,
    ) -> Result<Vec<Member>, DirectoryError> {
        let mut members = Vec::new();
        let mut scan = Scan::prefix(&keys::group_members(organisation, group), SCAN_ENTRIES_MAX);
        loop {
            let entries = self.store.scan(scan.clone()).await?;
            members.extend(entries.iter().filter_map(|(key, _)| keys::member_of(key)));
            match entries.last() {
                Some((last, _)) if entries.len() == SCAN_ENTRIES_MAX => scan = scan.after(last.clone()),
                _ => return Ok(members),
            }
        }
    }
}

/// Adds a reason to a user's licence claim.
pub fn claim_licence(user: &mut User, licence: &Slug, origin: Origin) {
    let unclaimed = || SeatClaim {
        origins: Origins::new(),
        seat: Seat::Unneeded,
        cost_centre: None,
    };
    user.licences
        .entry(licence.clone())
        .or_insert_with(unclaimed)
        .origins
        .insert(origin);
}

/// Takes one reason from every role and licence of a user.
pub fn withdraw_origin(user: &mut User, origin: &Origin) {
    user.roles.retain(|_, origins| {
        origins.remove(origin);
        !origins.is_empty()
    });
    // A claim without a reason is dropped by the seat ledger, which gives the seat back.
    for claim in user.licences.values_mut() {
        claim.origins.remove(origin);
    }
}

/// The key of a member's own record.
#[must_use]
pub fn member_record(organisation: OrganisationId, member: Member) -> Key {
    match member {
        Member::User(id) => keys::user(organisation, id),
        Member::Group(id) => keys::group(organisation, id),
    }
}

/// A member's identifier as text.
#[must_use]
pub fn member_text(member: Member) -> String {
    member_uuid(member).to_string()
}

/// A member's identifier.
#[must_use]
pub fn member_uuid(member: Member) -> uuid::Uuid {
    match member {
        Member::User(id) => id.uuid(),
        Member::Group(id) => id.uuid(),
    }
}

/// When a group last changed, its members included, and the number of its version.
#[must_use]
pub fn group_version(group: &Group, touched: Option<&[u8]>, changes: i64) -> (Timestamp, u64) {
    let touched = touched
        .and_then(|text| std::str::from_utf8(text).ok())
        .and_then(|text| chrono::DateTime::parse_from_rfc3339(text).ok())
        .map(|instant| instant.to_utc());
    let last_modified = touched.map_or(group.last_modified, |touched| touched.max(group.last_modified));
    (last_modified, group.revision + changes.unsigned_abs())
}
