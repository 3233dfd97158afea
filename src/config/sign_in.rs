//! `[sign_in]`: what signing in costs, and what repeated failures from one address lead to. What an organisation asks of its
//! people is in its own password policy.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ConfigError;

/// The section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SignInConfig {
    /// Kibibytes of memory that hashing a password takes (argon2id).
    pub hash_memory_kib: u32,
    /// Passes over it.
    pub hash_iterations: u32,
    /// Lanes.
    pub hash_parallelism: u32,
    /// Passwords hashed at once.
    pub hashes_at_once: usize,
    /// Wrong sign-ins from one client address until it has to wait; 0 for no limit. They are forgotten after a quarter of an
    /// hour without one.
    pub address_attempts: u32,
    /// Seconds of the first wait; each further failure doubles it.
    pub address_first_delay_s: u64,
    /// Seconds of the longest wait.
    pub address_max_delay_s: u64,
    /// The environment variable with the key that secrets of second factors are encrypted with; without it, the key is made
    /// at the first start and kept in `<data>/secret.key`.
    pub key_env: Option<String>,
}

impl Default for SignInConfig {
    fn default() -> Self {
        Self {
            hash_memory_kib: 19 * 1024,
            hash_iterations: 2,
            hash_parallelism: 1,
            hashes_at_once: 4,
            address_attempts: 20,
            address_first_delay_s: 1,
            address_max_delay_s: 300,
            key_env: None,
        }
    }
}

impl SignInConfig {
    /// Checks the section.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`].
    pub fn validate(&self) -> Result<(), ConfigError> {
        let lanes = u64::from(self.hash_parallelism);
        for (field, value, least, most) in [
            ("sign_in.hash_parallelism", lanes, 1, 64),
            // RFC 9106 s3.1: at least eight blocks of one KiB for each lane.
            (
                "sign_in.hash_memory_kib",
                u64::from(self.hash_memory_kib),
                8 * lanes,
                4 << 20,
            ),
            ("sign_in.hash_iterations", u64::from(self.hash_iterations), 1, 100),
            ("sign_in.hashes_at_once", self.hashes_at_once as u64, 1, 1_024),
            ("sign_in.address_first_delay_s", self.address_first_delay_s, 1, 3_600),
            ("sign_in.address_max_delay_s", self.address_max_delay_s, 1, 86_400),
        ] {
            if !(least..=most).contains(&value) {
                return Err(ConfigError::invalid(
                    field,
                    format!("{value} is not between {least} and {most}"),
                ));
            }
        }
        Ok(())
    }

    /// The first wait of an address.
    #[must_use]
    pub fn address_first_delay(&self) -> Duration {
        Duration::from_secs(self.address_first_delay_s)
    }

    /// The longest wait of an address.
    #[must_use]
    pub fn address_max_delay(&self) -> Duration {
        Duration::from_secs(self.address_max_delay_s)
    }
}
