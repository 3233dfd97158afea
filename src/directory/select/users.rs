//! Users, by a selection.

use std::collections::BTreeSet;

use async_trait::async_trait;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::directory::keys::{self, Index, Unique, fold};
use crate::directory::query::Indexed;
use crate::directory::stretch::Stretch;
use crate::directory::{Directory, DirectoryError};
use crate::model::Object;
use crate::model::clock::Timestamp;
use crate::model::credential::Credential;
use crate::model::custom_attribute::Bearer;
use crate::model::id::{GroupId, OrganisationId, UserId};
use crate::model::membership::Member;
use crate::model::record;
use crate::model::represent;
use crate::model::selection::Selection;
use crate::model::user::User;
use crate::store::{Found, Read, SCAN_ENTRIES_MAX, Scan, Versioned};

use super::{Part, Rows, Selected, Turn};

/// What the list of users is narrowed by without reading every record.
struct Narrowed;

impl Indexed for Narrowed {
    const UNIQUE: &'static [(&'static str, Unique)] = &[
        ("user_name", Unique::UserName),
        ("userName", Unique::UserName),
        ("login_ids", Unique::UserName),
    ];
    const INDEXES: &'static [(&'static str, Index)] = &[
        ("emails", Index::UserEmail),
        ("display_name", Index::UserDisplayName),
        ("displayName", Index::UserDisplayName),
        ("roles", Index::RoleHolder),
        ("licences", Index::LicenceHolder),
        ("home_group", Index::HomeGroup),
    ];
    const LINK: u8 = b'u';
    const BEARER: Bearer = Bearer::User;
}

/// The list.
struct Users {
    organisation: OrganisationId,
    /// The users that can be meant at all, in order; `None` for all of them.
    ids: Option<Vec<Uuid>>,
}

impl Directory {
    /// A page of the users that are meant. Whoever wants all of them asks until there is no `next`.
    ///
    /// # Errors
    /// As [`Directory::walk`].
    pub async fn select_users(
        &self,
        organisation: OrganisationId,
        selection: &Selection,
        turn: impl Into<Turn> + Send,
        limit: usize,
    ) -> Result<Selected<User>, DirectoryError> {
        let users = Users {
            organisation,
            ids: self.users_that_can_be_meant(organisation, selection).await?,
        };
        self.walk(&users, selection, turn, limit).await
    }

    async fn users_that_can_be_meant(
        &self,
        organisation: OrganisationId,
        selection: &Selection,
    ) -> Result<Option<Vec<Uuid>>, DirectoryError> {
        let mut meant = self.narrowed::<Narrowed>(organisation, selection).await?;
        if let Some(text) = selection.search() {
            let found = self.users_found_by(organisation, text).await?;
            meant = Some(match meant {
                Some(before) => before.intersection(&found).copied().collect(),
                None => found,
            });
        }
        Ok(meant.map(|ids| ids.into_iter().collect()))
    }

    /// Users who sign in by this text, or whose e-mail address or display name starts with it.
    async fn users_found_by(&self, organisation: OrganisationId, text: &str) -> Result<BTreeSet<Uuid>, DirectoryError> {
        let by_login = self.login_holder(organisation, text).await?;
        let mut ids: BTreeSet<Uuid> = by_login.into_iter().map(UserId::uuid).collect();
        let folded = fold(text);
        let most = self.list_limits().sorted;
        for index in [Index::UserEmail, Index::UserDisplayName] {
            let mut scan = Scan::prefix(&keys::index_prefix(organisation, index, &folded), SCAN_ENTRIES_MAX);
            loop {
                let entries = self.store.scan(scan.clone()).await?;
                ids.extend(entries.iter().filter_map(|(key, _)| keys::last_uuid(key)));
                match entries.last() {
                    Some((last, _)) if entries.len() == SCAN_ENTRIES_MAX => scan = scan.after(last.clone()),
                    _ => break,
                }
                if ids.len() > most {
                    let reason = format!("more than {most} people are found by {text:?}: write more of the name");
                    return Err(DirectoryError::TooMany { reason });
                }
            }
        }
        Ok(ids)
    }
}

#[async_trait]
impl Rows for Users {
    type Row = User;

    async fn read(
        &self,
        directory: &Directory,
        along: Stretch<&str>,
        limit: usize,
    ) -> Result<Part<User>, DirectoryError> {
        let along: Stretch<UserId> = along.and_then(|id| id.parse().ok());
        let Some(ids) = &self.ids else {
            let rows = directory.browse_users(self.organisation, along, limit).await?;
            let last = rows.last().filter(|_| rows.len() == limit);
            let next = last.map(|user| user.id.to_string());
            return Ok(Part { rows, next });
        };
        let (wanted, has_more) = along.of(ids, limit, |id, user| id.cmp(&user.uuid()));
        let keys = wanted.iter().map(|id| keys::user(self.organisation, UserId::new(**id)));
        let found = directory.store.get_many(keys.collect()).await?;
        let rows = found.into_iter().flatten().map(|stored| record::decode(&stored.value));
        let next = wanted.last().filter(|_| has_more).map(|id| id.to_string());
        Ok(Part {
            rows: rows.collect::<Result<_, _>>()?,
            next,
        })
    }

