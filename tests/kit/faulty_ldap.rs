//! A scripted LDAP server that looks like Active Directory and misbehaves in one chosen way.
//!
//! It holds people `CN=u00000,OU=people,DC=fake,DC=test` and a group `CN=big` of all of them. Binds succeed.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use usher::ldap::{LdapSettings, Secret};

use super::ber::{elements, header, integer, number, octets, sequence, tlv};
use super::faulty_search::{SearchRequest, answer, endless_entries, endless_references};

/// What goes wrong. Every name completes "the server …".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    // during the connect
    NeverAnswersTheBind,
    NeverAnswersStartTls,
    AnswersTheBindWithGarbage,
    AnswersTheBindWithoutAResult,
    RefusesStartTls,
    SlipsBytesInAfterStartTls,
    // in the middle of page 2
    ClosesInPage2,
    ResetsInPage2,
    HangsInPage2,
    EndsPage2Busy,
    LosesTheCookieInPage2,
    // about paging
    EndsPage1WithoutAControl,
    SendsAMalformedControl,
    IgnoresThePageSize,
    NeverEndsAPage,
    NeverEndsItsReferences,
    GoesInCircles,
    RepeatsTheLastEntryOfAPage,
    SendsAnEmptyPageInBetween,
    // about the answer
    FindsNothing,
    RefersElsewhere,
    SendsReferences,
    HasNoStableIds,
    HidesOneStableId,
    IsSlow,
    IsUnwillingOnTheFirstConnection,
    ChangesItsGuids,
    // about the bytes
    NestsDeeply,
    AnnouncesAHugeMessage,
    SendsADnThatIsNotUtf8,
    SendsAnUnexpectedOperation,
    SendsAnEntryWithoutParts,
    SendsAResultWithoutACode,
    GivesNoticeOfDisconnection,
    // about ranges
    SkipsValuesInARange,
    RepeatsARangeForEver,
    EndsARangeInTheMiddle,
    // about changes; it counts them only here
    SearchesSlowlyForChanges,
    RefusesToSearchForChanges,
}

/// How long a search for changes takes without an index.
pub(crate) const SLOW: Duration = Duration::from_millis(700);

/// What the server does after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    Continue,
    Close,
    Reset,
    Hang,
}

/// A listening server, gone when dropped.
#[derive(Debug)]
pub(crate) struct FaultyLdap {
    address: SocketAddr,
    sent: Arc<AtomicU64>,
    accepting: JoinHandle<()>,
}

impl FaultyLdap {
    /// Serves `people` people on any free port.
    pub(crate) async fn start(fault: Fault, people: u32) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("its address");
        let connections = Arc::new(AtomicU32::new(0));
        let sent = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&sent);
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let connection = connections.fetch_add(1, Ordering::Relaxed);
                let sent = Arc::clone(&counter);
                tokio::spawn(
                    Session {
                        stream,
                        fault,
                        people,
                        connection,
                        sent,
                    }
                    .serve(),
                );
            }
        });
        Self {
            address,
            sent,
            accepting,
        }
    }

    /// How many bytes of endless answers the client has taken, with what the system buffers.
    pub(crate) fn endless_bytes_sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Settings for it, with patience for a busy machine.
    pub(crate) fn settings(&self) -> LdapSettings {
        let urls = vec![format!("ldap://{}", self.address).parse().expect("a good url")];
        let mut settings = LdapSettings::new(urls, "CN=reader,DC=fake,DC=test", Secret::literal("fake"));
        settings.allow_plain = true;
        settings.page_size = 100;
        settings.connect_timeout = Duration::from_secs(20);
        settings
    }
}

impl Drop for FaultyLdap {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

struct Session {
    stream: TcpStream,
    fault: Fault,
    people: u32,
    connection: u32,
    sent: Arc<AtomicU64>,
}

impl Session {
    async fn serve(mut self) {
        let mut buffer = Vec::new();
        while let Some(message) = self.receive(&mut buffer).await {
            // An error means that the client has gone, as it should after most faults.
            let Ok(after) = self.respond(&message).await else {
                return;
            };
            match after {
                After::Continue => {}
                After::Close => return,
                After::Reset => {
                    let _ = socket2::SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
                    return;
                }
                After::Hang => std::future::pending().await,
            }
        }
    }

