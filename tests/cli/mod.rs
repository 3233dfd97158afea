//! The built program: starting, stopping, and every command line.

mod audit;
mod bulk;
mod commands;
mod configuration;
mod connection;
mod damage;
mod groups;
mod journal;
mod lists;
mod mail;
mod organisation_files;
mod pages;
mod passwords;
mod people;
mod privacy;
mod review;
mod role;
mod routes;
mod secret;
mod sheets;
mod start;
mod stop;
mod sync;
