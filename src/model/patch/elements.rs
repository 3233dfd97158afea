//! Operations on the elements of a multi-valued attribute.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::error::{PatchError, RequestProblem};
use super::request::Op;
use super::target::AttributeTarget;
use crate::model::Object;
use crate::model::attribute::AttributePath;
use crate::model::deviation::{Deviation, Journal};
use crate::model::filter::ElementFilter;
use crate::model::normalise::{
    MutabilityProblem, Partial, SchemaError, bounded, drop_duplicates, elements, identity, one, partial, single,
};
use crate::model::schema::{Attribute, Mutability};

/// An operation on one attribute.
pub(super) struct Change<'a> {
    pub(super) op: Op,
    pub(super) target: &'a AttributeTarget<'a>,
    /// The attribute, without a sub-attribute.
    pub(super) path: AttributePath,
}

/// What is written into an element.
enum Content {
    /// Sub-attributes.
    Partial(Partial),
    /// The element itself, of an attribute that is not complex.
    Simple(Value),
    /// Nothing: the element is unassigned.
    Nothing,
}

impl Change<'_> {
    /// The elements after the operation.
    pub(super) fn elements(
        &self,
        journal: &mut Journal,
        mut current: Vec<Value>,
        value: Option<Value>,
    ) -> Result<Vec<Value>, PatchError> {
        match (self.op, &self.target.filter, self.target.resolved.sub) {
            (Op::Remove, None, None) => self.remove_listed(journal, &mut current, value)?,
            (Op::Remove, _, None) => current.retain(|element| !self.selects(element)),
            (Op::Remove, _, Some(sub)) => {
                for element in current.iter_mut().filter(|element| self.selects(element)) {
                    let mut kept = Some(element.take());
                    unassign(self.attribute(), &self.path, &mut kept, sub)?;
                    *element = kept.unwrap_or_default();
                }
                self.drop_hollow(journal, &mut current);
            }
            (Op::Replace, None, None) => {
                current = elements(journal, self.attribute(), &self.path, value.unwrap_or_default())?;
            }
            (Op::Add, None, None) => {
                let added = elements(journal, self.attribute(), &self.path, value.unwrap_or_default())?;
                self.add(&mut current, added)?;
            }
            (Op::Add | Op::Replace, _, _) => {
                self.write(journal, &mut current, value.unwrap_or_default())?;
                drop_duplicates(self.attribute(), &mut current);
            }
        }
        bounded(&self.path, &current)?;
        Ok(current)
    }

    pub(super) fn attribute(&self) -> &Attribute {
        self.target.resolved.attribute
    }

    fn selects(&self, element: &Value) -> bool {
        self.target.filter.as_ref().is_none_or(|filter| filter.matches(element))
    }

    /// `remove` without a filter: everything, or just the values that a client lists.
    fn remove_listed(
        &self,
        journal: &mut Journal,
        current: &mut Vec<Value>,
        value: Option<Value>,
    ) -> Result<(), PatchError> {
        let Some(value) = value else {
            current.clear();
            return Ok(());
        };
        if !journal.is_lenient() {
            return Err(PatchError::request(RequestProblem::RemoveWithValue));
        }
        journal.note(Deviation::RemoveListed {
            attribute: self.path.to_string(),
        });
        let (mut whole, mut values) = (HashSet::new(), HashSet::new());
        for element in elements(journal, self.attribute(), &self.path, value)? {
            match (element.get("value"), element.get("type")) {
                // Without a type, the value alone says which.
                (Some(value), None) => values.insert(value.to_string()),
                _ => whole.insert(identity(self.attribute(), &element)),
            };
        }
        current.retain(|element| {
            let listed = element
                .get("value")
                .is_some_and(|value| values.contains(&value.to_string()));
            !listed && !whole.contains(&identity(self.attribute(), element))
        });
        Ok(())
    }

    /// `add` without a filter: new values are appended, known ones stay where they are (RFC 7644 section 3.5.2.1).
    fn add(&self, current: &mut Vec<Value>, added: Vec<Value>) -> Result<(), PatchError> {
        let mut primary = None;
        let identities = current.iter().enumerate();
        let known: HashMap<String, usize> = identities
            .map(|(index, element)| (identity(self.attribute(), element), index))
            .collect();
        for element in added {
            let index = known
                .get(&identity(self.attribute(), &element))
                .copied()
                .unwrap_or(current.len());
            if index == current.len() {
                current.push(Value::Null);
            }
            if element.get("primary") == Some(&Value::Bool(true)) {
                primary = Some(index);
            }
            match (&mut current[index], element) {
                (known @ Value::Object(_), Value::Object(set)) => {
                    merge(
                        self.attribute(),
                        &self.path,
                        known,
                        &Partial {
                            set,
                            cleared: Vec::new(),
                        },
                    )?;
                }
                (known, element) => *known = element,
            }
        }
        keep_primary(current, primary);
        Ok(())
    }

    /// `add` and `replace` of the elements that the path selects.
    fn write(&self, journal: &mut Journal, current: &mut Vec<Value>, value: Value) -> Result<(), PatchError> {
        let content = self.content(journal, value)?;
        let selected: Vec<usize> = (0..current.len())
            .filter(|&index| self.selects(&current[index]))
            .collect();
        if selected.is_empty() {
            return self.create(journal, current, content);
        }
        let Content::Partial(content) = content else {
            match content {
                Content::Simple(value) => selected.iter().for_each(|&index| current[index] = value.clone()),
                _ => current.retain(|element| !self.selects(element)),
            }
            return Ok(());
        };
        let whole = self.op == Op::Replace && self.target.resolved.sub.is_none();
        for &index in &selected {
            if whole {
                // RFC 7644 section 3.5.2.3: all matching record values are replaced.
                let next = Value::Object(self.labels(journal, &content.set));
                self.check_fixed(&current[index], &next)?;
                current[index] = next;
            } else {
                merge(self.attribute(), &self.path, &mut current[index], &content)?;
            }
        }
        if content.set.get("primary") == Some(&Value::Bool(true)) {
            keep_primary(current, selected.last().copied());
        }
        if !content.cleared.is_empty() {
            self.drop_hollow(journal, current);
        }
        Ok(())
    }

    /// The replacement of an element that the path selects is still that element: what is immutable stays.
    fn check_fixed(&self, known: &Value, next: &Value) -> Result<(), PatchError> {
        let subs = self.attribute().sub_attributes.iter();
        for sub in subs.filter(|sub| sub.mutability == Mutability::Immutable) {
            let value = known.get(&sub.name);
            if value.is_some() && value != next.get(&sub.name) {
                return Err(SchemaError::mutability(self.path.child(&sub.name), MutabilityProblem::Immutable).into());
            }
        }
        Ok(())
    }

    fn content(&self, journal: &mut Journal, value: Value) -> Result<Content, PatchError> {
        let attribute = self.attribute();
        if !attribute.is_complex() {
            return Ok(single(journal, attribute, &self.path, value)?.map_or(Content::Nothing, Content::Simple));
        }
        let value = match self.target.resolved.sub {
            // As an object, so that an app role in JSON text finds its place.
            Some(sub) => Value::Object(Object::from_iter([(sub.name.clone(), value)])),
            None => match one(journal, &self.path, value)? {
                Some(value) => value,
                None => return Ok(Content::Nothing),
            },
        };
        Ok(Content::Partial(partial(journal, attribute, &self.path, value)?))
    }

    /// The replacement of a whole element keeps what the path says about it, such as `type`, on a lenient connection.
    fn labels(&self, journal: &mut Journal, set: &Object) -> Object {
        let mut element = match &self.target.filter {
            Some(filter) if journal.is_lenient() => implied(self.attribute(), filter),
            _ => Object::new(),
        };
        if element.keys().any(|name| !set.contains_key(name)) {
            journal.note(Deviation::LabelsKept {
                attribute: self.path.to_string(),
            });
        }
        element.extend(set.clone());
        element
    }

    /// Nothing matches: a lenient connection creates the element from the equalities in the filter, because clients
    /// expect it (RFC 7644 section 3.5.2.3 asks for `noTarget`).
    fn create(&self, journal: &mut Journal, current: &mut Vec<Value>, content: Content) -> Result<(), PatchError> {
        let attribute = self.attribute();
        let path = self.to_string();
        let element = match (content, &self.target.filter) {
            (Content::Nothing, _) if journal.is_lenient() => return Ok(()),
            (Content::Partial(content), _) if journal.is_lenient() && content.set.is_empty() => return Ok(()),
            // RFC 7644 section 3.5.2.1: an attribute that has no value is added.
            (Content::Partial(content), None) => Value::Object(content.set),
            (Content::Simple(value), None) => value,
            (_, Some(_)) if !journal.is_lenient() => return Err(PatchError::no_match(path)),
            (Content::Partial(content), Some(filter)) => {
                let mut element = Value::Object(implied(attribute, filter));
                let matched = filter.matches(&element);
                merge(attribute, &self.path, &mut element, &content)?;
                if !matched && !filter.matches(&element) {
                    return Err(PatchError::no_match(path));
                }
                element
            }
            (Content::Simple(value), Some(_)) => value,
            (Content::Nothing, None | Some(_)) => return Ok(()),
        };
        if self.target.filter.is_some() {
            journal.note(Deviation::CreatedFromFilter {
                attribute: self.path.to_string(),
            });
        }
        let is_primary = element.get("primary") == Some(&Value::Bool(true));
        current.push(element);
        if is_primary {
            let last = current.len() - 1;
            keep_primary(current, Some(last));
        }
        Ok(())
    }

    /// Removes the elements that hold nothing but labels after a sub-attribute went.
    fn drop_hollow(&self, journal: &mut Journal, current: &mut Vec<Value>) {
        let before = current.len();
        let is_empty = |element: &Value| element.as_object().is_none_or(Object::is_empty);
        let is_hollow = |element: &Value| {
            element.as_object().is_none_or(|element| {
                element
                    .keys()
                    .all(|key| matches!(key.as_str(), "type" | "primary" | "display"))
            })
        };
        if journal.is_lenient() {
            current.retain(|element| !is_hollow(element));
        } else {
            current.retain(|element| !is_empty(element));
        }
        // Of a strict connection only what has nothing left went, which is no value (RFC 7643 section 2.5).
        if current.len() < before && journal.is_lenient() {
            journal.note(Deviation::HollowElementRemoved {
                attribute: self.path.to_string(),
            });
        }
    }
}

