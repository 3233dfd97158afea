//! The password of a directory's account comes from the environment, and never comes out again.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::kit::directory_ldif::SUFFIX;
use crate::kit::gateway::{Gateway, Ran, usher};
use crate::kit::slapd::{PASSWORD, SYNC_DN, Slapd};

const VARIABLE: &str = "CORPORATE_DIRECTORY_PASSWORD";
const WRONG: &str = "certainly-not-the-password";

fn person() -> String {
    format!("dn: uid=ada,ou=people,{SUFFIX}\nobjectClass: inetOrgPerson\nuid: ada\ncn: ada\nsn: Of ada\n\n")
}

/// A gateway that logs all it can, and has this password in its environment.
fn start(slapd: &Slapd, password: &str) -> Gateway {
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("usher.toml");
    std::fs::write(&config, "[log]\nlevel = \"trace\"\n").expect("a file");
    let arguments = ["--config", config.to_str().expect("UTF-8")];
    let gateway = Gateway::start_in(
        &arguments,
        &[(VARIABLE, password), ("RUST_LOG", "trace"), ("RUST_BACKTRACE", "1")],
    );
    // Plain, so that whoever logs what goes over the network would log the password itself.
    let text = format!(
        "[organisation]\nslug = \"acme\"\n\n[[connections]]\nname = \"corporate\"\nkind = \"ldap\"\n\n[connections.ldap]\n\
         urls = [\"ldap://{}\"]\nallow_plain = true\nbind_dn = \"{SYNC_DN}\"\nbind_password_env = \"{VARIABLE}\"\n\
         users = {{ base = \"ou=people,{SUFFIX}\", filter = \"(objectClass=inetOrgPerson)\" }}\n",
        slapd.address(),
    );
    gateway.command(&["apply", &gateway.file("acme.toml", &text)]).expect(0);
    gateway
}

/// The password as somebody might log it: as it is, in base64, in hexadecimal, as a list of bytes.
fn disguises(password: &str) -> [String; 5] {
    let bytes = password.as_bytes();
    let hex = |upper: bool| -> String {
        let digits = bytes.iter().map(|byte| {
            if upper {
                format!("{byte:02X}")
            } else {
                format!("{byte:02x}")
            }
        });
        digits.collect()
    };
    let list = format!("{bytes:?}").replace(['[', ']'], "");
    [password.to_owned(), STANDARD.encode(bytes), hex(false), hex(true), list]
}

#[track_caller]
fn assert_hidden(text: &str, password: &str) {
    for disguise in disguises(password) {
        assert!(!text.contains(&disguise), "{disguise} is in\n{text}");
    }
}

/// Everything that a person could type to see the password.
fn everything(gateway: &Gateway) -> Vec<Ran> {
    let lines: [&[&str]; 9] = [
        &["sync", "corporate"],
        &["sync", "corporate", "--json"],
        &["sync", "corporate", "--dry-run"],
        &["sync", "corporate", "--history", "--json"],
        &["sync", "corporate", "--failures"],
        &["connection", "show", "corporate"],
        &["connection", "show", "corporate", "--json"],
        &["connection", "test", "corporate"],
        &["org", "show"],
    ];
    let run = |line: &&[&str]| {
        let organisation: &[&str] = if line[0] == "org" {
            &["acme"]
        } else {
            &["--org", "acme"]
        };
        let mut command = usher();
        command
            .args(*line)
            .args(organisation)
            .env("USHER_DATA", &gateway.data)
            .env("RUST_LOG", "trace");
        Ran::of(&mut command)
    };
    lines.iter().map(run).collect()
}

#[test]
fn a_password_from_the_environment_opens_the_directory_and_shows_nowhere() {
    let Some(slapd) = Slapd::start(&person()) else { return };
    let mut gateway = start(&slapd, PASSWORD);
    let first = gateway
        .command(&["sync", "corporate", "--org", "acme", "--json"])
        .expect(0)
        .json();
    assert_eq!((&first["outcome"], &first["changed"]), (&"finished".into(), &1.into()));
    let ran = everything(&gateway);
    assert!(ran.iter().filter(|ran| ran.code == 0).count() >= 8, "{ran:#?}");
    for ran in ran {
        assert_hidden(&(ran.out + &ran.err), PASSWORD);
    }
    let log = gateway.read_log();
    assert!(log.contains("TRACE"), "it logs all it can: {log}");
    assert_hidden(&log, PASSWORD);

    // Without a gateway the command line reads the directory itself, with what it has in its own environment.
    gateway.terminate();
    let alone = |password: Option<&str>| {
        let mut command = usher();
        command
            .args(["sync", "corporate", "--org", "acme"])
            .env("USHER_DATA", &gateway.data)
            .env("RUST_LOG", "trace");
        if let Some(password) = password {
            command.env(VARIABLE, password);
        }
        Ran::of(&mut command)
    };
    let good = alone(Some(PASSWORD)).expect(0);
    assert_hidden(&(good.out + &good.err), PASSWORD);
    let unset = alone(None).expect(1);
    assert!(unset.err.contains(VARIABLE), "{}", unset.err);
    let wrong = alone(Some(WRONG)).expect(1);
    assert!(wrong.err.contains("invalidCredentials"), "{}", wrong.err);
    assert_hidden(&(wrong.out + &wrong.err), WRONG);
}

#[test]
fn a_wrong_password_from_the_environment_is_told_without_being_shown() {
    let Some(slapd) = Slapd::start(&person()) else { return };
    let gateway = start(&slapd, WRONG);
    let failed = gateway.command(&["sync", "corporate", "--org", "acme"]).expect(1);
    assert!(failed.err.contains("invalidCredentials"), "{}", failed.err);
    for ran in everything(&gateway) {
        assert_hidden(&(ran.out + &ran.err), WRONG);
    }
    assert_hidden(&gateway.read_log(), WRONG);
    gateway.command(&["verify"]).expect(0);
}
