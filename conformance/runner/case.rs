//! A case as it stands in its file. Unknown fields are refused, so that nothing written there is silently ignored.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// The identity of a case that names none.
pub(crate) const USUAL_IDENTITY: &str = "scim";

/// One file of the tree.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    /// A sentence about behaviour.
    pub(crate) name: String,
    /// Where a client's behaviour is known from, for the cases under `clients/`.
    #[serde(default)]
    pub(crate) source: Option<String>,
    /// The requirements that the case shows.
    #[serde(default)]
    pub(crate) cites: Vec<String>,
    /// Whose token the requests show.
    #[serde(default)]
    pub(crate) identity: Option<String>,
    /// The conversation.
    pub(crate) steps: Vec<Step>,
}

/// One request and what its answer must be.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Step {
    /// What the step is for, when that is not plain.
    #[serde(default)]
    pub(crate) note: Option<String>,
    /// The method.
    pub(crate) method: String,
    /// Below the base URL, encoded as the client does.
    pub(crate) path: String,
    /// Whether the path is below the service's own address instead, such as that of its token endpoint.
    #[serde(default)]
    pub(crate) root: bool,
    /// Parameters in clear text; they are appended to the path, percent-encoded.
    #[serde(default)]
    pub(crate) query: BTreeMap<String, Text>,
    /// Headers; null takes a usual one away.
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, Option<String>>,
    /// The body as JSON.
    #[serde(default)]
    pub(crate) body: Option<Value>,
    /// The body as it is.
    #[serde(default)]
    pub(crate) text: Option<Text>,
    /// The body as bytes in hexadecimal, for what is no text.
    #[serde(default)]
    pub(crate) hex: Option<String>,
    /// Whose token this step shows instead of the case's.
    #[serde(default)]
    pub(crate) identity: Option<String>,
    /// Sends the request so many times; `{{n}}` counts from 1.
    #[serde(default)]
    pub(crate) times: Option<u32>,
    /// All of these at once.
    #[serde(default)]
    pub(crate) parallel: bool,
    /// The answer.
    pub(crate) expect: Expectation,
}

/// Text, in pieces where one is too long to be written out.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum Text {
    /// As it is.
    Plain(String),
    /// One after the other.
    Pieces(Vec<Piece>),
}

/// A piece of a text.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum Piece {
    /// As it is.
    Plain(String),
    /// The same again and again.
    Repeated(Repeated),
}

/// The same again and again.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Repeated {
    /// What.
    pub(crate) repeat: String,
    /// How often.
    pub(crate) times: usize,
}

impl Text {
    /// The whole text.
    pub(crate) fn assembled(&self) -> String {
        match self {
            Self::Plain(text) => text.clone(),
            Self::Pieces(pieces) => pieces
                .iter()
                .map(|piece| match piece {
                    Piece::Plain(text) => text.clone(),
                    Piece::Repeated(Repeated { repeat, times }) => repeat.repeat(*times),
                })
                .collect(),
        }
    }
}

/// What an answer must be.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expectation {
    /// The status, or those that are all right.
    pub(crate) status: Status,
    /// Headers: a text must be equal; null must not be there; `{"matches": "..."}` is a regular expression.
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, Option<HeaderRule>>,
    /// A SCIM error (RFC 7644 s3.12) with this `scimType`; `"none"` for an error without one.
    #[serde(default)]
    pub(crate) error: Option<String>,
    /// The body.
    #[serde(default)]
    pub(crate) body: BodyRules,
    /// Variable -> a JSON pointer into the body, or `header:` and a name.
    #[serde(default)]
    pub(crate) capture: BTreeMap<String, String>,
}

/// One status or several.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum Status {
    /// This one.
    One(u16),
    /// One of these.
    Either(Vec<u16>),
}

impl Status {
    /// Whether the status is all right.
    pub(crate) fn allows(&self, status: u16) -> bool {
        match self {
            Self::One(one) => *one == status,
            Self::Either(several) => several.contains(&status),
        }
    }
}

/// What a header must be.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum HeaderRule {
    /// Equal.
    Equal(String),
    /// A regular expression.
    Matches(HeaderPattern),
}

/// A regular expression for a header.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HeaderPattern {
    /// The expression; it may match anywhere.
    pub(crate) matches: String,
}

/// What a body must be. Places are JSON pointers (RFC 6901).
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BodyRules {
    /// There is none.
    #[serde(default)]
    pub(crate) empty: bool,
    /// Everything here is in the body; the elements of arrays in any order.
    #[serde(default)]
    pub(crate) subset: Option<Value>,
    /// The value at the place has this and nothing else; the elements of arrays in any order.
    #[serde(default)]
    pub(crate) equal: BTreeMap<String, Value>,
    /// Nothing is at the place.
    #[serde(default)]
    pub(crate) absent: Vec<String>,
    /// The text or number at the place matches the regular expression.
    #[serde(default)]
    pub(crate) matches: BTreeMap<String, String>,
    /// The array or object at the place has so many members.
    #[serde(default)]
    pub(crate) length: BTreeMap<String, usize>,
    /// The text is nowhere in the body.
    #[serde(default)]
    pub(crate) lacks: Vec<String>,
}
