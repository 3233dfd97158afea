//! The admin API through the gateway's whole router, in process, over the memory engine.

mod bootstrap;
mod custom_attributes;
mod events;
mod faults;
mod group_gives;
mod group_members;
mod group_tree;
mod groups;
mod history;
mod invitations;
mod licences;
mod local_changes;
mod metrics;
mod organisation_files;
mod profiles;
mod resources;
mod tenancy;
mod tokens;
mod users;
mod verify;
mod verify_plants;
