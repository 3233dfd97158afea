//! A real mail server (aiosmtpd) that keeps what it is sent.

use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use super::certificates::make_ca;
use super::process::{START_PATIENCE, Supervised, find, free_ports, server_directory, skipped};

/// The system's own Python first: it has what the system's packages bring.
const PYTHONS: [&str; 2] = ["/usr/bin/python3", "python3"];

const SCRIPT: &str = include_str!("mail_server.py");

/// How a mail server protects its connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protection {
    /// Not at all.
    Plain,
    /// STARTTLS, and everybody signs in as `usher` with `secret`.
    Starttls,
    /// TLS from the first byte.
    Tls,
}

/// A mail server on one port, which can be stopped and started again there.
pub(crate) struct MailServer {
    folder: TempDir,
    protection: Protection,
    python: &'static str,
    running: Option<Supervised>,
    /// Where it listens, also while it is stopped.
    pub(crate) port: u16,
}

impl MailServer {
    /// Starts one. `None`, with a message, where aiosmtpd is not installed; under CI that is a failure.
    pub(crate) fn start(protection: Protection) -> Option<Self> {
        let Some(python) = PYTHONS.into_iter().find(|python| has_aiosmtpd(python)) else {
            skipped("mail server", "aiosmtpd is not installed: install python3-aiosmtpd");
            return None;
        };
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("mails")).expect("a folder");
        fs::write(folder.path().join("mail_server.py"), SCRIPT).expect("the script");
        make_ca(&folder.path().join("tls"));
        let mut server = Self {
            folder,
            protection,
            python,
            running: None,
            port: 0,
        };
        for _ in 0..5 {
            server.port = free_ports().0;
            if server.try_start() {
                return Some(server);
            }
        }
        panic!("the mail server does not start");
    }

    /// Starts it again where it was.
    #[track_caller]
    pub(crate) fn start_again(&mut self) {
        assert!(self.try_start(), "the mail server does not start on port {}", self.port);
    }

    /// Ends it at once.
    pub(crate) fn stop(&mut self) {
        self.running = None;
    }

    fn try_start(&mut self) -> bool {
        let path = |name: &str| self.folder.path().join(name).to_str().expect("UTF-8").to_owned();
        let mode = match self.protection {
            Protection::Plain => "plain",
            Protection::Starttls => "starttls",
            Protection::Tls => "tls",
        };
        let arguments = [
            path("mail_server.py"),
            path("mails"),
            self.port.to_string(),
            mode.to_owned(),
            path("tls/server.crt"),
            path("tls/server.key"),
        ];
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let directory = server_directory("mail");
        let running = Supervised::start(&directory, self.python, &arguments);
        let started = Instant::now();
        while started.elapsed() < START_PATIENCE {
            if directory.join("server.pid").exists() && TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                self.running = Some(running);
                return true;
            }
            if running.output().contains("Error") {
                return false;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }

    /// The certificate of the authority that signed its own.
    pub(crate) fn authority(&self) -> PathBuf {
        self.folder.path().join("tls/ca.crt")
    }

    /// What it was sent so far, in that order.
    pub(crate) fn mails(&self) -> Vec<Value> {
        let entries = fs::read_dir(self.folder.path().join("mails")).expect("the folder");
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
        files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
        files.sort_by_key(|path| fs::metadata(path).and_then(|data| data.modified()).ok());
        files.iter().map(|path| read(path)).collect()
    }

    /// Waits until it has so many mails.
    #[track_caller]
    pub(crate) fn wait_for(&self, number: usize) -> Vec<Value> {
        let started = Instant::now();
        loop {
            let mails = self.mails();
            if mails.len() >= number {
                return mails;
            }
            assert!(
                started.elapsed() < START_PATIENCE,
                "{} of {number} mails came: {mails:#?}",
                mails.len()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn has_aiosmtpd(python: &str) -> bool {
    find(python).is_some_and(|python| {
        let mut asked = Command::new(python);
        asked.args(["-c", "import aiosmtpd"]).stderr(Stdio::null());
        asked.status().is_ok_and(|status| status.success())
    })
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).expect("a mail")).expect("JSON")
}
