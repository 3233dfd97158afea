//! What one route is for, what it takes and what it answers.

use std::collections::BTreeSet;
use std::fmt;

use axum::http::{Method, StatusCode};
use schemars::JsonSchema;
use serde_json::{Map, Value, json};

use super::schema;
use crate::admin::listing::Listing;
use crate::admin::routes::Served;

/// The media type of what is answered line by line.
const LINES: &str = "application/x-ndjson";
/// The media type of refusals (RFC 9457 s4).
const PROBLEM: &str = "application/problem+json";

/// Refusals that any request may meet. The page that documents them says what each means.
const REFUSALS: [(u16, &str); 15] = [
    (
        400,
        "the request is not one that this address takes: `detail` says what to change",
    ),
    (401, "no token, or one that is not good"),
    (
        403,
        "the token does not allow it, or a rule of the organisation refuses it",
    ),
    (
        404,
        "there is no such organisation or thing, or the token may not know of it",
    ),
    (
        409,
        "another change is in the way, or a name is taken, or the same request is still being answered",
    ),
    (412, "the thing has changed since it was read"),
    (413, "the body is too large"),
    (415, "the body is not of a media type that this address takes"),
    (
        422,
        "the body is well formed and refused all the same, or the idempotency key was used for another request",
    ),
    (429, "too many requests: `Retry-After` says how many seconds to wait"),
    (
        500,
        "a fault of the gateway: its log has more under the answer's `x-request-id`",
    ),
    (502, "the directory behind the connection does not answer as it should"),
    (503, "the gateway cannot answer now: try again"),
    (405, "this address does not answer this method"),
    (410, "what was asked for is gone for good"),
];

