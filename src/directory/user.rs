//! Writing users: names, indexes, seats and events in one place, whatever the door.

pub mod administer;
mod email;
pub mod home;
pub mod inherit;
pub mod login;
mod newcomer;

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::model::custom_attribute::Bearer;
use crate::model::event::EventKind;
use crate::model::id::UserId;
use crate::model::lifecycle::Block;
use crate::model::membership::Member;
use crate::model::user::{Tombstone, User};
use crate::store::{Key, SCAN_ENTRIES_MAX, Scan};

use super::custom_attribute::Holder;
use super::keys::{self, Count, Index, Unique, fold};
use super::{DirectoryError, Unit, seat};

impl Unit {
    /// A user that the decision relies on.
    ///
    /// # Errors
    /// As [`Unit::find`].
    pub async fn find_user(&mut self, id: UserId) -> Result<Option<User>, DirectoryError> {
        let key = keys::user(self.organisation(), id);
        self.find(&key).await
    }

    /// A user that must exist.
    ///
    /// # Errors
    /// [`DirectoryError::NotFound`]; as [`Unit::find`].
    pub async fn load_user(&mut self, id: UserId) -> Result<User, DirectoryError> {
        self.find_user(id)
            .await?
            .ok_or_else(|| DirectoryError::not_found("user", id))
    }

    /// Who signs in by this text, if anyone: as the user name or as another login id.
    ///
    /// # Errors
    /// As [`Unit::find`].
    pub async fn find_user_name(&mut self, user_name: &str) -> Result<Option<UserId>, DirectoryError> {
        let key = keys::unique(self.organisation(), Unique::UserName, &fold(user_name));
        Ok(self.bytes(&key).await?.and_then(|id| parse_uuid(&id)).map(UserId::new))
    }

    /// Writes a new user: takes the name, the external ids and the seats.
    ///
    /// # Errors
    /// [`DirectoryError::Uniqueness`], [`DirectoryError::SeatsExhausted`]; [`DirectoryError::Denied`] for a local change
    /// where those are refused; as [`Unit::find`].
    pub async fn create_user(&mut self, mut user: User) -> Result<User, DirectoryError> {
        self.may_create().await?;
        self.check_emails(None, &user)?;
        user.revision = 1;
        // What the steps below read one by one, in one round trip.
        let organisation = self.organisation();
        self.fetch([
            keys::organisation(organisation),
            keys::default_groups(organisation),
            keys::unique(organisation, Unique::UserName, &fold(&user.user_name)),
        ])
        .await?;
        self.follow_links(None, &mut user).await?;
        self.require_role(&user).await?;
        self.may_hold_roles(None, &user).await?;
        seat::settle(self, None, &mut user).await?;
        self.claim_names(None, &user).await?;
        self.index_custom(holder(&user), None, Some(&user.attributes)).await?;
        self.reindex(None, Some(&user));
        self.count(keys::count(self.organisation(), &Count::Users), 1, None);
        self.put(keys::user(self.organisation(), user.id), &user);
        self.event(
            EventKind::UserCreated,
            user.id,
            json!({ "state": user.state().as_str() }),
        );
        self.edge_events(None, &user);
        self.join_default_groups(user).await
    }

    /// Writes a changed user. Nothing happens, and the version stays, when nothing differs.
    ///
    /// # Errors
    /// As [`Unit::create_user`].
    pub async fn update_user(&mut self, before: &User, mut after: User) -> Result<User, DirectoryError> {
        self.may_change_user(before, &after).await?;
        self.check_emails(Some(before), &after)?;
        self.mail_waiting_invitation(before, &mut after).await?;
        self.follow_links(Some(before), &mut after).await?;
        if before.owners.keys().any(|name| !after.owners.contains_key(name)) {
            self.look_again(&after.external_ids).await?;
        }
        self.write_user(before, after).await
    }

