//! The admin API: JSON under `/api/v1`, for the command line and for the product behind the gateway.
//!
//! Every request shows a bearer token of an organisation's or the gateway's administrator; accepting an invitation, joining as a
//! guest and setting a forgotten password need none but a secret, and signing in gives one. Another organisation answers as one
//! that does not exist. Refusals are [`problem`] documents.
//!
//! To add a route: one line in [`routes`], a handler in the noun's file, and one entry in the noun's file of [`openapi`] (a
//! new file there is named in `descriptions` and `components`). `#[derive(JsonSchema)]` on the structures that read the query and the body
//! is enough for those two; the answer's schema is written with [`openapi::schema`]. A test fails while an entry is missing:
//!
//! ```text
//! get("groups", "Groups, in the order of their creation").list_query::<Wanted>().answers_list(named("Group")),
//! post("groups", "Makes a group").takes::<NewGroup>().answers_created(named("Group")),
//! delete("groups/{group}", "Deletes a group").answers_nothing(),
//! ```

pub mod access;
pub mod apply;
pub mod audit;
pub mod bulk;
pub mod caller;
pub mod connections;
pub mod credentials;
pub mod demand;
pub mod events;
pub mod export;
pub mod exported;
pub mod grants;
pub mod group_edit;
pub mod group_members;
pub mod group_tree;
pub mod groups;
pub mod guests;
mod idempotency;
pub mod imports;
pub mod invitations;
pub mod journal;
pub mod licence_edit;
pub mod licences;
mod limit;
pub mod lines;
pub mod listing;
pub mod openapi;
pub mod organisations;
pub mod outbox;
mod parameters;
pub mod password_policy;
pub mod permissions;
pub mod privacy;
pub mod problem;
pub mod profiles;
pub mod resource_assign;
pub mod resources;
pub mod reviews;
pub mod rights;
pub mod roles;
pub mod routes;
pub mod session;
pub mod sign_in;
pub mod sync;
pub mod templates;
pub mod tokens;
pub mod users;
pub mod verify;
pub mod views;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::middleware;

use crate::directory::Directory;
use crate::rate::Limits;
use problem::Problem;
use routes::{Routes, delete, get, post, put};

/// Routes with a limit on how often each administrator's token may ask, and on how often one address may fail to show one.
pub fn limit(routes: Router, directory: Directory, limits: Arc<Limits>) -> Router {
    routes.layer(middleware::from_fn_with_state((directory, limits), limit::limit))
}

/// Routes that do a request with an idempotency key once, and answer it again as often as it comes within `kept`.
pub fn idempotent(routes: Router, directory: Directory, kept: Duration) -> Router {
    routes.layer(middleware::from_fn_with_state((directory, kept), idempotency::keep))
}

/// What has to do with mail, relative to an organisation.
fn mail() -> Routes {
    Routes::new()
        .route("/invitations", get(invitations::list))
        .route("/invitations/send", post(invitations::send))
        .route("/invitations/{id}", get(invitations::retrieve))
        .route("/invitations/{id}/resend", post(invitations::resend))
        .route("/invitations/{id}/revoke", post(invitations::revoke))
        .route("/outbox", get(outbox::list))
        .route("/outbox/retry", post(outbox::retry_dead))
        .route("/outbox/{id}", delete(outbox::discard))
        .route("/outbox/{id}/retry", post(outbox::retry))
        .route("/templates", get(templates::list))
        .route("/templates/{name}", get(templates::retrieve))
        .route("/templates/{name}/preview", post(templates::preview))
        .route("/templates/{name}/variables", get(templates::variables))
        .route(
            "/templates/{name}/{language}",
            put(templates::put).delete(templates::delete),
        )
}

/// The routes, relative to `/api/v1`.
fn routes() -> Routes {
    let organisation = mail()
        .route("/", get(organisations::retrieve))
        .route("/apply", post(apply::apply))
        .route("/connections", get(connections::list))
        .route("/connections/{name}", get(connections::retrieve))
        .route("/connections/{name}/test", post(connections::test))
        .route("/connections/{name}/sync", post(sync::run))
        .route("/connections/{name}/runs", get(sync::state))
        .route("/connections/{name}/failures", get(sync::failures))
        .route("/connections/{name}/failures/retry", post(sync::retry))
        .route("/connections/{name}/held", delete(sync::discard))
        .route("/connections/{name}/held/differences", get(sync::held_differences))
        .route("/connections/{name}/held/approve", post(sync::approve))
        .route("/connections/{name}/reviews", get(reviews::list).post(reviews::decide))
        .merge(access_routes())
        .merge(people_routes())
        .merge(bulk_routes())
        .merge(group_routes())
        .merge(resource_routes())
        .merge(credential_routes())
        .merge(sheet_routes())
        .merge(accountability_routes());
    Routes::new()
        .route("/organisations", get(organisations::list).post(organisations::create))
        .nest("/organisations/{org}", organisation)
        .route("/tokens", get(tokens::list_gateway).post(tokens::issue_gateway))
        .route("/tokens/{id}", delete(tokens::revoke_gateway))
        .route("/invitations/accept", post(invitations::accept))
        .route("/profiles", get(profiles::list))
        .route("/profiles/{name}", get(profiles::retrieve))
        .route("/audit", get(audit::list_gateway))
        .merge(session_routes())
        .route("/guests/join", post(guests::join))
        .route("/verify", get(verify::gateway))
        .route("/openapi.json", get(openapi::retrieve))
}

