//! The admin API: JSON under `/api/v1`, for the command line and for the product behind the gateway.
//!
//! Every request shows a bearer token of an organisation's or the gateway's administrator; only accepting an invitation needs
//! none but its secret. Another organisation answers as one that does not exist. Refusals are [`problem`] documents.

pub mod apply;
pub mod caller;
pub mod connections;
pub mod events;
pub mod group_edit;
pub mod group_members;
pub mod group_tree;
pub mod groups;
pub mod invitations;
pub mod journal;
pub mod licences;
mod limit;
pub mod lines;
pub mod organisations;
pub mod page;
pub mod problem;
pub mod resource_assign;
pub mod resources;
pub mod reviews;
pub mod roles;
pub mod sync;
pub mod tokens;
pub mod users;
pub mod verify;

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::middleware;
use axum::routing::{delete, get, post};

use crate::directory::Directory;
use crate::rate::Limits;
use problem::Problem;

/// Routes with a limit on how often each administrator's token may ask, and on how often one address may fail to show one.
pub fn limit(routes: Router, directory: Directory, limits: Arc<Limits>) -> Router {
    routes.layer(middleware::from_fn_with_state((directory, limits), limit::limit))
}

/// The routes, relative to `/api/v1`.
pub fn router(directory: Directory) -> Router {
    let organisation = Router::new()
        .route("/", get(organisations::retrieve))
        .route("/apply", post(apply::apply))
        .route("/connections", get(connections::list))
        .route("/connections/{name}", get(connections::retrieve))
        .route("/connections/{name}/test", post(connections::test))
        .route("/connections/{name}/sync", post(sync::run))
        .route("/connections/{name}/runs", get(sync::state))
        .route("/connections/{name}/held", delete(sync::discard))
        .route("/connections/{name}/held/approve", post(sync::approve))
        .route("/connections/{name}/journal", get(journal::list))
        .route("/connections/{name}/reviews", get(reviews::list).post(reviews::decide))
        .route("/events", get(events::list))
        .route("/groups", get(groups::list).post(group_edit::create))
        .route("/groups/tree", get(group_tree::tree))
        .route(
            "/groups/{group}",
            get(groups::retrieve)
                .patch(group_edit::update)
                .delete(group_edit::delete),
        )
        .route("/groups/{group}/disable", post(group_edit::disable))
        .route("/groups/{group}/enable", post(group_edit::enable))
        .route("/groups/{group}/gives", post(group_edit::change_gives))
        .route(
            "/groups/{group}/members",
            get(group_members::list).post(group_members::add),
        )
        .route("/groups/{group}/members/{member}", delete(group_members::remove))
        .route(
            "/groups/{group}/roles/{role}",
            post(group_members::give_role).delete(group_members::take_role),
        )
        .route("/groups/{group}/resources", get(resource_assign::of_group))
        .route("/licences", get(licences::list))
        .route("/licences/{key}/holders", get(licences::holders))
        .route("/resource-types", get(resources::types))
        .route("/resources", get(resources::list).post(resources::create))
        .route(
            "/resources/{resource}",
            get(resources::retrieve)
                .patch(resources::update)
                .delete(resources::delete),
        )
        .route(
            "/resources/{resource}/assignments",
            get(resource_assign::list).post(resource_assign::assign),
        )
        .route(
            "/resources/{resource}/assignments/{kind}/{subject}",
            delete(resource_assign::unassign),
        )
        .route("/roles", get(roles::list))
        .route("/tokens", get(tokens::list).post(tokens::issue))
        .route("/tokens/{id}", delete(tokens::revoke))
        .route("/users", get(users::list))
        .route("/users/{user}", get(users::retrieve).delete(users::delete))
        .route("/users/{user}/resources", get(resource_assign::of_user))
        .route("/users/{user}/suspend", post(users::suspend))
        .route("/users/{user}/reactivate", post(users::reactivate))
        .route("/users/{user}/invite", post(users::invite))
        .route("/users/{user}/revoke-invitation", post(users::revoke_invitation))
        .route("/verify", get(verify::organisation));
    Router::new()
        .route("/organisations", get(organisations::list).post(organisations::create))
        .nest("/organisations/{org}", organisation)
        .route("/tokens", get(tokens::list_gateway).post(tokens::issue_gateway))
        .route("/tokens/{id}", delete(tokens::revoke_gateway))
        .route("/invitations/accept", post(invitations::accept))
        .route("/verify", get(verify::gateway))
        .method_not_allowed_fallback(wrong_method)
        .fallback(no_such_place)
        .with_state(directory)
}

async fn wrong_method() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "this address does not answer this method",
    )
}

async fn no_such_place() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "there is nothing at this address of the admin API",
    )
}
