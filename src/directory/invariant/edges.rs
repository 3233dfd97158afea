//! A membership is written both ways, alike; both ends exist; it has a reason. The edges of a deleted group may stay for the
//! moment until they are purged.

use async_trait::async_trait;

use crate::directory::DirectoryError;
use crate::directory::keys::{self, Table};
use crate::directory::membership::member_record;
use crate::directory::verify::Report;
use crate::model::id::{GroupId, UserId};
use crate::model::membership::{Member, Membership};
use crate::store::{Key, Versioned};

use super::{Entry, Invariant, View, readable};

/// The invariant.
pub struct Edges;

#[async_trait]
impl Invariant for Edges {
    fn name(&self) -> &'static str {
        "edges"
    }

    async fn verify(&self, view: &View<'_>, report: &mut Report) -> Result<(), DirectoryError> {
        self.direction(view, report, Table::GroupMember, down).await?;
        self.direction(view, report, Table::MemberGroup, up).await
    }
}

/// The two ends that a key names.
type Ends = fn(&Key) -> Option<(GroupId, Member)>;

impl Edges {
    async fn direction(
        &self,
        view: &View<'_>,
        report: &mut Report,
        table: Table,
        ends: Ends,
    ) -> Result<(), DirectoryError> {
        let organisation = view.organisation;
        let mut pages = view.under(&keys::table(organisation, table));
        while let Some(entries) = pages.next(report).await? {
            let wanted = |key: &Key, _: &Versioned| {
                ends(key).map_or_else(Vec::new, |(group, member)| {
                    let opposite = match table {
                        Table::GroupMember => keys::member_group(organisation, member, group),
                        _ => keys::group_member(organisation, group, member),
                    };
                    let purged_member = match member {
                        Member::Group(id) => keys::purge(organisation, id),
                        Member::User(_) => keys::purge(organisation, group),
                    };
                    vec![
                        opposite,
                        keys::group(organisation, group),
                        member_record(organisation, member),
                        keys::purge(organisation, group),
                        purged_member,
                    ]
                })
            };
            for entry in view.together(entries, wanted).await? {
                for what in judge(&entry) {
                    view.broken(report, self.name(), &entry.key, what).await;
                }
            }
        }
        Ok(())
    }
}

fn judge(entry: &Entry) -> Vec<&'static str> {
    let [opposite, group, member, purge, purged_member] = entry.others.as_slice() else {
        return vec!["names no group and member"];
    };
    if purge.is_some() || purged_member.is_some() {
        return Vec::new();
    }
    let mut broken = Vec::new();
    match opposite {
        None => broken.push("is written in one direction only"),
        Some(opposite) if opposite.value != entry.value.value => broken.push("differs from its other direction"),
        Some(_) => {}
    }
    if group.is_none() {
        broken.push("is of a group that does not exist");
    }
    if member.is_none() {
        broken.push("is of a member that does not exist");
    }
    if readable::<Membership>(Some(&entry.value)).is_some_and(|edge| edge.origins.is_empty()) {
        broken.push("has no reason any more");
    }
    broken
}

/// Bytes of a key before its first identifier.
const ENDS_AT: usize = 18;

/// `group, kind, member`.
fn down(key: &Key) -> Option<(GroupId, Member)> {
    let group = key.as_bytes().get(ENDS_AT..ENDS_AT + 16)?;
    Some((GroupId::new(uuid::Uuid::from_slice(group).ok()?), keys::member_of(key)?))
}

/// `kind, member, group`.
fn up(key: &Key) -> Option<(GroupId, Member)> {
    let (kind, rest) = key.as_bytes().get(ENDS_AT..)?.split_first()?;
    let member = uuid::Uuid::from_slice(rest.get(..16)?).ok()?;
    let group = uuid::Uuid::from_slice(rest.get(16..)?).ok()?;
    let member = match kind {
        b'u' => Member::User(UserId::new(member)),
        b'g' => Member::Group(GroupId::new(member)),
        _ => return None,
    };
    Some((GroupId::new(group), member))
}