/// A route's entry in the document.
#[derive(Debug, Clone)]
pub struct Description {
    method: Method,
    path: String,
    summary: String,
    query: Option<Value>,
    body: Option<(&'static str, Value)>,
    is_body_optional: bool,
    answers: Vec<(u16, Option<(&'static str, Value)>)>,
    refusals: BTreeSet<u16>,
    security: Security,
}

/// What a route asks of who calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Security {
    /// An administrator's token.
    Token,
    /// The token of a person's session.
    Session,
    /// Nothing, or a secret in the body.
    None,
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

/// GET of `path`. A path without a slash at its start is one of an organisation: `users` is `/organisations/{org}/users`.
#[must_use]
pub fn get(path: &str, summary: &str) -> Description {
    Description::new(Method::GET, path, summary)
}

/// POST, see [`get`].
#[must_use]
pub fn post(path: &str, summary: &str) -> Description {
    Description::new(Method::POST, path, summary)
}

/// PUT, see [`get`].
#[must_use]
pub fn put(path: &str, summary: &str) -> Description {
    Description::new(Method::PUT, path, summary)
}

/// PATCH, see [`get`].
#[must_use]
pub fn patch(path: &str, summary: &str) -> Description {
    Description::new(Method::PATCH, path, summary)
}

/// DELETE, see [`get`].
#[must_use]
pub fn delete(path: &str, summary: &str) -> Description {
    Description::new(Method::DELETE, path, summary)
}

impl Description {
    fn new(method: Method, path: &str, summary: &str) -> Self {
        let path = match path {
            "" => "/organisations/{org}".to_owned(),
            full if full.starts_with('/') => full.to_owned(),
            below => format!("/organisations/{{org}}/{below}"),
        };
        let mut refusals = BTreeSet::from([400, 401, 403, 429, 500, 503]);
        if path.contains('{') {
            refusals.insert(404);
        }
        if method != Method::GET {
            refusals.extend([409, 412, 422]);
        }
        Self {
            method,
            path,
            summary: summary.to_owned(),
            query: None,
            body: None,
            is_body_optional: false,
            answers: Vec::new(),
            refusals,
            security: Security::Token,
        }
    }

    /// Of a route that nobody has described yet.
    pub(super) fn undescribed(served: &Served) -> Self {
        Self::new(served.method.clone(), &served.path, "")
    }

    pub(super) fn is_of(&self, served: &Served) -> bool {
        self.method == served.method && self.path == served.path
    }

    /// Query parameters: the members of the structure that reads them.
    #[must_use]
    pub fn query<T: JsonSchema>(mut self) -> Self {
        self.query = Some(schema::of::<T>());
        self
    }

    /// A JSON body, as this structure reads it.
    #[must_use]
    pub fn takes<T: JsonSchema>(self) -> Self {
        self.takes_schema(schema::of::<T>())
    }

    /// A JSON body with this schema.
    #[must_use]
    pub fn takes_schema(self, schema: Value) -> Self {
        self.takes_as("application/json", schema)
    }

    /// A body of another media type.
    #[must_use]
    pub fn takes_as(mut self, media_type: &'static str, schema: Value) -> Self {
        self.refusals.extend([413, 415, 422]);
        self.body = Some((media_type, schema));
        self
    }

    /// 200 with JSON.
    #[must_use]
    pub fn answers(self, schema: Value) -> Self {
        self.answers_with(200, "application/json", schema)
    }

    /// 200 with JSON, as this structure is written.
    #[must_use]
    pub fn answers_as<T: JsonSchema>(self) -> Self {
        self.answers(schema::of::<T>())
    }

    /// Query parameters of a list: those of every list, and the members of the structure that reads the others.
    #[must_use]
    pub fn list_query<T: JsonSchema>(mut self) -> Self {
        let mut query = schema::of::<Listing>();
        let more = schema::of::<T>();
        if let (Some(all), Some(more)) = (query["properties"].as_object_mut(), more["properties"].as_object()) {
            all.extend(more.clone());
        }
        self.query = Some(query);
        self
    }

    /// 200 with a page of a list, which takes what every list takes unless [`Description::list_query`] names more.
    #[must_use]
    pub fn answers_list(mut self, of: Value) -> Self {
        if self.query.is_none() {
            self = self.query::<Listing>();
        }
        self.answers(schema::page(of))
    }

    /// 201 with JSON.
    #[must_use]
    pub fn answers_created(self, schema: Value) -> Self {
        self.answers_with(201, "application/json", schema)
    }

    /// 204.
    #[must_use]
    pub fn answers_nothing(self) -> Self {
        self.answers_bare(204)
    }

    /// This status, without a body.
    #[must_use]
    pub fn answers_bare(mut self, status: u16) -> Self {
        self.answers.push((status, None));
        self
    }

    /// 200 with lines of JSON: each one of these.
    #[must_use]
    pub fn answers_lines(self, line: Value) -> Self {
        self.answers_with(200, LINES, line)
    }

    /// This status and media type.
    #[must_use]
    pub fn answers_with(mut self, status: u16, media_type: &'static str, schema: Value) -> Self {
        self.answers.push((status, Some((media_type, schema))));
        self
    }

    /// A refusal that other routes do not have.
    #[must_use]
    pub fn refuses(mut self, status: u16) -> Self {
        self.refusals.insert(status);
        self
    }

    /// Needs no token.
    #[must_use]
    pub fn open(mut self) -> Self {
        self.security = Security::None;
        self
    }

    /// It speaks of something that need not be there, although the address names nothing.
    #[must_use]
    pub fn may_be_missing(mut self) -> Self {
        self.refusals.insert(404);
        self
    }

    /// Is for people who have signed in.
    #[must_use]
    pub fn session(mut self) -> Self {
        self.security = Security::Session;
        self
    }

    /// The body may be missing.
    #[must_use]
    pub fn optional_body(mut self) -> Self {
        self.is_body_optional = true;
        self
    }

    /// The operation object (OpenAPI 3.1 s4.8.10).
    pub(super) fn operation(&self) -> Value {
        let mut responses = Map::new();
        for (status, content) in &self.answers {
            let name = StatusCode::from_u16(*status)
                .ok()
                .and_then(|status| status.canonical_reason());
            let response = responses
                .entry(status.to_string())
                .or_insert_with(|| json!({ "description": name }));
            if let Some((media_type, schema)) = content {
                response["content"][*media_type] = json!({ "schema": schema });
            }
        }
        for status in &self.refusals {
            let reference = json!({ "$ref": format!("#/components/responses/{status}") });
            responses.insert(status.to_string(), reference);
        }
        let mut operation = json!({
            "operationId": self.identifier(),
            "summary": self.summary,
            "tags": [self.tag()],
            "parameters": self.parameters(),
            "responses": responses,
        });
        if let Some((media_type, schema)) = &self.body {
            operation["requestBody"] =
                json!({ "required": !self.is_body_optional, "content": { *media_type: { "schema": schema } } });
        }
        match self.security {
            Security::Token => {}
            Security::Session => operation["security"] = json!([{ "session": [] }]),
            Security::None => operation["security"] = json!([]),
        }
        operation
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.path.split('/').filter(|segment| !segment.is_empty())
    }

    fn identifier(&self) -> String {
        let method = self.method.as_str().to_ascii_lowercase();
        let words = self
            .names()
            .map(|name| name.trim_matches(['{', '}']).replace(['-', '.'], "_"));
        [method].into_iter().chain(words).collect::<Vec<_>>().join("_")
    }

    /// The noun: what comes after the organisation.
    fn tag(&self) -> &str {
        let below = self.names().filter(|name| !name.starts_with('{'));
        let mut nouns = below.skip_while(|name| *name == "organisations" && self.path.matches('/').count() > 2);
        nouns.next().unwrap_or("organisations")
    }

    fn parameters(&self) -> Vec<Value> {
        let places = self.names().filter(|name| name.starts_with('{')).map(|name| {
            let name = name.trim_matches(['{', '}', '*']);
            json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string", "minLength": 1 } })
        });
        let mut parameters: Vec<Value> = places.collect();
        if let Some(query) = &self.query {
            let required = query["required"].as_array();
            let members = query["properties"].as_object();
            parameters.extend(members.into_iter().flatten().map(|(name, schema)| {
                let is_required = required.is_some_and(|names| names.iter().any(|required| required == name));
                json!({ "name": name, "in": "query", "required": is_required, "schema": without_null(schema) })
            }));
        }
        if self.method != Method::GET && self.security == Security::Token {
            parameters.push(json!({ "$ref": "#/components/parameters/idempotency-key" }));
        }
        parameters
    }
}

/// A query has no null: what is not given is left out.
fn without_null(schema: &Value) -> Value {
    let mut schema = schema.clone();
    if let Some(types) = schema.get("type").and_then(Value::as_array) {
        let left: Vec<&Value> = types.iter().filter(|name| *name != "null").collect();
        if let [only] = left.as_slice() {
            schema["type"] = (*only).clone();
        }
    }
    if let Some([one, null]) = schema.get("anyOf").and_then(Value::as_array).map(Vec::as_slice)
        && *null == json!({ "type": "null" })
    {
        schema = one.clone();
    }
    if let Some(words) = schema.get_mut("enum").and_then(Value::as_array_mut) {
        words.retain(|word| !word.is_null());
    }
    if let Some(members) = schema.as_object_mut()
        && members.get("default").is_some_and(Value::is_null)
    {
        members.remove("default");
    }
    schema
}

/// The refusals, by status, for the document's `components`.
pub(super) fn responses() -> Map<String, Value> {
    let schema = schema::object(
        [
            ("type", schema::text()),
            ("title", schema::text()),
            ("status", schema::integer()),
            ("detail", schema::text()),
        ],
        [],
    );
    let response = |(status, meaning): (u16, &str)| {
        let content = json!({ "description": meaning, "content": { PROBLEM: { "schema": schema } } });
        (status.to_string(), content)
    };
    REFUSALS.into_iter().map(response).collect()
}

/// Parameters of many routes, for the document's `components`.
pub(super) fn parameters() -> Value {
    json!({
        "idempotency-key": {
            "name": "Idempotency-Key",
            "in": "header",
            "required": false,
            "description": "a value that the client makes for one change: sent again with the same request within a day, the \
                            first answer comes again and nothing is done twice",
            "schema": { "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$" },
        },
    })
}
