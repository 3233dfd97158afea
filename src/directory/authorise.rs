//! Who may do what. A write needs a [`Permit`], and only this file makes one.

mod person;

use std::collections::BTreeSet;
use std::sync::Arc;

pub use person::{Demand, On};

use crate::model::effective::Effective;
use crate::model::event::{Actor, Door};
use crate::model::id::{JobId, OrganisationId, TokenId, UserId};
use crate::model::slug::Slug;

use super::Correlation;
use super::error::{Denial, DirectoryError};

/// Who is asking, as the credential says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    reach: Reach,
    actor: Actor,
    /// The request that it asks in, where there is one.
    correlation: Option<Arc<Correlation>>,
}

/// How far a credential reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Reach {
    Connection {
        organisation: OrganisationId,
        connection: Slug,
    },
    Organisation(OrganisationId),
    Organisations(BTreeSet<OrganisationId>),
    Gateway,
    Invitee(OrganisationId),
    Person {
        organisation: OrganisationId,
        user: UserId,
    },
    Guest(OrganisationId),
}

/// With whose authority a change is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authority {
    /// The gateway's administrator, or the gateway itself.
    Gateway,
    /// A token that administers the organisation.
    Organisation,
    /// A connection.
    Connection,
    /// An invited person, a guest, or somebody at their own account: for that only.
    Invitee,
    /// A person with these rights: nobody gives away more than what they have (S001-25).
    Person(Arc<Effective>),
}

/// Proof that the caller may change this organisation through this door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permit {
    organisation: OrganisationId,
    actor: Actor,
    correlation: Option<Arc<Correlation>>,
    authority: Authority,
}

impl Permit {
    /// The right to what belongs to signing in: somebody's own credential and sessions, and facts that follow from a sign-in.
    /// `user` is who it is, once that is proved.
    pub(super) fn own_account(organisation: OrganisationId, user: Option<UserId>, session: Option<TokenId>) -> Self {
        let actor = Actor {
            door: Door::Person,
            connection: None,
            token: session,
            user,
            job: None,
        };
        Self {
            organisation,
            actor,
            correlation: None,
            authority: Authority::Invitee,
        }
    }

    /// The organisation that may be changed.
    #[must_use]
    pub fn organisation(&self) -> OrganisationId {
        self.organisation
    }

    /// Who changes it.
    #[must_use]
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// With whose authority.
    #[must_use]
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// The same right, for one item of a job: what is changed names the job. The request's idempotency key is the job's own
    /// affair.
    pub(super) fn within_job(mut self, job: JobId) -> Self {
        self.actor.job = Some(job);
        self.correlation = self.correlation.map(|correlation| {
            Arc::new(Correlation {
                request: correlation.request.clone(),
                done: None,
            })
        });
        self
    }

    /// The gateway's own right to bring people in line with what was changed by this one. Whoever changed it is named, and
    /// needed no right to do it to each of them.
    pub(super) fn following_up(&self) -> Self {
        let correlation = self.correlation.as_ref().map(|correlation| {
            Arc::new(Correlation {
                request: correlation.request.clone(),
                done: None,
            })
        });
        Self {
            authority: Authority::Gateway,
            correlation,
            ..self.clone()
        }
    }

    /// The connection that acts, if one does.
    #[must_use]
    pub fn connection(&self) -> Option<&Slug> {
        self.actor.connection.as_ref()
    }

    /// The request in which it changes it, where there is one.
    #[must_use]
    pub fn correlation(&self) -> Option<&Arc<Correlation>> {
        self.correlation.as_ref()
    }
}

impl Principal {
    /// A SCIM client that showed a connection's token.
    #[must_use]
    pub fn scim(organisation: OrganisationId, connection: Slug, token: TokenId) -> Self {
        let actor = Actor {
            door: Door::Scim,
            connection: Some(connection.clone()),
            token: Some(token),
            user: None,
            job: None,
        };
        Self {
            reach: Reach::Connection {
                organisation,
                connection,
            },
            actor,
            correlation: None,
        }
    }

    /// A SCIM client at the token endpoint: it has proved itself, and has no token yet.
    #[must_use]
    pub fn client(organisation: OrganisationId, connection: Slug) -> Self {
        let actor = Actor {
            door: Door::Scim,
            connection: Some(connection.clone()),
            token: None,
            user: None,
            job: None,
        };
        Self {
            reach: Reach::Connection {
                organisation,
                connection,
            },
            actor,
            correlation: None,
        }
    }

