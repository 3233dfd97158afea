//! The service that the cases talk to: one that runs somewhere, or a gateway started for the occasion.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reqwest::Client;
use serde_json::{Value, json};

use crate::assertion::Federated;
use crate::case::USUAL_IDENTITY;

/// How long a gateway may take to stop before it is killed.
const STOP_TIME_MAX: Duration = Duration::from_secs(20);

/// The connections that a gateway of our own has, with their organisations.
const IDENTITIES: [(&str, &str); 6] = [
    (USUAL_IDENTITY, "default"),
    ("strict", "default"),
    ("refusing", "default"),
    ("keeping", "default"),
    ("other", "other"),
    ("requiring", "requiring"),
];

/// Who asks, and where.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    /// The base URL, without a slash at the end.
    pub(crate) base: String,
    /// The bearer token.
    pub(crate) token: String,
}

/// A SCIM service.
pub(crate) struct Subject {
    identities: BTreeMap<String, Identity>,
    federated: Option<Federated>,
    gateway: Option<Gateway>,
}

impl Subject {
    /// The service that the environment names, or a gateway of our own.
    ///
    /// # Errors
    /// A sentence about what could not be started or is missing.
    pub(crate) async fn find(client: &Client) -> Result<Self, String> {
        match std::env::var("USHER_CONFORMANCE_URL") {
            Ok(base) => elsewhere(base),
            Err(_) => Self::start(client).await,
        }
    }

    /// One of the identities.
    pub(crate) fn identity(&self, name: &str) -> Option<&Identity> {
        self.identities.get(name)
    }

    /// The client that signs assertions, if there is one.
    pub(crate) fn federated(&self) -> Option<&Federated> {
        self.federated.as_ref()
    }

    /// What is tested.
    pub(crate) fn description(&self) -> String {
        let base = self
            .identity(USUAL_IDENTITY)
            .map_or("nothing", |usual| usual.base.as_str());
        match &self.gateway {
            Some(gateway) => format!("{base} (started for this run, data in {})", gateway.data.display()),
            None => base.to_owned(),
        }
    }

    async fn start(client: &Client) -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|error| format!("no folder for the data: {error}"))?;
        let gateway = Gateway::start(folder)?;
        let bootstrap = gateway.bootstrap()?;
        let text = |name: &str| bootstrap[name].as_str().unwrap_or_default().to_owned();
        let (admin, token) = (text("admin_base_url"), text("admin_token"));
        let scim = text("scim_base_url");
        let token_endpoint = scim.replace("/scim/default/v2", "/oauth/default/token");
        let federated = Federated::new(token_endpoint.clone())?;
        for organisation in ["default", "other", "requiring"] {
            let file =
                Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("conformance/organisations/{organisation}.toml"));
            let mut file = std::fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
            if organisation == "default" {
                file.push_str(&federated.declared());
            }
            let request = client
                .post(format!("{admin}/organisations/{organisation}/apply"))
                .body(file);
            admin_answer(request.bearer_auth(&token)).await?;
        }
        let mut identities = BTreeMap::new();
        for (name, organisation) in IDENTITIES {
            let request = client.post(format!("{admin}/organisations/{organisation}/tokens"));
            let body = json!({ "connection": name, "label": "conformance" });
            let issued = admin_answer(request.bearer_auth(&token).json(&body)).await?;
            let token = issued["token"].as_str().ok_or("the new token has no text")?.to_owned();
            let base = scim.replace("/scim/default/", &format!("/scim/{organisation}/"));
            identities.insert(name.to_owned(), Identity { base, token });
        }
        let form = [
            ("grant_type", "client_credentials"),
            (
                "client_assertion_type",
                "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            ),
            ("client_assertion", &federated.assertion()?),
        ];
        let issued = admin_answer(client.post(token_endpoint).form(&form)).await?;
        let token = issued["access_token"]
            .as_str()
            .ok_or("there is no access token")?
            .to_owned();
        identities.insert("federated".to_owned(), Identity { base: scim, token });
        Ok(Self {
            identities,
            federated: Some(federated),
            gateway: Some(gateway),
        })
    }
}

