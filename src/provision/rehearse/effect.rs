//! What a plan changes of those it has no step for: seats that pass on, what groups give, teams by rule, members who were deleted.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::directory::keys::{self, Table};
use crate::directory::{Directory, DirectoryError};
use crate::model::group::Group;
use crate::model::id::{GroupId, UserId};
use crate::model::membership::Member;
use crate::model::user::User;
use crate::provision::difference::{Change, Difference, What};
use crate::provision::failure::Kind;
use crate::store::{Key, Rehearsal};

use super::{CHUNK, Player, Sink, Telling, teams_of};

/// The word of what has no step of its own.
const EFFECT: &str = "effect";

impl Player<'_> {
    /// Who came into a group and who left it, by name.
    pub(super) async fn members(
        &self,
        group: GroupId,
        layers: [&Rehearsal; 2],
        telling: &Telling<'_>,
    ) -> Result<Vec<Change>, DirectoryError> {
        let edges = keys::group_members(self.permit.organisation(), group);
        let mut touched: BTreeSet<Key> = BTreeSet::new();
        for layer in layers {
            touched.extend(layer.changed_under(&edges, None, usize::MAX)?);
        }
        let touched: Vec<Key> = touched.into_iter().collect();
        let mut changes = Vec::new();
        for part in touched.chunks(CHUNK) {
            let before = telling.before.store().get_many(part.to_vec()).await?;
            let after = telling.after.store().get_many(part.to_vec()).await?;
            let stood = part.iter().zip(before.iter().zip(&after));
            let moved: Vec<(Member, bool)> = stood
                .filter(|(_, (before, after))| before.is_some() != after.is_some())
                .filter_map(|(key, (_, after))| Some((keys::member_of(key)?, after.is_some())))
                .collect();
            let names = self.member_names(&moved, telling).await?;
            changes.extend(moved.iter().map(|(member, is_there)| {
                let (what, id) = match member {
                    Member::User(id) => (What::Member, id.to_string()),
                    Member::Group(id) => (What::MemberGroup, id.to_string()),
                };
                Change::comes(what, names.get(member).unwrap_or(&id), *is_there)
            }));
        }
        Ok(changes)
    }

    /// The names of members as they will be; of those who go, as they were.
    async fn member_names(
        &self,
        members: &[(Member, bool)],
        telling: &Telling<'_>,
    ) -> Result<BTreeMap<Member, String>, DirectoryError> {
        let (mut users, mut groups) = (Vec::new(), Vec::new());
        for (member, _) in members {
            match member {
                Member::User(id) => users.push(*id),
                Member::Group(id) => groups.push(*id),
            }
        }
        let mut names = BTreeMap::new();
        let before: Vec<Option<User>> = self.read(telling.before, &users, keys::user).await?;
        let after: Vec<Option<User>> = self.read(telling.after, &users, keys::user).await?;
        let users = before.into_iter().chain(after).flatten();
        names.extend(users.map(|user| (Member::User(user.id), user.user_name)));
        let before: Vec<Option<Group>> = self.read(telling.before, &groups, keys::group).await?;
        let after: Vec<Option<Group>> = self.read(telling.after, &groups, keys::group).await?;
        let groups = before.into_iter().chain(after).flatten();
        names.extend(groups.map(|group| (Member::Group(group.id), group.display_name)));
        Ok(names)
    }

    /// Everything that changed and has no step: people as they are before and after, or by the groups' steps alone where they have one
    /// of their own.
    pub(super) async fn effects(
        &self,
        people: &Directory,
        layers: [&Rehearsal; 2],
        telling: &mut Telling<'_>,
        sink: &mut dyn Sink,
    ) -> Result<(), DirectoryError> {
        let stepped: HashSet<UserId> = self.plan.people.iter().filter_map(|step| step.user).collect();
        let users = keys::table(self.permit.organisation(), Table::User);
        let base = telling.before;
        let mut told: HashSet<UserId> = HashSet::new();
        for is_first in [true, false] {
            let layer = layers[usize::from(!is_first)];
            let mut after = None;
            loop {
                let touched = layer.changed_under(&users, after.take(), CHUNK)?;
                let Some(last) = touched.last() else { break };
                after = Some(last.clone());
                let ids = touched.iter().filter_map(keys::last_uuid).map(UserId::new);
                let ids: Vec<UserId> = ids
                    .filter(|id| !(told.contains(id) || is_first && stepped.contains(id)))
                    .collect();
                // Of the first layer, those who were there before and have no step; of the second, what groups did to anybody.
                let start = if is_first { base } else { people };
                let found = self.user_effects(&ids, start, telling).await?;
                told.extend(found.iter().filter_map(|difference| difference.id).map(UserId::new));
                sink.take(found.into_iter().flat_map(Difference::in_parts).collect())
                    .await?;
            }
        }
        for group in self.groups_without_step(layers, telling).await? {
            let before = self.read::<Group, _>(telling.before, &[group], keys::group).await?;
            let after = self.read::<Group, _>(telling.after, &[group], keys::group).await?;
            let (before, after) = (before.into_iter().next().flatten(), after.into_iter().next().flatten());
            let Some(named) = after.as_ref().or(before.as_ref()) else {
                continue;
            };
            let mut changes = self.names(telling).of_group(before.as_ref(), after.as_ref());
            changes.extend(self.members(group, layers, telling).await?);
            if changes.is_empty() {
                continue;
            }
            let difference = Difference {
                kind: Kind::Group,
                action: EFFECT.to_owned(),
                name: named.display_name.clone(),
                external_id: None,
                id: before.as_ref().map(|group| group.id.uuid()),
                changes,
                failure: None,
                part: 0,
            };
            sink.take(difference.in_parts()).await?;
        }
        Ok(())
    }

    async fn user_effects(
        &self,
        ids: &[UserId],
        start: &Directory,
        telling: &mut Telling<'_>,
    ) -> Result<Vec<Difference>, DirectoryError> {
        let known: Vec<Option<User>> = self.read(telling.before, ids, keys::user).await?;
        let before: Vec<Option<User>> = self.read(start, ids, keys::user).await?;
        let after: Vec<Option<User>> = self.read(telling.after, ids, keys::user).await?;
        self.learn(telling, &teams_of(&before) | &teams_of(&after)).await?;
        let all = known.iter().zip(&before).zip(&after);
        let changed = all.filter_map(|((known, before), after)| {
            // Whoever is new has a step, and no identifier yet: the one of the rehearsal is nobody's.
            let before = before.as_ref()?;
            let changes = self.names(telling).of_user(Some(before), after.as_ref());
            (!changes.is_empty()).then(|| Difference {
                kind: Kind::User,
                action: EFFECT.to_owned(),
                name: before.user_name.clone(),
                external_id: before.external_ids.get(&self.context.connection.name).cloned(),
                id: known.as_ref().map(|known| known.id.uuid()),
                changes,
                failure: None,
                part: 0,
            })
        });
        Ok(changed.collect())
    }

    /// Groups of which a member or the record changed.
    async fn groups_without_step(
        &self,
        layers: [&Rehearsal; 2],
        telling: &Telling<'_>,
    ) -> Result<Vec<GroupId>, DirectoryError> {
        let organisation = self.permit.organisation();
        let mut groups: BTreeSet<GroupId> = BTreeSet::new();
        for layer in layers {
            let records = layer.changed_under(&keys::table(organisation, Table::Group), None, usize::MAX)?;
            groups.extend(records.iter().filter_map(keys::last_uuid).map(GroupId::new));
            let edges = keys::table(organisation, Table::GroupMember);
            let mut after = None;
            loop {
                let touched = layer.changed_under(&edges, after.take(), CHUNK)?;
                let Some(last) = touched.last() else { break };
                after = Some(last.clone());
                groups.extend(touched.iter().filter_map(keys::group_of));
            }
        }
        for step in &self.plan.groups {
            if let Some(id) = self.group_of(step, telling).await? {
                groups.remove(&id);
            }
        }
        Ok(groups.into_iter().collect())
    }
}
