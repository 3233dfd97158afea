//! The body of a PATCH request as operations.

use std::fmt;

use serde_json::Value;

use super::error::{NoTargetProblem, PatchError, PathProblem, RequestProblem};
use crate::model::Object;
use crate::model::attribute::is_urn;
use crate::model::deviation::{Deviation, Journal, Strictness};
use crate::model::filter::{FilterError, FilterLimits, ValuePath};
use crate::model::normalise::{SchemaError, SyntaxProblem, ValueProblem, kind};

/// The URN of the message (RFC 7644 section 3.5.2).
pub const PATCH_OP: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// The bounds of a PATCH request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PatchLimits {
    /// How many operations.
    pub operations: usize,
    /// How many values the arrays of all operations may hold together.
    pub values: usize,
    /// The bounds of each path.
    pub path: FilterLimits,
}

impl Default for PatchLimits {
    fn default() -> Self {
        Self {
            operations: 1_000,
            values: 10_000,
            path: FilterLimits::default(),
        }
    }
}

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Op {
    /// RFC 7644 section 3.5.2.1.
    Add,
    /// RFC 7644 section 3.5.2.2.
    Remove,
    /// RFC 7644 section 3.5.2.3.
    Replace,
}

impl Op {
    const ALL: [(Self, &'static str); 3] = [(Self::Add, "add"), (Self::Remove, "remove"), (Self::Replace, "replace")];
}

/// Where an operation works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PatchPath {
    /// An attribute or a value path. The URN of a schema also has this form.
    Values(ValuePath),
    /// The URN of a schema that does not have the form of an attribute.
    Urn(String),
}

impl PatchPath {
    /// Reads a path.
    pub(super) fn parse(text: &str, limits: FilterLimits) -> Result<Self, PatchError> {
        match ValuePath::parse(text, limits) {
            Ok(path) => Ok(Self::Values(path)),
            Err(FilterError::MalformedPath { .. }) if is_urn(text) => Ok(Self::Urn(text.to_owned())),
            Err(reason) if is_inside_brackets(&reason, text) => Err(PatchError::InvalidFilter {
                operation: None,
                reason,
            }),
            Err(reason) => Err(PatchError::path(PathProblem::Malformed(reason))),
        }
    }
}

/// A fault after the opening bracket is a fault of the filter (RFC 7644 section 3.12, `invalidFilter`).
fn is_inside_brackets(reason: &FilterError, text: &str) -> bool {
    let at = match reason {
        FilterError::TooLong { .. } => return false,
        FilterError::TooDeep { at, .. }
        | FilterError::Syntax { at, .. }
        | FilterError::MalformedString { at }
        | FilterError::UnknownOperator { at, .. }
        | FilterError::MalformedPath { at, .. }
        | FilterError::UnknownAttribute { at, .. }
        | FilterError::Sensitive { at, .. }
        | FilterError::NotComplex { at, .. }
        | FilterError::SubAttributeNeeded { at, .. }
        | FilterError::Unqualified { at, .. }
        | FilterError::SubAfterBrackets { at, .. }
        | FilterError::OperatorMismatch { at, .. }
        | FilterError::ValueMismatch { at, .. } => *at,
    };
    text.find('[').is_some_and(|opened| at > opened)
}

impl fmt::Display for PatchPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Values(path) => path.fmt(f),
            Self::Urn(urn) => f.write_str(urn),
        }
    }
}

/// One operation.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// What it does.
    pub op: Op,
    /// Where; `None` is the resource itself.
    pub path: Option<PatchPath>,
    /// With what. Always present for `add` and `replace`; for `remove`, `null` counts as absent.
    pub value: Option<Value>,
}

/// A PATCH request.
#[derive(Debug, Clone, PartialEq)]
pub struct PatchRequest {
    /// The operations, in order.
    pub operations: Vec<Operation>,
    /// What was tolerated in the request itself.
    pub deviations: Vec<Deviation>,
    pub(super) limits: FilterLimits,
}