    async fn receive(&mut self, buffer: &mut Vec<u8>) -> Option<Vec<u8>> {
        loop {
            if let Some((start, length)) = header(buffer)
                && buffer.len() >= start + length
            {
                let rest = buffer.split_off(start + length);
                return Some(std::mem::replace(buffer, rest));
            }
            match self.stream.read_buf(buffer).await {
                Ok(1..) => {}
                Ok(0) | Err(_) => return None,
            }
        }
    }

    async fn respond(&mut self, message: &[u8]) -> std::io::Result<After> {
        let (_, envelope) = elements(message)[0];
        let parts = elements(envelope);
        let id = number(parts[0].1);
        match parts[1].0 {
            0x60 => self.respond_to_bind(id).await,
            0x42 => Ok(After::Close),
            0x63 => {
                let request = SearchRequest::parse(id, &parts);
                let (bytes, after) = answer(self.fault, self.people, self.connection, &request);
                if self.fault == Fault::SearchesSlowlyForChanges && request.asks_for_changes() {
                    tokio::time::sleep(SLOW).await;
                }
                if self.fault == Fault::IsSlow {
                    for piece in bytes.chunks(64) {
                        self.stream.write_all(piece).await?;
                        tokio::time::sleep(Duration::from_millis(1)).await;
                    }
                } else {
                    self.stream.write_all(&bytes).await?;
                }
                if matches!(
                    self.fault,
                    Fault::AnnouncesAHugeMessage | Fault::NeverEndsAPage | Fault::NeverEndsItsReferences
                ) {
                    return self.send_for_ever(id).await;
                }
                Ok(after)
            }
            0x77 => self.respond_to_extended(id).await,
            _ => Ok(After::Continue),
        }
    }

    /// Until the client has had enough: zeros into an announced message, or entries into a page.
    async fn send_for_ever(&mut self, id: u32) -> std::io::Result<After> {
        let piece = match self.fault {
            Fault::NeverEndsAPage => endless_entries(id),
            Fault::NeverEndsItsReferences => endless_references(id),
            _ => vec![0; 65536],
        };
        loop {
            self.stream.write_all(&piece).await?;
            self.sent.fetch_add(piece.len() as u64, Ordering::Relaxed);
        }
    }

    async fn respond_to_bind(&mut self, id: u32) -> std::io::Result<After> {
        let response = match self.fault {
            Fault::NeverAnswersTheBind => return Ok(After::Hang),
            Fault::AnswersTheBindWithGarbage => b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(),
            Fault::AnswersTheBindWithoutAResult => sequence(&[integer(2, id), tlv(0x61, &[])]),
            _ => result(id, 0x61, 0, "", &[]),
        };
        self.stream.write_all(&response).await?;
        Ok(After::Continue)
    }

    async fn respond_to_extended(&mut self, id: u32) -> std::io::Result<After> {
        let mut response = match self.fault {
            Fault::NeverAnswersStartTls => return Ok(After::Hang),
            Fault::SlipsBytesInAfterStartTls => result(id, 0x78, 0, "", &[]),
            _ => result(id, 0x78, 2, "not supported", &[]),
        };
        if self.fault == Fault::SlipsBytesInAfterStartTls {
            response.extend(result(2, 0x61, 0, "", &[]));
        }
        self.stream.write_all(&response).await?;
        Ok(After::Continue)
    }
}

/// An LDAPResult in operation `tag`; `rest` follows the operation (controls).
pub(crate) fn result(id: u32, tag: u8, code: u32, text: &str, rest: &[u8]) -> Vec<u8> {
    let operation = [integer(0x0a, code), octets(""), octets(text)].concat();
    sequence(&[integer(2, id), tlv(tag, &operation), rest.to_vec()])
}
