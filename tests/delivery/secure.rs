//! TLS to the mail server, signing in there, and what is refused before anything is sent.

use crate::kit::gateway::{Ran, usher};
use crate::kit::mail_server::{MailServer, Protection};

/// Runs `usher mail test` with this `[mail]`.
#[track_caller]
fn test_mail(mail: &str) -> Ran {
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("usher.toml");
    std::fs::write(
        &config,
        format!("[mail]\nfrom = \"Acme <no-reply@acme.example>\"\n{mail}"),
    )
    .expect("a file");
    let mut command = usher();
    command
        .args(["mail", "test", "--to", "ada@acme.example", "--config"])
        .arg(&config)
        .env("USHER_DATA", folder.path().join("data"))
        .env("MAIL_PASSWORD", "secret")
        .env("WRONG_PASSWORD", "wrong");
    Ran::of(&mut command)
}

#[test]
fn starttls_with_a_known_authority_and_a_password_is_taken() {
    let Some(server) = MailServer::start(Protection::Starttls) else {
        return;
    };
    let (port, authority) = (server.port, server.authority());
    let base = format!("host = \"localhost\"\nport = {port}\nca_file = {authority:?}\n");
    let signed_in = format!("{base}username = \"usher\"\npassword_env = \"MAIL_PASSWORD\"\n");
    let ran = test_mail(&signed_in).expect(0);
    assert!(ran.out.contains("took the mail"), "{ran:?}");
    let mail = server.wait_for(1).remove(0);
    assert_eq!(
        (&mail["tls"], &mail["signed_in"]),
        (&true.into(), &true.into()),
        "{mail:#}"
    );
    let wrong = test_mail(&format!(
        "{base}username = \"usher\"\npassword_env = \"WRONG_PASSWORD\"\n"
    ))
    .expect(1);
    assert!(wrong.sentence().contains("535"), "{wrong:?}");
    assert!(!wrong.err.contains("wrong\""), "the password is not shown: {wrong:?}");
    let strangers = signed_in.replace(&format!("ca_file = {authority:?}\n"), "");
    let ran = test_mail(&strangers).expect(1);
    assert!(
        ran.err.contains("certificate") || ran.err.contains("UnknownIssuer"),
        "{ran:?}"
    );
    assert_eq!(server.mails().len(), 1, "nothing else was sent");
}

#[test]
fn tls_from_the_first_byte_is_taken() {
    let Some(server) = MailServer::start(Protection::Tls) else {
        return;
    };
    let (port, authority) = (server.port, server.authority());
    test_mail(&format!(
        "host = \"127.0.0.1\"\nport = {port}\ntls = \"required\"\nca_file = {authority:?}\n"
    ))
    .expect(0);
    assert_eq!(server.wait_for(1)[0]["tls"], true);
}

#[test]
fn a_server_without_starttls_is_not_talked_to() {
    let Some(server) = MailServer::start(Protection::Plain) else {
        return;
    };
    let ran = test_mail(&format!("host = \"127.0.0.1\"\nport = {}\n", server.port)).expect(1);
    assert!(ran.sentence().contains("did not take the mail"), "{ran:?}");
    assert!(server.mails().is_empty());
}

#[test]
fn settings_that_cannot_work_are_refused_with_the_cure() {
    let cases = [
        ("host = \"smtp.example.com\"\ntls = \"none\"\n", "mail.tls"),
        (
            "host = \"smtp.example.com\"\nusername = \"usher\"\n",
            "mail.password_file",
        ),
        ("password_env = \"MAIL_PASSWORD\"\n", "mail.username"),
        (
            "host = \"smtp.example.com\"\nusername = \"usher\"\npassword_env = \"NOBODY_SET_THIS\"\n",
            "NOBODY_SET_THIS",
        ),
        (
            "host = \"smtp.example.com\"\nusername = \"usher\"\npassword_file = \"/nonexistent/password\"\n",
            "/nonexistent/password",
        ),
        (
            "host = \"smtp.example.com\"\nca_file = \"/nonexistent/ca.pem\"\n",
            "mail.ca_file",
        ),
        ("host = \"smtp.example.com:25\"\n", "mail.host"),
        ("give_up_hours = 0\n", "mail.give_up_hours"),
    ];
    for (mail, named) in cases {
        let ran = test_mail(mail).expect(2);
        assert!(ran.sentence().contains(named), "{mail}: {ran:?}");
    }
}
