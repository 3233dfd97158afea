//! The attributes of a user that a mapping may write: the one place that knows the schema.

/// The enterprise extension (RFC 7643 section 4.3).
pub const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
/// The core schema (RFC 7643 section 4.1).
pub(super) const CORE: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

/// The form of an attribute's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Text,
    Boolean,
    /// Sub-attributes; a plain text goes into the first.
    Complex(&'static [&'static str]),
    /// Several values with sub-attributes; a plain text goes into the first.
    Several(&'static [&'static str]),
}

const NAME: &[&str] = &[
    "formatted",
    "familyName",
    "givenName",
    "middleName",
    "honorificPrefix",
    "honorificSuffix",
];
const PLAIN: &[&str] = &["value", "display", "type", "primary"];
const ADDRESS: &[&str] = &[
    "formatted",
    "streetAddress",
    "locality",
    "region",
    "postalCode",
    "country",
    "type",
    "primary",
];
const MANAGER: &[&str] = &["value", "displayName"];

/// The core attributes that a directory may give. Left out: what the server makes (`id`, `meta`, `groups`), what the stable
/// id gives (`externalId`), secrets, and `roles`, which only grant rules give.
pub(super) const CORE_ATTRIBUTES: &[(&str, Form)] = &[
    ("userName", Form::Text),
    ("name", Form::Complex(NAME)),
    ("displayName", Form::Text),
    ("nickName", Form::Text),
    ("profileUrl", Form::Text),
    ("title", Form::Text),
    ("userType", Form::Text),
    ("preferredLanguage", Form::Text),
    ("locale", Form::Text),
    ("timezone", Form::Text),
    ("active", Form::Boolean),
    ("emails", Form::Several(PLAIN)),
    ("phoneNumbers", Form::Several(PLAIN)),
    ("ims", Form::Several(PLAIN)),
    ("photos", Form::Several(PLAIN)),
    ("addresses", Form::Several(ADDRESS)),
    ("entitlements", Form::Several(PLAIN)),
    ("x509Certificates", Form::Several(PLAIN)),
];

pub(super) const ENTERPRISE_ATTRIBUTES: &[(&str, Form)] = &[
    ("employeeNumber", Form::Text),
    ("costCenter", Form::Text),
    ("organization", Form::Text),
    ("division", Form::Text),
    ("department", Form::Text),
    ("manager", Form::Complex(MANAGER)),
];
