//! What a held plan would change, as it was when it was held: in parts, each a record of its own.
//!
//! The parts are written before the plan's head names them, and those of other plans go after. They hold names and attributes of people:
//! the erasure of a person takes that person's differences out of them.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hasher as _};
use std::ops::Bound;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::directory::keys;
use crate::directory::stretch::Stretch;
use crate::directory::{Directory, DirectoryError, Operation, Permit, Unit};
use crate::model::clock::Timestamp;
use crate::model::id::OrganisationId;
use crate::model::record::{self, Record};
use crate::model::slug::Slug;
use crate::provision::difference::Difference;
use crate::provision::lease::Claim;
use crate::provision::rehearse::Sink;
use crate::store::{Key, Scan};

use super::HeldPlan;

/// Bytes of one part, roughly: below what a store takes as one value, with a large difference at its end.
const PART_BYTES: usize = 32 * 1024;
/// Bytes of all parts above which what a step changes is no longer kept, but only that there is such a step.
const PLAN_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Parts deleted in one commit.
const PARTS_AT_ONCE: usize = 50;
/// Steps that are named when a plan is not the one that was approved.
const EXAMPLES_MAX: usize = 20;

/// How much is kept of a plan.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// Differences, those included of which only the head is kept.
    pub differences: u64,
    /// Those of which only the head is kept, because the plan is very large.
    pub shortened: u64,
    /// Records that hold them.
    pub parts: u64,
}

/// How a plan stands to the one that was held before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InsteadOf {
    /// The hash of the plan before.
    pub hash: String,
    /// When a person approved that one, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved: Option<Timestamp>,
    /// Differences that were not in it.
    pub new: u64,
    /// Differences that are no longer there.
    pub gone: u64,
    /// Differences of the same steps that are others now.
    pub changed: u64,
    /// The first of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<Example>,
}

/// A step that is not in both plans, or not the same in both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// How the plans differ in it.
    pub how: How,
    /// The word of the step.
    pub action: String,
    /// The name.
    pub name: String,
}

/// How two plans differ in a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// Only the later plan has it.
    New,
    /// Only the earlier plan had it.
    Gone,
    /// Both have it, with other changes.
    Changed,
}

/// Some differences.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HeldPart {
    differences: Vec<Difference>,
}

impl Record for HeldPart {
    const KIND: &'static str = "part of a held plan";
}

/// Whose plan is kept, under which name.
#[derive(Clone, Copy)]
pub(in crate::provision) struct Place<'a> {
    pub(in crate::provision) directory: &'a Directory,
    pub(in crate::provision) permit: &'a Permit,
    pub(in crate::provision) lease: &'a Claim,
    pub(in crate::provision) connection: &'a Slug,
    /// The plan's hash.
    pub(in crate::provision) hash: &'a str,
}

/// Keeps differences as they come, and compares them with those of the plan that was held before.
pub(in crate::provision) struct Keeper<'a> {
    place: Place<'a>,
    part: HeldPart,
    part_bytes: usize,
    bytes: usize,
    kept: Kept,
    before: Option<HeldPlan>,
    /// The differences of the plan before, by step: what they say.
    old: HashMap<u64, u64>,
    instead_of: Option<InsteadOf>,
}

impl<'a> Keeper<'a> {
    /// Reads what is kept of the plan before.
    ///
    /// # Errors
    /// As the store's read.
    pub(in crate::provision) async fn begin(
        place: Place<'a>,
        before: Option<HeldPlan>,
    ) -> Result<Self, DirectoryError> {
        let mut old = HashMap::new();
        let organisation = place.permit.organisation();
        let mut number = 0;
        while let Some(part) = load(place.directory, organisation, place.connection, before.as_ref(), number).await? {
            old.extend(part.differences.iter().map(|known| (step(known), words(known))));
            number += 1;
        }
        let known = before.as_ref().filter(|before| before.kept.is_some());
        let instead_of = known.map(|before| InsteadOf {
            hash: before.hash.clone(),
            approved: before.approved,
            new: 0,
            gone: 0,
            changed: 0,
            examples: Vec::new(),
        });
        Ok(Self {
            place,
            part: HeldPart::default(),
            part_bytes: 0,
            bytes: 0,
            kept: Kept::default(),
            before,
            old,
            instead_of,
        })
    }

