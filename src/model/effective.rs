//! What a person may do, and why: the rights that roles, direct grants and defaults come to.
//!
//! Rights are the union of the defaults for everyone, the roles held in the whole organisation and in single groups, and the
//! direct grants, closed over what roles include and permissions contain and imply. Nothing denies (`seeds.md` section 2.1).
//! A right that a missing feature, seat or disabled group takes away sleeps: it is listed with the reason, and allows nothing.

mod derive;

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use derive::{Sources, reach_of};

use super::id::{GroupId, UserId};
use super::origin::Origins;
use super::permission::Parameters;
use super::record::Record;
use super::role::Permission;
use super::slug::Slug;

/// What everyone, and every guest, may do without a role (X03-4). One record of the organisation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DefaultGrants {
    /// Everyone but guests.
    pub everyone: BTreeSet<Permission>,
    /// Guests: users whose `userType` is `guest`, and guests who are no users.
    pub guests: BTreeSet<Permission>,
}

impl Record for DefaultGrants {
    const KIND: &'static str = "default grants";
}

/// Where a right counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// The person alone.
    Own,
    /// One group.
    Group(GroupId),
    /// One group and every group below it.
    Subtree(GroupId),
    /// Every group that the person is in.
    OwnGroups,
    /// Every group that the person is in, and every group below those.
    OwnSubtrees,
    /// Everything.
    Organisation,
}

/// Where a right comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(tag = "from", rename_all = "snake_case")]
pub enum Source {
    /// The organisation gives it to everyone.
    Everyone,
    /// The organisation gives it to guests.
    Guests,
    /// It was given to the person without a role.
    Grant,
    /// A role.
    Role {
        /// Which.
        role: Slug,
        /// The group in which it is held, or in which it counts; `None` for the whole organisation.
        #[serde(skip_serializing_if = "Option::is_none")]
        group: Option<GroupId>,
        /// Why the person holds the role.
        origins: Origins,
    },
}

/// A step from a source to a right.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// The role before includes this one.
    Includes(Slug),
    /// This permission contains the right.
    Contained(Slug),
    /// This permission implies the right.
    Implied(Slug),
}

/// Why a right allows nothing at present.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Asleep {
    /// The group that it comes through is disabled (S003-40).
    DisabledGroup(GroupId),
    /// The role needs a seat of this licence, and the person holds none.
    NoSeat(Slug),
    /// The organisation does not have this feature (X02-5).
    NoFeature(Slug),
}

/// One right, by one chain of reasons.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Right {
    /// The action.
    pub action: Slug,
    /// Where it counts.
    pub place: Place,
    /// What it is limited to.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: Parameters,
    /// Where it comes from.
    #[serde(flatten)]
    pub source: Source,
    /// The steps from there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub via: Vec<Via>,
    /// Why it sleeps; empty when it is awake.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub asleep: BTreeSet<Asleep>,
}

/// A group with the groups above it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    /// The group.
    pub group: GroupId,
    /// Those above.
    pub above: BTreeSet<GroupId>,
}

/// What an action is done to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Target {
    /// The person, when it is one.
    pub user: Option<UserId>,
    /// The group, or the groups that the person is in.
    pub groups: BTreeSet<GroupId>,
    /// The groups above those.
    pub above: BTreeSet<GroupId>,
}

impl Target {
    /// The organisation as a whole.
    #[must_use]
    pub fn organisation() -> Self {
        Self::default()
    }
}

/// Whether an action is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It is; a parameter that is listed is limited to these values.
    Allowed(BTreeMap<Slug, BTreeSet<Slug>>),
    /// It would be, but every right to it sleeps.
    Asleep(BTreeSet<Asleep>),
    /// It is not.
    Refused,
}

impl Decision {
    /// Whether it is allowed.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        matches!(self, Self::Allowed(_))
    }
}

/// Everything that a person may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effective {
    /// The person.
    pub user: UserId,
    /// Whether the person administers the organisation: then everything in it is allowed.
    pub administers: bool,
    /// The groups that the person is in and that are enabled.
    pub groups: BTreeSet<GroupId>,
    /// Every right with every chain of reasons, in the order of the actions.
    pub rights: BTreeSet<Right>,
}

impl Effective {
    /// Whether the person may do this there.
    #[must_use]
    pub fn allows(&self, action: &str, target: &Target) -> Decision {
        let mut limits: Option<BTreeMap<Slug, BTreeSet<Slug>>> = None;
        let mut asleep = BTreeSet::new();
        if self.administers {
            return Decision::Allowed(BTreeMap::new());
        }
        for right in self.of(action).filter(|right| self.reaches(right.place, target)) {
            if !right.asleep.is_empty() {
                asleep.extend(right.asleep.iter().cloned());
                continue;
            }
            let own = right
                .parameters
                .iter()
                .map(|(name, value)| (name.clone(), BTreeSet::from([value.clone()])));
            match &mut limits {
                None => limits = Some(own.collect()),
                // What one right leaves open, no other right limits.
                Some(limits) => {
                    limits.retain(|name, values| {
                        right.parameters.get(name).is_some_and(|value| {
                            values.insert(value.clone());
                            true
                        })
                    });
                }
            }
        }
        match limits {
            Some(limits) => Decision::Allowed(limits),
            None if asleep.is_empty() => Decision::Refused,
            None => Decision::Asleep(asleep),
        }
    }

