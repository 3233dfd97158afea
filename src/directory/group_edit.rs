//! Groups by administrators: made, changed, deleted (S001-3, S001-7, S001-8, S003-33, -34, -39..42, S004-17, -23).

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::model::custom_attribute::Bearer;
use crate::model::effective::Target;
use crate::model::group::{Group, GroupDraft, check_avatar};
use crate::model::id::{GroupId, ResourceId, UserId};
use crate::model::membership::Member;
use crate::model::merge_patch::merge;

use super::attribute_edit::Attributes;
use super::group_members::AddMembers;
use super::resource_assign::AssignResource;
use super::settings::OrganisationSettings;
use super::{DirectoryError, Operation, Unit};

/// Makes a group.
pub struct CreateGroup<'a> {
    /// The group as it is to be.
    pub draft: GroupDraft,
    /// The organisation's settings.
    pub settings: &'a OrganisationSettings,
    /// Its first members (S001-35).
    pub users: Vec<UserId>,
    /// Resources that are assigned to it (S001-39).
    pub resources: Vec<ResourceId>,
}

#[async_trait::async_trait]
impl Operation for CreateGroup<'_> {
    type Outcome = Group;

    async fn attempt(&self, unit: &mut Unit) -> Result<Group, DirectoryError> {
        let draft = &self.draft;
        check(draft)?;
        let above = place_of(unit, draft.parent).await?;
        unit.demand("group.create", &above)?;
        if draft.is_default {
            unit.demand("group.update", &Target::organisation())?;
        }
        let mut group = Group::new(
            GroupId::new(unit.clock().uuid()),
            draft.display_name.clone(),
            unit.now(),
        );
        check_names(self.settings, &draft.attributes)?;
        let written = attributes(self.settings).written(named(&group), &draft.attributes)?;
        group.attributes = without_name(written);
        group.kind = match draft.kind {
            Some(kind) => kind,
            None => unit.group_policy().await?.default_kind,
        };
        lay(draft, &mut group);
        let group = unit.create_group(group).await?;
        if !self.users.is_empty() {
            let there = unit.target_group(group.id).await?;
            unit.demand("group.members", &there)?;
            let add = AddMembers {
                group: group.id,
                members: self.users.iter().copied().map(Member::User).collect(),
            };
            add.attempt(unit).await?;
        }
        if !self.resources.is_empty() {
            unit.demand("resource.manage", &Target::organisation())?;
        }
        for resource in self.resources.iter().collect::<BTreeSet<_>>() {
            let assign = AssignResource {
                resource: *resource,
                subjects: vec![Member::Group(group.id)],
                attributes: Map::new(),
            };
            assign.attempt(unit).await?;
        }
        Ok(group)
    }
}

/// Changes a group by a merge patch (RFC 7396) of its [`GroupDraft`].
pub struct UpdateGroup<'a> {
    /// Which.
    pub group: GroupId,
    /// What changes. An attribute of the organisation's own may be named without its URN.
    pub changes: Map<String, Value>,
    /// The organisation's settings.
    pub settings: &'a OrganisationSettings,
}

#[async_trait::async_trait]
impl Operation for UpdateGroup<'_> {
    type Outcome = Group;

    async fn attempt(&self, unit: &mut Unit) -> Result<Group, DirectoryError> {
        let before = unit.load_group(self.group).await?;
        let mut after = before.clone();
        let mut changes = self.changes.clone();
        if let Some(changed) = changes.remove("attributes") {
            let Value::Object(changed) = changed else {
                return Err(DirectoryError::invalid("attributes", "must be an object"));
            };
            check_names(self.settings, &changed)?;
            let mut current = before.attributes.clone();
            current.extend(named(&before));
            after.attributes = without_name(attributes(self.settings).changed(&current, &changed)?);
        }
        let mut document = serde_json::to_value(GroupDraft::from(&before)).unwrap_or_default();
        merge(&mut document, &Value::Object(changes));
        let draft: GroupDraft =
            serde_json::from_value(document).map_err(|error| DirectoryError::invalid("group", error.to_string()))?;
        check(&draft)?;
        after.display_name.clone_from(&draft.display_name);
        if let Some(kind) = draft.kind {
            after.kind = kind;
        } else {
            after.kind = unit.group_policy().await?.default_kind;
        }
        lay(&draft, &mut after);
        may_place(unit, &before, &after).await?;
        unit.update_group(&before, after).await
    }
}

