//! What a step does beside the group's record: members, and what the connection remembers.

use crate::directory::link::Link;
use crate::directory::{DirectoryError, Operation, Unit, keys};
use crate::model::id::GroupId;
use crate::provision::failure::Kind;
use crate::provision::lease::Claim;
use crate::provision::person::Context;
use crate::provision::plan::GroupStep;
use crate::provision::team::{self, MemberStep};

/// Asks whether the connection's link still leads to the group of a step.
pub(super) struct StillLinked<'a> {
    pub(super) context: Context<'a>,
    pub(super) lease: &'a Claim,
    pub(super) step: &'a GroupStep,
}

#[async_trait::async_trait]
impl Operation for StillLinked<'_> {
    type Outcome = bool;

    async fn attempt(&self, unit: &mut Unit) -> Result<bool, DirectoryError> {
        self.lease.relied_on(unit).await?;
        let (connection, external_id) = (&self.context.connection.name, &self.step.external_id);
        let tag = Kind::Group.link_tag();
        let key = keys::link(unit.organisation(), connection, tag, external_id);
        let link: Option<Link> = unit.find(&key).await?;
        Ok(link.map(|link| GroupId::new(link.id)) == self.step.group)
    }
}

pub(super) struct MembersChange<'a> {
    pub(super) context: Context<'a>,
    pub(super) lease: &'a Claim,
    pub(super) group: GroupId,
    pub(super) change: MemberStep,
}

#[async_trait::async_trait]
impl Operation for MembersChange<'_> {
    /// How many of the members are not there.
    type Outcome = u64;

    async fn attempt(&self, unit: &mut Unit) -> Result<u64, DirectoryError> {
        self.lease.relied_on(unit).await?;
        let group = unit.load_group(self.group).await?;
        let changes = team::change_members(
            unit,
            self.context,
            &group,
            std::slice::from_ref(&self.change),
            Vec::new(),
        )
        .await?;
        Ok(changes.unknown.len() as u64)
    }
}

/// Remembers a group as seen, and as done when it is.
pub(super) struct Finish<'a> {
    pub(super) context: Context<'a>,
    pub(super) lease: &'a Claim,
    pub(super) step: &'a GroupStep,
    pub(super) group: GroupId,
    pub(super) is_whole: bool,
}

#[async_trait::async_trait]
impl Operation for Finish<'_> {
    type Outcome = ();

    async fn attempt(&self, unit: &mut Unit) -> Result<(), DirectoryError> {
        self.lease.relied_on(unit).await?;
        let name = &self.context.connection.name;
        let key = keys::link(
            unit.organisation(),
            name,
            Kind::Group.link_tag(),
            &self.step.external_id,
        );
        let before: Option<Link> = unit.find(&key).await?;
        // Without a link the group was let go in the meantime.
        let Some(before) = before.filter(|before| before.id == self.group.uuid()) else {
            return Ok(());
        };
        let mut link = before.clone();
        link.missed = 0;
        link.missing_since = None;
        link.hash = self.step.hash.clone().filter(|_| self.is_whole);
        if before != link {
            unit.put(key, &link);
        }
        Ok(())
    }
}
