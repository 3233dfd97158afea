//! A case carried out.

use std::time::Duration;

use futures_util::future::join_all;
use reqwest::{Client, Method, RequestBuilder};

use crate::answer::Answer;
use crate::case::{Case, Step, USUAL_IDENTITY};
use crate::subject::{Identity, Subject};
use crate::variables::Variables;

/// How long one answer may take. Clients give up after a minute.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(60);

/// What became of a case.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// As expected.
    Passed,
    /// The first step that was not, and why.
    Failed(String),
    /// The service lacks an identity that the case needs.
    Skipped(String),
}

/// Carries out the steps in order, up to the first that fails.
pub(crate) async fn perform(case: &Case, subject: &Subject, client: &Client) -> Outcome {
    let mut variables = Variables::unique();
    if let Some(federated) = subject.federated()
        && let Err(fault) = federated.set(&mut variables)
    {
        return Outcome::Failed(fault);
    }
    let usual = case.identity.as_deref().unwrap_or(USUAL_IDENTITY);
    for (index, step) in case.steps.iter().enumerate() {
        let name = step.identity.as_deref().unwrap_or(usual);
        let Some(identity) = subject.identity(name) else {
            return Outcome::Skipped(format!("needs the identity {name:?}"));
        };
        variables.set("base", identity.base.clone());
        if let Err(fault) = carry_out(step, identity, client, &mut variables).await {
            let note = step
                .note
                .as_deref()
                .map(|note| format!(" ({note})"))
                .unwrap_or_default();
            let number = index + 1;
            return Outcome::Failed(format!("step {number}{note}, {} {}: {fault}", step.method, step.path));
        }
    }
    Outcome::Passed
}

async fn carry_out(step: &Step, identity: &Identity, client: &Client, variables: &mut Variables) -> Result<(), String> {
    let rounds: Vec<Variables> = match step.times {
        None => vec![variables.clone()],
        Some(times) => (1..=times).map(|n| variables.counting(n)).collect(),
    };
    if step.parallel {
        let rounds = rounds.into_iter().map(|round| send(step, identity, client, round));
        for done in join_all(rounds).await {
            variables.extend(done?);
        }
        return Ok(());
    }
    for round in rounds {
        variables.extend(send(step, identity, client, round).await?);
    }
    Ok(())
}

async fn send(
    step: &Step,
    identity: &Identity,
    client: &Client,
    mut variables: Variables,
) -> Result<Variables, String> {
    let request = prepare(step, identity, client, &variables)?;
    let response = request.send().await.map_err(|error| format!("no answer: {error:?}"))?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response
        .text()
        .await
        .map_err(|error| format!("no whole answer: {error:?}"))?;
    let answer = Answer { status, headers, text };
    let faults = answer.check(&step.expect, &mut variables);
    if faults.is_empty() {
        Ok(variables)
    } else {
        Err(faults.join("; "))
    }
}

fn prepare(step: &Step, identity: &Identity, client: &Client, variables: &Variables) -> Result<RequestBuilder, String> {
    let Step {
        note: _,
        method,
        path,
        root,
        query,
        headers,
        body,
        text,
        hex,
        identity: _,
        times: _,
        parallel: _,
        expect: _,
    } = step;
    let method = Method::from_bytes(method.as_bytes()).map_err(|_| format!("{method:?} is not a method"))?;
    let below = if *root { origin(&identity.base) } else { &identity.base };
    let mut url = format!("{below}{}", variables.fill(path)?);
    for (at, (name, value)) in query.iter().enumerate() {
        let separator = if at == 0 && !url.contains('?') { '?' } else { '&' };
        let value = variables.fill(&value.assembled())?;
        url.push_str(&format!("{separator}{name}={}", encoded(&value)));
    }
    let content = match (body, text, hex) {
        (None, None, None) => None,
        (Some(body), None, None) => Some(variables.fill_json(body)?.to_string().into_bytes()),
        (None, Some(text), None) => Some(variables.fill(&text.assembled())?.into_bytes()),
        (None, None, Some(hex)) => Some(bytes(hex)?),
        _ => return Err("a step has one of body, text and hex".to_owned()),
    };
    let mut request = client.request(method, url).timeout(ANSWER_TIME_MAX);
    let is_own = |name: &str| headers.keys().any(|own| own.eq_ignore_ascii_case(name));
    if !is_own("authorization") {
        request = request.bearer_auth(&identity.token);
    }
    if content.is_some() && !is_own("content-type") {
        request = request.header("content-type", "application/scim+json");
    }
    for (name, value) in headers {
        if let Some(value) = value {
            request = request.header(name, variables.fill(value)?);
        }
    }
    Ok(match content {
        Some(content) => request.body(content),
        None => request,
    })
}

/// Scheme, host and port of an address.
fn origin(base: &str) -> &str {
    let host = base.find("://").map_or(0, |at| at + 3);
    let end = base[host..].find('/').map_or(base.len(), |at| host + at);
    &base[..end]
}

/// Percent-encoding of everything that is not unreserved (RFC 3986 s2.3).
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

fn bytes(hex: &str) -> Result<Vec<u8>, String> {
    let digits: Vec<char> = hex.chars().filter(|digit| !digit.is_whitespace()).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16))
        .collect::<Result<_, _>>()
        .map_err(|_| format!("{hex:?} is not hexadecimal"))
}
