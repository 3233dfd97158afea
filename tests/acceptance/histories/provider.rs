//! What else an identity provider does: bulk requests, the forms of PATCH, and what it is not let do.

use axum::http::Method;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::act::Act;
use super::step::{patch, person};
use super::world::World;
use crate::kit::scim::{GROUP, USER};

pub(super) async fn take(act: &Act, world: &mut World) -> Result<(), TestCaseError> {
    let user = world.user(act.who);
    let group = world.group(act.who);
    match act.verb % 10 {
        0..=2 => bulk(act, world).await,
        3 => {
            // Entra's forms: capital words, no path, a path with a value of its own.
            let change = json!([
                { "op": "Replace", "value": { "displayName": "Other", "active": act.yes } },
                { "op": "Add", "path": "emails[type eq \"work\"].value", "value": format!("person{}@acme.example", act.what % 6) },
            ]);
            world.scim(Method::PATCH, &user, Some(patch(change))).await
        }
        4 => {
            let change = json!([{ "op": "replace", "path": "userName", "value": format!("PERSON{}", act.what % 6) }]);
            world.scim(Method::PATCH, &user, Some(patch(change))).await
        }
        5 => {
            let values = if act.yes {
                json!([{ "value": "agent" }])
            } else {
                json!([])
            };
            let change = json!([{ "op": "replace", "path": "roles", "value": values }]);
            world.scim(Method::PATCH, &user, Some(patch(change))).await
        }
        6 => {
            let urn = format!("urn:usher:scim:schemas:extension:{}:2.0:User", world.slug);
            let change =
                json!([{ "op": "add", "path": format!("{urn}:badge"), "value": format!("b{}", act.what % 6) }]);
            world.scim(Method::PATCH, &user, Some(patch(change))).await
        }
        7 => {
            let change = json!([
                { "op": "remove", "path": "members" },
                { "op": "add", "path": "members", "value": world.members(&[act.what, act.verb]) },
                { "op": "replace", "value": { "externalId": format!("e{}", act.what % 3) } },
            ]);
            world.scim(Method::PATCH, &group, Some(patch(change))).await
        }
        8 => {
            let body = json!({ "schemas": [GROUP], "displayName": "staff", "members": world.members(&[act.what]) });
            world.scim(Method::PUT, &group, Some(body)).await
        }
        _ => {
            // Read only: whatever is sent there is refused.
            let path = act.one_of(&["Roles/agent", "Licences/pro", "Schemas", "ServiceProviderConfig"]);
            let method = if act.yes { Method::PUT } else { Method::DELETE };
            world.scim(method, path, Some(json!({ "schemas": [USER] }))).await
        }
    }
}

/// Several operations in one request, which refer to each other.
async fn bulk(act: &Act, world: &mut World) -> Result<(), TestCaseError> {
    let (one, other) = (act.who % 6, act.what % 6);
    let members = json!([{ "value": "bulkId:one" }, { "value": "bulkId:other" }]);
    let operations = json!([
        { "method": "POST", "path": "/Users", "bulkId": "one", "data": person(one) },
        { "method": "POST", "path": "/Users", "bulkId": "other", "data": person(other) },
        { "method": "POST", "path": "/Groups", "bulkId": "group",
          "data": { "schemas": [GROUP], "displayName": format!("bulk{}", act.verb % 3), "members": members } },
        { "method": "PATCH", "path": format!("/{}", world.user(act.what)),
          "data": patch(json!([{ "op": "replace", "path": "active", "value": act.yes }])) },
        { "method": "DELETE", "path": format!("/{}", world.user(act.who)) },
    ]);
    let body = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
        "failOnErrors": if act.yes { json!(1) } else { Value::Null },
        "Operations": operations,
    });
    let done = world.provide(Method::POST, "Bulk", Some(body)).await?;
    for result in done.body["Operations"].as_array().into_iter().flatten() {
        world.note_location(result["location"].as_str().unwrap_or_default());
    }
    Ok(())
}
