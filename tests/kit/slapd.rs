//! A real OpenLDAP server in a temporary directory, on free ports, gone when dropped.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use usher::ldap::{LdapSettings, Secret};

use super::certificates::make_ca;
use super::directory_ldif::SUFFIX;
use super::process::{Administrator, command, free_ports, installed};

pub(crate) const SYNC_DN: &str = "cn=sync,ou=service,dc=example,dc=com";
/// An account under the server's default size limit of 500.
pub(crate) const LIMITED_DN: &str = "cn=limited,ou=service,dc=example,dc=com";
pub(crate) const PASSWORD: &str = "sync secret";

const ADMIN_DN: &str = "cn=admin,dc=example,dc=com";
const START_PATIENCE: Duration = Duration::from_secs(20);

const BASE_LDIF: &str = include_str!("slapd_base.ldif");

/// A running server. `kill` and `restart` keep its data.
#[derive(Debug)]
pub(crate) struct Slapd {
    directory: TempDir,
    child: Option<Child>,
    port: u16,
    tls_port: u16,
}

/// What of content synchronisation (RFC 4533) a server has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Synchronisation {
    /// It remembers what was deleted.
    WithSessionLog,
    /// It can only say who is still there.
    WithoutSessionLog,
    /// None for this database, although the server lists it.
    Absent,
}

/// What becomes of members of groups whose entries are renamed or deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Integrity {
    /// They follow, some of them (the refint overlay) only after the answer.
    Kept,
    /// They follow before the answer, where the server knows of them.
    KeptAtOnce,
    /// They dangle.
    NotKept,
}

impl Slapd {
    /// Starts a server that holds `ldif`. `None`, with a message, where OpenLDAP is not installed; under CI that is a
    /// failure.
    pub(crate) fn start(ldif: &str) -> Option<Self> {
        Self::start_with(ldif, Synchronisation::WithSessionLog)
    }

    /// The same with less of content synchronisation.
    pub(crate) fn start_with(ldif: &str, synchronisation: Synchronisation) -> Option<Self> {
        Self::start_as(ldif, synchronisation, Integrity::Kept)
    }

    /// The same with less of both.
    pub(crate) fn start_as(ldif: &str, synchronisation: Synchronisation, integrity: Integrity) -> Option<Self> {
        Self::start_configured(ldif, |template| configuration(template, synchronisation, integrity))
    }

    /// A server whose `slapd.conf` is made of the usual one.
    pub(crate) fn start_configured(ldif: &str, configure: impl Fn(&str) -> String) -> Option<Self> {
        if !installed("OpenLDAP", &["slapd", "slapadd", "ldapmodify"]) {
            return None;
        }
        let directory = tempfile::tempdir().expect("a temporary directory");
        make_ca(&directory.path().join("tls"));
        let text = configure(include_str!("slapd.conf.template"));
        let text = text.replace("@DIRECTORY@", &directory.path().display().to_string());
        fs::write(directory.path().join("slapd.conf"), text).expect("slapd.conf");
        fs::write(directory.path().join("data.ldif"), format!("{BASE_LDIF}\n{ldif}")).expect("data.ldif");
        load(directory.path());
        let mut slapd = Self {
            directory,
            child: None,
            port: 0,
            tls_port: 0,
        };
        slapd.restart();
        Some(slapd)
    }

