//! What the directory answers when it refuses, in the domain's words.

use std::borrow::Cow;

use thiserror::Error;

use crate::model::record::RecordError;
use crate::model::review::Question;
use crate::model::slug::Slug;
use crate::store::StoreError;

/// Why a use-case did not happen. Adapters turn each variant into their protocol's answer, in one exhaustive match.
#[derive(Debug, Error)]
pub enum DirectoryError {
    /// No credential, or one that opens nothing.
    #[error("the credential is missing, wrong or expired")]
    Unauthenticated,
    /// The credential does not reach this far.
    #[error("not allowed: {0}")]
    Denied(Denial),
    /// There is no such thing in this organisation.
    #[error("{kind} {id:?} does not exist")]
    NotFound {
        /// What was looked for: `user`, `group`, `connection`.
        kind: &'static str,
        /// Its name or identifier, as the caller gave it.
        id: String,
    },
    /// Another resource has this value already.
    #[error("{attribute} {value:?} is already taken: it must be unique in the organisation")]
    Uniqueness {
        /// The attribute.
        attribute: Cow<'static, str>,
        /// The value.
        value: String,
    },
    /// Another resource has this value already, and an administrator has to say whether they are the same.
    #[error("{} {:?} is already there: the identity waits for review by an administrator", .0.matched, .0.name)]
    AwaitsReview(Box<Question>),
    /// The value cannot be accepted.
    #[error("{attribute}: {reason}")]
    InvalidValue {
        /// The attribute or setting at fault.
        attribute: String,
        /// What is wrong and what would be right.
        reason: String,
    },
    /// The attribute cannot be changed by this caller.
    #[error("{attribute} cannot be changed: {reason}")]
    Mutability {
        /// The attribute.
        attribute: String,
        /// Why.
        reason: String,
    },
    /// The client's version is not the present one (RFC 7644 s3.14).
    #[error("the resource has changed: its version is {actual}")]
    VersionMismatch {
        /// The present version.
        actual: String,
    },
    /// No seat is free (S003-3).
    #[error("no free seat of licence {licence}: {used} of {limit} are in use")]
    SeatsExhausted {
        /// The licence.
        licence: Slug,
        /// Seats in use.
        used: i64,
        /// Seats in all.
        limit: i64,
    },
    /// What would happen has to be seen and confirmed first.
    #[error("{users} people hold role {role}, {memberships} memberships would end, {groups} groups would go: confirm with this answer's \"confirm\"", users = .0.users, role = .0.role, memberships = .0.memberships, groups = .0.going())]
    Unconfirmed(Box<super::role_impact::Impact>),
    /// People have the licence that is to be deleted, and what becomes of them was not confirmed.
    #[error("{users} people have licence {licence} or wait for it, {groups} groups give it: say what becomes of them with holders, and confirm with this answer's \"confirm\"", users = .0.users, licence = .0.licence, groups = .0.groups.len())]
    LicenceInUse(Box<super::licence_deletion::LicenceImpact>),
    /// Planned work is not confirmed or discarded.
    #[error("{0}")]
    Job(#[from] super::job::JobRefusal),
    /// The query needs more work than one request may cause.
    #[error("the filter matches or searches too much: {reason}")]
    TooMany {
        /// What to do about it.
        reason: String,
    },
    /// Other changes kept coming first.
    #[error("too many changes at once at {key}: try again")]
    Contended {
        /// The store's key, for the log.
        key: String,
    },
    /// The store does not answer.
    #[error("the store is not available")]
    Unavailable(#[source] StoreError),
    /// The files of mails cannot be read or deleted.
    #[error("the mails that are kept as files cannot be deleted: {0}; see to the folder of mails and ask again")]
    MailFiles(#[source] std::io::Error),
    /// A stored record is damaged.
    #[error("a stored record is damaged: {0}")]
    Corrupt(String),
}

/// Why a caller is not allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Denial {
    /// Only an administrator's token opens this.
    #[error("an administrator token is needed")]
    NotAnAdministrator,
    /// Only the gateway's own administrator token opens this.
    #[error("a gateway administrator token is needed")]
    NotTheGateway,
    /// Only a SCIM connection's token opens this.
    #[error("a SCIM connection's token is needed")]
    NotAConnection,
    /// The connection may not grant this role.
    #[error("the connection may not grant this role: list it under grantable_roles")]
    RoleNotGrantable,
    /// The user or group is another connection's.
    #[error("another connection or a person manages this: change it there")]
    HeldByAnother,
    /// The organisation's users and groups are changed by its connections only.
    #[error(
        "this organisation refuses local changes of users and groups: change them at the identity provider, or set \
         local_changes = \"allowed\" in the organisation file"
    )]
    LocalChange,
    /// The person has no right to do this, or not there.
    #[error("you have no right to do this here: ask an administrator for a role that allows it")]
    NoRight,
    /// Persons do not do this, whatever their rights.
    #[error("this is done with a token that administers the organisation, not by a person")]
    NotForPersons,
    /// The person may not act: suspended, or without the seat that is needed.
    #[error("you are suspended, or wait for a seat: ask an administrator")]
    NotActive,
    /// Nobody gives away more than what they have (S001-25).
    #[error("you cannot give what you do not have: this role or permission reaches further than your own")]
    MoreThanOwn,
    /// Nobody sets whose data they see themselves.
    #[error("you cannot set whose data you see yourself: ask somebody else who manages that, or an administrator")]
    OwnAccess,
    /// The person's target has more power than the actor.
    #[error("this person administers the organisation or is protected, and you do not administer it")]
    AboveActor,
    /// Whoever acts would come by an account that may do more than their own.
    #[error("this person may do what you may not: ask somebody who may do all of it, or an administrator")]
    StrongerThanActor,
    /// The role is given by tokens and connections only (S004-8).
    #[error("this role is given through the API only, not by a person")]
    RoleApiOnly,
    /// As many people hold the role as may (X02-1).
    #[error("{max} hold this role already, which is the most there may be: take it from somebody first")]
    RoleFull {
        /// How many may hold it.
        max: u32,
    },
    /// The role belongs to the product.
    #[error("this role is built in: an organisation file changes it, and nobody deletes it")]
    RoleBuiltIn,
    /// The person is protected by a role (X02-1, X03-5).
    #[error("this person holds a protected role: only the gateway's administrator suspends, deletes or relieves them")]
    Protected,
    /// Nobody would be left who administers the organisation.
    #[error(
        "this would leave the organisation without an administrator: make somebody else one first, or let the gateway's \
         administrator do it"
    )]
    LastAdministrator,
    /// The organisation is billed by this group.
    #[error("the billing root is never deleted, moved or disabled")]
    BillingRoot,
    /// Other groups lie below this one.
    #[error("other groups lie below this one: move or delete them first")]
    HasSubgroups,
    /// The invitation is used, withdrawn or expired.
    #[error("the invitation is used, withdrawn or expired: ask for a new one")]
    InvitationClosed,
    /// The person has asked that their data is used for nothing.
    #[error(
        "the processing of this person's data is restricted: no mail is sent; lift it with usher privacy unrestrict"
    )]
    ProcessingRestricted,
    /// The link to set a forgotten password is used, replaced or expired.
    #[error("the link to set a password is used, replaced or expired: ask for a new one")]
    ResetClosed,
    /// The password must be changed before anything else.
    #[error("the password must be changed before anything else")]
    PasswordMustChange,
    /// A second factor must be set up before anything else.
    #[error("a second factor must be set up before anything else")]
    SecondFactorMissing,
    /// The job is another's.
    #[error("somebody else planned this: only whoever planned it confirms or discards it; plan it yourself")]
    AnothersPlan,
    /// The guest's link is unknown, disabled, used up or expired.
    #[error("the guest link opens nothing: it is wrong, disabled, used up or expired; ask for a new one")]
    GuestLinkClosed,
}

impl From<StoreError> for DirectoryError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Corrupt { .. } => Self::Corrupt(error.to_string()),
            StoreError::TooLarge { what, bytes, limit } => Self::InvalidValue {
                attribute: what.to_owned(),
                reason: format!("{bytes} bytes are too many, at most {limit} are stored: send less at once"),
            },
            StoreError::Conflict { ref key } | StoreError::LimitReached { ref key, .. } => {
                Self::Contended { key: key.to_string() }
            }
            StoreError::Unavailable { .. } | StoreError::Closed => Self::Unavailable(error),
        }
    }
}

impl From<RecordError> for DirectoryError {
    fn from(error: RecordError) -> Self {
        Self::Corrupt(error.to_string())
    }
}

impl DirectoryError {
    /// Shorthand for a refused value.
    pub fn invalid(attribute: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::InvalidValue {
            attribute: attribute.into(),
            reason: reason.into(),
        }
    }

    /// Shorthand for something that does not exist.
    pub fn not_found(kind: &'static str, id: impl ToString) -> Self {
        Self::NotFound {
            kind,
            id: id.to_string(),
        }
    }
}