    fn place(&self, user: &User) -> String {
        user.id.to_string()
    }

    fn is_place(&self, text: &str) -> bool {
        text.parse::<UserId>().is_ok()
    }

    async fn shown(
        &self,
        directory: &Directory,
        users: &[User],
        selection: &Selection,
    ) -> Result<Vec<Object>, DirectoryError> {
        let mut shown: Vec<Object> = users.iter().map(row).collect();
        if selection.filter().is_some_and(|filter| filter.asks("groups")) {
            let groups = directory.groups_of_users(self.organisation, users).await?;
            for (row, groups) in shown.iter_mut().zip(groups) {
                row.insert("groups".to_owned(), groups);
            }
        }
        if selection.asks("last_sign_in") {
            let signed_in = directory.last_sign_ins(self.organisation, users).await?;
            for (row, at) in shown.iter_mut().zip(signed_in) {
                row.insert("last_sign_in".to_owned(), json!(at));
            }
        }
        Ok(shown)
    }

    async fn reaches(&self, directory: &Directory, user: &User, selection: &Selection) -> Result<bool, DirectoryError> {
        match selection.reach() {
            None => Ok(true),
            Some(reach) => {
                let right = (reach.rights.as_ref(), reach.action);
                directory.reaches_user(self.organisation, right, user.id).await
            }
        }
    }
}

impl Directory {
    /// When each of these users last signed in, in their order; `None` for who never did.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn last_sign_ins(
        &self,
        organisation: OrganisationId,
        users: &[User],
    ) -> Result<Vec<Option<Timestamp>>, DirectoryError> {
        let keys = users
            .iter()
            .map(|user| keys::credential::credential(organisation, user.id));
        let found = self.store.get_many(keys.collect()).await?.into_iter();
        let at = |stored: Option<Versioned>| -> Result<Option<Timestamp>, DirectoryError> {
            let known: Option<Credential> = stored.map(|stored| record::decode(&stored.value)).transpose()?;
            Ok(known.and_then(|known| known.last_sign_in))
        };
        found.map(at).collect()
    }

    /// The groups that each user is in, as filters see them: identifier and name.
    async fn groups_of_users(
        &self,
        organisation: OrganisationId,
        users: &[User],
    ) -> Result<Vec<Value>, DirectoryError> {
        let scans = users.iter().map(|user| {
            let prefix = keys::member_groups(organisation, Member::User(user.id));
            Read::Scan(Scan::prefix(&prefix, SCAN_ENTRIES_MAX))
        });
        let found = self.store.read(scans.collect()).await?;
        let groups: Vec<Vec<GroupId>> = found
            .into_iter()
            .map(Found::into_entries)
            .map(|edges| {
                edges
                    .iter()
                    .filter_map(|(key, _)| keys::last_uuid(key))
                    .map(GroupId::new)
                    .collect()
            })
            .collect();
        let all: BTreeSet<GroupId> = groups.iter().flatten().copied().collect();
        let names = self.group_names(organisation, &all).await?;
        let shown = |group: &GroupId| {
            names
                .get(group)
                .map(|name| json!({ "value": group, "display": &**name }))
        };
        Ok(groups
            .iter()
            .map(|groups| Value::Array(groups.iter().filter_map(shown).collect()))
            .collect())
    }
}

/// A user as filters and orders see one: the columns of the list, and the attributes of the SCIM resource.
fn row(user: &User) -> Object {
    let mut row = represent::user(user, None);
    let origins = user.roles.iter().flat_map(|(role, origins)| {
        let each = origins.iter();
        each.map(move |origin| json!({ "value": role, "origin": origin }))
    });
    let licences = user.licences.iter().map(|(licence, claim)| {
        json!({
            "value": licence,
            "seat": claim.seat.as_str(),
            "since": claim.since(),
            "cost_centre": claim.cost_centre,
        })
    });
    let external_ids = user.external_ids.iter();
    let columns = [
        ("user_name", json!(user.user_name)),
        ("display_name", json!(user.display_name())),
        ("state", json!(user.state().as_str())),
        ("restricted", json!(user.restricted)),
        ("login_ids", json!(user.login_ids)),
        ("nicknames", json!(user.nicknames)),
        ("labels", json!(user.labels)),
        ("country_prefix", json!(user.country_prefix)),
        ("home_group", json!(user.home_group)),
        ("review_pending", json!(user.review_pending.is_some())),
        (
            "external_ids",
            external_ids
                .map(|(connection, id)| json!({ "value": id, "connection": connection }))
                .collect(),
        ),
        ("sources", json!(user.held_by())),
        ("roles", origins.collect()),
        ("licences", licences.collect()),
        ("created", json!(user.created)),
        ("last_modified", json!(user.last_modified)),
    ];
    for (name, value) in columns {
        row.insert(name.to_owned(), value);
    }
    row
}
