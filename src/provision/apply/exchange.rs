//! People who exchange their user names: none of them can be first, so each circle is one commit.

use std::collections::{BTreeSet, HashMap};

use crate::directory::keys::{self, Unique, fold};
use crate::directory::user::parse_uuid;
use crate::directory::{DirectoryError, Operation, Unit};
use crate::model::id::UserId;
use crate::provision::plan::PersonStep;

use super::person::Change;
use super::{Applied, Applier, Trouble};

/// People in one circle at most: all of them are one commit.
const CIRCLE_MAX: usize = 20;

impl Applier<'_> {
    /// Of steps that wait for each other's names, carries out those that form circles. Answers the rest.
    pub(super) async fn exchange_names<'s>(
        &'s self,
        waiting: Vec<&'s PersonStep>,
        applied: &mut Applied,
    ) -> Result<Vec<&'s PersonStep>, DirectoryError> {
        let mut done: BTreeSet<UserId> = BTreeSet::new();
        for circle in self.circles(&waiting).await? {
            let exchange = Exchange(circle.iter().map(|step| self.change_of(step)).collect());
            match self.directory.run(self.permit, &exchange).await {
                Ok(()) => {
                    applied.changed += circle.len() as u64;
                    done.extend(circle.iter().filter_map(|step| step.user));
                    circle.iter().for_each(|_| self.advance());
                }
                // They are attempted one by one once more, which says what is wrong with whom.
                Err(error) => match self.trouble(error) {
                    Trouble::Run(error) => return Err(error),
                    Trouble::Entry(_) => {}
                },
            }
        }
        let is_done = |step: &&PersonStep| step.user.is_some_and(|user| done.contains(&user));
        Ok(waiting.into_iter().filter(|step| !is_done(step)).collect())
    }

    /// A name has one holder and is wanted by one step, so every circle is found by following the names.
    async fn circles<'s>(&self, waiting: &[&'s PersonStep]) -> Result<Vec<Vec<&'s PersonStep>>, DirectoryError> {
        if waiting.len() < 2 {
            return Ok(Vec::new());
        }
        let steps: HashMap<UserId, &'s PersonStep> =
            waiting.iter().filter_map(|step| Some((step.user?, *step))).collect();
        let organisation = self.permit.organisation();
        let mut wants: HashMap<UserId, UserId> = HashMap::new();
        for (user, step) in &steps {
            let key = keys::unique(organisation, Unique::UserName, &fold(&step.name));
            let holder = self.directory.store().get(key).await?;
            let holder = holder.and_then(|holder| parse_uuid(&holder.value)).map(UserId::new);
            if let Some(holder) = holder.filter(|holder| holder != user && steps.contains_key(holder)) {
                wants.insert(*user, holder);
            }
        }
        let (mut seen, mut circles) = (BTreeSet::new(), Vec::new());
        for step in waiting {
            let Some(start) = step.user.filter(|user| !seen.contains(user)) else {
                continue;
            };
            let (mut circle, mut next) = (Vec::new(), start);
            loop {
                seen.insert(next);
                circle.push(steps[&next]);
                match wants.get(&next) {
                    Some(holder) if *holder == start => {
                        circles.push(circle);
                        break;
                    }
                    Some(holder) if circle.len() < CIRCLE_MAX && !seen.contains(holder) => next = *holder,
                    _ => break,
                }
            }
        }
        Ok(circles)
    }
}

/// All steps of a circle: every name is given up before any is taken.
struct Exchange<'a>(Vec<Change<'a>>);

#[async_trait::async_trait]
impl Operation for Exchange<'_> {
    type Outcome = ();

    async fn attempt(&self, unit: &mut Unit) -> Result<(), DirectoryError> {
        for change in &self.0 {
            if let Some(user) = change.user() {
                let before = unit.load_user(user).await?;
                unit.release_user_name(&before).await?;
            }
        }
        for change in &self.0 {
            // Whoever cannot be changed keeps all of them as they are: a unit that fails leaves nothing behind.
            change.attempt(unit).await?.map_err(|reason| DirectoryError::NotFound {
                kind: "circle of names",
                id: reason.to_string(),
            })?;
        }
        Ok(())
    }
}