/// What reaches beyond the group needs more than the right to change it: a group that lies elsewhere is in reach of other people,
/// and newcomers and rights follow from whether it takes the ones and is in force for the others.
async fn may_place(unit: &mut Unit, before: &Group, after: &Group) -> Result<(), DirectoryError> {
    if before.enabled != after.enabled {
        may_switch(unit, before).await?;
    }
    if before.is_default != after.is_default {
        unit.demand("group.update", &Target::organisation())?;
    }
    if before.parent != after.parent {
        // Whoever runs the place that it leaves and the place that it comes to has it, and all below it, in reach before and after.
        let from = place_of(unit, before.parent).await?;
        unit.demand("group.update", &from)?;
        let to = place_of(unit, after.parent).await?;
        unit.demand("group.create", &to)?;
    }
    Ok(())
}

/// A group as the place of those below it; the organisation for those that lie below none.
async fn place_of(unit: &mut Unit, parent: Option<GroupId>) -> Result<Target, DirectoryError> {
    match parent {
        Some(parent) => unit.target_group(parent).await,
        None => Ok(Target::organisation()),
    }
}

/// Whether the acting person may disable a group or enable it: one that lies below what the person runs. Whoever runs a part of the
/// tree does not disable the top of it.
///
/// # Errors
/// [`DirectoryError::Denied`]; as [`Unit::find`].
pub(super) async fn may_switch(unit: &mut Unit, group: &Group) -> Result<(), DirectoryError> {
    let own = unit.target_group(group.id).await?;
    unit.demand("group.update", &own)?;
    let above = place_of(unit, group.parent).await?;
    unit.demand("group.update", &above)?;
    // Its members lose what it gives them, or have it again (S001-25).
    unit.may_pass_on_gifts(group).await
}

/// Deletes a group. What it left behind goes by [`super::Directory::purge_groups`].
pub struct DeleteGroup(
    /// Which.
    pub GroupId,
);

#[async_trait::async_trait]
impl Operation for DeleteGroup {
    type Outcome = ();

    async fn attempt(&self, unit: &mut Unit) -> Result<(), DirectoryError> {
        let group = unit.load_group(self.0).await?;
        // Its members lose what it gave them: nobody takes what they do not have (S001-25).
        unit.may_pass_on_gifts(&group).await?;
        unit.delete_group(&group).await
    }
}

fn attributes(settings: &OrganisationSettings) -> Attributes<'_> {
    Attributes {
        schemas: &settings.schemas.groups,
        custom: settings.custom(Bearer::Group),
    }
}

/// The core attributes of a group are members of the document itself, or edges.
fn check_names(settings: &OrganisationSettings, given: &Map<String, Value>) -> Result<(), DirectoryError> {
    let core = |name: &&String| settings.schemas.groups.core_attribute(name).is_some();
    match given.keys().find(core) {
        None => Ok(()),
        Some(name) => {
            let reason = "is no attribute of the organisation's own: write display_name, or change the members";
            Err(DirectoryError::invalid(format!("attributes.{name}"), reason))
        }
    }
}

const NAME: &str = "displayName";

fn named(group: &Group) -> Map<String, Value> {
    Map::from_iter([(NAME.to_owned(), json!(group.display_name))])
}

fn without_name(mut attributes: Map<String, Value>) -> Map<String, Value> {
    attributes.remove(NAME);
    attributes
}

fn check(draft: &GroupDraft) -> Result<(), DirectoryError> {
    let name = draft.display_name.trim();
    if name.is_empty() || name.chars().any(char::is_control) {
        let reason = "is required, must not be blank and must not hold control characters";
        return Err(DirectoryError::invalid("display_name", reason));
    }
    match draft.avatar.as_deref().map(check_avatar) {
        Some(Err(reason)) => Err(DirectoryError::invalid("avatar", reason)),
        Some(Ok(())) | None => Ok(()),
    }
}

fn lay(draft: &GroupDraft, group: &mut Group) {
    group.parent = draft.parent;
    group.enabled = draft.enabled;
    group.link.clone_from(&draft.link);
    group.avatar.clone_from(&draft.avatar);
    group.is_default = draft.is_default;
}
