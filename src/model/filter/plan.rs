//! What a filter says about all of its matches, for indexes.

use super::term::{Node, Term, Test};
use super::{Literal, Operator};
use crate::model::attribute::AttributePath;

/// `path eq literal`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EqualityTerm<'a> {
    /// The canonical path; `emails[type eq "work"]` gives `emails.type`.
    pub path: AttributePath,
    /// The value, in the attribute's type and in the client's case.
    pub literal: &'a Literal,
    /// Whether case matters; if not, an index has to be asked with [`fold`](crate::model::fold::fold).
    pub case_exact: bool,
}

/// Lists of equalities of which every match satisfies at least one each. `parent` is the attribute in front of the brackets.
pub(super) fn clauses<'a>(node: &'a Node, parent: Option<&AttributePath>) -> Vec<Vec<EqualityTerm<'a>>> {
    match node {
        Node::And(parts) => parts.iter().flat_map(|part| clauses(part, parent)).collect(),
        Node::Or(parts) => {
            // One list of each branch; a branch without any leaves the whole open.
            let branches: Option<Vec<_>> = parts
                .iter()
                .map(|part| clauses(part, parent).into_iter().next())
                .collect();
            branches
                .map(|lists| lists.into_iter().flatten().collect())
                .into_iter()
                .collect()
        }
        Node::Term(term) => equality(term, parent).map(|term| vec![term]).into_iter().collect(),
        Node::Values { path, filter } => clauses(filter, Some(path)),
        Node::External(term) if term.or_absent => Vec::new(),
        Node::External(term) => term
            .filter
            .as_deref()
            .map(|filter| clauses(filter, Some(&term.attribute)))
            .unwrap_or_default(),
        Node::Not(_) => Vec::new(),
    }
}

fn equality<'a>(term: &'a Term, parent: Option<&AttributePath>) -> Option<EqualityTerm<'a>> {
    if matches!(term.test, Test::Present | Test::Absent) || term.test.operator() != Some(Operator::Eq) {
        return None;
    }
    let path = parent.map_or_else(|| term.path.clone(), |parent| parent.child(&term.path.name));
    Some(EqualityTerm {
        path,
        literal: &term.literal,
        case_exact: term.case_exact,
    })
}

/// Whether the edge is asked about anywhere.
pub(super) fn asks(node: &Node, edge: &str) -> bool {
    match node {
        Node::And(parts) | Node::Or(parts) => parts.iter().any(|part| asks(part, edge)),
        Node::Not(part) => asks(part, edge),
        Node::External(term) => term.attribute.name == edge,
        Node::Term(_) | Node::Values { .. } => false,
    }
}

/// Whether an attribute of the resource itself is asked about anywhere.
pub(super) fn mentions(node: &Node, name: &str) -> bool {
    match node {
        Node::And(parts) | Node::Or(parts) => parts.iter().any(|part| mentions(part, name)),
        Node::Not(part) => mentions(part, name),
        Node::Term(term) => term.path.schema.is_none() && term.path.name.eq_ignore_ascii_case(name),
        Node::External(_) | Node::Values { .. } => false,
    }
}

/// The texts of `value eq "..."`, alone or joined by `or`.
pub(super) fn listed_values(node: &Node) -> Option<Vec<&str>> {
    match node {
        Node::Or(parts) => parts.iter().map(single_value).collect(),
        single => Some(vec![single_value(single)?]),
    }
}

fn single_value(node: &Node) -> Option<&str> {
    match node {
        Node::Term(term) if term.path.name == "value" && term.test.operator() == Some(Operator::Eq) => {
            term.literal.as_str()
        }
        _ => None,
    }
}
