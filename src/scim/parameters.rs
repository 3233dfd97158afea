//! What a client asks to see: the parameters of a URL, or the body of a search (RFC 7644 s3.4.2, s3.4.3, s3.9, RFC 9865).

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde_json::Value;

use crate::model::deviation::{Deviation, Strictness};
use crate::model::filter::{Filter, ResolvedFilter};
use crate::model::projection::Projection;
use crate::model::schema::SchemaSet;
use crate::model::scim_type::ScimType;
use crate::model::sort::{SortBy, SortOrder};

use super::Scim;
use super::access::Access;
use super::error::ScimError;

/// The URN of a search request (RFC 7644 s3.4.3).
const SEARCH_REQUEST: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";

/// The parameters of a query. Unknown ones in a URL are ignored: the URL that an administrator types may carry a client's own
/// (idp.md section 1.4).
#[derive(Debug, Default)]
pub(super) struct Parameters {
    pub(super) filter: Option<String>,
    pub(super) sort_by: Option<String>,
    pub(super) sort_order: Option<String>,
    pub(super) start_index: Option<String>,
    pub(super) count: Option<String>,
    /// Present and empty for the first page by cursor (RFC 9865).
    pub(super) cursor: Option<String>,
    pub(super) attributes: Option<String>,
    pub(super) excluded_attributes: Option<String>,
}

/// What resources are sorted by, and from which end.
pub(super) type Order = (SortBy, SortOrder);

impl Parameters {
    fn parse(query: &str) -> Self {
        let mut parameters = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if let Some(slot) = parameters.slot(&name) {
                *slot = Some(value.into_owned());
            }
        }
        parameters
    }

    /// Where the parameter of this name goes, in any case.
    fn slot(&mut self, name: &str) -> Option<&mut Option<String>> {
        Some(match name.to_ascii_lowercase().as_str() {
            "filter" => &mut self.filter,
            "sortby" => &mut self.sort_by,
            "sortorder" => &mut self.sort_order,
            "startindex" => &mut self.start_index,
            "count" => &mut self.count,
            "cursor" => &mut self.cursor,
            "attributes" => &mut self.attributes,
            "excludedattributes" => &mut self.excluded_attributes,
            _ => return None,
        })
    }

    /// Reads the body of a search request, with what was tolerated in it.
    ///
    /// # Errors
    /// `invalidSyntax` for a body that is no object, for a member of the wrong type and, on a strict connection, for
    /// anything that is not exactly a search request.
    pub(super) fn of_search(body: Value, strictness: Strictness) -> Result<(Self, Vec<Deviation>), ScimError> {
        let Value::Object(body) = body else {
            return Err(invalid_syntax("a search request is a JSON object"));
        };
        let mut parameters = Self::default();
        let mut deviations = Vec::new();
        let mut tolerate = |deviation: Deviation, refusal: String| {
            if strictness == Strictness::Strict {
                return Err(invalid_syntax(refusal));
            }
            deviations.push(deviation);
            Ok(())
        };
        let mut declared = false;
        for (name, value) in body {
            if name.eq_ignore_ascii_case("schemas") {
                for urn in urns(&value) {
                    if urn.eq_ignore_ascii_case(SEARCH_REQUEST) {
                        declared = true;
                    } else {
                        let refusal = format!("schemas: a search request has the schema {SEARCH_REQUEST} and no other");
                        tolerate(Deviation::UnknownSchema { urn }, refusal)?;
                    }
                }
                continue;
            }
            let Some(slot) = parameters.slot(&name) else {
                let refusal = format!("a search request has no member {name:?}");
                tolerate(Deviation::UnknownAttribute { attribute: name }, refusal)?;
                continue;
            };
            let form = Form::of(&name);
            if form == Form::Names && value.is_string() {
                // As it is written in a URL: clients turn their queries into searches this way.
                let refusal = format!("{name}: a search request has an array of names here");
                let attribute = name.clone();
                tolerate(Deviation::SingleForMany { attribute }, refusal)?;
            }
            *slot = form.text(&name, value)?;
        }
        if !declared {
            let urn = SEARCH_REQUEST.to_owned();
            let refusal = format!("schemas: a search request names the schema {SEARCH_REQUEST}");
            tolerate(Deviation::CoreSchemaMissing { urn }, refusal)?;
        }
        Ok((parameters, deviations))
    }

    /// Whether the client sent a filter.
    pub(super) fn has_filter(&self) -> bool {
        self.filter.is_some()
    }

    /// Whether `attributes` names this attribute or extension.
    pub(super) fn names(&self, attribute: &str) -> bool {
        let named = self.attributes.as_deref().unwrap_or_default();
        named.split(',').any(|name| name.trim().eq_ignore_ascii_case(attribute))
    }

    /// Whether the client says what it wants to see: a PATCH then answers with the resource (RFC 7644 s3.5.2).
    pub(super) fn asks_for_attributes(&self) -> bool {
        self.attributes.is_some() || self.excluded_attributes.is_some()
    }

    /// What is shown (RFC 7644 s3.9).
    pub(super) fn over(&self, schemas: &SchemaSet) -> Result<Projection, ScimError> {
        let (attributes, excluded) = (self.attributes.as_deref(), self.excluded_attributes.as_deref());
        Ok(Projection::parse(attributes, excluded, schemas)?)
    }

    /// Which resources (RFC 7644 s3.4.2.2).
    pub(super) fn filter(
        &self,
        scim: &Scim,
        access: &Access,
        schemas: &SchemaSet,
    ) -> Result<Option<ResolvedFilter>, ScimError> {
        let Some(text) = &self.filter else { return Ok(None) };
        let filter = Filter::parse(text, scim.settings().filter)?;
        let resolved = filter.resolve(schemas, access.connection.strictness)?;
        access.journal("filter", resolved.deviations());
        Ok(Some(resolved))
    }

    /// In which order (RFC 7644 s3.4.2.3): an order without an attribute says nothing, but must be one.
    pub(super) fn sort(&self, access: &Access, schemas: &SchemaSet) -> Result<Option<Order>, ScimError> {
        let given = |text: &&str| !text.trim().is_empty();
        let order = self.sort_order.as_deref().filter(given).map(str::trim);
        let order = order.map(SortOrder::parse).transpose()?.unwrap_or_default();
        let by = self.sort_by.as_deref().filter(given).map(str::trim);
        let Some(text) = by else { return Ok(None) };
        let (by, deviations) = SortBy::parse(text, schemas, access.connection.strictness)?;
        access.journal("sort", &deviations);
        Ok(Some((by, order)))
    }

    /// RFC 7644 s3.4.2.4: a start below 1 is 1, a negative count is 0.
    pub(super) fn page(&self, scim: &Scim) -> Result<(u64, usize), ScimError> {
        let start = number("startIndex", self.start_index.as_deref())?.unwrap_or(1).max(1);
        let settings = scim.settings();
        let count = number("count", self.count.as_deref())?;
        let count = count.map_or(settings.page_default, |count| {
            usize::try_from(count.max(0)).unwrap_or(usize::MAX)
        });
        Ok((start.unsigned_abs(), count.min(settings.page_max)))
    }

    /// RFC 9865: a count below 1 is refused; a strict connection is also told when it asks for more than there can be.
    pub(super) fn page_by_cursor(&self, scim: &Scim, access: &Access) -> Result<usize, ScimError> {
        let settings = scim.settings();
        let invalid = |detail: String| ScimError::bad_request(ScimType::InvalidCount, detail);
        let Some(text) = self.count.as_deref() else {
            return Ok(settings.page_default);
        };
        let count = text.trim().parse::<i64>().ok().filter(|count| *count >= 1);
        let count = count.ok_or_else(|| invalid(format!("count is {text:?}: by cursor it must be at least 1")))?;
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let limit = settings.page_max;
        if count > limit {
            if access.connection.strictness == Strictness::Strict {
                return Err(invalid(format!("count is {count}: a page has at most {limit}")));
            }
            access.journal("query", &[Deviation::CountTooLarge { limit }]);
        }
        Ok(count.min(limit))
    }
}

