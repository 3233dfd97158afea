//! Everything that is known about the attributes of one resource type.

use std::sync::Arc;

use super::{
    Attribute, COMMON, ENTERPRISE_USER, GROUP, LICENCE, ROLE, ResourceType, Schema, SchemaExtension, USER, USHER_GROUP,
    USHER_LICENCE, USHER_ROLE, USHER_USER,
};
use crate::model::Object;
use crate::model::attribute::{AttributePath, is_urn};

/// A resource type with its core schema and its extensions. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SchemaSet(Arc<Definitions>);

#[derive(Debug)]
struct Definitions {
    resource_type: ResourceType,
    core: Arc<Schema>,
    extensions: Vec<Arc<Schema>>,
    /// Core attributes that are edges in the store and never part of a stored resource.
    edges: Vec<String>,
}

/// An attribute that was looked up.
#[derive(Debug, Clone, Copy)]
pub struct Resolved<'a> {
    /// The URN of the extension; `None` for common and core attributes.
    pub extension: Option<&'a str>,
    /// The attribute.
    pub attribute: &'a Attribute,
    /// The sub-attribute, when the path names one.
    pub sub: Option<&'a Attribute>,
}

impl Resolved<'_> {
    /// The canonical path.
    #[must_use]
    pub fn path(&self) -> AttributePath {
        AttributePath {
            schema: self.extension.map(str::to_owned),
            name: self.attribute.name.clone(),
            sub: self.sub.map(|sub| sub.name.clone()),
        }
    }

    /// The definition of what the path names: the sub-attribute if there is one.
    #[must_use]
    pub fn leaf(&self) -> &Attribute {
        self.sub.unwrap_or(self.attribute)
    }
}

impl SchemaSet {
    /// A set of a resource type without extensions. `edges` names core attributes that are answered by an index and
    /// never stored with the resource, such as `members`.
    #[must_use]
    pub fn new(resource_type: ResourceType, core: Arc<Schema>, edges: &[&str]) -> Self {
        Self(Arc::new(Definitions {
            resource_type,
            core,
            extensions: Vec::new(),
            edges: edges.iter().map(|&edge| edge.to_owned()).collect(),
        }))
    }

    /// The same set with one more extension, for example the custom attributes of an organisation.
    #[must_use]
    pub fn with_extension(&self, extension: Arc<Schema>, required: bool) -> Self {
        let mut resource_type = self.0.resource_type.clone();
        resource_type.schema_extensions.push(SchemaExtension {
            schema: extension.id.clone(),
            required,
        });
        let mut extensions = self.0.extensions.clone();
        extensions.push(extension);
        Self(Arc::new(Definitions {
            resource_type,
            core: Arc::clone(&self.0.core),
            extensions,
            edges: self.0.edges.clone(),
        }))
    }

    /// The same set, where the attributes of another resource type are known too and never have a value: a filter over
    /// several types names attributes that only one of them has (RFC 7644 section 3.4.2.1).
    #[must_use]
    pub fn across(&self, other: &Self) -> Self {
        let mut core = (*self.0.core).clone();
        let foreign = other.0.core.attributes.iter();
        core.attributes.extend(
            foreign
                .filter(|attribute| self.0.core.attribute(&attribute.name).is_none())
                .cloned(),
        );
        let mut extensions = self.0.extensions.clone();
        let unknown = other
            .schemas()
            .filter(|schema| self.extension(&schema.id).is_none() && !self.is_core(&schema.id));
        extensions.extend(unknown.cloned());
        Self(Arc::new(Definitions {
            resource_type: self.0.resource_type.clone(),
            core: Arc::new(core),
            extensions,
            edges: self.0.edges.clone(),
        }))
    }

    /// User with the enterprise extension and Usher's own; `groups` is an edge.
    #[must_use]
    pub fn user() -> Self {
        Self::new(
            ResourceType::new("User", "User Account", "/Users", &USER.id),
            Arc::clone(&USER),
            &["groups"],
        )
        .with_extension(Arc::clone(&ENTERPRISE_USER), false)
        .with_extension(Arc::clone(&USHER_USER), false)
    }

    /// Group with Usher's own extension; `members` is an edge.
    #[must_use]
    pub fn group() -> Self {
        Self::new(
            ResourceType::new("Group", "Group", "/Groups", &GROUP.id),
            Arc::clone(&GROUP),
            &["members"],
        )
        .with_extension(Arc::clone(&USHER_GROUP), false)
    }

