//! The accept loop: one task per connection, a bound on their number, and an end that finishes what is in flight.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::config::ServerConfig;

/// How HTTP/2 starts in clear text (RFC 9113 s3.4).
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// How long to wait before the rest of the preface is looked for again.
const PREFACE_POLL: Duration = Duration::from_millis(20);

/// How long to rest when the system has no more file handles to accept with.
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// Answers requests until `shutdown` ends; then accepts no more and gives what is in flight
/// [`ServerConfig::shutdown_grace`].
pub async fn run(listener: TcpListener, app: Router, config: &ServerConfig, shutdown: impl Future<Output = ()>) {
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(config.connections_max));
    let builder = protocol(config);
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = accept(&listener, &places) => accepted,
        };
        let Some((stream, place)) = accepted else { continue };
        let (builder, app, watcher) = (builder.clone(), app.clone(), graceful.watcher());
        let header_timeout = config.header_timeout();
        tokio::spawn(async move {
            // Held as long as the connection lives.
            let _place = place;
            if !matches!(
                tokio::time::timeout(header_timeout, first_bytes(&stream)).await,
                Ok(Ok(()))
            ) {
                return;
            }
            let service = TowerToHyperService::new(app);
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
) -> Option<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => {
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "a connection stays with delayed packets");
            }
            Some((stream, place))
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
