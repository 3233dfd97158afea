//! What a connection remembers of an outside identity, and the names by which its source knows it.
//!
//! A directory names the members of a group by their distinguished names (or, RFC 2307, their uids). A complete reading sees
//! both ends; a reading of changes sees the group alone, so the names of every linked entry are kept, hashed to 128 bits.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::model::clock::Timestamp;
use crate::model::record::Record;
use crate::model::slug::Slug;
use crate::store::Key;

use super::keys::{self, Count};
use super::{DirectoryError, Unit};

/// What a connection remembers of an outside identity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// Our user or group.
    pub id: Uuid,
    /// Hash of the mapped identity as last applied; a directory run skips an entry whose hash is the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
    /// Complete runs in a row that did not see the identity.
    #[serde(default)]
    pub missed: u32,
    /// When the identity was last suspended because runs no longer saw it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing_since: Option<Timestamp>,
    /// The names by which the source's groups call the identity, hashed; none while runs do not see it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<Uuid>,
    /// Of a group: the source's identifiers of the groups directly inside it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub below: Vec<String>,
    /// Of a group: it is somebody's primary group, so its own entry does not name all who are in it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_primary: bool,
}

impl Record for Link {
    const KIND: &'static str = "link";
}

impl Link {
    /// A link to this id, nothing remembered.
    #[must_use]
    pub fn new(id: Uuid) -> Self {
        Self {
            id,
            hash: None,
            missed: 0,
            missing_since: None,
            names: Vec::new(),
            below: Vec::new(),
            is_primary: false,
        }
    }

    /// Whether the last complete run saw the identity.
    #[must_use]
    pub fn is_seen(&self) -> bool {
        self.missed == 0 && self.missing_since.is_none()
    }
}

/// Who a name of the source stands for: `u` or `g`, and the source's identifier.
#[must_use]
pub fn named(value: &[u8]) -> Option<(u8, &str)> {
    let (kind, external_id) = value.split_first()?;
    let external_id = std::str::from_utf8(external_id).ok()?;
    matches!(kind, b'u' | b'g').then_some((*kind, external_id))
}

impl Unit {
    /// Writes a link, and moves the names that lead to it.
    ///
    /// # Errors
    /// As [`Unit::find`].
    pub async fn remember_link(
        &mut self,
        connection: &Slug,
        kind: u8,
        external_id: &str,
        link: &Link,
    ) -> Result<(), DirectoryError> {
        let key = keys::link(self.organisation(), connection, kind, external_id);
        let before: Option<Link> = self.find(&key).await?;
        if before.as_ref() == Some(link) {
            return Ok(());
        }
        let old = before.map(|before| before.names).unwrap_or_default();
        self.move_names(connection, kind, external_id, &old, &link.names)
            .await?;
        self.put(key, link);
        Ok(())
    }

    /// Deletes a link, and the names that lead to it.
    async fn forget_link(&mut self, connection: &Slug, kind: u8, external_id: &str) -> Result<(), DirectoryError> {
        let key = keys::link(self.organisation(), connection, kind, external_id);
        if let Some(before) = self.find::<Link>(&key).await? {
            self.move_names(connection, kind, external_id, &before.names, &[])
                .await?;
            self.delete(key);
        }
        self.count_linked(kind, connection, -1);
        Ok(())
    }

    /// Deletes every link of a resource.
    pub(super) async fn forget_links(
        &mut self,
        kind: u8,
        external_ids: &BTreeMap<Slug, String>,
    ) -> Result<(), DirectoryError> {
        for (connection, external_id) in external_ids {
            self.forget_link(connection, kind, external_id).await?;
        }
        Ok(())
    }

    /// Somebody gave up the say over an attribute of a user, and another source may have a value for it: its next whole reading
    /// looks at the entry as if it had changed (design.md section 5).
    pub(super) async fn look_again(&mut self, external_ids: &BTreeMap<Slug, String>) -> Result<(), DirectoryError> {
        for (connection, external_id) in external_ids {
            let key = keys::link(self.organisation(), connection, b'u', external_id);
            let link: Option<Link> = self.find(&key).await?;
            if let Some(mut link) = link.filter(|link| link.hash.is_some()) {
                link.hash = None;
                self.put(key, &link);
            }
        }
        Ok(())
    }

    /// A name goes to the last who came by it; who had it before loses it without a word.
    async fn move_names(
        &mut self,
        connection: &Slug,
        kind: u8,
        external_id: &str,
        before: &[Uuid],
        after: &[Uuid],
    ) -> Result<(), DirectoryError> {
        let key = |name: &Uuid, unit: &Self| -> Key { keys::source_name(unit.organisation(), connection, *name) };
        for name in before.iter().filter(|name| !after.contains(name)) {
            let key = key(name, self);
            let holder = self.bytes(&key).await?;
            if holder.is_some_and(|holder| named(&holder) == Some((kind, external_id))) {
                self.delete(key);
            }
        }
        for name in after.iter().filter(|name| !before.contains(name)) {
            let mut value = vec![kind];
            value.extend_from_slice(external_id.as_bytes());
            let key = key(name, self);
            self.put_bytes(key, value);
        }
        Ok(())
    }

    /// Moves a resource's links from the old external ids to the new ones.
    pub(super) async fn claim_external_ids(
        &mut self,
        kind: u8,
        id: Uuid,
        before: Option<&BTreeMap<Slug, String>>,
        after: &BTreeMap<Slug, String>,
    ) -> Result<(), DirectoryError> {
        let organisation = self.organisation();
        for (connection, external_id) in before.into_iter().flatten() {
            if after.get(connection) != Some(external_id) {
                self.forget_link(connection, kind, external_id).await?;
            }
        }
        for (connection, external_id) in after {
            if before.and_then(|before| before.get(connection)) == Some(external_id) {
                continue;
            }
            let key = keys::link(organisation, connection, kind, external_id);
            if self.find::<Link>(&key).await?.is_some_and(|link| link.id != id) {
                return Err(DirectoryError::Uniqueness {
                    attribute: "externalId".into(),
                    value: external_id.clone(),
                });
            }
            self.put(key, &Link::new(id));
            self.count_linked(kind, connection, 1);
        }
        Ok(())
    }

    fn count_linked(&mut self, kind: u8, connection: &Slug, delta: i64) {
        if kind == b'u' {
            let key = keys::count(self.organisation(), &Count::Linked(connection.clone()));
            self.count(key, delta, None);
        }
    }
}