impl std::fmt::Display for Change<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.path)?;
        if let Some(filter) = &self.target.filter {
            write!(f, "[{filter}]")?;
        }
        match self.target.resolved.sub {
            Some(sub) => write!(f, ".{}", sub.name),
            None => Ok(()),
        }
    }
}

/// The sub-attributes that the equalities of a filter fix.
fn implied(attribute: &Attribute, filter: &ElementFilter) -> Object {
    let terms = filter.equality_terms().into_iter();
    terms
        .filter(|term| {
            let sub = attribute.sub_attribute(&term.path.name);
            sub.is_some_and(|sub| sub.mutability != Mutability::ReadOnly)
        })
        .map(|term| (term.path.name.clone(), term.literal.to_json()))
        .collect()
}

/// Sets and unassigns sub-attributes of one value; the others stay.
pub(super) fn merge(
    attribute: &Attribute,
    path: &AttributePath,
    value: &mut Value,
    change: &Partial,
) -> Result<(), PatchError> {
    let Value::Object(object) = value else {
        *value = Value::Object(change.set.clone());
        return Ok(());
    };
    for sub in &attribute.sub_attributes {
        let (known, next) = (object.get(&sub.name), change.set.get(&sub.name));
        let touched = next.is_some() || change.cleared.contains(&sub.name);
        if touched && sub.mutability == Mutability::Immutable && known.is_some() && known != next {
            return Err(SchemaError::mutability(path.child(&sub.name), MutabilityProblem::Immutable).into());
        }
        if touched && sub.required && next.is_none() {
            return Err(SchemaError::mutability(path.child(&sub.name), MutabilityProblem::Required).into());
        }
    }
    // The reference and the names of another target would be wrong for the new one.
    let is_retargeted = change
        .set
        .get("value")
        .is_some_and(|next| object.get("value") != Some(next));
    if is_retargeted && attribute.sub_attribute("$ref").is_some() {
        object.remove("$ref");
        object.remove("display");
        object.remove("displayName");
    }
    for name in &change.cleared {
        object.remove(name);
    }
    object.extend(change.set.clone());
    Ok(())
}

/// Unassigns one sub-attribute; a value that has no other becomes unassigned itself.
pub(super) fn unassign(
    attribute: &Attribute,
    path: &AttributePath,
    value: &mut Option<Value>,
    sub: &Attribute,
) -> Result<(), PatchError> {
    let Some(current) = value else { return Ok(()) };
    merge(
        attribute,
        path,
        current,
        &Partial {
            set: Object::new(),
            cleared: vec![sub.name.clone()],
        },
    )?;
    if current.as_object().is_none_or(Object::is_empty) {
        *value = None;
    }
    Ok(())
}

/// RFC 7644 section 3.5.2: setting "primary" to true sets it to false for any other value.
fn keep_primary(elements: &mut [Value], primary: Option<usize>) {
    let Some(primary) = primary else { return };
    for (index, element) in elements.iter_mut().enumerate() {
        if index != primary && element.get("primary") == Some(&Value::Bool(true)) {
            element["primary"] = Value::Bool(false);
        }
    }
}
