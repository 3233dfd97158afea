//! What `usher user effective`, `explain` and `eligibility` print.

use std::io::Write as _;

use axum::http::Method;
use serde_json::Value;

use super::failure::Failure;
use super::gateway::{Gateway, Payload, escaped};
use super::output::{self, cell};

/// Every right of a user. `user` is the user's address.
///
/// # Errors
/// [`Failure`].
pub async fn effective(gateway: &Gateway, user: &str, json: bool) -> Result<(), Failure> {
    let answer = gateway
        .ask(Method::GET, &format!("{user}/effective"), Payload::Empty)
        .await?;
    let mut out = std::io::stdout();
    if json {
        return Ok(output::json(&mut out, &answer)?);
    }
    if answer["administers"] == true {
        writeln!(out, "administers the organisation: may do everything in it")?;
    }
    let rows: Vec<Vec<String>> = answer["rights"].as_array().into_iter().flatten().map(row).collect();
    Ok(output::table(&mut out, &HEADING, &rows)?)
}

/// Where one permission comes from.
///
/// # Errors
/// [`Failure`].
pub async fn explain(gateway: &Gateway, user: &str, permission: &str, json: bool) -> Result<(), Failure> {
    let path = format!("{user}/explain?permission={}", escaped(permission));
    let answer = gateway.ask(Method::GET, &path, Payload::Empty).await?;
    let mut out = std::io::stdout();
    if json {
        return Ok(output::json(&mut out, &answer)?);
    }
    let word = if answer["allowed"] == true {
        "allowed"
    } else {
        "not allowed"
    };
    writeln!(out, "{permission} is {word}")?;
    let rows: Vec<Vec<String>> = answer["because"].as_array().into_iter().flatten().map(row).collect();
    Ok(output::table(&mut out, &HEADING, &rows)?)
}

/// Whether a user can do something, and every reason why not.
///
/// # Errors
/// [`Failure`].
pub async fn eligibility(
    gateway: &Gateway,
    user: &str,
    action: &str,
    group: Option<&str>,
    json: bool,
) -> Result<(), Failure> {
    let mut path = format!("{user}/eligibility?action={}", escaped(action));
    if let Some(group) = group {
        path.push_str(&format!("&group={}", escaped(group)));
    }
    let answer = gateway.ask(Method::GET, &path, Payload::Empty).await?;
    let mut out = std::io::stdout();
    if json {
        return Ok(output::json(&mut out, &answer)?);
    }
    if answer["eligible"] == true {
        return Ok(writeln!(out, "ok")?);
    }
    let reasons: Vec<String> = answer["reasons"].as_array().into_iter().flatten().map(cell).collect();
    Ok(writeln!(out, "no: {}", reasons.join(", "))?)
}

const HEADING: [&str; 5] = ["PERMISSION", "WHERE", "FROM", "BY WAY OF", "ASLEEP"];

fn row(right: &Value) -> Vec<String> {
    let mut action = cell(&right["action"]);
    for (name, value) in right["parameters"].as_object().into_iter().flatten() {
        action.push_str(&format!(";{name}={}", cell(value)));
    }
    let mut from = cell(&right["from"]);
    if let Some(role) = right["role"].as_str() {
        let origins: Vec<String> = right["origins"].as_array().into_iter().flatten().map(cell).collect();
        from = format!("role {role} ({})", origins.join(","));
    }
    vec![
        action,
        words(&right["place"]),
        from,
        listed(&right["via"]),
        listed(&right["asleep"]),
    ]
}

fn listed(values: &Value) -> String {
    let words: Vec<String> = values.as_array().into_iter().flatten().map(words).collect();
    if words.is_empty() {
        "-".to_owned()
    } else {
        words.join(", ")
    }
}

/// `"own"`, or `{"group": id}` as `group id`.
fn words(value: &Value) -> String {
    match value.as_object().and_then(|members| members.iter().next()) {
        Some((name, value)) => format!("{} {}", name.replace('_', " "), cell(value)),
        None => cell(value).replace('_', " "),
    }
}
