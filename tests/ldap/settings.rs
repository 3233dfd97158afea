//! What an operator may configure, and what each mistake is answered with.

use std::time::Duration;

use usher::ldap::settings::Tls;
use usher::ldap::{LdapSettings, LdapUrl, Secret};

#[test]
fn good_urls_are_understood() {
    let table = [
        ("ldaps://directory.example.com", "ldaps://directory.example.com:636"),
        ("LDAP://Directory.Example.com/", "ldap://directory.example.com:389"),
        ("ldap://10.0.0.1:1389", "ldap://10.0.0.1:1389"),
        ("ldaps://[::1]", "ldaps://[::1]:636"),
        ("ldaps://[2001:DB8::1]:3269/", "ldaps://[2001:db8::1]:3269"),
    ];
    for (text, expected) in table {
        let url: LdapUrl = text.parse().unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(url.to_string(), expected);
    }
}

#[test]
fn bad_urls_are_refused_with_a_cure() {
    let table = [
        ("directory.example.com", "must start with ldaps:// or ldap://"),
        ("http://directory.example.com", "must start with ldaps:// or ldap://"),
        ("ldapi:///", "must start with ldaps:// or ldap://"),
        ("ldap:///", "names no host"),
        ("ldap://", "names no host"),
        ("ldaps://:636", "names no host"),
        ("ldap:///dc=example", "names no host"),
        ("ldaps://::1", "an IPv6 address stands in brackets"),
        ("ldaps://[::1", "an IPv6 address stands in brackets"),
        ("ldaps://[::1]x", "an IPv6 address stands in brackets"),
        ("ldaps://[10.0.0.1]", "an IPv6 address stands in brackets"),
        ("ldaps://a b", "neither a dns name nor an address"),
        ("ldaps://a:0", "from 1 to 65535"),
        ("ldaps://a:65536", "from 1 to 65535"),
        ("ldaps://a:", "from 1 to 65535"),
        ("ldaps://a:+6", "from 1 to 65535"),
        ("ldaps://a/dc=example", "settings of their own"),
        ("ldaps://a?x", "settings of their own"),
        ("ldaps://reader:hunter2@a", "settings of their own"),
    ];
    for (text, cure) in table {
        let message = text.parse::<LdapUrl>().expect_err(text).to_string();
        assert!(message.contains(cure), "{text}: {message}");
        assert!(!message.contains("hunter2"), "{message}");
    }
}

#[test]
fn a_mistake_is_named_by_its_field() {
    type Change = fn(&mut LdapSettings);
    let table: [(Change, &str); 14] = [
        (|s| s.urls.clear(), "urls: no server"),
        (
            |s| s.urls.push(url("ldap://b")),
            "urls: ldap://b:389 would send the bind password in the clear",
        ),
        (|s| s.bind_dn = " ".to_owned(), "bind_dn: is blank"),
        (|s| s.bind_password = Secret::literal(""), "bind_password: is blank"),
        (
            |s| s.bind_password = Secret::literal(" \t\n"),
            "bind_password: is blank",
        ),
        (
            |s| s.bind_password = Secret::literal("\0"),
            "bind_password: holds a NUL",
        ),
        (
            |s| s.bind_password = Secret::literal("a\0b"),
            "bind_password: holds a NUL",
        ),
        (|s| s.connect_timeout = Duration::ZERO, "connect_timeout: is zero"),
        (|s| s.entry_timeout = Duration::ZERO, "entry_timeout: is zero"),
        (|s| s.run_timeout = Duration::ZERO, "run_timeout: is zero"),
        (|s| s.page_size = 0, "page_size: is 0, but must be from 1 to 100000"),
        (|s| s.page_size = 100_001, "page_size: is 100001"),
        (|s| s.message_bytes_max = 1024, "message_bytes_max: is 1024"),
        (|s| s.nesting_max = 5, "nesting_max: is 5"),
    ];
    for (change, expected) in table {
        let mut settings = good();
        assert_eq!(settings.validate(), Ok(()));
        change(&mut settings);
        let message = settings.validate().expect_err(expected).to_string();
        assert!(message.starts_with(expected), "{message}");
    }
}

#[test]
fn a_plain_url_needs_starttls_or_leave() {
    let mut settings = good();
    settings.urls.push(url("ldap://b"));
    assert!(settings.validate().is_err());
    assert_eq!(settings.tls(&settings.urls[1]), Tls::Plain);
    settings.allow_plain = true;
    assert_eq!(settings.validate(), Ok(()));
    (settings.allow_plain, settings.start_tls) = (false, true);
    assert_eq!(settings.validate(), Ok(()));
    assert_eq!(
        (settings.tls(&settings.urls[0]), settings.tls(&settings.urls[1])),
        (Tls::Ldaps, Tls::StartTls)
    );
}

#[test]
fn a_password_does_not_show_itself() {
    assert!(!format!("{:?}", good()).contains("hunter2"));
}

#[test]
fn a_password_comes_from_a_file_without_its_line_end() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("password");
    let table = [
        ("hunter2\n", "hunter2"),
        ("hunter2\r\n", "hunter2"),
        (" hunter2 ", " hunter2 "),
        ("a\n\n", "a\n"),
    ];
    for (content, expected) in table {
        std::fs::write(&file, content).expect("written");
        assert_eq!(Secret::from_file(&file).expect("a password").expose(), expected);
    }
    std::fs::write(&file, vec![b'x'; 70_000]).expect("written");
    assert!(
        Secret::from_file(&file)
            .expect_err("too long")
            .to_string()
            .contains("longer than 64 KiB")
    );
    let missing = Secret::from_file(&directory.path().join("none"))
        .expect_err("no file")
        .to_string();
    assert!(
        missing.contains("none") && missing.contains("cannot be read"),
        "{missing}"
    );
    assert!(Secret::from_environment("USHER_TEST_NO_SUCH_VARIABLE").is_err());
    assert!(
        !Secret::from_environment("PATH")
            .expect("every process has one")
            .expose()
            .is_empty()
    );
}

fn good() -> LdapSettings {
    LdapSettings::new(
        vec![url("ldaps://a")],
        "cn=reader,dc=example",
        Secret::literal("hunter2"),
    )
}

fn url(text: &str) -> LdapUrl {
    text.parse().expect("a good url")
}
