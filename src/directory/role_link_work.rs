//! Changed links reach those who hold the role, or are in the group, in parts: one commit never holds them all. A mark says
//! how far it has come; work that was broken off goes on from there.

use serde::{Deserialize, Serialize};

use crate::model::id::{GroupId, OrganisationId, UserId};
use crate::model::membership::Member;
use crate::model::record::Record;
use crate::model::slug::Slug;
use crate::store::{Key, SCAN_ENTRIES_MAX, Scan};

use super::keys::{self, Index, Table, access};
use super::role_deletion::Deletion;
use super::{Directory, DirectoryError, Operation, Permit, Principal, Unit};

/// People brought in line in one commit.
pub(super) const AT_ONCE: usize = 50;

/// How far work on changed links has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pending {
    /// What is done.
    pub work: Work,
    /// The last one who is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<uuid::Uuid>,
}

impl Record for Pending {
    const KIND: &'static str = "pending link";
}

/// What is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Work {
    /// The holders of a role are brought in line.
    Role(Slug),
    /// The members of a group are.
    Group(GroupId),
    /// A role that is gone is taken from everyone.
    Deletion(Deletion),
}

impl Pending {
    /// Work that has not begun.
    #[must_use]
    pub fn new(work: Work) -> Self {
        Self { work, after: None }
    }
}

impl Unit {
    /// Notes that the holders of a role have to be brought in line.
    pub(super) fn mark_role(&mut self, role: &Slug) {
        let key = access::pending_role(self.organisation(), role);
        self.put(key, &Pending::new(Work::Role(role.clone())));
    }

    /// Notes that the members of a group have to be brought in line.
    pub(super) fn mark_group(&mut self, group: GroupId) {
        let key = access::pending_group(self.organisation(), group);
        self.put(key, &Pending::new(Work::Group(group)));
    }

    /// Whether this unit leaves work on links behind.
    pub(super) fn leaves_link_work(&self) -> bool {
        let prefix = keys::table(self.organisation(), Table::RoleLink);
        self.changed_under(&prefix).any(|(_, is_there)| is_there)
    }
}

/// Does some of one piece of work. Answers whether that was the rest. `at_once` people at most.
struct DoSome {
    mark: Key,
    at_once: usize,
    /// Whoever cannot be brought in line is passed over, so that one person without a seat does not stop everyone else.
    skips: bool,
}

#[async_trait::async_trait]
impl Operation for DoSome {
    type Outcome = bool;

    async fn attempt(&self, unit: &mut Unit) -> Result<bool, DirectoryError> {
        let Some(mut pending) = unit.find::<Pending>(&self.mark).await? else {
            return Ok(true);
        };
        let is_done = match &mut pending.work {
            Work::Deletion(deletion) => deletion.go_on(unit, &mut pending.after).await?,
            work => {
                let next = match work {
                    Work::Role(role) => holders(unit, role, pending.after, self.at_once).await?,
                    Work::Group(group) => members(unit, *group, pending.after, self.at_once).await?,
                    Work::Deletion(_) => Vec::new(),
                };
                for id in next.iter().filter_map(keys::last_uuid) {
                    if !self.skips {
                        unit.resettle_user(UserId::new(id)).await?;
                    }
                    pending.after = Some(id);
                }
                next.is_empty()
            }
        };
        if is_done {
            unit.delete(self.mark.clone());
        } else {
            unit.put(self.mark.clone(), &pending);
        }
        Ok(is_done)
    }
}

async fn holders(unit: &Unit, role: &Slug, after: Option<uuid::Uuid>, most: usize) -> Result<Vec<Key>, DirectoryError> {
    let organisation = unit.organisation();
    let prefix = keys::index_entries(organisation, Index::RoleHolder, role.as_str());
    let mut scan = Scan::prefix(&prefix, most);
    if let Some(after) = after {
        scan = scan.after(keys::index(organisation, Index::RoleHolder, role.as_str(), after));
    }
    Ok(unit.scan(scan).await?.into_iter().map(|(key, _)| key).collect())
}

async fn members(
    unit: &Unit,
    group: GroupId,
    after: Option<uuid::Uuid>,
    most: usize,
) -> Result<Vec<Key>, DirectoryError> {
    let organisation = unit.organisation();
    // Nested groups come first in the order of the keys: the work starts behind them.
    let first = Member::User(UserId::new(after.unwrap_or(uuid::Uuid::nil())));
    let scan = Scan::prefix(&keys::group_members(organisation, group), most);
    let scan = scan.after(keys::group_member(organisation, group, first));
    Ok(unit.scan(scan).await?.into_iter().map(|(key, _)| key).collect())
}

impl Directory {
    /// Does all pending work on the links of an organisation's roles and groups. Safe to run at any time and again; run after
    /// each change of a link and at the start.
    ///
    /// # Errors
    /// As the store's read and commit.
    pub async fn settle_role_links(&self, organisation: OrganisationId) -> Result<(), DirectoryError> {
        let permit = Principal::system().administer(organisation)?;
        let pending = Scan::prefix(&keys::table(organisation, Table::RoleLink), SCAN_ENTRIES_MAX);
        loop {
            let marks: Vec<Key> = self
                .store
                .scan(pending.clone())
                .await?
                .into_iter()
                .map(|(mark, _)| mark)
                .collect();
            // A deletion may leave work on groups behind, which comes before the rest of it.
            let is_deletion = |mark: &&Key| access::is_pending_deletion(mark);
            if let Some(mark) = marks.iter().find(|mark| !is_deletion(mark)) {
                while !self.do_some(&permit, mark).await? {}
            } else if let Some(mark) = marks.first() {
                self.run_only(
                    &permit,
                    &DoSome {
                        mark: mark.clone(),
                        at_once: AT_ONCE,
                        skips: false,
                    },
                )
                .await?;
            } else {
                return self.purge_groups(organisation).await;
            }
        }
    }

    async fn do_some(&self, permit: &Permit, mark: &Key) -> Result<bool, DirectoryError> {
        let part = |at_once, skips| DoSome {
            mark: mark.clone(),
            at_once,
            skips,
        };
        match self.run_only(permit, &part(AT_ONCE, false)).await {
            Err(error) if is_personal(&error) => {}
            done => return done,
        }
        // Somebody in this part cannot be brought in line: one by one, whoever it is is found and passed over.
        for _ in 0..AT_ONCE {
            match self.run_only(permit, &part(1, false)).await {
                Err(error) if is_personal(&error) => {
                    tracing::warn!(%error, organisation.id = %permit.organisation(), "somebody could not be given what a link gives");
                    self.run_only(permit, &part(1, true)).await?;
                }
                Ok(false) => {}
                done => return done,
            }
        }
        Ok(false)
    }
}

/// Whether an error is about one person, so that others can go on.
fn is_personal(error: &DirectoryError) -> bool {
    matches!(
        error,
        DirectoryError::SeatsExhausted { .. } | DirectoryError::Denied(_) | DirectoryError::InvalidValue { .. }
    )
}