    /// A synchronisation run of a connection.
    #[must_use]
    pub fn ldap(organisation: OrganisationId, connection: Slug) -> Self {
        let actor = Actor {
            door: Door::Ldap,
            connection: Some(connection.clone()),
            token: None,
            user: None,
            job: None,
        };
        Self {
            reach: Reach::Connection {
                organisation,
                connection,
            },
            actor,
            correlation: None,
        }
    }

    /// An administrator of one organisation.
    #[must_use]
    pub fn organisation_administrator(organisation: OrganisationId, token: TokenId) -> Self {
        let actor = Actor {
            door: Door::Api,
            connection: None,
            token: Some(token),
            user: None,
            job: None,
        };
        Self {
            reach: Reach::Organisation(organisation),
            actor,
            correlation: None,
        }
    }

    /// An administrator of some organisations, who is nobody in the others (S003-2).
    #[must_use]
    pub fn administrator_of(organisations: BTreeSet<OrganisationId>, token: TokenId) -> Self {
        Self {
            reach: Reach::Organisations(organisations),
            actor: Actor {
                door: Door::Api,
                connection: None,
                token: Some(token),
                user: None,
                job: None,
            },
            correlation: None,
        }
    }

    /// The administrator of the whole gateway.
    #[must_use]
    pub fn gateway_administrator(token: TokenId) -> Self {
        Self {
            reach: Reach::Gateway,
            actor: Actor {
                door: Door::Api,
                connection: None,
                token: Some(token),
                user: None,
                job: None,
            },
            correlation: None,
        }
    }

    /// The gateway itself: first start, sweepers, the command line on a store that no gateway serves.
    #[must_use]
    pub fn system() -> Self {
        Self {
            reach: Reach::Gateway,
            actor: Actor {
                door: Door::System,
                connection: None,
                token: None,
                user: None,
                job: None,
            },
            correlation: None,
        }
    }

    /// A person of the organisation who signed in, or whom a token stands for. May do what the person's roles and grants allow,
    /// through the admin API only, and only where its table of demands says so.
    #[must_use]
    pub fn person(organisation: OrganisationId, user: UserId, token: Option<TokenId>) -> Self {
        let actor = Actor {
            door: Door::Api,
            connection: None,
            token,
            user: Some(user),
            job: None,
        };
        Self {
            reach: Reach::Person { organisation, user },
            actor,
            correlation: None,
        }
    }

    /// The person whom an invitation of this organisation was made for.
    #[must_use]
    pub fn invitee(organisation: OrganisationId) -> Self {
        let actor = Actor {
            door: Door::Invitee,
            connection: None,
            token: None,
            user: None,
            job: None,
        };
        Self {
            reach: Reach::Invitee(organisation),
            actor,
            correlation: None,
        }
    }

    /// The same, asking in this request.
    #[must_use]
    pub fn within(self, correlation: Option<Arc<Correlation>>) -> Self {
        Self { correlation, ..self }
    }

    /// Whoever shows a guest's secret of this organisation.
    #[must_use]
    pub fn guest(organisation: OrganisationId) -> Self {
        let actor = Actor {
            door: Door::Guest,
            connection: None,
            token: None,
            user: None,
            job: None,
        };
        Self {
            reach: Reach::Guest(organisation),
            actor,
            correlation: None,
        }
    }

    /// May provision users and groups of this organisation through its connection.
    ///
    /// # Errors
    /// [`DirectoryError::Unauthenticated`] for another organisation's connection, so that nobody learns which exist;
    /// [`DirectoryError::Denied`] when the credential is not a connection's.
    pub fn provision(&self, organisation: OrganisationId) -> Result<Permit, DirectoryError> {
        match &self.reach {
            Reach::Connection { organisation: own, .. } if *own == organisation => Ok(self.permit(organisation)),
            Reach::Connection { .. } => Err(DirectoryError::Unauthenticated),
            Reach::Organisation(_)
            | Reach::Organisations(_)
            | Reach::Gateway
            | Reach::Invitee(_)
            | Reach::Guest(_)
            | Reach::Person { .. } => Err(DirectoryError::Denied(Denial::NotAConnection)),
        }
    }