/// The admin API, relative to `/api/v1`.
pub fn router(directory: Directory) -> Router {
    routes()
        .into_router()
        .method_not_allowed_fallback(wrong_method)
        .fallback(no_such_place)
        .layer(middleware::from_fn_with_state(directory.clone(), exported::note))
        .layer(middleware::from_fn(parameters::check))
        .with_state(directory)
}

/// What was done, and what a person may ask about their own data.
fn accountability_routes() -> Routes {
    Routes::new()
        .route("/audit", get(audit::list))
        .route("/audit/export", get(audit::export))
        .route("/connections/{name}/journal", get(journal::list))
        .route("/events", get(events::list))
        .route("/verify", get(verify::organisation))
        .route("/users/{user}/export", get(privacy::export))
        .route("/users/{user}/erase", post(privacy::erase))
        .route("/users/{user}/restriction", put(privacy::restrict))
}

/// Roles, permissions, and what they come to.
fn access_routes() -> Routes {
    Routes::new()
        .route("/permissions", get(permissions::list))
        .route("/permissions/{key}", put(permissions::put).delete(permissions::delete))
        .route(
            "/default-permissions",
            get(permissions::defaults).put(permissions::set_defaults),
        )
        .route("/roles", get(roles::list).post(roles::create))
        .route("/roles/matrix", get(roles::matrix))
        .route(
            "/roles/{role}",
            get(roles::retrieve).put(roles::replace).delete(roles::delete),
        )
        .route("/roles/{role}/groups/{group}", put(roles::link).delete(roles::unlink))
        .route(
            "/roles/{role}/given-by/{group}",
            put(roles::give_by).delete(roles::give_by_no_more),
        )
        .route("/roles/{role}/holders", get(roles::holders))
        .route("/roles/{role}/impact", get(roles::impact))
        .route("/tokens", get(tokens::list).post(tokens::issue))
        .route("/tokens/{id}", delete(tokens::revoke))
        .route("/users/{user}/access", get(access::list))
        .route("/users/{user}/access/{area}", put(access::set))
        .route("/users/{user}/effective", get(rights::effective))
        .route("/users/{user}/eligibility", get(rights::eligibility))
        .route("/users/{user}/explain", get(rights::explain))
        .route(
            "/users/{user}/permissions",
            get(grants::list).post(grants::grant).delete(grants::revoke),
        )
        .route(
            "/users/{user}/roles/{role}",
            get(roles::effect).put(roles::assign).delete(roles::withdraw),
        )
}

/// Of an organisation: its people, what they are given, its guests, and the views that people keep of the lists.
fn people_routes() -> Routes {
    Routes::new()
        .route("/users", get(users::list).post(users::write::create))
        .route(
            "/users/{user}",
            get(users::retrieve).patch(users::write::update).delete(users::delete),
        )
        .route("/users/{user}/licences", post(users::licences::assign))
        .route("/users/{user}/licences/{key}", delete(users::licences::free))
        .route("/users/{user}/licences/{key}/cost-centre", put(users::licences::charge))
        .route("/users/{user}/move", post(users::home::move_user))
        .route("/users/{user}/review-permissions", post(users::home::review))
        .route("/users/{user}/suspend", post(users::suspend))
        .route("/users/{user}/reactivate", post(users::reactivate))
        .route("/users/{user}/invite", post(invitations::invite))
        .route("/users/{user}/revoke-invitation", post(users::revoke_invitation))
        .route("/licences", get(licences::list))
        .route("/licences/forecast", get(licences::forecast))
        .route(
            "/licences/{key}",
            put(licence_edit::put).delete(licence_edit::delete),
        )
        .route("/licences/{key}/impact", get(licence_edit::impact))
        .route("/licences/{key}/holders", get(licences::holders))
        .route("/cost-centres", get(licences::cost_centres))
        .route(
            "/cost-centres/{key}",
            put(licence_edit::put_cost_centre).delete(licence_edit::delete_cost_centre),
        )
        .route("/views", get(views::list).post(views::create).delete(views::reset))
        .route(
            "/views/{view}",
            get(views::retrieve).put(views::replace).delete(views::delete),
        )
        .route("/guests", get(guests::list).post(guests::create))
        .route("/guests/{guest}", delete(guests::delete))
        .route("/guests/{guest}/disable", post(guests::disable))
        .route("/guest-links", get(guests::list_links).post(guests::create_link))
        .route("/guest-links/{link}/disable", post(guests::disable_link))
}

