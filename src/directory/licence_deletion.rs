//! Deleting a licence: first what it means, then, confirmed, the deletion. Unlike a role, a licence is there until nobody has it: a
//! deletion that is broken off has taken it from some, and is asked for again.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::model::connection::Connection;
use crate::model::event::EventKind;
use crate::model::group::Group;
use crate::model::id::{GroupId, OrganisationId, UserId};
use crate::model::licence::{Licence, WhenFull};
use crate::model::record;
use crate::model::role::Role;
use crate::model::slug::Slug;
use crate::store::Scan;

use super::keys::{self, Count, Index, Table};
use super::role_impact::{NamedGroup, NamedUser};
use super::{Directory, DirectoryError, Operation, Permit, Unit};

/// What becomes of those who have the licence or wait for it, and of the groups that give it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Holders {
    /// The licence stays as long as there are any.
    #[default]
    Refuse,
    /// It is taken from them, whatever the reasons, and from the groups.
    Take,
}

/// What the deletion of a licence means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LicenceImpact {
    /// The licence.
    pub licence: Slug,
    /// What becomes of those who have it.
    pub holders: Holders,
    /// How many people are meant to have it.
    pub users: u64,
    /// How many of its seats are held, those included that are lent to people whose own licence was full.
    pub seats: u64,
    /// How many people wait for one.
    pub waiting: u64,
    /// How many of its seats are held by people who are meant to have another licence, which falls back on this one.
    pub lent: u64,
    /// The first of those who are meant to have it, at most 50.
    pub first_users: Vec<NamedUser>,
    /// The groups that give it to their members.
    pub groups: Vec<NamedGroup>,
    /// What names it, and has to let go of it first: roles that need it, connections and their rules, licences that fall back on it.
    pub named_by: Vec<String>,
    /// Stands for all of this: the deletion asks for it, so that nobody takes more than what they saw.
    pub confirm: String,
}

impl LicenceImpact {
    /// Whether anybody has it, or would get it.
    #[must_use]
    pub fn concerns_anybody(&self) -> bool {
        self.users > 0 || !self.groups.is_empty()
    }
}

/// Users that an impact names.
const NAMED: usize = 50;
/// Holders looked at in one read.
const HOLDERS: usize = 1000;
/// People and groups that one commit takes it from.
const AT_ONCE: usize = 50;
/// How often people who were given it meanwhile are taken from again, before somebody has to look.
const ROUNDS_MAX: usize = 5;

impl Directory {
    /// What the deletion of a licence would mean at present.
    ///
    /// # Errors
    /// [`DirectoryError::NotFound`]; as the store's read.
    pub async fn licence_impact(
        &self,
        organisation: OrganisationId,
        licence: &Slug,
        holders: Holders,
    ) -> Result<LicenceImpact, DirectoryError> {
        let stored = self.store.get(keys::named(organisation, Table::Licence, licence)).await?;
        let stored = stored.ok_or_else(|| DirectoryError::not_found("licence", licence))?;
        let mut hash = Sha256::new();
        hash.update(&stored.value);
        hash.update(json!(holders).to_string());
        let (mut users, mut lent, mut first) = (0, 0, Vec::new());
        let mut after = None;
        loop {
            let found = self.browse_holders(organisation, licence, after, HOLDERS).await?;
            let Some(last) = found.last() else { break };
            after = Some(last.id);
            for user in &found {
                hash.update(user.id.uuid().as_bytes());
                users += 1;
                let claim = user.licences.get(licence);
                // Counted down from all seats of the pool below.
                lent -= i64::from(claim.and_then(|claim| claim.pool(licence)) == Some(licence));
            }
            let named = found.into_iter().take(NAMED.saturating_sub(first.len()));
            first.extend(named.map(|user| NamedUser {
                id: user.id,
                user_name: user.user_name,
            }));
        }
        let groups = self.groups_that_give(organisation, licence).await?;
        for group in &groups {
            hash.update(group.id.uuid().as_bytes());
        }
        let counts = [Count::Seats(licence.clone()), Count::Waiting(licence.clone())];
        let counts = self.browse_counts(organisation, &counts).await?;
        let count = |at: usize| counts.get(at).copied().unwrap_or_default();
        lent += count(0);
        Ok(LicenceImpact {
            licence: licence.clone(),
            holders,
            users,
            seats: count(0).unsigned_abs(),
            waiting: count(1).unsigned_abs(),
            lent: u64::try_from(lent).unwrap_or_default(),
            first_users: first,
            groups,
            named_by: self.what_names(organisation, licence).await?,
            confirm: hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect(),
        })
    }

