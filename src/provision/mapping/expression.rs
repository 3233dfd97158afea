//! One CEL expression: compiled and checked once, evaluated for each person within bounds.
//!
//! CEL has no unbounded loops, but nested ones over long lists, and texts that double with every step, can still take
//! hours. `bounds.rs` refuses such expressions when they are compiled; this file bounds what goes in.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, OnceLock};

use cel::{Context, Env, ExecutionError, Program, extensions};
use serde_json::{Map, Value};
use thiserror::Error;

use super::bounds::{self, Uses};

/// Characters of one expression.
pub const TEXT_CHARS_MAX: usize = 2_000;
/// Values of one attribute, or groups of one person, that an expression may see.
pub const VALUES_MAX: usize = 2_000;
/// Bytes of all texts that an expression may see of one person.
pub const INPUT_BYTES_MAX: usize = 256 * 1024;

/// Why an expression cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ExpressionError {
    /// Longer than any rule needs to be.
    #[error("the expression has {chars} characters, at most {TEXT_CHARS_MAX} are allowed; split the rule")]
    TooLong {
        /// Its length.
        chars: usize,
    },
    /// Not CEL.
    #[error("line {line}, column {column}: {message}")]
    Syntax {
        /// Counted from 1.
        line: i64,
        /// Counted from 1.
        column: i64,
        /// What the parser says.
        message: String,
    },
    /// A name that stands for nothing here.
    #[error("line {line}, column {column}: {name:?} is not known here; known are {known}")]
    UnknownName {
        /// The name.
        name: String,
        /// Counted from 1.
        line: i64,
        /// Counted from 1.
        column: i64,
        /// What may be used, as a list for people.
        known: String,
    },
    /// `source` without the name of an attribute.
    #[error("line {line}, column {column}: write source.attribute or source[\"attribute\"], not source alone")]
    BareSource {
        /// Counted from 1.
        line: i64,
        /// Counted from 1.
        column: i64,
    },
    /// It could run for very long, or fill the memory.
    #[error("the expression may do too much work: {what}; make it simpler")]
    TooMuchWork {
        /// Which bound it passes.
        what: &'static str,
    },
    /// The person has more than an expression may see.
    #[error("the entry has more than an expression may see: {what}")]
    TooMuchInput {
        /// Which bound it passes.
        what: String,
    },
    /// It failed for this person.
    #[error("evaluation failed: {message}")]
    Failed {
        /// What the interpreter says, shortened.
        message: String,
    },
    /// A condition that is neither true nor false.
    #[error("a condition must yield true or false, this one yields {found}")]
    NotACondition {
        /// The kind of value.
        found: &'static str,
    },
    /// A result that JSON does not have.
    #[error("the result is {found}, which no attribute can hold")]
    NotAValue {
        /// The kind of value.
        found: &'static str,
    },
}

/// What an expression may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vocabulary {
    /// `source` only: attribute rules.
    Source,
    /// `source`, `user` and `groups`: grant rules.
    Person,
}

impl Vocabulary {
    pub(super) const fn names(self) -> &'static [&'static str] {
        match self {
            Self::Source => &["source"],
            Self::Person => &["source", "user", "groups"],
        }
    }
}

/// What an expression is evaluated against.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// The source's attributes, by lower-case name.
    pub source: &'a BTreeMap<String, Vec<String>>,
    /// The mapped attributes.
    pub user: Option<&'a Map<String, Value>>,
    /// Names of the source's groups.
    pub groups: &'a [String],
}

/// A compiled expression.
#[derive(Debug)]
pub struct Expression {
    program: Program,
    uses: Uses,
}

impl Expression {
    /// Compiles and checks.
    ///
    /// # Errors
    /// [`ExpressionError`] with the place in the text.
    pub fn compile(text: &str, vocabulary: Vocabulary) -> Result<Self, ExpressionError> {
        let chars = text.chars().count();
        if chars > TEXT_CHARS_MAX {
            return Err(ExpressionError::TooLong { chars });
        }
        let program = environment().compile(text).map_err(|errors| {
            let first = errors.errors.first();
            let (line, column) = first.map_or((1, 1), |error| error.pos);
            ExpressionError::Syntax {
                line: line as i64,
                column: column as i64,
                message: first.map_or_else(|| "not an expression".to_owned(), |error| error.msg.clone()),
            }
        })?;
        let uses = bounds::check(&program, text, vocabulary)?;
        Ok(Self { program, uses })
    }

    /// The attributes of the source that it names, lower case.
    pub fn source_attributes(&self) -> impl Iterator<Item = String> {
        self.uses.source.iter().map(|name| name.to_ascii_lowercase())
    }

    /// Whether it names the person's groups.
    #[must_use]
    pub fn uses_groups(&self) -> bool {
        self.uses.groups
    }

    /// Whether it names the person's attributes.
    #[must_use]
    pub fn uses_user(&self) -> bool {
        self.uses.user
    }

    /// Evaluates a condition. What is absent matches nothing: a missing key or list element makes it false.
    ///
    /// # Errors
    /// [`ExpressionError`] when it fails otherwise or yields something else than true or false.
    pub fn holds(&self, input: Input<'_>) -> Result<bool, ExpressionError> {
        match self.execute(input)? {
            None => Ok(false),
            Some(cel::Value::Bool(held)) => Ok(held),
            Some(other) => Err(ExpressionError::NotACondition { found: kind(&other) }),
        }
    }

    /// Evaluates to a value. What is absent yields nothing.
    ///
    /// # Errors
    /// [`ExpressionError`] when it fails otherwise or yields what JSON does not have.
    pub fn value(&self, input: Input<'_>) -> Result<Option<Value>, ExpressionError> {
        self.execute(input)?.as_ref().map(to_json).transpose()
    }

