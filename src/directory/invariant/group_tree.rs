//! Groups lie where they say: each is found below its parent, its code goes on from its parent's, none is deeper than the
//! organisation allows, and the billing root and the groups for newcomers are what their marks say.

use std::collections::BTreeSet;

use async_trait::async_trait;

use crate::directory::DirectoryError;
use crate::directory::group_default::read_default_groups;
use crate::directory::keys::{self, Table};
use crate::directory::user::parse_uuid;
use crate::directory::verify::Report;
use crate::model::group::{Code, Group};
use crate::model::id::GroupId;
use crate::model::organisation::Organisation;
use crate::store::{Key, Versioned};

use super::{Entry, Invariant, View, readable};

/// The invariant.
pub struct GroupTree;

#[async_trait]
impl Invariant for GroupTree {
    fn name(&self) -> &'static str {
        "group tree"
    }

    async fn verify(&self, view: &View<'_>, report: &mut Report) -> Result<(), DirectoryError> {
        self.groups(view, report).await?;
        self.entries(view, report).await
    }
}

impl GroupTree {
    async fn groups(&self, view: &View<'_>, report: &mut Report) -> Result<(), DirectoryError> {
        let organisation = view.organisation;
        let mut pages = view.under(&keys::table(organisation, Table::Group));
        while let Some(entries) = pages.next(report).await? {
            let beside = |_: &Key, stored: &Versioned| {
                let Some(group) = readable::<Group>(Some(stored)) else {
                    return Vec::new();
                };
                vec![
                    keys::organisation(organisation),
                    keys::group(organisation, group.parent.unwrap_or(group.id)),
                    keys::group_child(organisation, group.parent, group.id),
                    keys::group_number(organisation, group.parent),
                    keys::billing_root(organisation),
                    keys::default_groups(organisation),
                ]
            };
            for entry in view.together(entries, beside).await? {
                for what in judge(&entry) {
                    view.broken(report, self.name(), &entry.key, what).await;
                }
            }
        }
        Ok(())
    }

    /// What the tree holds leads to groups that are there.
    async fn entries(&self, view: &View<'_>, report: &mut Report) -> Result<(), DirectoryError> {
        let organisation = view.organisation;
        let mut pages = view.under(&keys::table(organisation, Table::GroupTree));
        while let Some(entries) = pages.next(report).await? {
            let groups = |key: &Key, stored: &Versioned| {
                let named = named(organisation, key, stored).into_iter();
                named.map(|group| keys::group(organisation, group)).collect()
            };
            for entry in view.together(entries, groups).await? {
                let bears = |group: &Group| {
                    if entry.key == keys::billing_root(organisation) {
                        group.is_billing_root
                    } else if entry.key == keys::default_groups(organisation) {
                        group.is_default
                    } else {
                        keys::is_group_number(&entry.key)
                            || entry.key == keys::group_child(organisation, group.parent, group.id)
                    }
                };
                let is_borne =
                    |stored: &Option<Versioned>| readable::<Group>(stored.as_ref()).is_some_and(|group| bears(&group));
                if !entry.others.iter().all(is_borne) {
                    let what = "leads to a group that is not there, or is not what this says";
                    view.broken(report, self.name(), &entry.key, what).await;
                }
            }
        }
        Ok(())
    }
}

/// The groups that an entry of the tree names. Numbers of groups without a parent name none.
fn named(organisation: crate::model::id::OrganisationId, key: &Key, stored: &Versioned) -> BTreeSet<GroupId> {
    if *key == keys::billing_root(organisation) || *key == keys::default_groups(organisation) {
        return read_default_groups(&stored.value).unwrap_or_default();
    }
    let last = keys::last_uuid(key).filter(|id| !id.is_nil());
    last.map(GroupId::new).into_iter().collect()
}

fn judge(entry: &Entry) -> Vec<String> {
    let (Some(group), [organisation, parent, place, number, root, newcomers]) =
        (readable::<Group>(Some(&entry.value)), entry.others.as_slice())
    else {
        return Vec::new();
    };
    let mut broken = Vec::new();
    let holds = |stored: &Option<Versioned>| {
        stored
            .as_ref()
            .and_then(|stored| read_default_groups(&stored.value))
            .is_some_and(|ids| ids.contains(&group.id))
    };
    if group.is_default && !holds(newcomers) {
        broken.push("is for newcomers, and they do not find it".to_owned());
    }
    let is_root = root
        .as_ref()
        .and_then(|stored| parse_uuid(&stored.value))
        .is_some_and(|id| id == group.id.uuid());
    if group.is_billing_root && !is_root {
        broken.push("is a billing root, and the organisation has another one or none".to_owned());
    }
    let Some(code) = &group.code else {
        if group.parent.is_some() {
            broken.push("has a parent and no place in the tree".to_owned());
        }
        return broken;
    };
    if place.is_none() {
        broken.push("is not found below its parent".to_owned());
    }
    let depth = readable::<Organisation>(organisation.as_ref()).map(|organisation| organisation.groups.depth);
    // A flat organisation may have been a tree before: codes stay.
    if depth.is_some_and(|depth| code.level() > depth) {
        broken.push(format!(
            "lies on level {}, which the organisation does not have",
            code.level()
        ));
    }
    let above = match group.parent {
        None => None,
        Some(id) => match readable::<Group>(parent.as_ref()) {
            Some(above) => above.code,
            None => {
                broken.push(format!("lies below group {id}, which does not exist"));
                return broken;
            }
        },
    };
    if *code != Code::below(above.as_ref(), code.number()) {
        broken.push(format!("has code {code}, which does not go on from its parent's"));
    }
    let given = number
        .as_ref()
        .and_then(|stored| std::str::from_utf8(&stored.value).ok()?.parse::<u32>().ok());
    if given.is_none_or(|given| given < code.number()) {
        broken.push(format!("has code {code}, whose number was never given"));
    }
    broken
}
