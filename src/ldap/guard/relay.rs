//! The task between a server and `ldap3`.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::{io, sync::Arc};

use bytes::BytesMut;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::UnixStream;

use super::frame::{FrameError, FrameLimits, message_length};

const READ_BYTES: usize = 64 * 1024;
/// One answer may have this many times `message_bytes_max`: `ldap3` queues an answer without bound while its reader is slow.
const ANSWER_MESSAGES: u64 = 8;

/// Why the relay closed a connection. The first reason is kept.
#[derive(Debug, Error)]
pub(crate) enum RelayFault {
    /// The server sent a message that is not passed on.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The server sends on and on to a single request.
    #[error("the server sent more than {limit} bytes in answer to one request; lower page_size")]
    AnswerTooLarge {
        /// The limit.
        limit: u64,
    },
    /// The network failed, or TLS found forged bytes or an end without a farewell.
    #[error("{0}")]
    Network(#[from] io::Error),
    /// The server closed the connection.
    #[error("the server closed the connection")]
    Closed,
}

/// Carries bytes both ways until either side ends. The reason is in `fault` before `near` is closed.
pub(crate) async fn relay<S>(server: S, near: UnixStream, limits: FrameLimits, fault: Arc<OnceLock<RelayFault>>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut from_server, mut to_server) = tokio::io::split(server);
    // Lent, not given: the end towards `ldap3` must stay open until the reason is recorded.
    let (mut from_near, mut to_near) = near.into_split();
    let answer_bytes = AtomicU64::new(0);
    let ended = tokio::select! {
        ended = requests(&mut from_near, &mut to_server, &answer_bytes) => ended,
        ended = answers(&mut from_server, &mut to_near, &answer_bytes, limits) => ended,
    };
    if let Err(reason) = ended {
        // Set once: the first reason is the cause, later ones its consequences.
        let _ = fault.set(reason);
    }
}

/// From `ldap3` to the server, unchecked: we wrote it.
async fn requests(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    answer_bytes: &AtomicU64,
) -> Result<(), RelayFault> {
    let mut buffer = BytesMut::with_capacity(READ_BYTES);
    while from.read_buf(&mut buffer).await? > 0 {
        answer_bytes.store(0, Ordering::Relaxed);
        to.write_all_buf(&mut buffer).await?;
        to.flush().await?;
        buffer.reserve(READ_BYTES);
    }
    to.shutdown().await?;
    Ok(())
}

/// From the server to `ldap3`, in whole and checked messages.
async fn answers(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    answer_bytes: &AtomicU64,
    limits: FrameLimits,
) -> Result<(), RelayFault> {
    let limit = ANSWER_MESSAGES * limits.message_bytes_max as u64;
    let mut buffer = BytesMut::with_capacity(READ_BYTES);
    loop {
        if from.read_buf(&mut buffer).await? == 0 {
            return Err(RelayFault::Closed);
        }
        let mut whole = 0;
        let checked = loop {
            match message_length(&buffer[whole..], limits) {
                Ok(Some(length)) => whole += length,
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        // What came before a bad message is good, and tells the reader how far the server got.
        let answered = answer_bytes.fetch_add(whole as u64, Ordering::Relaxed) + whole as u64;
        if whole > 0 {
            to.write_all_buf(&mut buffer.split_to(whole)).await?;
        }
        checked?;
        if answered > limit {
            return Err(RelayFault::AnswerTooLarge { limit });
        }
        buffer.reserve(READ_BYTES);
    }
}