    fn execute(&self, input: Input<'_>) -> Result<Option<cel::Value>, ExpressionError> {
        let mut context = Context::with_env(environment());
        self.bind(&mut context, input)?;
        match self.program.execute(&context) {
            Ok(value) => Ok(Some(value)),
            Err(ExecutionError::NoSuchKey(_) | ExecutionError::IndexOutOfBounds(_)) => Ok(None),
            Err(error) => Err(ExpressionError::Failed {
                message: error.to_string().chars().take(300).collect(),
            }),
        }
    }

    /// Only what the expression names is handed over, under the spelling that it uses.
    fn bind(&self, context: &mut Context<'_, '_>, input: Input<'_>) -> Result<(), ExpressionError> {
        let mut bytes = 0;
        let mut source: HashMap<String, Vec<String>> = HashMap::new();
        for name in &self.uses.source {
            let found = input.source.get(&name.to_ascii_lowercase());
            if let Some(values) = found {
                check_count(name, values.len())?;
                bytes += values.iter().map(String::len).sum::<usize>();
                source.insert(name.clone(), values.clone());
            } else if !self.uses.tested.contains(name) {
                // An attribute that the author does not test with has() is an empty list when it is absent.
                source.insert(name.clone(), Vec::new());
            }
        }
        context.add_variable_from_value("source", source);
        if self.uses.groups {
            check_count("groups", input.groups.len())?;
            bytes += input.groups.iter().map(String::len).sum::<usize>();
            context.add_variable_from_value("groups", input.groups.to_vec());
        }
        if self.uses.user {
            let user = Value::Object(input.user.cloned().unwrap_or_default());
            let (size, value) = from_json(&user);
            bytes += size;
            context.add_variable_from_value("user", value);
        }
        if bytes > INPUT_BYTES_MAX {
            let what = format!("{bytes} bytes, at most {INPUT_BYTES_MAX}");
            return Err(ExpressionError::TooMuchInput { what });
        }
        Ok(())
    }
}

fn check_count(name: &str, count: usize) -> Result<(), ExpressionError> {
    if count <= VALUES_MAX {
        return Ok(());
    }
    let what = format!("{count} values of {name}, at most {VALUES_MAX}");
    Err(ExpressionError::TooMuchInput { what })
}

/// The standard functions and those on texts (`lowerAscii`, `split`, `join`, ...).
fn environment() -> Arc<Env> {
    static ENVIRONMENT: OnceLock<Arc<Env>> = OnceLock::new();
    let made = ENVIRONMENT.get_or_init(|| {
        let mut environment = Env::stdlib();
        // Adding the extension fails only when its functions are there already, and then they are there.
        let _ = environment.add_extension(extensions::strings);
        Arc::new(environment)
    });
    Arc::clone(made)
}

/// The value with the number of bytes that its texts take.
fn from_json(value: &Value) -> (usize, cel::Value) {
    match value {
        Value::Null => (0, cel::Value::Null),
        Value::Bool(flag) => (1, cel::Value::Bool(*flag)),
        Value::Number(number) => (
            8,
            number
                .as_i64()
                .map_or_else(|| cel::Value::Float(number.as_f64().unwrap_or(0.0)), cel::Value::Int),
        ),
        Value::String(text) => (text.len(), text.as_str().into()),
        Value::Array(items) => {
            let (sizes, items): (Vec<usize>, Vec<cel::Value>) = items.iter().map(from_json).unzip();
            (sizes.iter().sum(), items.into())
        }
        Value::Object(members) => {
            let mut size = 0;
            let mut map: HashMap<String, cel::Value> = HashMap::new();
            for (name, member) in members {
                let (bytes, member) = from_json(member);
                size += bytes + name.len();
                map.insert(name.clone(), member);
            }
            (size, map.into())
        }
    }
}

fn to_json(value: &cel::Value) -> Result<Value, ExpressionError> {
    Ok(match value {
        cel::Value::Null => Value::Null,
        cel::Value::Bool(flag) => (*flag).into(),
        cel::Value::Int(number) => (*number).into(),
        cel::Value::UInt(number) => (*number).into(),
        cel::Value::Float(number) => (*number).into(),
        cel::Value::String(text) => text.as_str().into(),
        cel::Value::List(items) => Value::Array(items.iter().map(to_json).collect::<Result<_, _>>()?),
        cel::Value::Map(map) => {
            let members: BTreeMap<String, &cel::Value> =
                map.map.iter().map(|(key, member)| (key.to_string(), member)).collect();
            let members = members.into_iter().map(|(key, member)| Ok((key, to_json(member)?)));
            Value::Object(members.collect::<Result<Map<_, _>, ExpressionError>>()?)
        }
        other => return Err(ExpressionError::NotAValue { found: kind(other) }),
    })
}

fn kind(value: &cel::Value) -> &'static str {
    match value {
        cel::Value::Null => "null",
        cel::Value::Bool(_) => "a boolean",
        cel::Value::Int(_) | cel::Value::UInt(_) | cel::Value::Float(_) => "a number",
        cel::Value::String(_) => "a text",
        cel::Value::List(_) => "a list",
        cel::Value::Map(_) => "a map",
        cel::Value::Bytes(_) => "bytes",
        _ => "another kind of value",
    }
}

/// The names of all source attributes that some expressions read, lower case.
pub fn source_names<'a>(expressions: impl IntoIterator<Item = &'a Expression>) -> BTreeSet<String> {
    expressions
        .into_iter()
        .flat_map(Expression::source_attributes)
        .collect()
}
