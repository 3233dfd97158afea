//! Whether a schema that somebody wrote, for example the custom attributes of an organisation, can be used.

use std::collections::BTreeSet;

use thiserror::Error;

use super::{Attribute, Mutability, Returned, Schema};
use crate::model::attribute::{is_name, is_urn};

/// Why a schema cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DefinitionError {
    /// The id is not a URN.
    #[error("\"{id}\" is not a URN; write urn:...")]
    Id {
        /// The id.
        id: String,
    },
    /// A name does not follow RFC 7643 section 2.1.
    #[error("attribute \"{attribute}\": a name is a letter followed by letters, digits, \"-\" or \"_\"")]
    Name {
        /// The name.
        attribute: String,
    },
    /// Two names differ at most in case.
    #[error("attribute \"{attribute}\" is defined twice; names are compared without case")]
    Twice {
        /// The second name.
        attribute: String,
    },
    /// RFC 7643 section 2.3.8: complex attributes do not nest.
    #[error("attribute \"{attribute}\" is complex inside a complex attribute; complex attributes do not nest")]
    Nested {
        /// The sub-attribute.
        attribute: String,
    },
    /// A complex attribute without sub-attributes, or another with them.
    #[error("attribute \"{attribute}\": a complex attribute has sub-attributes, and no other has")]
    SubAttributes {
        /// The attribute.
        attribute: String,
    },
    /// Nobody could ever give it a value, or nobody could ever see that it is write-only.
    #[error(
        "attribute \"{attribute}\": a read-only attribute cannot be required, and a write-only one is returned never"
    )]
    Characteristics {
        /// The attribute.
        attribute: String,
    },
}

impl Schema {
    /// Checks a schema that is not built in.
    ///
    /// # Errors
    ///
    /// [`DefinitionError`] with the first attribute at fault.
    pub fn check(&self) -> Result<(), DefinitionError> {
        if !is_urn(&self.id) {
            return Err(DefinitionError::Id { id: self.id.clone() });
        }
        check_names(&self.attributes)?;
        for attribute in &self.attributes {
            check_attribute(attribute)?;
            check_names(&attribute.sub_attributes)?;
            for sub in &attribute.sub_attributes {
                if sub.is_complex() {
                    return Err(DefinitionError::Nested {
                        attribute: format!("{}.{}", attribute.name, sub.name),
                    });
                }
                check_attribute(sub)?;
            }
        }
        Ok(())
    }
}

fn check_names(attributes: &[Attribute]) -> Result<(), DefinitionError> {
    let mut seen = BTreeSet::new();
    for Attribute { name, .. } in attributes {
        if !is_name(name) {
            return Err(DefinitionError::Name {
                attribute: name.clone(),
            });
        }
        if !seen.insert(name.to_ascii_lowercase()) {
            return Err(DefinitionError::Twice {
                attribute: name.clone(),
            });
        }
    }
    Ok(())
}

fn check_attribute(attribute: &Attribute) -> Result<(), DefinitionError> {
    let name = || attribute.name.clone();
    if attribute.is_complex() == attribute.sub_attributes.is_empty() {
        return Err(DefinitionError::SubAttributes { attribute: name() });
    }
    let unfillable = attribute.required && attribute.mutability == Mutability::ReadOnly;
    let visible = attribute.mutability == Mutability::WriteOnly && attribute.returned != Returned::Never;
    if unfillable || visible {
        return Err(DefinitionError::Characteristics { attribute: name() });
    }
    Ok(())
}
