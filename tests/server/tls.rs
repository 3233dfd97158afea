//! HTTPS, by the built program with certificates that openssl makes for the occasion (IPSIE AL1, Transport Security).

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::kit::gateway::{Gateway, Ran, usher};

fn openssl(folder: &Path, arguments: &[&str]) {
    let made = Command::new("openssl")
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("openssl");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

/// A key and a certificate for `usher.example` in this folder, signed by itself.
fn certificate(folder: &Path, name: &str) {
    let (key, certificate) = (format!("{name}.key"), format!("{name}.pem"));
    let subject = format!("/CN={name}");
    let arguments = [
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
        "-subj",
        &subject,
        "-addext",
        "subjectAltName=DNS:usher.example",
        "-addext",
        "basicConstraints=critical,CA:FALSE",
        "-keyout",
        &key,
        "-out",
        &certificate,
    ];
    openssl(folder, &arguments);
}

fn written(folder: &Path, certificate: &str, key: &str) -> String {
    let (certificate, key) = (folder.join(certificate), folder.join(key));
    let text = format!("[server]\ntls_certificate = {certificate:?}\ntls_key = {key:?}\n");
    let path = folder.join("usher.toml");
    std::fs::write(&path, text).expect("a file");
    path.to_str().expect("UTF-8").to_owned()
}

/// A gateway with the certificate `first` in the folder.
fn start(folder: &Path) -> Gateway {
    certificate(folder, "first");
    Gateway::start_with(&["--config", &written(folder, "first.pem", "first.key")])
}

fn client(folder: &Path, name: &str, gateway: &Gateway) -> reqwest::ClientBuilder {
    let pem = std::fs::read(folder.join(format!("{name}.pem"))).expect("a certificate");
    let address = gateway
        .url
        .strip_prefix("https://")
        .expect("https")
        .parse()
        .expect("an address");
    reqwest::Client::builder()
        .no_proxy()
        .tls_built_in_root_certs(false)
        .add_root_certificate(reqwest::Certificate::from_pem(&pem).expect("a certificate"))
        .resolve("usher.example", address)
}

fn place(gateway: &Gateway, path: &str) -> String {
    let (_, port) = gateway.url.rsplit_once(':').expect("a port");
    format!("https://usher.example:{port}{path}")
}

/// What openssl says to a handshake with this version alone.
fn handshake(gateway: &Gateway, version: &str) -> String {
    let address = gateway.url.strip_prefix("https://").expect("https");
    let arguments = [
        "s_client",
        "-connect",
        address,
        version,
        "-cipher",
        "ALL:@SECLEVEL=0",
        "-brief",
    ];
    let made = Command::new("openssl")
        .args(arguments)
        .stdin(std::process::Stdio::null())
        .output();
    let made = made.expect("openssl");
    format!(
        "{}{}",
        String::from_utf8_lossy(&made.stdout),
        String::from_utf8_lossy(&made.stderr)
    )
}

#[tokio::test]
async fn the_gateway_answers_over_https() {
    let folder = tempfile::tempdir().expect("a folder");
    let gateway = start(folder.path());
    assert!(gateway.bootstrapped("scim_base_url").starts_with("https://"));
    let url = place(&gateway, "/healthz");
    let http1 = client(folder.path(), "first", &gateway)
        .http1_only()
        .build()
        .expect("a client");
    let answer = http1.get(&url).send().await.expect("an answer");
    assert_eq!(
        (answer.status().as_u16(), answer.version()),
        (200, reqwest::Version::HTTP_11)
    );
    let token = gateway.bootstrapped("scim_token");
    let users = place(&gateway, "/scim/default/v2/Users");
    let users = http1.get(users).bearer_auth(token).send().await.expect("an answer");
    assert_eq!(users.status(), 200);
    let curl = Command::new("curl")
        .args([
            "--silent",
            "--http2",
            "--output",
            "/dev/null",
            "--write-out",
            "%{http_version} %{http_code}",
            "--cacert",
        ])
        .arg(folder.path().join("first.pem"))
        .args([
            "--resolve",
            &url.replace("https://", "").replace("/healthz", ":127.0.0.1"),
            &url,
        ])
        .output()
        .expect("curl");
    assert_eq!(
        String::from_utf8_lossy(&curl.stdout),
        "2 200",
        "{}",
        String::from_utf8_lossy(&curl.stderr)
    );
    // Whoever speaks HTTP there is not answered, and the gateway lives on.
    let plain = url.replace("https://usher.example", "http://127.0.0.1");
    let spoken = reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client")
        .get(plain)
        .send()
        .await;
    assert!(spoken.is_err());
    assert_eq!(http1.get(&url).send().await.expect("an answer").status(), 200);
}

#[test]
fn both_versions_of_http_are_offered_and_tls_1_2_and_1_3_are_spoken() {
    let folder = tempfile::tempdir().expect("a folder");
    let gateway = start(folder.path());
    for (version, name) in [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")] {
        let said = handshake(&gateway, version);
        assert!(said.contains(&format!("Protocol version: {name}")), "{said}");
    }
    let address = gateway.url.strip_prefix("https://").expect("https");
    for protocol in ["h2", "http/1.1"] {
        let mut openssl = Command::new("openssl");
        openssl.args(["s_client", "-connect", address, "-alpn", protocol]);
        let said = openssl.stdin(std::process::Stdio::null()).output().expect("openssl");
        let said = String::from_utf8_lossy(&said.stdout).into_owned();
        assert!(said.contains(&format!("ALPN protocol: {protocol}")), "{said}");
    }
}

#[test]
fn tls_1_1_and_weak_ciphers_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let gateway = start(folder.path());
    for version in ["-tls1", "-tls1_1"] {
        let said = handshake(&gateway, version);
        assert!(!said.contains("CONNECTION ESTABLISHED"), "{version}: {said}");
        let alerts = ["alert protocol version", "alert handshake failure"];
        assert!(alerts.iter().any(|alert| said.contains(alert)), "{version}: {said}");
    }
    let address = gateway.url.strip_prefix("https://").expect("https");
    for cipher in ["AES128-SHA", "ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES128-SHA256"] {
        let mut openssl = Command::new("openssl");
        openssl.args(["s_client", "-connect", address, "-tls1_2", "-brief", "-cipher"]);
        openssl
            .arg(format!("{cipher}:@SECLEVEL=0"))
            .stdin(std::process::Stdio::null());
        let said = openssl.output().expect("openssl").stderr;
        let said = String::from_utf8_lossy(&said).into_owned();
        assert!(said.contains("handshake failure"), "{cipher}: {said}");
    }
}

