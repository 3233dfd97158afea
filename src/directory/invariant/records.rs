//! Every key is in a table that is known, every record can be read, and it is the one that its key says.

use async_trait::async_trait;

use crate::directory::group_default::read_default_groups;
use crate::directory::idempotency::Remembered;
use crate::directory::journal::JournalEntry;
use crate::directory::keys::{self, Assigned, Table, Unique, credential, exchange, people, source_group};
use crate::directory::link::{Link, named as source_named};
use crate::directory::oauth::UsedAssertion;
use crate::directory::role_link_work::Pending;
use crate::directory::source_group::SourceGroup;
use crate::directory::tables::{self, TABLE_AT};
use crate::directory::unit::parse_counter;
use crate::directory::user::parse_uuid;
use crate::directory::verify::Report;
use crate::directory::{DirectoryError, keys::fold};
use crate::model::audit::AuditEntry;
use crate::model::connection::Connection;
use crate::model::cost_centre::CostCentre;
use crate::model::credential::Credential;
use crate::model::custom_attribute::{Bearer, CustomSchema};
use crate::model::effective::DefaultGrants;
use crate::model::event::Event;
use crate::model::group::Group;
use crate::model::guest::{Guest, GuestLink};
use crate::model::id::OrganisationId;
use crate::model::import::ImportRow;
use crate::model::invitation::Invitation;
use crate::model::job::{Job, JobItem};
use crate::model::licence::Licence;
use crate::model::mail::QueuedMail;
use crate::model::mail::template::MailTemplate;
use crate::model::membership::Membership;
use crate::model::organisation::Organisation;
use crate::model::permission::definition::Definition;
use crate::model::record::{self, Record};
use crate::model::resource::{Assignment, Resource, ResourceType};
use crate::model::role::Role;
use crate::model::session::Session;
use crate::model::user::{Tombstone, User};
use crate::model::view::Views;
use crate::store::Key;

use super::{Invariant, View};

/// The invariant.
pub struct Records;

#[async_trait]
impl Invariant for Records {
    fn name(&self) -> &'static str {
        "records"
    }

    async fn verify(&self, view: &View<'_>, report: &mut Report) -> Result<(), DirectoryError> {
        let mut pages = view.under(&keys::organisation_all(view.organisation));
        while let Some(entries) = pages.next(report).await? {
            for (key, stored) in entries {
                if let Err(what) = judge(view.organisation, &key, &stored.value) {
                    view.broken(report, self.name(), &key, what).await;
                }
            }
        }
        Ok(())
    }
}

