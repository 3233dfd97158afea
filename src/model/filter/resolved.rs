//! Filters that agree with a schema and can be put to resources.

use std::fmt;

use serde_json::Value;

use super::evaluate::{self, Candidate};
use super::plan;
use super::term::Node;
use super::{EqualityTerm, Filter};
use crate::model::Object;
use crate::model::attribute::AttributePath;
use crate::model::deviation::Deviation;
use crate::model::schema::SchemaSet;

/// A filter over the resources of one resource type.
#[derive(Debug, Clone)]
pub struct ResolvedFilter {
    pub(super) root: Node,
    pub(super) schemas: SchemaSet,
    pub(super) deviations: Vec<Deviation>,
}

impl ResolvedFilter {
    /// Whether a canonical resource satisfies the filter. Edges, such as `members`, are read from the resource, where
    /// the caller has put them.
    #[must_use]
    pub fn matches(&self, resource: &Object) -> bool {
        self.matches_with(resource, &|term| {
            let elements = resource.get(&term.attribute.name).and_then(Value::as_array);
            term.matches(elements.map_or(&[], Vec::as_slice))
        })
    }

    /// Whether a canonical resource satisfies the filter, when `external` answers the questions about edges.
    #[must_use]
    pub fn matches_with(&self, resource: &Object, external: &dyn Fn(&ExternalTerm) -> bool) -> bool {
        evaluate::holds(&self.root, Candidate::Resource(resource, &self.schemas), external)
    }

    /// What was tolerated.
    #[must_use]
    pub fn deviations(&self) -> &[Deviation] {
        &self.deviations
    }

    /// Whether the filter asks about the edge of this name at all.
    #[must_use]
    pub fn asks(&self, edge: &str) -> bool {
        plan::asks(&self.root, edge)
    }

    /// Whether it asks about an attribute of the core schema anywhere.
    #[must_use]
    pub fn mentions(&self, name: &str) -> bool {
        plan::mentions(&self.root, name)
    }

    /// The equalities that hold for every match.
    #[must_use]
    pub fn equality_terms(&self) -> Vec<EqualityTerm<'_>> {
        self.conjuncts()
            .into_iter()
            .filter(|terms| terms.len() == 1)
            .flatten()
            .collect()
    }

    /// Lists of equalities: every match satisfies at least one of each list. A list of several comes from an `or`. An
    /// index over any one list narrows the candidates; the filter still decides.
    #[must_use]
    pub fn conjuncts(&self) -> Vec<Vec<EqualityTerm<'_>>> {
        plan::clauses(&self.root, None)
    }
}

/// A filter over the elements of one attribute: what stands in the brackets of a value path.
#[derive(Debug, Clone, PartialEq)]
pub struct ElementFilter {
    pub(super) filter: Box<Filter>,
    pub(super) root: Box<Node>,
}

impl ElementFilter {
    /// Whether an element satisfies the filter.
    #[must_use]
    pub fn matches(&self, element: &Value) -> bool {
        evaluate::holds(&self.root, Candidate::Element(element), &|_| false)
    }

    /// The equalities that hold for every match; each path is the name of a sub-attribute.
    #[must_use]
    pub fn equality_terms(&self) -> Vec<EqualityTerm<'_>> {
        plan::clauses(&self.root, None)
            .into_iter()
            .filter(|terms| terms.len() == 1)
            .flatten()
            .collect()
    }

    /// The ids when the filter is nothing but `value eq "id"`, or several of these joined by `or`.
    #[must_use]
    pub fn listed_values(&self) -> Option<Vec<&str>> {
        plan::listed_values(&self.root)
    }
}

impl fmt::Display for ElementFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.filter.fmt(f)
    }
}

/// A question about an attribute that is not stored with the resource, such as `members.value eq "..."`: is there an
/// element that satisfies a filter?
#[derive(Debug, Clone, PartialEq)]
pub struct ExternalTerm {
    /// The attribute, without a sub-attribute.
    pub attribute: AttributePath,
    /// `None`: any element does.
    pub(super) filter: Option<Box<Node>>,
    /// Whether having no element satisfies the question: `ne`.
    pub(super) or_absent: bool,
}

impl ExternalTerm {
    /// The question as one equality, such as `members.value eq "..."`, which an index answers without the elements.
    #[must_use]
    pub fn equality(&self) -> Option<EqualityTerm<'_>> {
        match self.filter.as_deref()? {
            node @ Node::Term(_) => plan::clauses(node, Some(&self.attribute)).pop()?.pop(),
            _ => None,
        }
    }

    /// Whether the question is only whether there is any element: `pr`.
    #[must_use]
    pub fn is_presence(&self) -> bool {
        self.filter.is_none()
    }

    /// The answer, given all elements.
    #[must_use]
    pub fn matches(&self, elements: &[Value]) -> bool {
        if elements.is_empty() {
            return self.or_absent;
        }
        self.filter.as_deref().is_none_or(|filter| {
            elements
                .iter()
                .any(|element| evaluate::holds(filter, Candidate::Element(element), &|_| false))
        })
    }
}
