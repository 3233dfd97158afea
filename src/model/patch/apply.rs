//! Applying the operations, one after the other, to a copy.

use serde_json::Value;

use super::elements::Change;
use super::error::PatchError;
use super::member_change::MemberChange;
use super::opaque;
use super::request::{Op, Operation, PatchPath, PatchRequest};
use super::single::{check_parts, check_transition, has_required_parts};
use super::target::{AttributeTarget, Target};
use crate::model::Object;
use crate::model::attribute::AttributePath;
use crate::model::deviation::{Deviation, Journal, Tolerance};
use crate::model::filter::{ElementFilter, FilterLimits};
use crate::model::normalise::{MutabilityProblem, SchemaError, SyntaxProblem, ValueProblem, assigned, kind, one};
use crate::model::schema::{AttributeType, Mutability, Resolved, Schema, SchemaSet};

/// The outcome of a PATCH.
#[derive(Debug, Clone, PartialEq)]
pub struct Patched {
    /// The new resource in canonical form.
    pub resource: Object,
    /// Whether the resource differs from the current one. Members and password are not part of it.
    pub changed: bool,
    /// The changes of the members, in the order of the operations.
    pub members: Vec<MemberChange>,
    /// `Some(Some(_))`: a new password in clear text, to be hashed and never logged. `Some(None)`: the password goes.
    pub password: Option<Option<String>>,
    /// What was tolerated, in the request and while it was applied.
    pub deviations: Vec<Deviation>,
}

/// Applies a PATCH request to a canonical resource.
///
/// # Errors
///
/// [`PatchError`] with the number of the operation. The current resource is never touched.
pub fn patch(
    schemas: &SchemaSet,
    current: &Object,
    request: &PatchRequest,
    tolerance: impl Into<Tolerance>,
) -> Result<Patched, PatchError> {
    let mut application = Application {
        schemas,
        journal: Journal::new(tolerance),
        limits: request.limits,
        resource: current.clone(),
        members: Vec::new(),
        password: None,
    };
    for (index, operation) in request.operations.iter().enumerate() {
        application.operation(operation).map_err(|error| error.at(index + 1))?;
    }
    let mut deviations = request.deviations.clone();
    deviations.extend(application.journal.into_deviations());
    Ok(Patched {
        changed: application.resource != *current,
        resource: application.resource,
        members: application.members,
        password: application.password,
        deviations,
    })
}

struct Application<'a> {
    schemas: &'a SchemaSet,
    journal: Journal,
    limits: FilterLimits,
    resource: Object,
    members: Vec<MemberChange>,
    password: Option<Option<String>>,
}

impl<'a> Application<'a> {
    fn operation(&mut self, operation: &Operation) -> Result<(), PatchError> {
        let Operation { op, path, value } = operation;
        let target = match path {
            None => Target::Resource,
            Some(path) => Target::find(&mut self.journal, self.schemas, path)?,
        };
        match target {
            Target::Ignored => Ok(()),
            Target::Opaque(path) => self.opaque(*op, &path, value.clone()),
            Target::Attribute(target) => self.attribute(*op, &target, value.clone()),
            Target::Extension(extension) => match (op, value) {
                (Op::Add | Op::Replace, Some(value)) => self.extension(*op, extension, value.clone()),
                _ => self.remove_extension(extension),
            },
            Target::Resource => self.resource(*op, value.clone().unwrap_or_default()),
        }
    }

    /// No path: the value is a set of attributes (RFC 7644 sections 3.5.2.1 and 3.5.2.3).
    fn resource(&mut self, op: Op, value: Value) -> Result<(), PatchError> {
        let value = match value {
            Value::Array(items) if items.len() == 1 => {
                one(&mut self.journal, &AttributePath::core("value"), Value::Array(items))?.unwrap_or_default()
            }
            value => value,
        };
        for (key, value) in object("value", value)? {
            self.key(op, &key, value)?;
        }
        Ok(())
    }

