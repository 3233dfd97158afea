//! What the audit log and the erasure of a person do with each table. One line for each: a new table does not compile until its
//! author has decided.

use crate::model::audit::AuditKind;
use crate::store::Key;

use super::keys::Table;

/// Bytes of a key of an organisation before its table.
pub const TABLE_AT: usize = 17;

/// What becomes of a change of a table in the audit log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audited {
    /// It is noted with what was before and after. The thing is named by its identifier (the last 16 bytes of the key).
    Record(AuditKind),
    /// The same, and the thing is the organisation.
    Own(AuditKind),
    /// The same, and the thing is named by the short name that ends the key.
    Named(AuditKind),
    /// It is noted that it changed, never how.
    Sealed(AuditKind),
    /// The same for keys with this byte behind the table; the others find such things.
    Tagged(AuditKind, u8),
    /// Who came into a group or left it; what came to somebody or went.
    Edge(AuditKind),
    /// Nothing: it follows from what is noted, or is no change of anybody's making.
    No,
}

/// What the erasure of a person does to records that name the person and are not deleted with the person's own: invitations,
/// links, mails, credentials and sessions go with it, and of those nothing can be left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Erasure {
    /// The record is deleted.
    Drop,
    /// The texts that mention the person are masked; numbers and identifiers stay.
    Mask,
    /// It is left and reported: it is somebody else's or the organisation's own, and a person decides.
    Report,
}

/// How a table is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Treatment {
    /// In the audit log.
    pub audit: Audited,
    /// In the erasure of a person.
    pub erasure: Erasure,
}

macro_rules! tables {
    ($($table:ident => $audit:expr, $erasure:ident;)*) => {
        /// Every table.
        pub const ALL: &[Table] = &[$(Table::$table,)*];

        /// How a table is treated.
        #[must_use]
        pub const fn treatment(table: Table) -> Treatment {
            match table {
                $(Table::$table => Treatment { audit: $audit, erasure: Erasure::$erasure },)*
            }
        }

        /// The name of a table in answers.
        #[must_use]
        pub const fn name(table: Table) -> &'static str {
            match table { $(Table::$table => stringify!($table),)* }
        }
    };
}

tables! {
    Organisation => Audited::Own(AuditKind::Organisation), Report;
    Connection => Audited::Named(AuditKind::Connection), Report;
    Role => Audited::Named(AuditKind::Role), Report;
    Licence => Audited::Named(AuditKind::Licence), Report;
    CustomAttribute => Audited::Named(AuditKind::Attributes), Report;
    // Another person's record may name the erased one, as a manager or as a namesake.
    User => Audited::Record(AuditKind::User), Report;
    Tombstone => Audited::No, Report;
    Group => Audited::Record(AuditKind::Group), Report;
    GroupMember => Audited::Edge(AuditKind::Membership), Report;
    MemberGroup => Audited::No, Report;
    GroupTouched => Audited::No, Report;
    MemberTouched => Audited::No, Report;
    Purge => Audited::No, Report;
    Invitation => Audited::Record(AuditKind::Invitation), Report;
    Unique => Audited::No, Report;
    Index => Audited::No, Report;
    Count => Audited::No, Report;
    Waiting => Audited::No, Report;
    Event => Audited::No, Mask;
    // The token itself is noted, which is not in a table of the organisation.
    TokenList => Audited::No, Report;
    Link => Audited::No, Report;
    SourceName => Audited::No, Report;
    // Names are hashed.
    SourceGroup => Audited::No, Report;
    Run => Audited::No, Mask;
    Journal => Audited::No, Mask;
    Exchange => Audited::No, Report;
    Audit => Audited::No, Mask;
    Idempotency => Audited::No, Drop;
    Outbox => Audited::No, Report;
    MailTemplate => Audited::Named(AuditKind::Template), Report;
    InvitationIndex => Audited::No, Report;
    // Each sign-in writes one: what a person signs in with is told by events, see `audit/told.rs`.
    Credential => Audited::No, Report;
    Session => Audited::No, Report;
    CostCentre => Audited::Named(AuditKind::CostCentre), Report;
    Guest => Audited::Record(AuditKind::Guest), Report;
    GuestLink => Audited::Record(AuditKind::GuestLink), Report;
    Permission => Audited::Named(AuditKind::Permission), Report;
    DefaultGrants => Audited::Own(AuditKind::DefaultGrant), Report;
    // A person's own go with the person; the filter of a shared one may name somebody.
    View => Audited::Record(AuditKind::View), Report;
    RoleLink => Audited::No, Report;
    GroupTree => Audited::No, Report;
    Following => Audited::No, Report;
    // The table holds what resources are found by as well.
    Resource => Audited::Tagged(AuditKind::Resource, b'r'), Report;
    ResourceType => Audited::Named(AuditKind::ResourceType), Report;
    Assignment => Audited::Edge(AuditKind::Assignment), Report;
    SubjectAssignment => Audited::No, Report;
    // What each item did is noted as its own change; the reasons of a refusal may name people.
    Job => Audited::No, Mask;
    // What the row did is noted as a change; a plan that is confirmed after an erasure leaves the row out.
    ImportRow => Audited::No, Drop;
}

/// The table of a key; `None` for a key of no organisation, or of no table that this release knows.
#[must_use]
pub fn of(key: &Key) -> Option<Table> {
    let bytes = key.as_bytes();
    if bytes.first() != Some(&b'o') {
        return None;
    }
    let tag = *bytes.get(TABLE_AT)?;
    ALL.iter().copied().find(|table| *table as u8 == tag)
}
