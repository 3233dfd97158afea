//! What `usher user create` gives somebody new, beside what it writes.

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

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
    /// How the invitation is handed over: link prints its secret once
    #[arg(long, value_enum, default_value_t)]
    channel: Channel,
}

/// How an invitation reaches the person.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Channel {
    /// The link is printed, to be handed over
    #[default]
    Link,
    /// The gateway sends a mail
    Email,
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
        document["channel"] = json!(match self.channel {
            Channel::Link => "link",
            Channel::Email => "email",
        });
    }
}