    /// One member of a path-less value: an attribute, an extension, or a path as some clients write it.
    fn key(&mut self, op: Op, key: &str, value: Value) -> Result<(), PatchError> {
        let schemas = self.schemas;
        if key.eq_ignore_ascii_case("schemas") {
            // Derived from the extensions that are present, whatever the client writes.
            return Ok(());
        }
        if let Some(attribute) = schemas.core_attribute(key) {
            return self.inside(
                op,
                Resolved {
                    extension: None,
                    attribute,
                    sub: None,
                },
                None,
                value,
            );
        }
        if let Some(extension) = schemas.extension(key) {
            return self.extension(op, extension, value);
        }
        if schemas.is_core(key) {
            self.tolerate_path(key)?;
            return self.resource(op, value);
        }
        let Ok(path) = PatchPath::parse(key, self.limits) else {
            return self.unknown(key.to_owned());
        };
        match Target::find(&mut self.journal, schemas, &path) {
            Ok(Target::Attribute(AttributeTarget { resolved, filter })) => {
                // RFC 7644 section 3.5.2 lets a client name an attribute with its schema; anything more is a deviation.
                // Without its URN it has been journalled as that.
                let is_name = resolved.extension.is_some() && resolved.sub.is_none();
                if !is_name || filter.is_some() {
                    self.tolerate_path(key)?;
                }
                self.inside(op, resolved, filter, value)
            }
            Ok(Target::Opaque(path)) => self.opaque(op, &path, Some(value)),
            Ok(_) => Ok(()),
            Err(PatchError::InvalidPath { .. }) => self.unknown(key.to_owned()),
            Err(error) => Err(error),
        }
    }

    /// An attribute inside a value: read-only ones are ignored, because clients send back what they have read.
    fn inside(
        &mut self,
        op: Op,
        resolved: Resolved<'a>,
        filter: Option<ElementFilter>,
        value: Value,
    ) -> Result<(), PatchError> {
        if is_read_only(&resolved) {
            let path = resolved.path();
            let refusal = SchemaError::mutability(&path, MutabilityProblem::ReadOnly);
            self.journal.tolerate(
                Deviation::ReadOnlyIgnored {
                    attribute: path.to_string(),
                },
                refusal,
            )?;
            return Ok(());
        }
        self.attribute(op, &AttributeTarget { resolved, filter }, Some(value))
    }

    /// An extension that no schema defines.
    fn opaque(&mut self, op: Op, path: &str, value: Option<Value>) -> Result<(), PatchError> {
        opaque::change(&mut self.journal, self.schemas, &mut self.resource, (op, path, value))
    }

    /// A whole extension: its attributes are set, the others stay.
    fn extension(&mut self, op: Op, extension: &'a Schema, value: Value) -> Result<(), PatchError> {
        if value.is_null() {
            return self.remove_extension(extension);
        }
        for (key, value) in object(&extension.id, value)? {
            match extension.attribute(&key) {
                Some(attribute) => {
                    let resolved = Resolved {
                        extension: Some(&extension.id),
                        attribute,
                        sub: None,
                    };
                    self.inside(op, resolved, None, value)?;
                }
                None => self.unknown(format!("{}:{key}", extension.id))?,
            }
        }
        Ok(())
    }

    fn remove_extension(&mut self, extension: &'a Schema) -> Result<(), PatchError> {
        let writable = extension
            .attributes
            .iter()
            .filter(|attribute| attribute.mutability != Mutability::ReadOnly);
        let mut any = false;
        for attribute in writable {
            any = true;
            let resolved = Resolved {
                extension: Some(&extension.id),
                attribute,
                sub: None,
            };
            let assigned = self
                .resource
                .get(&extension.id)
                .is_some_and(|known| known.get(&attribute.name).is_some());
            if assigned {
                self.attribute(Op::Remove, &AttributeTarget { resolved, filter: None }, None)?;
            }
        }
        if !any {
            return Err(SchemaError::mutability(&extension.id, MutabilityProblem::ReadOnly).into());
        }
        Ok(())
    }