    fn compare(&mut self, difference: &Difference) {
        let Some(instead_of) = &mut self.instead_of else { return };
        let how = match self.old.remove(&step(difference)) {
            None => How::New,
            Some(known) if known != words(difference) => How::Changed,
            Some(_) => return,
        };
        match how {
            How::New => instead_of.new += 1,
            How::Changed | How::Gone => instead_of.changed += 1,
        }
        instead_of.show(how, difference);
    }

    async fn write(&mut self) -> Result<(), DirectoryError> {
        let part = std::mem::take(&mut self.part);
        self.bytes += std::mem::take(&mut self.part_bytes);
        let put = PutPart {
            place: self.place,
            number: self.kept.parts,
            part: &part,
        };
        self.kept.parts += 1;
        self.place.directory.run(self.place.permit, &put).await
    }

    /// The end: what is kept, and how it stands to the plan before.
    ///
    /// # Errors
    /// As the store's commit.
    pub(in crate::provision) async fn end(mut self) -> Result<(Kept, Option<InsteadOf>), DirectoryError> {
        if !self.part.differences.is_empty() {
            self.write().await?;
        }
        let organisation = self.place.permit.organisation();
        if let Some(instead_of) = &mut self.instead_of {
            let mut number = 0;
            let before = self.before.as_ref();
            while let Some(part) = load(
                self.place.directory,
                organisation,
                self.place.connection,
                before,
                number,
            )
            .await?
            {
                for difference in part
                    .differences
                    .iter()
                    .filter(|known| self.old.contains_key(&step(known)))
                {
                    instead_of.gone += 1;
                    instead_of.show(How::Gone, difference);
                }
                number += 1;
            }
        }
        Ok((self.kept, self.instead_of))
    }
}

impl InsteadOf {
    fn show(&mut self, how: How, difference: &Difference) {
        if self.examples.len() < EXAMPLES_MAX {
            self.examples.push(Example {
                how,
                action: difference.action.clone(),
                name: difference.name.clone(),
            });
        }
    }
}

#[async_trait]
impl Sink for Keeper<'_> {
    async fn take(&mut self, differences: Vec<Difference>) -> Result<(), DirectoryError> {
        for mut difference in differences {
            self.compare(&difference);
            let mut size = json!(difference).to_string().len();
            if self.bytes + self.part_bytes + size > PLAN_BYTES_MAX && !difference.changes.is_empty() {
                difference.changes.clear();
                self.kept.shortened += 1;
                size = json!(difference).to_string().len();
            }
            if self.part_bytes > 0 && self.part_bytes + size > PART_BYTES {
                self.write().await?;
            }
            self.part_bytes += size;
            self.kept.differences += 1;
            self.part.differences.push(difference);
        }
        Ok(())
    }
}

/// Which step a difference is of. Those of one step come in parts.
fn step(difference: &Difference) -> u64 {
    let who = difference.external_id.as_ref().unwrap_or(&difference.name);
    hashed(&(
        difference.kind.as_str(),
        who,
        difference.action == "effect",
        difference.part,
    ))
}

/// What it says. Identifiers of ours are left out: a newcomer gets another one each time.
fn words(difference: &Difference) -> u64 {
    let changes = json!(difference.changes).to_string();
    hashed(&(&difference.action, &difference.name, changes))
}

fn hashed(value: &impl std::hash::Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

struct PutPart<'a> {
    place: Place<'a>,
    number: u64,
    part: &'a HeldPart,
}

#[async_trait]
impl Operation for PutPart<'_> {
    type Outcome = ();

    async fn attempt(&self, unit: &mut Unit) -> Result<(), DirectoryError> {
        self.place.lease.relied_on(unit).await?;
        let key = keys::held_part(unit.organisation(), self.place.connection, self.place.hash, self.number);
        unit.put(key, self.part);
        Ok(())
    }
}

