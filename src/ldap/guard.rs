//! The transport under `ldap3`: our own TCP and TLS, and limits on what a server may send.
//!
//! `ldap3` trusts its server: deep nesting overflows its stack and takes the process down, an announced 3 GiB message is
//! buffered whole. So the bytes from the network pass [`frame`] first, and `ldap3` gets one end of a Unix socket pair:
//!
//! ```text
//! server <- TCP, TLS -> relay task (frame checks) <- socket pair -> ldap3
//! ```
//!
//! The same place gives what `ldap3` has not: keepalive, IP address certificates, StartTLS without a way to fall back.

pub mod frame;
pub(crate) mod relay;
pub(crate) mod starttls;
pub mod tls;

use std::io;
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use thiserror::Error;
use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::settings::{LdapSettings, Tls};
use super::url::{Host, LdapUrl};
use frame::FrameLimits;
use relay::{RelayFault, relay};
use tls::{TlsError, Trust};

/// A peer that has vanished is noticed after about a minute, also where no timeout applies.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(30);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);

/// Why no protected connection to one server came about.
#[derive(Debug, Error)]
pub enum TransportError {
    /// The host name has no address.
    #[error("the host name cannot be resolved ({source}); check the spelling and the resolver")]
    Resolve {
        /// What the resolver said.
        source: io::Error,
    },
    /// No address answered on the port.
    #[error("no connection to {address} ({source}); check the port, the firewall and that the server runs")]
    Connect {
        /// The last address tried.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The server did not answer in time.
    #[error("no answer within {}; check the network or raise connect_timeout", seconds(*.after))]
    Timeout {
        /// The limit that passed.
        after: Duration,
    },
    /// The connection broke before it was ready.
    #[error("the connection broke ({source})")]
    Broken {
        /// What the system said.
        source: io::Error,
    },
    /// The server does not upgrade to TLS. Nothing was sent in the clear.
    #[error("StartTLS was refused with code {code} \"{text}\"; give the server a certificate or use ldaps://")]
    StartTlsRefused {
        /// LDAP result code.
        code: u32,
        /// The server's text.
        text: String,
    },
    /// The answer to StartTLS is none, or something was slipped in after it.
    #[error("the answer to StartTLS is not in order ({what}); somebody may be in between")]
    StartTlsMalformed {
        /// What was wrong.
        what: &'static str,
    },
    /// TLS failed.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// A ready transport. `stream` is the end that `ldap3` gets.
#[derive(Debug)]
pub(crate) struct Transport {
    pub(crate) stream: UnixStream,
    pub(crate) fault: Arc<OnceLock<RelayFault>>,
    pub(crate) relay: JoinHandle<()>,
    /// As the protocol names it.
    pub(crate) tls_version: Option<&'static str>,
}

/// Connects to `url`: TCP, StartTLS and TLS within `connect_timeout` for each address.
pub(crate) async fn open(
    settings: &LdapSettings,
    url: &LdapUrl,
    trust: Option<&Trust>,
) -> Result<Transport, TransportError> {
    let after = settings.connect_timeout;
    let addresses = timeout(after, resolve(url))
        .await
        .map_err(|_| TransportError::Timeout { after })??;
    let mut last = None;
    for address in addresses {
        match timeout(after, open_address(settings, url, trust, address)).await {
            Ok(Ok(transport)) => return Ok(transport),
            Ok(Err(error)) => last = Some(error),
            Err(_) => last = Some(TransportError::Timeout { after }),
        }
    }
    Err(last.unwrap_or_else(|| TransportError::Resolve {
        source: io::ErrorKind::NotFound.into(),
    }))
}

async fn resolve(url: &LdapUrl) -> Result<Vec<SocketAddr>, TransportError> {
    match url.host() {
        Host::Address(address) => Ok(vec![SocketAddr::new(*address, url.port())]),
        Host::Name(name) => {
            let addresses = lookup_host((name.as_str(), url.port())).await;
            addresses
                .map(Iterator::collect)
                .map_err(|source| TransportError::Resolve { source })
        }
    }
}

async fn open_address(
    settings: &LdapSettings,
    url: &LdapUrl,
    trust: Option<&Trust>,
    address: SocketAddr,
) -> Result<Transport, TransportError> {
    let connected = TcpStream::connect(address).await;
    let mut tcp = connected.map_err(|source| TransportError::Connect { address, source })?;
    tune(&tcp).map_err(|source| TransportError::Broken { source })?;
    let limits = FrameLimits {
        message_bytes_max: settings.message_bytes_max,
        nesting_max: settings.nesting_max,
    };
    match settings.tls(url) {
        Tls::Plain => return splice(tcp, limits, None),
        Tls::Ldaps => {}
        Tls::StartTls => starttls::upgrade(&mut tcp).await?,
    }
    // `Connection::open` loads the trust whenever a URL needs TLS; without it there is nobody to trust.
    let trust = trust.ok_or(TlsError::Untrusted)?;
    let connector = TlsConnector::from(trust.client_config());
    let name = tls::server_name(url.host()).map_err(TransportError::Tls)?;
    let stream = connector
        .connect(name, tcp)
        .await
        .map_err(|error| TlsError::from_handshake(error, url.host()))?;
    let version = stream
        .get_ref()
        .1
        .protocol_version()
        .and_then(|version| version.as_str());
    splice(stream, limits, version)
}

fn tune(tcp: &TcpStream) -> io::Result<()> {
    tcp.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE_IDLE)
        .with_interval(KEEPALIVE_INTERVAL);
    SockRef::from(tcp).set_tcp_keepalive(&keepalive)
}

/// Joins `server` to a fresh socket pair by the relay task.
fn splice<S>(server: S, limits: FrameLimits, tls_version: Option<&'static str>) -> Result<Transport, TransportError>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let broken = |source| TransportError::Broken { source };
    let (stream, near) = UnixStream::pair().map_err(broken)?;
    near.set_nonblocking(true).map_err(broken)?;
    let near = tokio::net::UnixStream::from_std(near).map_err(broken)?;
    let fault = Arc::new(OnceLock::new());
    let relay = tokio::spawn(relay(server, near, limits, Arc::clone(&fault)));
    Ok(Transport {
        stream,
        fault,
        relay,
        tls_version,
    })
}

/// A duration for messages: whole seconds, or milliseconds below one.
pub(crate) fn seconds(duration: Duration) -> String {
    match duration.as_secs() {
        0 => format!("{} ms", duration.as_millis()),
        whole => format!("{whole} s"),
    }
}
