//! The names under which people are shown where others refer to them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::directory::{Directory, DirectoryError, keys};
use crate::model::id::{OrganisationId, UserId};
use crate::model::record;
use crate::model::user::User;

impl Directory {
    /// The display names of those of `users` that there are and that have one: one round trip, none for nobody.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn display_names(
        &self,
        organisation: OrganisationId,
        users: &BTreeSet<UserId>,
    ) -> Result<BTreeMap<UserId, String>, DirectoryError> {
        let mut names = BTreeMap::new();
        if users.is_empty() {
            return Ok(names);
        }
        let wanted = users.iter().map(|id| keys::user(organisation, *id)).collect();
        for stored in self.store.get_many(wanted).await?.into_iter().flatten() {
            let user: User = record::decode(&stored.value)?;
            if let Some(name) = display_name(&user) {
                names.insert(user.id, name.to_owned());
            }
        }
        Ok(names)
    }
}

/// `displayName`, else `name.formatted`.
fn display_name(user: &User) -> Option<&str> {
    let formatted = || user.attributes.get("name")?.get("formatted");
    let name = user.attributes.get("displayName").or_else(formatted);
    name.and_then(Value::as_str)
}
