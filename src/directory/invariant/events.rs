//! Events are numbered from 1 without gaps, and the log's counter is the last number.

use async_trait::async_trait;

use crate::directory::DirectoryError;
use crate::directory::keys;
use crate::directory::unit::parse_counter;
use crate::directory::verify::Report;
use crate::store::Key;

use super::{Invariant, View};

/// The invariant.
pub struct Events;

#[async_trait]
impl Invariant for Events {
    fn name(&self) -> &'static str {
        "events"
    }

    async fn verify(&self, view: &View<'_>, report: &mut Report) -> Result<(), DirectoryError> {
        let log = keys::events(view.organisation);
        // Events that come while this reads are behind the last number of now, and are not looked at.
        // A counter that is no number is reported with the records.
        let Some(last) = last_number(view, &log).await? else {
            return Ok(());
        };
        let mut expected = 1;
        let mut pages = view.under(&log);
        'log: while let Some(entries) = pages.next(report).await? {
            for (key, _) in entries.iter().filter(|(key, _)| *key != log) {
                let number = keys::last_number(key).unwrap_or_default();
                if number > last {
                    if last_number(view, &log).await?.is_some_and(|now| number > now) {
                        let what = format!("has number {number}, and the log says that {last} is the last");
                        view.broken(report, self.name(), key, what).await;
                    }
                    break 'log;
                }
                if number != expected {
                    self.gap(view, report, key, expected, number).await;
                }
                expected = number + 1;
            }
        }
        if expected <= last && !report.is_unheard() {
            let what = format!(
                "says that {last} is the last number, and the events end at {}",
                expected - 1
            );
            view.broken(report, self.name(), &log, what).await;
        }
        Ok(())
    }
}

/// The last number that the log has given out.
async fn last_number(view: &View<'_>, log: &Key) -> Result<Option<u64>, DirectoryError> {
    let stored = view.get_many(vec![log.clone()]).await?.pop().flatten();
    let last = stored.map_or(Ok(0), |stored| parse_counter(log, &stored.value));
    Ok(last.ok().map(i64::unsigned_abs))
}

impl Events {
    async fn gap(&self, view: &View<'_>, report: &mut Report, key: &Key, expected: u64, number: u64) {
        let what = format!("has number {number} where {expected} belongs");
        view.broken(report, self.name(), key, what).await;
    }
}
