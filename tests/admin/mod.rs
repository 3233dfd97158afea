//! The admin API through the gateway's whole router, in process, over the memory engine.

mod bootstrap;
mod custom_attributes;
mod events;
mod faults;
mod history;
mod invitations;
mod licences;
mod local_changes;
mod metrics;
mod organisation_files;
mod permissions;
mod persons;
mod profiles;
mod role_links;
mod roles;
mod tenancy;
mod tokens;
mod users;
mod verify;
mod verify_plants;
