//! Access tokens (RFC 6749 s1.4): what a client gets for an assertion that it signed, or for its lasting token.
//!
//! An access token is opaque and stored, so that everything it rests on is looked at with each request: it opens its
//! connection until its end, or until the connection's `oauth` settings change, or until the lasting token that was shown for
//! it is withdrawn. An assertion is remembered in the same commit, so that it opens nothing a second time on any node, also
//! after a restart. What has ended is forgotten by later exchanges of the same connection: no more is kept than what the
//! token endpoint's rate lets in during one lifetime.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;

use crate::model::clock::Timestamp;
use crate::model::connection::Connection;
use crate::model::id::{OrganisationId, TokenId};
use crate::model::oauth::{OAuthClient, Proven};
use crate::model::record::{self, Record};
use crate::model::slug::Slug;
use crate::model::token::{Token, TokenGrant};
use crate::store::Scan;

use super::keys::{self, Table, exchange};
use super::token::{MintedToken, hash};
use super::{Directory, DirectoryError, Operation, Principal, Unit};

/// Seconds that an access token for a lasting token is good for, when the connection has no settings of its own.
const LIFETIME_S: u32 = 3_600;

/// Ended exchanges that one exchange forgets at most.
const SWEEP: usize = 32;

/// What is stored of an access token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessToken {
    /// The public half.
    pub id: TokenId,
    /// SHA-256 of the secret half, hexadecimal.
    pub secret_hash: String,
    /// The organisation.
    pub organisation: OrganisationId,
    /// The connection that it opens.
    pub connection: Slug,
    /// What it rests on.
    pub proof: Proof,
    /// When it was made.
    pub created: Timestamp,
    /// From this instant on it is worth nothing.
    pub expires: Timestamp,
}

impl Record for AccessToken {
    const KIND: &'static str = "access token";
}

/// What was shown for an access token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Proof {
    /// An assertion.
    Assertion {
        /// SHA-256 of the settings that it was judged by: other settings, and the token is worth nothing.
        settings: String,
    },
    /// A lasting token of the connection.
    Secret {
        /// Its public half: without it, the access token is worth nothing.
        token: TokenId,
    },
}

/// An assertion that was used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UsedAssertion {
    /// Until when it must be remembered.
    pub until: Timestamp,
}

impl Record for UsedAssertion {
    const KIND: &'static str = "used assertion";
}

/// A new access token with its secret, which is shown once and stored nowhere.
#[derive(Debug, Clone)]
pub struct IssuedAccess {
    /// What the client sends.
    pub text: String,
    /// Seconds that it is good for.
    pub lifetime_s: u32,
}

/// What became of an exchange.
#[derive(Debug, Clone)]
pub enum Exchanged {
    /// The client has its token.
    Issued(IssuedAccess),
    /// The assertion was used before (IPSIE AL1, Replay Resistance; RFC 7523 s3, 7).
    Replayed,
    /// The connection's settings have changed since the assertion was judged.
    Changed,
}

/// Gives an access token for an assertion whose signature and claims were found good.
pub struct ExchangeAssertion<'a> {
    /// Whose.
    pub connection: &'a Slug,
    /// The settings by which it was judged.
    pub client: &'a OAuthClient,
    /// What was found.
    pub proven: &'a Proven,
    /// The signed text, which stands for an assertion that has no identifier.
    pub signed: &'a str,
}

