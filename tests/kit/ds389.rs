//! A real 389 Directory Server in a temporary directory: no systemd, no root, free ports.
//!
//! It is started from the configuration template that the package brings, filled in here, because `dscreate` wants
//! systemd and fixed places. Retro changelog and content synchronisation (RFC 4533) are on.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use super::certificates::make_ca;
use super::process::{Administrator, Supervised, command, free_ports, installed, run, server_directory};

pub(crate) const SUFFIX: &str = "dc=example,dc=com";
/// Reads everything, without limits; the changelog as well.
pub(crate) const SYNC_DN: &str = "uid=sync,ou=service,dc=example,dc=com";
/// Reads everything, but no paged search of it looks through more than 15 entries.
pub(crate) const LIMITED_DN: &str = "uid=limited,ou=service,dc=example,dc=com";
/// May bind and may read nothing.
pub(crate) const STRANGER_DN: &str = "uid=stranger,dc=example,dc=com";
/// The password of each.
pub(crate) const PASSWORD: &str = "Sync-secret-1";

const ROOT_DN: &str = "cn=Directory Manager";
const ROOT_PASSWORD: &str = "root secret";
const BACKEND: &str = "userroot";
const BASE_LDIF: &str = include_str!("ds389_base.ldif");

/// What the package brings.
const TEMPLATES: &str = "/usr/share/dirsrv/data";
const CONFIGURATION: &str = "/etc/dirsrv/config";
const USER_SCHEMA: &str = "/etc/dirsrv/schema/99user.ldif";

/// A running server.
#[derive(Debug)]
pub(crate) struct Ds389 {
    directory: PathBuf,
    port: u16,
    tls_port: u16,
    _process: Supervised,
}

static SHARED: LazyLock<Option<Ds389>> = LazyLock::new(Ds389::start);

impl Ds389 {
    /// The server that all tests of this process share; give each test a subtree of its own
    /// ([`super::real_directory::RealDirectory`]). `None`, with a message, where it is not installed; under CI that is a
    /// failure.
    pub(crate) fn shared() -> Option<&'static Self> {
        is_installed().then(|| SHARED.as_ref()).flatten()
    }

    /// A server for one test alone, as [`Self::shared`].
    pub(crate) fn start() -> Option<Self> {
        Self::start_remembering("2d")
    }

    /// The same, with a changelog that every second loses what is older than `age` (`nsslapd-changelogmaxage`).
    pub(crate) fn start_remembering(age: &str) -> Option<Self> {
        if !is_installed() {
            return None;
        }
        let directory = server_directory("389");
        make_ca(&directory.join("tls"));
        lay_out(&directory);
        // A port found free may be taken before the server gets it; then it exits, and others are tried.
        for _ in 0..5 {
            let (port, tls_port) = free_ports();
            fs::write(
                directory.join("config/dse.ldif"),
                configuration(&directory, port, tls_port, age),
            )
            .expect("dse.ldif");
            let (config, pid) = (directory.join("config"), directory.join("run/server.pid"));
            let arguments = ["-D", text(&config), "-i", text(&pid), "-d", "0"];
            let mut process = Supervised::start(&directory, "ns-slapd", &arguments);
            if process.answers(&format!("ldap://127.0.0.1:{port}")) {
                let server = Self {
                    directory,
                    port,
                    tls_port,
                    _process: process,
                };
                server.administrator().modify(BASE_LDIF);
                return Some(server);
            }
        }
        let log = fs::read_to_string(directory.join("log/errors")).unwrap_or_default();
        panic!("389-DS does not start; its log says: {log}");
    }

    /// Who may change everything.
    pub(crate) fn administrator(&self) -> Administrator {
        Administrator {
            url: self.url(),
            dn: ROOT_DN,
            password: ROOT_PASSWORD,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("ldap://127.0.0.1:{}", self.port)
    }

    pub(crate) fn tls_url(&self) -> String {
        format!("ldaps://127.0.0.1:{}", self.tls_port)
    }

    /// The oldest change that the changelog still holds, by the root DSE.
    pub(crate) fn first_change(&self) -> u64 {
        let mut search = command("ldapsearch");
        search.args(["-LLL", "-x", "-H", &self.url(), "-s", "base", "-b", ""]);
        let answer = run(search.arg("firstchangenumber"));
        let line = answer.lines().find_map(|line| line.strip_prefix("firstchangenumber: "));
        line.and_then(|number| number.trim().parse().ok()).expect("a number")
    }

    /// The authority that signed the server's certificate.
    pub(crate) fn ca_file(&self) -> PathBuf {
        self.directory.join("tls/ca.crt")
    }
}

fn is_installed() -> bool {
    installed("389-DS", &["ns-slapd", "certutil", "pk12util", "ldapmodify"])
}

