//! How often one client may ask: the generic cell rate algorithm, one bucket for each key. Whoever asks too often is told when
//! to come back (RFC 6585 s4), before anything of the request's body is read.

pub mod delays;

use std::fmt;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use parking_lot::Mutex;

use crate::model::id::{OrganisationId, TokenId};
use crate::model::slug::Slug;

use delays::{Delays, Growth};

/// How many requests, and how many of them at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    requests: u32,
    period: Duration,
    burst: u32,
}

impl Rate {
    /// So many a second in the long run, so many at once; 0 of either is no limit.
    #[must_use]
    pub const fn per_second(requests: u32, burst: u32) -> Self {
        Self {
            requests,
            period: Duration::from_secs(1),
            burst,
        }
    }

    /// So many a minute, and as many at once; 0 is no limit.
    #[must_use]
    pub const fn per_minute(requests: u32) -> Self {
        Self {
            requests,
            period: Duration::from_secs(60),
            burst: requests,
        }
    }

    /// No limit.
    #[must_use]
    pub const fn unlimited() -> Self {
        Self::per_second(0, 0)
    }

    fn quota(self) -> Option<Quota> {
        let burst = std::num::NonZeroU32::new(self.burst)?;
        let interval = self.period.checked_div(self.requests)?;
        Some(Quota::with_period(interval)?.allow_burst(burst))
    }
}

/// Too many requests: seconds until the next one is let in, at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait(
    /// For `Retry-After`.
    pub u64,
);

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "too many requests: come back in {} s", self.0)
    }
}

/// Decisions between two looks at which buckets are full again and can be forgotten.
const SWEEP_EVERY: u64 = 4_096;
/// At most one line in the log in this time.
const LOG_EVERY: Duration = Duration::from_secs(10);

/// One limit for many keys.
pub struct Limiter<K: Hash + Eq + Clone> {
    /// What is limited, for the log.
    what: &'static str,
    buckets: Option<DefaultKeyedRateLimiter<K>>,
    clock: DefaultClock,
    decisions: AtomicU64,
    refused: AtomicU64,
    logged: Mutex<Option<Instant>>,
}

impl<K: Hash + Eq + Clone> Limiter<K> {
    /// A limit; `what` is what the log calls it.
    #[must_use]
    pub fn new(what: &'static str, rate: Rate) -> Self {
        Self {
            what,
            buckets: rate.quota().map(RateLimiter::keyed),
            clock: DefaultClock::default(),
            decisions: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            logged: Mutex::new(None),
        }
    }

    /// Takes one place.
    ///
    /// # Errors
    /// [`Wait`] when there is none.
    pub fn take(&self, key: &K) -> Result<(), Wait> {
        let Some(buckets) = &self.buckets else {
            return Ok(());
        };
        if self.decisions.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            buckets.retain_recent();
        }
        buckets.check_key(key).map_err(|full| {
            self.note();
            let wait = full.wait_time_from(self.clock.now());
            Wait(wait.as_secs() + u64::from(wait.subsec_nanos() > 0).max(u64::from(wait.is_zero())))
        })
    }

    /// One line now and then, however many are refused.
    fn note(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
        let mut logged = self.logged.lock();
        if logged.is_none_or(|last| last.elapsed() >= LOG_EVERY) {
            *logged = Some(Instant::now());
            let refused = self.refused.swap(0, Ordering::Relaxed);
            tracing::warn!(
                limit = self.what,
                refused,
                "requests were refused because they came too fast"
            );
        }
    }
}

/// Every limit of a gateway.
pub struct Limits {
    /// Requests of one SCIM connection.
    pub connections: Limiter<(OrganisationId, Slug)>,
    /// Requests with one administrator's token.
    pub administrators: Limiter<TokenId>,
    /// Requests of one client address that were refused with 401.
    pub failures: Limiter<IpAddr>,
    /// Requests of one client address at the token endpoint.
    pub exchanges: Limiter<IpAddr>,
    /// Requests of one client address for pages that need no credential but a secret link.
    pub pages: Limiter<IpAddr>,
    /// Wrong sign-ins of one client address.
    pub sign_ins: Delays<IpAddr>,
}

impl Limits {
    /// Counts a request that was refused with 401 against the address it came from, where that is known.
    ///
    /// # Errors
    /// [`Wait`] when too many came from there.
    pub fn note_failure(&self, address: Option<ClientAddress>) -> Result<(), Wait> {
        address.map_or(Ok(()), |address| self.failures.take(&address.key()))
    }
}

/// The rates of a gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// Of one SCIM connection.
    pub connection: Rate,
    /// Of one administrator's token.
    pub administrator: Rate,
    /// Of refusals with 401 to one client address.
    pub failures: Rate,
    /// Of one client address at the token endpoint.
    pub exchanges: Rate,
    /// Of one client address for pages behind a secret link.
    pub pages: Rate,
    /// Of wrong sign-ins of one client address.
    pub sign_ins: Growth,
}

impl Limits {
    /// Limits with these rates.
    #[must_use]
    pub fn new(rates: Rates) -> Self {
        Self {
            connections: Limiter::new("connection", rates.connection),
            administrators: Limiter::new("administrator", rates.administrator),
            failures: Limiter::new("failed authentication", rates.failures),
            exchanges: Limiter::new("token endpoint", rates.exchanges),
            pages: Limiter::new("page", rates.pages),
            sign_ins: Delays::new(rates.sign_ins),
        }
    }

    /// No limit at all.
    #[must_use]
    pub fn none() -> Self {
        Self::new(Rates {
            connection: Rate::unlimited(),
            administrator: Rate::unlimited(),
            failures: Rate::unlimited(),
            exchanges: Rate::unlimited(),
            pages: Rate::unlimited(),
            sign_ins: Growth::NONE,
        })
    }
}

impl fmt::Debug for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limits").finish_non_exhaustive()
    }
}

/// Put into each request's extensions by the server: the address that it came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(IpAddr);

impl ClientAddress {
    /// The address; of an IPv6 address the network, of which one client has all the rest.
    #[must_use]
    pub fn new(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
            four => four,
        })
    }

    /// What is limited by it.
    #[must_use]
    pub fn key(self) -> IpAddr {
        self.0
    }
}
