//! Every key of the store, in one place. Organisation first, so that a scan never leaves its tenant.
//!
//! ```text
//! g 's' slug                         -> organisation id          (a slug names one organisation)
//! g 't' token id                     -> Token
//! g 'i' SHA-256 of invitation secret -> organisation id, invitation id
//! g 'a' token id                     -> AccessToken              (of the token endpoint)
//! g 'm' due (ms), organisation, mail -> nothing                  (what the mailer does next)
//! g 'e' end (ms), organisation, invitation -> nothing            (which invitation ends next)
//! g 'k' SHA-256 of guest secret      -> organisation id, `G` or `K`, guest or link id
//! g 'f'                              -> the form of caseless names in keys (see `upgrade.rs`)
//! o <org 16 bytes> <table byte> ...  -> everything of one organisation
//! ```
//! Texts inside a key end with a zero byte (none of ours contain one), so that no key is a prefix of a longer name.

pub mod access;
pub mod audit;
mod connection;
pub mod credential;
mod custom_attribute;
pub mod exchange;
mod form;
mod groups;
mod import;
mod job;

pub mod mail;
mod membership;
pub mod people;
mod resources;
pub mod source_group;

use sha2::Digest as _;

pub use access::default_grants;
pub use connection::{
    failure, failures, held_part, held_parts, held_plan_parts, is_failure, journal, journal_entry, review, reviews,
    run, run_named,
};
pub use custom_attribute::{
    custom_entry, custom_entry_values, custom_schema, custom_unique, custom_unique_values, is_custom_entry,
};

pub use form::{name_form, refold};
pub use groups::{
    billing_root, default_groups, group_child, group_children, group_gives, group_number, groups_giving,
    is_group_number,
};
pub use import::{import_of, import_row, import_rows};
pub use job::{all_job_items, job, job_item, job_items, job_of, jobs};
pub use mail::{invitation, invitation_secret, invitation_secret_all};
pub use membership::{
    group_changes, group_member, group_members, group_of, group_touched, groups_inside, member_changes, member_group,
    member_groups, member_of, purge,
};
pub use resources::{
    Assigned, assigned_to, assignment, assignments, closing_resource, closing_resources, is_resource_name, owned,
    resource, resource_entry, resource_expiries, resource_expiry, resource_name, resources, resources_of_type,
    subject_assignment, subject_assignments, subject_of,
};

/// The comparison form of a caseless name: decided once, for the whole gateway.
pub use crate::model::fold::fold_name as fold;

use crate::model::custom_attribute::Bearer;
use crate::model::id::{GroupId, OrganisationId, ResourceId, TokenId, UserId};
use crate::model::mail::MailState;
use crate::model::membership::Member;
use crate::model::slug::Slug;
use crate::store::Key;

/// Stands where an organisation stands in a key, for what belongs to the gateway itself: its own tokens and their events.
pub const GATEWAY: OrganisationId = OrganisationId::new(uuid::Uuid::nil());

/// The tables of an organisation. The byte is part of the stored key: never change one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Table {
    /// The organisation's own record.
    Organisation = b'o',
    /// Connections by name.
    Connection = b'c',
    /// Roles by key.
    Role = b'r',
    /// Licences by key.
    Licence = b'l',
    /// The organisation's own attributes, by resource type.
    CustomAttribute = b'a',
    /// Users by id (which is the order of creation).
    User = b'u',
    /// Tombstones of deleted users and groups by id.
    Tombstone = b'x',
    /// Groups by id.
    Group = b'g',
    /// Members of a group.
    GroupMember = b'm',
    /// Groups of a member.
    MemberGroup = b'n',
    /// When a group's members last changed, and how often.
    GroupTouched = b'h',
    /// How often a member's groups changed.
    MemberTouched = b'j',
    /// Groups whose members are still being removed after the group's deletion.
    Purge = b'p',
    /// Invitations by id.
    Invitation = b'i',
    /// Unique names: a folded value -> the id that holds it.
    Unique = b'q',
    /// Other indexes: a folded value and an id -> nothing.
    Index = b'y',
    /// Counters.
    Count = b'k',
    /// Users who wait for a seat, in order.
    Waiting = b'w',
    /// The event log.
    Event = b'e',
    /// Tokens of the organisation: a list for people; the token itself is global.
    TokenList = b't',
    /// A connection's memory of an outside identity.
    Link = b'z',
    /// Who the names in a connection's source stand for.
    SourceName = b'f',
    /// What the groups of a connection's source say of themselves and name, whether or not they are groups here.
    SourceGroup = b'B',
    /// Synchronisation runs, plans and leases.
    Run = b'v',
    /// What the clients of each connection asked.
    Journal = b'd',
    /// Assertions that were exchanged for access tokens, and when both end.
    Exchange = b'b',
    /// The audit log, by time.
    Audit = b'A',
    /// Requests that carried an idempotency key, with their answers.
    Idempotency = b'E',
    /// The tree of groups: children, the numbers given to them, the billing root, the groups for newcomers.
    GroupTree = b'H',
    /// Work on groups and resources that follows a commit in parts.
    Following = b'F',
    /// Resources by id, and what they are found by.
    Resource = b'R',
    /// Types of resources by key.
    ResourceType = b'Y',
    /// Users and groups that a resource is assigned to.
    Assignment = b'S',
    /// Resources of a user or group.
    SubjectAssignment = b'T',
    /// Mail that is to be sent, and mail that could not be.
    Outbox = b'O',
    /// The organisation's own wording of mails, by event and language.
    MailTemplate = b'M',
    /// Invitations by state, and by person.
    InvitationIndex = b'I',
    /// What people sign in with.
    Credential = b'W',
    /// Sessions.
    Session = b'N',
    /// Cost centres by key.
    CostCentre = b'C',
    /// Guests by id.
    Guest = b'G',
    /// Links by which guests join, by id.
    GuestLink = b'K',
    /// The permission catalogue by action.
    Permission = b'P',
    /// What everyone and every guest may do: one record.
    DefaultGrants = b'D',
    /// Roles and groups whose holders and members are still being brought in line with a changed link.
    RoleLink = b'L',
    /// Work on many people at once: heads and items.
    Job = b'J',
    /// What the rows of imported files say, by job and item.
    ImportRow = b'Z',
    /// Saved views by owner.
    View = b'V',
}

