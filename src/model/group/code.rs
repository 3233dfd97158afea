//! A group's place in the tree as a dotted number: `1`, `1.1`, `1.1.1` (X04-12).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A dotted code. Its last number is never given again among its siblings, so a code stays with its group until the group is
/// moved, and no later group takes it over.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Code(Vec<u32>);

/// The text is not a code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a group's code: write numbers from 1 with dots between them, such as 1.2")]
pub struct NotACode(String);

impl Code {
    /// The code of a child of `above`, or of a group without a parent.
    #[must_use]
    pub fn below(above: Option<&Self>, number: u32) -> Self {
        let mut numbers = above.map(|code| code.0.clone()).unwrap_or_default();
        numbers.push(number);
        Self(numbers)
    }

    /// How many numbers it has: 1 for a group without a parent.
    #[must_use]
    pub fn level(&self) -> u8 {
        u8::try_from(self.0.len()).unwrap_or(u8::MAX)
    }

    /// The place among the siblings.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.0.last().copied().unwrap_or_default()
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers: Vec<String> = self.0.iter().map(u32::to_string).collect();
        f.write_str(&numbers.join("."))
    }
}

impl FromStr for Code {
    type Err = NotACode;

    fn from_str(text: &str) -> Result<Self, NotACode> {
        let number = |part: &str| {
            let number: u32 = part.parse().ok()?;
            // One spelling for each code: no sign, no leading zero.
            (number > 0 && number.to_string() == part).then_some(number)
        };
        let numbers: Option<Vec<u32>> = text.split('.').map(number).collect();
        numbers.map(Self).ok_or_else(|| NotACode(text.to_owned()))
    }
}

impl TryFrom<String> for Code {
    type Error = NotACode;

    fn try_from(text: String) -> Result<Self, NotACode> {
        text.parse()
    }
}

impl From<Code> for String {
    fn from(code: Code) -> Self {
        code.to_string()
    }
}
