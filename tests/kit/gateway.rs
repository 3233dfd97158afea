//! The built program: a gateway in a folder of its own, command lines beside it; and the same routes inside the test's
//! process, for tests that need no process.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;
use usher::config::Config;
use usher::directory::token::IssueToken;
use usher::directory::{Directory, Principal, keys};
use usher::model::clock::SystemClock;
use usher::model::token::TokenGrant;
use usher::store::Store;
use usher::store::memory::MemoryStore;

use super::scim::Answer;

/// The program with a clean environment; what this machine sets for its own gateway does not reach it.
pub(crate) fn usher() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_usher"));
    for name in ["LISTEN", "DATA", "CONFIG", "URL", "TOKEN", "ORG"] {
        command.env_remove(format!("USHER_{name}"));
    }
    command.stdin(Stdio::null());
    command
}

/// What a command line printed and how it ended.
#[derive(Debug)]
pub(crate) struct Ran {
    /// The exit code.
    pub(crate) code: i32,
    /// Standard output.
    pub(crate) out: String,
    /// Standard error.
    pub(crate) err: String,
}

impl Ran {
    /// Runs a command to its end.
    #[must_use]
    #[track_caller]
    pub(crate) fn of(command: &mut Command) -> Self {
        let Output { status, stdout, stderr } = command.output().expect("the program");
        Self {
            code: status.code().expect("an exit code"),
            out: String::from_utf8(stdout).expect("UTF-8"),
            err: String::from_utf8(stderr).expect("UTF-8"),
        }
    }

    /// Asserts the exit code, showing what was printed otherwise.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(
            self.code, code,
            "standard output: {}\nstandard error: {}",
            self.out, self.err
        );
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }

    /// Asserts that standard error is one sentence in one line, and answers it.
    #[track_caller]
    pub(crate) fn sentence(&self) -> &str {
        assert_eq!(self.err.trim_end().lines().count(), 1, "{}", self.err);
        self.err.trim_end()
    }
}

/// A running gateway.
pub(crate) struct Gateway {
    child: Option<Child>,
    out: Option<BufReader<ChildStdout>>,
    folder: Arc<tempfile::TempDir>,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    /// The data folder.
    pub(crate) data: PathBuf,
    /// Where it listens: `http://127.0.0.1:PORT`.
    pub(crate) url: String,
    /// What it printed when it was ready.
    pub(crate) greeting: String,
}

impl Gateway {
    /// On an empty folder.
    #[track_caller]
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// On an empty folder, with further arguments.
    #[track_caller]
    pub(crate) fn start_with(arguments: &[&str]) -> Self {
        Self::start_in(arguments, &[])
    }

    /// On an empty folder, with further arguments and variables of the environment.
    #[track_caller]
    pub(crate) fn start_in(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut gateway = Self {
            child: None,
            out: None,
            data: folder.path().join("data"),
            folder: Arc::new(folder),
            arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(),
            environment: environment
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            url: String::new(),
            greeting: String::new(),
        };
        gateway.start_again();
        gateway
    }

    /// On the same folder, after it was ended. Another port.
    #[track_caller]
    pub(crate) fn start_again(&mut self) {
        assert!(self.child.is_none(), "it runs");
        let log = std::fs::File::create(self.log()).expect("a log");
        let mut child = usher()
            .args(["serve", "--data"])
            .arg(&self.data)
            .args(self.listen())
            .args(&self.arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("the program");
        let mut out = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut first = String::new();
        out.read_line(&mut first).expect("a line");
        let url = first
            .split_whitespace()
            .find(|word| word.starts_with("http://") || word.starts_with("https://"));
        let url = url.unwrap_or_else(|| panic!("no address in {first:?}; the log: {}", self.read_log()));
        self.url = url.to_owned();
        self.greeting = first;
        self.child = Some(child);
        self.out = Some(out);
    }

    /// A free port of this machine's own, unless the arguments say where to listen.
    fn listen(&self) -> &'static [&'static str] {
        if self.arguments.iter().any(|argument| argument == "--listen") {
            &[]
        } else {
            &["--listen", "127.0.0.1:0"]
        }
    }

    /// Sends a signal.
    #[track_caller]
    pub(crate) fn signal(&self, signal: nix::sys::signal::Signal) {
        let id = self.child.as_ref().expect("it runs").id();
        let id = nix::unistd::Pid::from_raw(i32::try_from(id).expect("an id"));
        nix::sys::signal::kill(id, signal).expect("a signal");
    }

    /// Waits for the end, and keeps the rest of what it printed.
    #[track_caller]
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let mut child = self.child.take().expect("it runs");
        if let Some(mut out) = self.out.take() {
            out.read_to_string(&mut self.greeting).expect("UTF-8");
        }
        child.wait().expect("an end")
    }

    /// SIGTERM, and asserts that it ends in order.
    #[track_caller]
    pub(crate) fn terminate(&mut self) {
        self.signal(nix::sys::signal::Signal::SIGTERM);
        let status = self.wait();
        assert_eq!(status.code(), Some(0), "{}", self.read_log());
    }

    /// SIGKILL.
    #[track_caller]
    pub(crate) fn kill(&mut self) {
        self.signal(nix::sys::signal::Signal::SIGKILL);
        assert!(!self.wait().success());
    }

    /// `bootstrap.json`.
    #[track_caller]
    pub(crate) fn bootstrap(&self) -> Value {
        read_json(&self.data.join("bootstrap.json"))
    }

    /// A member of `bootstrap.json`.
    #[track_caller]
    pub(crate) fn bootstrapped(&self, name: &str) -> String {
        self.bootstrap()[name].as_str().expect("a text").to_owned()
    }

    /// A command line on the data folder.
    #[must_use]
    #[track_caller]
    pub(crate) fn command(&self, arguments: &[&str]) -> Ran {
        Ran::of(usher().args(arguments).env("USHER_DATA", &self.data))
    }

    /// A file beside the data folder.
    #[track_caller]
    pub(crate) fn file(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).expect("a file");
        path.to_str().expect("UTF-8").to_owned()
    }

    /// What it logged since it was started last.
    pub(crate) fn read_log(&self) -> String {
        std::fs::read_to_string(self.log()).unwrap_or_default()
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself; either way it is waited for.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A file that must hold JSON.
#[track_caller]
pub(crate) fn read_json(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).expect("JSON")
}

