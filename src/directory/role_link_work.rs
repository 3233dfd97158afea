//! Changed links, and changes of what a group gives, reach those who hold the role, or are in the group, in parts: one commit never
//! holds them all. A mark says how far it has come; work that was broken off goes on from there.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::model::id::{GroupId, OrganisationId, UserId};
use crate::model::membership::Member;
use crate::model::record::Record;
use crate::model::slug::Slug;
use crate::store::{Key, SCAN_ENTRIES_MAX, Scan};

use super::keys::{self, Index, Table, access};
use super::role_deletion::Deletion;
use super::seat::Missed;
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

/// Does some of one piece of work. `at_once` people at most.
struct DoSome {
    mark: Key,
    at_once: usize,
    /// Whoever cannot be brought in line is passed over, so that one person does not stop everyone else.
    skips: bool,
}

/// What was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Done {
    /// Whether that was the rest.
    is_all: bool,
    /// People whose roles or licences changed.
    changed: usize,
}

#[async_trait::async_trait]
impl Operation for DoSome {
    type Outcome = Done;

    async fn attempt(&self, unit: &mut Unit) -> Result<Done, DirectoryError> {
        // Whoever finds no free seat is queued for one and told of; the rest of what follows from the links is theirs.
        unit.missed = Missed::Queues;
        let mut done = Done::default();
        let Some(mut pending) = unit.find::<Pending>(&self.mark).await? else {
            done.is_all = true;
            return Ok(done);
        };
        done.is_all = match &mut pending.work {
            Work::Deletion(deletion) => deletion.go_on(unit, &mut pending.after).await?,
            work => {
                let next = match work {
                    Work::Role(role) => holders(unit, role, pending.after, self.at_once).await?,
                    Work::Group(group) => members(unit, *group, pending.after, self.at_once).await?,
                    Work::Deletion(_) => Vec::new(),
                };
                for id in next.iter().filter_map(keys::last_uuid) {
                    if !self.skips {
                        done.changed += usize::from(unit.resettle_user(UserId::new(id)).await?);
                    }
                    pending.after = Some(id);
                }
                next.is_empty()
            }
        };
        if done.is_all {
            unit.delete(self.mark.clone());
        } else {
            unit.put(self.mark.clone(), &pending);
        }
        Ok(done)
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
        self.follow_up(&permit, None).await.map(|_| ())
    }

    /// The same, as what follows from a change by this permit. Answers how many members of one group were changed.
    pub(super) async fn follow_up(&self, permit: &Permit, told: Option<GroupId>) -> Result<usize, DirectoryError> {
        let organisation = permit.organisation();
        let told = told.map(|group| access::pending_group(organisation, group));
        let mut changed = 0;
        let gateway = Principal::system().administer(organisation)?;
        let follower = permit.following_up();
        let pending = Scan::prefix(&keys::table(organisation, Table::RoleLink), SCAN_ENTRIES_MAX);
        let mut stuck: BTreeSet<Key> = BTreeSet::new();
        loop {
            let found = self.store.scan(pending.clone()).await?.into_iter();
            let marks: Vec<Key> = found
                .map(|(mark, _)| mark)
                .filter(|mark| !stuck.contains(mark))
                .collect();
            // A deletion may leave work on groups behind, which comes before the rest of it.
            let is_deletion = |mark: &&Key| access::is_pending_deletion(mark);
            if let Some(mark) = marks.iter().find(|mark| !is_deletion(mark)) {
                loop {
                    let done = self.do_some(&follower, mark).await?;
                    changed += if told.as_ref() == Some(mark) { done.changed } else { 0 };
                    if done.is_all {
                        break;
                    }
                }
            } else if let Some(mark) = marks.first() {
                let part = DoSome {
                    mark: mark.clone(),
                    at_once: AT_ONCE,
                    skips: false,
                };
                match self.run_only(&gateway, &part).await {
                    // What cannot go on waits for the next time, and keeps nobody else's request from its answer.
                    Err(error) if is_personal(&error) => {
                        tracing::error!(%error, organisation.id = %organisation, "the deletion of a role cannot go on");
                        stuck.insert(mark.clone());
                    }
                    done => done.map(|_| ())?,
                }
            } else {
                self.purge_groups(organisation).await?;
                return Ok(changed);
            }
        }
    }

    async fn do_some(&self, permit: &Permit, mark: &Key) -> Result<Done, DirectoryError> {
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
        let mut all = Done::default();
        for _ in 0..AT_ONCE {
            match self.run_only(permit, &part(1, false)).await {
                Err(error) if is_personal(&error) => {
                    tracing::warn!(%error, organisation.id = %permit.organisation(), "somebody could not be given what a link gives");
                    self.run_only(permit, &part(1, true)).await?;
                }
                done => {
                    let done = done?;
                    all.changed += done.changed;
                    all.is_all = done.is_all;
                    if all.is_all {
                        break;
                    }
                }
            }
        }
        Ok(all)
    }
}

/// Whether an error is about one person, so that others can go on. A seat that is not free is none: see [`Missed::Queues`].
fn is_personal(error: &DirectoryError) -> bool {
    matches!(error, DirectoryError::Denied(_) | DirectoryError::InvalidValue { .. })
}