#[async_trait::async_trait]
impl Operation for ExchangeAssertion<'_> {
    type Outcome = Exchanged;

    async fn attempt(&self, unit: &mut Unit) -> Result<Exchanged, DirectoryError> {
        let organisation = unit.organisation();
        let connection = keys::named(organisation, Table::Connection, self.connection);
        let present: Option<Connection> = unit.find(&connection).await?;
        if present.and_then(|connection| connection.oauth).as_ref() != Some(self.client) {
            return Ok(Exchanged::Changed);
        }
        let (issuer, subject) = (
            self.client.issuer(self.connection),
            self.client.subject(self.connection),
        );
        // RFC 7519 s4.1.7: an identifier is unique for its issuer, whatever connection it is shown for.
        let identity = match &self.proven.jti {
            Some(jti) => serde_json::json!([issuer, subject, jti]),
            None => serde_json::json!([self.signed]),
        };
        let identity = hash(identity.to_string().as_bytes());
        let used = exchange::used_assertion(organisation, &identity);
        let before: Option<UsedAssertion> = unit.find(&used).await?;
        if before.is_some_and(|before| unit.now() < before.until) {
            return Ok(Exchanged::Replayed);
        }
        let until = self.proven.until;
        unit.put(used, &UsedAssertion { until });
        let proof = Proof::Assertion {
            settings: fingerprint(self.client),
        };
        let expires = unit.now() + TimeDelta::seconds(i64::from(self.client.token_lifetime_s));
        let ends = Ends { expires, until };
        let issued = unit.issue_access(self.connection, proof, ends, &identity).await?;
        Ok(Exchanged::Issued(issued))
    }
}

struct ExchangeSecret<'a> {
    connection: &'a Slug,
    token: TokenId,
    lifetime_s: u32,
}

#[async_trait::async_trait]
impl Operation for ExchangeSecret<'_> {
    type Outcome = IssuedAccess;

    async fn attempt(&self, unit: &mut Unit) -> Result<IssuedAccess, DirectoryError> {
        let token: Option<Token> = unit.find_present(&keys::token(self.token)).await?;
        let token = token.ok_or(DirectoryError::Unauthenticated)?;
        let wanted = unit.now() + TimeDelta::seconds(i64::from(self.lifetime_s));
        let expires = token.expires.map_or(wanted, |end| end.min(wanted));
        let proof = Proof::Secret { token: token.id };
        let ends = Ends {
            expires,
            until: expires,
        };
        unit.issue_access(self.connection, proof, ends, "").await
    }
}

/// When an access token ends, and until when its assertion is remembered.
struct Ends {
    expires: Timestamp,
    until: Timestamp,
}

impl Unit {
    /// Stores an access token, and forgets some that have ended.
    async fn issue_access(
        &mut self,
        connection: &Slug,
        proof: Proof,
        ends: Ends,
        identity: &str,
    ) -> Result<IssuedAccess, DirectoryError> {
        self.forget_ended(connection).await?;
        let minted = MintedToken::new(self.clock());
        let token = AccessToken {
            id: minted.id(),
            secret_hash: minted.secret_hash(),
            organisation: self.organisation(),
            connection: connection.clone(),
            proof,
            created: self.now(),
            expires: ends.expires,
        };
        self.put(exchange::access_token(token.id), &token);
        let over = milliseconds(ends.expires.max(ends.until));
        let end = exchange::exchange_end(self.organisation(), connection, over, token.id);
        self.put_bytes(end, identity.to_owned());
        let lifetime = (ends.expires - self.now()).num_seconds();
        Ok(IssuedAccess {
            text: minted.access_text(),
            lifetime_s: u32::try_from(lifetime).unwrap_or_default(),
        })
    }

    async fn forget_ended(&mut self, connection: &Slug) -> Result<(), DirectoryError> {
        let organisation = self.organisation();
        let earliest = Scan::prefix(&exchange::exchange_ends(organisation, connection), SWEEP);
        let now = milliseconds(self.now());
        for (key, identity) in self.scan(earliest).await? {
            if exchange::exchange_ends_ms(&key).is_none_or(|over| over > now) {
                break;
            }
            if let Some(id) = keys::last_uuid(&key) {
                self.delete(exchange::access_token(TokenId::new(id)));
            }
            let identity = std::str::from_utf8(&identity.value).unwrap_or_default();
            let used = exchange::used_assertion(organisation, identity);
            // One that is used again after its end belongs to a later exchange.
            let present: Option<UsedAssertion> = self.find(&used).await?;
            if present.is_some_and(|present| milliseconds(present.until) <= now) {
                self.delete(used);
            }
            self.delete(key);
        }
        Ok(())
    }
}

fn milliseconds(instant: Timestamp) -> u64 {
    u64::try_from(instant.timestamp_millis()).unwrap_or_default()
}

/// What the settings are known by.
fn fingerprint(client: &OAuthClient) -> String {
    hash(&serde_json::to_vec(client).unwrap_or_default())
}

