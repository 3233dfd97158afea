//! The brake: what makes a run stop before it changes anything, and wait for a person.
//!
//! Servers answer mistakes with "success, nothing found" (a wrong base, a lost right, a typo in a filter), so counts are
//! judged and not errors alone.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::connection::{Brake, BrakeClass};

use super::failure::Kind;
use super::plan::{GroupAction, GroupStep, Loss, Numbers, PersonAction, Plan};

/// Why a plan is held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "class", rename_all = "snake_case", deny_unknown_fields)]
pub enum HoldReason {
    /// The directory answered with nobody, or no group, though some were there before.
    Empty {
        /// `people` or `groups`.
        what: String,
        /// How many were linked.
        linked: u64,
    },
    /// The directory holds much less than what the last good run read.
    Drop {
        /// `people` or `groups`.
        what: String,
        /// What the last good run read.
        before: u64,
        /// What this run read.
        now: u64,
    },
    /// Too many deletions of people or groups.
    Deletions {
        /// `people` or `groups`.
        what: String,
        /// How many.
        count: u64,
        /// Of so many.
        of: u64,
    },
    /// Too many suspensions of people, or groups that would lose all members that the connection put in.
    Suspensions {
        /// `people` or `groups`.
        #[serde(default = "people_word")]
        what: String,
        /// How many.
        count: u64,
        /// Of so many.
        of: u64,
    },
    /// Too many members leave one group.
    Removals {
        /// The group's identifier in the source.
        group: String,
        /// How many.
        count: u64,
        /// Of so many.
        of: u64,
    },
    /// Too many lose what the connection gave them: another rule, another group in the source, a typo in either.
    Losses {
        /// `role`, `licence` or `team`.
        what: String,
        /// Which.
        name: String,
        /// How many.
        count: u64,
        /// Of so many who have it from the connection.
        of: u64,
    },
    /// Too many come anew under the name or e-mail address of somebody who is missing: the stable ids were exchanged, not
    /// the people.
    IdChanges {
        /// `people` or `groups`.
        what: String,
        /// How many.
        count: u64,
        /// Of so many.
        of: u64,
    },
    /// Too many have another name.
    Renames {
        /// `people` or `groups`.
        what: String,
        /// How many.
        count: u64,
        /// Of so many.
        of: u64,
    },
}

impl fmt::Display for HoldReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty { what, linked: 0 } => {
                write!(
                    f,
                    "the directory answered with no {what} at all; check base, filter and rights"
                )
            }
            Self::Empty { what, linked } => {
                write!(
                    f,
                    "the directory answered with no {what} at all, and {linked} were there before; check base, filter and rights"
                )
            }
            Self::Drop { what, before, now } => {
                write!(
                    f,
                    "the directory holds {now} {what}, and {before} at the last good run; check base, filter and rights"
                )
            }
            Self::Deletions { what, count, of } => write!(f, "{count} of {of} {what} would be deleted"),
            Self::Suspensions { what, count, of } if what == "groups" => {
                write!(f, "{count} of {of} groups would be emptied")
            }
            Self::Suspensions { what, count, of } => write!(f, "{count} of {of} {what} would be suspended"),
            Self::Removals { group, count, of } => write!(f, "{count} of {of} members would leave group {group}"),
            Self::Losses { what, name, count, of } => write!(f, "{count} of {of} people would lose {what} {name}"),
            Self::IdChanges { what, count, of } => write!(
                f,
                "{count} of {of} {what} have another stable id under the same name or e-mail address; was the directory rebuilt?"
            ),
            Self::Renames { what, count, of } => write!(f, "{count} of {of} {what} have another name"),
        }
    }
}

/// Of whom earlier releases counted suspensions.
fn people_word() -> String {
    "people".to_owned()
}

/// Reasons listed at most; a plan that is held has enough of them.
const REASONS_MAX: usize = 50;

/// Judges a plan. Empty means that it may be applied.
#[must_use]
pub fn judge(plan: &Plan, brake: &Brake, last_good: Option<Numbers>) -> Vec<HoldReason> {
    let mut reasons = Vec::new();
    drops(plan, brake, last_good.unwrap_or_default(), &mut reasons);
    people(plan, brake, &mut reasons);
    groups(plan, brake, &mut reasons);
    changed(plan, brake, &mut reasons);
    losses(plan, brake, &mut reasons);
    removals(plan, brake, &mut reasons);
    reasons.truncate(REASONS_MAX);
    reasons
}

