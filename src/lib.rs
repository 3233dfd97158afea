//! Usher: a SCIM 2.0 / LDAP identity provisioning gateway.
//!
//! # The map
//!
//! Layers look down only; `tests/tidy.rs` checks it.
//!
//! * [`cli`]: the command line, one subcommand per file. Works through the admin API of a running gateway, or in process.
//! * [`server`]: the composition root. Binds the port, opens the store, puts the doors together, stops in order. The only place
//!   that names a concrete engine. [`config`] is what an operator may set, [`telemetry`] what is logged, [`server::metrics`] what
//!   is counted.
//! * The doors (adapters), none of which has rules of its own:
//!   [`scim`] (RFC 7643 and 7644: one file per operation), [`admin`] (the JSON API under `/api/v1`: one file per noun),
//!   [`oauth`] (the token endpoint: RFC 6749, 7523 and 8414), [`invitee`] (the page behind an invitation's link),
//!   [`ldap`] (reads a directory completely or not at all).
//!   [`rate`] bounds how often one client may knock.
//! * [`delivery`]: what leaves the gateway after a commit: mail from the outbox.
//! * [`provision`]: how an outside identity becomes a user: match, map, decide who has the say, plan, play through, brake, apply.
//! * [`directory`]: the use-cases and rules over the store: [`directory::unit`] (what was read becomes what must still hold),
//!   [`directory::user`], [`directory::group`], [`directory::membership`], [`directory::seat`] (the one ledger of seats),
//!   [`directory::query`], [`directory::keys`] (every key of the store), [`directory::verify`] (every invariant, over everything),
//!   [`directory::upgrade`] (what a release changes in keys).
//! * [`store`]: the contract (an ordered map with atomic, durable, conditional commits) and its engines
//!   [`store::memory`] and [`store::sled`].
//! * [`sheet`]: tables as files, CSV and XLSX: cells in, bytes out, and back.
//! * [`model`]: pure types and rules: the records, the life cycle, and the SCIM language ([`model::schema`], [`model::filter`],
//!   [`model::patch`], [`model::normalise`], [`model::projection`]).
//!
//! # Follow a request
//!
//! `POST /scim/acme/v2/Users`, as Entra sends it:
//!
//! 1. [`server::app`] gives it an identifier, a time limit and a span; [`scim::router`] finds the row for section 3.3.
//! 2. [`scim::access`] turns the bearer token into a permit: [`directory::Directory::authenticate`], then the organisation in the
//!    path, which must be the token's own.
//! 3. [`scim::body`] reads the JSON, [`model::normalise`] checks it against the schema and puts right what the connection
//!    tolerates.
//! 4. [`scim::create`] runs one operation: [`provision::matching`] (is this person known?), [`provision::person`] (what may the
//!    connection write, what does it give?), [`directory::user`] (names, indexes, events) and [`directory::seat`] (is a seat free?).
//! 5. [`directory::Directory::run`] commits the unit: everything that the decision relied on is a precondition. When another
//!    change came first, the operation is attempted again.
//! 6. [`store::sled`] makes it durable, together with other commits of the moment, and answers.
//! 7. [`scim::response`] shows the resource; an error takes the same way back and becomes a status in [`scim::error`] only.
//!
//! A directory entry joins the same walk at step 4, once a whole run was read, planned and found within its brake.

pub mod admin;
pub mod cli;
pub mod config;
pub mod delivery;
pub mod directory;
pub mod invitee;
pub mod ldap;
pub mod model;
pub mod oauth;
pub mod provision;
pub mod rate;
pub mod scim;
pub mod server;
pub mod sheet;
pub mod store;
pub mod telemetry;
