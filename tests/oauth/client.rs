//! A client with a key, and the gateway that knows it.

use serde_json::{Value, json};
use usher::directory::Permit;
use usher::model::oauth::OAuthClient;

use crate::kit::assertion::Signer;
use crate::kit::served::{Served, TokenAnswer};

/// RFC 7523 s2.2.
pub(crate) const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// RFC 7523 s2.1.
pub(crate) const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// Organisation `acme` with a connection `entra` whose client has a key.
pub(crate) struct Known {
    /// The gateway.
    pub(crate) served: Served,
    /// An administrator of `acme`.
    pub(crate) permit: Permit,
    /// The client's key.
    pub(crate) signer: Signer,
}

impl Known {
    /// With a key on P-256 and default settings.
    pub(crate) async fn new() -> Self {
        Self::over(Served::start().await).await
    }

    /// On this gateway.
    pub(crate) async fn over(served: Served) -> Self {
        let permit = served.organisation("acme").await;
        let known = Self {
            served,
            permit,
            signer: Signer::es256("one"),
        };
        known.set(|_| {}).await;
        known
    }

    /// Sets the connection's settings: the defaults with this change.
    pub(crate) async fn set(&self, change: impl FnOnce(&mut OAuthClient)) {
        let mut client = OAuthClient::with_keys(vec![self.signer.jwk.clone()]);
        change(&mut client);
        let set = |connection: &mut usher::model::connection::Connection| connection.oauth = Some(client);
        self.served.connect(&self.permit, "entra", set).await;
    }

    /// Claims that are good, and new.
    pub(crate) fn claims(&self) -> Value {
        json!({
            "iss": "entra",
            "sub": "entra",
            "aud": format!("{}/oauth/acme/token", self.served.url),
            "iat": self.served.now(),
            "nbf": self.served.now(),
            "exp": self.served.now() + 300,
            "jti": uuid::Uuid::new_v4().to_string(),
        })
    }

    /// A good assertion, and new.
    pub(crate) fn assertion(&self) -> String {
        self.signer.sign(&self.claims())
    }

    /// Shows an assertion as the client's proof.
    pub(crate) async fn show(&self, assertion: &str) -> TokenAnswer {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_assertion_type", ASSERTION_TYPE),
            ("client_assertion", assertion),
        ];
        self.served.token("acme", &form).await
    }

    /// A new access token.
    pub(crate) async fn access(&self) -> String {
        self.show(&self.assertion()).await.access()
    }

    /// The status of a SCIM question.
    pub(crate) async fn status(&self, token: &str) -> u16 {
        self.served.scim_status("acme", token).await
    }
}
