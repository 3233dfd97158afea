//! What five products need of users and groups, told once for each product and through three doors: the identity provider's
//! (SCIM), the admin API, and the command line. Each runs against the built program with the product's profile from
//! `config/profiles` and nothing else of its own.
//!
//! A directory's door (LDAP) leads to the same model by `provision`; it has its own tests, with real servers. The console is not
//! there yet: what people will do in it is done here with the tokens of people who signed in.

mod actor;
mod call_tracking;
mod group_work;
mod meetings;
mod remote_experts;
mod stage;
mod telephone_teams;

use stage::{Door, Stage};
