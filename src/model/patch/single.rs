//! Operations on single-valued attributes.

use std::collections::HashSet;

use serde_json::Value;

use super::elements::{self, Change};
use super::error::PatchError;
use super::request::Op;
use crate::model::Object;
use crate::model::attribute::AttributePath;
use crate::model::deviation::{Deviation, Journal};
use crate::model::normalise::{MutabilityProblem, SchemaError, ValueProblem, assigned, one, partial};
use crate::model::schema::{Attribute, Mutability};

impl Change<'_> {
    /// An attribute that is neither multi-valued nor complex.
    pub(super) fn simple(&self, journal: &mut Journal, value: Option<Value>) -> Result<Option<Value>, PatchError> {
        match (self.op, value) {
            (Op::Remove, _) | (_, None) => Ok(None),
            (Op::Add | Op::Replace, Some(value)) => Ok(assigned(journal, self.attribute(), &self.path, value)?),
        }
    }

    /// A single complex attribute: sub-attributes that are not specified are left unchanged (RFC 7644 section 3.5.2.3).
    pub(super) fn complex(
        &self,
        journal: &mut Journal,
        current: Option<Value>,
        value: Option<Value>,
    ) -> Result<Option<Value>, PatchError> {
        let (attribute, target) = (self.attribute(), self.target);
        let selected = match (&target.filter, &current) {
            (Some(filter), Some(current)) => filter.matches(current),
            (Some(_), None) => false,
            (None, _) => true,
        };
        if self.op == Op::Remove {
            return match (selected, target.resolved.sub) {
                (false, _) => Ok(current),
                (true, None) => Ok(None),
                (true, Some(sub)) => {
                    let mut current = current;
                    elements::unassign(attribute, &self.path, &mut current, sub)?;
                    Ok(current)
                }
            };
        }
        if !selected {
            if !journal.is_lenient() {
                return Err(PatchError::no_match(self));
            }
            journal.note(Deviation::CreatedFromFilter {
                attribute: self.path.to_string(),
            });
        }
        let value = match target.resolved.sub {
            Some(sub) => Value::Object(Object::from_iter([(sub.name.clone(), value.unwrap_or_default())])),
            None => match one(journal, &self.path, value.unwrap_or_default())? {
                Some(value) => value,
                None => return Ok(None),
            },
        };
        let change = partial(journal, attribute, &self.path, value)?;
        let mut current = current.unwrap_or_else(|| Value::Object(Object::new()));
        elements::merge(attribute, &self.path, &mut current, &change)?;
        let mut required = attribute.sub_attributes.iter().filter(|sub| sub.required);
        if let Some(object) = current.as_object().filter(|object| !object.is_empty())
            && let Some(missing) =
                required.find(|sub| sub.mutability != Mutability::ReadOnly && !object.contains_key(&sub.name))
        {
            return Err(SchemaError::value(self.path.child(&missing.name), ValueProblem::Required).into());
        }
        Ok(current
            .as_object()
            .is_some_and(|object| !object.is_empty())
            .then_some(current))
    }
}

/// Whether a value of the attribute has sub-attributes that it must have.
pub(super) fn has_required_parts(attribute: &Attribute) -> bool {
    required_parts(attribute).next().is_some()
}

fn required_parts(attribute: &Attribute) -> impl Iterator<Item = &Attribute> {
    let subs = attribute.sub_attributes.iter();
    subs.filter(|sub| sub.required && sub.mutability != Mutability::ReadOnly)
}

/// Whether each value that an operation left behind has its required sub-attributes (RFC 7643 section 7). A value that was
/// so before, when the schema asked for less, does not stand against changes of others.
pub(super) fn check_parts(
    attribute: &Attribute,
    path: &AttributePath,
    before: Option<&Value>,
    next: Option<&Value>,
) -> Result<(), PatchError> {
    if !has_required_parts(attribute) {
        return Ok(());
    }
    let known: HashSet<String> = values(before).iter().map(Value::to_string).collect();
    for value in values(next) {
        let missing = required_parts(attribute).find(|sub| value.get(&sub.name).is_none());
        if let Some(sub) = missing
            && !known.contains(&value.to_string())
        {
            return Err(SchemaError::value(path.child(&sub.name), ValueProblem::Required).into());
        }
    }
    Ok(())
}

fn values(value: Option<&Value>) -> &[Value] {
    match value {
        None => &[],
        Some(Value::Array(elements)) => elements,
        Some(single) => std::slice::from_ref(single),
    }
}

/// Whether the attribute may have its next value. `immutable` is the value that an immutable attribute had.
pub(super) fn check_transition(
    attribute: &Attribute,
    path: &AttributePath,
    op: Op,
    immutable: Option<&Value>,
    next: Option<&Value>,
) -> Result<(), PatchError> {
    let blank = next.is_none_or(|next| next.as_str().is_some_and(|text| text.trim().is_empty()));
    if attribute.required && blank {
        // RFC 7644 section 3.5.2.2: removing a required attribute is an error of mutability.
        return Err(match op {
            Op::Remove => SchemaError::mutability(path, MutabilityProblem::Required),
            Op::Add | Op::Replace => SchemaError::value(path, ValueProblem::Required),
        }
        .into());
    }
    // RFC 7644 section 3.5.2: a client may "add" to an immutable attribute that had no previous value.
    if immutable.is_some() && immutable != next {
        return Err(SchemaError::mutability(path, MutabilityProblem::Immutable).into());
    }
    Ok(())
}
