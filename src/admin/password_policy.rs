//! The password policy of an organisation (S002-24..27).

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::directory::Directory;
use crate::directory::password::policy::PutPasswordPolicy;
use crate::model::password_policy::{Criterion, Mfa, PasswordPolicy};

use super::caller::{Administrator, Body, Parameters};
use super::problem::Problem;
use super::users;

/// `GET .../password-policy`: the policy, with the criteria in words, in the order in which a page shows them.
pub async fn retrieve(caller: Administrator) -> Json<Value> {
    Json(view(&caller.settings.organisation.password_policy))
}

/// `PUT .../password-policy`: another policy, as a whole; what is left out has its default.
pub async fn replace(
    State(directory): State<Directory>,
    caller: Administrator,
    Body(policy): Body<PasswordPolicy>,
) -> Result<Json<Value>, Problem> {
    let policy = directory.run(&caller.permit, &PutPasswordPolicy(policy)).await?;
    Ok(Json(view(&policy)))
}

/// What would be another: all else is as it is.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WhatIf {
    enabled: Option<bool>,
    min_length: Option<u32>,
    upper: Option<bool>,
    lower: Option<bool>,
    digit: Option<bool>,
    symbol: Option<bool>,
    not_user_name: Option<bool>,
    max_age_days: Option<u32>,
    mfa: Option<Mfa>,
}

/// `GET .../password-policy/impact`: how many people the present policy touches, or one that differs in what is given.
pub async fn impact(
    State(directory): State<Directory>,
    caller: Administrator,
    Parameters(what_if): Parameters<WhatIf>,
) -> Result<Json<Value>, Problem> {
    let mut policy = caller.settings.organisation.password_policy.clone();
    let set = |field: &mut bool, wanted: Option<bool>| *field = wanted.unwrap_or(*field);
    set(&mut policy.enabled, what_if.enabled);
    set(&mut policy.upper, what_if.upper);
    set(&mut policy.lower, what_if.lower);
    set(&mut policy.digit, what_if.digit);
    set(&mut policy.symbol, what_if.symbol);
    set(&mut policy.not_user_name, what_if.not_user_name);
    policy.min_length = what_if.min_length.unwrap_or(policy.min_length);
    policy.max_age_days = what_if.max_age_days.unwrap_or(policy.max_age_days);
    policy.mfa = what_if.mfa.unwrap_or(policy.mfa);
    policy
        .validate()
        .map_err(|error| Problem::bad_request(error.to_string()))?;
    let impact = directory.policy_impact(caller.organisation(), &policy).await?;
    Ok(Json(json!(impact)))
}

/// A password to judge.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Judged {
    password: String,
    /// Whose it would be: then their names and earlier passwords count too.
    #[serde(default)]
    user: Option<String>,
}

/// `POST .../password-policy/check`: each criterion, and whether the password meets it. Nothing is changed.
pub async fn check(
    State(directory): State<Directory>,
    caller: Administrator,
    Body(judged): Body<Judged>,
) -> Result<Json<Value>, Problem> {
    let organisation = caller.organisation();
    let user = match &judged.user {
        Some(named) => Some(users::find(&directory, organisation, named).await?),
        None => None,
    };
    let criteria = directory
        .password_criteria(organisation, user.as_ref(), &judged.password)
        .await?;
    Ok(Json(shown(&criteria)))
}

/// A list of criteria, and whether all are met.
pub(super) fn shown(criteria: &[Criterion]) -> Value {
    json!({ "met": criteria.iter().all(|criterion| criterion.met), "criteria": criteria })
}

fn view(policy: &PasswordPolicy) -> Value {
    let mut shown = json!(policy);
    let history = policy.history_criterion(false);
    let criteria = policy.check("", &[]).into_iter().chain(history);
    shown["criteria"] = criteria
        .map(|criterion| json!({ "key": criterion.key, "text": criterion.text }))
        .collect();
    shown
}
