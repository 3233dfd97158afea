//! The OpenAPI 3.1 document of the admin API, served at `/api/v1/openapi.json`.
//!
//! It is made from the table of routes in [`super::routes`] and from the descriptions in the files beside this one. A route that
//! nobody described is in the document all the same, with nothing but its address; a test fails until somebody does, and
//! also when a description has no route.

mod audit;
mod bulk;
mod connections;
mod credentials;
pub mod description;
mod groups;
mod guests;
mod licences;
mod mail;
mod organisations;
mod permissions;
mod privacy;
mod resources;
mod roles;
pub mod schema;
mod sheets;
mod tokens;
mod users;
mod views;

use std::sync::LazyLock;

use axum::Json;
use serde_json::{Map, Value, json};

use super::routes::Served;
use description::Description;

/// Every description. One line for each file.
fn descriptions() -> Vec<Description> {
    [
        organisations::descriptions(),
        audit::descriptions(),
        bulk::descriptions(),
        connections::descriptions(),
        groups::descriptions(),
        guests::descriptions(),
        licences::descriptions(),
        tokens::descriptions(),
        users::descriptions(),
        credentials::descriptions(),
        mail::descriptions(),
        permissions::descriptions(),
        resources::descriptions(),
        sheets::descriptions(),
        roles::descriptions(),
        privacy::descriptions(),
        views::descriptions(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Schemas that several answers share, by name.
fn components() -> Map<String, Value> {
    [
        organisations::components(),
        audit::components(),
        bulk::components(),
        connections::components(),
        groups::components(),
        guests::components(),
        licences::components(),
        tokens::components(),
        users::components(),
        credentials::components(),
        mail::components(),
        permissions::components(),
        resources::components(),
        sheets::components(),
        roles::components(),
        views::components(),
    ]
    .into_iter()
    .flatten()
    .map(|(name, schema)| (name.to_owned(), schema))
    .collect()
}

/// `GET /openapi.json`: this document; it holds nothing of anybody, so it needs no token.
pub async fn retrieve() -> Json<&'static Value> {
    Json(document())
}

/// The document.
#[must_use]
pub fn document() -> &'static Value {
    static DOCUMENT: LazyLock<Value> = LazyLock::new(|| write(super::routes().served(), &descriptions()));
    &DOCUMENT
}

/// Where the routes and their descriptions part, one sentence each; none when all is well.
#[must_use]
pub fn faults() -> Vec<String> {
    let routes = super::routes();
    let descriptions = descriptions();
    let undescribed = routes
        .served()
        .iter()
        .filter(|served| !descriptions.iter().any(|description| description.is_of(served)))
        .map(|served| format!("{} {} is served and not described", served.method, served.path));
    let unserved = descriptions
        .iter()
        .filter(|description| !routes.served().iter().any(|served| description.is_of(served)))
        .map(|description| format!("{description} is described and not served"));
    undescribed.chain(unserved).collect()
}

fn write(served: &[Served], descriptions: &[Description]) -> Value {
    let mut paths = Map::new();
    for route in served {
        let known = descriptions.iter().find(|description| description.is_of(route));
        let operation = match known {
            Some(description) => description.operation(),
            None => Description::undescribed(route).operation(),
        };
        let path = paths.entry(route.path.clone()).or_insert_with(|| json!({}));
        path[route.method.as_str().to_ascii_lowercase()] = operation;
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "usher: admin API",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Users, groups, roles, licences and invitations of the organisations of this gateway. \
                            Refusals are problem documents (RFC 9457).",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/api/v1" }],
        "security": [{ "token": [] }],
        "paths": paths,
        "components": {
            "schemas": components(),
            "responses": description::responses(),
            "parameters": description::parameters(),
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "a token of an organisation's administration, or of the gateway's",
                },
                "session": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "the token of a person's session, as signing in answers it",
                },
            },
        },
    })
}
