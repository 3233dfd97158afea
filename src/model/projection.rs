//! Which attributes an answer shows (RFC 7644 section 3.9, RFC 7643 section 7 `returned`).

use serde_json::Value;
use thiserror::Error;

use super::Object;
use super::attribute::AttributePath;
use super::schema::{Attribute, Resolved, Returned, SchemaSet};
use super::scim_type::ScimType;

/// Why the parameters are refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ProjectionError {
    /// The two parameters exclude each other (RFC 7644 section 3.9).
    #[error("\"attributes\" and \"excludedAttributes\" cannot be used together; send one of them")]
    Both,
}

impl ProjectionError {
    /// The keyword of RFC 7644 section 3.12.
    #[must_use]
    pub fn scim_type(&self) -> ScimType {
        match self {
            Self::Both => ScimType::InvalidValue,
        }
    }
}

/// What a client wants to see of resources of one type.
#[derive(Debug, Clone)]
pub struct Projection {
    schemas: SchemaSet,
    selection: Selection,
}

#[derive(Debug, Clone)]
enum Selection {
    /// The attributes that are returned by default.
    Default,
    /// These, and those that are always returned.
    Only(Vec<Selector>),
    /// Those that are returned by default, without these.
    Except(Vec<Selector>),
}

/// One entry of a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Selector {
    /// An attribute or sub-attribute, canonical.
    Path(AttributePath),
    /// A whole extension.
    Extension(String),
}

