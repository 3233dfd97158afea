//! Who has the say over an attribute (design.md section 5): the first connection of the organisation's list for it; after those
//! that are listed, and where there is no list, the one with the smallest precedence number; of equal numbers the last writer.
//! What nobody owns may be written by anyone, so whoever gives a value up leaves the attribute to the next one that has one.
//!
//! The values of those who have not the say are kept ([`User::offers`]), because a SCIM client sends a value once: whoever is next
//! has it at once when the one before gives it up. What does not fit ([`OFFERS_BYTES_MAX`]) is told ([`Aside::unkept`]): of a SCIM
//! connection in its journal, and a directory is read again.
//!
//! An attribute has one owner as a whole: `name`, not `name.givenName`. Each attribute of the enterprise extension and of the
//! organisation's own is one, under its full name.

mod offers;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::directory::settings::OrganisationSettings;
use crate::model::connection::{Connection, ConnectionKind, PRECEDENCE};
use crate::model::custom_attribute::{Bearer, CustomSchema, Reader};
use crate::model::id::UserId;
use crate::model::schema::ENTERPRISE_USER;
use crate::model::slug::Slug;
use crate::model::user::User;

pub use offers::{OFFERS_BYTES_MAX, at, own_view, set_at, wait_again};

/// Which attributes a write speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent<'a> {
    /// All that the connection owns, or nobody does: what is absent is unassigned (SCIM PUT, a directory entry). What another
    /// connection has written and this one never has stays: templates of some clients hold a few attributes only
    /// (idp.md section 10).
    Whole,
    /// Only these (SCIM PATCH): an extension by its URN, and each of its attributes by its full name.
    Named(&'a BTreeSet<String>),
}

impl Extent<'_> {
    fn names(self, attribute: &str) -> bool {
        match self {
            Self::Whole => true,
            Self::Named(names) => names.contains(attribute),
        }
    }
}

/// What came of a write beside what it wrote.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Aside {
    /// Attributes for which the connection has another value, left as they are because another connection has the say.
    pub yielded: BTreeSet<String>,
    /// Attributes for which a connection has a value that neither counts nor waits, because too much waits already.
    pub unkept: BTreeSet<String>,
    /// Attributes that took a value which had waited, each with the connection that has it.
    pub back: BTreeMap<String, Slug>,
    /// Of these, those whose values must be unique and are somebody else's by now: they wait on.
    pub taken: BTreeMap<String, UserId>,
}

/// Writes a connection's attributes into a user, where the connection has the say. Answers what was left as it is, and what came
/// back from waiting.
pub fn write_attributes(
    user: &mut User,
    connection: &Connection,
    organisation: &OrganisationSettings,
    desired: &Map<String, Value>,
    extent: Extent<'_>,
) -> Aside {
    let mut aside = Aside::default();
    offers::prune(user, organisation);
    let custom = organisation.custom(Bearer::User);
    let unseen = match (extent, custom) {
        (Extent::Whole, Some(custom)) => unseen(user, custom, connection, desired),
        _ => BTreeSet::new(),
    };
    let writing = Writing {
        connection,
        organisation,
        extent,
    };
    let own = custom.map(|custom| custom.urn.as_str());
    let mut names: BTreeSet<String> = user.attributes.keys().chain(desired.keys()).cloned().collect();
    names.extend(offers::ownerless(user));
    for name in names.into_iter().filter(|name| extent.names(name)) {
        if own == Some(name.as_str()) || name == ENTERPRISE_USER.id {
            let wanted = desired.get(&name).and_then(Value::as_object);
            write_extension(user, writing, &name, (wanted, &unseen), &mut aside);
            continue;
        }
        let present = user.attributes.get(&name).cloned();
        let wanted = desired.get(&name);
        match writing.decide(user, &name, (present.as_ref(), wanted), &mut aside) {
            Decision::Stay => {}
            Decision::Yield => drop(aside.yielded.insert(name)),
            Decision::Write(value) => set(&mut user.attributes, &name, value),
        }
    }
    aside
}

