//! SIGTERM: no new requests, those in flight are answered, exit code 0.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::kit::gateway::Gateway;

fn connect(gateway: &Gateway) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect(gateway.url.trim_start_matches("http://"))?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    Ok(stream)
}

/// Reads until this text has come.
fn read_until(stream: &mut TcpStream, text: &str) -> String {
    let mut seen = Vec::new();
    let mut byte = [0];
    while !String::from_utf8_lossy(&seen).contains(text) {
        stream.read_exact(&mut byte).expect("a byte");
        seen.push(byte[0]);
    }
    String::from_utf8(seen).expect("UTF-8")
}

/// Starts a request and stops before its last byte, when the gateway is certain to be at work on it: it asks for the body.
fn half_a_request(gateway: &Gateway, body: &str) -> TcpStream {
    let mut stream = connect(gateway).expect("a connection");
    write!(
        stream,
        "POST /api/v1/organisations HTTP/1.1\r\nhost: usher\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\nexpect: 100-continue\r\ncontent-length: {}\r\n\r\n",
        gateway.bootstrapped("admin_token"),
        body.len()
    )
    .expect("sent");
    read_until(&mut stream, "100 Continue\r\n\r\n");
    stream
}

fn wait_until_refused(gateway: &Gateway) {
    let end = Instant::now() + Duration::from_secs(30);
    while connect(gateway).is_ok() {
        assert!(Instant::now() < end, "it still accepts connections");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn sigterm_finishes_what_is_in_flight_and_exits_0() {
    let mut gateway = Gateway::start();
    let body = r#"{ "slug": "acme" }"#;
    let mut request = half_a_request(&gateway, body);
    gateway.signal(Signal::SIGTERM);
    wait_until_refused(&gateway);
    request.write_all(body.as_bytes()).expect("sent");
    let answer = read_until(&mut request, "\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    assert_eq!(gateway.wait().code(), Some(0), "{}", gateway.read_log());
    gateway.start_again();
    gateway.command(&["org", "show", "acme"]).expect(0);
}

#[test]
fn sigint_ends_it_in_order_too() {
    let mut gateway = Gateway::start();
    gateway.signal(Signal::SIGINT);
    assert_eq!(gateway.wait().code(), Some(0), "{}", gateway.read_log());
}

#[test]
fn a_connection_without_a_request_does_not_hold_the_end_up() {
    let mut gateway = Gateway::start();
    let mut idle = connect(&gateway).expect("a connection");
    write!(idle, "GET /healthz HTTP/1.1\r\nhost: usher\r\n\r\n").expect("sent");
    read_until(&mut idle, "\r\n\r\n");
    let begun = Instant::now();
    gateway.terminate();
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

#[test]
fn a_request_that_never_ends_is_given_up_after_the_grace() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("usher.toml");
    std::fs::write(&config, "[server]\nshutdown_grace_s = 1\n").expect("a file");
    let mut gateway = Gateway::start_with(&["--config", config.to_str().expect("UTF-8")]);
    let request = half_a_request(&gateway, r#"{ "slug": "acme" }"#);
    gateway.terminate();
    drop(request);
    assert!(
        gateway.read_log().contains("not finished in time"),
        "{}",
        gateway.read_log()
    );
}

#[test]
fn a_client_that_says_nothing_is_cut_off() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("usher.toml");
    std::fs::write(&config, "[server]\nheader_timeout_s = 1\n").expect("a file");
    let gateway = Gateway::start_with(&["--config", config.to_str().expect("UTF-8")]);
    for said in ["", "PRI * HT", "GET /healthz HTT"] {
        let mut silent = connect(&gateway).expect("a connection");
        silent.write_all(said.as_bytes()).expect("sent");
        let mut rest = Vec::new();
        // An answer that the time is over, an end or a reset; only our own patience must not run out.
        if let Err(error) = silent.read_to_end(&mut rest) {
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{said:?}: {error}");
        }
    }
}
