//! The model: schemas, filters, normalisation, PATCH, projection and order of SCIM resources.

mod custom_attributes;
mod filter_limits;
mod filter_matching;
mod filter_oracle;
mod filter_plan;
mod filter_syntax;
mod normalise;
mod password_policy;
mod patch_clients;
mod patch_oracle;
mod patch_refusals;
mod patch_rfc;
mod permissions;
mod projection;
mod properties;
mod role_links;
mod samples;
mod schema;
mod sort;
mod sub_attributes;
