//! Events: one committed change each, numbered per organisation without gaps.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::clock::Timestamp;
use super::record::Record;
use super::slug::Slug;

/// A committed change. Its number is its place in the organisation's log. Carries identifiers and the names of changed
/// attributes, never their values: personal data stays in the records, where erasure finds it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// When it was decided.
    pub at: Timestamp,
    /// For example `user.created`.
    pub kind: EventKind,
    /// Who did it.
    pub actor: Actor,
    /// The identifier of what changed.
    pub subject: String,
    /// What a reader needs to act: names, numbers, identifiers.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub data: Map<String, Value>,
}

impl Record for Event {
    const KIND: &'static str = "event";
}

/// Through which door, and with which credential, a change came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Actor {
    /// The door.
    pub door: Door,
    /// The connection, when the door is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<Slug>,
    /// The token's public half, when one was shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<super::id::TokenId>,
    /// The person who acts, when it is one who has signed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<super::id::UserId>,
    /// The confirmed work on many people that the change is one item of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<super::id::JobId>,
}

/// A way in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Door {
    /// A SCIM client.
    Scim,
    /// A directory synchronisation.
    Ldap,
    /// The admin API.
    Api,
    /// The command line, through the admin API. On a store that no gateway serves it comes as the gateway itself.
    Cli,
    /// The invited person.
    Invitee,
    /// A person for themselves: signing in, their own password and second factor.
    Person,
    /// The gateway itself.
    System,
    /// A guest with a link.
    Guest,
}

