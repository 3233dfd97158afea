//! `usher licence delete`.

use std::io::Write as _;

use axum::http::Method;
use clap::ValueEnum;
use serde_json::{Value, json};

use super::super::failure::Failure;
use super::super::gateway::{Gateway, Payload, escaped};
use super::super::output::{self, cell};

/// What becomes of those who have the licence, or wait for it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Holders {
    /// It stays as long as there are any
    #[default]
    Refuse,
    /// It is taken from them, and from the groups that give it
    Take,
}

/// Shows what deleting the licence at this address would mean, and deletes it when that is confirmed, or touches nobody.
pub(super) async fn delete(
    gateway: &Gateway,
    licence: &str,
    (holders, confirm): (Holders, Option<&str>),
    as_json: bool,
) -> Result<(), Failure> {
    let policy = match holders {
        Holders::Refuse => "refuse",
        Holders::Take => "take",
    };
    let path = format!("{licence}/impact?holders={policy}");
    let impact = gateway.ask(Method::GET, &path, Payload::Empty).await?;
    let is_idle = impact["users"] == json!(0) && is_empty(&impact["groups"]) && is_empty(&impact["named_by"]);
    let mut out = std::io::stdout();
    if confirm.is_none() && !is_idle {
        output::record(&mut out, &impact, as_json)?;
        if !as_json {
            let code = cell(&impact["confirm"]);
            writeln!(
                out,
                "nothing was deleted: repeat the command with --holders take --confirm {code}"
            )?;
        }
        return Ok(());
    }
    let path = match confirm {
        Some(code) => format!("{licence}?holders={policy}&confirm={}", escaped(code)),
        None => licence.to_owned(),
    };
    let done = gateway.ask(Method::DELETE, &path, Payload::Empty).await?;
    Ok(output::record(&mut out, &done, as_json)?)
}

fn is_empty(list: &Value) -> bool {
    list.as_array().is_none_or(Vec::is_empty)
}
