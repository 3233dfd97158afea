//! The outbox, the wording of mails, and what finds invitations: by state, by person, by their end.

use crate::model::id::{InvitationId, MailId, OrganisationId, UserId};
use crate::model::invitation::InvitationState;
use crate::model::mail::{MailState, TemplateName};
use crate::store::Key;

use super::{Builder, Table};

/// A mail's place in the outbox.
#[must_use]
pub const fn place(state: MailState) -> u8 {
    match state {
        MailState::Queued => b'q',
        MailState::Dead => b'x',
    }
}

/// A mail.
#[must_use]
pub fn mail(organisation: OrganisationId, state: MailState, id: MailId) -> Key {
    Builder::of(organisation, Table::Outbox)
        .byte(place(state))
        .uuid(id.uuid())
        .key()
}

/// All mails of a state, the oldest first.
#[must_use]
pub fn mails(organisation: OrganisationId, state: MailState) -> Key {
    Builder::of(organisation, Table::Outbox).byte(place(state)).key()
}

/// A mail about a person, for the person's deletion.
#[must_use]
pub fn mail_about(organisation: OrganisationId, user: UserId, id: MailId) -> Key {
    Builder::of(organisation, Table::Outbox)
        .byte(b'u')
        .uuid(user.uuid())
        .uuid(id.uuid())
        .key()
}

/// All mails about a person.
#[must_use]
pub fn mails_about(organisation: OrganisationId, user: UserId) -> Key {
    Builder::of(organisation, Table::Outbox)
        .byte(b'u')
        .uuid(user.uuid())
        .key()
}

/// All entries that find mails by person.
#[must_use]
pub fn mails_by_person(organisation: OrganisationId) -> Key {
    Builder::of(organisation, Table::Outbox).byte(b'u').key()
}

/// When (milliseconds) a queued mail is tried next.
#[must_use]
pub fn due(due_ms: u64, organisation: OrganisationId, id: MailId) -> Key {
    at(b'm', due_ms, organisation, id.uuid())
}

/// All queued mails of every organisation, in the order in which they are due.
#[must_use]
pub fn dues() -> Key {
    Builder::global(b'm').key()
}

/// When (milliseconds) an invitation that is out ends.
#[must_use]
pub fn ends(end_ms: u64, organisation: OrganisationId, id: InvitationId) -> Key {
    at(b'e', end_ms, organisation, id.uuid())
}

/// All invitations that are out, of every organisation, in the order of their ends.
#[must_use]
pub fn all_ends() -> Key {
    Builder::global(b'e').key()
}

fn at(table: u8, at_ms: u64, organisation: OrganisationId, id: uuid::Uuid) -> Key {
    Builder::global(table)
        .number(at_ms)
        .uuid(organisation.uuid())
        .uuid(id)
        .key()
}

/// Bytes of a key of a time before its number.
const NUMBER_AT: usize = 2;
/// Bytes of such a key before the organisation.
const ORGANISATION_AT: usize = NUMBER_AT + 8;

/// The instant (milliseconds), the organisation and the identifier in a [`due`] or [`ends`] key.
#[must_use]
pub fn timed(key: &Key) -> Option<(u64, OrganisationId, uuid::Uuid)> {
    let bytes = key.as_bytes();
    let number = bytes.get(NUMBER_AT..ORGANISATION_AT)?.try_into().ok()?;
    let organisation = uuid::Uuid::from_slice(bytes.get(ORGANISATION_AT..ORGANISATION_AT + 16)?).ok()?;
    let id = uuid::Uuid::from_slice(bytes.get(ORGANISATION_AT + 16..)?).ok()?;
    Some((u64::from_be_bytes(number), OrganisationId::new(organisation), id))
}

/// Whether a key says when the mailer has something to do.
#[must_use]
pub fn is_timed(key: &Key) -> bool {
    matches!(key.as_bytes(), [b'g', b'm' | b'e', ..])
}

/// An organisation's own wording of a mail.
#[must_use]
pub fn template(organisation: OrganisationId, name: TemplateName, language: &str) -> Key {
    Builder::of(organisation, Table::MailTemplate)
        .text(name.as_str())
        .text(language)
        .key()
}

const fn letter(state: InvitationState) -> u8 {
    match state {
        InvitationState::Queued => b'q',
        InvitationState::Sent => b's',
        InvitationState::Opened => b'o',
        InvitationState::Accepted => b'a',
        InvitationState::Expired => b'e',
        InvitationState::Revoked => b'r',
    }
}

/// An invitation among those of its state.
#[must_use]
pub fn invitation_in(organisation: OrganisationId, state: InvitationState, id: InvitationId) -> Key {
    Builder::of(organisation, Table::InvitationIndex)
        .byte(letter(state))
        .uuid(id.uuid())
        .key()
}

/// All invitations of a state, the oldest first.
#[must_use]
pub fn invitations_in(organisation: OrganisationId, state: InvitationState) -> Key {
    Builder::of(organisation, Table::InvitationIndex)
        .byte(letter(state))
        .key()
}

/// An invitation among those of a person.
#[must_use]
pub fn invitation_of(organisation: OrganisationId, user: UserId, id: InvitationId) -> Key {
    Builder::of(organisation, Table::InvitationIndex)
        .byte(b'u')
        .uuid(user.uuid())
        .uuid(id.uuid())
        .key()
}

/// All invitations of a person, the oldest first.
#[must_use]
pub fn invitations_of(organisation: OrganisationId, user: UserId) -> Key {
    Builder::of(organisation, Table::InvitationIndex)
        .byte(b'u')
        .uuid(user.uuid())
        .key()
}

/// The invitation that a secret opens; `hash` is hexadecimal.
#[must_use]
pub fn invitation_secret(hash: &str) -> Key {
    Builder::global(b'i').text(hash).key()
}

/// All invitation secrets.
#[must_use]
pub fn invitation_secret_all() -> Key {
    Builder::global(b'i').key()
}

/// An invitation.
#[must_use]
pub fn invitation(organisation: OrganisationId, id: InvitationId) -> Key {
    Builder::of(organisation, Table::Invitation).uuid(id.uuid()).key()
}
