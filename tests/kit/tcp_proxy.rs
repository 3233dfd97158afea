//! A TCP proxy that cuts the connection after an exact number of bytes, so that "the server died in the middle of page 2"
//! happens at the same byte every time.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// How a connection is cut.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cut {
    /// Never.
    Never,
    /// Closed after so many bytes from the server.
    CloseAfter(usize),
    /// Reset after so many bytes from the server.
    ResetAfter(usize),
}

/// A listening proxy, gone when dropped.
#[derive(Debug)]
pub(crate) struct TcpProxy {
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl TcpProxy {
    /// Listens on `ip`, any free port, and passes every connection on to `target`.
    pub(crate) async fn start(ip: IpAddr, target: SocketAddr, cut: Cut) -> Self {
        let listener = TcpListener::bind((ip, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("its address");
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carry(client, target, cut));
            }
        });
        Self { address, accepting }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for TcpProxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn carry(mut client: TcpStream, target: SocketAddr, cut: Cut) {
    let Ok(mut server) = TcpStream::connect(target).await else {
        return;
    };
    let (mut from_server, mut to_server) = server.split();
    let (mut from_client, mut to_client) = client.split();
    let up = tokio::io::copy(&mut from_client, &mut to_server);
    let down = async {
        let mut left = match cut {
            Cut::Never => usize::MAX,
            Cut::CloseAfter(bytes) | Cut::ResetAfter(bytes) => bytes,
        };
        let mut buffer = [0; 4096];
        while left > 0 {
            let room = left.min(buffer.len());
            let Ok(count @ 1..) = from_server.read(&mut buffer[..room]).await else {
                return;
            };
            if to_client.write_all(&buffer[..count]).await.is_err() {
                return;
            }
            left -= count;
        }
    };
    tokio::select! {
        _ = up => {}
        () = down => {}
    }
    if let Cut::ResetAfter(_) = cut {
        let _ = socket2::SockRef::from(&client).set_linger(Some(Duration::ZERO));
    }
}
