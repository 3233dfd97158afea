//! What changes for a person: how they stand before and after, compared.

use std::collections::BTreeSet;

use crate::directory::{Directory, DirectoryError, keys};
use crate::model::id::{GroupId, OrganisationId, ResourceId, UserId};
use crate::model::job::Effect;
use crate::model::licence::SeatClaim;
use crate::model::membership::Member;
use crate::model::slug::Slug;
use crate::model::user::User;
use crate::store::{SCAN_ENTRIES_MAX, Scan};

/// How a person stands; like nobody, unless read.
#[derive(Default)]
pub(in crate::directory) struct Standing {
    user: Option<User>,
    groups: BTreeSet<GroupId>,
    resources: BTreeSet<ResourceId>,
}

impl Directory {
    /// How a person stands now.
    pub(in crate::directory) async fn standing(
        &self,
        organisation: OrganisationId,
        user: UserId,
    ) -> Result<Standing, DirectoryError> {
        let member = Member::User(user);
        let groups = Scan::prefix(&keys::member_groups(organisation, member), SCAN_ENTRIES_MAX);
        let groups = self.store.scan(groups).await?;
        let resources = Scan::prefix(&keys::subject_assignments(organisation, member), SCAN_ENTRIES_MAX);
        let resources = self.store.scan(resources).await?;
        let ids = |(key, _): &(crate::store::Key, _)| keys::last_uuid(key);
        Ok(Standing {
            user: self.browse_user(organisation, user).await?,
            groups: groups.iter().filter_map(ids).map(GroupId::new).collect(),
            resources: resources.iter().filter_map(ids).map(ResourceId::new).collect(),
        })
    }

    /// What is in the way of a person's invitation, in words.
    pub(in crate::directory) async fn obstacle(
        &self,
        organisation: OrganisationId,
        user: UserId,
    ) -> Result<Option<String>, DirectoryError> {
        let user = self.browse_user(organisation, user).await?;
        let Some(id) = user.and_then(|user| user.invitation) else {
            return Ok(None);
        };
        let invitation = self.browse_invitation(organisation, id).await?;
        let obstacle = invitation.and_then(|invitation| invitation.obstacle);
        let word = obstacle.and_then(|obstacle| serde_json::to_value(obstacle).ok());
        Ok(word.and_then(|word| word.as_str().map(str::to_owned)))
    }
}

impl Standing {
    /// The person, if there.
    pub(in crate::directory) fn user(&self) -> Option<&User> {
        self.user.as_ref()
    }

    /// The revision of the person's record.
    pub(in crate::directory) fn revision(&self) -> Option<u64> {
        self.user.as_ref().map(|user| user.revision)
    }

    /// What is different afterwards.
    pub(in crate::directory) fn turns_into(&self, after: &Self) -> Effect {
        let mut effect = Effect {
            joins: added(&self.groups, &after.groups),
            leaves: added(&after.groups, &self.groups),
            gains_resources: added(&self.resources, &after.resources),
            loses_resources: added(&after.resources, &self.resources),
            created: self.user.is_none() && after.user.is_some(),
            deleted: self.user.is_some() && after.user.is_none(),
            ..Effect::default()
        };
        let roles = |standing: &Self| of(standing, |user| user.roles.keys().cloned().collect());
        let licences = |standing: &Self| of(standing, |user| user.licences.keys().cloned().collect());
        effect.gains_roles = added(&roles(self), &roles(after));
        effect.loses_roles = added(&roles(after), &roles(self));
        effect.gains_licences = added(&licences(self), &licences(after));
        effect.loses_licences = added(&licences(after), &licences(self));
        effect.takes_seats = added(&seats(self), &seats(after));
        effect.frees_seats = added(&seats(after), &seats(self));
        effect.waits_for = added(&waits(self), &waits(after));
        if let (Some(before), Some(after)) = (&self.user, &after.user)
            && before.state() != after.state()
        {
            effect.becomes = Some(after.state());
        }
        effect
    }
}

/// What is in the second and not in the first.
fn added<T: Ord + Clone>(before: &BTreeSet<T>, after: &BTreeSet<T>) -> BTreeSet<T> {
    after.difference(before).cloned().collect()
}

fn of(standing: &Standing, part: impl Fn(&User) -> BTreeSet<Slug>) -> BTreeSet<Slug> {
    standing.user.as_ref().map(part).unwrap_or_default()
}

/// The licences of which a seat is held.
fn seats(standing: &Standing) -> BTreeSet<Slug> {
    of(standing, |user| {
        let held = user.licences.iter().filter_map(|(key, claim)| claim.pool(key));
        held.cloned().collect()
    })
}

/// The licences whose seats are waited for.
fn waits(standing: &Standing) -> BTreeSet<Slug> {
    of(standing, |user| {
        let waiting = user.licences.iter().filter(|(_, claim)| SeatClaim::is_waiting(claim));
        waiting.map(|(key, _)| key.clone()).collect()
    })
}
