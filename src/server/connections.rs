//! The accept loop: one task per connection, a bound on their number, and an end that finishes what is in flight.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::io::AsyncBufReadExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;
use tower::ServiceExt as _;

use crate::config::ServerConfig;

/// How HTTP/2 starts in clear text (RFC 9113 s3.4).
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// How long to wait before the rest of the preface is looked for again.
const PREFACE_POLL: Duration = Duration::from_millis(20);

/// How long to rest when the system has no more file handles to accept with.
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// The doors of a gateway, and whether they are reached by HTTPS.
pub struct Service {
    /// The routes.
    pub app: Router,
    /// What makes TLS of a connection; `None` for HTTP.
    pub tls: Option<TlsAcceptor>,
}

/// Answers requests until `shutdown` ends; then accepts no more and gives what is in flight
/// [`ServerConfig::shutdown_grace`].
pub async fn run(listener: TcpListener, service: Service, config: &ServerConfig, shutdown: impl Future<Output = ()>) {
    let Service { app, tls } = service;
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(config.connections_max));
    let builder = protocol(config);
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = accept(&listener, &places) => accepted,
        };
        let Some((stream, peer, place)) = accepted else {
            continue;
        };
        let (builder, app, watcher) = (builder.clone(), app.clone(), graceful.watcher());
        let (tls, header_timeout) = (tls.clone(), config.header_timeout());
        tokio::spawn(async move {
            // Held as long as the connection lives.
            let _place = place;
            let Some((stream, builder)) = begin(stream, tls, builder, header_timeout).await else {
                return;
            };
            // The address goes with each request, for the limits.
            let service = tower::service_fn(move |mut request: hyper::Request<Incoming>| {
                request.extensions_mut().insert(ConnectInfo(peer));
                app.clone().oneshot(request)
            });
            let service = TowerToHyperService::new(service);
            let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
            if let Err(error) = watcher.watch(connection).await {
                tracing::debug!(%error, "a connection ended early");
            }
        });
    }
    drop(listener);
    tracing::info!(
        connections = graceful.count(),
        "no new connections, finishing what is in flight"
    );
    tokio::select! {
        () = graceful.shutdown() => {}
        () = tokio::time::sleep(config.shutdown_grace()) => tracing::warn!("some requests were not finished in time"),
    }
}

/// A connection in the clear, or inside TLS.
type Stream = Either<TcpStream, TlsStream<TcpStream>>;

/// Waits until the client has begun to speak; `None` when it does not, or not in a language that is spoken here.
async fn begin(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    builder: Builder<TokioExecutor>,
    time: Duration,
) -> Option<(Stream, Builder<TokioExecutor>)> {
    let Some(tls) = tls else {
        let begun = tokio::time::timeout(time, first_bytes(&stream)).await;
        return matches!(begun, Ok(Ok(()))).then_some((Either::Left(stream), builder));
    };
    let mut stream = match tokio::time::timeout(time, tls.accept(stream)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            tracing::debug!(%error, "a TLS handshake failed");
            return None;
        }
        Err(_) => return None,
    };
    let begun = tokio::time::timeout(time, stream.fill_buf()).await;
    if !matches!(begun, Ok(Ok(first)) if !first.is_empty()) {
        return None;
    }
    // What was agreed on is spoken (RFC 7301 s3.2); whoever agreed on nothing speaks HTTP/1.1.
    let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    let builder = if is_http2 {
        builder.http2_only()
    } else {
        builder.http1_only()
    };
    Some((Either::Right(stream), builder))
}

fn protocol(config: &ServerConfig) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(config.header_timeout());
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(config.header_timeout())
        .keep_alive_timeout(config.header_timeout());
    builder
}

/// The next connection, when there is a place for it.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => {
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "a connection stays with delayed packets");
            }
            Some((stream, peer, place))
        }
        Err(error) => {
            tracing::warn!(%error, "a connection could not be accepted");
            tokio::time::sleep(ACCEPT_REST).await;
            None
        }
    }
}

/// Waits until it is clear which protocol is spoken. hyper's own header timeout starts after that only, so a client that
/// says nothing would stay for ever.
async fn first_bytes(stream: &TcpStream) -> io::Result<()> {
    let mut seen = [0_u8; 24];
    loop {
        let length = stream.peek(&mut seen).await?;
        let is_partial = length < HTTP2_PREFACE.len() && HTTP2_PREFACE.starts_with(&seen[..length]);
        if length == 0 || !is_partial {
            return Ok(());
        }
        tokio::time::sleep(PREFACE_POLL).await;
    }
}