/// What must be unique in an organisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unique {
    /// What a user signs in by: the user name, or another login id of any kind.
    UserName,
    /// A group's name.
    GroupName,
    /// A group's name in links.
    GroupLink,
    /// A group's place in the tree.
    GroupCode,
}

/// What users and groups are found by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Index {
    /// A user's e-mail address, folded.
    UserEmail,
    /// A user's `displayName`, folded.
    UserDisplayName,
    /// The role a user holds.
    RoleHolder,
    /// The licence a user is meant to have.
    LicenceHolder,
    /// A user's home group.
    HomeGroup,
}

/// What is counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Count {
    /// Users.
    Users,
    /// Groups.
    Groups,
    /// Members of a group.
    Members(GroupId),
    /// Seats held of a licence.
    Seats(Slug),
    /// People who wait for a seat of a licence.
    Waiting(Slug),
    /// People that a connection is linked to.
    Linked(Slug),
    /// Resources that have a value of a custom attribute.
    Values(Bearer, String),
    /// Groups on a level of the tree, from 2 on.
    Level(u8),
    /// Resources of a type.
    Resources(Slug),
    /// Users that a resource is assigned to directly.
    ResourceUsers(ResourceId),
    /// Groups that a resource is assigned to.
    ResourceGroups(ResourceId),
    /// Resources that a user or group is assigned to directly, or owns. Also the mark that makes an assignment conflict with the
    /// deletion of its subject.
    Subject(Member),
    /// Mails in the outbox.
    Mail(MailState),
    /// People who hold a role in the whole organisation.
    RoleHolders(Slug),
    /// Roles that put their holders into a group.
    RolesLinked(GroupId),
}

/// Texts above this many bytes are cut and hashed in a key.
const TEXT_BYTES_MAX: usize = 512;

/// A key under construction.
struct Builder(Vec<u8>);

impl Builder {
    fn global(table: u8) -> Self {
        Self(vec![b'g', table])
    }

    fn of(organisation: OrganisationId, table: Table) -> Self {
        let mut bytes = Vec::with_capacity(64);
        bytes.push(b'o');
        bytes.extend_from_slice(organisation.uuid().as_bytes());
        bytes.push(table as u8);
        Self(bytes)
    }

    fn uuid(mut self, id: uuid::Uuid) -> Self {
        self.0.extend_from_slice(id.as_bytes());
        self
    }

    fn byte(mut self, byte: u8) -> Self {
        self.0.push(byte);
        self
    }

    /// Zero bytes end a text, so inside one they are kept as U+FFFD. A text too long for a key keeps its start and gets
    /// the hash of the whole: two different texts never share a key.
    fn text(mut self, text: &str) -> Self {
        let clean = text.replace('\0', "\u{fffd}");
        if clean.len() > TEXT_BYTES_MAX {
            self.0.extend_from_slice(&clean.as_bytes()[..TEXT_BYTES_MAX]);
            self.0.extend_from_slice(&sha2::Sha256::digest(text));
        } else {
            self.0.extend_from_slice(clean.as_bytes());
        }
        self.0.push(0);
        self
    }

    fn number(mut self, number: u64) -> Self {
        self.0.extend_from_slice(&number.to_be_bytes());
        self
    }