/// An empty or halved answer speaks of the reading, whether or not anything would follow from it yet.
fn drops(plan: &Plan, brake: &Brake, last: Numbers, reasons: &mut Vec<HoldReason>) {
    let reads = [
        ("people", plan.read.people, plan.linked.people, last.people),
        ("groups", plan.read.groups, plan.linked.groups, last.groups),
    ];
    // What a partial reading holds says nothing about how much there is.
    for (what, now, linked, before) in reads.into_iter().filter(|_| plan.is_whole) {
        let what = what.to_owned();
        // Nobody at all is a mistake at the first run too; a directory may well have no groups.
        if now == 0 && (linked > 0 || what == "people") {
            reasons.push(HoldReason::Empty { what, linked });
        } else if before.saturating_sub(now) * 100 > before * u64::from(brake.drop_percent) && linked > 0 {
            reasons.push(HoldReason::Drop { what, before, now });
        }
    }
}

/// People who go or are suspended.
fn people(plan: &Plan, brake: &Brake, reasons: &mut Vec<HoldReason>) {
    let steps = |wanted: &[PersonAction]| {
        let steps = plan.people.iter().filter(|step| wanted.contains(&step.action));
        steps.count() as u64
    };
    let of = plan.linked.people;
    let count = steps(&[PersonAction::Delete, PersonAction::Unlink]);
    if brake.is_passed(BrakeClass::Deletions, count, of) {
        let what = "people".to_owned();
        reasons.push(HoldReason::Deletions { what, count, of });
    }
    let count = steps(&[PersonAction::Suspend, PersonAction::SuspendMissing]);
    if brake.is_passed(BrakeClass::Suspensions, count, of) {
        let what = people_word();
        reasons.push(HoldReason::Suspensions { what, count, of });
    }
}

/// Groups that go, or are emptied before they do.
fn groups(plan: &Plan, brake: &Brake, reasons: &mut Vec<HoldReason>) {
    let of = plan.linked.groups;
    let count = plan.groups.iter().filter(|step| is_gone(step)).count() as u64;
    if brake.is_passed(BrakeClass::Deletions, count, of) {
        let what = "groups".to_owned();
        reasons.push(HoldReason::Deletions { what, count, of });
    }
    let emptied = plan.groups.iter().filter(|step| step.action == GroupAction::Empty);
    let count = emptied.count() as u64;
    if brake.is_passed(BrakeClass::Suspensions, count, of) {
        let what = "groups".to_owned();
        reasons.push(HoldReason::Suspensions { what, count, of });
    }
}

/// Members who leave groups that stay.
fn removals(plan: &Plan, brake: &Brake, reasons: &mut Vec<HoldReason>) {
    for step in plan.groups.iter().filter(|step| !is_gone(step)) {
        let (count, of) = (step.remove.len() as u64, step.present);
        if brake.is_passed(BrakeClass::Removals, count, of) {
            let group = step.external_id.clone();
            reasons.push(HoldReason::Removals { group, count, of });
        }
    }
}

/// Roles, licences and teams of the rules that people lose.
fn losses(plan: &Plan, brake: &Brake, reasons: &mut Vec<HoldReason>) {
    for Loss { what, name, count, of } in &plan.losses {
        if brake.is_passed(BrakeClass::Losses, *count, *of) {
            reasons.push(HoldReason::Losses {
                what: what.as_str().to_owned(),
                name: name.clone(),
                count: *count,
                of: *of,
            });
        }
    }
}

const fn is_gone(step: &GroupStep) -> bool {
    matches!(step.action, GroupAction::Delete | GroupAction::Unlink)
}

/// Names and stable ids that change.
fn changed(plan: &Plan, brake: &Brake, reasons: &mut Vec<HoldReason>) {
    let changed = [
        ("people", Kind::User, plan.renames.people, plan.linked.people),
        ("groups", Kind::Group, plan.renames.groups, plan.linked.groups),
    ];
    for (what, kind, renames, of) in changed {
        let what = what.to_owned();
        let count = plan.id_changes.iter().filter(|change| change.kind == kind).count() as u64;
        if brake.is_passed(BrakeClass::IdChanges, count, of) {
            let what = what.clone();
            reasons.push(HoldReason::IdChanges { what, count, of });
        }
        if brake.is_passed(BrakeClass::Renames, renames, of) {
            let count = renames;
            reasons.push(HoldReason::Renames { what, count, of });
        }
    }
}