/// The same for many people at once.
fn bulk_routes() -> Routes {
    Routes::new()
        .route("/bulk", get(bulk::list).post(bulk::plan))
        .route("/bulk/{job}", get(bulk::retrieve))
        .route("/bulk/{job}/confirm", post(bulk::confirm))
        .route("/bulk/{job}/discard", post(bulk::discard))
}

/// Groups, their members and their tree.
fn group_routes() -> Routes {
    Routes::new()
        .route("/groups", get(groups::list).post(group_edit::create))
        .route("/groups/tree", get(group_tree::tree))
        .route(
            "/groups/{group}",
            get(groups::retrieve)
                .patch(group_edit::update)
                .delete(group_edit::delete),
        )
        .route("/groups/{group}/defaults", put(groups::set_defaults))
        .route("/groups/{group}/disable", post(group_edit::disable))
        .route("/groups/{group}/enable", post(group_edit::enable))
        .route("/groups/{group}/gives", post(group_edit::change_gives))
        .route(
            "/groups/{group}/linked-roles/{role}",
            put(roles::link_group).delete(roles::unlink_group),
        )
        .route(
            "/groups/{group}/members",
            get(group_members::list).post(group_members::add),
        )
        .route("/groups/{group}/members/{member}", delete(group_members::remove))
        .route(
            "/groups/{group}/roles/{role}",
            post(group_members::give_role).delete(group_members::take_role),
        )
        .route(
            "/groups/{group}/resources",
            get(resource_assign::of_group).delete(resource_assign::withdraw),
        )
}

/// Resources, and who has them.
fn resource_routes() -> Routes {
    Routes::new()
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
        .route("/users/{user}/resources", get(resource_assign::of_user))
}

/// Tables as files, and people from files.
fn sheet_routes() -> Routes {
    Routes::new()
        .route("/export/users", get(export::users))
        .route("/export/groups", get(export::groups))
        .route("/export/memberships", get(export::memberships))
        .route("/export/role-holders", get(export::role_holders))
        .route("/export/resources", get(export::resources))
        .route("/export/resource-assignments", get(export::resource_assignments))
        .route("/export/licence-holders", get(export::licence_holders))
        .route("/export/invitations", get(export::invitations))
        .route("/export/guests", get(export::guests))
        .route("/export/guest-links", get(export::guest_links))
        .route("/export/roles", get(export::roles))
        .route("/export/permissions", get(export::permissions))
        .route("/export/licences", get(export::licences))
        .route("/export/cost-centres", get(export::cost_centres))
        .route("/export/connections", get(export::connections))
        .route("/export/tokens", get(export::tokens))
        .route("/imports", get(imports::list).post(imports::plan))
        .route("/imports/template", get(imports::template))
        .route("/imports/{import}", get(imports::retrieve).delete(imports::discard))
        .route("/imports/{import}/confirm", post(imports::confirm))
        .route("/imports/{import}/rows", get(imports::list_rows))
        .route("/imports/{import}/result", get(imports::result))
}

/// The password policy, and what administrators do with what a user signs in with.
fn credential_routes() -> Routes {
    Routes::new()
        .route(
            "/password-policy",
            get(password_policy::retrieve).put(password_policy::replace),
        )
        .route("/password-policy/impact", get(password_policy::impact))
        .route("/password-policy/check", post(password_policy::check))
        .route("/users/{user}/credential", get(credentials::retrieve))
        .route("/users/{user}/password", post(credentials::set_password))
        .route("/users/{user}/reset-link", post(credentials::reset_link))
        .route("/users/{user}/unlock", post(credentials::unlock))
        .route("/users/{user}/second-factor", delete(credentials::remove_second_factor))
        .route("/users/{user}/signed-in", post(credentials::signed_in))
        .route(
            "/users/{user}/sessions",
            get(credentials::sessions).delete(credentials::end_sessions),
        )
        .route("/users/{user}/sessions/{session}", delete(credentials::end_session))
}

/// What somebody does for themselves: signing in, their session, password and second factor.
fn session_routes() -> Routes {
    Routes::new()
        .route("/sign-in", post(sign_in::sign_in))
        .route("/sign-out", post(session::sign_out))
        .route("/password/forgot", post(sign_in::forgot))
        .route("/password/reset", post(sign_in::reset))
        .route("/password/criteria", post(sign_in::criteria))
        .route("/session", get(session::retrieve))
        .route("/session/password", post(session::change_password))
        .route("/session/password/criteria", post(session::criteria))
        .route("/session/second-factor", post(session::begin_second_factor))
        .route("/session/second-factor/confirm", post(session::confirm_second_factor))
        .route(
            "/session/second-factor/recovery-codes",
            post(session::renew_recovery_codes),
        )
        .route("/session/second-factor/remove", post(session::remove_second_factor))
        .route("/sessions", get(session::list))
        .route("/sessions/{session}", delete(session::end))
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