macro_rules! event_kinds {
    ($($(#[$doc:meta])* $variant:ident = $word:literal,)*) => {
        /// What happened. The word is `<noun>.<past participle>`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum EventKind {
            $($(#[$doc])* #[serde(rename = $word)] $variant,)*
        }

        impl EventKind {
            /// The word in the feed.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }
    };
}

event_kinds! {
    /// An organisation was made.
    OrganisationCreated = "organisation.created",
    /// An organisation's settings changed.
    OrganisationUpdated = "organisation.updated",
    /// A connection was made.
    ConnectionCreated = "connection.created",
    /// A connection's settings changed.
    ConnectionUpdated = "connection.updated",
    /// A role was made or changed.
    RoleUpdated = "role.updated",
    /// A licence was made or changed.
    LicenceUpdated = "licence.updated",
    /// A token was made.
    TokenCreated = "token.created",
    /// A token was withdrawn.
    TokenRevoked = "token.revoked",
    /// A user was made.
    UserCreated = "user.created",
    /// A user's attributes changed.
    UserUpdated = "user.updated",
    /// A user was blocked.
    UserSuspended = "user.suspended",
    /// The last block of a user was lifted.
    UserReactivated = "user.reactivated",
    /// A user came one step further in, or back.
    UserStateChanged = "user.state_changed",
    /// A user was deleted for good.
    UserDeleted = "user.deleted",
    /// A group was made.
    GroupCreated = "group.created",
    /// A group's attributes changed.
    GroupUpdated = "group.updated",
    /// A group was deleted.
    GroupDeleted = "group.deleted",
    /// A member came into a group.
    MembershipAdded = "membership.added",
    /// A member left a group.
    MembershipRemoved = "membership.removed",
    /// A user was given a role.
    RoleAssigned = "role.assigned",
    /// A role was taken from a user.
    RoleWithdrawn = "role.withdrawn",
    /// A user took a seat.
    SeatTaken = "seat.taken",
    /// A user gave a seat back.
    SeatFreed = "seat.freed",
    /// A user waits for a seat.
    SeatWaiting = "seat.waiting",
    /// A seat beyond the limit was taken.
    SeatOverage = "seat.overage",
    /// An invitation was made.
    InvitationCreated = "invitation.created",
    /// An invitation was handed over.
    InvitationSent = "invitation.sent",
    /// An invitation was accepted.
    InvitationAccepted = "invitation.accepted",
    /// An invitation was withdrawn or replaced.
    InvitationRevoked = "invitation.revoked",
    /// A synchronisation run ended.
    SyncFinished = "sync.finished",
    /// A synchronisation run was stopped by its brake and waits for a person.
    SyncHeld = "sync.held",
    /// An identity looks like somebody who is there, and waits for an administrator.
    ReviewRequested = "review.requested",
    /// An administrator said that the two are the same.
    ReviewApproved = "review.approved",
    /// An administrator said that they are not.
    ReviewRejected = "review.rejected",
    /// An administrator took the decision back.
    ReviewWithdrawn = "review.withdrawn",
    /// A group's rights sleep from now on.
    GroupDisabled = "group.disabled",
    /// A group's rights are in force again.
    GroupEnabled = "group.enabled",
    /// A group has another place in the tree.
    GroupMoved = "group.moved",
    /// What members of a group are given changed.
    GroupGivesChanged = "group.gives_changed",
    /// Members of a group were given a role in it.
    GroupRoleAssigned = "group_role.assigned",
    /// A role in a group was taken from members.
    GroupRoleWithdrawn = "group_role.withdrawn",
    /// A type of resources was made or changed.
    ResourceTypeUpdated = "resource_type.updated",
    /// A resource was made.
    ResourceCreated = "resource.created",
    /// A resource changed.
    ResourceUpdated = "resource.updated",
    /// A resource was deleted.
    ResourceDeleted = "resource.deleted",
    /// A resource was assigned to users or groups, or what an assignment says changed.
    ResourceAssigned = "resource.assigned",
    /// A resource was taken from users or groups.
    ResourceUnassigned = "resource.unassigned",
    /// A user is meant to have a licence.
    LicenceAssigned = "licence.assigned",
    /// A user is no longer meant to have a licence.
    LicenceWithdrawn = "licence.withdrawn",
    /// An invited person followed the link.
    InvitationOpened = "invitation.opened",
    /// An invitation was not accepted in time.
    InvitationExpired = "invitation.expired",
    /// A mail could not be delivered and is not tried again.
    MailUndeliverable = "mail.undeliverable",
    /// The organisation's own wording of a mail was made, changed or removed.
    TemplateUpdated = "template.updated",
    /// Repeated wrong sign-ins: nobody is let in for a while.
    SignInLocked = "sign_in.locked",
    /// An administrator ended that.
    SignInUnlocked = "sign_in.unlocked",
    /// An administrator made a link by which a forgotten password is set.
    PasswordResetRequested = "password.reset_requested",
    /// A user set up a second factor.
    SecondFactorConfirmed = "second_factor.confirmed",
    /// A user's second factor was taken away.
    SecondFactorRemoved = "second_factor.removed",
    /// A user was erased from every record.
    UserErased = "user.erased",
    /// A user's data is kept and used for nothing.
    UserRestricted = "user.restricted",
    /// It is used again.
    UserUnrestricted = "user.unrestricted",
    /// So much of a licence's limit has come into use as one of its thresholds says.
    LicenceThreshold = "licence.threshold",
    /// A seat was needed and none was free; the change was refused. At most once an hour for one person and licence.
    SeatRefused = "seat.refused",
    /// A seat is paid for by another cost centre.
    SeatCharged = "seat.charged",
    /// A cost centre was made or changed.
    CostCentreUpdated = "cost_centre.updated",
    /// A user has another home group; `take_history` says whether what was done before goes along.
    UserMoved = "user.moved",
    /// An administrator has looked at the permissions of a user who was moved.
    UserReviewed = "user.reviewed",
    /// A guest was made by an administrator.
    GuestCreated = "guest.created",
    /// A guest came in by a link.
    GuestJoined = "guest.joined",
    /// A guest may no longer come in.
    GuestDisabled = "guest.disabled",
    /// A guest's record is gone.
    GuestDeleted = "guest.deleted",
    /// A link for guests was made.
    GuestLinkCreated = "guest_link.created",
    /// A link for guests opens nothing any more; who joined by it stays.
    GuestLinkDisabled = "guest_link.disabled",
    /// A role was deleted, and is being taken from its holders.
    RoleDeleted = "role.deleted",
    /// A permission of the catalogue was made, changed or deleted.
    PermissionUpdated = "permission.updated",
    /// What everyone or every guest may do changed.
    DefaultGrantsUpdated = "default_grants.updated",
    /// A permission was given to a user without a role.
    PermissionGranted = "permission.granted",
    /// Such a permission was taken back.
    PermissionRevoked = "permission.revoked",
    /// Whose data a user sees changed.
    AccessUpdated = "access.updated",
    /// Work on many people at once was confirmed, and begins.
    JobConfirmed = "job.confirmed",
    /// Every item of such work has a result.
    JobDone = "job.done",
    /// A view of a list was kept, or changed.
    ViewSaved = "view.saved",
    /// A view of a list is gone.
    ViewDeleted = "view.deleted",
    /// A cost centre is gone.
    CostCentreDeleted = "cost_centre.deleted",
    /// Sessions of a user were ended.
    SessionEnded = "session.ended",
    /// A table was taken away as a file, or a person's data handed over.
    DataExported = "data.exported",
    /// A licence is gone.
    LicenceDeleted = "licence.deleted",
}