/// Directories, schema, and the certificate in the database that the server reads it from.
fn lay_out(directory: &Path) {
    for place in [
        "config/schema",
        "lock",
        "tmp",
        "ldif",
        "bak",
        "run",
        "log",
        "db",
        "dbhome",
    ] {
        fs::create_dir_all(directory.join(place)).expect("a directory");
    }
    let config = directory.join("config");
    for name in ["certmap.conf", "slapd-collations.conf"] {
        fs::copy(Path::new(CONFIGURATION).join(name), config.join(name)).expect("the package brings it");
    }
    fs::copy(USER_SCHEMA, config.join("schema/99user.ldif")).expect("the package brings it");
    let script = r#"
        openssl pkcs12 -export -in tls/server.crt -inkey tls/server.key -name Server-Cert -passout pass: -out tls/server.p12
        certutil -N -d sql:config --empty-password
        pk12util -i tls/server.p12 -d sql:config -W "" -K ""
        certutil -A -n CA -t CT,, -a -i tls/ca.crt -d sql:config
    "#;
    run(Command::new("sh").args(["-ec", script]).current_dir(directory));
}

/// The package's templates with everything filled in and the plug-ins on that the tests need.
fn configuration(directory: &Path, port: u16, tls_port: u16, changelog_age: &str) -> String {
    let read = |name| fs::read_to_string(Path::new(TEMPLATES).join(name)).expect("the package brings it");
    let mut all = format!("{}\n{}", read("template-dse.ldif"), read("template-suffix-db.ldif"));
    let at = |place: &str| directory.join(place).display().to_string();
    let user = run(command("id").arg("-un"));
    let values = [
        ("schema_dir", at("config/schema")),
        ("lock_dir", at("lock")),
        ("tmp_dir", at("tmp")),
        ("cert_dir", at("config")),
        ("config_dir", at("config")),
        ("ldif_dir", at("ldif")),
        ("bak_dir", at("bak")),
        ("run_dir", at("run")),
        ("inst_dir", at("")),
        ("log_dir", at("log")),
        ("db_dir", at("db")),
        ("db_home_dir", at("dbhome")),
        ("db_lib", "bdb".to_owned()),
        ("fqdn", "localhost".to_owned()),
        ("ds_port", port.to_string()),
        ("ds_user", user.trim().to_owned()),
        ("ds_suffix", SUFFIX.to_owned()),
        ("ds_bename", BACKEND.to_owned()),
        ("rootdn", ROOT_DN.to_owned()),
        ("ds_passwd", format!("{{CLEAR}}{ROOT_PASSWORD}")),
        ("ldapi", at("run/ldapi")),
        ("ldapi_enabled", "off".to_owned()),
        ("ldapi_autobind", "off".to_owned()),
    ];
    for (name, value) in values {
        all = all.replace(&format!("%{name}%"), &value);
    }
    // Two blank lines in a row end the server without a word, and so does a value without its blank after the colon.
    let entries = all.split("\n\n").map(|entry| entry.trim_matches('\n'));
    let entries = entries.filter(|entry| !entry.is_empty());
    let adjusted: Vec<String> = entries.map(|entry| adjusted(entry, tls_port, changelog_age)).collect();
    adjusted.join("\n\n") + "\n"
}

/// One entry of the configuration, with what the tests want otherwise than the template.
fn adjusted(entry: &str, tls_port: u16, changelog_age: &str) -> String {
    const SWITCHED_ON: [&str; 5] = [
        "cn=MemberOf Plugin",
        "cn=referential integrity postoperation",
        "cn=Retro Changelog Plugin",
        "cn=Content Synchronization",
        "cn=USN",
    ];
    let name = entry
        .lines()
        .find_map(|line| line.strip_prefix("dn: "))
        .unwrap_or_default();
    let named = |rdn: &str| name.starts_with(&format!("{rdn},"));
    let is_on = SWITCHED_ON.into_iter().any(named);
    let entry = match is_on {
        true => entry.replace("nsslapd-pluginenabled: off", "nsslapd-pluginenabled: on"),
        false => entry.to_owned(),
    };
    let more = if name == "cn=config" {
        format!(
            "nsslapd-security: on\nnsslapd-securePort: {tls_port}\nnsslapd-listenhost: 127.0.0.1\n\
             nsslapd-securelistenhost: 127.0.0.1\nnsslapd-sizelimit: 2000\nnsslapd-nagle: off\n\
             nsslapd-accesslog-logging-enabled: off\n"
        )
    } else if named("cn=Retro Changelog Plugin") {
        // Content synchronisation names deleted entries by this attribute.
        format!(
            "nsslapd-attribute: nsuniqueid:targetUniqueId\nnsslapd-changelogmaxage: {changelog_age}\n\
             nsslapd-changelog-trim-interval: 1s\n"
        )
    } else if named("cn=config") && name.contains("cn=ldbm database") {
        // Small and quick: nothing here has to survive a power cut.
        "nsslapd-cache-autosize: 0\nnsslapd-dbcachesize: 20000000\nnsslapd-db-durable-transaction: off\n".to_owned()
    } else {
        return entry;
    };
    format!("{entry}\n{}", more.trim_end())
}

fn text(path: &Path) -> &str {
    path.to_str().expect("the temporary directory's name is text")
}
