//! What tests share: real services started on free ports, and clients that are values.

pub mod scim;
