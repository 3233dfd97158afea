//! Every token in an organisation's list exists and is the organisation's own, and the connection that it opens exists.

use async_trait::async_trait;

use crate::directory::DirectoryError;
use crate::directory::keys::{self, Table};
use crate::directory::verify::Report;
use crate::model::connection::Connection;
use crate::model::id::{OrganisationId, TokenId};
use crate::model::slug::Slug;
use crate::model::token::{Token, TokenGrant};
use crate::store::{Key, Versioned};

use super::{Invariant, View, readable};

/// The invariant.
pub struct Tokens;

#[async_trait]
impl Invariant for Tokens {
    fn name(&self) -> &'static str {
        "tokens"
    }

    async fn verify(&self, view: &View<'_>, report: &mut Report) -> Result<(), DirectoryError> {
        let connections = self.connections(view, report).await?;
        let mut pages = view.under(&keys::table(view.organisation, Table::TokenList));
        while let Some(entries) = pages.next(report).await? {
            let token = |key: &Key, _: &Versioned| {
                keys::last_uuid(key).map_or_else(Vec::new, |id| vec![keys::token(TokenId::new(id))])
            };
            for entry in view.together(entries, token).await? {
                let token = readable::<Token>(entry.others.first().and_then(Option::as_ref));
                if let Err(what) = judge(view.organisation, token.as_ref(), &connections) {
                    view.broken(report, self.name(), &entry.key, what).await;
                }
            }
        }
        Ok(())
    }
}

impl Tokens {
    /// Connections are few, and are never removed.
    async fn connections(&self, view: &View<'_>, report: &Report) -> Result<Vec<Slug>, DirectoryError> {
        let mut names = Vec::new();
        let mut pages = view.under(&keys::table(view.organisation, Table::Connection));
        while let Some(entries) = pages.next(report).await? {
            let connections = entries
                .iter()
                .filter_map(|(_, stored)| readable::<Connection>(Some(stored)));
            names.extend(connections.map(|connection| connection.name));
        }
        Ok(names)
    }
}

fn judge(organisation: OrganisationId, token: Option<&Token>, connections: &[Slug]) -> Result<(), &'static str> {
    let token = token.ok_or("is in the list, and the token does not exist")?;
    match &token.grant {
        TokenGrant::Gateway | TokenGrant::Organisations { .. } if organisation == keys::GATEWAY => Ok(()),
        TokenGrant::Connection {
            organisation: own,
            connection,
        } if *own == organisation => {
            if connections.contains(connection) {
                Ok(())
            } else {
                Err("opens a connection that does not exist")
            }
        }
        TokenGrant::Organisation { organisation: own } | TokenGrant::Person { organisation: own, .. }
            if *own == organisation =>
        {
            Ok(())
        }
        TokenGrant::Gateway
        | TokenGrant::Organisations { .. }
        | TokenGrant::Connection { .. }
        | TokenGrant::Organisation { .. }
        | TokenGrant::Person { .. } => Err("is in the list of one organisation and opens another"),
    }
}