/// The organisation's own attributes of which a whole resource says nothing because its writer cannot know them.
fn unseen(
    user: &User,
    custom: &CustomSchema,
    connection: &Connection,
    desired: &Map<String, Value>,
) -> BTreeSet<String> {
    let reader = match connection.kind {
        ConnectionKind::Ldap => Reader::Directory,
        ConnectionKind::Scim => Reader::Client,
    };
    let members = |attributes: &Map<String, Value>| -> BTreeSet<String> {
        let extension = attributes.get(&custom.urn).and_then(Value::as_object);
        extension.into_iter().flat_map(Map::keys).cloned().collect()
    };
    let said = members(desired);
    let mut all = desired.clone();
    custom.keep_unseen(&user.attributes, &mut all, reader);
    &members(&all) - &said
}

/// Writes the attributes of an extension: each has an owner of its own, under the attribute's full name.
fn write_extension(
    user: &mut User,
    writing: Writing<'_>,
    urn: &str,
    (wanted, unseen): (Option<&Map<String, Value>>, &BTreeSet<String>),
    aside: &mut Aside,
) {
    let mut extension = match user.attributes.remove(urn) {
        Some(Value::Object(extension)) => extension,
        _ => Map::new(),
    };
    let all = extension.keys().chain(wanted.into_iter().flat_map(Map::keys));
    let mut names: BTreeSet<String> = all.cloned().collect();
    names.extend(offers::ownerless_in(user, urn));
    // Earlier releases noted one owner for all of the enterprise extension.
    if let Some(owner) = user.owners.remove(urn) {
        for name in extension.keys() {
            user.owners.entry(full_name(urn, name)).or_insert_with(|| owner.clone());
        }
    }
    let named = names.into_iter().filter(|name| !unseen.contains(name));
    let named = named.map(|name| (full_name(urn, &name), name));
    for (full, name) in named.filter(|(full, _)| writing.extent.names(full)) {
        let wanted = wanted.and_then(|wanted| wanted.get(&name));
        match writing.decide(user, &full, (extension.get(&name), wanted), aside) {
            Decision::Stay => {}
            Decision::Yield => drop(aside.yielded.insert(full)),
            Decision::Write(value) => set(&mut extension, &name, value),
        }
    }
    if !extension.is_empty() {
        user.attributes.insert(urn.to_owned(), Value::Object(extension));
    }
}

/// An attribute of an extension.
#[must_use]
pub fn full_name(urn: &str, attribute: &str) -> String {
    format!("{urn}:{attribute}")
}

/// What becomes of one attribute.
enum Decision {
    /// It is as wanted, or nothing was said of it.
    Stay,
    /// Another connection has the say.
    Yield,
    /// It takes this value: the wanted one, or that of the next in line.
    Write(Option<Value>),
}

/// Who writes, and of how much the write speaks.
#[derive(Clone, Copy)]
struct Writing<'a> {
    connection: &'a Connection,
    organisation: &'a OrganisationSettings,
    extent: Extent<'a>,
}

impl Writing<'_> {
    /// Decides about an attribute with its present and its wanted value, and notes who owns it then.
    fn decide(
        self,
        user: &mut User,
        name: &str,
        (present, wanted): (Option<&Value>, Option<&Value>),
        aside: &mut Aside,
    ) -> Decision {
        let says_nothing = wanted.is_none() && self.extent == Extent::Whole;
        if says_nothing && is_owned_by_another(user, name, self.connection, self.organisation) {
            self.withdraw(user, name);
            return Decision::Stay;
        }
        if !may_write(user, name, self.connection, self.organisation) {
            self.offer(user, name, wanted, aside);
            return if present == wanted {
                Decision::Stay
            } else {
                Decision::Yield
            };
        }
        self.withdraw(user, name);
        let Some(wanted) = wanted else {
            return match self.give_up(user, name, aside) {
                value if value.as_ref() == present => Decision::Stay,
                value => Decision::Write(value),
            };
        };
        self.take_over(user, name, present, aside);
        if let Some((better, value)) = self.outranking(user, name) {
            // The lists are others than when it was written.
            self.offer(user, name, Some(wanted), aside);
            aside.back.insert(name.to_owned(), better.clone());
            user.owners.insert(name.to_owned(), better);
            return if present == Some(&value) {
                Decision::Stay
            } else {
                Decision::Write(Some(value))
            };
        }
        if present == Some(wanted) {
            Decision::Stay
        } else {
            Decision::Write(Some(wanted.clone()))
        }
    }
}

