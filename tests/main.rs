//! The one test binary: one link step, modules by layer and surface.

mod acceptance;
mod admin;
mod cli;
mod delivery;
mod kit;
mod ldap;
mod model;
mod oauth;
mod powercut;
mod provision;
mod scim;
mod server;
mod store;
mod tidy;