    async fn groups_that_give(
        &self,
        organisation: OrganisationId,
        licence: &Slug,
    ) -> Result<Vec<NamedGroup>, DirectoryError> {
        let mut givers = Vec::new();
        self.for_each_under(&keys::table(organisation, Table::Group), |_, stored| {
            let group: Group = record::decode(&stored.value)?;
            if group.grants_licences.contains(licence) {
                givers.push(NamedGroup {
                    id: group.id,
                    display_name: group.display_name,
                });
            }
            Ok(())
        })
        .await?;
        Ok(givers)
    }

    /// The places where a licence is named, as an organisation file calls them.
    async fn what_names(&self, organisation: OrganisationId, licence: &Slug) -> Result<Vec<String>, DirectoryError> {
        let mut places = Vec::new();
        self.for_each_under(&keys::table(organisation, Table::Role), |_, stored| {
            let role: Role = record::decode(&stored.value)?;
            if role.requires_licence.as_ref() == Some(licence) {
                places.push(format!("roles.{}.requires_licence", role.key));
            }
            Ok(())
        })
        .await?;
        self.for_each_under(&keys::table(organisation, Table::Connection), |_, stored| {
            let connection: Connection = record::decode(&stored.value)?;
            if connection.licences.contains(licence) {
                places.push(format!("connections.{}.licences", connection.name));
            }
            if connection.grants.iter().any(|rule| rule.licences.contains(licence)) {
                places.push(format!("connections.{}.grants", connection.name));
            }
            Ok(())
        })
        .await?;
        self.for_each_under(&keys::table(organisation, Table::Licence), |_, stored| {
            let other: Licence = record::decode(&stored.value)?;
            if other.when_full == WhenFull::Fallback(licence.clone()) {
                places.push(format!("licences.{}.when_full", other.key));
            }
            Ok(())
        })
        .await?;
        Ok(places)
    }

    /// Deletes a licence that nobody has, or whose impact was seen and confirmed: it is taken from the groups that give it, from
    /// those who wait and from those who have it, and then it is gone.
    ///
    /// # Errors
    /// [`DirectoryError::LicenceInUse`] with the present impact, when people have it and that was not confirmed or is another by
    /// now; [`DirectoryError::InvalidValue`] while something names it, and while seats are lent to holders of others;
    /// [`DirectoryError::NotFound`]; as the store's read and commit.
    pub async fn delete_licence(
        &self,
        permit: &Permit,
        licence: &Slug,
        holders: Holders,
        confirm: Option<&str>,
    ) -> Result<LicenceImpact, DirectoryError> {
        let organisation = permit.organisation();
        let impact = self.licence_impact(organisation, licence, holders).await?;
        refuse_named(&impact)?;
        let is_confirmed = holders == Holders::Take && confirm == Some(impact.confirm.as_str());
        if impact.concerns_anybody() && !is_confirmed {
            return Err(DirectoryError::LicenceInUse(Box::new(impact)));
        }
        for _ in 0..ROUNDS_MAX {
            if self.run(permit, &DeleteLicence { directory: self, licence }).await? {
                return Ok(impact);
            }
            if holders == Holders::Refuse {
                break;
            }
            self.take_licence(permit, licence).await?;
        }
        // Others gave it to somebody all the while.
        let now = self.licence_impact(organisation, licence, holders).await?;
        Err(DirectoryError::LicenceInUse(Box::new(now)))
    }

