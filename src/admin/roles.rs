//! Roles.

use axum::Json;
use serde_json::{Value, json};

use super::caller::Administrator;

/// `GET .../roles`: all, in the order of their keys.
pub async fn list(caller: Administrator) -> Json<Value> {
    let roles: Vec<_> = caller.settings.roles.values().collect();
    Json(json!({ "items": roles }))
}