    /// The groups to which the person's rights to an action are bound: `None` when they reach the whole organisation. Each with
    /// whether the groups below it are meant as well.
    #[must_use]
    pub fn bounds(&self, action: &str) -> Option<BTreeMap<GroupId, bool>> {
        if self.administers {
            return None;
        }
        let mut bounds: BTreeMap<GroupId, bool> = BTreeMap::new();
        for right in self.of(action).filter(|right| right.asleep.is_empty()) {
            let (groups, below): (Vec<GroupId>, bool) = match right.place {
                Place::Organisation => return None,
                Place::Own => continue,
                Place::Group(group) => (vec![group], false),
                Place::Subtree(group) => (vec![group], true),
                Place::OwnGroups => (self.groups.iter().copied().collect(), false),
                Place::OwnSubtrees => (self.groups.iter().copied().collect(), true),
            };
            for group in groups {
                *bounds.entry(group).or_default() |= below;
            }
        }
        Some(bounds)
    }

    /// Whether the person holds, awake, at least what this permission says, so that it can be given on (S001-25): held in a group,
    /// named with those above it, or in the whole organisation.
    #[must_use]
    pub fn covers(&self, permission: &Permission, held_in: Option<&Tree>) -> bool {
        let place = reach_of(permission.reach, held_in.map(|tree| tree.group));
        self.administers
            || self.of(permission.action.as_str()).any(|own| {
                let is_free = own
                    .parameters
                    .iter()
                    .all(|(name, value)| permission.parameters.get(name) == Some(value));
                own.asleep.is_empty() && is_free && self.contains(own.place, place, held_in)
            })
    }

    /// Whether the person may do all that somebody else may do to others, so that acting as that one brings nothing new. `trees` are
    /// the groups that the other's rights name or that the other is in, each with those above it. What sleeps counts as well, for it
    /// may wake: it is covered by a right that sleeps for no other reason. What reaches nobody but its holder is no power over
    /// anybody.
    #[must_use]
    pub fn covers_all_of(&self, other: &Self, trees: &BTreeMap<GroupId, Tree>) -> bool {
        if self.administers || other.administers {
            return self.administers;
        }
        other.rights.iter().all(|theirs| {
            let places: Vec<Place> = match theirs.place {
                Place::OwnGroups => other.groups.iter().copied().map(Place::Group).collect(),
                Place::OwnSubtrees => other.groups.iter().copied().map(Place::Subtree).collect(),
                place => vec![place],
            };
            places.into_iter().all(|place| {
                let tree = match place {
                    Place::Own => return true,
                    Place::Group(group) | Place::Subtree(group) => trees.get(&group),
                    Place::OwnGroups | Place::OwnSubtrees | Place::Organisation => None,
                };
                self.of(theirs.action.as_str()).any(|own| {
                    let is_free = own
                        .parameters
                        .iter()
                        .all(|(name, value)| theirs.parameters.get(name) == Some(value));
                    is_free && own.asleep.is_subset(&theirs.asleep) && self.contains(own.place, place, tree)
                })
            })
        })
    }

    /// The rights to an action.
    pub fn of<'a>(&'a self, action: &'a str) -> impl Iterator<Item = &'a Right> {
        self.rights.iter().filter(move |right| right.action.as_str() == action)
    }

    fn reaches(&self, place: Place, target: &Target) -> bool {
        let within = |group: &GroupId| target.groups.contains(group);
        let below = |group: &GroupId| target.groups.contains(group) || target.above.contains(group);
        match place {
            Place::Organisation => true,
            Place::Own => target.user == Some(self.user),
            Place::Group(group) => within(&group),
            Place::Subtree(group) => below(&group),
            Place::OwnGroups => target.user == Some(self.user) || self.groups.iter().any(within),
            Place::OwnSubtrees => target.user == Some(self.user) || self.groups.iter().any(below),
        }
    }

    /// Whether one place lies in another. What somebody else's own groups are nobody can tell, so only the whole organisation
    /// contains them.
    fn contains(&self, wide: Place, narrow: Place, tree: Option<&Tree>) -> bool {
        let is_below = |wide: &GroupId| tree.is_some_and(|tree| tree.group == *wide || tree.above.contains(wide));
        match (wide, narrow) {
            (Place::Organisation, _) | (_, Place::Own) => true,
            (Place::Group(wide), Place::Group(narrow)) => wide == narrow,
            (Place::OwnGroups, Place::Group(narrow)) => self.groups.contains(&narrow),
            (Place::Subtree(wide), Place::Group(_) | Place::Subtree(_)) => is_below(&wide),
            (Place::OwnSubtrees, Place::Group(_) | Place::Subtree(_)) => self.groups.iter().any(is_below),
            (Place::Own | Place::Group(_) | Place::Subtree(_) | Place::OwnGroups | Place::OwnSubtrees, _) => false,
        }
    }
}
