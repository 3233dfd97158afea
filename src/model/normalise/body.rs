//! The body of a POST or PUT as a whole.

use serde_json::Value;

use super::value::kind;
use super::{Member, SchemaError, SyntaxProblem, ValueProblem, assigned, check_opaque, is_kept, members, opaque_key};
use crate::model::Object;
use crate::model::attribute::{AttributePath, is_urn};
use crate::model::deviation::{Deviation, Journal, Tolerance};
use crate::model::schema::{Mutability, Resolved, Schema, SchemaSet};

/// A body in canonical form.
#[derive(Debug, Clone, PartialEq)]
pub struct Normalised {
    /// The resource, without `schemas`, read-only attributes, edges and password; with the extensions that no schema defines
    /// where the connection keeps them.
    pub resource: Object,
    /// What was tolerated.
    pub deviations: Vec<Deviation>,
    /// The members; `None` when the body does not mention them, empty when it clears them.
    pub members: Option<Vec<Member>>,
    /// The password in clear text: hash it, and never log it.
    pub password: Option<String>,
}

/// Reads the body of a POST or PUT.
///
/// Read-only attributes are dropped without a word (RFC 7644 section 3.5.1), names get the spelling of the schema,
/// `null` and `[]` are "unassigned" (RFC 7643 section 2.5), and required attributes must have a value.
///
/// # Errors
///
/// [`SchemaError`] with the path of the attribute at fault.
pub fn normalise(schemas: &SchemaSet, body: Value, tolerance: impl Into<Tolerance>) -> Result<Normalised, SchemaError> {
    let Value::Object(body) = body else {
        let problem = SyntaxProblem::NotAnObject {
            place: "the body".to_owned(),
            found: kind(&body),
        };
        return Err(SchemaError::InvalidSyntax(problem));
    };
    let mut reading = Reading {
        schemas,
        journal: Journal::new(tolerance),
        declared: None,
        resource: Object::new(),
        members: None,
        password: None,
    };
    for (key, value) in body {
        reading.key(&key, value)?;
    }
    check_opaque(schemas, &reading.resource)?;
    reading.check_declared()?;
    reading.check_required()?;
    Ok(Normalised {
        resource: reading.resource,
        deviations: reading.journal.into_deviations(),
        members: reading.members,
        password: reading.password,
    })
}

struct Reading<'a> {
    schemas: &'a SchemaSet,
    journal: Journal,
    /// The value of `schemas`.
    declared: Option<Vec<String>>,
    resource: Object,
    members: Option<Vec<Member>>,
    password: Option<String>,
}