    /// One attribute, wherever it lives.
    fn attribute(&mut self, op: Op, target: &AttributeTarget<'a>, value: Option<Value>) -> Result<(), PatchError> {
        let resolved = target.resolved;
        let (attribute, path) = (resolved.attribute, resolved.path());
        if is_read_only(&resolved) {
            return Err(SchemaError::mutability(path, MutabilityProblem::ReadOnly).into());
        }
        if resolved.extension.is_none() && self.schemas.is_edge(&attribute.name) {
            self.members
                .extend(MemberChange::of(&mut self.journal, op, target, value)?);
            return Ok(());
        }
        if resolved.extension.is_none() && attribute.name == "password" {
            let password = match value {
                Some(value) if op != Op::Remove => assigned(&mut self.journal, attribute, &path, value)?,
                _ => None,
            };
            self.password = Some(password.as_ref().and_then(Value::as_str).map(str::to_owned));
            return Ok(());
        }
        let current = self.take(&resolved);
        let immutable = (attribute.mutability == Mutability::Immutable)
            .then(|| current.clone())
            .flatten();
        let before = has_required_parts(attribute).then(|| current.clone()).flatten();
        let change = Change {
            op,
            target,
            path: path.parent(),
        };
        let next = if attribute.multi_valued {
            let elements = match current {
                Some(Value::Array(elements)) => elements,
                _ => Vec::new(),
            };
            let elements = change.elements(&mut self.journal, elements, value)?;
            (!elements.is_empty()).then_some(Value::Array(elements))
        } else if attribute.is_complex() {
            change.complex(&mut self.journal, current, value)?
        } else {
            change.simple(&mut self.journal, value)?
        };
        check_transition(attribute, &path.parent(), op, immutable.as_ref(), next.as_ref())?;
        check_parts(attribute, &path.parent(), before.as_ref(), next.as_ref())?;
        if let Some(next) = next {
            self.put(&resolved, next);
        }
        Ok(())
    }

    /// Takes the value out of the copy. An extension that becomes empty goes: it would show up in `schemas`.
    fn take(&mut self, resolved: &Resolved<'_>) -> Option<Value> {
        let Some(urn) = resolved.extension else {
            return self.resource.remove(&resolved.attribute.name);
        };
        let extension = self.resource.get_mut(urn)?.as_object_mut()?;
        let value = extension.remove(&resolved.attribute.name);
        if extension.is_empty() {
            self.resource.remove(urn);
        }
        value
    }

    fn put(&mut self, resolved: &Resolved<'_>, value: Value) {
        let name = resolved.attribute.name.clone();
        match resolved.extension {
            None => {
                self.resource.insert(name, value);
            }
            Some(urn) => {
                let extension = self.resource.entry(urn).or_insert_with(|| Value::Object(Object::new()));
                extension[name.as_str()] = value;
            }
        }
    }

    fn tolerate_path(&mut self, key: &str) -> Result<(), PatchError> {
        let refusal = SchemaError::InvalidSyntax(SyntaxProblem::KeyIsPath { key: key.to_owned() });
        let key = key.split('[').next().unwrap_or_default().to_owned();
        Ok(self.journal.tolerate(Deviation::KeyIsPath { key }, refusal)?)
    }

    fn unknown(&mut self, attribute: String) -> Result<(), PatchError> {
        let refusal = SchemaError::InvalidSyntax(SyntaxProblem::UnknownAttribute {
            attribute: attribute.clone(),
        });
        Ok(self
            .journal
            .tolerate(Deviation::UnknownAttribute { attribute }, refusal)?)
    }
}

fn is_read_only(resolved: &Resolved<'_>) -> bool {
    resolved.attribute.mutability == Mutability::ReadOnly || resolved.leaf().mutability == Mutability::ReadOnly
}

fn object(place: &str, value: Value) -> Result<Object, PatchError> {
    match value {
        Value::Object(object) => Ok(object),
        other => {
            let expected = AttributeType::Complex;
            let problem = ValueProblem::WrongType {
                expected,
                found: kind(&other),
            };
            Err(SchemaError::value(place, problem).into())
        }
    }
}
