//! The home group, and moving a person to another one (S004-22, S004-26, S004-27, S004-35).
//!
//! A person is a member of the home group, for the reason `home`. A move ends that reason in the old group and begins it in the
//! new one, so that what the groups give follows the person. Other memberships and rights stay; an administrator is asked to look
//! at them (A9 in seeds.md section 8).

use serde_json::json;

use crate::directory::membership::{Leaving, MemberChanges};
use crate::directory::{DirectoryError, Operation, Unit};
use crate::model::event::EventKind;
use crate::model::group::Group;
use crate::model::id::{GroupId, UserId};
use crate::model::membership::Member;
use crate::model::origin::Origin;
use crate::model::user::{PendingReview, User};

/// Moves a person to another home group.
pub struct MoveUser {
    /// Whom.
    pub user: UserId,
    /// Where to.
    pub to: GroupId,
    /// Whether the product takes the person's history along, such as calls (S004-27). The event tells it.
    pub take_history: bool,
}

#[async_trait::async_trait]
impl Operation for MoveUser {
    type Outcome = User;

    async fn attempt(&self, unit: &mut Unit) -> Result<User, DirectoryError> {
        let user = unit.load_user(self.user).await?;
        let from = user.home_group;
        if from == Some(self.to) {
            return Ok(user);
        }
        let to = unit.load_group(self.to).await?;
        // Whoever may change people of one group only takes them to no other.
        let there = unit.target_group(to.id).await?;
        unit.demand("user.update", &there)?;
        if let Some(old) = from
            && let Some(group) = unit.find_group(old).await?
        {
            leave(unit, &group, self.user).await?;
        }
        let after = enter(unit, &to, self.user).await?;
        let after = match from {
            None => after,
            Some(_) => {
                let mut reviewed = after.clone();
                reviewed.review_pending = Some(PendingReview {
                    since: unit.now(),
                    from,
                });
                unit.update_user(&after, reviewed).await?
            }
        };
        unit.event(
            EventKind::UserMoved,
            self.user,
            json!({ "from": from, "to": self.to, "take_history": self.take_history }),
        );
        Ok(after)
    }
}

/// Notes that an administrator has looked at a moved person's permissions.
pub struct ReviewPermissions(
    /// Whose.
    pub UserId,
);

#[async_trait::async_trait]
impl Operation for ReviewPermissions {
    /// The person, and whether a review was pending.
    type Outcome = (User, bool);

    async fn attempt(&self, unit: &mut Unit) -> Result<Self::Outcome, DirectoryError> {
        let before = unit.load_user(self.0).await?;
        if before.review_pending.is_none() {
            return Ok((before, false));
        }
        let mut after = before.clone();
        after.review_pending = None;
        let after = unit.update_user(&before, after).await?;
        unit.event(EventKind::UserReviewed, self.0, json!({}));
        Ok((after, true))
    }
}

/// Makes a group the home of a person, who becomes a member of it.
pub(super) async fn enter(unit: &mut Unit, group: &Group, user: UserId) -> Result<User, DirectoryError> {
    let mut changes = MemberChanges::default();
    let member = Member::User(user);
    unit.add_members(group, &[member], &Origin::Home, &mut changes).await?;
    unit.note_member_changes(group.id, &changes);
    let before = unit.load_user(user).await?;
    let mut after = before.clone();
    after.home_group = Some(group.id);
    unit.update_user(&before, after).await
}

/// Ends the reason `home` of a membership; the person stays a member for any other.
async fn leave(unit: &mut Unit, group: &Group, user: UserId) -> Result<(), DirectoryError> {
    let before = unit.load_user(user).await?;
    let mut after = before.clone();
    after.home_group = None;
    unit.update_user(&before, after).await?;
    let mut changes = MemberChanges::default();
    let leaving = Leaving::These(vec![Member::User(user)]);
    unit.remove_members(group, &leaving, &Origin::Home, false, &mut changes)
        .await?;
    unit.note_member_changes(group.id, &changes);
    Ok(())
}

impl Unit {
    /// A person has lost a membership altogether, or the group goes: if it was the home group, the person has none now, and the
    /// permissions are to be looked at.
    ///
    /// # Errors
    /// As [`Unit::update_user`].
    pub(in crate::directory) async fn forget_home(
        &mut self,
        group: GroupId,
        member: Member,
    ) -> Result<(), DirectoryError> {
        let Member::User(id) = member else { return Ok(()) };
        let Some(before) = self.find_user(id).await? else {
            return Ok(());
        };
        if before.home_group != Some(group) {
            return Ok(());
        }
        let mut after = before.clone();
        after.home_group = None;
        after.review_pending = Some(PendingReview {
            since: self.now(),
            from: Some(group),
        });
        self.update_user(&before, after).await.map(|_| ())
    }
}
