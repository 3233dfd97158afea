//! Mapping: a connection's rules, compiled once, turn what a source says into the attributes, licences and roles of a user.
//!
//! Rules run in their order. For an attribute of one value the first rule that has one wins; values of attributes such as
//! `emails` add up. Values are trimmed, blank ones are dropped, and the outcome is in canonical form: the schema's
//! spelling, extensions under their URN, nothing empty.

pub mod attributes;
mod bounds;
mod custom_attribute;
pub mod defaults;
pub mod error;
pub mod expression;
pub mod target;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use custom_attribute::CustomTarget;
pub use error::{MappingError, MappingReason, Part, Place};
use expression::{Expression, Input, Vocabulary};
use target::{Target, TargetError};

use crate::model::connection::{AttributeRule, Connection, ConnectionKind, GrantRule};
use crate::model::custom_attribute::CustomSchema;

use super::person::Grants;

/// A larger picture or other binary value is left out: it would not fit into a record.
const BINARY_BYTES_MAX: usize = 24 * 1024;

/// Bytes of a team's name.
const TEAM_BYTES_MAX: usize = 256;

/// What a source says of one person. Names are lower case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceAttributes {
    /// Values that are text.
    pub texts: BTreeMap<String, Vec<String>>,
    /// Values that are not.
    pub binaries: BTreeMap<String, Vec<Vec<u8>>>,
}

/// What the grant rules are evaluated against.
#[derive(Debug, Clone, Copy)]
pub struct GrantContext<'a> {
    /// The source's attributes by lower-case name; empty where the source is SCIM.
    pub source: &'a BTreeMap<String, Vec<String>>,
    /// The mapped attributes in canonical form, `userName` included.
    pub user: &'a Map<String, Value>,
    /// Names of the source's groups that the person is in, nested ones included.
    pub groups: &'a [String],
}

/// A person as the rules make one of an entry.
#[derive(Debug, Clone, PartialEq)]
pub struct MappedPerson {
    /// The login name.
    pub user_name: String,
    /// What a rule for `active` says, if there is one and it has a value.
    pub active: Option<bool>,
    /// Every other attribute, canonical.
    pub attributes: Map<String, Value>,
}

/// A connection's rules, compiled. Cheap to use, made anew when the settings change.
#[derive(Debug)]
pub struct Mapping {
    rules: Vec<Rule>,
    grants: Vec<CompiledGrant>,
    base: Grants,
}

#[derive(Debug)]
struct Rule {
    index: usize,
    to: String,
    sink: Sink,
    when: Option<Expression>,
    from: Supply,
}

/// Where a value goes.
#[derive(Debug)]
enum Sink {
    BuiltIn(Target),
    Custom(CustomTarget),
}

impl Sink {
    fn parse(text: &str, own: Option<&CustomSchema>) -> Result<Self, TargetError> {
        match CustomTarget::parse(text, own) {
            Some(custom) => custom.map(Self::Custom),
            None => Target::parse(text).map(Self::BuiltIn),
        }
    }

    fn is_user_name(&self) -> bool {
        matches!(self, Self::BuiltIn(target) if target.is_user_name())
    }

    /// Bytes of the source in a form that fits, if there is one.
    fn binary(&self, bytes: &[u8]) -> Option<Value> {
        match self {
            // RFC 7643 section 4.1.2: a photo is a URI; a data URI (RFC 2397) carries the picture itself.
            Self::BuiltIn(target) => target
                .takes_binary()
                .then(|| format!("data:image/jpeg;base64,{}", STANDARD.encode(bytes)).into()),
            Self::Custom(target) => target.binary(bytes),
        }
    }

    fn write(&self, attributes: &mut Map<String, Value>, values: Vec<Value>) -> Result<(), MappingReason> {
        match self {
            Self::BuiltIn(target) => target.write(attributes, values),
            Self::Custom(target) => target.write(attributes, values),
        }
    }
}

#[derive(Debug)]
enum Supply {
    Attribute(String),
    Constant(Value),
    Expression(Expression),
}

#[derive(Debug)]
struct CompiledGrant {
    /// Its place in the settings.
    index: usize,
    when: Expression,
    given: Grants,
    priority: u32,
    /// The set of exclusive rules that it belongs to.
    set: Option<String>,
}

/// Compiles a connection's rules and forgets them: what settings must pass before they are stored.
///
/// # Errors
/// [`MappingError`] names the rule, the text at fault and the cure.
pub fn check(connection: &Connection, own: Option<&CustomSchema>) -> Result<(), MappingError> {
    Mapping::compile(connection, own).map(|_| ())
}