async fn admin_answer(request: reqwest::RequestBuilder) -> Result<Value, String> {
    let failed = |error: reqwest::Error| format!("the admin API does not answer: {error:?}");
    let response = request.send().await.map_err(failed)?;
    let status = response.status();
    let text = response.text().await.map_err(failed)?;
    if !status.is_success() {
        return Err(format!("the admin API answered {status}: {text}"));
    }
    serde_json::from_str(&text).map_err(|error| format!("the admin API answered {text:?}: {error}"))
}

/// A service that runs already. Its further identities are optional: cases that need them are skipped without.
fn elsewhere(base: String) -> Result<Subject, String> {
    let needed = "USHER_CONFORMANCE_TOKEN is not set: it is the bearer token for USHER_CONFORMANCE_URL";
    let token = std::env::var("USHER_CONFORMANCE_TOKEN").map_err(|_| needed)?;
    let base = base.trim_end_matches('/').to_owned();
    let mut identities = BTreeMap::new();
    for (name, _) in IDENTITIES {
        let variable = format!("USHER_CONFORMANCE_{}", name.to_ascii_uppercase());
        let token = match std::env::var(format!("{variable}_TOKEN")) {
            Ok(own) => own,
            Err(_) if name == USUAL_IDENTITY => token.clone(),
            Err(_) => continue,
        };
        let base = std::env::var(format!("{variable}_URL")).unwrap_or_else(|_| base.clone());
        identities.insert(name.to_owned(), Identity { base, token });
    }
    Ok(Subject {
        identities,
        federated: None,
        gateway: None,
    })
}

/// The program under test. It stops when this is dropped, also when a case panics.
struct Gateway {
    child: Child,
    data: PathBuf,
    /// Held open: a closed pipe would be an error for the program that writes to it.
    _output: BufReader<std::process::ChildStdout>,
    _folder: tempfile::TempDir,
}

impl Gateway {
    fn start(folder: tempfile::TempDir) -> Result<Self, String> {
        let data = folder.path().join("data");
        let log_path = folder.path().join("log");
        let log = std::fs::File::create(&log_path).map_err(|error| format!("no log: {error}"))?;
        // The cases come faster than any identity provider does.
        let config = folder.path().join("usher.toml");
        let unlimited =
            "[scim]\nrequests_per_second = 0\n[server]\nfailures_per_minute = 0\ntoken_requests_per_minute = 0\n";
        std::fs::write(&config, unlimited).map_err(|error| format!("no configuration: {error}"))?;
        let mut child = Command::new(env!("CARGO_BIN_EXE_usher"))
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(&data)
            .env("USHER_CONFIG", &config)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .map_err(|error| format!("the gateway does not start: {error}"))?;
        let output = child.stdout.take().ok_or("the gateway has no output")?;
        let mut gateway = Self {
            child,
            data,
            _output: BufReader::new(output),
            _folder: folder,
        };
        // The line is written when the gateway listens; a program that ends before closes the pipe.
        let mut line = String::new();
        let read = gateway._output.read_line(&mut line);
        if read.is_err() || !line.contains(" listens on ") {
            let log = std::fs::read_to_string(log_path).unwrap_or_default();
            return Err(format!("the gateway did not come up: {line}{log}"));
        }
        Ok(gateway)
    }

    fn bootstrap(&self) -> Result<Value, String> {
        let path = self.data.join("bootstrap.json");
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))
    }

    fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if self.has_ended() {
            return;
        }
        let asked = i32::try_from(self.child.id()).is_ok_and(|id| kill(Pid::from_raw(id), Signal::SIGTERM).is_ok());
        let deadline = Instant::now() + STOP_TIME_MAX;
        while asked && Instant::now() < deadline {
            if self.has_ended() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        eprintln!("the gateway did not stop in order and is killed");
        if let Err(error) = self.child.kill().and_then(|()| self.child.wait().map(drop)) {
            eprintln!("the gateway could not be killed: {error}");
        }
    }
}
