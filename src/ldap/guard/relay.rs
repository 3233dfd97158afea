//! The task between a server and `ldap3`.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::{io, sync::Arc};

use bytes::BytesMut;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::UnixStream;

use super::frame::{Envelope, FrameError, FrameLimits, message_length};

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
    let mut order = Order::default();
    loop {
        if from.read_buf(&mut buffer).await? == 0 {
            return Err(RelayFault::Closed);
        }
        let mut whole = 0;
        let checked = loop {
            match message_length(&buffer[whole..], limits) {
                Ok(Some(length)) => {
                    if let Err(error) = order.note(&buffer[whole..whole + length]) {
                        break Err(error);
                    }
                    whole += length;
                }
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

/// Which request the server is answering. There is never more than one at work on a connection, so an answer to another one
/// is an answer that somebody will miss: `ldap3` drops it without a word, and a reading would seem complete without it.
#[derive(Default)]
struct Order {
    at_work: Option<u32>,
    finished: u32,
}

impl Order {
    fn note(&mut self, message: &[u8]) -> Result<(), FrameError> {
        let envelope = Envelope::of(message)?;
        // RFC 4511 section 4.4: an unsolicited notification answers nothing.
        if envelope.id == 0 {
            return Ok(());
        }
        let is_another = self.at_work.is_some_and(|id| id != envelope.id);
        if is_another || envelope.id <= self.finished {
            return Err(FrameError::Malformed {
                what: "an answer to a request that is not at work",
            });
        }
        self.at_work = match envelope.ends_the_answer() {
            true => None,
            false => Some(envelope.id),
        };
        if self.at_work.is_none() {
            self.finished = envelope.id;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Order;

    /// An empty operation `tag` in answer to request `id`.
    fn answer(id: u8, tag: u8) -> [u8; 7] {
        [0x30, 5, 2, 1, id, tag, 0]
    }

    #[test]
    fn answers_to_one_request_after_the_other_are_in_order() {
        let mut order = Order::default();
        for (id, tag) in [
            (1, 0x61),
            (3, 0x64),
            (0, 0x78),
            (3, 0x73),
            (3, 0x79),
            (3, 0x65),
            (4, 0x65),
        ] {
            assert_eq!(order.note(&answer(id, tag)), Ok(()), "{id} {tag:x}");
        }
    }

    #[test]
    fn an_answer_to_another_request_is_not_passed_on() {
        for answers in [
            [(2, 0x64), (9, 0x64)],
            [(9, 0x64), (2, 0x65)],
            [(2, 0x65), (2, 0x64)],
            [(2, 0x65), (1, 0x65)],
        ] {
            let mut order = Order::default();
            let [first, second] = answers.map(|(id, tag)| order.note(&answer(id, tag)));
            assert!(first.is_ok() && second.is_err(), "{answers:?}");
        }
    }
}