    /// Writes a changed user whose roles and memberships follow the links already.
    pub(super) async fn write_user(&mut self, before: &User, mut after: User) -> Result<User, DirectoryError> {
        self.may_hold_roles(Some(before), &after).await?;
        seat::settle(self, Some(before), &mut after).await?;
        if after == *before {
            return Ok(after);
        }
        self.move_password(&mut after).await?;
        self.claim_names(Some(before), &after).await?;
        self.index_custom(holder(&after), Some(&before.attributes), Some(&after.attributes))
            .await?;
        self.reindex(Some(before), Some(&after));
        after.last_modified = self.now().max(before.last_modified);
        after.revision = before.revision + 1;
        self.put(keys::user(self.organisation(), after.id), &after);
        self.update_events(before, &after);
        Ok(after)
    }

    /// Deletes a user for good: names, external ids, seats and memberships go, a tombstone stays (S003-26).
    ///
    /// # Errors
    /// As [`Unit::find`].
    pub async fn delete_user(&mut self, user: &User) -> Result<(), DirectoryError> {
        self.may_delete_user(user).await?;
        self.remove_user(user).await
    }

    /// The same, whether or not local changes are refused: a person's own right to be forgotten is no administrator's whim.
    ///
    /// # Errors
    /// As [`Unit::find`].
    pub(super) async fn remove_user(&mut self, user: &User) -> Result<(), DirectoryError> {
        self.may_lose_roles(user).await?;
        let organisation = self.organisation();
        seat::release_all(self, user).await?;
        self.leave_all_groups(Member::User(user.id)).await?;
        self.drop_assignments(Member::User(user.id)).await?;
        self.reindex(Some(user), None);
        self.index_custom(holder(user), Some(&user.attributes), None).await?;
        self.drop_logins(user);
        self.forget_links(b'u', &user.external_ids).await?;
        self.drop_invitations(user).await?;
        self.drop_credential(user.id).await?;
        self.drop_views(user.id).await?;
        self.count(keys::count(organisation, &Count::Users), -1, None);
        self.delete(keys::user(organisation, user.id));
        self.put(
            keys::tombstone(organisation, user.id.uuid()),
            &Tombstone { deleted: self.now() },
        );
        self.event(EventKind::UserDeleted, user.id, Value::Null);
        Ok(())
    }

    /// Every group edge of a member goes. The member's change mark makes an edge that is added at the same time a conflict.
    async fn leave_all_groups(&mut self, member: Member) -> Result<(), DirectoryError> {
        let organisation = self.organisation();
        let mark = keys::member_changes(organisation, member);
        self.bytes(&mark).await?;
        let edges = self
            .scan(Scan::prefix(
                &keys::member_groups(organisation, member),
                SCAN_ENTRIES_MAX,
            ))
            .await?;
        for (key, _) in edges {
            let Some(group) = keys::last_uuid(&key).map(crate::model::id::GroupId::new) else {
                continue;
            };
            self.remove_edge(group, member);
        }
        self.delete(mark);
        Ok(())
    }

    /// Takes the login ids and the external ids, and gives up those that changed.
    async fn claim_names(&mut self, before: Option<&User>, after: &User) -> Result<(), DirectoryError> {
        self.check_logins(before, after).await?;
        self.claim_logins(before, after).await?;
        let old = before.map(|user| &user.external_ids);
        self.claim_external_ids(b'u', after.id.uuid(), old, &after.external_ids)
            .await
    }

    fn reindex(&mut self, before: Option<&User>, after: Option<&User>) {
        let organisation = self.organisation();
        let entries = |user: &User| index_entries(organisation, user);
        let old = before.map(entries).unwrap_or_default();
        let new = after.map(entries).unwrap_or_default();
        for key in old.difference(&new) {
            self.delete(key.clone());
        }
        for key in new.difference(&old) {
            self.put_bytes(key.clone(), "");
        }
    }

    fn update_events(&mut self, before: &User, after: &User) {
        let changed = changed_attributes(before, after);
        if !changed.is_empty() {
            self.event(EventKind::UserUpdated, after.id, json!({ "attributes": changed }));
        }
        match (before.is_active(), after.is_active()) {
            (true, false) => self.event(EventKind::UserSuspended, after.id, json!({ "by": blockers(after) })),
            (false, true) => self.event(EventKind::UserReactivated, after.id, Value::Null),
            _ => {}
        }
        let (was, is) = (before.facts.step(), after.facts.step());
        if was != is {
            self.event(EventKind::UserStateChanged, after.id, json!({ "from": was, "to": is }));
        }
        self.edge_events(Some(before), after);
    }

