//! People whom a complete reading no longer holds: noted, suspended, and after a grace period deleted. Groups go the same way.

use std::collections::BTreeSet;

use chrono::TimeDelta;

use crate::directory::link::Link;
use crate::directory::membership::withdraw_origin;
use crate::directory::{DirectoryError, keys};
use crate::model::id::{GroupId, UserId};
use crate::model::origin::Origin;
use crate::model::record;
use crate::model::user::User;
use crate::provision::failure::{Failure, Kind};
use crate::provision::person::set_active;

use super::claims::Claims;
use super::linked::Links;
use super::seats::Ledger;
use super::teams::Teams;
use super::{CHUNK, PersonAction, PersonStep, Plan, Planner};

/// How long an entry is missing, by the connection's settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Grace {
    /// Not in enough complete runs in a row yet.
    Missed,
    /// In enough of them, from this one on.
    Begins,
    /// The period runs, or has no end.
    Runs,
    /// The period is over.
    Over,
}

impl Planner<'_> {
    pub(super) async fn leavers(
        &self,
        known: &Links,
        ledger: &mut Ledger,
        teams: &mut Teams,
        plan: &mut Plan,
    ) -> Result<(), DirectoryError> {
        if !self.snapshot.proves_absence() {
            return Ok(());
        }
        for links in known.missing.chunks(CHUNK) {
            let due: Vec<(&Link, PersonAction)> =
                links.iter().filter_map(|link| Some((link, self.due(link)?))).collect();
            let ids: Vec<UserId> = due.iter().map(|(link, _)| UserId::new(link.id)).collect();
            let users = due.into_iter().zip(self.load_users(&ids).await?);
            // A link without a user is what a deletion leaves for a moment: nothing to do.
            let users: Vec<(User, PersonAction)> = users
                .filter_map(|((_, action), user)| user.map(|user| (action, user)))
                .map(|(due, user)| {
                    let action = self.decided(&user, due);
                    (user, action)
                })
                .collect();
            let asked: Vec<_> = users.iter().map(|(user, _)| (user, None)).collect();
            let left = self.teams_left(teams, &asked).await?;
            for ((user, action), left) in users.iter().zip(left) {
                self.leaver(user, *action, &left, ledger, plan);
            }
        }
        Ok(())
    }

    /// What the settings say about somebody who is missing once more.
    fn due(&self, link: &Link) -> Option<PersonAction> {
        match self.grace(link) {
            Grace::Missed => Some(PersonAction::Miss),
            Grace::Begins => Some(PersonAction::SuspendMissing),
            Grace::Runs => None,
            Grace::Over => Some(PersonAction::Delete),
        }
    }

    /// How far the grace of an entry is that is missing once more.
    pub(super) fn grace(&self, link: &Link) -> Grace {
        let leavers = &self.context.connection.leavers;
        match (link.missing_since, leavers.delete_after_days) {
            (None, _) if link.missed + 1 >= leavers.suspend_after_runs.max(1) => Grace::Begins,
            (None, _) => Grace::Missed,
            (Some(since), Some(days)) if self.now >= since + TimeDelta::days(i64::from(days)) => Grace::Over,
            (Some(_), _) => Grace::Runs,
        }
    }

    /// Nobody is deleted whom another source has.
    fn decided(&self, user: &User, action: PersonAction) -> PersonAction {
        let name = &self.context.connection.name;
        let has_other_source = user.held_by().into_iter().any(|connection| connection != name);
        match action {
            PersonAction::Delete if has_other_source => PersonAction::Unlink,
            other => other,
        }
    }

    /// What a person who is missing claims afterwards, step by step; empty for one who is deleted.
    pub(super) fn left(&self, user: &User, action: PersonAction, left: &BTreeSet<GroupId>) -> Vec<Claims> {
        let name = &self.context.connection.name;
        let mut after = user.clone();
        match action {
            PersonAction::Delete => return Vec::new(),
            PersonAction::SuspendMissing => set_active(&mut after, name, Some(false)),
            PersonAction::Unlink => {
                set_active(&mut after, name, Some(true));
                withdraw_origin(&mut after, &Origin::Connection(name.clone()));
                let mut path = vec![Claims::of(user), Claims::of(&after)];
                let mut last = Claims::of(&after);
                left.iter().for_each(|group| last.leave(*group));
                path.push(last);
                return path;
            }
            _ => {}
        }
        vec![Claims::of(user), Claims::of(&after)]
    }

    fn leaver(
        &self,
        user: &User,
        action: PersonAction,
        left: &BTreeSet<GroupId>,
        ledger: &mut Ledger,
        plan: &mut Plan,
    ) {
        let name = &self.context.connection.name;
        let Some(external_id) = user.external_ids.get(name) else {
            return;
        };
        let mut path = self.left(user, action, left);
        if action == PersonAction::Delete {
            ledger.release(user);
        }
        // Somebody who is let go is no longer suspended by this source, and may need a seat again.
        if let Err(reason) = ledger.follow(&mut path) {
            plan.failures.push(Failure {
                kind: Kind::User,
                external_id: Some(external_id.clone()),
                name: Some(user.user_name.clone()),
                reason,
            });
            return;
        }
        if let Some(last) = path.last() {
            ledger.remember(user.id, last);
        }
        plan.people.push(PersonStep {
            action,
            external_id: external_id.clone(),
            name: user.user_name.clone(),
            user: Some(user.id),
            index: None,
            hash: None,
            is_short: false,
        });
    }

    /// Users by id, in the order of the question, at most [`CHUNK`] of them.
    pub(super) async fn load_users(&self, ids: &[UserId]) -> Result<Vec<Option<User>>, DirectoryError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let organisation = self.permit.organisation();
        let wanted = ids.iter().map(|id| keys::user(organisation, *id)).collect();
        let found = self.directory.store().get_many(wanted).await?;
        let users = found
            .into_iter()
            .map(|found| found.map(|found| record::decode(&found.value)).transpose());
        Ok(users.collect::<Result<_, _>>()?)
    }
}
