//! Programs that tests start: found, run to their end, or supervised so that they never outlive the test process.

use std::fs;
use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// How long a server may take to answer, on a busy machine.
pub(crate) const START_PATIENCE: Duration = Duration::from_secs(60);

const SUPERVISE: &str = include_str!("supervise.sh");

/// Where a program, or a file by its whole name, is. Debian puts servers where an ordinary user's path does not reach.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places =
        std::env::split_paths(&path).chain(["/usr/sbin", "/usr/local/sbin", "/usr/lib/openldap"].map(PathBuf::from));
    places.map(|place| place.join(program)).find(|file| file.is_file())
}

/// Whether all that a server needs is installed. If not, it says so aloud; under CI that is a failure.
pub(crate) fn installed(server: &str, programs: &[&str]) -> bool {
    let missing: Vec<&&str> = programs.iter().filter(|program| find(program).is_none()).collect();
    missing.is_empty() || skipped(server, &format!("{missing:?} is not installed"))
}

/// Says that a server cannot be tested here, and why. Under CI that is a failure. Always false.
pub(crate) fn skipped(server: &str, reason: &str) -> bool {
    assert!(
        std::env::var_os("CI").is_none(),
        "{server} cannot be tested, and under CI it must be: {reason}"
    );
    eprintln!("SKIPPED: nothing was tested against a real {server}: {reason}");
    false
}

/// A program that [`find`] finds.
pub(crate) fn command(program: &str) -> Command {
    Command::new(find(program).unwrap_or_else(|| panic!("{program} is not installed")))
}

/// Runs a program to its end and gives its output; it must succeed.
#[track_caller]
pub(crate) fn run(command: &mut Command) -> String {
    let output = command.output().expect("the program starts");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed: {text}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Two TCP ports that nobody uses at the moment.
pub(crate) fn free_ports() -> (u16, u16) {
    let listeners = [(); 2].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port"));
    let [first, second] = listeners.map(|listener| listener.local_addr().expect("its address").port());
    (first, second)
}

/// Who may change a directory, and where.
#[derive(Clone, Debug)]
pub(crate) struct Administrator {
    pub(crate) url: String,
    pub(crate) dn: &'static str,
    pub(crate) password: &'static str,
}

impl Administrator {
    /// Applies LDIF change records; the first that fails is a failure of the test.
    #[track_caller]
    pub(crate) fn modify(&self, ldif: &str) {
        let mut child = command("ldapmodify")
            .args(["-x", "-H", &self.url, "-D", self.dn, "-w", self.password])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("ldapmodify starts");
        let mut input = child.stdin.take().expect("it was asked for");
        // A program that refuses a record stops reading; its own message says more than the broken pipe.
        let _ = input.write_all(ldif.as_bytes());
        drop(input);
        let output = child.wait_with_output().expect("our own child ends");
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "ldapmodify failed: {text}\n{ldif}");
    }
}

/// A server that ends, and whose directory goes, when this value is dropped or the test process ends in whatever way:
/// values in statics are not dropped.
#[derive(Debug)]
pub(crate) struct Supervised {
    shell: Child,
    directory: PathBuf,
}

impl Supervised {
    /// Runs `program` in the foreground. `directory` is from [`server_directory`].
    pub(crate) fn start(directory: &Path, program: &str, arguments: &[&str]) -> Self {
        let shell = Command::new("sh")
            .args(["-c", SUPERVISE, "supervise"])
            .arg(directory)
            .arg(find(program).unwrap_or_else(|| panic!("{program} is not installed")))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // An interrupt from the terminal is for the tests; the shell must live to clean up after them.
            .process_group(0)
            .spawn()
            .expect("a shell starts");
        Self {
            shell,
            directory: directory.to_owned(),
        }
    }

    /// Waits until the server answers at `url`. False when it ended before, as it does when a port is taken.
    pub(crate) fn answers(&mut self, url: &str) -> bool {
        let start = Instant::now();
        while start.elapsed() < START_PATIENCE {
            if self.shell.try_wait().expect("our own child can be asked").is_some() {
                return false;
            }
            let mut root_dse = command("ldapsearch");
            root_dse.args(["-x", "-H", url, "-s", "base", "-b", "", "1.1"]);
            let status = root_dse.stdout(Stdio::null()).stderr(Stdio::null()).status();
            if status.expect("ldapsearch starts").success() {
                return true;
            }
            thread::sleep(Duration::from_millis(20));
        }
        false
    }

    /// What the server wrote, for the message of a failed start.
    pub(crate) fn output(&self) -> String {
        fs::read_to_string(self.directory.join("output.log")).unwrap_or_default()
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

/// A fresh directory for a server of this test process. What earlier test processes left behind, which happens only when
/// their supervising shell was killed as well, goes first.
pub(crate) fn server_directory(server: &str) -> PathBuf {
    let prefix = format!("usher-test-{server}-");
    let entries = fs::read_dir(std::env::temp_dir()).expect("a temporary directory");
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let owner = name.strip_prefix(&prefix).and_then(|rest| rest.split('-').next());
        if owner.is_some_and(|owner| !Path::new("/proc").join(owner).exists()) {
            remove_stale(&entry.path());
        }
    }
    let directory = tempfile::Builder::new()
        .prefix(&format!("{prefix}{}-", std::process::id()))
        .tempdir()
        .expect("a temporary directory");
    directory.keep()
}

fn remove_stale(directory: &Path) {
    let pid = fs::read_to_string(directory.join("server.pid")).unwrap_or_default();
    if let Ok(pid) = pid.trim().parse() {
        let command_line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let ours = String::from_utf8_lossy(&command_line).contains(&*directory.to_string_lossy());
        if ours {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
    let _ = fs::remove_dir_all(directory);
}
