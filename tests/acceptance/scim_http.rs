//! A SCIM client over HTTP, for the running binary.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::kit::gateway::Gateway;

/// A client with a connection's token.
#[derive(Clone)]
pub(super) struct ScimHttp {
    http: reqwest::Client,
    base: String,
    token: String,
}

impl ScimHttp {
    /// The client of the connection that the first start made.
    pub(super) fn of(gateway: &Gateway) -> Self {
        Self::with(
            gateway,
            &gateway.bootstrapped("organisation"),
            gateway.bootstrapped("scim_token"),
        )
    }

    /// A client of this organisation with this token.
    pub(super) fn with(gateway: &Gateway, organisation: &str, token: String) -> Self {
        let base = format!("{}/scim/{organisation}/v2", gateway.url);
        Self {
            http: reqwest::Client::new(),
            base,
            token,
        }
    }

    /// Sends a request. An error means that the gateway did not answer: it may have acted all the same.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<(StatusCode, Value), reqwest::Error> {
        let mut request = self
            .http
            .request(method, format!("{}{path}", self.base))
            .bearer_auth(&self.token);
        if let Some(body) = body {
            request = request
                .header("content-type", "application/scim+json")
                .body(body.to_string());
        }
        let response = request.send().await?;
        let status = response.status();
        let bytes = response.bytes().await?;
        Ok((status, serde_json::from_slice(&bytes).unwrap_or(Value::Null)))
    }

    /// Creates a user.
    pub(super) async fn create(&self, user_name: &str) -> Result<(StatusCode, Value), reqwest::Error> {
        let body = json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": user_name });
        self.send(Method::POST, "/Users", Some(body)).await
    }

    /// PATCH with one operation.
    pub(super) async fn patch(&self, path: &str, operation: Value) -> Result<(StatusCode, Value), reqwest::Error> {
        let body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [operation],
        });
        self.send(Method::PATCH, path, Some(body)).await
    }

    /// How many users match a filter.
    pub(super) async fn count(&self, filter: &str) -> u64 {
        let query: String = form_urlencoded::Serializer::new(String::new())
            .append_pair("filter", filter)
            .finish();
        let (status, body) = self
            .send(Method::GET, &format!("/Users?{query}"), None)
            .await
            .expect("an answer");
        assert_eq!(status, StatusCode::OK, "{body}");
        body["totalResults"].as_u64().expect("a number")
    }
}
