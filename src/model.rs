//! Pure types and rules: no I/O, no async, no clock.
//!
//! A SCIM resource is an [`Object`] in one canonical form: attribute names in the schema's own spelling, core attributes
//! at the top level, extension attributes under their URN, booleans as JSON booleans, and an unassigned attribute is
//! absent (never `null`, `""` or `[]`). [`normalise`] makes it, [`patch`] keeps it, [`filter`], [`projection`] and
//! [`sort`] rely on it. `schemas` is never part of it: it is derived when a resource is shown.

pub mod access;
pub mod attribute;
pub mod audit;
pub mod authority;
pub mod bulk;
pub mod clock;
pub mod connection;
pub mod cost_centre;
pub mod credential;
pub mod custom_attribute;
pub mod declaration;
pub mod deviation;
pub mod effective;
pub mod event;
pub mod filter;
pub mod fold;
pub mod group;
pub mod guest;
pub mod id;
pub mod import;
pub mod instant;
pub mod invitation;
pub mod job;
pub mod licence;
pub mod lifecycle;
pub mod list;
pub mod locale;
pub mod login;
pub mod mail;
pub mod matrix;
pub mod membership;
pub mod merge_patch;
pub mod normalise;
pub mod oauth;
pub mod organisation;
pub mod origin;
pub mod password_policy;
pub mod patch;
pub mod permission;
pub mod position;
pub mod projection;
pub mod record;
pub mod represent;
pub mod resource;
pub mod review;
pub mod role;
pub mod role_link;
pub mod schema;
pub mod scim_type;
pub mod selection;
pub mod session;
pub mod slug;
pub mod sort;
pub mod token;
pub mod user;
pub mod view;

/// A JSON object: a resource, an extension, or one element of a complex attribute.
pub type Object = serde_json::Map<String, serde_json::Value>;
