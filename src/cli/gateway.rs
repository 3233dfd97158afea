//! How a command reaches the directory: over HTTP to a running gateway, or through the same routes inside this process when no
//! gateway serves the store.

use std::io::Write;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{Method, Request, StatusCode};
use futures_util::{Stream, StreamExt as _};
use serde_json::Value;
use tower::ServiceExt as _;

use super::failure::Failure;
use super::pinned;
use super::target::Target;
use crate::admin;
use crate::admin::caller::{COMMAND_LINE, Trusted};
use crate::config::{Config, Engine, Overrides};
use crate::directory::{Directory, Principal};
use crate::model::clock::SystemClock;
use crate::server::bootstrap::Bootstrap;
use crate::server::presence::Address;
use crate::server::{self, open};
use crate::store::sled::OpenError;

/// A way to the directory.
pub enum Gateway {
    /// A running gateway.
    Remote {
        /// The client.
        client: reqwest::Client,
        /// Where the admin API is, without `/api/v1`.
        url: String,
        /// What is shown.
        token: String,
    },
    /// The store itself, opened by this process.
    Local {
        /// The admin API's routes.
        routes: Router,
        /// For closing.
        directory: Directory,
    },
}

/// What a request carries.
pub enum Payload {
    /// Nothing.
    Empty,
    /// A JSON document.
    Json(Value),
    /// A text as it is.
    Text(String),
    /// A file as it is.
    Bytes(Vec<u8>),
}

/// The parts of an answer, as they come.
type Chunks = Pin<Box<dyn Stream<Item = Result<Bytes, String>> + Send>>;

impl Gateway {
    /// Finds the gateway, or opens the store.
    ///
    /// # Errors
    /// [`Failure::Unreachable`] with what was tried and what to do; [`Failure::Usage`] for settings that contradict.
    pub async fn find(target: &Target) -> Result<Self, Failure> {
        if let Some(url) = &target.url {
            let token = target.token.clone().ok_or_else(|| {
                Failure::Usage("an address needs a token: set USHER_TOKEN or give --token".to_owned())
            })?;
            return Self::remote(url.trim_end_matches('/').to_owned(), token, None);
        }
        let overrides = Overrides {
            listen: None,
            data: target.data.clone(),
        };
        let config = Config::load(target.config.as_deref(), overrides)?;
        let data = config.store.data.as_path();
        let announced = Address::find(data).map_err(|error| unreadable(data, &error))?;
        if let Some(address) = &announced
            && let Some(found) = Self::announced(address, target, data).await?
        {
            return Ok(found);
        }
        let found = Self::local(&config, announced.as_ref())?;
        if let Self::Local { directory, .. } = &found {
            server::upgrade(directory).await;
        }
        Ok(found)
    }

    fn remote(url: String, token: String, certificate: Option<&Path>) -> Result<Self, Failure> {
        let mut builder = reqwest::Client::builder();
        if let Some(certificate) = certificate {
            builder = builder.use_preconfigured_tls(pinned::trust(certificate)?);
        }
        let client = builder
            .user_agent(COMMAND_LINE)
            .connect_timeout(std::time::Duration::from_secs(10))
            .build()
            .map_err(|error| Failure::failed(format!("no HTTP client can be made: {error}")))?;
        Ok(Self::Remote { client, url, token })
    }

    /// The gateway that the data folder names; `None` when it does not answer, because it was killed.
    async fn announced(address: &Address, target: &Target, data: &Path) -> Result<Option<Self>, Failure> {
        let known = Bootstrap::find(data).map_err(|error| unreadable(data, &error))?;
        let token = target.token.clone().or_else(|| known.map(|known| known.admin_token));
        let certificate = address.tls_certificate.as_deref();
        let found = Self::remote(address.url.clone(), token.clone().unwrap_or_default(), certificate)?;
        let Self::Remote { client, url, .. } = &found else {
            return Ok(None);
        };
        if client.get(format!("{url}/healthz")).send().await.is_err() {
            return Ok(None);
        }
        if token.is_none() {
            let what = format!(
                "a gateway runs at {url}, and {} is gone: set USHER_TOKEN to an administrator token, or stop the gateway \
                 and make one with: usher token issue --gateway",
                data.join(server::bootstrap::FILE).display()
            );
            return Err(Failure::Usage(what));
        }
        Ok(Some(found))
    }

