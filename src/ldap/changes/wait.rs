//! A notice as soon as something changes: `refreshAndPersist` (RFC 4533 section 3.4).

use ldap3::Ldap;
use ldap3::ResultEntry;
use ldap3::controls::RefreshMode;
use tokio::time::timeout;

use super::content_sync::filter_for;
use super::cursor::Mark;
use super::sync_message::{self, Info, State};
use super::{ChangeMethod, Cursor, mark};
use crate::ldap::connection::{Connection, ReadLimits};
use crate::ldap::read_error::{NoMarkReason, ReadError};
use crate::ldap::result_code::SUCCESS;
use crate::ldap::search::Query;

/// Stays connected and calls `on_change` whenever something changed in `query` since `cursor`; without a cursor, since
/// this call. It is a notice only, several changes may give one or many: read them by [`super::read_changes`] on another
/// connection.
///
/// The connection is tested by TCP keepalive alone, so a peer that vanished is noticed after about a minute. After many
/// notices the bound on the bytes of one answer (eight times `message_bytes_max`) ends it too; then wait anew.
///
/// # Errors
/// [`NoMarkReason::Notice`] when the cursor is not one of content synchronisation; otherwise every [`ReadError`], which is
/// how a lost connection ends. `Ok` when the server ended the wait itself.
pub async fn wait_for_changes(
    connection: &mut Connection,
    query: &Query,
    cursor: Option<&Cursor>,
    on_change: impl FnMut(),
) -> Result<(), ReadError> {
    query.check()?;
    let taken;
    let cursor = match cursor {
        Some(cursor) => cursor,
        None => {
            taken = mark(connection, query, ChangeMethod::ContentSync).await?;
            &taken
        }
    };
    let Mark::ContentSync { cookie } = &cursor.mark else {
        return Err(NoMarkReason::Notice.into());
    };
    let limits = connection.limits();
    let mut ldap = connection.start_reading()?;
    let outcome = listen(&mut ldap, query, cookie, limits, on_change).await;
    connection.finish_reading(outcome).await
}

async fn listen(
    ldap: &mut Ldap,
    query: &Query,
    cookie: &[u8],
    limits: ReadLimits,
    mut on_change: impl FnMut(),
) -> Result<(), ReadError> {
    let failed = |error| ReadError::from_library(error, limits.entry_timeout);
    let controls = sync_message::request(RefreshMode::RefreshAndPersist, Some(cookie));
    ldap.with_controls(controls);
    let filter = filter_for(query, cookie);
    // RFC 4511 section 4.5.1.8: no attributes.
    let search = ldap.streaming_search(&query.base, query.scope.into(), filter.as_str(), vec!["1.1"]);
    let mut stream = search.await.map_err(failed)?;
    let mut is_refreshed = false;
    loop {
        // Silence is a fault while the server catches up, and the normal thing afterwards.
        let next = match is_refreshed {
            true => stream.next().await,
            false => timeout(limits.entry_timeout, stream.next())
                .await
                .map_err(|_| ReadError::Timeout {
                    after: limits.entry_timeout,
                })?,
        };
        let Some(item) = next.map_err(failed)? else {
            break;
        };
        match meaning(item)? {
            Meaning::Change => on_change(),
            Meaning::Refreshed => is_refreshed = true,
            Meaning::Nothing => {}
        }
    }
    let result = stream.finish().await;
    match result.rc {
        SUCCESS => Ok(()),
        _ => Err(ReadError::from_result(result, &query.base)),
    }
}

enum Meaning {
    /// Something changed, or may have: a present phase does not say who is gone.
    Change,
    /// The server has caught up and will speak when something happens.
    Refreshed,
    Nothing,
}

fn meaning(item: ResultEntry) -> Result<Meaning, ReadError> {
    if item.is_ref() {
        return Ok(Meaning::Nothing);
    }
    if item.is_intermediate() {
        return Ok(match sync_message::info(item)? {
            Some(Info::Deleted(_) | Info::Present) => Meaning::Change,
            Some(Info::RefreshDelete { is_done: true } | Info::RefreshPresent { is_done: true }) => Meaning::Refreshed,
            Some(
                Info::RefreshDelete { is_done: false } | Info::RefreshPresent { is_done: false } | Info::NewCookie,
            )
            | None => Meaning::Nothing,
        });
    }
    Ok(match sync_message::state(&item.1)? {
        (State::Add | State::Modify | State::Delete | State::Present, _) => Meaning::Change,
    })
}
