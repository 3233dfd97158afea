//! `usher serve`.

use std::path::PathBuf;

use clap::Args;

use super::failure::Failure;
use crate::config::{Config, Overrides};
use crate::{server, telemetry};

/// Start the gateway.
///
/// Without any configuration it listens on 127.0.0.1:8080 and keeps its data in ./data. The first start on an empty folder
/// makes an organisation, a SCIM connection and an administrator token, prints them once and writes them to
/// bootstrap.json in the data folder. SIGTERM or Ctrl-C stops it in order.
#[derive(Debug, Args)]
#[command(after_help = concat!(
    "Examples:\n",
    "  usher serve\n",
    "  usher serve --listen 0.0.0.0:8080 --data /var/lib/usher\n",
    "  usher serve --listen 127.0.0.1:0          takes a free port and says which\n",
    "  usher serve --config /etc/usher.toml      see config/usher.example.toml\n\n",
    "Exit codes: 0 stopped in order, 1 could not start or stop, 2 wrong usage or configuration",
))]
pub struct Serve {
    /// Where to listen, host:port; port 0 takes a free one [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR", env = "USHER_LISTEN")]
    listen: Option<String>,
    /// The data folder [default: ./data]
    #[arg(long, value_name = "DIR", env = "USHER_DATA")]
    data: Option<PathBuf>,
    /// A configuration file (TOML)
    #[arg(long, value_name = "FILE", env = "USHER_CONFIG")]
    config: Option<PathBuf>,
}

impl Serve {
    /// Runs until a signal.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn run(self) -> Result<(), Failure> {
        let overrides = Overrides {
            listen: self.listen,
            data: self.data,
        };
        let config = Config::load(self.config.as_deref(), overrides)?;
        telemetry::start(&config.log)?;
        Ok(server::serve(&config, &mut std::io::stdout()).await?)
    }
}
