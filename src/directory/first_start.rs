//! The first start on an empty store: an organisation, a connection and two tokens, in one commit.

use crate::model::connection::{Connection, ConnectionKind};
use crate::model::organisation::Organisation;
use crate::model::slug::Slug;
use crate::model::token::TokenGrant;

use super::connection::PutConnection;
use super::organisation::CreateOrganisation;
use super::token::{IssueToken, MintedToken};
use super::{Directory, DirectoryError, Operation, Principal, Unit, keys};
use crate::model::id::OrganisationId;

/// What the first start makes.
pub struct FirstStart {
    /// The organisation's slug, which is its name as well.
    pub organisation: Slug,
    /// The name of its SCIM connection.
    pub connection: Slug,
    /// The gateway administrator's token.
    pub admin: MintedToken,
    /// The SCIM connection's token.
    pub scim: MintedToken,
}

#[async_trait::async_trait]
impl Operation for FirstStart {
    type Outcome = Organisation;

    async fn attempt(&self, unit: &mut Unit) -> Result<Organisation, DirectoryError> {
        let create = CreateOrganisation {
            slug: &self.organisation,
            name: self.organisation.as_str(),
        };
        let organisation = create.attempt(unit).await?;
        let connection = Connection::new(self.connection.clone(), ConnectionKind::Scim);
        PutConnection(connection).attempt(unit).await?;
        let scim = IssueToken {
            grant: TokenGrant::Connection {
                organisation: organisation.id,
                connection: self.connection.clone(),
            },
            label: "made at the first start".to_owned(),
            expires: None,
        };
        unit.store_token(&self.scim, organisation.id, &scim);
        let admin = IssueToken {
            grant: TokenGrant::Gateway,
            ..scim
        };
        unit.store_token(&self.admin, keys::GATEWAY, &admin);
        Ok(organisation)
    }
}

impl Directory {
    /// Makes what an empty store needs, all or nothing.
    ///
    /// # Errors
    /// [`DirectoryError::Uniqueness`] when the organisation is there already; as the store's commit.
    pub async fn first_start(&self, first: &FirstStart) -> Result<Organisation, DirectoryError> {
        let id = OrganisationId::new(self.clock.uuid());
        let permit = Principal::system().administer_gateway(id)?;
        self.run(&permit, first).await
    }
}
