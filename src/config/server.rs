//! `[server]`: where and how the gateway listens.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ConfigError;

/// The section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    /// `host:port`; port 0 takes a free one.
    pub listen: String,
    /// `host:port` where `/metrics` is shown without a token; nowhere when absent. `/metrics` on `listen` needs the token of an
    /// administrator of the gateway.
    pub metrics_listen: Option<String>,
    /// The address under which clients reach the gateway, when that is another one (a proxy in front): `https://host[/path]`.
    pub public_url: Option<String>,
    /// Seconds for the head of a request to arrive, and for a connection to stay without one.
    pub header_timeout_s: u64,
    /// Seconds for a request to be answered.
    pub request_timeout_s: u64,
    /// Seconds that requests in flight are given when the gateway stops.
    pub shutdown_grace_s: u64,
    /// Bytes of a request body.
    pub body_bytes_max: usize,
    /// Connections open at once; further ones wait.
    pub connections_max: usize,
    /// The certificate chain (PEM), the gateway's own first: with it and `tls_key` the gateway speaks HTTPS.
    pub tls_certificate: Option<PathBuf>,
    /// The certificate's private key (PEM).
    pub tls_key: Option<PathBuf>,
    /// Addresses of proxies whose `X-Forwarded-For` says where a request comes from.
    pub trusted_proxies: Vec<IpAddr>,
    /// Refusals with 401 a minute to one client address; further ones are answered 429. 0 for no limit.
    pub failures_per_minute: u32,
    /// Requests a minute of one client address at the token endpoint; 0 for no limit.
    pub token_requests_per_minute: u32,
    /// Requests a minute of one client address for pages behind a secret link, such as an invitation's; 0 for no limit.
    pub page_requests_per_minute: u32,
    /// Requests a second of one administrator's token in the long run; 0 for no limit.
    pub admin_requests_per_second: u32,
    /// Requests of one administrator's token at once.
    pub admin_requests_burst: u32,
    /// Hours for which the answer to a request with an idempotency key is kept.
    pub idempotency_hours: u32,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".to_owned(),
            metrics_listen: None,
            public_url: None,
            header_timeout_s: 30,
            request_timeout_s: 60,
            shutdown_grace_s: 30,
            body_bytes_max: 4 * 1024 * 1024,
            connections_max: 10_000,
            tls_certificate: None,
            tls_key: None,
            trusted_proxies: Vec::new(),
            failures_per_minute: 300,
            token_requests_per_minute: 120,
            page_requests_per_minute: 60,
            admin_requests_per_second: 100,
            admin_requests_burst: 400,
            idempotency_hours: 24,
        }
    }
}

impl ServerConfig {
    /// Checks the section.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`].
    pub fn validate(&self) -> Result<(), ConfigError> {
        let addresses = [
            ("server.listen", Some(&self.listen)),
            ("server.metrics_listen", self.metrics_listen.as_ref()),
        ];
        for (field, address) in addresses {
            let Some(address) = address else { continue };
            let port = address.rsplit_once(':').filter(|(host, _)| !host.is_empty());
            if port.is_none_or(|(_, port)| port.parse::<u16>().is_err()) {
                let reason = format!("{address:?} is not host:port, for example 127.0.0.1:8080");
                return Err(ConfigError::invalid(field, reason));
            }
        }
        if let Some(url) = &self.public_url {
            let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
            if rest.is_none_or(|rest| rest.is_empty() || rest.contains(['?', '#', ' '])) {
                let reason = format!("{url:?} is not an address, for example https://usher.example.com");
                return Err(ConfigError::invalid("server.public_url", reason));
            }
        }
        for (field, seconds) in [
            ("server.header_timeout_s", self.header_timeout_s),
            ("server.request_timeout_s", self.request_timeout_s),
        ] {
            if !(1..=3600).contains(&seconds) {
                return Err(ConfigError::invalid(
                    field,
                    format!("{seconds} is not between 1 and 3600 seconds"),
                ));
            }
        }
        if self.shutdown_grace_s > 3600 {
            let reason = format!("{} is more than 3600 seconds", self.shutdown_grace_s);
            return Err(ConfigError::invalid("server.shutdown_grace_s", reason));
        }
        if !(1024..=1 << 30).contains(&self.body_bytes_max) {
            let reason = format!("{} is not between 1024 and 1073741824 bytes", self.body_bytes_max);
            return Err(ConfigError::invalid("server.body_bytes_max", reason));
        }
        if !(1..=1_000_000).contains(&self.connections_max) {
            let reason = format!("{} is not between 1 and 1000000", self.connections_max);
            return Err(ConfigError::invalid("server.connections_max", reason));
        }
        match (&self.tls_certificate, &self.tls_key) {
            (Some(_), None) => {
                let reason = "is missing: tls_certificate needs the private key that belongs to it";
                return Err(ConfigError::invalid("server.tls_key", reason));
            }
            (None, Some(_)) => {
                let reason = "is missing: tls_key needs the certificate that it belongs to";
                return Err(ConfigError::invalid("server.tls_certificate", reason));
            }
            (Some(_), Some(_)) | (None, None) => {}
        }
        if self.admin_requests_burst == 0 {
            let reason = "0 would let nothing in: use 1 or more, or admin_requests_per_second = 0 for no limit";
            return Err(ConfigError::invalid("server.admin_requests_burst", reason));
        }
        Ok(())
    }

    /// For the head of a request.
    #[must_use]
    pub fn header_timeout(&self) -> Duration {
        Duration::from_secs(self.header_timeout_s)
    }

    /// For an answer.
    #[must_use]
    pub fn request_timeout(&self) -> Duration {
        Duration::from_secs(self.request_timeout_s)
    }

    /// For what is in flight at the end.
    #[must_use]
    pub fn shutdown_grace(&self) -> Duration {
        Duration::from_secs(self.shutdown_grace_s)
    }
}
