//! Resources and shorthands for the tests of the model.

use serde_json::{Value, json};
use usher::model::Object;
use usher::model::deviation::Strictness;
use usher::model::filter::{Filter, ResolvedFilter};
use usher::model::patch::{PatchError, PatchLimits, PatchRequest, Patched, patch};
use usher::model::schema::SchemaSet;

pub(crate) const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
pub(crate) const PATCH_OP: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// The object that a JSON value is.
#[track_caller]
pub(crate) fn object(value: Value) -> Object {
    value.as_object().cloned().expect("an object")
}

/// A user with something in every kind of attribute.
pub(crate) fn barbara() -> Object {
    object(json!({
        "id": "2819c223-7f76-453a-919d-413861904646",
        "externalId": "bjensen",
        "userName": "bjensen@example.com",
        "name": {"familyName": "Jensen", "givenName": "Barbara"},
        "title": "Tour Guide",
        "userType": "Employee",
        "active": true,
        "emails": [
            {"value": "bjensen@example.com", "type": "work", "primary": true},
            {"value": "babs@jensen.org", "type": "home"}
        ],
        "addresses": [{"type": "work", "locality": "Hollywood", "country": "US"}],
        "roles": [{"value": "admin", "primary": true}],
        "groups": [{"value": "e9e30dba", "display": "Tour Guides"}],
        "meta": {"resourceType": "User", "lastModified": "2011-05-13T04:42:34Z"},
        ENTERPRISE: {
            "employeeNumber": "701984",
            "department": "Tour Operations",
            "manager": {"value": "26118915", "$ref": "../Users/26118915"}
        }
    }))
}

/// A filter over users.
#[track_caller]
pub(crate) fn user_filter(text: &str) -> ResolvedFilter {
    let filter: Filter = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
    filter
        .resolve(&SchemaSet::user(), Strictness::Lenient)
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// A PATCH of a user with these operations.
pub(crate) fn patch_user(current: &Object, operations: Value, strictness: Strictness) -> Result<Patched, PatchError> {
    let body = json!({"schemas": [PATCH_OP], "Operations": operations});
    let request = PatchRequest::parse(body, PatchLimits::default(), strictness)?;
    patch(&SchemaSet::user(), current, &request, strictness)
}

/// A PATCH of a group with these operations.
pub(crate) fn patch_group(operations: Value, strictness: Strictness) -> Result<Patched, PatchError> {
    let body = json!({"schemas": [PATCH_OP], "Operations": operations});
    let request = PatchRequest::parse(body, PatchLimits::default(), strictness)?;
    let current = object(json!({"id": "acbf3ae7", "displayName": "Tour Guides"}));
    patch(&SchemaSet::group(), &current, &request, strictness)
}

/// The resource after a lenient PATCH that must succeed.
#[track_caller]
pub(crate) fn patched(current: &Object, operations: Value) -> Object {
    patch_user(current, operations.clone(), Strictness::Lenient)
        .unwrap_or_else(|error| panic!("{operations}: {error}"))
        .resource
}
