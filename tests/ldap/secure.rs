//! Who is trusted, and what happens when a server cannot be: an error that names the cure, never a fallback.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::ControlFlow;

use usher::ldap::connection::ConnectFailure;
use usher::ldap::guard::TransportError;
use usher::ldap::guard::tls::TlsError;
use usher::ldap::{ConnectError, Connection, Filter, LdapSettings, Query, Scope, Secret, StableIdKind, read_all};

use crate::kit::certificates::make_ca;
use crate::kit::directory_ldif::{Directory, SPECIAL_GROUPS, SUFFIX};
use crate::kit::faulty_ldap::{Fault, FaultyLdap};
use crate::kit::slapd::Slapd;
use crate::kit::tcp_proxy::{Cut, TcpProxy};

#[tokio::test]
async fn the_same_people_arrive_over_ldaps_starttls_and_plain() {
    let directory = Directory::generate(3000, SPECIAL_GROUPS);
    let Some(slapd) = Slapd::start(&directory.ldif()) else {
        return;
    };
    let ldaps = slapd.settings();
    let by_name = slapd.settings_for(&format!("ldaps://localhost:{}", slapd.tls_address().port()));
    let mut start_tls = slapd.settings_for(&format!("ldap://{}", slapd.address()));
    let mut plain = start_tls.clone();
    start_tls.start_tls = true;
    plain.allow_plain = true;
    for settings in [ldaps, by_name, start_tls, plain] {
        assert_eq!(count(&settings).await, 3000, "{}", settings.urls[0]);
    }
}

#[tokio::test]
async fn an_ipv6_address_is_checked_against_the_certificate() {
    let Some(slapd) = Slapd::start("") else { return };
    let loopback = IpAddr::V6(Ipv6Addr::LOCALHOST);
    if std::net::TcpListener::bind((loopback, 0)).is_err() {
        eprintln!("SKIPPED: this machine has no IPv6");
        return;
    }
    let proxy = TcpProxy::start(loopback, slapd.tls_address(), Cut::Never).await;
    let settings = slapd.settings_for(&format!("ldaps://[::1]:{}", proxy.address().port()));
    assert_eq!(count(&settings).await, 0, "nobody is there, and the name is right");
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_is_refused() {
    let Some(slapd) = Slapd::start("") else { return };
    let other = tempfile::tempdir().expect("a temporary directory");
    make_ca(&other.path().join("tls"));
    let mut start_tls = slapd.settings_for(&format!("ldap://{}", slapd.address()));
    start_tls.start_tls = true;
    for mut settings in [slapd.settings(), start_tls] {
        settings.ca_file = Some(other.path().join("tls/ca.crt"));
        let failure = failure(&settings).await;
        assert!(
            matches!(
                failure,
                ConnectFailure::Transport(TransportError::Tls(TlsError::Untrusted))
            ),
            "{failure:?}"
        );
        assert!(failure.to_string().contains("set ca_file"), "{failure}");
    }
}

#[tokio::test]
async fn a_certificate_that_does_not_name_the_host_is_refused() {
    let Some(slapd) = Slapd::start("") else { return };
    // The same server under an address that its certificate does not have.
    let elsewhere = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
    let proxy = TcpProxy::start(elsewhere, slapd.tls_address(), Cut::Never).await;
    let failure = failure(&slapd.settings_for(&format!("ldaps://{}", proxy.address()))).await;
    let wrong_name = matches!(&failure, ConnectFailure::Transport(TransportError::Tls(TlsError::WrongName { host })) if host == "127.0.0.2");
    assert!(wrong_name, "{failure:?}");
}

#[tokio::test]
async fn a_port_without_tls_is_not_a_server_to_trust() {
    let Some(slapd) = Slapd::start("") else { return };
    let mut settings = slapd.settings_for(&format!("ldaps://{}", slapd.address()));
    settings.connect_timeout = std::time::Duration::from_millis(500);
    let failure = failure(&settings).await;
    let refused = matches!(
        failure,
        ConnectFailure::Transport(TransportError::Tls(TlsError::Handshake(_)) | TransportError::Timeout { .. })
    );
    assert!(refused, "{failure:?}");
}

#[tokio::test]
async fn a_wrong_password_is_not_tried_at_the_next_server() {
    let Some(slapd) = Slapd::start("") else { return };
    let mut settings = slapd.settings();
    settings.urls.push(settings.urls[0].clone());
    settings.bind_password = Secret::literal("wrong");
    let Err(ConnectError::Servers { attempts }) = Connection::open(&settings).await else {
        panic!("must not bind")
    };
    assert_eq!(attempts.len(), 1, "trying it everywhere locks the account sooner");
    assert!(
        matches!(attempts[0].failure, ConnectFailure::BindRefused { code: 49, .. }),
        "{:?}",
        attempts[0]
    );
}

#[tokio::test]
async fn the_next_server_is_used_when_one_is_down() {
    let Some(slapd) = Slapd::start("") else { return };
    let mute = FaultyLdap::start(Fault::NeverAnswersTheBind, 1).await;
    let mut settings = slapd.settings();
    // One that does not exist, and one that accepts but does not speak TLS.
    let mute_url = mute.settings().urls[0].to_string().replace("ldap://", "ldaps://");
    settings
        .urls
        .insert(0, "ldaps://no-such-host.invalid".parse().expect("a good url"));
    settings.urls.insert(1, mute_url.parse().expect("a good url"));
    let connection = Connection::open(&settings).await.expect("the third server");
    assert_eq!(connection.url(), &settings.urls[2]);
}

#[tokio::test]
async fn when_every_server_fails_each_has_its_cause() {
    let server = FaultyLdap::start(Fault::NeverAnswersTheBind, 1).await;
    let mut settings = server.settings();
    settings.connect_timeout = std::time::Duration::from_millis(500);
    settings
        .urls
        .insert(0, "ldap://no-such-host.invalid".parse().expect("a good url"));
    let message = Connection::open(&settings)
        .await
        .expect_err("nobody answers")
        .to_string();
    let first = message
        .find("ldap://no-such-host.invalid:389: ")
        .expect("the first server");
    let second = message
        .find("no answer to the bind within 500 ms")
        .expect("the second server");
    assert!(first < second, "{message}");
}

#[tokio::test]
async fn a_file_without_certificates_is_named() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("ca.pem");
    std::fs::write(&file, "no certificate").expect("written");
    let url = "ldaps://127.0.0.1:1".parse().expect("a good url");
    let mut settings = LdapSettings::new(vec![url], "cn=reader", Secret::literal("secret"));
    settings.ca_file = Some(file);
    let message = Connection::open(&settings)
        .await
        .expect_err("nobody to trust")
        .to_string();
    assert!(
        message.starts_with("ca_file: ") && message.contains("holds no certificate"),
        "{message}"
    );
}

async fn count(settings: &LdapSettings) -> u64 {
    let mut connection = match Connection::open(settings).await {
        Ok(connection) => connection,
        Err(error) => panic!("not connected: {error}"),
    };
    let query = Query {
        base: format!("ou=people,{SUFFIX}"),
        scope: Scope::SingleLevel,
        filter: Filter::present("uid").expect("a good filter"),
        attributes: vec!["uid".to_owned()],
        stable_id: StableIdKind::EntryUuid,
    };
    let complete = read_all(&mut connection, &query, |_| ControlFlow::Continue(())).await;
    complete.expect("complete").entries()
}

async fn failure(settings: &LdapSettings) -> ConnectFailure {
    match Connection::open(settings).await {
        Err(ConnectError::Servers { mut attempts }) => attempts.remove(0).failure,
        other => panic!("{other:?}"),
    }
}
