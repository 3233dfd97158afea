//! Passwords on the command line: read from standard input, never an argument.

use std::io::Write as _;
use std::process::Stdio;

use crate::kit::gateway::{Gateway, Ran, usher};

/// Runs a command with a text on its standard input.
fn with_input(gateway: &Gateway, arguments: &[&str], input: &str) -> Ran {
    let mut child = usher()
        .args(arguments)
        .env("USHER_DATA", &gateway.data)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program");
    let mut pipe = child.stdin.take().expect("it was asked for");
    pipe.write_all(input.as_bytes()).expect("it reads");
    drop(pipe);
    let output = child.wait_with_output().expect("an end");
    Ran {
        code: output.status.code().expect("an exit code"),
        out: String::from_utf8(output.stdout).expect("UTF-8"),
        err: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

#[test]
fn a_password_is_set_from_standard_input_and_the_policy_holds() {
    let gateway = Gateway::start();
    gateway.command(&["user", "create", "mia"]).expect(0);
    gateway
        .command(&["password-policy", "set", "--min-length", "6", "--digit", "true"])
        .expect(0);
    let set = ["user", "set-password", "mia", "--keep"];
    let refused = with_input(&gateway, &set, "five5\n").expect(1);
    assert_eq!(refused.sentence(), "usher: password: must have at least 6 characters");
    with_input(&gateway, &set, "").expect(2);
    let done = with_input(&gateway, &set, "secret-7\n").expect(0);
    assert!(
        done.out.contains("enrolled") && !done.out.contains("secret-7"),
        "{}",
        done.out
    );
    let known = gateway
        .command(&["user", "credential", "mia", "--json"])
        .expect(0)
        .json();
    assert_eq!(
        (&known["has_password"], &known["must_change"]),
        (&true.into(), &false.into())
    );
    let impact = gateway
        .command(&["password-policy", "impact", "--min-length", "12", "--json"])
        .expect(0);
    assert_eq!(impact.json()["unknown"], 1);
    let link = gateway
        .command(&["user", "reset-link", "mia", "--json"])
        .expect(0)
        .json();
    assert!(
        link["secret"]
            .as_str()
            .is_some_and(|secret| secret.starts_with("ushr_"))
    );
    gateway.command(&["user", "unlock", "mia"]).expect(0);
    assert_eq!(
        gateway.command(&["user", "sessions", "mia"]).expect(0).out.trim(),
        "none"
    );
    gateway.command(&["user", "end-sessions", "mia"]).expect(0);
    gateway.command(&["user", "remove-second-factor", "mia"]).expect(1);
    gateway.command(&["user", "signed-in", "mia"]).expect(0);
    gateway.command(&["verify"]).expect(0);
}

#[test]
fn the_key_of_second_factors_is_the_owners_alone_and_stays() {
    use std::os::unix::fs::PermissionsExt as _;
    let mut gateway = Gateway::start();
    let path = gateway.data.join("secret.key");
    let mode = std::fs::metadata(&path).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let key = std::fs::read(&path).expect("a key");
    gateway.terminate();
    gateway.start_again();
    assert_eq!(std::fs::read(&path).expect("a key"), key);
    gateway.terminate();
    std::fs::write(&path, "nonsense").expect("a file");
    let refused = gateway.command(&["user", "list"]).expect(1);
    assert!(
        refused.sentence().contains("openssl rand -base64 32"),
        "{}",
        refused.err
    );
}