    fn local(config: &Config, announced: Option<&Address>) -> Result<Self, Failure> {
        let data = config.store.data.as_path();
        if config.store.engine == Engine::Memory {
            let what = "no gateway answers, and one with engine \"memory\" keeps nothing: start it with usher serve";
            return Err(Failure::Unreachable(what.to_owned()));
        }
        if !data.join(open::STORE).is_dir() {
            let what = format!(
                "no gateway and no store found in {}: start one with usher serve, name its data folder with --data, or its \
                 address with USHER_URL and USHER_TOKEN",
                data.display()
            );
            return Err(Failure::Unreachable(what));
        }
        let store = open::store(&config.store).map_err(|error| match (&error, announced) {
            (OpenError::Locked { .. }, Some(address)) => Failure::Unreachable(format!(
                "the store in {} is open in another process, and the gateway at {} (process {}) does not answer: wait, or \
                 restart it",
                data.display(),
                address.url,
                address.pid
            )),
            (OpenError::Locked { .. }, None) => Failure::Unreachable(format!(
                "the store in {} is open in another process that does not say where it listens: wait until it has started \
                 or ended, or set USHER_URL and USHER_TOKEN",
                data.display()
            )),
            _ => Failure::failed(error.to_string()),
        })?;
        let directory = server::with_secrets(Directory::new(store, Arc::new(SystemClock)), config)?;
        Ok(Self::Local {
            routes: admin::router(directory.clone()),
            directory,
        })
    }

    /// Asks, and reads the whole answer: JSON, or `null` when there is none.
    ///
    /// # Errors
    /// [`Failure`] with the refusal's own words.
    pub async fn ask(&self, method: Method, path: &str, payload: Payload) -> Result<Value, Failure> {
        let (status, mut chunks) = self.send(method, path, payload).await?;
        let mut bytes = Vec::new();
        while let Some(chunk) = chunks.next().await {
            bytes.extend_from_slice(&chunk.map_err(broken_off)?);
        }
        if !status.is_success() {
            return Err(refusal(status, &bytes));
        }
        if bytes.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&bytes)
            .map_err(|error| Failure::failed(format!("the gateway's answer is not JSON ({error}): is it usher?")))
    }

    /// Every item of a list that comes in pages.
    ///
    /// # Errors
    /// As [`Gateway::ask`].
    pub async fn list(&self, path: &str, most: Option<usize>) -> Result<Vec<Value>, Failure> {
        let mut items: Vec<Value> = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let join = if path.contains('?') { '&' } else { '?' };
            let page = match &after {
                Some(cursor) => format!("{path}{join}limit=1000&after={}", escaped(cursor)),
                None => format!("{path}{join}limit=1000"),
            };
            let mut answer = self.ask(Method::GET, &page, Payload::Empty).await?;
            if let Some(Value::Array(more)) = answer.get_mut("items").map(Value::take) {
                items.extend(more);
            }
            after = answer.get("next").and_then(Value::as_str).map(str::to_owned);
            if after.is_none() || most.is_some_and(|most| items.len() >= most) {
                items.truncate(most.unwrap_or(usize::MAX));
                return Ok(items);
            }
        }
    }

    /// Asks, and hands over each line of the answer as it comes. Answers with what stands behind `done` in the last one.
    ///
    /// # Errors
    /// As [`Gateway::ask`]; [`Failure::Failed`] when the answer was cut off.
    pub async fn lines(
        &self,
        method: Method,
        path: &str,
        mut each: impl FnMut(Value) -> Result<(), Failure>,
    ) -> Result<Value, Failure> {
        let (status, mut chunks) = self.send(method, path, Payload::Empty).await?;
        let mut pending = Vec::new();
        while let Some(chunk) = chunks.next().await {
            pending.extend_from_slice(&chunk.map_err(broken_off)?);
            if !status.is_success() {
                continue;
            }
            while let Some(end) = pending.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = pending.drain(..=end).collect();
                let mut line: Value = serde_json::from_slice(&line)
                    .map_err(|error| Failure::failed(format!("the gateway's answer is not JSON ({error})")))?;
                if let Some(done) = line.get_mut("done") {
                    return Ok(done.take());
                }
                if let Some(problem) = line.get("failed") {
                    return Err(Failure::failed(words(problem)));
                }
                each(line)?;
            }
        }
        if status.is_success() {
            Err(broken_off("it ended without a result".to_owned()))
        } else {
            Err(refusal(status, &pending))
        }
    }

    /// Asks, and writes the answer as it comes.
    ///
    /// # Errors
    /// As [`Gateway::ask`]; [`Failure::Failed`] when the answer was cut off.
    pub async fn copy(&self, method: Method, path: &str, out: &mut (dyn Write + Send)) -> Result<(), Failure> {
        let (status, mut chunks) = self.send(method, path, Payload::Empty).await?;
        let mut refused = Vec::new();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(broken_off)?;
            if status.is_success() {
                out.write_all(&chunk)?;
            } else {
                refused.extend_from_slice(&chunk);
            }
        }
        if status.is_success() {
            Ok(())
        } else {
            Err(refusal(status, &refused))
        }
    }

    async fn send(&self, method: Method, path: &str, payload: Payload) -> Result<(StatusCode, Chunks), Failure> {
        match self {
            Self::Remote { client, url, token } => {
                let request = client.request(method, format!("{url}/api/v1{path}")).bearer_auth(token);
                let request = match payload {
                    Payload::Empty => request,
                    Payload::Json(value) => request.json(&value),
                    Payload::Text(text) => request.body(text),
                    Payload::Bytes(bytes) => request.body(bytes),
                };
                let response = request.send().await.map_err(|error| {
                    let what = error.without_url();
                    Failure::Unreachable(format!(
                        "the gateway at {url} cannot be reached: {what}; is it running?"
                    ))
                })?;
                let status = response.status();
                let chunks = response
                    .bytes_stream()
                    .map(|chunk| chunk.map_err(|error| error.to_string()));
                Ok((status, Box::pin(chunks)))
            }
            Self::Local { routes, .. } => {
                let request = local_request(method, path, payload)?;
                // A router answers whatever happens: its error type has no value.
                let Ok(response) = routes.clone().oneshot(request).await;
                let status = response.status();
                let body = response.into_body().into_data_stream();
                let chunks = body.map(|chunk| chunk.map_err(|error| error.to_string()));
                Ok((status, Box::pin(chunks)))
            }
        }
    }

    /// Closes what was opened.
    ///
    /// # Errors
    /// [`Failure::Failed`] when the store does not close.
    pub async fn close(self) -> Result<(), Failure> {
        match self {
            Self::Remote { .. } => Ok(()),
            Self::Local { directory, .. } => {
                let closed = directory.store().close().await;
                closed.map_err(|error| Failure::failed(format!("the store did not close: {error}")))
            }
        }
    }
}

