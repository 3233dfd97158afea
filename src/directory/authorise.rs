//! Who may do what. A write needs a [`Permit`], and only this file makes one.

use crate::model::event::{Actor, Door};
use crate::model::id::{OrganisationId, TokenId, UserId};
use crate::model::slug::Slug;

use super::error::{Denial, DirectoryError};

/// Who is asking, as the credential says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    reach: Reach,
    actor: Actor,
}

/// How far a credential reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Reach {
    Connection {
        organisation: OrganisationId,
        connection: Slug,
    },
    Organisation(OrganisationId),
    Gateway,
    Invitee(OrganisationId),
    Person {
        organisation: OrganisationId,
        user: UserId,
    },
}

/// Proof that the caller may change this organisation through this door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permit {
    organisation: OrganisationId,
    actor: Actor,
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
        };
        Self { organisation, actor }
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

    /// The connection that acts, if one does.
    #[must_use]
    pub fn connection(&self) -> Option<&Slug> {
        self.actor.connection.as_ref()
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
        };
        Self {
            reach: Reach::Connection {
                organisation,
                connection,
            },
            actor,
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
        };
        Self {
            reach: Reach::Connection {
                organisation,
                connection,
            },
            actor,
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
        };
        Self {
            reach: Reach::Connection {
                organisation,
                connection,
            },
            actor,
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
        };
        Self {
            reach: Reach::Organisation(organisation),
            actor,
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
            },
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
            },
        }
    }

    /// A person who has signed in; `token` is the public half of the session's.
    #[must_use]
    pub fn person(organisation: OrganisationId, user: UserId, token: Option<TokenId>) -> Self {
        let actor = Actor {
            door: Door::Api,
            connection: None,
            token,
            user: Some(user),
        };
        Self {
            reach: Reach::Person { organisation, user },
            actor,
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
        };
        Self {
            reach: Reach::Invitee(organisation),
            actor,
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
            Reach::Organisation(_) | Reach::Gateway | Reach::Invitee(_) | Reach::Person { .. } => {
                Err(DirectoryError::Denied(Denial::NotAConnection))
            }
        }
    }

    /// May administer this organisation.
    ///
    /// # Errors
    /// [`DirectoryError::NotFound`] for another organisation's administrator, so that nobody learns which exist;
    /// [`DirectoryError::Denied`] for a connection's token.
    pub fn administer(&self, organisation: OrganisationId) -> Result<Permit, DirectoryError> {
        match &self.reach {
            Reach::Gateway => Ok(self.permit(organisation)),
            Reach::Organisation(own) if *own == organisation => Ok(self.permit(organisation)),
            Reach::Organisation(_) => Err(DirectoryError::not_found("organisation", organisation)),
            Reach::Person { organisation: own, .. } if *own != organisation => {
                Err(DirectoryError::not_found("organisation", organisation))
            }
            Reach::Connection { .. } | Reach::Invitee(_) | Reach::Person { .. } => {
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
            Reach::Connection { .. } | Reach::Organisation(_) | Reach::Invitee(_) | Reach::Person { .. } => {
                Err(DirectoryError::Denied(Denial::NotTheGateway))
            }
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

    /// The one organisation that the credential belongs to; `None` for the gateway's.
    #[must_use]
    pub fn organisation(&self) -> Option<OrganisationId> {
        match &self.reach {
            Reach::Connection { organisation, .. }
            | Reach::Organisation(organisation)
            | Reach::Invitee(organisation)
            | Reach::Person { organisation, .. } => Some(*organisation),
            Reach::Gateway => None,
        }
    }

    /// The connection that the credential belongs to, if it does.
    #[must_use]
    pub fn connection(&self) -> Option<&Slug> {
        match &self.reach {
            Reach::Connection { connection, .. } => Some(connection),
            Reach::Organisation(_) | Reach::Gateway | Reach::Invitee(_) | Reach::Person { .. } => None,
        }
    }

    /// The person who has signed in, if it is one.
    #[must_use]
    pub fn user(&self) -> Option<UserId> {
        match &self.reach {
            Reach::Person { user, .. } => Some(*user),
            Reach::Connection { .. } | Reach::Organisation(_) | Reach::Gateway | Reach::Invitee(_) => None,
        }
    }

    /// The public half of the token that was shown, if one was.
    #[must_use]
    pub fn token(&self) -> Option<TokenId> {
        self.actor.token
    }

    fn permit(&self, organisation: OrganisationId) -> Permit {
        Permit {
            organisation,
            actor: self.actor.clone(),
        }
    }
}