impl Reading<'_> {
    fn key(&mut self, key: &str, value: Value) -> Result<(), SchemaError> {
        if key.eq_ignore_ascii_case("schemas") {
            return self.declare(value);
        }
        if let Some(attribute) = self.schemas.core_attribute(key) {
            return self.put(
                Resolved {
                    extension: None,
                    attribute,
                    sub: None,
                },
                value,
            );
        }
        let schemas = self.schemas;
        if let Some(extension) = schemas.extension(key) {
            return self.extension(extension, value);
        }
        if schemas.is_core(key) {
            self.tolerate_path(key)?;
            return object_at(key, value)?
                .into_iter()
                .try_for_each(|(key, value)| self.key(&key, value));
        }
        if let Some(resolved) = key.parse().ok().and_then(|path: AttributePath| schemas.resolve(&path)) {
            if resolved.extension.is_some() && resolved.sub.is_none() && !key.contains(':') {
                let refusal = SchemaError::InvalidSyntax(SyntaxProblem::UnknownAttribute {
                    attribute: key.to_owned(),
                });
                let attribute = key.to_owned();
                self.journal
                    .tolerate(Deviation::UnqualifiedAttribute { attribute }, refusal)?;
            } else {
                self.tolerate_path(key)?;
            }
            let value = match resolved.sub {
                Some(sub) => Value::Object(Object::from_iter([(sub.name.clone(), value)])),
                None => value,
            };
            return self.put(Resolved { sub: None, ..resolved }, value);
        }
        if self.journal.keeps_extensions() && schemas.is_foreign(key) && is_kept(&value) {
            if opaque_key(schemas, &self.resource, key).is_some() {
                return Err(twice(&AttributePath::core(key)));
            }
            self.journal.note(Deviation::KeptExtension { urn: key.to_owned() });
            self.resource.insert(key.to_owned(), value);
            return Ok(());
        }
        if is_urn(key) {
            let refusal = SchemaError::InvalidSyntax(SyntaxProblem::UnknownSchema { urn: key.to_owned() });
            return self
                .journal
                .tolerate(Deviation::UnknownExtension { urn: key.to_owned() }, refusal);
        }
        self.unknown(key.to_owned())
    }

    fn extension(&mut self, extension: &Schema, value: Value) -> Result<(), SchemaError> {
        if value.is_null() {
            return Ok(());
        }
        for (key, value) in object_at(&extension.id, value)? {
            let Some(attribute) = extension.attribute(&key) else {
                self.unknown(format!("{}:{key}", extension.id))?;
                continue;
            };
            self.put(
                Resolved {
                    extension: Some(&extension.id),
                    attribute,
                    sub: None,
                },
                value,
            )?;
        }
        Ok(())
    }

    /// Assigns an attribute.
    fn put(&mut self, resolved: Resolved<'_>, value: Value) -> Result<(), SchemaError> {
        let (attribute, path) = (resolved.attribute, resolved.path());
        if attribute.mutability == Mutability::ReadOnly {
            return Ok(());
        }
        if resolved.extension.is_none() && self.schemas.is_edge(&attribute.name) {
            let listed = members(&mut self.journal, attribute, &path, value)?;
            return match self.members.replace(listed) {
                Some(_) => Err(twice(&path)),
                None => Ok(()),
            };
        }
        let Some(value) = assigned(&mut self.journal, attribute, &path, value)? else {
            return Ok(());
        };
        if resolved.extension.is_none() && attribute.name == "password" {
            self.password = value.as_str().map(str::to_owned);
            return Ok(());
        }
        let place = match resolved.extension {
            None => &mut self.resource,
            Some(urn) => match self.resource.entry(urn).or_insert_with(|| Value::Object(Object::new())) {
                Value::Object(extension) => extension,
                _ => return Err(twice(&path)),
            },
        };
        match (place.get_mut(&attribute.name), value) {
            (None, value) => {
                place.insert(attribute.name.clone(), value);
            }
            // "name.givenName" and "name.familyName" are two keys for one value.
            (Some(Value::Object(known)), Value::Object(more)) if more.keys().all(|key| !known.contains_key(key)) => {
                known.extend(more);
            }
            _ => return Err(twice(&path)),
        }
        Ok(())
    }

    fn declare(&mut self, value: Value) -> Result<(), SchemaError> {
        let malformed = || SchemaError::InvalidSyntax(SyntaxProblem::SchemasNotUrns);
        let items = match value {
            Value::Array(items) => items,
            Value::Null => return Ok(()),
            single => {
                let attribute = "schemas".to_owned();
                self.journal
                    .tolerate(Deviation::SingleForMany { attribute }, malformed())?;
                vec![single]
            }
        };
        let urns = items.into_iter().map(|item| match item {
            Value::String(urn) => Ok(urn),
            _ => Err(malformed()),
        });
        self.declared = Some(urns.collect::<Result<_, _>>()?);
        Ok(())
    }

    /// Compares `schemas` with what the body contains (RFC 7643 section 3).
    fn check_declared(&mut self) -> Result<(), SchemaError> {
        let declared = self.declared.take().unwrap_or_default();
        for urn in &declared {
            let is_known = self.schemas.is_core(urn) || self.schemas.extension(urn).is_some();
            if !is_known && opaque_key(self.schemas, &self.resource, urn).is_none() {
                let refusal = SchemaError::InvalidSyntax(SyntaxProblem::UnknownSchema { urn: urn.clone() });
                self.journal
                    .tolerate(Deviation::UnknownSchema { urn: urn.clone() }, refusal)?;
            }
        }
        for urn in self.schemas.schemas_of(&self.resource) {
            if declared.iter().any(|known| known.eq_ignore_ascii_case(urn)) {
                continue;
            }
            let refusal = SchemaError::InvalidSyntax(SyntaxProblem::UndeclaredSchema { urn: urn.to_owned() });
            let deviation = if self.schemas.is_core(urn) {
                Deviation::CoreSchemaMissing { urn: urn.to_owned() }
            } else {
                Deviation::UndeclaredExtension { urn: urn.to_owned() }
            };
            self.journal.tolerate(deviation, refusal)?;
        }
        Ok(())
    }

    fn check_required(&self) -> Result<(), SchemaError> {
        let empty = Object::new();
        let core = (None, self.schemas.core(), Some(&self.resource));
        let extensions = self
            .schemas
            .extensions()
            .iter()
            .zip(&self.schemas.resource_type().schema_extensions)
            .map(|(schema, extension)| {
                let present = self.resource.get(&schema.id).and_then(Value::as_object);
                (
                    Some(schema.id.clone()),
                    schema.as_ref(),
                    present.or_else(|| extension.required.then_some(&empty)),
                )
            });
        for (urn, schema, object) in std::iter::once(core).chain(extensions) {
            let Some(object) = object else { continue };
            let required = schema.attributes.iter().filter(|attribute| {
                attribute.required && !matches!(attribute.mutability, Mutability::ReadOnly | Mutability::WriteOnly)
            });
            for attribute in required {
                let blank = match object.get(&attribute.name) {
                    None => true,
                    Some(Value::String(text)) => text.trim().is_empty(),
                    Some(_) => false,
                };
                if blank {
                    let path = AttributePath {
                        schema: urn.clone(),
                        name: attribute.name.clone(),
                        sub: None,
                    };
                    return Err(SchemaError::value(path, ValueProblem::Required));
                }
            }
        }
        Ok(())
    }

    fn tolerate_path(&mut self, key: &str) -> Result<(), SchemaError> {
        let refusal = SchemaError::InvalidSyntax(SyntaxProblem::KeyIsPath { key: key.to_owned() });
        self.journal
            .tolerate(Deviation::KeyIsPath { key: key.to_owned() }, refusal)
    }

    fn unknown(&mut self, attribute: String) -> Result<(), SchemaError> {
        let refusal = SchemaError::InvalidSyntax(SyntaxProblem::UnknownAttribute {
            attribute: attribute.clone(),
        });
        self.journal
            .tolerate(Deviation::UnknownAttribute { attribute }, refusal)
    }
}

fn twice(path: &AttributePath) -> SchemaError {
    SchemaError::InvalidSyntax(SyntaxProblem::Twice {
        attribute: path.to_string(),
    })
}

fn object_at(place: &str, value: Value) -> Result<Object, SchemaError> {
    match value {
        Value::Object(object) => Ok(object),
        other => {
            let problem = SyntaxProblem::NotAnObject {
                place: format!("\"{place}\""),
                found: kind(&other),
            };
            Err(SchemaError::InvalidSyntax(problem))
        }
    }
}
