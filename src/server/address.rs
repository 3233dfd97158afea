//! From which address a request comes: the connection's, or what a proxy that the operator trusts says about it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request};
use axum::http::HeaderMap;
use axum::middleware::Next;
use axum::response::Response;

use crate::rate::ClientAddress;

/// Notes the address in the request's extensions. Without a connection (a request inside the process) there is none.
pub(super) async fn note(proxies: Arc<[IpAddr]>, mut request: Request, next: Next) -> Response {
    if let Some(ConnectInfo(peer)) = request.extensions().get::<ConnectInfo<SocketAddr>>() {
        let address = client(peer.ip().to_canonical(), &proxies, request.headers());
        request.extensions_mut().insert(ClientAddress::new(address));
    }
    next.run(request).await
}

/// The last address of `X-Forwarded-For` that is not a trusted proxy's: those before it are the client's own words.
fn client(peer: IpAddr, proxies: &[IpAddr], headers: &HeaderMap) -> IpAddr {
    if !proxies.contains(&peer) {
        return peer;
    }
    let named = headers.get_all("x-forwarded-for").iter();
    let named: Vec<&str> = named
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    for text in named.into_iter().rev() {
        match text.trim().parse::<IpAddr>() {
            Ok(address) if proxies.contains(&address.to_canonical()) => {}
            Ok(address) => return address.to_canonical(),
            Err(_) => break,
        }
    }
    peer
}
