//! Attributes that administrators write, by the same schema rules as a SCIM client's (RFC 7643 section 2).
//!
//! An attribute of the organisation's own may be named without its URN: administrators write `floor` where SCIM has
//! `urn:usher:scim:schemas:extension:acme:2.0:Group:floor`.

use serde_json::{Map, Value, json};

use crate::model::Object;
use crate::model::custom_attribute::CustomSchema;
use crate::model::deviation::Strictness;
use crate::model::merge_patch::operations;
use crate::model::normalise::{SchemaError, normalise};
use crate::model::patch::{PATCH_OP, PatchError, PatchLimits, PatchRequest, patch};
use crate::model::schema::SchemaSet;

use super::DirectoryError;

/// What decides about attributes of users, or of groups.
#[derive(Clone, Copy)]
pub(super) struct Attributes<'a> {
    /// The schemas of the resource type.
    pub(super) schemas: &'a SchemaSet,
    /// The organisation's own attributes, if it has any.
    pub(super) custom: Option<&'a CustomSchema>,
}

impl Attributes<'_> {
    /// A new resource in canonical form: what the schema requires must be among `attributes` and `named`, which are the
    /// attributes that the record keeps elsewhere.
    ///
    /// # Errors
    /// [`DirectoryError::InvalidValue`], [`DirectoryError::Mutability`].
    pub(super) fn written(&self, named: Object, attributes: &Object) -> Result<Object, DirectoryError> {
        let mut body = self.qualified(attributes);
        body.extend(named);
        body.insert("schemas".to_owned(), json!(self.schemas.schemas_of(&body)));
        let normalised = normalise(self.schemas, Value::Object(body), Strictness::Strict).map_err(refused)?;
        Ok(normalised.resource)
    }

    /// The attributes after a merge patch (RFC 7396): a value replaces, `null` takes away, what is not named stays.
    ///
    /// # Errors
    /// As [`Attributes::written`].
    pub(super) fn changed(&self, current: &Object, changes: &Object) -> Result<Object, DirectoryError> {
        let operations = operations(self.schemas, current, &self.qualified(changes));
        if operations.is_empty() {
            return Ok(current.clone());
        }
        let body = json!({ "schemas": [PATCH_OP], "Operations": operations });
        let limits = PatchLimits::default();
        let request = PatchRequest::parse(body, limits, Strictness::Strict).map_err(refused_patch)?;
        let patched = patch(self.schemas, current, &request, Strictness::Strict).map_err(refused_patch)?;
        Ok(patched.resource)
    }

    /// The organisation's own attributes below their URN.
    fn qualified(&self, attributes: &Object) -> Object {
        let mut qualified = Object::new();
        let mut own = Object::new();
        for (name, value) in attributes {
            match self.custom.and_then(|custom| custom.find(name)) {
                Some(defined) if !defined.attribute.retired => {
                    own.insert(defined.attribute.name.clone(), value.clone());
                }
                _ => {
                    qualified.insert(name.clone(), value.clone());
                }
            }
        }
        if let Some(custom) = self.custom.filter(|_| !own.is_empty()) {
            let extension = qualified
                .entry(custom.urn.clone())
                .or_insert_with(|| Value::Object(Map::new()));
            if let Some(extension) = extension.as_object_mut() {
                extension.extend(own);
            }
        }
        qualified
    }
}

fn refused(error: SchemaError) -> DirectoryError {
    match error {
        SchemaError::InvalidValue { attribute, problem } => DirectoryError::invalid(attribute, problem.to_string()),
        SchemaError::Mutability { attribute, problem } => DirectoryError::Mutability {
            attribute,
            reason: problem.to_string(),
        },
        SchemaError::InvalidSyntax(problem) => DirectoryError::invalid("attributes", problem.to_string()),
    }
}

fn refused_patch(error: PatchError) -> DirectoryError {
    match error {
        PatchError::InvalidValue { attribute, problem, .. } => DirectoryError::invalid(attribute, problem.to_string()),
        PatchError::Mutability { attribute, problem, .. } => DirectoryError::Mutability {
            attribute,
            reason: problem.to_string(),
        },
        other @ (PatchError::InvalidSyntax { .. }
        | PatchError::InvalidPath { .. }
        | PatchError::NoTarget { .. }
        | PatchError::InvalidFilter { .. }
        | PatchError::TooMany { .. }) => DirectoryError::invalid("attributes", other.to_string()),
    }
}