fn set(attributes: &mut Map<String, Value>, name: &str, value: Option<Value>) {
    match value {
        Some(value) => attributes.insert(name.to_owned(), value),
        None => attributes.remove(name),
    };
}

/// Writes the user name, if the connection has the say. False when it has not.
pub fn write_user_name(
    user: &mut User,
    connection: &Connection,
    organisation: &OrganisationSettings,
    user_name: &str,
) -> bool {
    if !may_write(user, USER_NAME, connection, organisation) {
        return user.user_name == user_name;
    }
    user_name.clone_into(&mut user.user_name);
    user.owners.insert(USER_NAME.to_owned(), connection.name.clone());
    true
}

const USER_NAME: &str = "userName";

/// Whether the connection may write the attribute.
#[must_use]
pub fn may_write(user: &User, attribute: &str, connection: &Connection, organisation: &OrganisationSettings) -> bool {
    let Some(owner) = user.owners.get(attribute) else {
        return true;
    };
    owner == &connection.name || rank(attribute, &connection.name, organisation) <= rank(attribute, owner, organisation)
}

fn is_owned_by_another(
    user: &User,
    attribute: &str,
    connection: &Connection,
    organisation: &OrganisationSettings,
) -> bool {
    let owner = user.owners.get(attribute);
    owner.is_some_and(|owner| owner != &connection.name && organisation.connections.contains_key(owner))
}

/// The smaller one has the say: the place in the attribute's list, then the precedence. A connection that is gone has none.
fn rank(attribute: &str, connection: &Slug, organisation: &OrganisationSettings) -> (usize, u32) {
    let Some(known) = organisation.connections.get(connection) else {
        return (usize::MAX, u32::MAX);
    };
    let list = organisation.organisation.authority.of(attribute);
    match list.iter().position(|listed| listed == connection) {
        Some(place) => (place, 0),
        None => (list.len(), known.precedence),
    }
}

/// What decides whether a connection has the say. It goes into the hash of each entry: when it changes, an entry that is as it was
/// may be written where it was not before.
#[derive(Debug, Clone)]
pub struct Say {
    /// The connection's own precedence.
    pub precedence: u32,
    /// The organisation's lists, and the precedence of the other connections where it is not the default; empty without any.
    pub beside: Vec<u8>,
}

impl Say {
    /// What decides about this connection's say.
    #[must_use]
    pub fn of(connection: &Connection, organisation: &OrganisationSettings) -> Self {
        let lists = &organisation.organisation.authority;
        let others = organisation.connections.values();
        let others: BTreeMap<&Slug, u32> = others
            .filter(|other| other.name != connection.name && other.precedence != PRECEDENCE)
            .map(|other| (&other.name, other.precedence))
            .collect();
        // Maps with text keys, lists and numbers, which serde_json always writes.
        let beside = if lists.is_empty() && others.is_empty() {
            Vec::new()
        } else {
            serde_json::to_vec(&(lists, others)).unwrap_or_default()
        };
        Self {
            precedence: connection.precedence,
            beside,
        }
    }
}

/// Gives up what a connection owns, when it lets go of the user: the next in line has the say over its attributes. The values of
/// those that nobody else has a value for stay, and nobody owns them. Answers what came back from waiting.
pub fn let_go(user: &mut User, connection: &Slug, organisation: &OrganisationSettings) -> Aside {
    let mut aside = Aside::default();
    offers::prune(user, organisation);
    offers::withdraw_all(user, connection);
    let owned = user.owners.iter().filter(|(_, owner)| *owner == connection);
    let owned: Vec<String> = owned.map(|(name, _)| name.clone()).collect();
    for name in owned {
        user.owners.remove(&name);
        let Some((next, value)) = offers::take_best(user, &name, organisation) else {
            continue;
        };
        aside.back.insert(name.clone(), next.clone());
        user.owners.insert(name.clone(), next);
        set_at(&mut user.attributes, &name, Some(value));
    }
    aside
}
