//! Putting a resolved filter to a resource or an element.

use serde_json::Value;

use super::ExternalTerm;
use super::term::{Node, Term, Test};
use crate::model::Object;
use crate::model::attribute::AttributePath;
use crate::model::schema::SchemaSet;

/// What a filter is put to.
#[derive(Clone, Copy)]
pub(super) enum Candidate<'a> {
    Resource(&'a Object, &'a SchemaSet),
    Element(&'a Value),
}

pub(super) fn holds(node: &Node, candidate: Candidate<'_>, external: &dyn Fn(&ExternalTerm) -> bool) -> bool {
    match node {
        Node::And(parts) => parts.iter().all(|part| holds(part, candidate, external)),
        Node::Or(parts) => parts.iter().any(|part| holds(part, candidate, external)),
        Node::Not(part) => !holds(part, candidate, external),
        Node::Term(term) => term_holds(term, candidate),
        Node::Values { path, filter } => attribute(candidate, path)
            .is_some_and(|value| elements(value).any(|element| holds(filter, Candidate::Element(element), external))),
        Node::External(term) => external(term),
    }
}

fn term_holds(term: &Term, candidate: Candidate<'_>) -> bool {
    if let Candidate::Resource(resource, schemas) = candidate
        && term.path.name == "schemas"
        && term.path.schema.is_none()
    {
        // Never stored: derived from the extensions that are present (RFC 7643 section 3).
        return schemas
            .schemas_of(resource)
            .into_iter()
            .any(|urn| term.test.holds(&Value::from(urn)));
    }
    let Some(value) = attribute(candidate, &term.path) else {
        return absent_holds(term);
    };
    let Some(sub) = &term.path.sub else {
        // Presence is asked of the whole, everything else of each value.
        return match term.test {
            Test::Present | Test::Absent => term.test.holds(value),
            _ => any(elements(value), |element| term.test.holds(element), term),
        };
    };
    let values = elements(value).filter_map(|element| match element.get(sub) {
        None if term.absent_is_false => Some(&Value::Bool(false)),
        found => found,
    });
    match term.test {
        Test::Absent => values.count() == 0,
        _ => any(values, |found| term.test.holds(found), term),
    }
}

/// Any value will do (RFC 7644 section 3.4.2.2); with no value, what holds for an absent attribute.
fn any<'a>(values: impl Iterator<Item = &'a Value>, test: impl Fn(&Value) -> bool, term: &Term) -> bool {
    let mut values = values.peekable();
    if values.peek().is_none() {
        return absent_holds(term);
    }
    values.any(test)
}

fn absent_holds(term: &Term) -> bool {
    if term.absent_is_false && !matches!(term.test, Test::Present | Test::Absent) && term.path.sub.is_none() {
        return term.test.holds(&Value::Bool(false));
    }
    term.test.holds_when_absent()
}

/// The value of the path's attribute, without its sub-attribute.
fn attribute<'a>(candidate: Candidate<'a>, path: &AttributePath) -> Option<&'a Value> {
    match (candidate, &path.schema) {
        (Candidate::Resource(resource, _), None) => resource.get(&path.name),
        (Candidate::Resource(resource, _), Some(urn)) => resource.get(urn)?.get(&path.name),
        (Candidate::Element(Value::Object(element)), _) => element.get(&path.name),
        // The elements of a simple multi-valued attribute are their own "value".
        (Candidate::Element(simple), _) => (path.name == "value").then_some(simple),
    }
}

fn elements(value: &Value) -> std::slice::Iter<'_, Value> {
    match value {
        Value::Array(items) => items.iter(),
        single => std::slice::from_ref(single).iter(),
    }
}
