//! What a release changes in keys that are made from values is changed in the store when the release opens it first.
//!
//! Records say their format themselves (see [`crate::model::record`]); keys cannot. Releases before this one made the keys of
//! caseless names by lower case, this one by case folding, so that keys of names beyond ASCII may have another form now. A key is
//! all that is needed to make the new one: the folded form of a text in lower case is that of the text.

use crate::directory::keys::{self, Table};
use crate::directory::settings::OrganisationSettings;
use crate::directory::{Directory, DirectoryError};
use crate::store::{Batch, Key, Precondition, StoreError, Version};

/// The form of names in keys that this release makes.
const FORM: &str = "2";
/// Keys moved in one commit.
const PART: usize = 100;
/// The tables with keys that hold caseless names.
const TABLES: [Table; 3] = [Table::Unique, Table::Index, Table::Resource];

/// What an upgrade of keys did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Upgraded {
    /// Keys that have another form now.
    pub moved: u64,
    /// Keys that keep their form, for another record has the name in the new one: two names that were different are the same now.
    /// `usher verify` tells which; one of the two has to be renamed.
    pub taken: u64,
}

/// A key that is to be moved.
struct Move {
    from: (Key, Version),
    to: Key,
    value: bytes::Bytes,
}

impl Directory {
    /// Brings the keys of caseless names into the form of this release, once. Breaking off does no harm: it is done again. Nobody may
    /// write meanwhile, so it is done before the gateway answers.
    ///
    /// # Errors
    /// As the store's read and commit.
    pub async fn upgrade_names(&self) -> Result<Upgraded, DirectoryError> {
        let mark = keys::name_form();
        let known = self.store.get(mark.clone()).await?;
        if known.is_some_and(|known| known.value == FORM.as_bytes()) {
            return Ok(Upgraded::default());
        }
        let organisations = self.list_organisations().await?;
        // An empty store is told to be empty by its having no key at all.
        if organisations.is_empty() {
            return Ok(Upgraded::default());
        }
        let mut upgraded = Upgraded::default();
        for settings in &organisations {
            for table in TABLES {
                self.refold_table(settings, table, &mut upgraded).await?;
            }
        }
        let mut batch = Batch::new();
        batch.put(mark, FORM);
        self.store.commit(batch).await?;
        Ok(upgraded)
    }

    async fn refold_table(
        &self,
        settings: &OrganisationSettings,
        table: Table,
        upgraded: &mut Upgraded,
    ) -> Result<(), DirectoryError> {
        let mut moves = Vec::new();
        let is_exact = |bearer, name: &str| {
            let defined = settings.custom(bearer).and_then(|own| own.find(name));
            defined.is_none_or(|defined| !defined.attribute.is_folded())
        };
        self.for_each_under(&keys::table(settings.organisation.id, table), |key, stored| {
            if let Some(to) = keys::refold(key, &is_exact) {
                moves.push(Move {
                    from: (key.clone(), stored.version),
                    to,
                    value: stored.value.clone(),
                });
            }
            Ok(())
        })
        .await?;
        for part in moves.chunks(PART) {
            self.move_keys(part, upgraded).await?;
        }
        Ok(())
    }

    async fn move_keys(&self, part: &[Move], upgraded: &mut Upgraded) -> Result<(), DirectoryError> {
        let mut batch = Batch::new();
        let mut done = Upgraded::default();
        let mut placed = std::collections::BTreeSet::new();
        for Move {
            from: (from, version),
            to,
            value,
        } in part
        {
            let holder = self.store.get(to.clone()).await?;
            let is_other = holder.as_ref().is_some_and(|holder| holder.value != *value) || !placed.insert(to.clone());
            if is_other {
                done.taken += 1;
                continue;
            }
            batch.require(Precondition::AtVersion(from.clone(), *version));
            batch.delete(from.clone());
            batch.put(to.clone(), value.clone());
            done.moved += 1;
        }
        if done.moved > 0 {
            match self.store.commit(batch).await {
                Ok(_) => {}
                Err(StoreError::Conflict { key }) => return Err(DirectoryError::Contended { key: key.to_string() }),
                Err(error) => return Err(error.into()),
            }
        }
        upgraded.moved += done.moved;
        upgraded.taken += done.taken;
        Ok(())
    }
}
