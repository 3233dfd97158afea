//! Time and randomness as parameters, so that a test can set them.

use chrono::{DateTime, SubsecRound as _, Utc};
use uuid::Uuid;

/// An instant in UTC, to the millisecond.
pub type Timestamp = DateTime<Utc>;

/// Where time, identifiers and secrets come from.
pub trait Clock: Send + Sync + 'static {
    /// The present, to the millisecond.
    fn now(&self) -> Timestamp;

    /// A new identifier, later in order than every earlier one of this clock (UUID version 7).
    fn uuid(&self) -> Uuid;

    /// 256 unpredictable bits.
    fn secret(&self) -> [u8; 32];
}

/// The machine's clock and its cryptographic random numbers.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Utc::now().trunc_subsecs(3)
    }

    fn uuid(&self) -> Uuid {
        Uuid::now_v7()
    }

    fn secret(&self) -> [u8; 32] {
        rand::random()
    }
}

/// RFC 3339 with milliseconds and `Z`, the form of every `dateTime` that Usher writes (RFC 7643 s2.3.5).
#[must_use]
pub fn rfc3339(instant: Timestamp) -> String {
    instant.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}