#[test]
fn the_command_line_finds_its_own_gateway_by_the_certificate_itself() {
    let folder = tempfile::tempdir().expect("a folder");
    let gateway = start(folder.path());
    let shown = gateway.command(&["org", "show", "default", "--json"]).expect(0).json();
    assert_eq!(shown["slug"], "default");
}

#[tokio::test]
async fn a_renewed_certificate_is_taken_up_at_sighup() {
    let folder = tempfile::tempdir().expect("a folder");
    let gateway = start(folder.path());
    certificate(folder.path(), "second");
    let url = place(&gateway, "/healthz");
    let answers = async |name: &str| {
        let client = client(folder.path(), name, &gateway)
            .pool_max_idle_per_host(0)
            .build()
            .expect("a client");
        client.get(&url).send().await.is_ok_and(|answer| answer.status() == 200)
    };
    let renewed = std::fs::read(folder.path().join("second.pem")).expect("a certificate");
    let former = std::fs::read(folder.path().join("first.pem")).expect("a certificate");
    assert!(answers("first").await);
    std::fs::write(folder.path().join("first.pem"), &renewed).expect("a file");
    std::fs::write(folder.path().join("former.pem"), &former).expect("a file");
    gateway.signal(Signal::SIGHUP);
    // The certificate alone is no pair with the key: the former one stays.
    until(|| gateway.read_log().contains("the certificate stays as it is")).await;
    assert!(answers("former").await);
    std::fs::copy(folder.path().join("second.key"), folder.path().join("first.key")).expect("a copy");
    gateway.signal(Signal::SIGHUP);
    until(|| gateway.read_log().contains("the certificate was read again")).await;
    assert!(answers("second").await);
    assert!(!answers("former").await);
}

/// Waits for something that happens within seconds.
async fn until(happened: impl Fn() -> bool) {
    let started = Instant::now();
    while !happened() {
        assert!(started.elapsed() < Duration::from_secs(30), "it did not happen");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[test]
fn files_that_cannot_be_used_are_told_at_the_start() {
    let folder = tempfile::tempdir().expect("a folder");
    certificate(folder.path(), "one");
    certificate(folder.path(), "two");
    std::fs::write(folder.path().join("empty.pem"), "").expect("a file");
    let cases = [
        ("missing.pem", "one.key", "missing.pem cannot be read"),
        ("one.pem", "missing.key", "missing.key cannot be read"),
        ("empty.pem", "one.key", "empty.pem holds no certificate"),
        ("one.key", "one.key", "one.key holds no certificate"),
        ("one.pem", "one.pem", "one.pem holds no private key"),
        (
            "one.pem",
            "two.key",
            "two.key does not belong to the first certificate in",
        ),
    ];
    for (certificate, key, message) in cases {
        let config = written(folder.path(), certificate, key);
        let data = folder.path().join("data");
        let ran = Ran::of(
            usher()
                .args(["serve", "--listen", "127.0.0.1:0", "--config", &config, "--data"])
                .arg(&data),
        );
        let ran = ran.expect(1);
        assert!(ran.sentence().contains(message), "{certificate} {key}: {}", ran.err);
        assert!(!data.exists(), "nothing was begun");
    }
}

#[test]
fn a_certificate_without_a_key_is_a_fault_of_the_configuration() {
    let folder = tempfile::tempdir().expect("a folder");
    for (line, message) in [
        ("tls_certificate", "server.tls_key"),
        ("tls_key", "server.tls_certificate"),
    ] {
        let path = folder.path().join("usher.toml");
        std::fs::write(&path, format!("[server]\n{line} = \"x.pem\"\n")).expect("a file");
        let ran = Ran::of(usher().args(["check", "--config"]).arg(&path)).expect(2);
        assert!(ran.sentence().contains(message), "{}", ran.err);
    }
}

#[test]
fn http_towards_other_machines_is_warned_of() {
    let open = Gateway::start_with(&["--listen", "0.0.0.0:0"]);
    assert!(
        open.read_log().contains("over HTTP from other machines"),
        "{}",
        open.read_log()
    );
    let own = Gateway::start();
    assert!(
        !own.read_log().contains("over HTTP from other machines"),
        "{}",
        own.read_log()
    );
    let file = own.file("proxied.toml", "[server]\npublic_url = \"https://usher.example\"\n");
    let proxied = Gateway::start_with(&["--listen", "0.0.0.0:0", "--config", &file]);
    assert!(
        !proxied.read_log().contains("over HTTP from other machines"),
        "{}",
        proxied.read_log()
    );
}