fn number(name: &str, text: Option<&str>) -> Result<Option<i64>, ScimError> {
    let Some(text) = text else { return Ok(None) };
    let parsed = text.trim().parse();
    parsed.map(Some).map_err(|_| {
        ScimError::bad_request(
            ScimType::InvalidValue,
            format!("{name} is {text:?}: it must be a whole number"),
        )
    })
}

fn urns(value: &Value) -> Vec<String> {
    match value {
        Value::Array(urns) => urns.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Value::String(urn) => vec![urn.clone()],
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    }
}

/// The JSON type of a member of a search request (RFC 7644 s3.4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// `attributes` and `excludedAttributes`: an array of texts.
    Names,
    /// `startIndex` and `count`: an integer. One that is written as a text is read as in a URL.
    Number,
    /// Everything else.
    Text,
}

impl Form {
    fn of(name: &str) -> Self {
        match name.to_ascii_lowercase().as_str() {
            "attributes" | "excludedattributes" => Self::Names,
            "startindex" | "count" => Self::Number,
            _ => Self::Text,
        }
    }

    /// A member in the form that it has in a URL.
    fn text(self, name: &str, value: Value) -> Result<Option<String>, ScimError> {
        match (self, value) {
            (_, Value::Null) => Ok(None),
            (_, Value::String(text)) => Ok(Some(text)),
            (Self::Number, Value::Number(number)) => Ok(Some(number.to_string())),
            (Self::Names, Value::Array(names)) if names.iter().all(Value::is_string) => {
                let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
                Ok(Some(names.join(",")))
            }
            _ => Err(invalid_syntax(format!("{name}: must be {}", self.wanted()))),
        }
    }

    fn wanted(self) -> &'static str {
        match self {
            Self::Names => "an array of attribute names",
            Self::Number => "a whole number",
            Self::Text => "a text",
        }
    }
}

fn invalid_syntax(detail: impl Into<String>) -> ScimError {
    ScimError::bad_request(ScimType::InvalidSyntax, detail)
}

/// The parameters of any request; only `attributes` and `excludedAttributes` count outside a query.
pub(super) struct Shown(pub(super) Parameters);

impl FromRequestParts<Scim> for Shown {
    type Rejection = ScimError;

    async fn from_request_parts(parts: &mut Parts, _: &Scim) -> Result<Self, ScimError> {
        Ok(Self(Parameters::parse(parts.uri.query().unwrap_or_default())))
    }
}
