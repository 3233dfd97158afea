//! Tokens: of a connection, of an organisation's administration, of the gateway's administration.

use std::collections::BTreeSet;

use async_trait::async_trait;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::directory::stretch::Stretch;
use crate::directory::token::{IssueToken, IssuedToken, RevokeToken};
use crate::directory::{Directory, DirectoryError, Permit, keys};
use crate::model::clock::Timestamp;
use crate::model::id::{OrganisationId, TokenId};
use crate::model::list::List;
use crate::model::slug::Slug;
use crate::model::token::{Token, TokenGrant};

use super::caller::{Administrator, Body, Caller, Parameters, Place};
use super::listing::{Browse, Listing};
use super::problem::Problem;

/// What a new token is to be.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// The connection that it opens; without it, the administration of the organisation.
    #[serde(default)]
    connection: Option<Slug>,
    /// The person whose rights it has, by identifier or user name; not together with a connection.
    #[serde(default)]
    user: Option<String>,
    /// The organisations that it administers, by their short names; a token of the gateway only.
    #[serde(default)]
    organisations: Option<BTreeSet<Slug>>,
    #[serde(default)]
    label: String,
    #[serde(default)]
    expires: Option<Timestamp>,
}

/// `GET .../tokens`: the organisation's, oldest first; never their secrets.
pub async fn list(
    State(directory): State<Directory>,
    caller: Administrator,
    Parameters(listing): Parameters<Listing>,
) -> Result<Json<Value>, Problem> {
    let question = listing.read(&directory, &caller, List::Tokens).await?;
    let tokens = Tokens(caller.organisation());
    Ok(Json(question.answer(&directory, tokens).await?))
}

/// Tokens of an organisation, or the gateway's own, in the order in which they were made.
pub(super) struct Tokens(pub(super) OrganisationId);

#[async_trait]
impl Browse for Tokens {
    type Name = TokenId;

    async fn browse(
        &self,
        directory: &Directory,
        along: Stretch<TokenId>,
        limit: usize,
    ) -> Result<Vec<Value>, DirectoryError> {
        let tokens = directory.browse_tokens(self.0, along, limit).await?;
        Ok(tokens.iter().map(view).collect())
    }
}

/// `POST .../tokens`: makes one; its text is in this answer only.
pub async fn issue(
    State(directory): State<Directory>,
    caller: Administrator,
    Body(new): Body<NewToken>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let organisation = caller.organisation();
    if new.organisations.is_some() {
        let cure = "organisations: a token of several organisations is the gateway's: use POST /tokens";
        return Err(Problem::bad_request(cure));
    }
    let grant = match (&new.connection, &new.user) {
        (Some(_), Some(_)) => return Err(Problem::bad_request("give connection or user, not both")),
        (Some(connection), None) => TokenGrant::Connection {
            organisation,
            connection: connection.clone(),
        },
        (None, Some(user)) => TokenGrant::Person {
            organisation,
            user: super::users::find(&directory, organisation, user).await?.id,
        },
        (None, None) => TokenGrant::Organisation { organisation },
    };
    issue_for(&directory, &caller.permit, grant, new).await
}

/// `DELETE .../tokens/{id}`: the next request with it is refused.
pub async fn revoke(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, id)): Place<(String, String)>,
) -> Result<StatusCode, Problem> {
    revoke_for(&directory, &caller.permit, &id).await
}

/// `GET /tokens`: the gateway's own.
pub async fn list_gateway(
    State(directory): State<Directory>,
    Caller(principal): Caller,
    Parameters(listing): Parameters<Listing>,
) -> Result<Json<Value>, Problem> {
    principal.administer_gateway(keys::GATEWAY)?;
    let question = listing.read_alone(&directory, List::Tokens)?;
    Ok(Json(question.answer(&directory, Tokens(keys::GATEWAY)).await?))
}

/// `POST /tokens`: makes one for the administration of the whole gateway, or of the organisations that are named (S003-2).
pub async fn issue_gateway(
    State(directory): State<Directory>,
    Caller(principal): Caller,
    Body(new): Body<NewToken>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let permit = principal.administer_gateway(keys::GATEWAY)?;
    if new.connection.is_some() || new.user.is_some() {
        let cure = "a connection and a person belong to an organisation: use /organisations/{org}/tokens";
        return Err(Problem::bad_request(cure));
    }
    let grant = match &new.organisations {
        None => TokenGrant::Gateway,
        Some(named) => TokenGrant::Organisations {
            organisations: find_all(&directory, named).await?,
        },
    };
    issue_for(&directory, &permit, grant, new).await
}

async fn find_all(directory: &Directory, named: &BTreeSet<Slug>) -> Result<BTreeSet<OrganisationId>, Problem> {
    if named.is_empty() {
        return Err(Problem::bad_request("organisations: must name at least one"));
    }
    let mut found = BTreeSet::new();
    for slug in named {
        let settings = directory.find_organisation(slug).await?;
        let settings = settings.ok_or_else(|| {
            let reason = format!("organisation {:?} does not exist", slug.as_str());
            DirectoryError::invalid("organisations", reason)
        })?;
        found.insert(settings.organisation.id);
    }
    Ok(found)
}

/// `DELETE /tokens/{id}`.
pub async fn revoke_gateway(
    State(directory): State<Directory>,
    Caller(principal): Caller,
    Place(id): Place<String>,
) -> Result<StatusCode, Problem> {
    revoke_for(&directory, &principal.administer_gateway(keys::GATEWAY)?, &id).await
}

async fn issue_for(
    directory: &Directory,
    permit: &Permit,
    grant: TokenGrant,
    new: NewToken,
) -> Result<(StatusCode, Json<Value>), Problem> {
    if new.expires.is_some_and(|expires| expires <= directory.clock().now()) {
        return Err(Problem::bad_request("expires: is not in the future"));
    }
    let issue = IssueToken {
        grant,
        label: new.label,
        expires: new.expires,
    };
    let IssuedToken { token, text } = directory.run(permit, &issue).await?;
    let mut shown = view(&token);
    shown["token"] = json!(text);
    Ok((StatusCode::CREATED, Json(shown)))
}

async fn revoke_for(directory: &Directory, permit: &Permit, id: &str) -> Result<StatusCode, Problem> {
    let known: TokenId = id.parse().map_err(|_| DirectoryError::not_found("token", id))?;
    directory.run(permit, &RevokeToken(known)).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn view(token: &Token) -> Value {
    let (opens, connection, user) = match &token.grant {
        TokenGrant::Connection { connection, .. } => ("connection", Some(connection), None),
        TokenGrant::Organisation { .. } => ("organisation", None, None),
        TokenGrant::Organisations { .. } => ("organisations", None, None),
        TokenGrant::Person { user, .. } => ("person", None, Some(user)),
        TokenGrant::Gateway => ("gateway", None, None),
    };
    let organisations = match &token.grant {
        TokenGrant::Organisations { organisations } => Some(organisations),
        _ => None,
    };
    json!({
        "id": token.id,
        "opens": opens,
        "organisations": organisations,
        "connection": connection,
        "user": user,
        "label": token.label,
        "created": token.created,
        "expires": token.expires,
    })
}