    fn key(self) -> Key {
        Key::new(self.0)
    }
}

/// The organisation that has this slug.
#[must_use]
pub fn slug(slug: &Slug) -> Key {
    Builder::global(b's').text(slug.as_str()).key()
}

/// All slugs.
#[must_use]
pub fn slugs() -> Key {
    Builder::global(b's').key()
}

/// A token.
#[must_use]
pub fn token(id: TokenId) -> Key {
    Builder::global(b't').uuid(id.uuid()).key()
}

/// All tokens.
#[must_use]
pub fn tokens() -> Key {
    Builder::global(b't').key()
}

/// Everything of one organisation.
#[must_use]
pub fn organisation_all(organisation: OrganisationId) -> Key {
    Key::new([b"o", organisation.uuid().as_bytes().as_slice()].concat())
}

/// One table of one organisation.
#[must_use]
pub fn table(organisation: OrganisationId, table: Table) -> Key {
    Builder::of(organisation, table).key()
}

/// The organisation's own record.
#[must_use]
pub fn organisation(organisation: OrganisationId) -> Key {
    Builder::of(organisation, Table::Organisation).key()
}

/// A record that has a short name: a connection, role or licence.
#[must_use]
pub fn named(organisation: OrganisationId, table: Table, name: &Slug) -> Key {
    Builder::of(organisation, table).text(name.as_str()).key()
}

/// A user.
#[must_use]
pub fn user(organisation: OrganisationId, id: UserId) -> Key {
    Builder::of(organisation, Table::User).uuid(id.uuid()).key()
}

/// A group.
#[must_use]
pub fn group(organisation: OrganisationId, id: GroupId) -> Key {
    Builder::of(organisation, Table::Group).uuid(id.uuid()).key()
}

/// What remains of a deleted user or group.
#[must_use]
pub fn tombstone(organisation: OrganisationId, id: uuid::Uuid) -> Key {
    Builder::of(organisation, Table::Tombstone).uuid(id).key()
}

/// A token in its organisation's list.
#[must_use]
pub fn token_entry(organisation: OrganisationId, id: TokenId) -> Key {
    Builder::of(organisation, Table::TokenList).uuid(id.uuid()).key()
}

fn member_parts(builder: Builder, member: Member) -> Builder {
    match member {
        Member::User(id) => builder.byte(b'u').uuid(id.uuid()),
        Member::Group(id) => builder.byte(b'g').uuid(id.uuid()),
    }
}

/// The identifier in the last 16 bytes of a key.
#[must_use]
pub fn last_uuid(key: &Key) -> Option<uuid::Uuid> {
    let bytes = key.as_bytes();
    uuid::Uuid::from_slice(bytes.get(bytes.len().checked_sub(16)?..)?).ok()
}

/// The short name that ends a key of an organisation.
#[must_use]
pub fn last_text(key: &Key) -> String {
    let text = key.as_bytes().get(18..).unwrap_or_default();
    String::from_utf8_lossy(text).trim_end_matches('\0').to_owned()
}

/// The number in the last 8 bytes of a key.
#[must_use]
pub fn last_number(key: &Key) -> Option<u64> {
    let bytes = key.as_bytes();
    let number = bytes.get(bytes.len().checked_sub(8)?..)?;
    Some(u64::from_be_bytes(number.try_into().ok()?))
}

/// The holder of a unique name; `folded` is the name's comparison form.
#[must_use]
pub fn unique(organisation: OrganisationId, what: Unique, folded: &str) -> Key {
    let tag = match what {
        Unique::UserName => b'u',
        Unique::GroupName => b'g',
        Unique::GroupLink => b'K',
        Unique::GroupCode => b'D',
    };
    Builder::of(organisation, Table::Unique).byte(tag).text(folded).key()
}

fn index_tag(index: Index) -> u8 {
    match index {
        Index::UserEmail => b'e',
        Index::UserDisplayName => b'd',
        Index::RoleHolder => b'r',
        Index::LicenceHolder => b'l',
        Index::HomeGroup => b'h',
    }
}

/// One entry of an index.
#[must_use]
pub fn index(organisation: OrganisationId, index: Index, folded: &str, id: uuid::Uuid) -> Key {
    Builder::of(organisation, Table::Index)
        .byte(index_tag(index))
        .text(folded)
        .uuid(id)
        .key()
}

/// All entries of an index for one value.
#[must_use]
pub fn index_entries(organisation: OrganisationId, index: Index, folded: &str) -> Key {
    Builder::of(organisation, Table::Index)
        .byte(index_tag(index))
        .text(folded)
        .key()
}

