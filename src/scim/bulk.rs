//! Bulk (RFC 7644 s3.7): many operations in one request, each through the same routes as a request of its own.
//!
//! A `bulkId:` stands for a resource that another operation creates. Operations run in the order in which they were sent,
//! except that what one refers to is created before it. Resources that refer to each other are created without the
//! reference, which is added when both are there (s3.7.1).

mod order;
mod request;

use std::collections::{BTreeMap, HashMap};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use axum::response::Response;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::model::Object;
use crate::model::patch::PATCH_OP;

use super::access::Access;
use super::body::BulkDocument;
use super::error::ScimError;
use super::response::{SCIM_JSON, json_response};
use super::{Scim, app};
use order::Plan;
use request::{BulkRequest, Known, Operation, extract, substitute, substitute_path};

/// The URN of the answer (RFC 7644 s3.7).
const BULK_RESPONSE: &str = "urn:ietf:params:scim:api:messages:2.0:BulkResponse";

/// Bytes of one operation's answer. Only an identifier or an error is asked for.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// `POST /Bulk`.
pub(super) async fn run(
    State(scim): State<Scim>,
    access: Access,
    headers: HeaderMap,
    BulkDocument(body): BulkDocument,
) -> Result<Response, ScimError> {
    let (request, deviations) = BulkRequest::parse(body, access.connection.strictness)?;
    access.journal("bulk", &deviations);
    let limit = scim.settings().bulk_operations_max;
    if request.operations.len() > limit {
        // RFC 7644 s3.7.4.
        let detail = format!(
            "the request has {} operations, at most {limit} (bulk.maxOperations) are taken at once",
            request.operations.len()
        );
        return Err(ScimError::new(StatusCode::PAYLOAD_TOO_LARGE, detail));
    }
    let job = Job {
        routes: app(scim.clone()),
        slug: access.organisation.organisation.slug.to_string(),
        base_url: access.base_url(&scim),
        authorization: headers.get(header::AUTHORIZATION).cloned(),
        known: HashMap::new(),
        results: BTreeMap::new(),
        late: Vec::new(),
    };
    let results = job.run(&request).await;
    let body = json!({ "schemas": [BULK_RESPONSE], "Operations": results });
    Ok(json_response(StatusCode::OK, &headers, &body))
}

/// A bulk request on its way.
struct Job {
    /// The same routes that single requests take.
    routes: Router,
    slug: String,
    base_url: String,
    authorization: Option<HeaderValue>,
    /// What has become of each `bulkId`.
    known: HashMap<String, Known>,
    /// By the place of the operation in the request.
    results: BTreeMap<usize, Value>,
    late: Vec<Late>,
}

/// References of a created resource to resources that were not there yet.
struct Late {
    /// The operation that created it.
    at: usize,
    path: String,
    attributes: Object,
}

/// The answer to one operation.
struct Answer {
    status: StatusCode,
    location: Option<String>,
    version: Option<String>,
    body: Value,
}

impl From<ScimError> for Answer {
    fn from(error: ScimError) -> Self {
        Self {
            status: error.status(),
            location: None,
            version: None,
            body: error.to_json(),
        }
    }
}

impl Job {
    async fn run(mut self, request: &BulkRequest) -> Vec<Value> {
        let plan = Plan::of(&request.operations);
        let mut errors = 0;
        for at in plan.order {
            // s3.7: as many errors as the client accepts, then no further operation.
            if request.fail_on_errors.is_some_and(|accepted| errors >= accepted) {
                break;
            }
            let operation = &request.operations[at];
            let answer = match self.operation(at, operation, &plan.circular[at]).await {
                Ok(answer) => answer,
                Err(error) => {
                    if let Some(bulk_id) = operation.made() {
                        self.known.insert(bulk_id.to_owned(), Known::Failed);
                    }
                    error.into()
                }
            };
            errors += u64::from(!answer.status.is_success());
            self.note(at, operation, answer);
        }
        for late in std::mem::take(&mut self.late) {
            self.complete(late, &request.operations).await;
        }
        self.results.into_values().collect()
    }

