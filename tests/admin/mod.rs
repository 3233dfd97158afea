//! The admin API through the gateway's whole router, in process, over the memory engine.

mod bootstrap;
mod credential_plants;
mod custom_attributes;
mod events;
mod faults;
mod history;
mod invitations;
mod licences;
mod local_changes;
mod metrics;
mod organisation_files;
mod passwords;
mod people;
mod profiles;
mod second_factor;
mod sessions;
mod sign_in;
mod tenancy;
mod tokens;
mod users;
mod verify;
mod verify_plants;