    /// May administer this organisation, all of it. Persons may do single things only: see [`super::Directory::authorise`].
    ///
    /// # Errors
    /// [`DirectoryError::NotFound`] for another organisation's administrator, so that nobody learns which exist;
    /// [`DirectoryError::Denied`] for a connection's token and for a person.
    pub fn administer(&self, organisation: OrganisationId) -> Result<Permit, DirectoryError> {
        match &self.reach {
            Reach::Gateway => Ok(self.permit(organisation)),
            Reach::Organisation(own) if *own == organisation => Ok(self.permit(organisation)),
            Reach::Organisations(own) if own.contains(&organisation) => Ok(self.permit(organisation)),
            Reach::Organisation(_) | Reach::Organisations(_) => {
                Err(DirectoryError::not_found("organisation", organisation))
            }
            Reach::Person { organisation: own, .. } if *own != organisation => {
                Err(DirectoryError::not_found("organisation", organisation))
            }
            Reach::Connection { .. } | Reach::Invitee(_) | Reach::Guest(_) | Reach::Person { .. } => {
                Err(DirectoryError::Denied(Denial::NotAnAdministrator))
            }
        }
    }

    /// May administer the gateway: make organisations.
    ///
    /// # Errors
    /// [`DirectoryError::Denied`] for any lesser credential.
    pub fn administer_gateway(&self, organisation: OrganisationId) -> Result<Permit, DirectoryError> {
        match self.reach {
            Reach::Gateway => Ok(self.permit(organisation)),
            Reach::Connection { .. }
            | Reach::Organisation(_)
            | Reach::Organisations(_)
            | Reach::Invitee(_)
            | Reach::Guest(_)
            | Reach::Person { .. } => Err(DirectoryError::Denied(Denial::NotTheGateway)),
        }
    }

    /// May accept an invitation of this organisation.
    ///
    /// # Errors
    /// [`DirectoryError::Unauthenticated`] for anyone else.
    pub fn accept(&self, organisation: OrganisationId) -> Result<Permit, DirectoryError> {
        match self.reach {
            Reach::Invitee(own) if own == organisation => Ok(self.permit(organisation)),
            _ => Err(DirectoryError::Unauthenticated),
        }
    }

    /// May come in as a guest of this organisation.
    ///
    /// # Errors
    /// [`DirectoryError::Unauthenticated`] for anyone else.
    pub fn join(&self, organisation: OrganisationId) -> Result<Permit, DirectoryError> {
        match self.reach {
            Reach::Guest(own) if own == organisation => Ok(self.permit(organisation)),
            _ => Err(DirectoryError::Unauthenticated),
        }
    }

    /// Whether the organisation is among those that the credential may administer at all.
    #[must_use]
    pub fn knows(&self, organisation: OrganisationId) -> bool {
        match &self.reach {
            Reach::Gateway => true,
            Reach::Organisations(own) => own.contains(&organisation),
            _ => self.organisation() == Some(organisation),
        }
    }

    /// The one organisation that the credential belongs to; `None` for the gateway's, and for one of several organisations.
    #[must_use]
    pub fn organisation(&self) -> Option<OrganisationId> {
        match &self.reach {
            Reach::Connection { organisation, .. }
            | Reach::Organisation(organisation)
            | Reach::Invitee(organisation)
            | Reach::Guest(organisation)
            | Reach::Person { organisation, .. } => Some(*organisation),
            Reach::Organisations(_) | Reach::Gateway => None,
        }
    }

    /// The connection that the credential belongs to, if it does.
    #[must_use]
    pub fn connection(&self) -> Option<&Slug> {
        match &self.reach {
            Reach::Connection { connection, .. } => Some(connection),
            Reach::Organisation(_)
            | Reach::Organisations(_)
            | Reach::Gateway
            | Reach::Invitee(_)
            | Reach::Guest(_)
            | Reach::Person { .. } => None,
        }
    }

    /// The person who acts, if one does.
    #[must_use]
    pub fn user(&self) -> Option<UserId> {
        self.actor.user
    }

    /// The public half of the token that was shown, if one was.
    #[must_use]
    pub fn token(&self) -> Option<TokenId> {
        self.actor.token
    }

    fn permit(&self, organisation: OrganisationId) -> Permit {
        let authority = match self.reach {
            Reach::Connection { .. } => Authority::Connection,
            // A person's rights are asked for one by one, where the permit is made.
            Reach::Organisation(_) | Reach::Organisations(_) | Reach::Person { .. } => Authority::Organisation,
            Reach::Gateway => Authority::Gateway,
            Reach::Invitee(_) | Reach::Guest(_) => Authority::Invitee,
        };
        Permit {
            organisation,
            actor: self.actor.clone(),
            correlation: self.correlation.clone(),
            authority,
        }
    }
}