/// All entries of an index whose value starts with `prefix`.
#[must_use]
pub fn index_prefix(organisation: OrganisationId, index: Index, prefix: &str) -> Key {
    let mut builder = Builder::of(organisation, Table::Index).byte(index_tag(index));
    builder.0.extend_from_slice(prefix.as_bytes());
    builder.key()
}

/// A counter.
#[must_use]
pub fn count(organisation: OrganisationId, what: &Count) -> Key {
    let builder = Builder::of(organisation, Table::Count);
    match what {
        Count::Users => builder.byte(b'u'),
        Count::Groups => builder.byte(b'g'),
        Count::Members(group) => builder.byte(b'm').uuid(group.uuid()),
        Count::Seats(licence) => builder.byte(b's').text(licence.as_str()),
        Count::Waiting(licence) => builder.byte(b'w').text(licence.as_str()),
        Count::Linked(connection) => builder.byte(b'c').text(connection.as_str()),
        Count::Values(bearer, attribute) => builder.byte(b'a').attribute(*bearer, attribute),
        Count::Level(level) => builder.byte(b'v').byte(*level),
        Count::Resources(key) => builder.byte(b'R').text(key.as_str()),
        Count::ResourceUsers(id) => builder.byte(b'U').uuid(id.uuid()),
        Count::ResourceGroups(id) => builder.byte(b'G').uuid(id.uuid()),
        Count::Subject(member) => member_parts(builder.byte(b'S'), *member),
        Count::Mail(state) => builder.byte(b'O').byte(mail::place(*state)),
        Count::RoleHolders(role) => builder.byte(b'r').text(role.as_str()),
        Count::RolesLinked(group) => builder.byte(b'l').uuid(group.uuid()),
    }
    .key()
}

/// A user's place in a licence's queue: by the instant (milliseconds) that waiting began, then by id.
#[must_use]
pub fn waiting(organisation: OrganisationId, licence: &Slug, since_ms: u64, user: UserId) -> Key {
    Builder::of(organisation, Table::Waiting)
        .text(licence.as_str())
        .number(since_ms)
        .uuid(user.uuid())
        .key()
}

/// A licence's queue.
#[must_use]
pub fn queue(organisation: OrganisationId, licence: &Slug) -> Key {
    Builder::of(organisation, Table::Waiting).text(licence.as_str()).key()
}

/// The event log, and the prefix of its entries.
#[must_use]
pub fn events(organisation: OrganisationId) -> Key {
    Builder::of(organisation, Table::Event).key()
}

/// One event.
#[must_use]
pub fn event(organisation: OrganisationId, number: u64) -> Key {
    Builder::of(organisation, Table::Event).number(number).key()
}

/// A connection's memory of an outside user or group: `kind` is `u` or `g`.
#[must_use]
pub fn link(organisation: OrganisationId, connection: &Slug, kind: u8, external_id: &str) -> Key {
    Builder::of(organisation, Table::Link)
        .text(connection.as_str())
        .byte(kind)
        .text(external_id)
        .key()
}

/// All links of a connection and kind.
#[must_use]
pub fn links(organisation: OrganisationId, connection: &Slug, kind: u8) -> Key {
    Builder::of(organisation, Table::Link)
        .text(connection.as_str())
        .byte(kind)
        .key()
}

/// The external identifier in the key of a link under [`links`]. Identifiers of a directory are short, so they are whole.
#[must_use]
pub fn linked_id<'a>(prefix: &Key, key: &'a Key) -> Option<&'a str> {
    let rest = key.as_bytes().strip_prefix(prefix.as_bytes())?;
    std::str::from_utf8(rest.strip_suffix(&[0])?).ok()
}

/// Who a name in a connection's source stands for.
#[must_use]
pub fn source_name(organisation: OrganisationId, connection: &Slug, name: uuid::Uuid) -> Key {
    Builder::of(organisation, Table::SourceName)
        .text(connection.as_str())
        .uuid(name)
        .key()
}

/// Whether a key holds something that [`super::settings`] keeps in memory.
#[must_use]
pub fn is_settings(key: &Key) -> bool {
    match key.as_bytes() {
        [b'g', b's' | b't', ..] => true,
        [b'o', ..] if groups::is_default_groups(key) => true,
        [b'o', rest @ ..] => rest.get(16).is_some_and(|table| {
            [
                Table::Organisation,
                Table::Connection,
                Table::Role,
                Table::Licence,
                Table::CostCentre,
                Table::CustomAttribute,
                Table::Permission,
                Table::DefaultGrants,
                Table::ResourceType,
            ]
            .iter()
            .any(|t| *t as u8 == *table)
        }),
        _ => false,
    }
}

/// Whether a key holds a group's record.
#[must_use]
pub fn is_group(key: &Key) -> bool {
    matches!(key.as_bytes(), [b'o', rest @ ..] if rest.get(16) == Some(&(Table::Group as u8)))
}