fn local_request(method: Method, path: &str, payload: Payload) -> Result<Request<Body>, Failure> {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .extension(Trusted(Principal::system()));
    let request = match payload {
        Payload::Empty => request.body(Body::empty()),
        Payload::Json(value) => request
            .header("content-type", "application/json")
            .body(Body::from(value.to_string())),
        Payload::Text(text) => request.body(Body::from(text)),
        Payload::Bytes(bytes) => request.body(Body::from(bytes)),
    };
    request.map_err(|error| Failure::Usage(format!("{path:?} is not an address: {error}")))
}

fn unreadable(data: &Path, error: &std::io::Error) -> Failure {
    Failure::failed(format!(
        "the files of the gateway in {} cannot be read: {error}; run as its user, or set USHER_URL and USHER_TOKEN",
        data.display()
    ))
}

fn broken_off(reason: String) -> Failure {
    Failure::failed(format!(
        "the answer was cut off: {reason}; look whether the gateway still runs, and ask again"
    ))
}

fn refusal(status: StatusCode, body: &[u8]) -> Failure {
    match serde_json::from_slice::<Value>(body) {
        Ok(problem) if problem.get("detail").is_some() => Failure::failed(words(&problem)),
        _ => Failure::failed(format!("the gateway answered {status}")),
    }
}

/// A problem document in words, its list of errors a line each.
fn words(problem: &Value) -> String {
    let mut lines = vec![super::output::cell(&problem["detail"])];
    for error in problem.get("errors").and_then(Value::as_array).into_iter().flatten() {
        let place = super::output::cell(&error["place"]);
        let reason = super::output::cell(&error["reason"]);
        lines.push(match (&error["line"], &error["column"]) {
            (Value::Number(line), Value::Number(column)) => {
                format!("  line {line}, column {column}: {place}: {reason}")
            }
            _ => format!("  {place}: {reason}"),
        });
    }
    lines.join("\n")
}

/// A path segment or query value as it may stand in an address (RFC 3986 s2.1).
#[must_use]
pub fn escaped(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::new(), |mut escaped, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            escaped.push(char::from(byte));
        } else {
            // Writing to a text cannot fail.
            let _: std::fmt::Result = write!(escaped, "%{byte:02X}");
        }
        escaped
    })
}