/// Deletes what is kept of a plan, in the commit that forgets it.
pub(super) fn forget(unit: &mut Unit, connection: &Slug, held: &HeldPlan) {
    let parts = held.kept.as_ref().map_or(0, |kept| kept.parts);
    for number in 0..parts {
        unit.delete(keys::held_part(unit.organisation(), connection, &held.hash, number));
    }
}

/// Deletes the parts of every plan but the one that is held, those included that a run which was broken off has left.
///
/// # Errors
/// As the store's read and commit.
pub(in crate::provision) async fn sweep(place: Place<'_>) -> Result<(), DirectoryError> {
    let organisation = place.permit.organisation();
    let stays = keys::held_plan_parts(organisation, place.connection, place.hash);
    let all = keys::held_parts(organisation, place.connection);
    let mut scan = Scan::prefix(&all, PARTS_AT_ONCE);
    loop {
        let found = place.directory.store().scan(scan.clone()).await?;
        let gone = found.iter().map(|(key, _)| key.clone());
        let gone: Vec<Key> = gone
            .filter(|key| !key.as_bytes().starts_with(stays.as_bytes()))
            .collect();
        if !gone.is_empty() {
            place.directory.run(place.permit, &DeleteParts { place, gone }).await?;
        }
        let Some((last, _)) = found.last() else { return Ok(()) };
        // What stays is passed over at once.
        scan.start = match stays
            .prefix_end()
            .filter(|_| last.as_bytes().starts_with(stays.as_bytes()))
        {
            Some(behind) => Bound::Included(behind),
            None => Bound::Excluded(last.clone()),
        };
    }
}

struct DeleteParts<'a> {
    place: Place<'a>,
    gone: Vec<Key>,
}

#[async_trait]
impl Operation for DeleteParts<'_> {
    type Outcome = ();

    async fn attempt(&self, unit: &mut Unit) -> Result<(), DirectoryError> {
        self.place.lease.relied_on(unit).await?;
        self.gone.iter().for_each(|key| unit.delete(key.clone()));
        Ok(())
    }
}

async fn load(
    directory: &Directory,
    organisation: OrganisationId,
    connection: &Slug,
    held: Option<&HeldPlan>,
    number: u64,
) -> Result<Option<HeldPart>, DirectoryError> {
    let parts = held.and_then(|held| held.kept.as_ref()).map_or(0, |kept| kept.parts);
    let Some(held) = held.filter(|_| number < parts) else {
        return Ok(None);
    };
    let key = keys::held_part(organisation, connection, &held.hash, number);
    let found = directory.store().get(key).await?;
    // A part that is gone meanwhile was replaced with its plan.
    Ok(found.map(|found| record::decode(&found.value)).transpose()?)
}

/// Where a difference is among those that are kept: the part, and the place in it.
pub type At = (u64, u64);

/// Differences of a held plan in order, those behind a place or in front of it, at most `limit`.
///
/// # Errors
/// As the store's read.
pub async fn differences(
    directory: &Directory,
    organisation: OrganisationId,
    connection: &Slug,
    held: &HeldPlan,
    along: Stretch<At>,
    limit: usize,
) -> Result<Vec<(At, Difference)>, DirectoryError> {
    let last = held.kept.as_ref().map_or(0, |kept| kept.parts).saturating_sub(1);
    let mut number = match along {
        Stretch::On(at) => at.map_or(0, |(part, _)| part),
        Stretch::Back(at) => at.map_or(last, |(part, _)| part),
    };
    let mut found = Vec::new();
    while found.len() < limit
        && let Some(part) = load(directory, organisation, connection, Some(held), number).await?
    {
        let places: Vec<_> = (0..).map(|place| (number, place)).zip(part.differences).collect();
        let (behind, _) = along.of(&places, limit - found.len(), |(at, _), place| at.cmp(place));
        found.extend(behind.into_iter().cloned());
        match (along.is_back(), number.checked_sub(1)) {
            (false, _) => number += 1,
            (true, Some(before)) => number = before,
            (true, None) => break,
        }
    }
    Ok(found)
}
