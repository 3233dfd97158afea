//! What `usher user create` gives somebody new, beside what it writes.

use clap::Args;
use serde_json::{Value, json};

use crate::cli::invitation::{Channel, word};

/// What comes with a new user: all of it, or nobody is made.
#[derive(Debug, Default, Args)]
pub struct Given {
    /// Another group to be put into: its identifier or name
    #[arg(long, value_name = "GROUP")]
    group: Vec<String>,
    /// A role in the whole organisation
    #[arg(long, value_name = "ROLE")]
    role: Vec<String>,
    /// A resource: its identifier, or TYPE:NAME
    #[arg(long, value_name = "RESOURCE")]
    resource: Vec<String>,
    /// Make an invitation at once; without it, as the organisation's invite_new_users says
    #[arg(long)]
    invite: bool,
    /// Make no invitation, whatever the organisation says
    #[arg(long, conflicts_with = "invite")]
    prepared: bool,
    /// How the invitation is handed over: link prints its secret once. Without this by email where there is an address, else by link
    #[arg(long)]
    channel: Option<Channel>,
}

impl Given {
    /// Adds what is given to the document of a new user.
    pub fn add_to(&self, document: &mut Value) {
        document["groups"] = json!(self.group);
        document["roles"] = json!(self.role);
        document["resources"] = json!(self.resource);
        if self.invite || self.prepared {
            document["invite"] = json!(self.invite);
        }
        if let Some(channel) = self.channel {
            document["channel"] = json!(word(channel));
        }
    }
}
