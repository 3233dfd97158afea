//! Waits that grow with each failure, one for each key: what repeated wrong sign-ins from one address lead to.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::Wait;

/// Failures are forgotten after this long without one.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(15 * 60);
/// Keys that are remembered; above it, those that need not wait at the moment are forgotten first.
const KEYS_MAX: usize = 100_000;

/// How waits grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Growth {
    /// Failures until the first wait; 0 for none ever.
    pub attempts: u32,
    /// The first wait; each further failure doubles it.
    pub first: Duration,
    /// The longest.
    pub max: Duration,
}

impl Growth {
    /// Nobody ever waits.
    pub const NONE: Self = Self {
        attempts: 0,
        first: Duration::ZERO,
        max: Duration::ZERO,
    };

    fn wait(&self, failures: u32) -> Duration {
        let further = failures.saturating_sub(self.attempts).min(31);
        self.first.saturating_mul(1 << further).min(self.max)
    }
}

/// The failures of each key.
pub struct Delays<K> {
    growth: Growth,
    known: Mutex<HashMap<K, Failures>>,
}

struct Failures {
    many: u32,
    last: Instant,
    until: Instant,
}

impl<K: Hash + Eq> Delays<K> {
    /// With this growth.
    #[must_use]
    pub fn new(growth: Growth) -> Self {
        Self {
            growth,
            known: Mutex::default(),
        }
    }

    /// Whether the key may try at `now`.
    ///
    /// # Errors
    /// [`Wait`] with the whole seconds until it may.
    pub fn check(&self, key: &K, now: Instant) -> Result<(), Wait> {
        let known = self.known.lock();
        match known
            .get(key)
            .and_then(|failures| failures.until.checked_duration_since(now))
        {
            Some(left) if !left.is_zero() => Err(Wait(left.as_secs() + u64::from(left.subsec_nanos() > 0))),
            _ => Ok(()),
        }
    }

    /// Counts a failure of the key.
    pub fn fail(&self, key: K, now: Instant) {
        if self.growth.attempts == 0 {
            return;
        }
        let is_over = |failures: &Failures| now.duration_since(failures.last) >= FORGOTTEN_AFTER;
        let mut known = self.known.lock();
        if known.len() >= KEYS_MAX {
            known.retain(|_, failures| !is_over(failures));
        }
        if known.len() >= KEYS_MAX {
            known.retain(|_, failures| failures.until > now);
        }
        let failures = known.entry(key).or_insert(Failures {
            many: 0,
            last: now,
            until: now,
        });
        if is_over(failures) {
            failures.many = 0;
        }
        failures.many = failures.many.saturating_add(1);
        failures.last = now;
        if failures.many >= self.growth.attempts {
            failures.until = now + self.growth.wait(failures.many);
        }
    }
}
