//! Somebody who acts on an organisation, by requests or by the commands that do the same.

use std::io::Write as _;
use std::process::{Output, Stdio};

use reqwest::Method;
use serde_json::{Value, json};

use crate::kit::gateway::usher;

/// Where the admin API has the organisation.
const ORGANISATION: &str = "/api/v1/organisations/acme";
/// The exit code for what was refused.
const REFUSED: i32 = 1;

/// Somebody who acts, by requests or by commands.
#[derive(Clone)]
pub(super) struct Actor {
    pub(super) http: reqwest::Client,
    pub(super) url: String,
    /// Whose rights these are.
    pub(super) token: String,
    pub(super) by_command: bool,
}

/// A request with the command that does the same.
pub(super) struct Act<'a> {
    command: &'a [&'a str],
    method: Method,
    path: &'a str,
    body: Value,
}

/// What an administrator asks for: the command, and the request.
pub(super) fn act<'a>(command: &'a [&'a str], method: Method, path: &'a str, body: Value) -> Act<'a> {
    Act {
        command,
        method,
        path,
        body,
    }
}

/// What an administrator looks at.
pub(super) fn look<'a>(command: &'a [&'a str], path: &'a str) -> Act<'a> {
    act(command, Method::GET, path, Value::Null)
}

/// A value as part of a path or a query.
pub(super) fn escaped(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes())
        .collect::<String>()
        .replace('+', "%20")
}

/// The texts of one member of each item.
#[track_caller]
pub(super) fn names(items: &[Value], member: &str) -> Vec<String> {
    let text = |item: &Value| {
        item[member]
            .as_str()
            .unwrap_or_else(|| panic!("{member}: {item:#}"))
            .to_owned()
    };
    items.iter().map(text).collect()
}

/// The identifier of what was answered.
#[track_caller]
pub(super) fn id(shown: &Value) -> String {
    shown["id"]
        .as_str()
        .unwrap_or_else(|| panic!("no identifier: {shown:#}"))
        .to_owned()
}

/// What a command answered.
pub(super) struct Ran {
    code: i32,
    out: Vec<u8>,
    err: String,
}

impl Ran {
    #[track_caller]
    pub(super) fn result(self) -> Result<Value, String> {
        match self.code {
            0 => Ok(self.expect_json()),
            REFUSED => Err(self.err),
            code => panic!("exit code {code}: {}", self.err),
        }
    }

    #[track_caller]
    pub(super) fn expect_json(&self) -> Value {
        assert_eq!(self.code, 0, "{}", self.err);
        let text = String::from_utf8_lossy(&self.out);
        serde_json::from_str(&text).unwrap_or_else(|_| json!(text))
    }
}

impl Actor {
    /// Does it, and answers what is shown then.
    pub(super) async fn does(&self, act: Act<'_>) -> Value {
        self.tries(act)
            .await
            .unwrap_or_else(|reason| panic!("refused: {reason}"))
    }

    /// Is refused, with this status where there is one, and answers the reason.
    pub(super) async fn is_refused(&self, act: Act<'_>, status: u16) -> String {
        let place = format!("{:?} {}", act.command, act.path);
        if self.by_command && !act.command.is_empty() {
            let refused = self.run(act.command, None).result();
            return refused.expect_err(&place);
        }
        let (answered, body) = self.asks(act.method, act.path, &act.body).await;
        assert_eq!(answered, status, "{place}: {body:#}");
        body["detail"].as_str().expect("a detail").to_owned()
    }

    /// The items of a list, of all pages.
    pub(super) async fn lists(&self, act: Act<'_>) -> Vec<Value> {
        let Act { command, path, .. } = act;
        let mut shown = self.does(act).await;
        if let Value::Array(items) = &shown {
            return items.clone();
        }
        let mut items = Vec::new();
        loop {
            let page = shown["items"]
                .as_array()
                .unwrap_or_else(|| panic!("no list: {shown:#}"));
            items.extend(page.iter().cloned());
            let Some(next) = shown["next"].as_str() else {
                return items;
            };
            let join = if path.contains('?') { '&' } else { '?' };
            let following = format!("{path}{join}after={}", escaped(next));
            shown = self.does(look(command, &following)).await;
        }
    }

    /// Does it or not.
    pub(super) async fn tries(&self, act: Act<'_>) -> Result<Value, String> {
        if self.by_command && !act.command.is_empty() {
            return self.run(act.command, None).result();
        }
        let (status, body) = self.asks(act.method, act.path, &act.body).await;
        match status {
            200..300 => Ok(body),
            _ => Err(format!("{status}: {body:#}")),
        }
    }

    /// The bytes of a file; the command writes it to standard output.
    pub(super) async fn exports(&self, command: &[&str], path: &str) -> Vec<u8> {
        if self.by_command {
            let ran = self.spawn(command, &["--org=acme"], None);
            assert_eq!(ran.code, 0, "{}", ran.err);
            return ran.out;
        }
        let answer = self
            .http
            .get(format!("{}{ORGANISATION}{path}", self.url))
            .bearer_auth(&self.token);
        let answer = answer.send().await.expect("an answer");
        assert_eq!(answer.status().as_u16(), 200, "{path}");
        answer.bytes().await.expect("a body").to_vec()
    }

    /// A request, with the status and the body of its answer.
    pub(super) async fn asks(&self, method: Method, path: &str, body: &Value) -> (u16, Value) {
        let mut request = self.http.request(method, format!("{}{ORGANISATION}{path}", self.url));
        request = request.bearer_auth(&self.token);
        if !body.is_null() {
            request = request.json(body);
        }
        let answer = request.send().await.expect("an answer");
        let status = answer.status().as_u16();
        let text = answer.text().await.expect("a body");
        let body = serde_json::from_str(&text).unwrap_or_else(|_| json!(text));
        (status, if text.is_empty() { Value::Null } else { body })
    }

    /// A command, with what it reads from standard input.
    pub(super) fn run(&self, command: &[&str], input: Option<&str>) -> Ran {
        self.spawn(command, &["--org=acme", "--json"], input)
    }

    fn spawn(&self, command: &[&str], more: &[&str], input: Option<&str>) -> Ran {
        let mut program = usher();
        program
            .args(command)
            .args(more)
            .env("USHER_URL", &self.url)
            .env("USHER_TOKEN", &self.token);
        program.stdout(Stdio::piped()).stderr(Stdio::piped());
        if input.is_some() {
            program.stdin(Stdio::piped());
        }
        let mut child = program.spawn().expect("the program");
        if let (Some(text), Some(mut stdin)) = (input, child.stdin.take()) {
            writeln!(stdin, "{text}").expect("a pipe");
        }
        let Output { status, stdout, stderr } = child.wait_with_output().expect("an end");
        Ran {
            code: status.code().expect("an exit code"),
            out: stdout,
            err: String::from_utf8_lossy(&stderr).into_owned(),
        }
    }
}
