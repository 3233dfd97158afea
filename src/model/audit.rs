//! The audit log: who changed what, through which door, from what to what (X03-11).

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::event::Actor;
use super::record::Record;

/// One commit, as the log keeps it. Its instant is in its key. The members' names are short, because there is an entry for
/// every change of a large directory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditEntry {
    /// Who, and through which door.
    #[serde(rename = "a")]
    pub actor: Actor,
    /// The request's identifier, where there was one.
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// What changed.
    #[serde(rename = "c")]
    pub changes: Vec<AuditChange>,
}

impl Record for AuditEntry {
    const KIND: &'static str = "audit entry";
}

/// One thing that changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditChange {
    /// What kind of thing it is.
    #[serde(rename = "k")]
    pub kind: AuditKind,
    /// Its identifier or short name. Of memberships: the group's identifier; of assignments: the resource's.
    #[serde(rename = "s")]
    pub subject: String,
    /// What happened to it.
    #[serde(rename = "o")]
    pub outcome: AuditOutcome,
    /// The values that changed, by name: before and after. Null stands for none.
    #[serde(rename = "f", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, (Value, Value)>,
    /// Of memberships and assignments: who, as `u` or `g` and an identifier.
    #[serde(rename = "m", default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<String>,
}

/// What happened to a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum AuditOutcome {
    /// It was made.
    #[serde(rename = "c")]
    Created,
    /// It changed.
    #[serde(rename = "u")]
    Updated,
    /// It was deleted.
    #[serde(rename = "d")]
    Deleted,
    /// It was erased: a person, with every trace.
    #[serde(rename = "e")]
    Erased,
}

impl AuditOutcome {
    /// The word in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Deleted => "deleted",
            Self::Erased => "erased",
        }
    }
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $word:literal,)*) => {
        /// What kind of thing changed.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum AuditKind {
            $($(#[$doc])* #[serde(rename = $word)] $variant,)*
        }

        impl AuditKind {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word in answers and questions.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }
    };
}

kinds! {
    /// The organisation itself.
    Organisation = "organisation",
    /// A connection.
    Connection = "connection",
    /// A role.
    Role = "role",
    /// A licence.
    Licence = "licence",
    /// The organisation's own attributes of a resource type.
    Attributes = "attributes",
    /// A user.
    User = "user",
    /// A group.
    Group = "group",
    /// Who is in a group.
    Membership = "membership",
    /// An invitation.
    Invitation = "invitation",
    /// A token.
    Token = "token",
    /// A permission.
    Permission = "permission",
    /// What everyone or every guest may do.
    DefaultGrant = "default-grant",
    /// A resource.
    Resource = "resource",
    /// A type of resources.
    ResourceType = "resource-type",
    /// Who uses a resource.
    Assignment = "assignment",
    /// A cost centre.
    CostCentre = "cost-centre",
    /// A guest.
    Guest = "guest",
    /// A link by which guests come in.
    GuestLink = "guest-link",
    /// A mail template.
    Template = "template",
    /// A password, a second factor.
    Credential = "credential",
    /// A saved view.
    View = "view",
    /// Sessions of a user.
    Session = "session",
    /// Data that was taken away as a file: a table by its name, or all that is held about a person.
    Export = "export",
}

impl fmt::Display for AuditKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
