//! A small LDAP server that holds what a test puts into it: for tests of what is done with a directory, not of how one is read.
//!
//! It knows bases, not filters: a search answers everything that was put below its base. Binds succeed.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::ber::{elements, header, integer, number, octets, sequence, tlv};
use super::faulty_ldap::result;

const PAGED_RESULTS: &str = "1.2.840.113556.1.4.319";
const DONE: u8 = 0x65;

/// An entry: its name, and its attributes with their values.
#[derive(Clone, Debug)]
pub(crate) struct HeldEntry {
    pub(crate) dn: String,
    pub(crate) attributes: Vec<(&'static str, Vec<String>)>,
}

/// Entries by the base below which they are found.
type Held = Arc<Mutex<BTreeMap<String, Vec<HeldEntry>>>>;

/// A listening server, gone when dropped.
#[derive(Debug)]
pub(crate) struct PlainLdap {
    address: SocketAddr,
    held: Held,
    accepting: JoinHandle<()>,
}

impl PlainLdap {
    /// Holds nothing yet. Runs on the runtime of whoever starts it.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("its address");
        let held = Held::default();
        let shared = Arc::clone(&held);
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Self {
            address,
            held,
            accepting,
        }
    }

    /// Where it listens, without TLS.
    pub(crate) fn url(&self) -> String {
        format!("ldap://{}", self.address)
    }

    /// Puts these entries below a base, in the place of those that were there.
    pub(crate) fn put(&self, base: &str, entries: Vec<HeldEntry>) {
        self.held.lock().insert(base.to_lowercase(), entries);
    }
}

impl Drop for PlainLdap {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(mut stream: TcpStream, held: Held) {
    let mut buffer = Vec::new();
    loop {
        while let Some((start, length)) = header(&buffer).filter(|(start, length)| buffer.len() >= start + length) {
            let rest = buffer.split_off(start + length);
            let message = std::mem::replace(&mut buffer, rest);
            let Some(answer) = respond(&message, &held) else { return };
            // An error means that the client has gone.
            if stream.write_all(&answer).await.is_err() {
                return;
            }
        }
        match stream.read_buf(&mut buffer).await {
            Ok(1..) => {}
            Ok(0) | Err(_) => return,
        }
    }
}

/// The answer to a message; `None` at the end of a session.
fn respond(message: &[u8], held: &Held) -> Option<Vec<u8>> {
    let (_, envelope) = elements(message)[0];
    let parts = elements(envelope);
    let id = number(parts[0].1);
    match parts[1].0 {
        0x60 => Some(result(id, 0x61, 0, "", &[])),
        0x63 => {
            let base = String::from_utf8_lossy(elements(parts[1].1)[0].1).to_lowercase();
            let is_paged = parts.get(2).is_some_and(|(_, controls)| {
                let name = PAGED_RESULTS.as_bytes();
                controls.windows(name.len()).any(|window| window == name)
            });
            let controls = match is_paged {
                true => tlv(
                    0xa0,
                    &sequence(&[octets(PAGED_RESULTS), octets(sequence(&[integer(2, 0), octets("")]))]),
                ),
                false => Vec::new(),
            };
            let mut answer = entries(&base, held)
                .iter()
                .flat_map(|found| entry(id, found))
                .collect::<Vec<u8>>();
            answer.extend(result(id, DONE, 0, "", &controls));
            Some(answer)
        }
        0x77 => Some(result(id, 0x78, 2, "not supported", &[])),
        _ => None,
    }
}

fn entries(base: &str, held: &Held) -> Vec<HeldEntry> {
    if !base.is_empty() {
        return held.lock().get(base).cloned().unwrap_or_default();
    }
    let one = |value: &str| vec![value.to_owned()];
    // The root DSE (RFC 4512 section 5.1).
    vec![HeldEntry {
        dn: String::new(),
        attributes: vec![
            ("supportedLDAPVersion", one("3")),
            ("supportedControl", one(PAGED_RESULTS)),
        ],
    }]
}

fn entry(id: u32, held: &HeldEntry) -> Vec<u8> {
    let attribute = |(name, values): &(&str, Vec<String>)| {
        let values: Vec<u8> = values.iter().flat_map(octets).collect();
        sequence(&[octets(name), tlv(0x31, &values)])
    };
    let attributes: Vec<Vec<u8>> = held.attributes.iter().map(attribute).collect();
    let content = [octets(&held.dn), sequence(&attributes)].concat();
    sequence(&[integer(2, id), tlv(0x64, &content)])
}
