//! Which gateway a command talks to.

use std::path::PathBuf;

use clap::Args;

/// Where the gateway is: an address with a token, or the data folder of this machine.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Which gateway")]
pub struct Target {
    /// The gateway's address, https://host:port; else it is found from the data folder
    #[arg(long, value_name = "URL", env = "USHER_URL", global = true)]
    pub url: Option<String>,
    /// An administrator token; else the one in bootstrap.json of the data folder. Better in the environment than in the process list
    #[arg(
        long,
        value_name = "TOKEN",
        env = "USHER_TOKEN",
        hide_env_values = true,
        global = true
    )]
    pub token: Option<String>,
    /// The data folder; when no gateway serves it, the command opens the store itself [default: ./data]
    #[arg(long, value_name = "DIR", env = "USHER_DATA", global = true)]
    pub data: Option<PathBuf>,
    /// The gateway's configuration file, for its data folder
    #[arg(long, value_name = "FILE", env = "USHER_CONFIG", global = true)]
    pub config: Option<PathBuf>,
}