    /// Groups come first, so that no new member gets it; then those who wait, so that no seat that becomes free is given to them.
    async fn take_licence(&self, permit: &Permit, licence: &Slug) -> Result<(), DirectoryError> {
        let organisation = permit.organisation();
        let groups: Vec<GroupId> = self
            .groups_that_give(organisation, licence)
            .await?
            .into_iter()
            .map(|group| group.id)
            .collect();
        for groups in groups.chunks(AT_ONCE) {
            self.run(permit, &TakeFromGroups { licence, groups }).await?;
        }
        for from in [
            keys::queue(organisation, licence),
            keys::index_entries(organisation, Index::LicenceHolder, licence.as_str()),
        ] {
            loop {
                let found = self.store.scan(Scan::prefix(&from, AT_ONCE)).await?;
                let people: BTreeSet<UserId> = found
                    .iter()
                    .filter_map(|(key, _)| keys::last_uuid(key))
                    .map(UserId::new)
                    .collect();
                if people.is_empty() {
                    break;
                }
                self.run(permit, &TakeFromPeople { licence, people }).await?;
            }
        }
        Ok(())
    }
}

/// What names a licence keeps it, whoever has it.
fn refuse_named(impact: &LicenceImpact) -> Result<(), DirectoryError> {
    let place = || format!("licences.{}", impact.licence);
    if !impact.named_by.is_empty() {
        let reason = format!("is named by {}: take it out there first", impact.named_by.join(", "));
        return Err(DirectoryError::invalid(place(), reason));
    }
    if impact.lent > 0 {
        let reason = format!(
            "lends {} seats to people whose own licence was full: give them seats of their own, or free these, first",
            impact.lent
        );
        return Err(DirectoryError::invalid(place(), reason));
    }
    Ok(())
}

/// Groups do not give it any more.
struct TakeFromGroups<'a> {
    licence: &'a Slug,
    groups: &'a [GroupId],
}

#[async_trait::async_trait]
impl Operation for TakeFromGroups<'_> {
    type Outcome = ();

    async fn attempt(&self, unit: &mut Unit) -> Result<(), DirectoryError> {
        for id in self.groups {
            if let Some(before) = unit.find_group(*id).await? {
                let mut group = before.clone();
                group.grants_licences.remove(self.licence);
                unit.update_group(&before, group).await?;
            }
        }
        Ok(())
    }
}

/// People are not meant to have it any more, for whatever reason they were.
struct TakeFromPeople<'a> {
    licence: &'a Slug,
    people: BTreeSet<UserId>,
}

#[async_trait::async_trait]
impl Operation for TakeFromPeople<'_> {
    type Outcome = ();

    async fn attempt(&self, unit: &mut Unit) -> Result<(), DirectoryError> {
        for id in &self.people {
            if let Some(before) = unit.find_user(*id).await? {
                let mut user = before.clone();
                user.licences.remove(self.licence);
                unit.update_user(&before, user).await?;
            }
        }
        Ok(())
    }
}

/// Deletes a licence that nobody has. False when somebody has, or a group gives it.
struct DeleteLicence<'a> {
    directory: &'a Directory,
    licence: &'a Slug,
}

#[async_trait::async_trait]
impl Operation for DeleteLicence<'_> {
    type Outcome = bool;

    async fn attempt(&self, unit: &mut Unit) -> Result<bool, DirectoryError> {
        let organisation = unit.organisation();
        // That nothing names it and nobody has it is relied on: whatever changes that meanwhile leaves an event, and that is a
        // conflict.
        unit.bytes(&keys::events(organisation)).await?;
        let key = keys::named(organisation, Table::Licence, self.licence);
        if unit.find::<Licence>(&key).await?.is_none() {
            return Err(DirectoryError::not_found("licence", self.licence));
        }
        let now = self
            .directory
            .licence_impact(organisation, self.licence, Holders::Refuse)
            .await?;
        refuse_named(&now)?;
        if now.concerns_anybody() {
            return Ok(false);
        }
        unit.delete(key);
        unit.event(EventKind::LicenceDeleted, self.licence, json!({}));
        Ok(true)
    }
}
