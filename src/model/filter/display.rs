//! A filter as text: what parses back to the same filter.

use std::fmt::{self, Display, Formatter};

use serde_json::Value;

use super::{Filter, Literal};

impl Display for Literal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            // JSON's own escapes.
            Self::String(text) => write!(f, "{}", Value::String(text.clone())),
            Self::Number(number) => write!(f, "{number}"),
            Self::Boolean(boolean) => write!(f, "{boolean}"),
            Self::Null => f.write_str("null"),
        }
    }
}

impl Display for Filter {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::And(parts) => join(f, parts, " and "),
            Self::Or(parts) => join(f, parts, " or "),
            Self::Not(part) => write!(f, "not ({part})"),
            Self::Compare {
                path,
                operator,
                literal,
                ..
            } => write!(f, "{path} {} {literal}", operator.as_str()),
            Self::Present { path, .. } => write!(f, "{path} pr"),
            Self::Values { path, filter, .. } => write!(f, "{path}[{filter}]"),
        }
    }
}

fn join(f: &mut Formatter<'_>, parts: &[Filter], word: &str) -> fmt::Result {
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            f.write_str(word)?;
        }
        if matches!(part, Filter::And(_) | Filter::Or(_)) {
            write!(f, "({part})")?;
        } else {
            write!(f, "{part}")?;
        }
    }
    Ok(())
}
