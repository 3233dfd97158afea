//! What a user may do, why, and why not.

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::directory::Directory;
use crate::directory::eligibility::Question;
use crate::model::slug::Slug;

use super::caller::{Administrator, Parameters, Place};
use super::problem::Problem;
use super::{groups, users};

/// `GET .../users/{user}/effective`: every right with every chain of reasons.
pub async fn effective(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, user)): Place<(String, String)>,
) -> Result<Json<Value>, Problem> {
    let user = users::find(&directory, caller.organisation(), &user).await?;
    let effective = directory.effective_of(caller.organisation(), &user).await?;
    Ok(Json(json!({
        "user": effective.user,
        "administers": effective.administers,
        "rights": effective.rights,
    })))
}

/// Which permission to explain.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Explained {
    permission: String,
}

/// `GET .../users/{user}/explain?permission=`: where a right comes from, every way.
pub async fn explain(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, user)): Place<(String, String)>,
    Parameters(Explained { permission }): Parameters<Explained>,
) -> Result<Json<Value>, Problem> {
    let user = users::find(&directory, caller.organisation(), &user).await?;
    let effective = directory.effective_of(caller.organisation(), &user).await?;
    let rights: Vec<_> = effective.of(&permission).collect();
    let awake = effective.administers || rights.iter().any(|right| right.asleep.is_empty());
    Ok(Json(json!({
        "user": user.id,
        "permission": permission,
        "allowed": awake,
        "administers": effective.administers,
        "because": rights,
    })))
}

/// What is asked about.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    action: Slug,
    /// The group in which it is to be done, by identifier or name.
    group: Option<String>,
    /// The user to whom it is to be done, by identifier or user name.
    to: Option<String>,
}

/// `GET .../users/{user}/eligibility?action=&group=&to=`: whether the user can do it, and every reason why not.
pub async fn eligibility(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, user)): Place<(String, String)>,
    Parameters(asked): Parameters<Asked>,
) -> Result<Json<Value>, Problem> {
    let organisation = caller.organisation();
    let user = users::find(&directory, organisation, &user).await?.id;
    let mut question = Question {
        action: asked.action,
        group: None,
        to: None,
    };
    if let Some(group) = &asked.group {
        question.group = Some(groups::find(&directory, organisation, group).await?.id);
    }
    if let Some(to) = &asked.to {
        question.to = Some(users::find(&directory, organisation, to).await?.id);
    }
    let reasons = directory.eligibility(organisation, user, &question).await?;
    Ok(Json(json!({
        "user": user,
        "action": question.action,
        "eligible": reasons.is_empty(),
        "reasons": reasons,
    })))
}
