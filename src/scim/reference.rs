//! What a resource says about others: the groups that a user is in and the manager (RFC 7643 s4.1.2, s4.3), the parent of a
//! group. Names are read for a whole page at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};

use crate::model::Object;
use crate::model::id::{GroupId, UserId};
use crate::model::projection::Projection;
use crate::model::schema::{ENTERPRISE_USER, USHER_GROUP};
use crate::model::user::User;

use super::Scim;
use super::access::Access;
use super::error::ScimError;

/// The names of those that users refer to.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// One that has just been deleted has none.
    groups: BTreeMap<GroupId, Arc<str>>,
    managers: BTreeMap<UserId, String>,
}

impl Names {
    /// Reads the names that a page of users needs: of these groups, and of the users' managers if those are shown.
    pub(super) async fn read<'a>(
        scim: &Scim,
        access: &Access,
        users: impl IntoIterator<Item = &'a User>,
        groups: impl IntoIterator<Item = &'a GroupId>,
        projection: &Projection,
    ) -> Result<Self, ScimError> {
        let (directory, organisation) = (scim.directory(), access.organisation_id());
        let groups: BTreeSet<GroupId> = groups.into_iter().copied().collect();
        let shows_manager = projection.wants(&format!("{}:manager", ENTERPRISE_USER.id));
        let of = |user: &'a User| manager_of(&user.attributes).filter(|_| shows_manager);
        let managers: BTreeSet<UserId> = users.into_iter().filter_map(of).collect();
        Ok(Self {
            groups: directory.group_names(organisation, &groups).await?,
            managers: directory.display_names(organisation, &managers).await?,
        })
    }

    /// The value of `groups`.
    pub(super) fn groups(&self, groups: &[GroupId], base_url: &str) -> Vec<Value> {
        let known = groups.iter().filter_map(|id| {
            let display: &str = self.groups.get(id)?;
            let address = format!("{base_url}/Groups/{id}");
            Some(json!({ "value": id, "$ref": address, "display": display, "type": "direct" }))
        });
        known.collect()
    }

    /// Completes the manager of a user, when it is a user of ours: the address is made from the id, whatever the client
    /// sent, and the name is the manager's own (RFC 7643 s4.3: `displayName` is read-only).
    pub(super) fn complete_manager(&self, resource: &mut Object, base_url: &str) {
        let Some(id) = manager_of(resource) else { return };
        let Some(manager) = resource
            .get_mut(ENTERPRISE_USER.id.as_str())
            .and_then(|extension| extension.get_mut("manager"))
        else {
            return;
        };
        manager["$ref"] = format!("{base_url}/Users/{id}").into();
        if let Some(name) = self.managers.get(&id) {
            manager["displayName"] = name.as_str().into();
        }
    }
}

/// Completes the parent of a group with its address and name; one that has just been deleted is not shown.
pub(super) fn complete_parent(resource: &mut Object, names: &BTreeMap<GroupId, Arc<str>>, base_url: &str) {
    let Some(Value::Object(extension)) = resource.get_mut(USHER_GROUP.id.as_str()) else {
        return;
    };
    let Some(parent) = extension.get_mut("parent") else {
        return;
    };
    let id = parent["value"].as_str().and_then(|id| id.parse::<GroupId>().ok());
    let known = id.and_then(|id| Some((id, names.get(&id)?)));
    match known {
        Some((id, name)) => {
            parent["$ref"] = format!("{base_url}/Groups/{id}").into();
            parent["display"] = Value::from(&**name);
        }
        None => drop(extension.remove("parent")),
    }
}

/// The manager's identifier, if it can be one of ours: some clients send an employee number.
fn manager_of(resource: &Object) -> Option<UserId> {
    let extension = resource.get(ENTERPRISE_USER.id.as_str())?;
    extension.get("manager")?.get("value")?.as_str()?.parse().ok()
}
