//! Which user an outside identity is (design.md section 5): by this connection's external id first, then by policy.
//!
//! A match by name or e-mail never silently takes over a user whom another source manages: it follows the connection's
//! adoption policy. There is no way from an external id to an internal id (reliability.md A1).

use crate::directory::administering::administers;
use crate::directory::keys::{self, Index, fold};
use crate::directory::link::Link;
use crate::directory::settings::OrganisationSettings;
use crate::directory::{DirectoryError, Unit};
use crate::model::connection::{Adoption, Connection, MatchBy};
use crate::model::group::Group;
use crate::model::id::UserId;
use crate::model::review::{Question, ReviewKind, Verdict};
use crate::model::user::User;
use crate::store::Scan;

use super::person::Context;

/// What was found.
#[derive(Debug, Clone, PartialEq)]
pub enum Match {
    /// Nobody: a new person.
    Nobody,
    /// The person that this connection knows by this external id.
    Known(Box<User>),
    /// A person of another source (or of none), whom the policy lets the connection adopt.
    Adopted(Box<User>),
    /// A person of another source, of whom an administrator has to say whether it is the same one.
    Review(Box<Question>),
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
            return judge(unit, organisation, connection, identity, (user, attribute)).await;
        }
    }
    Ok(Match::Nobody)
}

/// What the policy says about a user whom another source, or nobody, manages.
async fn judge(
    unit: &mut Unit,
    organisation: &OrganisationSettings,
    connection: &Connection,
    identity: Keys<'_>,
    (user, attribute): (User, &'static str),
) -> Result<Match, DirectoryError> {
    let refused = Match::Refused {
        user: user.id,
        attribute,
    };
    let needs_approval = match connection.matching.adoption {
        Adoption::Refuse => return Ok(refused),
        Adoption::Adopt => administers(organisation, user.roles.keys()),
        Adoption::Review => true,
    };
    // A user whom this connection knows by another external id is another person to it; an administrator may say otherwise
    // once runs no longer see that id.
    if let Some(other) = user.external_ids.get(&connection.name) {
        let link = keys::link(unit.organisation(), &connection.name, b'u', other);
        let link: Option<Link> = unit.find(&link).await?;
        if connection.matching.adoption != Adoption::Review || link.is_none_or(|link| link.is_seen()) {
            return Ok(refused);
        }
    }
    if !needs_approval {
        return Ok(Match::Adopted(Box::new(user)));
    }
    let question = Question {
        connection: connection.name.clone(),
        kind: ReviewKind::User,
        external_id: identity.external_id.map(str::to_owned),
        name: identity.user_name.to_owned(),
        found: user.id.uuid(),
        matched: attribute.to_owned(),
    };
    Ok(match unit.verdict(&question).await? {
        Some(Verdict::Approved) => Match::Adopted(Box::new(user)),
        Some(Verdict::Rejected) => refused,
        None => Match::Review(Box::new(question)),
    })
}

/// What the policy says about a group that other connections hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupVerdict {
    /// The connection may link it.
    Adopt,
    /// It may not.
    Refuse,
    /// An administrator has to say.
    Review(Box<Question>),
}

/// What the policy says about a group of another source, before anybody was asked.
#[must_use]
pub fn judge_group(context: Context<'_>, group: &Group, external_id: Option<&str>, name: &str) -> GroupVerdict {
    let (organisation, connection) = (context.organisation, context.connection);
    match connection.matching.adoption {
        Adoption::Refuse => return GroupVerdict::Refuse,
        Adoption::Adopt if !administers(organisation, group.grants_roles.iter()) => return GroupVerdict::Adopt,
        Adoption::Adopt | Adoption::Review => {}
    }
    GroupVerdict::Review(Box::new(Question {
        connection: connection.name.clone(),
        kind: ReviewKind::Group,
        external_id: external_id.map(str::to_owned),
        name: name.to_owned(),
        found: group.id.uuid(),
        matched: "displayName".to_owned(),
    }))
}

impl GroupVerdict {
    /// The verdict with what an administrator said, if one did.
    #[must_use]
    pub fn after(self, said: Option<Verdict>) -> Self {
        match (self, said) {
            (Self::Review(_), Some(Verdict::Approved)) => Self::Adopt,
            (Self::Review(_), Some(Verdict::Rejected)) => Self::Refuse,
            (verdict, _) => verdict,
        }
    }

    /// What an administrator is to be asked, or was.
    #[must_use]
    pub fn question(&self) -> Option<&Question> {
        match self {
            Self::Review(question) => Some(question),
            Self::Adopt | Self::Refuse => None,
        }
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
