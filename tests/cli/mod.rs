//! The built program: starting, stopping, and every command line.

mod commands;
mod configuration;
mod connection;
mod damage;
mod groups;
mod journal;
mod organisation_files;
mod review;
mod start;
mod stop;
mod sync;