    /// Ends the process at once, as a crash would.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("our own child can be killed");
            child.wait().expect("our own child ends");
        }
    }

    /// Starts the process again on new ports, with the data it had.
    pub(crate) fn restart(&mut self) {
        self.kill();
        // A port found free may be taken before slapd gets it; then it exits, and others are tried.
        for _ in 0..5 {
            (self.port, self.tls_port) = free_ports();
            let urls = format!("ldap://127.0.0.1:{} ldaps://127.0.0.1:{}", self.port, self.tls_port);
            let mut start = command("slapd");
            start
                .arg("-f")
                .arg(self.directory.path().join("slapd.conf"))
                .args(["-h", &urls, "-d", "0"]);
            let mut child = start
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("slapd starts");
            if answers(&mut child, self.tls_port) && answers(&mut child, self.port) {
                self.child = Some(child);
                return;
            }
            let _ = child.kill();
            child.wait().expect("our own child ends");
        }
        panic!(
            "slapd does not start; run it by hand with {}",
            self.directory.path().display()
        );
    }

    /// Copies the data aside, for [`Self::restore`].
    pub(crate) fn back_up(&mut self) {
        self.kill();
        fs::copy(self.database(), self.backup()).expect("the database is copied");
        self.restart();
    }

    /// Puts the data of the last backup back.
    pub(crate) fn restore(&mut self) {
        self.kill();
        fs::copy(self.backup(), self.database()).expect("the backup is copied");
        self.restart();
    }

    fn database(&self) -> PathBuf {
        self.directory.path().join("db/data.mdb")
    }

    fn backup(&self) -> PathBuf {
        self.directory.path().join("backup.mdb")
    }

    /// Applies change records as the administrator.
    pub(crate) fn modify(&self, ldif: &str) {
        self.administrator().modify(ldif);
    }

    /// Who may change everything.
    pub(crate) fn administrator(&self) -> Administrator {
        Administrator {
            url: format!("ldap://{}", self.address()),
            dn: ADMIN_DN,
            password: PASSWORD,
        }
    }

    /// The plain port.
    pub(crate) fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// The port with TLS.
    pub(crate) fn tls_address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.tls_port).into()
    }

    /// The authority that signed the server's certificate, which names localhost, 127.0.0.1 and `::1`.
    pub(crate) fn ca_file(&self) -> PathBuf {
        self.directory.path().join("tls/ca.crt")
    }

    /// Settings of an account that may read everything, over `ldaps`.
    pub(crate) fn settings(&self) -> LdapSettings {
        self.settings_for(&format!("ldaps://{}", self.tls_address()))
    }

    /// The same with another URL.
    pub(crate) fn settings_for(&self, url: &str) -> LdapSettings {
        let urls = vec![url.parse().expect("a good url")];
        let mut settings = LdapSettings::new(urls, SYNC_DN, Secret::literal(PASSWORD));
        settings.ca_file = Some(self.ca_file());
        // Patience for a busy machine.
        settings.connect_timeout = START_PATIENCE;
        settings
    }
}

impl Drop for Slapd {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Loads `data.ldif` into an empty database. Debian's slapadd now and then dies of its own heap ("double free or corruption")
/// with very large groups: it is asked again, from the start, a few times.
fn load(directory: &Path) {
    const ATTEMPTS: usize = 5;
    let database = directory.join("db");
    for attempt in 1.. {
        fs::create_dir(&database).expect("the database directory");
        let mut load = command("slapadd");
        load.args(["-q", "-w", "-b", SUFFIX, "-f"])
            .arg(directory.join("slapd.conf"));
        let output = load
            .arg("-l")
            .arg(directory.join("data.ldif"))
            .output()
            .expect("the program starts");
        if output.status.success() {
            return;
        }
        let text = String::from_utf8_lossy(&output.stderr);
        // An exit code is slapadd's own word on the data; without one a signal ended it.
        let was_killed = output.status.code().is_none();
        assert!(
            was_killed && attempt < ATTEMPTS,
            "slapadd failed {attempt} times: {text}"
        );
        fs::remove_dir_all(&database).expect("the database directory");
    }
}

fn configuration(template: &str, synchronisation: Synchronisation, integrity: Integrity) -> String {
    let without_content: &[&str] = match synchronisation {
        Synchronisation::WithSessionLog => &[],
        Synchronisation::WithoutSessionLog => &["syncprov-sessionlog"],
        Synchronisation::Absent => &["syncprov-", "overlay syncprov"],
    };
    let without_integrity: &[&str] = match integrity {
        Integrity::Kept => &[],
        Integrity::KeptAtOnce => &["overlay refint", "refint_"],
        Integrity::NotKept => &["overlay refint", "refint_", "overlay memberof", "memberof-"],
    };
    let is_absent = |line: &str| {
        let mut absent = without_content.iter().chain(without_integrity);
        absent.any(|start| line.starts_with(start))
    };
    let lines = template.lines().filter(|line| !is_absent(line));
    lines.map(|line| format!("{line}\n")).collect()
}

/// Whether the port opens before the process ends or patience does.
fn answers(child: &mut Child, port: u16) -> bool {
    let start = Instant::now();
    while start.elapsed() < START_PATIENCE {
        if child.try_wait().expect("our own child can be asked").is_some() {
            return false;
        }
        if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return true;
        }
        thread::sleep(Duration::from_millis(10));
    }
    false
}