fn judge(organisation: OrganisationId, key: &Key, value: &[u8]) -> Result<(), String> {
    let table = tables::of(key).ok_or("is in no table that this release knows")?;
    let named = |expected: Key| belongs(key, &expected);
    match table {
        Table::Organisation
        | Table::Connection
        | Table::Role
        | Table::Licence
        | Table::CustomAttribute
        | Table::Permission
        | Table::DefaultGrants
        | Table::CostCentre => judge_of_settings(organisation, table, key, value),
        Table::Job if keys::job_of(key).is_some() => read::<JobItem>(value).map(|_| ()),
        Table::ImportRow => read::<ImportRow>(value).map(|_| ()),
        Table::Job => read::<Job>(value).and_then(|own| named(keys::job(organisation, own.id))),
        Table::RoleLink => read::<Pending>(value).map(|_| ()),
        Table::User => read::<User>(value).and_then(|own| named(keys::user(organisation, own.id))),
        Table::Group => read::<Group>(value).and_then(|own| named(keys::group(organisation, own.id))),
        Table::Invitation => read::<Invitation>(value).and_then(|own| named(keys::invitation(organisation, own.id))),
        Table::MailTemplate | Table::Outbox => {
            mail(organisation, table, key, value).and_then(|own| own.map_or(Ok(()), named))
        }
        Table::Guest => read::<Guest>(value).and_then(|own| named(people::guest(organisation, own.id))),
        Table::GuestLink => read::<GuestLink>(value).and_then(|own| named(people::guest_link(organisation, own.id))),
        Table::View => {
            let owner = people::views_owner(key);
            read::<Views>(value).and_then(|_| named(people::views(organisation, owner)))
        }
        Table::Tombstone => read::<Tombstone>(value).map(|_| ()),
        Table::GroupMember | Table::MemberGroup => read::<Membership>(value).map(|_| ()),
        Table::Link | Table::SourceName | Table::SourceGroup => judge_of_source(table, key, value),
        Table::Journal => read::<JournalEntry>(value).map(|_| ()),
        Table::Exchange if exchange::is_exchange_end(organisation, key) => hash_or_nothing(value),
        Table::Exchange => read::<UsedAssertion>(value).map(|_| ()),
        Table::Audit => read::<AuditEntry>(value).and_then(|entry| {
            let is_placed = keys::audit::audit_place(key).is_some() && !entry.changes.is_empty();
            is_placed
                .then_some(())
                .ok_or_else(|| "tells of no change, or of no instant".to_owned())
        }),
        Table::Idempotency => read::<Remembered>(value).map(|_| ()),
        Table::Credential if credential::is_decoy(key) => counter(key, value),
        Table::Credential => {
            read::<Credential>(value).and_then(|own| named(credential::credential(organisation, own.user)))
        }
        Table::Session if credential::listed_session(key).is_some() => nothing(value),
        Table::Session => read::<Session>(value).and_then(|own| named(credential::session(organisation, own.id))),
        Table::Event if key == &keys::events(organisation) => counter(key, value),
        Table::Event => read::<Event>(value).map(|_| ()),
        Table::Count | Table::MemberTouched => counter(key, value),
        Table::GroupTouched if key.as_bytes().ends_with(b"n") => counter(key, value),
        Table::GroupTouched => instant(value),
        Table::Unique => unique(value),
        Table::Run => serde_json::from_slice::<serde_json::Value>(value)
            .map(|_| ())
            .map_err(|error| format!("is not JSON: {error}")),
        Table::GroupTree
        | Table::Following
        | Table::Resource
        | Table::ResourceType
        | Table::Assignment
        | Table::SubjectAssignment
        | Table::Purge => judge_of_groups(organisation, table, key, value),
        Table::Index | Table::Waiting | Table::TokenList | Table::InvitationIndex => nothing(value),
    }
}

/// Whether a record lies at its own key.
fn belongs(key: &Key, expected: &Key) -> Result<(), String> {
    if expected == key {
        Ok(())
    } else {
        Err(format!("holds the record that belongs at {expected}"))
    }
}

/// The tables of what is declared.
fn judge_of_settings(organisation: OrganisationId, table: Table, key: &Key, value: &[u8]) -> Result<(), String> {
    let named = |expected: Key| belongs(key, &expected);
    match table {
        Table::Organisation => read::<Organisation>(value).and_then(|own| named(keys::organisation(own.id))),
        Table::Connection => {
            read::<Connection>(value).and_then(|own| named(keys::named(organisation, table, &own.name)))
        }
        Table::Role => read::<Role>(value).and_then(|own| named(keys::named(organisation, table, &own.key))),
        Table::Licence => read::<Licence>(value).and_then(|own| named(keys::named(organisation, table, &own.key))),
        Table::CustomAttribute => read::<CustomSchema>(value).and_then(|own| {
            let mut all = Bearer::ALL.into_iter();
            let bearer = all.find(|bearer| own.urn.ends_with(&format!(":2.0:{}", bearer.resource_type())));
            let bearer = bearer.ok_or("has a URN that belongs to no resource type")?;
            named(keys::custom_schema(organisation, bearer))
        }),
        Table::Permission => {
            read::<Definition>(value).and_then(|own| named(keys::named(organisation, table, &own.key)))
        }
        Table::DefaultGrants => read::<DefaultGrants>(value).and_then(|_| named(keys::default_grants(organisation))),
        Table::CostCentre => {
            read::<CostCentre>(value).and_then(|own| named(keys::named(organisation, table, &own.key)))
        }
        other => Err(format!("{other:?} is no table of settings")),
    }
}

/// The tables of what connections remember of their sources.
fn judge_of_source(table: Table, key: &Key, value: &[u8]) -> Result<(), String> {
    match table {
        Table::Link => read::<Link>(value).map(|_| ()),
        Table::SourceGroup if source_group::is_group(key) => read::<SourceGroup>(value).map(|_| ()),
        Table::SourceGroup => nothing(value),
        _ => source_named(value)
            .map(|_| ())
            .ok_or_else(|| "names neither a person nor a group".to_owned()),
    }
}

