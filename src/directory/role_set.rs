//! Sets of roles of which a person holds one (S002-3), whatever the door: nobody is given a second one, and a role comes into a set
//! only while nobody would hold two by that. An organisation may ask that everyone has a role from the start.

use std::collections::BTreeSet;

use crate::model::organisation::Organisation;
use crate::model::origin::Origin;
use crate::model::record;
use crate::model::role::{Role, Scope};
use crate::model::slug::Slug;
use crate::model::user::User;
use crate::store::{SCAN_ENTRIES_MAX, Scan};

use super::keys::{self, Count, Index, Table};
use super::{DirectoryError, Unit};

/// Other roles of the set that a person holds.
#[must_use]
pub fn others_of_set<'r>(user: &User, role: &Role, find: impl Fn(&Slug) -> Option<&'r Role>) -> BTreeSet<Slug> {
    let is_other = |other: &&Role| role.one_of.is_some() && other.one_of == role.one_of && other.key != role.key;
    let held = user.roles.keys().filter_map(find);
    held.filter(is_other).map(|other| other.key.clone()).collect()
}

impl Unit {
    /// Refuses a role beside another one of the same set. All of them are relied on.
    ///
    /// # Errors
    /// [`DirectoryError::InvalidValue`]; as [`Unit::find`].
    pub(super) async fn refuse_second_of_set(&mut self, gained: &[Slug], after: &User) -> Result<(), DirectoryError> {
        for key in gained {
            let Some(role) = self.find_role(key).await?.filter(|role| role.one_of.is_some()) else {
                continue;
            };
            for other in after.roles.keys().filter(|other| *other != key) {
                let other = self.find_role(other).await?;
                if let Some(other) = other.filter(|other| other.one_of == role.one_of) {
                    let reason = format!(
                        "\"{}\" and \"{}\" exclude each other: take one of them first, or give the other in its place",
                        other.key, role.key
                    );
                    return Err(DirectoryError::invalid("roles", reason));
                }
            }
        }
        Ok(())
    }

    /// Takes the directly given roles of the same set from a user who is about to be given a role. What comes for other reasons
    /// stays, and is refused beside it.
    ///
    /// # Errors
    /// As [`Unit::find`].
    pub(super) async fn make_room_in_set(&mut self, user: &mut User, role: &Role) -> Result<(), DirectoryError> {
        for key in user.roles.keys().cloned().collect::<Vec<_>>() {
            let found = self.find_role(&key).await?;
            let is_other = key != role.key && found.is_some_and(|other| other.one_of == role.one_of);
            if let Some(origins) = user.roles.get_mut(&key).filter(|_| is_other && role.one_of.is_some())
                && origins.remove(&Origin::Direct)
                && origins.is_empty()
            {
                user.roles.remove(&key);
            }
        }
        Ok(())
    }

    /// Refuses to take the last role from somebody where everyone has one.
    ///
    /// # Errors
    /// [`DirectoryError::InvalidValue`]; as [`Unit::find`].
    pub(super) async fn require_role(&mut self, user: &User) -> Result<(), DirectoryError> {
        if !user.roles.is_empty() {
            return Ok(());
        }
        let key = keys::organisation(self.organisation());
        let organisation: Option<Organisation> = self.find_present(&key).await?;
        if organisation.is_some_and(|organisation| organisation.role_required) {
            let reason = "must name one: everyone here has a role; another one may be given in its place";
            return Err(DirectoryError::invalid("roles", reason));
        }
        Ok(())
    }

    /// Judges the set that a role says it belongs to.
    ///
    /// # Errors
    /// [`DirectoryError::InvalidValue`] for a role that is held in groups, that a group gives, or that somebody holds together with
    /// another one of the set; as [`Unit::find`].
    pub(super) async fn check_set(&mut self, before: Option<&Role>, role: &Role) -> Result<(), DirectoryError> {
        let Some(set) = &role.one_of else { return Ok(()) };
        let place = format!("roles.{}.one_of", role.key);
        if role.scope == Scope::Group {
            let reason = "is for roles that are held in the whole organisation: leave it out";
            return Err(DirectoryError::invalid(place, reason));
        }
        if before.is_some_and(|before| before.one_of == role.one_of) {
            return Ok(());
        }
        if before.is_none_or(|before| before.one_of.is_none()) {
            self.refuse_givers(role, "one_of").await?;
        }
        let organisation = self.organisation();
        if self
            .counter(&keys::count(organisation, &Count::RoleHolders(role.key.clone())))
            .await?
            == 0
        {
            // Whoever is given it relies on the record that is about to change.
            return Ok(());
        }
        // "Nobody holds two" is relied on: whoever is given another one meanwhile leaves an event, and that is a conflict.
        self.bytes(&keys::events(organisation)).await?;
        let own = self.holders_of(&role.key).await?;
        for other in self.roles_of_set(set).await? {
            let is_both = other != role.key && !own.is_disjoint(&self.holders_of(&other).await?);
            if is_both {
                let reason = format!("somebody holds \"{other}\" of the same set too: take one of them first");
                return Err(DirectoryError::invalid(place, reason));
            }
        }
        Ok(())
    }

    /// The identifiers of everyone who holds a role in the organisation, as the store has them.
    async fn holders_of(&mut self, role: &Slug) -> Result<BTreeSet<uuid::Uuid>, DirectoryError> {
        let prefix = keys::index_entries(self.organisation(), Index::RoleHolder, role.as_str());
        let mut scan = Scan::prefix(&prefix, SCAN_ENTRIES_MAX);
        let mut holders = BTreeSet::new();
        loop {
            let found = self.scan(scan.clone()).await?;
            holders.extend(found.iter().filter_map(|(key, _)| keys::last_uuid(key)));
            match found.last() {
                Some((last, _)) => scan = scan.after(last.clone()),
                None => return Ok(holders),
            }
        }
    }

    /// The roles of a set, as this unit leaves them so far.
    async fn roles_of_set(&mut self, set: &Slug) -> Result<Vec<Slug>, DirectoryError> {
        let table = keys::table(self.organisation(), Table::Role);
        let stored = self.scan(Scan::prefix(&table, SCAN_ENTRIES_MAX)).await?;
        let mut all: BTreeSet<_> = stored.into_iter().map(|(key, _)| key).collect();
        all.extend(self.changed_under(&table).map(|(key, _)| key.clone()));
        let mut roles = Vec::new();
        for key in all {
            let bytes = self.bytes(&key).await?;
            let role = bytes.map(|bytes| record::decode::<Role>(&bytes)).transpose()?;
            roles.extend(
                role.filter(|role| role.one_of.as_ref() == Some(set))
                    .map(|role| role.key),
            );
        }
        Ok(roles)
    }
}
