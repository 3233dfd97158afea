//! Pure types and rules: no I/O, no async, no clock.
//!
//! A SCIM resource is an [`Object`] in one canonical form: attribute names in the schema's own spelling, core attributes
//! at the top level, extension attributes under their URN, booleans as JSON booleans, and an unassigned attribute is
//! absent (never `null`, `""` or `[]`). [`normalise`] makes it, [`patch`] keeps it, [`filter`], [`projection`] and
//! [`sort`] rely on it. `schemas` is never part of it: it is derived when a resource is shown.

pub mod attribute;
pub mod deviation;
pub mod filter;
pub mod fold;
pub mod instant;
pub mod normalise;
pub mod patch;
pub mod projection;
pub mod schema;
pub mod scim_type;
pub mod sort;

/// A JSON object: a resource, an extension, or one element of a complex attribute.
pub type Object = serde_json::Map<String, serde_json::Value>;
