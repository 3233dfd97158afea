//! Bringing the indexes of custom attributes to what is declared: built and removed in parts, each a commit of its own,
//! while reads and writes go on. Interrupted at any place, it goes on from the stored state.

use uuid::Uuid;

use crate::directory::keys;
use crate::directory::{Directory, DirectoryError, Operation, Permit, Unit};
use crate::model::custom_attribute::{Bearer, CustomAttribute, CustomSchema, Defined, Index, IndexKind, extension_of};
use crate::store::{Key, Scan};

use super::declare::{no_longer_unique, not_distinct, table};
use super::{Holder, attributes_of, entries};

/// Records, or entries, of one commit.
const CHUNK: usize = 200;

/// One part of the work.
struct Settle<'a> {
    bearer: Bearer,
    /// The record that the last part ended with; only good for the same attribute.
    after: Option<&'a (String, Key)>,
}

/// What a part did.
enum Done {
    /// There is nothing to do.
    Settled,
    /// There may be more.
    Part,
    /// Records up to this one are in the index of this attribute.
    UpTo(String, Key),
    /// Two resources have one value: the attribute is not unique.
    NotDistinct(Box<CustomAttribute>, Uuid, Uuid),
}

#[async_trait::async_trait]
impl Operation for Settle<'_> {
    type Outcome = Done;

    async fn attempt(&self, unit: &mut Unit) -> Result<Done, DirectoryError> {
        let key = keys::custom_schema(unit.organisation(), self.bearer);
        let Some(mut schema) = unit.find::<CustomSchema>(&key).await? else {
            return Ok(Done::Settled);
        };
        let before = schema.clone();
        for at in 0..schema.attributes.len() {
            let defined = &mut schema.attributes[at];
            let done = match defined.index {
                Index::Building(kind) => self.build(unit, defined, kind).await?,
                Index::Dropping(kind) => self.drop_entries(unit, defined, kind).await?,
                Index::None | Index::Ready(_) => continue,
            };
            if schema != before {
                unit.put(key, &schema);
            }
            return Ok(done);
        }
        Ok(Done::Settled)
    }
}

impl Settle<'_> {
    async fn build(&self, unit: &mut Unit, defined: &mut Defined, kind: IndexKind) -> Result<Done, DirectoryError> {
        let organisation = unit.organisation();
        let name = defined.attribute.name.clone();
        let mut scan = Scan::prefix(&keys::table(organisation, table(self.bearer)), CHUNK);
        if let Some((_, last)) = self.after.filter(|(of, _)| *of == name) {
            scan = scan.after(last.clone());
        }
        let found = unit.scan(scan).await?;
        let Some((last, _)) = found.last() else {
            defined.index = Index::Ready(kind);
            return Ok(Done::Part);
        };
        let last = last.clone();
        unit.fetch(found.iter().map(|(key, _)| key.clone())).await?;
        for (key, _) in &found {
            let (Some(id), Some(record)) = (keys::last_uuid(key), unit.bytes(key).await?) else {
                continue;
            };
            let attributes = attributes_of(&record).unwrap_or_default();
            let extension = extension_of(&attributes).map(|(_, extension)| extension);
            let holder = Holder {
                bearer: self.bearer,
                id,
            };
            for entry in entries(organisation, holder, &defined.attribute, kind, extension).into_keys() {
                if let Some(other) = unit.claim(&entry, kind, id).await? {
                    let attribute = Box::new(defined.attribute.clone());
                    no_longer_unique(defined);
                    return Ok(Done::NotDistinct(attribute, other, id));
                }
            }
        }
        Ok(Done::UpTo(name, last))
    }

    async fn drop_entries(
        &self,
        unit: &mut Unit,
        defined: &mut Defined,
        kind: IndexKind,
    ) -> Result<Done, DirectoryError> {
        let (organisation, name) = (unit.organisation(), &defined.attribute.name);
        let all = match kind {
            IndexKind::Unique => keys::custom_unique_values(organisation, self.bearer, name),
            IndexKind::Search => keys::custom_entry_values(organisation, self.bearer, name),
        };
        let found = unit.scan(Scan::prefix(&all, CHUNK)).await?;
        if found.is_empty() {
            // Whether there are values is not relied on here, so the new index begins with a look at everything.
            defined.index = Index::None.towards(defined.attribute.wanted_index(), true);
        }
        for (key, _) in found {
            unit.delete(key);
        }
        Ok(Done::Part)
    }
}

impl Directory {
    /// Brings the indexes of an organisation's custom attributes to what is declared. Safe to run at any time and again; run
    /// after each declaration and at the start.
    ///
    /// # Errors
    /// [`DirectoryError::InvalidValue`] for an attribute that was declared unique while values came in that are not: it is
    /// not unique then. As the store's read and commit.
    pub async fn settle_custom_attributes(&self, permit: &Permit) -> Result<(), DirectoryError> {
        let mut refusal = None;
        for bearer in Bearer::ALL {
            let mut after = None;
            loop {
                let part = Settle {
                    bearer,
                    after: after.as_ref(),
                };
                match self.run(permit, &part).await? {
                    Done::Settled => break,
                    Done::Part => after = None,
                    Done::UpTo(name, last) => after = Some((name, last)),
                    Done::NotDistinct(attribute, one, other) => {
                        refusal = Some(not_distinct(bearer, &attribute, one, other));
                    }
                }
            }
        }
        refusal.map_or(Ok(()), Err)
    }
}