impl Mapping {
    /// Compiles a connection's rules; an empty `mapping` of a directory gets [`defaults::ldap`]. `own` are the attributes that
    /// the organisation defines for its users.
    ///
    /// # Errors
    /// [`MappingError`] names the rule, the text at fault and the cure.
    pub fn compile(connection: &Connection, own: Option<&CustomSchema>) -> Result<Self, MappingError> {
        let is_ldap = connection.kind == ConnectionKind::Ldap;
        let defaults = if is_ldap && connection.mapping.is_empty() {
            defaults::ldap()
        } else {
            Vec::new()
        };
        let rules = connection.mapping.iter().chain(&defaults).enumerate();
        let rules = rules.map(|(index, rule)| Rule::compile(index, rule, own));
        let rules = rules.collect::<Result<Vec<_>, _>>()?;
        if is_ldap && !rules.iter().any(|rule| rule.sink.is_user_name()) {
            return Err(MappingReason::NoUserNameRule.at(Place::Mapping));
        }
        let grants = connection.grants.iter().enumerate();
        let grants = grants.map(|(index, rule)| CompiledGrant::compile(index, rule));
        let mut grants = grants.collect::<Result<Vec<_>, _>>()?;
        grants.sort_by_key(|grant| (grant.priority, grant.index));
        Ok(Self {
            rules,
            grants,
            base: Grants::of(connection),
        })
    }

    /// The attributes of the source that any rule reads, as they are to be asked for.
    #[must_use]
    pub fn source_attributes(&self) -> BTreeSet<String> {
        let mut names = self.grant_attributes();
        for rule in &self.rules {
            match &rule.from {
                Supply::Attribute(name) => {
                    names.insert(name.clone());
                }
                Supply::Expression(expression) => names.extend(expression.source_attributes()),
                Supply::Constant(_) => {}
            }
            names.extend(rule.when.iter().flat_map(Expression::source_attributes));
        }
        names
    }

    /// Those that the grant rules read: what must be kept of an entry until its groups are known.
    #[must_use]
    pub fn grant_attributes(&self) -> BTreeSet<String> {
        expression::source_names(self.grants.iter().map(|grant| &grant.when))
    }

    /// Whether everyone simply gets what the connection gives.
    #[must_use]
    pub fn has_no_grant_rules(&self) -> bool {
        self.grants.is_empty()
    }

    /// Whether a grant rule looks at the person's groups.
    #[must_use]
    pub fn needs_groups(&self) -> bool {
        self.grants.iter().any(|grant| grant.when.uses_groups())
    }

    /// Whether a grant rule looks at the person's attributes.
    #[must_use]
    pub fn reads_user(&self) -> bool {
        self.grants.iter().any(|grant| grant.when.uses_user())
    }

    /// The user that the attribute rules make of an entry.
    ///
    /// # Errors
    /// [`MappingError`] names the rule that failed; [`MappingReason::NoUserName`] when none gives a name.
    pub fn person(&self, source: &SourceAttributes) -> Result<MappedPerson, MappingError> {
        let mut attributes = Map::new();
        for rule in &self.rules {
            rule.apply(source, &mut attributes)?;
        }
        target::finish(&mut attributes);
        let Some(Value::String(user_name)) = attributes.remove("userName") else {
            return Err(MappingReason::NoUserName.at(Place::Mapping));
        };
        let active = attributes.remove("active").and_then(|active| active.as_bool());
        Ok(MappedPerson {
            user_name,
            active,
            attributes,
        })
    }

    /// The connection's licences and roles, and what the grant rules give whose conditions hold: of the exclusive rules of
    /// one set the first by priority.
    ///
    /// # Errors
    /// [`MappingError`] names the rule that failed.
    pub fn grants(&self, context: &GrantContext<'_>) -> Result<Grants, MappingError> {
        let mut grants = self.base.clone();
        let input = Input {
            source: context.source,
            user: Some(context.user),
            groups: context.groups,
        };
        let mut decided: BTreeSet<&str> = BTreeSet::new();
        for grant in &self.grants {
            if grant.set.as_deref().is_some_and(|set| decided.contains(set)) {
                continue;
            }
            let (index, holds) = (grant.index, grant.when.holds(input));
            if holds.map_err(|error| MappingReason::from(error).at(Place::Grant { index }))? {
                decided.extend(grant.set.as_deref());
                grants.extend(&grant.given);
            }
        }
        Ok(grants)
    }
}

