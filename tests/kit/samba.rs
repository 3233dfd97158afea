//! A real Samba Active Directory domain controller in a temporary directory.
//!
//! Its LDAP ports are fixed at 389 and 636, so each test process gives it a loopback address of its own, made from the
//! process id. Ports below 1024 need root. One process, LDAP alone: no Kerberos, no file sharing.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use super::certificates::make_ca_for;
use super::process::{Administrator, Supervised, command, installed, run, server_directory, skipped};

pub(crate) const DOMAIN: &str = "DC=lab,DC=test";
/// Reads everything that any account may.
pub(crate) const SYNC_DN: &str = "CN=sync,CN=Users,DC=lab,DC=test";
/// Has the right "Replicating Directory Changes" as well, which DirSync wants.
pub(crate) const REPLICATOR_DN: &str = "CN=dirsync,CN=Users,DC=lab,DC=test";
/// The password of each.
pub(crate) const PASSWORD: &str = "Sync-secret-1";

const ADMIN_DN: &str = "CN=Administrator,CN=Users,DC=lab,DC=test";
const ADMIN_PASSWORD: &str = "Adm1n-secret!";
const CONFIGURATION: &str = include_str!("samba.conf.template");
const ACCOUNTS: &str = include_str!("samba_accounts.py");
/// The interpreter that Debian's packages install Samba's modules for.
const PYTHON: &str = "/usr/bin/python3";
/// What a domain is made from; a package of its own.
const PROVISION: &str = "/usr/share/samba/setup/provision.ldif";

/// A running domain controller.
#[derive(Debug)]
pub(crate) struct Samba {
    directory: PathBuf,
    address: Ipv4Addr,
    _process: Supervised,
}

/// Provisioning takes some ten seconds, so there is one for all tests.
static SHARED: LazyLock<Samba> = LazyLock::new(Samba::start);

impl Samba {
    /// The domain controller that all tests of this process share; give each test a subtree of its own
    /// ([`super::real_directory::RealDirectory`]). `None`, with a message, where it is not installed or not allowed; under
    /// CI that is a failure.
    pub(crate) fn shared() -> Option<&'static Self> {
        let programs = ["samba", "samba-tool", "ldapmodify", PROVISION];
        let is_possible = installed("Samba domain controller", &programs)
            && (nix::unistd::geteuid().is_root() || skipped("Samba domain controller", "its ports need root"));
        is_possible.then(|| &*SHARED)
    }

    fn start() -> Self {
        let (directory, address) = (server_directory("samba"), own_address());
        make_ca_for(&directory.join("tls"), &[&format!("IP:{address}")]);
        provision(&directory, address);
        let configuration = directory.join("samba.conf");
        let configuration = configuration.to_str().expect("the temporary directory's name is text");
        let arguments = ["-s", configuration, "-F", "-M", "single", "--no-process-group"];
        let mut process = Supervised::start(&directory, "samba", &arguments);
        if !process.answers(&format!("ldap://{address}")) {
            let log = fs::read_to_string(directory.join("samba.log")).unwrap_or_default();
            panic!("samba does not start; it says: {}{log}", process.output());
        }
        Self {
            directory,
            address,
            _process: process,
        }
    }

    /// Who may change everything.
    pub(crate) fn administrator(&self) -> Administrator {
        Administrator {
            url: self.url(),
            dn: ADMIN_DN,
            password: ADMIN_PASSWORD,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("ldap://{}", self.address)
    }

    pub(crate) fn tls_url(&self) -> String {
        format!("ldaps://{}", self.address)
    }

    /// The authority that signed the server's certificate.
    pub(crate) fn ca_file(&self) -> PathBuf {
        self.directory.join("tls/ca.crt")
    }
}

/// An address of this process alone: 22 bits of process id over three bytes, the last of them neither 0 nor 255.
fn own_address() -> Ipv4Addr {
    let pid = std::process::id();
    let byte = |number: u32| number as u8;
    Ipv4Addr::new(
        127,
        byte(64 + (pid / (254 * 254)) % 128),
        byte(1 + (pid / 254) % 254),
        byte(1 + pid % 254),
    )
}

/// Makes the domain, and its accounts before anybody serves it.
fn provision(directory: &Path, address: Ipv4Addr) {
    run(command("samba-tool")
        .args([
            "domain",
            "provision",
            "--realm=LAB.TEST",
            "--domain=LAB",
            "--server-role=dc",
        ])
        .args(["--dns-backend=NONE", "--host-name=dc1"])
        .arg(format!("--host-ip={address}"))
        .arg(format!("--adminpass={ADMIN_PASSWORD}"))
        .arg(format!("--targetdir={}", directory.display()))
        .arg(format!("--option=interfaces={address}/8"))
        .arg("--option=bind interfaces only=yes"));
    for place in ["run/ncalrpc", "run/ntp", "lock"] {
        fs::create_dir_all(directory.join(place)).expect("a directory");
    }
    let configuration = CONFIGURATION
        .replace("@DIRECTORY@", &directory.display().to_string())
        .replace("@ADDRESS@", &address.to_string());
    let file = directory.join("samba.conf");
    fs::write(&file, configuration).expect("samba.conf");
    let mut accounts = Command::new(PYTHON);
    run(accounts.args(["-I", "-c", ACCOUNTS]).arg(file).arg(PASSWORD));
}
