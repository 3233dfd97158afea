//! Saved views of lists (S004-11, S004-12). A person's own are seen and changed by nobody else; shared ones are everyone's, and kept
//! by tokens that administer the organisation and by persons who may `view.share`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::directory::view::{OwnedView, Owner};
use crate::directory::{Directory, DirectoryError};
use crate::model::id::ViewId;
use crate::model::list::List;
use crate::model::view::ViewDraft;

use super::caller::{Administrator, Body, Parameters, Place};
use super::listing::{AskedWith, Known};
use super::problem::Problem;

/// Which views to list.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// Of this list only.
    list: Option<List>,
}

/// Which views to drop.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reset {
    /// Of this list.
    list: List,
}

/// `GET .../views`: one's own, then the shared ones, each in the order in which they were made.
pub async fn list(
    State(directory): State<Directory>,
    caller: Administrator,
    AskedWith(listing, wanted): AskedWith<Wanted>,
) -> Result<Json<Value>, Problem> {
    let question = listing.read(&directory, &caller, List::Views).await?;
    let views = usable(&directory, &caller).await?;
    let wanted = views
        .iter()
        .filter(|owned| wanted.list.is_none_or(|list| list == owned.view.says.list));
    let named = wanted.map(|owned| {
        let whose = u8::from(owned.owner == Owner::Shared);
        (format!("{whose}.{}", owned.view.id), view(owned))
    });
    Ok(Json(question.answer(&directory, Known::in_order(named)).await?))
}

/// `POST .../views`: keeps one: a person's own unless `shared`; a token's is shared.
pub async fn create(
    State(directory): State<Directory>,
    caller: Administrator,
    Body(mut body): Body<Map<String, Value>>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let owner = match body.remove("shared") {
        Some(Value::Bool(true)) => Owner::Shared,
        None | Some(Value::Bool(false) | Value::Null) => Owner::of(&caller.permit),
        Some(_) => return Err(DirectoryError::invalid("shared", "is true or false").into()),
    };
    let made = directory.make_view(&caller.permit, owner, draft(body)?).await?;
    Ok((StatusCode::CREATED, Json(view(&made))))
}

/// `GET .../views/{view}`.
pub async fn retrieve(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, id)): Place<(String, String)>,
) -> Result<Json<Value>, Problem> {
    Ok(Json(view(&find(&directory, &caller, &id).await?)))
}

/// `PUT .../views/{view}`: what it is to say, as a whole. Whose it is stays.
pub async fn replace(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, id)): Place<(String, String)>,
    Body(mut body): Body<Map<String, Value>>,
) -> Result<Json<Value>, Problem> {
    let before = find(&directory, &caller, &id).await?;
    if let Some(shared) = body.remove("shared")
        && shared != json!(before.owner == Owner::Shared)
    {
        return Err(DirectoryError::invalid("shared", "stays as it is: keep another view instead").into());
    }
    let which = (before.owner, before.view.id);
    let after = directory.replace_view(&caller.permit, which, draft(body)?).await?;
    Ok(Json(view(&after)))
}

/// `DELETE .../views/{view}`.
pub async fn delete(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, id)): Place<(String, String)>,
) -> Result<StatusCode, Problem> {
    let owned = find(&directory, &caller, &id).await?;
    directory
        .delete_view(&caller.permit, (owned.owner, owned.view.id))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE .../views?list=`: every one of a list that is one's own; of a token, every shared one. The list is as it was before
/// anybody kept a view (S004-12).
pub async fn reset(
    State(directory): State<Directory>,
    caller: Administrator,
    Parameters(Reset { list }): Parameters<Reset>,
) -> Result<Json<Value>, Problem> {
    let owner = Owner::of(&caller.permit);
    let deleted = directory.reset_views(&caller.permit, owner, list).await?;
    Ok(Json(json!({ "deleted": deleted })))
}

/// The view of this name that the caller means: one's own before a shared one.
pub(super) async fn named(
    directory: &Directory,
    caller: &Administrator,
    list: List,
    name: &str,
) -> Result<ViewDraft, DirectoryError> {
    let mut views = usable(directory, caller).await?.into_iter();
    let found = views.find(|owned| owned.view.says.is_named(list, name) || owned.view.id.to_string() == name);
    match found {
        Some(owned) if owned.view.says.list == list => Ok(owned.view.says),
        _ => Err(DirectoryError::not_found("view", name)),
    }
}

async fn usable(directory: &Directory, caller: &Administrator) -> Result<Vec<OwnedView>, DirectoryError> {
    let reader = Owner::of(&caller.permit);
    directory.browse_views(caller.organisation(), reader).await
}

async fn find(directory: &Directory, caller: &Administrator, id: &str) -> Result<OwnedView, DirectoryError> {
    let missing = || DirectoryError::not_found("view", id);
    let id: ViewId = id.parse().map_err(|_| missing())?;
    let mut views = usable(directory, caller).await?.into_iter();
    views.find(|owned| owned.view.id == id).ok_or_else(missing)
}

fn draft(body: Map<String, Value>) -> Result<ViewDraft, DirectoryError> {
    serde_json::from_value(Value::Object(body)).map_err(|error| DirectoryError::invalid("view", error.to_string()))
}

fn view(OwnedView { view, owner }: &OwnedView) -> Value {
    let says = &view.says;
    json!({
        "id": view.id,
        "name": says.name,
        "list": says.list,
        "shared": *owner == Owner::Shared,
        "filter": says.filter,
        "state": says.state,
        "q": says.q,
        "sort": says.sort,
        "descending": says.descending,
        "columns": says.columns,
        "page_size": says.page_size,
        "created": view.created,
        "last_modified": view.last_modified,
    })
}
