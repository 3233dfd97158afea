//! What an operator may choose about the embedded engine.

use std::time::Duration;

/// The settings of a [`super::SledStore`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SledSettings {
    /// Bytes of memory for pages that were read; 256 MiB unless told.
    pub cache_bytes: u64,
    /// How long a group of commits may take before the health is [`crate::store::Health::Stalled`]; 3 seconds unless told.
    pub stall_after: Duration,
    /// How long a group of commits may take before the process ends, for its supervisor to start it again; 20 seconds
    /// unless told.
    pub abort_after: Duration,
}

impl Default for SledSettings {
    fn default() -> Self {
        Self {
            cache_bytes: 256 * 1024 * 1024,
            stall_after: Duration::from_secs(3),
            abort_after: Duration::from_secs(20),
        }
    }
}