    fn edge_events(&mut self, before: Option<&User>, after: &User) {
        let held = |user: &User| user.roles.keys().cloned().collect::<BTreeSet<_>>();
        let (old, new) = (before.map(held).unwrap_or_default(), held(after));
        for role in new.difference(&old) {
            self.event(EventKind::RoleAssigned, after.id, json!({ "role": role }));
        }
        for role in old.difference(&new) {
            self.event(EventKind::RoleWithdrawn, after.id, json!({ "role": role }));
        }
        // Every change of who is meant to have a licence is an event, also where no seat moves: a change of the licence's own
        // rules relies on it (see `super::licence`).
        let meant = |user: &User| user.licences.keys().cloned().collect::<BTreeSet<_>>();
        let (old, new) = (before.map(meant).unwrap_or_default(), meant(after));
        for licence in new.difference(&old) {
            self.event(EventKind::LicenceAssigned, after.id, json!({ "licence": licence }));
        }
        for licence in old.difference(&new) {
            self.event(EventKind::LicenceWithdrawn, after.id, json!({ "licence": licence }));
        }
    }
}

fn holder(user: &User) -> Holder {
    Holder {
        bearer: Bearer::User,
        id: user.id.uuid(),
    }
}

/// The names of what differs; never the values, which are personal data.
fn changed_attributes(before: &User, after: &User) -> BTreeSet<String> {
    let names = |map: &Map<String, Value>, other: &Map<String, Value>| {
        map.iter()
            .filter(|(name, value)| other.get(*name) != Some(value))
            .map(|(name, _)| name.clone())
            .collect()
    };
    let mut changed: BTreeSet<String> = names(&before.attributes, &after.attributes);
    changed.extend(names(&after.attributes, &before.attributes));
    let pairs = [
        ("userName", before.user_name != after.user_name),
        ("externalId", before.external_ids != after.external_ids),
        ("password", before.facts.password_set_at != after.facts.password_set_at),
        ("loginIds", before.login_ids != after.login_ids),
        ("nicknames", before.nicknames != after.nicknames),
        ("labels", before.labels != after.labels),
        ("countryPrefix", before.country_prefix != after.country_prefix),
        ("homeGroup", before.home_group != after.home_group),
        ("grants", before.grants != after.grants),
        ("access", before.access != after.access),
    ];
    changed.extend(
        pairs
            .into_iter()
            .filter(|(_, differs)| *differs)
            .map(|(name, _)| name.to_owned()),
    );
    changed
}

fn blockers(user: &User) -> Vec<String> {
    let word = |block: &Block| match block {
        Block::Administrator => "administrator".to_owned(),
        Block::Connection(name) => format!("connection:{name}"),
    };
    user.facts.suspended_by.iter().map(word).collect()
}

/// The identifier that a unique name holds.
#[must_use]
pub fn parse_uuid(bytes: &[u8]) -> Option<uuid::Uuid> {
    std::str::from_utf8(bytes).ok()?.parse().ok()
}

/// What a user is found by.
#[must_use]
pub fn index_entries(organisation: crate::model::id::OrganisationId, user: &User) -> BTreeSet<Key> {
    let entry = |index, value: &str| keys::index(organisation, index, value, user.id.uuid());
    let mut entries: BTreeSet<Key> = user
        .emails()
        .map(|email| entry(Index::UserEmail, &fold(email)))
        .collect();
    entries.extend(
        user.display_name()
            .map(|name| entry(Index::UserDisplayName, &fold(name))),
    );
    entries.extend(user.roles.keys().map(|role| entry(Index::RoleHolder, role.as_str())));
    entries.extend(
        user.licences
            .keys()
            .map(|licence| entry(Index::LicenceHolder, licence.as_str())),
    );
    let home = user.home_group.map(|group| group.to_string());
    entries.extend(home.map(|group| entry(Index::HomeGroup, &group)));
    entries
}
