//! Who is in the model's groups, as far as a connection is concerned.

use std::collections::{BTreeSet, HashSet};

use crate::directory::{DirectoryError, keys};
use crate::model::id::{GroupId, UserId};
use crate::model::membership::{Member, Membership};
use crate::model::origin::Origin;
use crate::model::record;
use crate::provision::snapshot::{Extent, SnapshotPerson};

use super::linked::Links;
use super::{CHUNK, Planner};

/// Who is in a group.
#[derive(Default)]
pub(super) struct Present {
    /// Those whom the connection holds in it.
    pub(super) members: BTreeSet<Member>,
    /// Those of them whom another reason keeps.
    pub(super) stay: BTreeSet<Member>,
    /// Whether somebody else holds a member in it, one of these or another.
    pub(super) has_others: bool,
}

impl Planner<'_> {
    /// The members whom this connection holds in a group; all of them when it owns memberships.
    pub(super) async fn present(&self, group: GroupId) -> Result<Present, DirectoryError> {
        let mut present = Present::default();
        let members = keys::group_members(self.permit.organisation(), group);
        let each = self.directory.for_each_under(&members, |key, stored| {
            let edge: Membership = record::decode(&stored.value)?;
            self.note_present(&mut present, keys::member_of(key), &edge);
            Ok(())
        });
        each.await?;
        Ok(present)
    }

    /// The same, of these alone and of the groups directly inside.
    pub(super) async fn present_of(
        &self,
        group: GroupId,
        members: &BTreeSet<Member>,
    ) -> Result<Present, DirectoryError> {
        let mut present = Present::default();
        let members: Vec<Member> = members.iter().copied().collect();
        for part in members.chunks(CHUNK) {
            let key = |member: &Member| keys::group_member(self.permit.organisation(), group, *member);
            let found = self.directory.store().get_many(part.iter().map(key).collect()).await?;
            for (member, found) in part.iter().zip(found) {
                let Some(found) = found else { continue };
                self.note_present(&mut present, Some(*member), &record::decode(&found.value)?);
            }
        }
        let inside = keys::groups_inside(self.permit.organisation(), group);
        let each = self.directory.for_each_under(&inside, |key, stored| {
            self.note_present(&mut present, keys::member_of(key), &record::decode(&stored.value)?);
            Ok(())
        });
        each.await?;
        Ok(present)
    }

    fn note_present(&self, present: &mut Present, member: Option<Member>, edge: &Membership) {
        let connection = self.context.connection;
        let origin = Origin::Connection(connection.name.clone());
        let is_ours = connection.owns_memberships || edge.origins.contains(&origin);
        let is_shared = !connection.owns_memberships && edge.origins.iter().any(|other| *other != origin);
        present.members.extend(member.filter(|_| is_ours));
        present.stay.extend(member.filter(|_| is_ours && is_shared));
        present.has_others |= is_shared;
    }

    /// Of a partial reading: people who were read, and people who are gone.
    pub(super) fn concerned(&self, people: &Links) -> BTreeSet<Member> {
        if *self.snapshot.extent() == Extent::Whole {
            return BTreeSet::new();
        }
        let read = self.snapshot.people().iter().zip(&people.entries);
        let read = read.filter_map(|(person, link)| link.filter(|_| !person.is_only_named()));
        let ids = read
            .map(|link| link.id)
            .chain(people.missing.iter().map(|link| link.id));
        ids.map(|id| Member::User(UserId::new(id))).collect()
    }

    pub(super) fn failing(&self, people: &Links, groups: &Links) -> HashSet<Member> {
        let people = self.snapshot.people().iter().zip(&people.entries);
        let is_failing = |person: &SnapshotPerson| !person.is_usable() && !person.is_only_named();
        let people = people.filter_map(|(person, link)| link.filter(|_| is_failing(person)));
        let groups = self.snapshot.groups().iter().zip(&groups.entries);
        let groups = groups.filter_map(|(group, link)| link.filter(|_| !group.is_usable()));
        people
            .map(|link| Member::User(UserId::new(link.id)))
            .chain(groups.map(|link| Member::Group(GroupId::new(link.id))))
            .collect()
    }
}