impl PatchRequest {
    /// Reads the body of a PATCH request.
    ///
    /// # Errors
    ///
    /// [`PatchError::TooMany`] beyond a limit, [`PatchError::InvalidSyntax`] for a wrong structure,
    /// [`PatchError::InvalidPath`] and [`PatchError::InvalidFilter`] for a path, [`PatchError::NoTarget`] for a `remove`
    /// without a path, [`PatchError::InvalidValue`] for an `add` or `replace` without a value.
    pub fn parse(body: Value, limits: PatchLimits, strictness: Strictness) -> Result<Self, PatchError> {
        let mut journal = Journal::new(strictness);
        let mut schemas = None;
        let mut operations = None;
        for (key, value) in object(body, "the body")? {
            if key.eq_ignore_ascii_case("schemas") {
                schemas = Some(value);
            } else if key.eq_ignore_ascii_case("operations") {
                check_key(&mut journal, &key, "Operations")?;
                operations = Some(value);
            }
        }
        for urn in schemas
            .iter()
            .filter_map(Value::as_array)
            .flatten()
            .filter_map(Value::as_str)
        {
            if !urn.eq_ignore_ascii_case(PATCH_OP) {
                let urn = urn.to_owned();
                let refusal = SchemaError::InvalidSyntax(SyntaxProblem::UnknownSchema { urn: urn.clone() });
                journal.tolerate(Deviation::UnknownSchema { urn }, refusal)?;
            }
        }
        let names_message = schemas.as_ref().and_then(Value::as_array).is_some_and(|urns| {
            urns.iter()
                .any(|urn| urn.as_str().is_some_and(|urn| urn.eq_ignore_ascii_case(PATCH_OP)))
        });
        if !names_message {
            if !journal.is_lenient() {
                return Err(PatchError::request(RequestProblem::SchemaMissing));
            }
            journal.note(Deviation::PatchSchemaMissing);
        }
        let operations = match operations {
            Some(Value::Array(items)) if !items.is_empty() => items,
            Some(single @ Value::Object(_)) if journal.is_lenient() => {
                journal.note(Deviation::SingleForMany {
                    attribute: "Operations".to_owned(),
                });
                vec![single]
            }
            _ => return Err(PatchError::request(RequestProblem::NoOperations)),
        };
        check_size(&operations, limits)?;
        let operations = operations
            .into_iter()
            .enumerate()
            .map(|(index, item)| operation(&mut journal, item, limits.path).map_err(|error| error.at(index + 1)))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            operations,
            deviations: journal.into_deviations(),
            limits: limits.path,
        })
    }
}

fn check_size(operations: &[Value], limits: PatchLimits) -> Result<(), PatchError> {
    if operations.len() > limits.operations {
        let count = operations.len();
        return Err(PatchError::TooMany {
            what: "operations",
            count,
            limit: limits.operations,
        });
    }
    let count = operations
        .iter()
        .filter_map(|operation| operation.get("value"))
        .map(values)
        .sum();
    if count > limits.values {
        return Err(PatchError::TooMany {
            what: "values",
            count,
            limit: limits.values,
        });
    }
    Ok(())
}

/// How many elements the arrays in a value hold, one object deep.
fn values(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.len(),
        Value::Object(object) => object.values().filter_map(Value::as_array).map(Vec::len).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

fn operation(journal: &mut Journal, item: Value, limits: FilterLimits) -> Result<Operation, PatchError> {
    let (mut op, mut path, mut value) = (None, None, None);
    for (key, content) in object(item, "an operation")? {
        for (name, place) in [("op", &mut op), ("path", &mut path), ("value", &mut value)] {
            if key.eq_ignore_ascii_case(name) {
                check_key(journal, &key, name)?;
                *place = Some(content);
                break;
            }
        }
    }
    let op = read_op(journal, op)?;
    let path = read_path(journal, path)?
        .map(|text| PatchPath::parse(&text, limits))
        .transpose()?;
    if op == Op::Remove {
        if path.is_none() {
            return Err(PatchError::NoTarget {
                operation: None,
                problem: NoTargetProblem::RemoveWithoutPath,
            });
        }
        // Many serialisers write the member that is not there as null.
        value = value.filter(|value| !value.is_null());
    } else if value.is_none() {
        // RFC 7644 section 3.5.2.1: the operation MUST contain a "value" member.
        return Err(SchemaError::value("value", ValueProblem::Required).into());
    }
    Ok(Operation { op, path, value })
}

fn read_op(journal: &mut Journal, op: Option<Value>) -> Result<Op, PatchError> {
    let unknown = || PatchError::request(RequestProblem::UnknownOp);
    let Some(Value::String(word)) = op else {
        return Err(unknown());
    };
    let (op, name) = Op::ALL
        .into_iter()
        .find(|(_, name)| word.eq_ignore_ascii_case(name))
        .ok_or_else(unknown)?;
    if word != name {
        if !journal.is_lenient() {
            return Err(unknown());
        }
        journal.note(Deviation::OperationCase { op: word });
    }
    Ok(op)
}

fn read_path(journal: &mut Journal, path: Option<Value>) -> Result<Option<String>, PatchError> {
    match path {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.is_empty() && journal.is_lenient() => {
            journal.note(Deviation::EmptyText {
                attribute: "path".to_owned(),
            });
            Ok(None)
        }
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(PatchError::request(RequestProblem::PathNotText)),
    }
}

fn check_key(journal: &mut Journal, key: &str, name: &str) -> Result<(), PatchError> {
    if key != name {
        let refusal = SchemaError::InvalidSyntax(SyntaxProblem::UnknownAttribute {
            attribute: key.to_owned(),
        });
        journal.tolerate(Deviation::OperationsKey { key: key.to_owned() }, refusal)?;
    }
    Ok(())
}

fn object(value: Value, place: &str) -> Result<Object, PatchError> {
    match value {
        Value::Object(object) => Ok(object),
        other => {
            let problem = SyntaxProblem::NotAnObject {
                place: place.to_owned(),
                found: kind(&other),
            };
            Err(PatchError::request(RequestProblem::Body(problem)))
        }
    }
}