/// The tables of groups and of resources.
fn judge_of_groups(organisation: OrganisationId, table: Table, key: &Key, value: &[u8]) -> Result<(), String> {
    let named = |expected: Key| belongs(key, &expected);
    match table {
        Table::Purge if value == b"gives" => Ok(()),
        Table::GroupTree => tree(key, value),
        Table::Following => walk(value),
        Table::ResourceType => {
            read::<ResourceType>(value).and_then(|own| named(keys::named(organisation, table, &own.key)))
        }
        Table::Resource if key.as_bytes().starts_with(keys::resources(organisation).as_bytes()) => {
            read::<Resource>(value).and_then(|own| named(keys::resource(organisation, own.id)))
        }
        Table::Resource if keys::is_resource_name(key) => unique(value),
        Table::Assignment => read::<Assignment>(value).map(|_| ()),
        Table::SubjectAssignment if matches!(Assigned::read(key), Some(Assigned::To(..))) => {
            read::<Assignment>(value).map(|_| ())
        }
        _ => nothing(value),
    }
}

/// The key at which a record that has to do with mail belongs; `None` for what finds mails by person.
fn mail(organisation: OrganisationId, table: Table, key: &Key, value: &[u8]) -> Result<Option<Key>, String> {
    if table == Table::MailTemplate {
        let own = read::<MailTemplate>(value)?;
        return Ok(Some(keys::mail::template(organisation, own.name, &own.language)));
    }
    if key.as_bytes().get(TABLE_AT + 1) == Some(&b'u') {
        return nothing(value).map(|()| None);
    }
    let own = read::<QueuedMail>(value)?;
    Ok(Some(keys::mail::mail(organisation, own.state, own.id)))
}

fn nothing(value: &[u8]) -> Result<(), String> {
    if value.is_empty() {
        Ok(())
    } else {
        Err("has a value, and an entry of an index has none".to_owned())
    }
}

fn read<R: Record>(value: &[u8]) -> Result<R, String> {
    record::decode(value).map_err(|error| error.to_string())
}

fn counter(key: &Key, value: &[u8]) -> Result<(), String> {
    match parse_counter(key, value) {
        Ok(number) if number >= 0 => Ok(()),
        Ok(number) => Err(format!("counts {number}, which is less than nothing")),
        Err(error) => Err(error.to_string()),
    }
}

fn instant(value: &[u8]) -> Result<(), String> {
    let text = std::str::from_utf8(value).unwrap_or_default();
    chrono::DateTime::parse_from_rfc3339(text)
        .map(|_| ())
        .map_err(|error| format!("is not an instant: {error}"))
}

/// The end of an exchange names the assertion by its hash; one of a lasting token names none.
fn hash_or_nothing(value: &[u8]) -> Result<(), String> {
    let is_hash = value.len() == 64 && value.iter().all(u8::is_ascii_hexdigit);
    if value.is_empty() || is_hash {
        Ok(())
    } else {
        Err("names no assertion".to_owned())
    }
}

/// A child has no value; a number is one; everything else in the tree holds identifiers.
fn tree(key: &Key, value: &[u8]) -> Result<(), String> {
    if value.is_empty() {
        return Ok(());
    }
    if keys::is_group_number(key) {
        return counter(key, value);
    }
    match read_default_groups(value) {
        Some(_) => Ok(()),
        None => Err("holds no identifiers".to_owned()),
    }
}

/// A walk stands at its start or at a member.
fn walk(value: &[u8]) -> Result<(), String> {
    let text = std::str::from_utf8(value).unwrap_or("?");
    let is_member = text
        .strip_prefix(['u', 'g'])
        .is_some_and(|id| uuid::Uuid::try_parse(id).is_ok());
    if text.is_empty() || is_member {
        Ok(())
    } else {
        Err("stands at no member".to_owned())
    }
}

fn unique(value: &[u8]) -> Result<(), String> {
    parse_uuid(value)
        .map(|_| ())
        .ok_or_else(|| "holds no identifier".to_owned())
}

/// What a group holds alone, for the invariants behind this one: the name, the name in links, and the code.
pub(super) fn group_unique_keys(organisation: OrganisationId, group: &Group) -> Vec<Key> {
    let name = Some((Unique::GroupName, fold(&group.display_name)));
    let link = group.link.as_ref().map(|link| (Unique::GroupLink, link.to_string()));
    let code = group.code.as_ref().map(|code| (Unique::GroupCode, code.to_string()));
    let all = name.into_iter().chain(link).chain(code);
    all.map(|(what, text)| keys::unique(organisation, what, &text))
        .collect()
}
