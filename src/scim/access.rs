//! Who is asking: a bearer token, bound to one connection of one organisation (design.md section 6).
//!
//! The check is an extractor, so that no handler can forget it and no second reading of the path can disagree with the
//! router (reliability.md A2, A3).

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};

use crate::directory::settings::OrganisationSettings;
use crate::directory::{Correlation, DirectoryError, Permit};
use crate::model::connection::Connection;
use crate::model::deviation::Deviation;
use crate::model::id::OrganisationId;
use crate::provision::mapping::Mapping;
use crate::provision::person::Context;

use super::Scim;
use super::error::{INVALID_TOKEN, ScimError};
use super::identity::Rules;
use super::journal::{Trail, told};
use super::limit::Known;

/// A request that showed a valid token of a connection of the organisation in its path.
pub struct Access {
    /// Proof for writing.
    pub permit: Permit,
    /// The organisation.
    pub organisation: Arc<OrganisationSettings>,
    /// The connection.
    pub connection: Arc<Connection>,
    /// The connection's rules, compiled.
    pub mapping: Arc<Mapping>,
    /// What the client calls itself (`User-Agent`), if it does.
    pub(super) agent: Option<String>,
    /// What the request journal is to learn.
    trail: Trail,
}

impl Access {
    /// The organisation's identifier.
    #[must_use]
    pub fn organisation_id(&self) -> OrganisationId {
        self.organisation.organisation.id
    }

    /// What provisioning needs to know.
    #[must_use]
    pub fn context(&self) -> Context<'_> {
        Context {
            organisation: &self.organisation,
            connection: &self.connection,
        }
    }

    /// What decides about grants, for somebody who is in no group.
    #[must_use]
    pub fn rules(&self) -> Rules<'_> {
        Rules {
            context: self.context(),
            mapping: &self.mapping,
            before: None,
            groups: &[],
        }
    }

    /// The base URL of this organisation's SCIM service.
    #[must_use]
    pub fn base_url(&self, scim: &Scim) -> String {
        format!(
            "{}/scim/{}/v2",
            scim.settings().public_url,
            self.organisation.organisation.slug
        )
    }
}

impl FromRequestParts<Scim> for Access {
    type Rejection = ScimError;

    async fn from_request_parts(parts: &mut Parts, scim: &Scim) -> Result<Self, ScimError> {
        let refused = || ScimError::from(DirectoryError::Unauthenticated);
        let principal = match parts.extensions.get::<Known>() {
            Some(Known(principal)) => principal.clone(),
            None => {
                let token = bearer(&parts.headers).ok_or_else(refused)?;
                let wrong = |error| ScimError::from(error).with_challenge(INVALID_TOKEN);
                scim.directory().authenticate(token).await.map_err(wrong)?
            }
        };
        // A path that is not UTF-8 names nothing. Not 401: that would put a client in good standing into quarantine.
        let path = Path::<HashMap<String, String>>::from_request_parts(parts, scim).await;
        let path = path.map_err(|_| ScimError::not_found(parts.uri.path()))?;
        let slug = path.get("org").and_then(|slug| slug.parse().ok());
        // Another organisation's token and an organisation that does not exist get the same answer.
        let organisation = scim
            .directory()
            .find_organisation(&slug.ok_or_else(refused)?)
            .await?
            .ok_or_else(refused)?;
        let request = parts.headers.get("x-request-id").and_then(|id| id.to_str().ok());
        let correlation = Correlation {
            request: request.map(str::to_owned),
            done: None,
        };
        let principal = principal.within(Some(Arc::new(correlation)));
        let permit = principal.provision(organisation.organisation.id)?;
        let connection = permit.connection().and_then(|name| organisation.connections.get(name));
        let connection = Arc::clone(connection.ok_or_else(refused)?);
        let mapping = scim.mapping(&organisation, &connection)?;
        let trail = parts.extensions.get::<Trail>().cloned().unwrap_or_default();
        trail.is_of(organisation.organisation.id, &connection.name);
        let agent = parts.headers.get(header::USER_AGENT);
        let agent = agent.and_then(|agent| Some(agent.to_str().ok()?.to_owned()));
        Ok(Self {
            agent,
            permit,
            organisation,
            connection,
            mapping,
            trail,
        })
    }
}

/// The token of `Authorization: Bearer ...`; the scheme in any case (RFC 9110 s11.1).
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

impl Access {
    /// Puts an identity that has to wait for an administrator on the review list: the refused change left nothing behind.
    pub(super) async fn reviewed<T>(&self, scim: &Scim, outcome: Result<T, DirectoryError>) -> Result<T, ScimError> {
        if let Err(DirectoryError::AwaitsReview(question)) = &outcome {
            let (name, questions) = (&self.connection.name, std::slice::from_ref(&**question));
            scim.directory().ask_for_reviews(&self.permit, name, questions).await?;
        }
        Ok(outcome?)
    }

    /// Notes what was tolerated in a request: attributes and rules, never values of a person.
    pub(super) fn journal(&self, request: &'static str, deviations: &[Deviation]) {
        for deviation in deviations {
            self.trail.add(deviation);
            let (connection, rule, what) = (&self.connection.name, deviation.name(), told(deviation));
            if deviation.is_loud() {
                tracing::warn!(connection.name = %connection, scim.request = request, scim.deviation = rule, "{what}");
            } else {
                tracing::info!(connection.name = %connection, scim.request = request, scim.deviation = rule, "{what}");
            }
        }
    }

    /// Notes members that were left out (idp.md section 9: skipped and journalled, unless the connection refuses them).
    pub(super) fn journal_unknown(&self, request: &'static str, unknown: usize) {
        if unknown > 0 {
            self.journal(request, &[Deviation::UnknownMembers { count: unknown }]);
        }
    }
}
