//! People whom a complete reading no longer holds: noted, suspended, and after a grace period deleted.

use chrono::TimeDelta;

use crate::directory::link::Link;
use crate::directory::{DirectoryError, keys};
use crate::model::id::UserId;
use crate::model::lifecycle::Block;
use crate::model::record;
use crate::model::user::User;

use super::linked::Links;
use super::seats::{Claims, Ledger};
use super::{CHUNK, PersonAction, PersonStep, Plan, Planner};

impl Planner<'_> {
    pub(super) async fn leavers(
        &self,
        known: &Links,
        ledger: &mut Ledger,
        plan: &mut Plan,
    ) -> Result<(), DirectoryError> {
        if !self.snapshot.proves_absence() {
            return Ok(());
        }
        for links in known.missing.chunks(CHUNK) {
            let due: Vec<(&Link, PersonAction)> =
                links.iter().filter_map(|link| Some((link, self.due(link)?))).collect();
            let ids: Vec<UserId> = due.iter().map(|(link, _)| UserId::new(link.id)).collect();
            for ((_, action), user) in due.into_iter().zip(self.load_users(&ids).await?) {
                // A link without a user is what a deletion leaves for a moment: nothing to do.
                if let Some(user) = user {
                    self.leaver(&user, action, ledger, plan);
                }
            }
        }
        Ok(())
    }

    /// What the settings say about an entry that is missing once more.
    fn due(&self, link: &Link) -> Option<PersonAction> {
        let leavers = &self.context.connection.leavers;
        match link.missing_since {
            None if link.missed + 1 >= leavers.suspend_after_runs.max(1) => Some(PersonAction::SuspendMissing),
            None => Some(PersonAction::Miss),
            Some(since) => {
                let days = TimeDelta::days(i64::from(leavers.delete_after_days?));
                (self.now >= since + days).then_some(PersonAction::Delete)
            }
        }
    }

    fn leaver(&self, user: &User, action: PersonAction, ledger: &mut Ledger, plan: &mut Plan) {
        let name = &self.context.connection.name;
        let has_other_source = user.held_by().into_iter().any(|connection| connection != name);
        let action = match action {
            PersonAction::Delete if has_other_source => PersonAction::Unlink,
            other => other,
        };
        let mut after = user.clone();
        match action {
            PersonAction::Delete => ledger.release(user),
            PersonAction::SuspendMissing => {
                after.facts.suspended_by.insert(Block::Connection(name.clone()));
                // Suspending takes no seat, so it is never refused.
                let _ = ledger.settle(&Claims::of(user), &Claims::of(&after));
            }
            _ => {}
        }
        let Some(external_id) = user.external_ids.get(name) else {
            return;
        };
        plan.people.push(PersonStep {
            action,
            external_id: external_id.clone(),
            name: user.user_name.clone(),
            user: Some(user.id),
            index: None,
            hash: None,
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
