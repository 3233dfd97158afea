//! What a person may do: one action on one target, judged by the person's rights. Everything else is refused.

use std::sync::Arc;

use super::{Authority, Permit, Principal, Reach};
use crate::directory::error::Denial;
use crate::directory::{Directory, DirectoryError};
use crate::model::effective::{Effective, Place, Right, Target};
use crate::model::id::{GroupId, OrganisationId, UserId};

/// What a caller asks to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demand {
    /// The action: `user.suspend`.
    pub action: &'static str,
    /// On what.
    pub on: On,
}

/// What it is done to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    /// The organisation as a whole.
    Organisation,
    /// As much of it as the person's rights reach: the operation itself bounds what is shown.
    Reachable,
    /// What is the person's own: whoever may act at all may do it.
    Own,
    /// A user.
    User(UserId),
    /// A group.
    Group(GroupId),
}

/// How actions end that only show something. A right to one that sleeps, or that is bound to groups of which there are none, shows an
/// empty list: a person whose only team is disabled is not a person without rights (S003-41).
const SEE: &str = ".view";

/// Whether a right is about more than the person alone.
fn is_for_others(right: &Right) -> bool {
    right.place != Place::Own
}

impl Directory {
    /// May do this in the organisation. Tokens that administer it may do everything there; persons may do what their rights allow
    /// and nothing without a demand.
    ///
    /// # Errors
    /// As [`Principal::administer`]; [`DirectoryError::Unauthenticated`] for a person who is not there any more;
    /// [`DirectoryError::Denied`] without the right; as the store's read.
    pub async fn authorise(
        &self,
        principal: &Principal,
        organisation: OrganisationId,
        demand: Option<Demand>,
    ) -> Result<Permit, DirectoryError> {
        let user = match principal.reach {
            Reach::Person {
                organisation: own,
                user,
            } if own == organisation => user,
            _ => return principal.administer(organisation),
        };
        let demand = demand.ok_or(DirectoryError::Denied(Denial::NotForPersons))?;
        let acting = self.browse_user(organisation, user).await?;
        let acting = acting.ok_or(DirectoryError::Unauthenticated)?;
        if !acting.is_active()
            || acting
                .licences
                .values()
                .any(crate::model::licence::SeatClaim::is_waiting)
        {
            return Err(DirectoryError::Denied(Denial::NotActive));
        }
        let effective = self.effective_of(organisation, &acting).await?;
        if !self.may(organisation, &effective, &demand).await? {
            return Err(DirectoryError::Denied(Denial::NoRight));
        }
        Ok(Permit {
            authority: Authority::Person(Arc::new(effective)),
            ..principal.permit(organisation)
        })
    }

    /// Whoever administers the organisation, or is protected, is changed by administrators only: a person who may set a password
    /// in one group would otherwise become one of them.
    async fn refuse_above(&self, organisation: OrganisationId, user: UserId) -> Result<(), DirectoryError> {
        let Some(user) = self.browse_user(organisation, user).await? else {
            return Ok(());
        };
        let settings = self.load_organisation(organisation).await?;
        let is_protected = user
            .roles
            .keys()
            .any(|role| settings.roles.get(role).is_some_and(|role| role.protected));
        if is_protected || self.effective_of(organisation, &user).await?.administers {
            return Err(DirectoryError::Denied(Denial::AboveActor));
        }
        Ok(())
    }

    async fn may(
        &self,
        organisation: OrganisationId,
        effective: &Effective,
        demand: &Demand,
    ) -> Result<bool, DirectoryError> {
        let target = match demand.on {
            On::Organisation => Target::organisation(),
            On::Own => return Ok(true),
            On::Reachable => {
                if demand.action.ends_with(SEE) {
                    return Ok(effective.administers || effective.of(demand.action).any(is_for_others));
                }
                let bounds = effective.bounds(demand.action);
                return Ok(effective.allows(demand.action, &Target::organisation()).is_allowed()
                    || bounds.is_none_or(|bounds| !bounds.is_empty()));
            }
            On::User(user) => {
                if user != effective.user && !demand.action.ends_with(SEE) && !effective.administers {
                    self.refuse_above(organisation, user).await?;
                }
                self.target_user(organisation, user).await?
            }
            On::Group(group) => self.target_group(organisation, group).await?,
        };
        Ok(effective.allows(demand.action, &target).is_allowed())
    }
}
