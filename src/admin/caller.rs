//! Who calls, and for which organisation: the extractors with which every handler starts.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts, MatchedPath, OptionalFromRequest, RawPathParams, Request};
use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, USER_AGENT};
use axum::http::request::Parts;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::directory::authorise::Authority;
use crate::directory::settings::OrganisationSettings;
use crate::directory::{Correlation, Directory, DirectoryError, Permit, Principal};
use crate::model::effective::Effective;
use crate::model::id::OrganisationId;
use crate::model::slug::Slug;

use super::demand;
use super::problem::Problem;

/// Put into a request's extensions by a caller inside this process, which needs no token: the command line on a store that no
/// gateway serves. Nothing that comes over a network can set it.
#[derive(Debug, Clone)]
pub struct Trusted(
    /// Who it is.
    pub Principal,
);

/// Whoever shows a token that is good (RFC 6750 s2.1: in the header only).
pub struct Caller(
    /// Who it is.
    pub Principal,
);

impl FromRequestParts<Directory> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, directory: &Directory) -> Result<Self, Problem> {
        let correlation = Some(correlation(parts));
        if let Some(Trusted(principal)) = parts.extensions.get() {
            return Ok(Self(principal.clone().within(correlation)));
        }
        let is_command_line = is_command_line(&parts.headers);
        let token = token(&parts.headers).ok_or(DirectoryError::Unauthenticated)?;
        let principal = directory.authenticate(token).await?.within(correlation);
        Ok(Self(if is_command_line {
            principal.at_command_line()
        } else {
            principal
        }))
    }
}

/// The request, for the audit log: as the idempotency key's keeper prepared it, or with its identifier alone.
fn correlation(parts: &Parts) -> Arc<Correlation> {
    let prepared = parts.extensions.get::<Arc<Correlation>>();
    prepared.cloned().unwrap_or_else(|| {
        Arc::new(Correlation {
            request: request_id(&parts.headers),
            done: None,
        })
    })
}

/// The request's identifier: the server gives one to every request.
pub(super) fn request_id(headers: &HeaderMap) -> Option<String> {
    headers.get("x-request-id")?.to_str().ok().map(str::to_owned)
}

/// How the command line calls itself (RFC 9110 s10.1.5): its name, and its release.
pub const COMMAND_LINE: &str = concat!("usher-cli/", env!("CARGO_PKG_VERSION"));

/// Whether the command line asks, of whatever release.
fn is_command_line(headers: &HeaderMap) -> bool {
    let agent = headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok());
    agent.is_some_and(|agent| agent.starts_with("usher-cli/"))
}

/// The token that a request shows, if it shows one.
pub(super) fn token(headers: &HeaderMap) -> Option<&str> {
    headers.get(AUTHORIZATION)?.to_str().ok().and_then(bearer)
}

/// The scheme is caseless (RFC 9110 s11.1).
fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// How the routes of an organisation begin.
const ORGANISATION: &str = "/organisations/{org}";

/// A caller who may do what the request asks in the organisation `{org}` of the path: its administration, or a person with the
/// right that the route demands.
pub struct Administrator {
    /// Who.
    pub principal: Principal,
    /// The right to change the organisation.
    pub permit: Permit,
    /// The organisation with its settings.
    pub settings: Arc<OrganisationSettings>,
}

impl Administrator {
    /// The organisation.
    #[must_use]
    pub fn organisation(&self) -> OrganisationId {
        self.settings.organisation.id
    }
}

impl Administrator {
    /// The person who asks, when it is one whose rights to an action do not reach everything.
    #[must_use]
    pub fn bounded(&self, action: &str) -> Option<Arc<Effective>> {
        match self.permit.authority() {
            Authority::Person(effective) if effective.bounds(action).is_some() => Some(Arc::clone(effective)),
            Authority::Person(_)
            | Authority::Gateway
            | Authority::Organisation
            | Authority::Connection
            | Authority::Invitee => None,
        }
    }
}

impl FromRequestParts<Directory> for Administrator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, directory: &Directory) -> Result<Self, Problem> {
        let Caller(principal) = Caller::from_request_parts(parts, directory).await?;
        let path = RawPathParams::from_request_parts(parts, directory)
            .await
            .map_err(|error| Problem::bad_request(error.to_string()))?;
        let named = path.iter().find(|(name, _)| *name == "org").map(|(_, value)| value);
        let named = named.unwrap_or_default();
        // Another organisation, none at all and an impossible name get one answer.
        let missing = || DirectoryError::not_found("organisation", named);
        let slug: Slug = named.parse().map_err(|_| missing())?;
        let settings = directory.find_organisation(&slug).await?.ok_or_else(missing)?;
        let organisation = settings.organisation.id;
        let demand = match principal.user() {
            // Only persons are asked for single rights.
            Some(_) if principal.organisation() == Some(organisation) => {
                let route = parts.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
                let route = route.split_once(ORGANISATION).map_or(route, |(_, below)| below);
                let route = route.trim_end_matches('/').to_owned();
                let parameter = |wanted: &str| {
                    let found = path.iter().find(|(name, _)| *name == wanted);
                    found.map(|(_, value)| value.to_owned())
                };
                demand::of(directory, organisation, &parts.method, &route, parameter).await?
            }
            _ => None,
        };
        let permit = match directory.authorise(&principal, organisation, demand).await {
            Err(DirectoryError::NotFound { .. }) => return Err(missing().into()),
            other => other?,
        };
        Ok(Self {
            principal,
            permit,
            settings,
        })
    }
}

/// A JSON body, which is an object; what is wrong with it becomes a problem document.
pub struct Body<T>(
    /// What was sent.
    pub T,
);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let axum::Json(Members(body)) =
            <axum::Json<Members<T>> as FromRequest<S>>::from_request(request, state).await?;
        Ok(Self(body))
    }
}

/// What an object holds. A structure alone would be read from a list as well, its members in the order of their declaration.
struct Members<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Members<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Object(PhantomData))
    }
}

struct Object<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Object<T> {
    type Value = Members<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Members<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(members)).map(Members)
    }
}

/// A body that may be missing, or null; one that is there is an object, and refused in the same words.
impl<T: DeserializeOwned, S: Send + Sync> OptionalFromRequest<S> for Body<Option<T>> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Option<Self>, Problem> {
        let sent = <axum::Json<Option<Members<T>>> as OptionalFromRequest<S>>::from_request(request, state).await?;
        Ok(sent.map(|axum::Json(body)| Self(body.map(|Members(body)| body))))
    }
}

/// Query parameters; unknown ones are refused by the structures that use it.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(Problem))]
pub struct Parameters<T>(
    /// What was asked.
    pub T,
);

/// What is asked of a list that comes whole: nothing. A parameter that would have no effect is refused.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// Parts of the path.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(Problem))]
pub struct Place<T>(
    /// The parts.
    pub T,
);