    /// Runs one operation, without the references that are not there yet.
    async fn operation(&mut self, at: usize, operation: &Operation, circular: &[String]) -> Result<Answer, ScimError> {
        operation.check()?;
        let path = substitute_path(&operation.path, &self.known)?;
        let (data, attributes) = extract(&operation.data, circular);
        let data = substitute(&data, &self.known)?;
        let answer = self
            .send(&operation.method, &path, operation.version.as_deref(), Some(&data))
            .await?;
        let id = answer.body["id"].as_str().filter(|_| answer.status.is_success());
        if let (Some(id), false) = (id, attributes.is_empty()) {
            let path = format!("{path}/{id}");
            self.late.push(Late { at, path, attributes });
        }
        if let Some(bulk_id) = operation.made() {
            let known = id.map_or(Known::Failed, |id| Known::Made(id.to_owned()));
            self.known.insert(bulk_id.to_owned(), known);
        }
        Ok(answer)
    }

    /// Adds the references that had to wait. When one cannot be resolved the resource stays without it, and its operation
    /// answers 409 (s3.7.1).
    async fn complete(&mut self, late: Late, operations: &[Operation]) {
        let patched = match substitute(&Value::Object(late.attributes), &self.known) {
            Ok(value) => {
                let operation = json!({ "op": "add", "value": value });
                let data = json!({ "schemas": [PATCH_OP], "Operations": [operation] });
                self.send("PATCH", &late.path, None, Some(&data)).await
            }
            Err(error) => Err(error),
        };
        let mut answer: Answer = patched.unwrap_or_else(Into::into);
        if answer.status.is_success() {
            answer.status = StatusCode::CREATED;
        }
        answer.location = Some(format!("{}{}", self.base_url, late.path));
        self.note(late.at, &operations[late.at], answer);
    }

    /// One entry of the answer (s3.7.3): the status is a string, and the body is there when the operation failed.
    fn note(&mut self, at: usize, operation: &Operation, answer: Answer) {
        let mut result = json!({ "method": operation.method, "status": answer.status.as_str() });
        if let Some(bulk_id) = &operation.bulk_id {
            result["bulkId"] = bulk_id.clone().into();
        }
        // s3.7.3: the resource's own address, also where the path names it by its bulkId.
        let addressed = (operation.method != "POST").then(|| {
            let path = substitute_path(&operation.path, &self.known);
            format!("{}{}", self.base_url, path.as_deref().unwrap_or(&operation.path))
        });
        if let Some(location) = answer.location.or(addressed) {
            result["location"] = location.into();
        }
        if answer.status.is_success() {
            if let Some(version) = answer.version {
                result["version"] = version.into();
            }
        } else {
            result["response"] = answer.body;
        }
        self.results.insert(at, result);
    }

    /// Sends one request through the routes. Of the resource only its identifier is asked for.
    async fn send(
        &self,
        method: &str,
        path: &str,
        version: Option<&str>,
        data: Option<&Value>,
    ) -> Result<Answer, ScimError> {
        let malformed = |detail: String| request::malformed(detail);
        let shown = if method == "DELETE" { "" } else { "?attributes=id" };
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/scim/{}/v2{path}{shown}", self.slug))
            .header(header::CONTENT_TYPE, SCIM_JSON);
        if let Some(authorization) = &self.authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        if let Some(version) = version {
            request = request.header(header::IF_MATCH, version);
        }
        let body = data.filter(|data| !data.is_null()).map(Value::to_string);
        let request = request
            .body(Body::from(body.unwrap_or_default()))
            .map_err(|error| malformed(format!("the operation cannot be sent: {error}")))?;
        // A router answers whatever happens: its error type has no value.
        let Ok(response) = self.routes.clone().oneshot(request).await;
        let (parts, body) = response.into_parts();
        let text = |name| Some(parts.headers.get(name)?.to_str().ok()?.to_owned());
        let bytes = to_bytes(body, ANSWER_BYTES_MAX).await.unwrap_or_default();
        Ok(Answer {
            status: parts.status,
            location: text(header::LOCATION).or_else(|| text(header::CONTENT_LOCATION)),
            version: text(header::ETAG),
            body: serde_json::from_slice(&bytes).unwrap_or_default(),
        })
    }
}