/// How much of an attribute is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Share<'a> {
    Nothing,
    Whole,
    /// These sub-attributes, and those that are always returned.
    Only(Vec<&'a str>),
    /// All sub-attributes but these.
    Except(Vec<&'a str>),
}

impl Projection {
    /// What is shown when the client does not say.
    #[must_use]
    pub fn standard(schemas: &SchemaSet) -> Self {
        Self {
            schemas: schemas.clone(),
            selection: Selection::Default,
        }
    }

    /// Reads the values of `attributes` and `excludedAttributes`: lists of names, separated by commas. Names that nobody
    /// defined select nothing.
    ///
    /// # Errors
    ///
    /// [`ProjectionError::Both`].
    pub fn parse(
        attributes: Option<&str>,
        excluded_attributes: Option<&str>,
        schemas: &SchemaSet,
    ) -> Result<Self, ProjectionError> {
        let given = |list: Option<&str>| {
            let names = list?.split(',').map(str::trim).filter(|name| !name.is_empty());
            let mut names = names.peekable();
            names.peek()?;
            Some(names.filter_map(|name| selector(schemas, name)).collect::<Vec<_>>())
        };
        let selection = match (given(attributes), given(excluded_attributes)) {
            (Some(_), Some(_)) => return Err(ProjectionError::Both),
            (Some(only), None) => Selection::Only(only),
            (None, Some(except)) => Selection::Except(except),
            (None, None) => Selection::Default,
        };
        Ok(Self {
            schemas: schemas.clone(),
            selection,
        })
    }

    /// Whether the attribute would be shown if the resource had it, so that a reader knows what it can leave in the
    /// store. `name` is an attribute, with the URN of its extension if it has one.
    #[must_use]
    pub fn wants(&self, name: &str) -> bool {
        let path = name.parse::<AttributePath>().ok();
        let resolved = path.as_ref().and_then(|path| self.schemas.resolve(path));
        resolved.is_some_and(|resolved| self.share(&Resolved { sub: None, ..resolved }) != Share::Nothing)
    }

    /// The part of a canonical resource that is shown, with `schemas`: the core schema and the extensions that are in it.
    #[must_use]
    pub fn apply(&self, resource: &Object) -> Object {
        let mut shown = Object::new();
        for (key, value) in resource {
            if let Some(extension) = self.schemas.extension(key) {
                let Value::Object(object) = value else { continue };
                let part: Object = object
                    .iter()
                    .filter_map(|(name, value)| {
                        let attribute = extension.attribute(name)?;
                        self.part(
                            &Resolved {
                                extension: Some(&extension.id),
                                attribute,
                                sub: None,
                            },
                            value,
                        )
                    })
                    .collect();
                if !part.is_empty() {
                    shown.insert(extension.id.clone(), Value::Object(part));
                }
            } else if self.schemas.is_foreign(key) {
                if self.shows_opaque(key) {
                    shown.insert(key.clone(), value.clone());
                }
            } else if key != "schemas"
                && let Some(attribute) = self.schemas.core_attribute(key)
                && let Some((name, part)) = self.part(
                    &Resolved {
                        extension: None,
                        attribute,
                        sub: None,
                    },
                    value,
                )
            {
                shown.insert(name, part);
            }
        }
        let schemas = self.schemas.schemas_of(&shown).into_iter().map(Value::from).collect();
        shown.insert("schemas".to_owned(), Value::Array(schemas));
        shown
    }

    /// Whether an extension is shown that was kept although no schema defines it.
    fn shows_opaque(&self, urn: &str) -> bool {
        let is_named = |selectors: &[Selector]| {
            let mut selectors = selectors.iter();
            selectors.any(|selector| matches!(selector, Selector::Extension(name) if name.eq_ignore_ascii_case(urn)))
        };
        match &self.selection {
            Selection::Default => true,
            Selection::Only(selectors) => is_named(selectors),
            Selection::Except(selectors) => !is_named(selectors),
        }
    }

    fn part(&self, resolved: &Resolved<'_>, value: &Value) -> Option<(String, Value)> {
        let share = self.share(resolved);
        if share == Share::Nothing {
            return None;
        }
        let value = if resolved.attribute.is_complex() {
            trimmed(resolved.attribute, value, &share)?
        } else {
            value.clone()
        };
        Some((resolved.attribute.name.clone(), value))
    }

    fn share(&self, resolved: &Resolved<'_>) -> Share<'_> {
        let always = match resolved.attribute.returned {
            Returned::Never => return Share::Nothing,
            Returned::Always => true,
            Returned::Default | Returned::Request => false,
        };
        if resolved.attribute.is_secret() {
            return Share::Nothing;
        }
        let path = resolved.path();
        match &self.selection {
            _ if always => Share::Whole,
            Selection::Default if resolved.attribute.returned == Returned::Request => Share::Nothing,
            Selection::Default => Share::Whole,
            Selection::Only(selectors) => match subs(selectors, &path) {
                (true, _) => Share::Whole,
                (false, subs) if subs.is_empty() => Share::Nothing,
                (false, subs) => Share::Only(subs),
            },
            Selection::Except(_) if resolved.attribute.returned == Returned::Request => Share::Nothing,
            Selection::Except(selectors) => match subs(selectors, &path) {
                (true, _) => Share::Nothing,
                (false, subs) if subs.is_empty() => Share::Whole,
                (false, subs) => Share::Except(subs),
            },
        }
    }
}

fn selector(schemas: &SchemaSet, name: &str) -> Option<Selector> {
    if let Some(extension) = schemas.extension(name) {
        return Some(Selector::Extension(extension.id.clone()));
    }
    let path = name.parse::<AttributePath>().ok();
    match path.and_then(|path| Some(schemas.resolve(&path)?.path())) {
        Some(path) => Some(Selector::Path(path)),
        None => schemas.is_foreign(name).then(|| Selector::Extension(name.to_owned())),
    }
}

/// Whether the whole attribute is selected, and which of its sub-attributes are.
fn subs<'a>(selectors: &'a [Selector], path: &AttributePath) -> (bool, Vec<&'a str>) {
    let mut subs = Vec::new();
    for selector in selectors {
        match selector {
            Selector::Extension(urn) if path.schema.as_ref() == Some(urn) => return (true, Vec::new()),
            Selector::Path(selected) if selected.name == path.name && selected.schema == path.schema => {
                match &selected.sub {
                    None => return (true, Vec::new()),
                    Some(sub) => subs.push(sub.as_str()),
                }
            }
            Selector::Extension(_) | Selector::Path(_) => {}
        }
    }
    (false, subs)
}

/// A complex value without the sub-attributes that are not shown; `None` when nothing is left.
fn trimmed(attribute: &Attribute, value: &Value, share: &Share<'_>) -> Option<Value> {
    match value {
        Value::Array(elements) => {
            let shown: Vec<_> = elements
                .iter()
                .filter_map(|element| trimmed(attribute, element, share))
                .collect();
            (!shown.is_empty()).then_some(Value::Array(shown))
        }
        Value::Object(object) => {
            let shown: Object = object
                .iter()
                .filter(|(name, _)| attribute.sub_attribute(name).is_some_and(|sub| is_shown(sub, share)))
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect();
            (!shown.is_empty()).then_some(Value::Object(shown))
        }
        simple => Some(simple.clone()),
    }
}

fn is_shown(sub: &Attribute, share: &Share<'_>) -> bool {
    let named = |subs: &[&str]| subs.contains(&sub.name.as_str());
    match sub.returned {
        Returned::Never => false,
        Returned::Always => true,
        Returned::Default | Returned::Request if sub.is_secret() => false,
        Returned::Default => match share {
            Share::Nothing => false,
            Share::Whole => true,
            Share::Only(subs) => named(subs),
            Share::Except(subs) => !named(subs),
        },
        Returned::Request => matches!(share, Share::Only(subs) if named(subs)),
    }
}
