//! What the path of an operation points to.

use super::error::{PatchError, PathProblem};
use super::request::PatchPath;
use crate::model::attribute::AttributePath;
use crate::model::deviation::{Deviation, Journal};
use crate::model::filter::{ElementFilter, ValuePath};
use crate::model::schema::{Resolved, Schema, SchemaSet};

/// A place in the resource.
#[derive(Debug)]
pub(super) enum Target<'a> {
    /// The resource itself: the core schema's URN.
    Resource,
    /// A whole extension.
    Extension(&'a Schema),
    /// An attribute, some of its elements, or a sub-attribute of either.
    Attribute(AttributeTarget<'a>),
    /// An extension that the resource type does not have, or one of its attributes, on a connection that keeps them.
    Opaque(String),
    /// The same on a connection that drops them.
    Ignored,
}

/// An attribute, some of its elements, or a sub-attribute of either.
#[derive(Debug)]
pub(super) struct AttributeTarget<'a> {
    pub(super) resolved: Resolved<'a>,
    pub(super) filter: Option<ElementFilter>,
}

impl<'a> Target<'a> {
    /// Looks a path up.
    pub(super) fn find(journal: &mut Journal, schemas: &'a SchemaSet, path: &PatchPath) -> Result<Self, PatchError> {
        let unknown = || PatchError::path(PathProblem::Unknown { path: path.to_string() });
        let values = match path {
            PatchPath::Urn(urn) if journal.keeps_extensions() && schemas.is_foreign(urn) => {
                return Ok(Self::Opaque(urn.clone()));
            }
            PatchPath::Urn(urn) => return Self::schema(schemas, urn).ok_or_else(unknown),
            PatchPath::Values(values) => values,
        };
        // "urn:...:2.0:User" reads as the attribute "User" of "urn:...:2.0", so the whole is tried first.
        if values.filter.is_none()
            && values.path.schema.is_some()
            && let Some(target) = Self::schema(schemas, &values.path.to_string())
        {
            return Ok(target);
        }
        let resolved = match schemas.resolve(&values.path) {
            Some(resolved) => {
                qualified(journal, &values.path, &resolved)?;
                resolved
            }
            None => match (dotted(schemas, &values.path), &values.path.schema) {
                (Some(resolved), _) => {
                    let attribute = resolved.path().to_string();
                    journal.tolerate(Deviation::DotForColon { attribute }, unknown())?;
                    resolved
                }
                (None, Some(urn))
                    if journal.keeps_extensions() && values.filter.is_none() && schemas.is_foreign(urn) =>
                {
                    return Ok(Self::Opaque(values.path.to_string()));
                }
                (None, Some(urn))
                    if journal.is_lenient() && !schemas.is_core(urn) && schemas.extension(urn).is_none() =>
                {
                    journal.note(Deviation::UnknownExtension { urn: urn.clone() });
                    return Ok(Self::Ignored);
                }
                (None, _) => return Err(unknown()),
            },
        };
        filtered(journal, values, resolved).map(Self::Attribute)
    }

    fn schema(schemas: &'a SchemaSet, urn: &str) -> Option<Self> {
        if schemas.is_core(urn) {
            return Some(Self::Resource);
        }
        schemas.extension(urn).map(Self::Extension)
    }
}

/// An attribute of an extension is named with its URN (RFC 7644 section 3.10).
fn qualified(journal: &mut Journal, path: &AttributePath, resolved: &Resolved<'_>) -> Result<(), PatchError> {
    if resolved.extension.is_none() || path.schema.is_some() {
        return Ok(());
    }
    let attribute = path.to_string();
    let refusal = PatchError::path(PathProblem::Unqualified {
        path: attribute.clone(),
        canonical: resolved.path().to_string(),
    });
    journal.tolerate(Deviation::UnqualifiedAttribute { attribute }, refusal)
}

/// `urn:...:2.0:User.department`: a dot where the colon is due.
fn dotted<'a>(schemas: &'a SchemaSet, path: &AttributePath) -> Option<Resolved<'a>> {
    let extension = schemas.extension(&path.parent().to_string())?;
    let attribute = extension.attribute(path.sub.as_deref()?)?;
    Some(Resolved {
        extension: Some(&extension.id),
        attribute,
        sub: None,
    })
}

fn filtered<'a>(
    journal: &mut Journal,
    values: &ValuePath,
    mut resolved: Resolved<'a>,
) -> Result<AttributeTarget<'a>, PatchError> {
    let Some(filter) = &values.filter else {
        return Ok(AttributeTarget { resolved, filter: None });
    };
    let attribute = resolved.attribute;
    if !attribute.is_complex() && !attribute.multi_valued {
        return Err(PatchError::path(PathProblem::NoElements {
            path: values.to_string(),
        }));
    }
    if let Some(sub) = &values.sub {
        let unknown = || {
            PatchError::path(PathProblem::Unknown {
                path: values.to_string(),
            })
        };
        resolved.sub = Some(attribute.sub_attribute(sub).ok_or_else(unknown)?);
    }
    let filter = filter
        .resolve_elements(journal, attribute)
        .map_err(|reason| PatchError::InvalidFilter {
            operation: None,
            reason,
        })?;
    Ok(AttributeTarget {
        resolved,
        filter: Some(filter),
    })
}
