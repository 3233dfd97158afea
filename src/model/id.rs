//! Identifiers. They are made by the server, never by a client, and never used twice (S003-26, X24-3).

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// An identifier of this UUID (version 7: their order is the order of creation).
            #[must_use]
            pub const fn new(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID.
            #[must_use]
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        /// Only the hyphenated lower-case form is an identifier: another spelling of the same number is another string to
        /// a SCIM client (RFC 7643 s3.1: `id` is case exact).
        impl FromStr for $name {
            type Err = NotAnId;

            fn from_str(text: &str) -> Result<Self, NotAnId> {
                let uuid = Uuid::try_parse(text).map_err(|_| NotAnId)?;
                if uuid.hyphenated().to_string() == text { Ok(Self(uuid)) } else { Err(NotAnId) }
            }
        }
    };
}

/// The text is not an identifier that this server could have made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an identifier of this server")]
pub struct NotAnId;

identifier!(
    /// An organisation's identifier.
    OrganisationId
);
identifier!(
    /// A user's identifier: the SCIM `id` (RFC 7643 s3.1).
    UserId
);
identifier!(
    /// A group's identifier: the SCIM `id` (RFC 7643 s3.1).
    GroupId
);
identifier!(
    /// A resource's identifier.
    ResourceId
);
identifier!(
    /// An invitation's identifier. Not its secret.
    InvitationId
);
identifier!(
    /// The identifier of a mail in the outbox, and of the message that is sent for it.
    MailId
);
identifier!(
    /// A guest's identifier.
    GuestId
);
identifier!(
    /// The identifier of a link by which guests join. Not its secret.
    GuestLinkId
);
identifier!(
    /// A saved view's identifier.
    ViewId
);
identifier!(
    /// A token's public half.
    TokenId
);
identifier!(
    /// A synchronisation run's identifier.
    RunId
);
identifier!(
    /// The identifier of work on many people at once.
    JobId
);