impl Directory {
    /// Gives an access token for a lasting token of the connection (RFC 6749 s2.3.1: the connection's name and the token are
    /// the client's name and password). The access token ends no later than the lasting one.
    ///
    /// # Errors
    /// [`DirectoryError::Unauthenticated`] for any other organisation, name or secret, and where assertions are required; as
    /// the store's commit.
    pub async fn exchange_secret(
        &self,
        organisation: OrganisationId,
        client_id: &str,
        secret: &str,
    ) -> Result<(Slug, IssuedAccess), DirectoryError> {
        let principal = self.authenticate_lasting(secret).await?;
        let refused = || DirectoryError::Unauthenticated;
        let permit = principal.provision(organisation).map_err(|_| refused())?;
        let name = permit.connection().cloned().ok_or_else(refused)?;
        let settings = self.load_organisation(organisation).await?;
        let client = settings.connections.get(&name).and_then(|own| own.oauth.as_ref());
        let known_as = client.map_or(name.as_str(), |client| client.client_id(&name));
        if client_id != known_as && client_id != name.as_str() {
            return Err(refused());
        }
        let operation = ExchangeSecret {
            connection: &name,
            token: principal.token().ok_or_else(refused)?,
            lifetime_s: client.map_or(LIFETIME_S, |client| client.token_lifetime_s),
        };
        let issued = self.run(&permit, &operation).await?;
        Ok((name, issued))
    }

    /// Gives an access token for an assertion.
    ///
    /// # Errors
    /// As the store's commit.
    pub async fn exchange_assertion(
        &self,
        organisation: OrganisationId,
        exchange: &ExchangeAssertion<'_>,
    ) -> Result<Exchanged, DirectoryError> {
        let permit = Principal::client(organisation, exchange.connection.clone()).provision(organisation)?;
        self.run(&permit, exchange).await
    }

    /// Whose access token this is.
    pub(super) async fn authenticate_access(&self, id: TokenId, secret: &[u8]) -> Result<Principal, DirectoryError> {
        let refused = || DirectoryError::Unauthenticated;
        let stored = self.store.get(exchange::access_token(id)).await?;
        let token = stored
            .map(|found| record::decode::<AccessToken>(&found.value))
            .transpose()?;
        // An unknown id costs the same comparison as a known one.
        let expected = token
            .as_ref()
            .map_or_else(|| "0".repeat(64), |token| token.secret_hash.clone());
        let is_same: bool = hash(secret).as_bytes().ct_eq(expected.as_bytes()).into();
        let token = token.filter(|_| is_same).ok_or_else(refused)?;
        if self.clock.now() >= token.expires || !self.still_holds(&token).await? {
            return Err(refused());
        }
        Ok(Principal::scim(token.organisation, token.connection, token.id))
    }

    /// Whether what an access token rests on is still there.
    async fn still_holds(&self, access: &AccessToken) -> Result<bool, DirectoryError> {
        match &access.proof {
            Proof::Assertion { settings } => {
                let organisation = self.load_organisation(access.organisation).await?;
                let connection = organisation.connections.get(&access.connection);
                let client = connection.and_then(|connection| connection.oauth.as_ref());
                Ok(client.is_some_and(|client| fingerprint(client) == *settings))
            }
            Proof::Secret { token } => {
                let Some(token) = self.find_token(*token).await? else {
                    return Ok(false);
                };
                let opens = TokenGrant::Connection {
                    organisation: access.organisation,
                    connection: access.connection.clone(),
                };
                let has_ended = token.expires.is_some_and(|end| self.clock.now() >= end);
                let is_open = !self
                    .requires_assertions(access.organisation, &access.connection)
                    .await?;
                Ok(token.grant == opens && !has_ended && is_open)
            }
        }
    }

    /// Whether a connection's lasting tokens open nothing.
    pub(super) async fn requires_assertions(
        &self,
        organisation: OrganisationId,
        connection: &Slug,
    ) -> Result<bool, DirectoryError> {
        let settings = self.load_organisation(organisation).await?;
        let connection = settings.connections.get(connection);
        let client = connection.and_then(|connection| connection.oauth.as_ref());
        Ok(client.is_some_and(|client| client.required))
    }
}
