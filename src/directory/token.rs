//! Bearer tokens: made, shown once, looked up by their public half, compared in constant time (reliability.md A16).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::model::clock::{Clock, Timestamp};
use crate::model::event::EventKind;
use crate::model::id::{OrganisationId, TokenId};
use crate::model::record;
use crate::model::token::{Token, TokenGrant};
use crate::store::SCAN_ENTRIES_MAX;

use super::stretch::Stretch;
use super::{Directory, DirectoryError, Operation, Principal, Unit, keys};

/// A new token with its secret, which is shown once and stored nowhere.
#[derive(Debug, Clone)]
pub struct IssuedToken {
    /// What is stored.
    pub token: Token,
    /// What the client sends.
    pub text: String,
}

/// Makes a token.
pub struct IssueToken {
    /// What it opens.
    pub grant: TokenGrant,
    /// A note for people.
    pub label: String,
    /// When it ends; `None` for never.
    pub expires: Option<Timestamp>,
}

#[async_trait::async_trait]
impl Operation for IssueToken {
    type Outcome = IssuedToken;

    async fn attempt(&self, unit: &mut Unit) -> Result<IssuedToken, DirectoryError> {
        if let TokenGrant::Connection { connection, .. } = &self.grant {
            let key = keys::named(unit.organisation(), keys::Table::Connection, connection);
            if unit.bytes(&key).await?.is_none() {
                return Err(DirectoryError::not_found("connection", connection));
            }
        }
        let minted = MintedToken::new(unit.clock());
        let token = unit.store_token(&minted, unit.organisation(), self);
        Ok(IssuedToken {
            token,
            text: minted.text(),
        })
    }
}

/// A token's two halves, before it is stored: it opens nothing until then.
#[derive(Clone)]
pub struct MintedToken {
    id: TokenId,
    secret: [u8; 32],
}

impl MintedToken {
    /// New halves.
    #[must_use]
    pub fn new(clock: &dyn Clock) -> Self {
        Self {
            id: TokenId::new(clock.uuid()),
            secret: clock.secret(),
        }
    }

    /// What the client sends.
    #[must_use]
    pub fn text(&self) -> String {
        write(LASTING, self.id, &self.secret)
    }

    /// What the client sends, when it is an access token.
    pub(super) fn access_text(&self) -> String {
        write(ACCESS, self.id, &self.secret)
    }

    pub(super) fn id(&self) -> TokenId {
        self.id
    }

    pub(super) fn secret_hash(&self) -> String {
        hash(&self.secret)
    }
}

impl Unit {
    /// Stores a token in the list of an organisation ([`keys::GATEWAY`] for the gateway's own).
    pub(super) fn store_token(&mut self, minted: &MintedToken, owner: OrganisationId, issue: &IssueToken) -> Token {
        let token = Token {
            id: minted.id,
            secret_hash: hash(&minted.secret),
            grant: issue.grant.clone(),
            label: issue.label.clone(),
            created: self.now(),
            expires: issue.expires,
        };
        self.put(keys::token(minted.id), &token);
        self.put_bytes(keys::token_entry(owner, minted.id), "");
        self.event(EventKind::TokenCreated, minted.id, json!({ "label": token.label }));
        token
    }
}

/// Withdraws a token: the next request with it is refused.
pub struct RevokeToken(
    /// The token's public half.
    pub TokenId,
);

#[async_trait::async_trait]
impl Operation for RevokeToken {
    type Outcome = ();

    async fn attempt(&self, unit: &mut Unit) -> Result<(), DirectoryError> {
        let entry = keys::token_entry(unit.organisation(), self.0);
        if unit.bytes(&entry).await?.is_none() {
            return Err(DirectoryError::not_found("token", self.0));
        }
        unit.delete(entry);
        unit.delete(keys::token(self.0));
        unit.event(EventKind::TokenRevoked, self.0, json!({}));
        Ok(())
    }
}

impl Directory {
    /// Whose token this is: a lasting one, an access token or a session's. Every wrong token gets the same answer.
    ///
    /// # Errors
    /// [`DirectoryError::Unauthenticated`]; [`DirectoryError::Denied`] for a session with a duty; as the store's read.
    pub async fn authenticate(&self, text: &str) -> Result<Principal, DirectoryError> {
        if Self::is_session(text) {
            return self.authenticate_session(text).await;
        }
        match parse(text, ACCESS) {
            Some((id, secret)) => self.authenticate_access(id, &secret).await,
            None => self.authenticate_lasting(text).await,
        }
    }

