//! Groups, by a selection.

use async_trait::async_trait;
use serde_json::{Value, json};

use crate::directory::keys::{Count, Index, Unique};
use crate::directory::query::Indexed;
use crate::directory::stretch::Stretch;
use crate::directory::{Directory, DirectoryError};
use crate::model::Object;
use crate::model::custom_attribute::Bearer;
use crate::model::effective::Target;
use crate::model::group::Group;
use crate::model::id::{GroupId, OrganisationId};
use crate::model::represent::{self, GroupState};
use crate::model::selection::Selection;

use super::{Part, Rows, Selected, Turn};

/// A group with how many members it has: users and groups, direct ones.
#[derive(Debug, Clone, PartialEq)]
pub struct CountedGroup {
    /// The group.
    pub group: Group,
    /// Its members.
    pub members: i64,
}

/// What the list of groups is narrowed by without reading every record.
struct Narrowed;

impl Indexed for Narrowed {
    const UNIQUE: &'static [(&'static str, Unique)] =
        &[("display_name", Unique::GroupName), ("displayName", Unique::GroupName)];
    const INDEXES: &'static [(&'static str, Index)] = &[];
    const LINK: u8 = b'g';
    const BEARER: Bearer = Bearer::Group;
}

/// The list.
struct Groups {
    organisation: OrganisationId,
    /// The groups that can be meant at all, in order; `None` for all of them.
    ids: Option<Vec<GroupId>>,
}

impl Directory {
    /// A page of the groups that are meant.
    ///
    /// # Errors
    /// As [`Directory::walk`].
    pub async fn select_groups(
        &self,
        organisation: OrganisationId,
        selection: &Selection,
        turn: impl Into<Turn> + Send,
        limit: usize,
    ) -> Result<Selected<CountedGroup>, DirectoryError> {
        let ids = self.narrowed::<Narrowed>(organisation, selection).await?;
        let groups = Groups {
            organisation,
            ids: ids.map(|ids| ids.into_iter().map(GroupId::new).collect()),
        };
        self.walk(&groups, selection, turn, limit).await
    }
}

#[async_trait]
impl Rows for Groups {
    type Row = CountedGroup;

    async fn read(
        &self,
        directory: &Directory,
        along: Stretch<&str>,
        limit: usize,
    ) -> Result<Part<CountedGroup>, DirectoryError> {
        let along: Stretch<GroupId> = along.and_then(|id| id.parse().ok());
        let (groups, next) = match &self.ids {
            None => {
                let groups = directory.browse_groups(self.organisation, along, limit).await?;
                let last = groups.last().filter(|_| groups.len() == limit);
                let next = last.map(|group| group.id.to_string());
                (groups, next)
            }
            Some(ids) => {
                let (wanted, has_more) = along.of(ids, limit, GroupId::cmp);
                let wanted: Vec<GroupId> = wanted.into_iter().copied().collect();
                let groups = directory.browse_groups_by_id(self.organisation, &wanted).await?;
                let next = wanted.last().filter(|_| has_more).map(GroupId::to_string);
                (groups, next)
            }
        };
        let counts: Vec<Count> = groups.iter().map(|group| Count::Members(group.id)).collect();
        let counts = directory.browse_counts(self.organisation, &counts).await?;
        let rows = groups.into_iter().zip(counts);
        let rows = rows.map(|(group, members)| CountedGroup { group, members });
        Ok(Part {
            rows: rows.collect(),
            next,
        })
    }

    fn place(&self, row: &CountedGroup) -> String {
        row.group.id.to_string()
    }

    fn is_place(&self, text: &str) -> bool {
        text.parse::<GroupId>().is_ok()
    }

    async fn shown(
        &self,
        _directory: &Directory,
        rows: &[CountedGroup],
        _selection: &Selection,
    ) -> Result<Vec<Object>, DirectoryError> {
        Ok(rows.iter().map(row).collect())
    }

    /// A disabled group is shown to nobody who does not see all of them (S003-41).
    async fn reaches(
        &self,
        directory: &Directory,
        row: &CountedGroup,
        selection: &Selection,
    ) -> Result<bool, DirectoryError> {
        let Some(reach) = selection.reach() else {
            return Ok(true);
        };
        if !row.group.enabled {
            return Ok(false);
        }
        let target = Target {
            above: directory.groups_above(self.organisation, &row.group).await?,
            groups: [row.group.id].into(),
            user: None,
        };
        Ok(reach.rights.allows(reach.action, &target).is_allowed())
    }
}

/// A group as filters and orders see one: the columns of the list, and the attributes of the SCIM resource.
fn row(CountedGroup { group, members }: &CountedGroup) -> Object {
    let state = GroupState {
        last_modified: group.last_modified,
        revision: group.revision,
        members: members.unsigned_abs(),
    };
    let mut row = represent::group(group, state, None);
    let roles = group.grants_roles.iter().map(|role| json!({ "roles": role }));
    let licences = group
        .grants_licences
        .iter()
        .map(|licence| json!({ "licences": licence }));
    let external_ids = group.external_ids.iter();
    let columns = [
        ("display_name", json!(group.display_name)),
        ("kind", json!(group.kind)),
        ("enabled", json!(group.enabled)),
        ("parent", json!(group.parent)),
        ("level", json!(group.level())),
        ("code", json!(group.code)),
        ("is_billing_root", json!(group.is_billing_root)),
        ("link", json!(group.link)),
        ("is_default", json!(group.is_default)),
        ("members", json!(members)),
        ("gives", roles.chain(licences).collect::<Value>()),
        (
            "external_ids",
            external_ids
                .map(|(connection, id)| json!({ "value": id, "connection": connection }))
                .collect(),
        ),
        ("created", json!(group.created)),
        ("last_modified", json!(group.last_modified)),
    ];
    for (name, value) in columns {
        row.insert(name.to_owned(), value);
    }
    row
}