    /// Role with Usher's own extension.
    #[must_use]
    pub fn role() -> Self {
        let resource_type = ResourceType::new("Role", "Role that a user can hold", "/Roles", &ROLE.id);
        Self::new(resource_type, Arc::clone(&ROLE), &[]).with_extension(Arc::clone(&USHER_ROLE), false)
    }

    /// Licence with Usher's own extension.
    #[must_use]
    pub fn licence() -> Self {
        let resource_type = ResourceType::new("Licence", "Licence with seats", "/Licences", &LICENCE.id);
        Self::new(resource_type, Arc::clone(&LICENCE), &[]).with_extension(Arc::clone(&USHER_LICENCE), false)
    }

    /// The resource type.
    #[must_use]
    pub fn resource_type(&self) -> &ResourceType {
        &self.0.resource_type
    }

    /// The core schema.
    #[must_use]
    pub fn core(&self) -> &Schema {
        &self.0.core
    }

    /// The extensions, in the order in which they were added.
    #[must_use]
    pub fn extensions(&self) -> &[Arc<Schema>] {
        &self.0.extensions
    }

    /// The core schema and the extensions, as `/Schemas` lists them.
    pub fn schemas(&self) -> impl Iterator<Item = &Arc<Schema>> {
        std::iter::once(&self.0.core).chain(&self.0.extensions)
    }

    /// The extension of this URN, in any case (RFC 7644 section 3.10).
    #[must_use]
    pub fn extension(&self, urn: &str) -> Option<&Schema> {
        self.0
            .extensions
            .iter()
            .find(|schema| schema.id.eq_ignore_ascii_case(urn))
            .map(AsRef::as_ref)
    }

    /// Whether the text is the URN of the core schema.
    #[must_use]
    pub fn is_core(&self, urn: &str) -> bool {
        self.0.core.id.eq_ignore_ascii_case(urn)
    }

    /// Whether the text is the URN of a schema that the resource type does not have.
    #[must_use]
    pub fn is_foreign(&self, urn: &str) -> bool {
        is_urn(urn) && !self.is_core(urn) && self.extension(urn).is_none()
    }

    /// Whether the core attribute of this canonical name is an edge.
    #[must_use]
    pub fn is_edge(&self, name: &str) -> bool {
        self.0.edges.iter().any(|edge| edge == name)
    }

    /// The common or core attribute of this name, in any case.
    #[must_use]
    pub fn core_attribute(&self, name: &str) -> Option<&Attribute> {
        COMMON.attribute(name).or_else(|| self.0.core.attribute(name))
    }

    /// Looks an attribute up (RFC 7644 section 3.10): all parts in any case. A name without a URN is a common or core
    /// attribute, else the attribute of the only extension that defines it, as clients write `manager eq "..."`.
    /// `None` when the attribute or the sub-attribute is unknown.
    #[must_use]
    pub fn resolve(&self, path: &AttributePath) -> Option<Resolved<'_>> {
        let (extension, attribute) = match &path.schema {
            Some(urn) if self.is_core(urn) => (None, self.core_attribute(&path.name)?),
            Some(urn) => {
                let schema = self.extension(urn)?;
                (Some(schema.id.as_str()), schema.attribute(&path.name)?)
            }
            None => self.unqualified(&path.name)?,
        };
        let sub = match &path.sub {
            Some(sub) => Some(attribute.sub_attribute(sub)?),
            None => None,
        };
        Some(Resolved {
            extension,
            attribute,
            sub,
        })
    }

    fn unqualified(&self, name: &str) -> Option<(Option<&str>, &Attribute)> {
        if let Some(attribute) = self.core_attribute(name) {
            return Some((None, attribute));
        }
        let mut found = self
            .0
            .extensions
            .iter()
            .filter_map(|schema| Some((Some(schema.id.as_str()), schema.attribute(name)?)));
        let first = found.next()?;
        // Two extensions with the same name: the client has to say which.
        found.next().is_none().then_some(first)
    }

    /// The value of `schemas` (RFC 7643 section 3): the core schema and the extensions that the resource has, also those that
    /// were kept although no schema defines them.
    #[must_use]
    pub fn schemas_of<'a>(&'a self, resource: &'a Object) -> Vec<&'a str> {
        std::iter::once(self.0.core.id.as_str())
            .chain(
                self.0
                    .extensions
                    .iter()
                    .map(|schema| schema.id.as_str())
                    .filter(|id| resource.contains_key(*id)),
            )
            .chain(resource.keys().map(String::as_str).filter(|key| self.is_foreign(key)))
            .collect()
    }
}