impl CompiledGrant {
    fn compile(index: usize, rule: &GrantRule) -> Result<Self, MappingError> {
        let when = Expression::compile(&rule.when, Vocabulary::Person);
        let when = when.map_err(|error| MappingReason::from(error).at(Place::Grant { index }))?;
        let is_name = |team: &String| !team.trim().is_empty() && team.trim() == team && team.len() <= TEAM_BYTES_MAX;
        if let Some(wrong) = rule.teams.iter().find(|team| !is_name(team)) {
            let team = wrong.clone();
            return Err(MappingReason::TeamName { team }.at(Place::Teams { index }));
        }
        Ok(Self {
            index,
            when,
            given: Grants {
                licences: rule.licences.clone(),
                roles: rule.roles.clone(),
                teams: rule.teams.clone(),
            },
            priority: rule.priority,
            set: rule.exclusive.then(|| rule.set.clone()),
        })
    }
}

impl Rule {
    fn compile(index: usize, rule: &AttributeRule, own: Option<&CustomSchema>) -> Result<Self, MappingError> {
        let at = |part| {
            move |reason: MappingReason| {
                reason.at(Place::Attribute {
                    index,
                    to: rule.to.clone(),
                    part,
                })
            }
        };
        let sink = Sink::parse(&rule.to, own)
            .map_err(MappingReason::from)
            .map_err(at(Part::Rule))?;
        let expression = |text: &String, part| {
            let compiled = Expression::compile(text, Vocabulary::Source);
            compiled.map_err(MappingReason::from).map_err(at(part))
        };
        let from = match (&rule.from, &rule.value, &rule.expression) {
            (Some(name), None, None) if name.trim().is_empty() => {
                return Err(at(Part::Rule)(MappingReason::BlankFrom));
            }
            (Some(name), None, None) => Supply::Attribute(name.trim().to_ascii_lowercase()),
            (None, Some(value), None) => {
                // A constant that does not fit would fail for everyone: better now.
                let written = sink.write(&mut Map::new(), listed(value.clone()));
                written.map_err(at(Part::Value))?;
                Supply::Constant(value.clone())
            }
            (None, None, Some(text)) => Supply::Expression(expression(text, Part::Expression)?),
            (from, value, text) => {
                let set = [from.is_some(), value.is_some(), text.is_some()];
                let set = set.into_iter().filter(|is_set| *is_set).count();
                return Err(at(Part::Rule)(MappingReason::Sources { set }));
            }
        };
        let when = rule.when.as_ref().map(|text| expression(text, Part::When));
        Ok(Self {
            index,
            to: rule.to.clone(),
            sink,
            when: when.transpose()?,
            from,
        })
    }

    fn apply(&self, source: &SourceAttributes, attributes: &mut Map<String, Value>) -> Result<(), MappingError> {
        let at = |part| {
            move |reason: MappingReason| {
                reason.at(Place::Attribute {
                    index: self.index,
                    to: self.to.clone(),
                    part,
                })
            }
        };
        let input = Input {
            source: &source.texts,
            user: None,
            groups: &[],
        };
        if let Some(when) = &self.when {
            let holds = when.holds(input).map_err(MappingReason::from).map_err(at(Part::When))?;
            if !holds {
                return Ok(());
            }
        }
        let values = match &self.from {
            Supply::Attribute(name) => self.attribute_values(source, name),
            Supply::Constant(value) => listed(value.clone()),
            Supply::Expression(expression) => {
                let value = expression.value(input).map_err(MappingReason::from);
                value.map_err(at(Part::Expression))?.map_or_else(Vec::new, listed)
            }
        };
        if values.is_empty() {
            return Ok(());
        }
        self.sink.write(attributes, values).map_err(at(Part::Rule))
    }

    fn attribute_values(&self, source: &SourceAttributes, name: &str) -> Vec<Value> {
        let texts = source.texts.get(name).into_iter().flatten();
        let mut values: Vec<Value> = texts.map(|text| text.as_str().into()).collect();
        let binaries = source.binaries.get(name).into_iter().flatten();
        let fitting = binaries.filter(|bytes| bytes.len() <= BINARY_BYTES_MAX);
        values.extend(fitting.filter_map(|bytes| self.sink.binary(bytes)));
        values
    }
}

/// A list as its elements, anything else as one.
fn listed(value: Value) -> Vec<Value> {
    match value {
        Value::Array(values) => values,
        Value::Null => Vec::new(),
        value => vec![value],
    }
}
