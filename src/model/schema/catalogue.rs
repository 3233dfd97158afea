//! The schemas that are built in. The documents beside this file leave out what is the RFC's default (section 2.2).
//!
//! The characteristics are those of RFC 7643 section 8.7, with three additions that its prose asks for:
//! `addresses.primary` (section 2.4, and used by RFC 7644 section 3.5.2.3), `members.display` (section 2.4), and
//! `Group.displayName` is required (section 4.2).

use std::sync::{Arc, LazyLock};

use super::Schema;

/// `schemas`, `id`, `externalId` and `meta` (RFC 7643 section 3.1). Not a schema of its own: `/Schemas` does not show it.
pub static COMMON: LazyLock<Arc<Schema>> = LazyLock::new(|| embedded(include_str!("common.json")));
/// The core User (RFC 7643 section 4.1).
pub static USER: LazyLock<Arc<Schema>> = LazyLock::new(|| embedded(include_str!("user.json")));
/// The core Group (RFC 7643 section 4.2).
pub static GROUP: LazyLock<Arc<Schema>> = LazyLock::new(|| embedded(include_str!("group.json")));
/// The enterprise extension of User (RFC 7643 section 4.3).
pub static ENTERPRISE_USER: LazyLock<Arc<Schema>> = LazyLock::new(|| embedded(include_str!("enterprise_user.json")));
/// Usher's extension of User: life cycle and seats, all of it read-only.
pub static USHER_USER: LazyLock<Arc<Schema>> = LazyLock::new(|| embedded(include_str!("usher_user.json")));
/// Usher's extension of Group: kind, hierarchy and the roles of members.
pub static USHER_GROUP: LazyLock<Arc<Schema>> = LazyLock::new(|| embedded(include_str!("usher_group.json")));
/// A role, as Okta's entitlement discovery knows it; it has no schema of its own in the RFCs.
pub static ROLE: LazyLock<Arc<Schema>> = LazyLock::new(|| embedded(include_str!("role.json")));
/// A licence, as Okta's entitlement discovery knows it.
pub static LICENCE: LazyLock<Arc<Schema>> = LazyLock::new(|| embedded(include_str!("licence.json")));
/// Usher's extension of Role.
pub static USHER_ROLE: LazyLock<Arc<Schema>> = LazyLock::new(|| embedded(include_str!("usher_role.json")));
/// Usher's extension of Licence.
pub static USHER_LICENCE: LazyLock<Arc<Schema>> = LazyLock::new(|| embedded(include_str!("usher_licence.json")));
/// The service provider's configuration (RFC 7643 section 5).
pub static SERVICE_PROVIDER_CONFIG: LazyLock<Arc<Schema>> =
    LazyLock::new(|| embedded(include_str!("service_provider_config.json")));
/// The bounds of requests, on the service provider's configuration.
pub static USHER_SERVICE_PROVIDER_CONFIG: LazyLock<Arc<Schema>> =
    LazyLock::new(|| embedded(include_str!("usher_service_provider_config.json")));
/// A resource type (RFC 7643 section 6).
pub static RESOURCE_TYPE: LazyLock<Arc<Schema>> = LazyLock::new(|| embedded(include_str!("resource_type.json")));
/// A schema (RFC 7643 section 7).
pub static SCHEMA: LazyLock<Arc<Schema>> = LazyLock::new(|| embedded(include_str!("schema.json")));

/// The schemas of the discovery endpoints themselves (RFC 7643 section 8.7.2).
#[must_use]
pub fn protocol_schemas() -> [Arc<Schema>; 4] {
    [
        Arc::clone(&SERVICE_PROVIDER_CONFIG),
        Arc::clone(&USHER_SERVICE_PROVIDER_CONFIG),
        Arc::clone(&RESOURCE_TYPE),
        Arc::clone(&SCHEMA),
    ]
}

fn embedded(document: &str) -> Arc<Schema> {
    // The documents are part of the binary, and a test reads every one of them.
    Arc::new(serde_json::from_str(document).expect("a built-in schema is well formed"))
}
