//! Whether a declared attribute can be used, and whether a declaration may take the place of another.

use thiserror::Error;

use super::{Bearer, CustomAttribute, CustomSubAttribute};
use crate::model::schema::{AttributeType, DefinitionError, Mutability, Schema, SchemaSet};

/// Characters of a name.
const NAME_CHARACTERS_MAX: usize = 64;

/// Why an attribute cannot be declared.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CustomAttributeError {
    /// As a schema it does not hold together.
    #[error(transparent)]
    Definition(#[from] DefinitionError),
    /// The name is too long for filters and keys.
    #[error("name: has {characters} characters, at most {NAME_CHARACTERS_MAX} are allowed: choose a shorter one")]
    LongName {
        /// How many.
        characters: usize,
    },
    /// Clients write names without a URN: two attributes of one name would make them ambiguous.
    #[error("name: {name:?} is an attribute that every {resource_type} has: choose another name")]
    BuiltIn {
        /// The name.
        name: String,
        /// The resource type.
        resource_type: &'static str,
    },
    /// The values have no form that an index could hold.
    #[error("{setting}: an attribute of type {} has no index: use string, integer, dateTime or reference, or leave {setting} out", type_.as_str())]
    NotIndexable {
        /// `unique` or `searchable`.
        setting: &'static str,
        /// The type.
        type_: AttributeType,
    },
    /// Asking for a secret would tell it.
    #[error(
        "{setting}: nobody may read the attribute, and an index would tell its values: leave {setting} out, or change returned"
    )]
    SecretIndex {
        /// `unique` or `searchable`.
        setting: &'static str,
    },
    /// Nobody could see whether it is there.
    #[error("required: a write-only attribute cannot be required: leave one of the two out")]
    RequiredSecret,
    /// Only references point somewhere.
    #[error("reference_types: only an attribute of type reference has them: leave them out")]
    ReferenceTypes,
    /// Values of another type cannot be suggested.
    #[error("canonical_values: only an attribute of type string has them: leave them out")]
    CanonicalValues,
}

/// Why a declaration cannot take the place of another while there are values.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Narrowing {
    /// Another type.
    #[error("type: is {} and has values: declare an attribute of another name, or take the values away first", was.as_str())]
    Type {
        /// The type of the values.
        was: AttributeType,
    },
    /// A list became one value, or the other way round.
    #[error(
        "multi_valued: is {was} and has values: declare an attribute of another name, or take the values away first"
    )]
    MultiValued {
        /// What it is.
        was: bool,
    },
    /// Stored values bear the old spelling.
    #[error("name: is spelled {was:?} and has values: keep the spelling")]
    Spelling {
        /// The spelling of the values.
        was: String,
    },
    /// The index holds the values in the other form.
    #[error(
        "case_exact: cannot change while the attribute has values and is unique or searchable: take those away first"
    )]
    CaseExact,
    /// A sub-attribute is missing or another.
    #[error("sub_attributes: {name:?} has values: keep it as it is")]
    SubAttribute {
        /// The sub-attribute.
        name: String,
    },
}

impl CustomAttribute {
    /// Checks the attribute by itself.
    ///
    /// # Errors
    /// [`CustomAttributeError`] with the setting at fault and the cure.
    pub fn check(&self, bearer: Bearer) -> Result<(), CustomAttributeError> {
        let alone = Schema {
            id: "urn:usher".to_owned(),
            name: String::new(),
            description: String::new(),
            attributes: vec![self.definition()],
        };
        alone.check()?;
        let characters = self.name.chars().count();
        if characters > NAME_CHARACTERS_MAX {
            return Err(CustomAttributeError::LongName { characters });
        }
        let built_in = match bearer {
            Bearer::User => SchemaSet::user(),
            Bearer::Group => SchemaSet::group(),
        };
        let mut extensions = built_in.extensions().iter();
        if built_in.core_attribute(&self.name).is_some()
            || extensions.any(|schema| schema.attribute(&self.name).is_some())
        {
            return Err(CustomAttributeError::BuiltIn {
                name: self.name.clone(),
                resource_type: bearer.resource_type(),
            });
        }
        self.check_index()?;
        if self.required && self.mutability == Mutability::WriteOnly {
            return Err(CustomAttributeError::RequiredSecret);
        }
        check_hints(self.type_, &self.canonical_values, &self.reference_types)?;
        let mut subs = self.sub_attributes.iter();
        subs.try_for_each(|sub| check_hints(sub.type_, &sub.canonical_values, &sub.reference_types))
    }

    fn check_index(&self) -> Result<(), CustomAttributeError> {
        for (setting, is_set) in [("unique", self.unique), ("searchable", self.searchable)] {
            if is_set && !self.can_be_indexed() {
                let type_ = self.type_;
                return Err(CustomAttributeError::NotIndexable { setting, type_ });
            }
            if is_set && self.is_secret() {
                return Err(CustomAttributeError::SecretIndex { setting });
            }
        }
        Ok(())
    }

    /// Whether this declaration may take the place of `before`, of which there are values.
    ///
    /// # Errors
    /// [`Narrowing`] with the setting that would make values unreadable.
    pub fn check_change(&self, before: &Self) -> Result<(), Narrowing> {
        if self.type_ != before.type_ {
            return Err(Narrowing::Type { was: before.type_ });
        }
        if self.multi_valued != before.multi_valued {
            return Err(Narrowing::MultiValued {
                was: before.multi_valued,
            });
        }
        if self.name != before.name {
            return Err(Narrowing::Spelling {
                was: before.name.clone(),
            });
        }
        if self.case_exact != before.case_exact && before.wanted_index().is_some() {
            return Err(Narrowing::CaseExact);
        }
        let form = |sub: &CustomSubAttribute| (sub.name.clone(), sub.type_, sub.multi_valued);
        let kept = |was: &&CustomSubAttribute| !self.sub_attributes.iter().any(|sub| form(sub) == form(was));
        match before.sub_attributes.iter().find(kept) {
            Some(lost) => Err(Narrowing::SubAttribute {
                name: lost.name.clone(),
            }),
            None => Ok(()),
        }
    }
}

fn check_hints(
    type_: AttributeType,
    canonical_values: &[String],
    reference_types: &[String],
) -> Result<(), CustomAttributeError> {
    if !reference_types.is_empty() && type_ != AttributeType::Reference {
        return Err(CustomAttributeError::ReferenceTypes);
    }
    if !canonical_values.is_empty() && type_ != AttributeType::String {
        return Err(CustomAttributeError::CanonicalValues);
    }
    Ok(())
}
