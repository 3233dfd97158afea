//! One person's step, as one unit of work: the user, the link with its hash, and the lease it relies on.

use futures_util::future::BoxFuture;
use uuid::Uuid;

use crate::directory::keys::{self, Unique, fold};
use crate::directory::link::Link;
use crate::directory::{DirectoryError, Operation, Unit};
use crate::model::id::UserId;
use crate::provision::authority::Extent;
use crate::provision::failure::{FailureReason, Kind};
use crate::provision::lease::Claim;
use crate::provision::matching::{self, Match};
use crate::provision::person::{self, Context, Person, set_active};
use crate::provision::plan::{PersonAction, PersonStep};
use crate::provision::snapshot::SnapshotPerson;

use super::{Applier, Trouble};

impl Applier<'_> {
    pub(super) fn person<'a>(&'a self, step: &'a PersonStep) -> BoxFuture<'a, (&'a PersonStep, Result<(), Trouble>)> {
        Box::pin(async move { (step, self.change_person(step).await) })
    }

    pub(super) fn change_of<'a>(&'a self, step: &'a PersonStep) -> Change<'a> {
        let entry = step.index.map(|index| &self.snapshot.people()[index as usize]);
        Change {
            context: self.context,
            lease: self.lease,
            step,
            person: entry.map(|entry| self.snapshot.person(entry)),
            names: entry.map(SnapshotPerson::names).unwrap_or_default(),
        }
    }

    async fn change_person(&self, step: &PersonStep) -> Result<(), Trouble> {
        match self.directory.run(self.permit, &self.change_of(step)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(reason)) => Err(Trouble::Entry(reason)),
            Err(error) => Err(self.trouble(error)),
        }
    }
}

/// One person's step.
pub(super) struct Change<'a> {
    context: Context<'a>,
    lease: &'a Claim,
    step: &'a PersonStep,
    person: Option<Person>,
    /// What the source's groups call the person.
    names: Vec<Uuid>,
}

#[async_trait::async_trait]
impl Operation for Change<'_> {
    type Outcome = Result<(), FailureReason>;

    async fn attempt(&self, unit: &mut Unit) -> Result<Self::Outcome, DirectoryError> {
        let organisation = unit.organisation();
        let link = keys::link(
            organisation,
            &self.context.connection.name,
            b'u',
            &self.step.external_id,
        );
        let mut wanted = vec![self.lease.key(unit), link.clone()];
        wanted.extend(self.step.user.map(|user| keys::user(organisation, user)));
        let name = self.person.as_ref().map(|person| fold(&person.user_name));
        wanted.extend(name.map(|name| keys::unique(organisation, Unique::UserName, &name)));
        unit.fetch(wanted).await?;
        self.lease.relied_on(unit).await?;
        match &self.person {
            Some(person) => self.enter(unit, person).await,
            None => self.leave(unit, &link).await,
        }
    }
}

impl Change<'_> {
    /// Whom the step changes, if it is somebody who is there.
    pub(super) fn user(&self) -> Option<UserId> {
        self.step.user
    }

    /// Someone who is in the snapshot.
    async fn enter(&self, unit: &mut Unit, person: &Person) -> Result<Result<(), FailureReason>, DirectoryError> {
        let emails = crate::provision::plan::emails(person);
        let identity = matching::Keys {
            external_id: person.external_id.as_deref(),
            user_name: &person.user_name,
            emails: &emails,
        };
        let found = matching::find(unit, self.context.organisation, self.context.connection, identity).await?;
        let is_planned = |id: UserId| self.step.user == Some(id);
        let mut taken = None;
        let user = match (found, self.step.action) {
            (Match::Nobody, PersonAction::Create) => person::create(unit, self.context, person).await?,
            (Match::Known(before), action) if action != PersonAction::Create && is_planned(before.id) => {
                let (user, aside) = person::update(unit, self.context, &before, person, Extent::Whole).await?;
                taken = aside.taken.into_iter().next();
                user
            }
            (Match::Adopted(before), PersonAction::Adopt) if is_planned(before.id) => {
                person::adopt(unit, self.context, &before, person).await?
            }
            (Match::Review(question), _) => return Ok(Err(FailureReason::review(&question))),
            (Match::Refused { user, attribute }, _) => {
                return Ok(Err(FailureReason::Taken {
                    attribute: attribute.to_owned(),
                    by: Some(user),
                }));
            }
            _ => return Ok(Err(FailureReason::Outdated)),
        };
        let mut link = Link::new(user.id.uuid());
        // The entry is looked at again by the next run while something of it is left to do.
        link.hash = self.step.hash.clone().filter(|_| taken.is_none());
        link.names.clone_from(&self.names);
        self.remember(unit, &link).await?;
        Ok(taken.map_or(Ok(()), |(attribute, by)| {
            Err(FailureReason::Taken {
                attribute,
                by: Some(by),
            })
        }))
    }

    /// Someone who is not.
    async fn leave(
        &self,
        unit: &mut Unit,
        key: &crate::store::Key,
    ) -> Result<Result<(), FailureReason>, DirectoryError> {
        let Some(mut link) = unit.find::<Link>(key).await? else {
            return Ok(Err(FailureReason::Outdated));
        };
        let user = unit.load_user(UserId::new(link.id)).await?;
        let name = &self.context.connection.name;
        let has_other_source = user.held_by().into_iter().any(|connection| connection != name);
        match self.step.action {
            PersonAction::Miss => link.missed += 1,
            PersonAction::SuspendMissing => {
                let mut after = user.clone();
                set_active(&mut after, name, Some(false));
                unit.update_user(&user, after).await?;
                link.missed += 1;
                link.missing_since = Some(unit.now());
            }
            PersonAction::Delete if !has_other_source && link.missing_since.is_some() => {
                person::remove(unit, self.context, &user).await?;
                return Ok(Ok(()));
            }
            PersonAction::Unlink if has_other_source && link.missing_since.is_some() => {
                person::remove(unit, self.context, &user).await?;
                return Ok(Ok(()));
            }
            _ => return Ok(Err(FailureReason::Outdated)),
        }
        // Until the person is back, nobody goes by these names.
        link.names.clear();
        self.remember(unit, &link).await?;
        Ok(Ok(()))
    }

    async fn remember(&self, unit: &mut Unit, link: &Link) -> Result<(), DirectoryError> {
        let connection = &self.context.connection.name;
        unit.remember_link(connection, Kind::User.link_tag(), &self.step.external_id, link)
            .await
    }
}
