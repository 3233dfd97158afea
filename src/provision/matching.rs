//! Which user an outside identity is (design.md section 5): by this connection's external id first, then by policy.
//!
//! A match by name or e-mail never silently takes over a user whom another source manages: it follows the connection's
//! adoption policy. There is no way from an external id to an internal id (reliability.md A1).

use crate::directory::keys::{self, Index, fold};
use crate::directory::link::Link;
use crate::directory::settings::OrganisationSettings;
use crate::directory::{DirectoryError, Unit};
use crate::model::connection::{Adoption, Connection, MatchBy};
use crate::model::id::UserId;
use crate::model::user::User;
use crate::store::Scan;

/// What was found.
#[derive(Debug, Clone, PartialEq)]
pub enum Match {
    /// Nobody: a new person.
    Nobody,
    /// The person that this connection knows by this external id.
    Known(Box<User>),
    /// A person of another source (or of none), whom the policy lets the connection adopt.
    Adopted(Box<User>),
    /// A person of another source, whom the policy keeps from the connection.
    Refused {
        /// Who.
        user: UserId,
        /// What was the same: `userName` or `emails`.
        attribute: &'static str,
    },
}

/// What an identity is matched by.
#[derive(Debug, Clone, Copy)]
pub struct Keys<'a> {
    /// The connection's own identifier for the person.
    pub external_id: Option<&'a str>,
    /// The login name.
    pub user_name: &'a str,
    /// The e-mail addresses.
    pub emails: &'a [&'a str],
}

/// Finds the user of an identity.
///
/// # Errors
/// As the store's read.
pub async fn find(
    unit: &mut Unit,
    organisation: &OrganisationSettings,
    connection: &Connection,
    identity: Keys<'_>,
) -> Result<Match, DirectoryError> {
    if let Some(external_id) = identity.external_id {
        let link = keys::link(unit.organisation(), &connection.name, b'u', external_id);
        if let Some(link) = unit.find::<Link>(&link).await? {
            let user = unit.load_user(UserId::new(link.id)).await?;
            return Ok(Match::Known(Box::new(user)));
        }
    }
    for by in &connection.matching.by {
        let found = match by {
            MatchBy::UserName => unit
                .find_user_name(identity.user_name)
                .await?
                .map(|id| (id, "userName")),
            MatchBy::Email => by_email(unit, organisation, identity.emails)
                .await?
                .map(|id| (id, "emails")),
        };
        if let Some((id, attribute)) = found {
            let user = unit.load_user(id).await?;
            return Ok(judge(connection, user, attribute));
        }
    }
    Ok(Match::Nobody)
}

fn judge(connection: &Connection, user: User, attribute: &'static str) -> Match {
    // A user whom this connection knows by another external id is another person to it.
    let is_linked_here = user.external_ids.contains_key(&connection.name);
    match connection.matching.adoption {
        Adoption::Adopt if !is_linked_here => Match::Adopted(Box::new(user)),
        Adoption::Adopt | Adoption::Refuse => Match::Refused {
            user: user.id,
            attribute,
        },
    }
}

/// Only in a domain that the organisation has verified, and only when exactly one user has the address.
async fn by_email(
    unit: &mut Unit,
    organisation: &OrganisationSettings,
    emails: &[&str],
) -> Result<Option<UserId>, DirectoryError> {
    for email in emails {
        let folded = fold(email);
        let domain = folded.rsplit_once('@').map(|(_, domain)| domain);
        if !domain.is_some_and(|domain| {
            organisation
                .organisation
                .verified_domains
                .iter()
                .any(|own| own == domain)
        }) {
            continue;
        }
        let entries = keys::index_entries(unit.organisation(), Index::UserEmail, &folded);
        let holders = unit.scan(Scan::prefix(&entries, 2)).await?;
        if let [(key, _)] = holders.as_slice()
            && let Some(id) = keys::last_uuid(key)
        {
            return Ok(Some(UserId::new(id)));
        }
    }
    Ok(None)
}