    /// Whose lasting token this is.
    pub(super) async fn authenticate_lasting(&self, text: &str) -> Result<Principal, DirectoryError> {
        let (id, secret) = parse(text, LASTING).ok_or(DirectoryError::Unauthenticated)?;
        let stored = self.find_token(id).await?;
        // An unknown id costs the same comparison as a known one.
        let expected = stored
            .as_ref()
            .map_or_else(|| "0".repeat(64), |token| token.secret_hash.clone());
        let is_same: bool = hash(&secret).as_bytes().ct_eq(expected.as_bytes()).into();
        let Some(token) = stored.filter(|_| is_same) else {
            return Err(DirectoryError::Unauthenticated);
        };
        if token.expires.is_some_and(|expires| self.clock.now() >= expires) {
            return Err(DirectoryError::Unauthenticated);
        }
        Ok(match &token.grant {
            TokenGrant::Connection {
                organisation,
                connection,
            } => {
                if self.requires_assertions(*organisation, connection).await? {
                    return Err(DirectoryError::Unauthenticated);
                }
                Principal::scim(*organisation, connection.clone(), token.id)
            }
            TokenGrant::Organisation { organisation } => Principal::organisation_administrator(*organisation, token.id),
            TokenGrant::Organisations { organisations } => Principal::administrator_of(organisations.clone(), token.id),
            TokenGrant::Person { organisation, user } => Principal::person(*organisation, *user, Some(token.id)),
            TokenGrant::Gateway => Principal::gateway_administrator(token.id),
        })
    }

    /// The tokens of an organisation, oldest first.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn list_tokens(&self, organisation: OrganisationId) -> Result<Vec<Token>, DirectoryError> {
        self.browse_tokens(organisation, None, SCAN_ENTRIES_MAX).await
    }

    /// Tokens of an organisation in the order in which they were made, behind one or in front of it.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn browse_tokens(
        &self,
        organisation: OrganisationId,
        along: impl Into<Stretch<TokenId>> + Send,
        limit: usize,
    ) -> Result<Vec<Token>, DirectoryError> {
        let prefix = keys::table(organisation, keys::Table::TokenList);
        let list = along.into().scan(&prefix, limit, |id| keys::token_entry(organisation, id));
        let entries = self.store.scan(list).await?;
        let ids = entries
            .iter()
            .filter_map(|(key, _)| keys::last_uuid(key))
            .map(|id| keys::token(TokenId::new(id)));
        let found = self.store.get_many(ids.collect()).await?;
        found
            .into_iter()
            .flatten()
            .map(|stored| Ok(record::decode(&stored.value)?))
            .collect()
    }
}

/// The hexadecimal SHA-256 of a secret. A secret has 256 random bits, so a fast hash is enough.
#[must_use]
pub fn hash(secret: &[u8]) -> String {
    Sha256::digest(secret)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// How a lasting token begins.
const LASTING: &str = "ush_";
/// How an access token begins.
const ACCESS: &str = "usha_";

/// Prefix, id, secret, checksum: the checksum tells a mistyped token from a wrong one, and lets secret scanners find ours.
fn write(prefix: &str, id: TokenId, secret: &[u8; 32]) -> String {
    let body = format!("{prefix}{}_{}", id.uuid().simple(), URL_SAFE_NO_PAD.encode(secret));
    let checksum = crc32fast::hash(body.as_bytes());
    format!("{body}_{checksum:08x}")
}

fn parse(text: &str, prefix: &str) -> Option<(TokenId, Vec<u8>)> {
    let (body, checksum) = text.rsplit_once('_')?;
    if format!("{:08x}", crc32fast::hash(body.as_bytes())) != checksum {
        return None;
    }
    let (id, secret) = body.strip_prefix(prefix)?.split_once('_')?;
    let secret = URL_SAFE_NO_PAD.decode(secret).ok()?;
    Some((TokenId::new(uuid::Uuid::try_parse(id).ok()?), secret))
}