/// The gateway's routes inside the test's process, over a store of one's choice.
#[derive(Clone)]
pub(crate) struct Inside {
    /// The directory.
    pub(crate) directory: Directory,
    routes: Router,
}

impl Inside {
    /// Over the memory engine.
    pub(crate) fn new() -> Self {
        Self::over(Arc::new(MemoryStore::new()))
    }

    /// Over this store.
    pub(crate) fn over(store: Arc<dyn Store>) -> Self {
        Self::of(Directory::new(store, Arc::new(SystemClock)))
    }

    /// Over this directory.
    pub(crate) fn of(directory: Directory) -> Self {
        let config = Config::default();
        let routes = usher::server::app::router(&directory, &config, "https://usher.example");
        Self { directory, routes }
    }

    /// The gateway's administrator.
    pub(crate) async fn administrator(&self) -> Caller {
        let permit = Principal::system()
            .administer_gateway(keys::GATEWAY)
            .expect("the system may");
        let issue = IssueToken {
            grant: TokenGrant::Gateway,
            label: String::new(),
            expires: None,
        };
        let issued = self.directory.run(&permit, &issue).await.expect("a token");
        self.caller(issued.text)
    }

    /// Whoever shows this token.
    pub(crate) fn caller(&self, token: impl Into<String>) -> Caller {
        Caller {
            routes: self.routes.clone(),
            token: token.into(),
        }
    }
}

/// Somebody with a token, who can send requests.
#[derive(Clone)]
pub(crate) struct Caller {
    routes: Router,
    token: String,
}

impl Caller {
    /// The token.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// Sends a request. A text body goes as it is, any other as JSON.
    pub(crate) async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        self.send_with(method, path, body, &[]).await
    }

    /// Sends a request with further headers.
    pub(crate) async fn send_with(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {}", self.token));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = match body {
            None => request.body(Body::empty()),
            Some(Value::String(text)) => request.body(Body::from(text)),
            Some(body) => request
                .header("content-type", "application/json")
                .body(Body::from(body.to_string())),
        };
        let response = self.routes.clone().oneshot(request.expect("a request")).await;
        let (parts, body) = response.expect("an answer").into_parts();
        let bytes = body.collect().await.expect("a body").to_bytes();
        // Lines of JSON become a list.
        let body = match serde_json::from_slice(&bytes) {
            Ok(body) => body,
            Err(_) => bytes
                .split(|byte| *byte == b'\n')
                .filter(|line| !line.is_empty())
                .map(|line| serde_json::from_slice::<Value>(line).expect("JSON"))
                .collect(),
        };
        Answer {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }

    /// Sends bytes and answers with the status and the bytes that came, whatever they are.
    pub(crate) async fn bytes(&self, method: Method, path: &str, body: Vec<u8>) -> (u16, Vec<u8>) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {}", self.token))
            .body(Body::from(body));
        let response = self.routes.clone().oneshot(request.expect("a request")).await;
        let (parts, body) = response.expect("an answer").into_parts();
        let bytes = body.collect().await.expect("a body").to_bytes();
        (parts.status.as_u16(), bytes.to_vec())
    }

    /// GET.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    /// POST.
    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, Some(body)).await
    }

    /// PUT.
    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PUT, path, Some(body)).await
    }

    /// PATCH.
    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PATCH, path, Some(body)).await
    }

    /// DELETE.
    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, None).await
    }

    /// Makes an organisation, and answers its administrator.
    pub(crate) async fn organisation(&self, slug: &str) -> Self {
        self.post("/api/v1/organisations", json!({ "slug": slug }))
            .await
            .expect(201);
        let path = format!("/api/v1/organisations/{slug}/tokens");
        let issued = self.post(&path, json!({ "label": "administrator" })).await.expect(201);
        Self {
            routes: self.routes.clone(),
            token: issued["token"].as_str().expect("a token").to_owned(),
        }
    }

    /// Applies an organisation file.
    pub(crate) async fn apply(&self, slug: &str, file: &str) -> Answer {
        self.post(&format!("/api/v1/organisations/{slug}/apply"), json!(file))
            .await
    }

    /// A token for a connection, as somebody who may issue one.
    pub(crate) async fn connection(&self, slug: &str, connection: &str) -> Self {
        let path = format!("/api/v1/organisations/{slug}/tokens");
        let issued = self.post(&path, json!({ "connection": connection })).await.expect(201);
        Self {
            routes: self.routes.clone(),
            token: issued["token"].as_str().expect("a token").to_owned(),
        }
    }

    /// Creates a SCIM user with an address and a name, as a connection's client, and answers the identifier.
    pub(crate) async fn scim_user(&self, slug: &str, name: &str) -> String {
        let user = json!({
            "schemas": [super::scim::USER],
            "userName": name,
            "externalId": format!("ext-{name}"),
            "displayName": format!("{name} the person"),
            "emails": [{ "value": format!("{name}@{slug}.example"), "type": "work", "primary": true }],
        });
        self.post(&format!("/scim/{slug}/v2/Users"), user).await.id()
    }
}
