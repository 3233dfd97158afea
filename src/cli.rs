//! The command line: one subcommand per file. All but `serve` and `check` work through the admin API of a running gateway, or
//! on the store itself when no gateway serves it; they have no rules of their own.

pub mod access;
pub mod apply;
pub mod audit;
pub mod bulk;
pub mod check;
pub mod choosing;
pub mod connection;
pub mod cost_centre;
pub mod credential;
pub mod difference;
mod export;
pub mod failure;
pub mod gateway;
pub mod group;
pub mod group_edit;
pub mod group_settings;
pub mod guest;
pub mod import;
pub mod invitation;
pub mod journal;
pub mod licence;
pub mod mail;
pub mod org;
pub mod output;
pub mod password_policy;
pub mod permission;
pub mod pinned;
pub mod plan;
pub mod privacy;
pub mod profile;
pub mod prompt;
pub mod resource;
pub mod review;
pub mod rights;
pub mod role;
pub mod runs;
pub mod serve;
pub mod sync;
pub mod tables;
pub mod target;
pub mod template;
pub mod token;
pub mod user;
pub mod verify;
pub mod view;

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use failure::Failure;

/// What `usher --help` ends with.
const START_HERE: &str = "\
Start here:
  usher serve                      start the gateway; the first start prints what to enter where
  usher user list                  see who came in
  usher apply organisation.toml    declare licences, roles and connections
  usher connection test corp       try a connection out, and see what to put right
  usher sync corp --dry-run        see what a directory would change

Exit codes:
  0  done
  1  failed; the message says what and what to do
  2  wrong usage or configuration
  3  no gateway and no store can be reached
  4  done, with a result that needs a person: a held plan, violations found";

/// Provisions people, groups and seats from identity providers (SCIM 2.0) and directories (LDAP).
#[derive(Debug, Parser)]
#[command(name = "usher", version, propagate_version = true, max_term_width = 100)]
#[command(after_help = START_HERE)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Serve),
    Apply(apply::Apply),
    Connection(connection::Connection),
    Sync(sync::Sync),
    Review(review::Review),
    Org(org::Org),
    Profile(profile::Profile),
    User(user::User),
    Bulk(bulk::Bulk),
    Import(import::Import),
    Export(tables::Export),
    Group(group::Group),
    Guest(guest::Guest),
    Role(role::Role),
    Permission(permission::Permission),
    Access(access::Access),
    Resource(resource::Resource),
    Licence(licence::Licence),
    CostCentre(cost_centre::CostCentre),
    Invitation(invitation::Invitation),
    Mail(mail::Mail),
    Template(template::Template),
    View(view::View),
    Journal(journal::Journal),
    Audit(audit::Audit),
    Privacy(privacy::Privacy),
    PasswordPolicy(password_policy::PasswordPolicy),
    Token(token::Token),
    Check(check::Check),
    Verify(verify::Verify),
}

/// Runs a command line and answers with its exit code.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(told) => {
            // Help and version go to standard output with code 0, everything else to standard error with code 2.
            let code = if told.use_stderr() { 2 } else { 0 };
            return if told.print().is_ok() {
                ExitCode::from(code)
            } else {
                ExitCode::FAILURE
            };
        }
    };
    let outcome = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("the runtime cannot start: {error}")))
        .and_then(|runtime| runtime.block_on(arguments.command.run()));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // When standard error is closed there is nobody to tell.
            let told = writeln!(std::io::stderr(), "usher: {failure}");
            drop(told);
            failure.code()
        }
    }
}

impl Command {
    async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Serve(command) => command.run().await,
            Self::Apply(command) => command.run().await,
            Self::Connection(command) => command.run().await,
            Self::Sync(command) => command.run().await,
            Self::Review(command) => command.run().await,
            Self::Org(command) => command.run().await,
            Self::Profile(command) => command.run(),
            Self::User(command) => command.run().await,
            Self::Bulk(command) => command.run().await,
            Self::Import(command) => command.run().await,
            Self::Export(command) => command.run().await,
            Self::Group(command) => command.run().await,
            Self::Guest(command) => command.run().await,
            Self::Role(command) => command.run().await,
            Self::Permission(command) => command.run().await,
            Self::Access(command) => command.run().await,
            Self::Resource(command) => command.run().await,
            Self::Licence(command) => command.run().await,
            Self::CostCentre(command) => command.run().await,
            Self::Invitation(command) => command.run().await,
            Self::Mail(command) => command.run().await,
            Self::Template(command) => command.run().await,
            Self::View(command) => command.run().await,
            Self::Journal(command) => command.run().await,
            Self::Audit(command) => command.run().await,
            Self::Privacy(command) => command.run().await,
            Self::PasswordPolicy(command) => command.run().await,
            Self::Token(command) => command.run().await,
            Self::Check(command) => command.run(),
            Self::Verify(command) => command.run().await,
        }
    }
}
