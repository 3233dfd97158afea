//! What a person must be allowed to do for each route of an organisation: one table. A route that is not in it is closed to
//! persons; tokens that administer the organisation pass everywhere. Whoever has no right here sees nothing (S004-2).

use axum::http::Method;

use crate::directory::authorise::{Demand, On};
use crate::directory::{Directory, DirectoryError};
use crate::model::id::OrganisationId;

use super::{groups, users};

/// What an action is done to, by the route's own parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    /// The organisation as a whole.
    Organisation,
    /// What the person's rights reach; the handler shows no more.
    Reachable,
    /// The `{user}` of the path.
    User,
    /// The `{group}` of the path.
    Group,
    /// What is the person's own: nothing is asked. The operation tells what is.
    Own,
}

/// Method, route below the organisation, action, target.
type Row = (Method, &'static str, &'static str, Target);

/// The table.
const TABLE: &[Row] = &[
    (Method::GET, "", "organisation.view", Target::Organisation),
    (Method::GET, "/users", "user.view", Target::Reachable),
    // Where the person may create, the operation judges by the groups that the newcomer is put into.
    (Method::POST, "/users", "user.create", Target::Reachable),
    (Method::GET, "/users/{user}", "user.view", Target::User),
    (Method::PATCH, "/users/{user}", "user.update", Target::User),
    (Method::DELETE, "/users/{user}", "user.delete", Target::User),
    (Method::POST, "/users/{user}/suspend", "user.suspend", Target::User),
    (Method::POST, "/users/{user}/reactivate", "user.suspend", Target::User),
    (Method::POST, "/users/{user}/invite", "user.invite", Target::User),
    (
        Method::POST,
        "/users/{user}/revoke-invitation",
        "user.invite",
        Target::User,
    ),
    (Method::POST, "/users/{user}/licences", "licence.assign", Target::User),
    (
        Method::DELETE,
        "/users/{user}/licences/{key}",
        "licence.assign",
        Target::User,
    ),
    (
        Method::PUT,
        "/users/{user}/licences/{key}/cost-centre",
        "licence.assign",
        Target::User,
    ),
    (Method::POST, "/users/{user}/move", "user.update", Target::User),
    (
        Method::POST,
        "/users/{user}/review-permissions",
        "permission.grant",
        Target::User,
    ),
    (Method::GET, "/users/{user}/credential", "user.password", Target::User),
    (Method::POST, "/users/{user}/password", "user.password", Target::User),
    (Method::POST, "/users/{user}/reset-link", "user.password", Target::User),
    (Method::POST, "/users/{user}/unlock", "user.password", Target::User),
    (
        Method::DELETE,
        "/users/{user}/second-factor",
        "user.password",
        Target::User,
    ),
    (Method::GET, "/users/{user}/sessions", "user.password", Target::User),
    (Method::DELETE, "/users/{user}/sessions", "user.password", Target::User),
    (
        Method::DELETE,
        "/users/{user}/sessions/{session}",
        "user.password",
        Target::User,
    ),
    (Method::GET, "/users/{user}/effective", "user.view", Target::User),
    (Method::GET, "/users/{user}/explain", "user.view", Target::User),
    (Method::GET, "/users/{user}/eligibility", "user.view", Target::User),
    (Method::GET, "/users/{user}/permissions", "user.view", Target::User),
    (
        Method::POST,
        "/users/{user}/permissions",
        "permission.grant",
        Target::User,
    ),
    (
        Method::DELETE,
        "/users/{user}/permissions",
        "permission.grant",
        Target::User,
    ),
    (Method::GET, "/users/{user}/access", "user.view", Target::User),
    (
        Method::PUT,
        "/users/{user}/access/{area}",
        "access.manage",
        Target::User,
    ),
    (Method::GET, "/users/{user}/roles/{role}", "role.assign", Target::User),
    (Method::PUT, "/users/{user}/roles/{role}", "role.assign", Target::User),
    (
        Method::DELETE,
        "/users/{user}/roles/{role}",
        "role.assign",
        Target::User,
    ),
    // What a plan is about is demanded for each of its people, in `directory/bulk/step.rs`.
    (Method::GET, "/bulk", "user.view", Target::Reachable),
    (Method::POST, "/bulk", "user.view", Target::Reachable),
    (Method::GET, "/bulk/{job}", "user.view", Target::Reachable),
    (Method::POST, "/bulk/{job}/confirm", "user.view", Target::Reachable),
    (Method::POST, "/bulk/{job}/discard", "user.view", Target::Reachable),
    (Method::GET, "/groups", "group.view", Target::Reachable),
    (Method::POST, "/groups", "group.create", Target::Organisation),
    (Method::GET, "/groups/tree", "group.view", Target::Organisation),
    (Method::GET, "/groups/{group}", "group.view", Target::Group),
    (Method::PATCH, "/groups/{group}", "group.update", Target::Group),
    (Method::DELETE, "/groups/{group}", "group.delete", Target::Group),
    (
        Method::POST,
        "/groups/{group}/disable",
        "group.update",
        Target::Organisation,
    ),
    (
        Method::POST,
        "/groups/{group}/enable",
        "group.update",
        Target::Organisation,
    ),
    (
        Method::POST,
        "/groups/{group}/gives",
        "role.manage",
        Target::Organisation,
    ),
    (
        Method::PUT,
        "/groups/{group}/linked-roles/{role}",
        "role.manage",
        Target::Organisation,
    ),
    (
        Method::DELETE,
        "/groups/{group}/linked-roles/{role}",
        "role.manage",
        Target::Organisation,
    ),
    (Method::GET, "/groups/{group}/resources", "resource.view", Target::Group),
    (Method::GET, "/groups/{group}/members", "group.view", Target::Group),
    (Method::PUT, "/groups/{group}/defaults", "group.update", Target::Group),
    (Method::POST, "/groups/{group}/members", "group.members", Target::Group),
    (
        Method::DELETE,
        "/groups/{group}/members/{member}",
        "group.members",
        Target::Group,
    ),
    (
        Method::POST,
        "/groups/{group}/roles/{role}",
        "group.roles",
        Target::Group,
    ),
    (
        Method::DELETE,
        "/groups/{group}/roles/{role}",
        "group.roles",
        Target::Group,
    ),
    (Method::GET, "/guests", "guest.manage", Target::Organisation),
    (Method::POST, "/guests", "guest.manage", Target::Organisation),
    (Method::DELETE, "/guests/{guest}", "guest.manage", Target::Organisation),
    (
        Method::POST,
        "/guests/{guest}/disable",
        "guest.manage",
        Target::Organisation,
    ),
    (Method::GET, "/guest-links", "guest.manage", Target::Organisation),
    (Method::POST, "/guest-links", "guest.manage", Target::Organisation),
    (
        Method::POST,
        "/guest-links/{link}/disable",
        "guest.manage",
        Target::Organisation,
    ),
    (Method::GET, "/resource-types", "resource.view", Target::Organisation),
    (Method::GET, "/resources", "resource.view", Target::Organisation),
    (Method::POST, "/resources", "resource.manage", Target::Organisation),
    (
        Method::GET,
        "/resources/{resource}",
        "resource.view",
        Target::Organisation,
    ),
    (
        Method::PATCH,
        "/resources/{resource}",
        "resource.manage",
        Target::Organisation,
    ),
    (
        Method::DELETE,
        "/resources/{resource}",
        "resource.manage",
        Target::Organisation,
    ),
    (
        Method::GET,
        "/resources/{resource}/assignments",
        "resource.view",
        Target::Organisation,
    ),
    (
        Method::POST,
        "/resources/{resource}/assignments",
        "resource.manage",
        Target::Organisation,
    ),
    (
        Method::DELETE,
        "/resources/{resource}/assignments/{kind}/{subject}",
        "resource.manage",
        Target::Organisation,
    ),
    (Method::GET, "/users/{user}/resources", "resource.view", Target::User),
    (Method::GET, "/cost-centres", "licence.view", Target::Organisation),
    (Method::GET, "/licences/forecast", "licence.view", Target::Organisation),
    (Method::GET, "/roles", "role.view", Target::Organisation),
    (Method::POST, "/roles", "role.manage", Target::Organisation),
    (Method::GET, "/roles/matrix", "role.view", Target::Organisation),
    (Method::GET, "/roles/{role}", "role.view", Target::Organisation),
    (Method::PUT, "/roles/{role}", "role.manage", Target::Organisation),
    (Method::DELETE, "/roles/{role}", "role.manage", Target::Organisation),
    (Method::GET, "/roles/{role}/holders", "user.view", Target::Organisation),
    (Method::GET, "/roles/{role}/impact", "role.manage", Target::Organisation),
    (
        Method::PUT,
        "/roles/{role}/given-by/{group}",
        "role.manage",
        Target::Organisation,
    ),
    (
        Method::DELETE,
        "/roles/{role}/given-by/{group}",
        "role.manage",
        Target::Organisation,
    ),
    (
        Method::PUT,
        "/roles/{role}/groups/{group}",
        "role.manage",
        Target::Organisation,
    ),
    (
        Method::DELETE,
        "/roles/{role}/groups/{group}",
        "role.manage",
        Target::Organisation,
    ),
    (Method::GET, "/permissions", "role.view", Target::Organisation),
    (Method::PUT, "/permissions/{key}", "role.manage", Target::Organisation),
    (
        Method::DELETE,
        "/permissions/{key}",
        "role.manage",
        Target::Organisation,
    ),
    (Method::GET, "/default-permissions", "role.view", Target::Organisation),
    (Method::PUT, "/default-permissions", "role.manage", Target::Organisation),
    (Method::GET, "/invitations", "user.invite", Target::Organisation),
    (Method::POST, "/invitations/send", "user.invite", Target::Organisation),
    (Method::GET, "/invitations/{id}", "user.invite", Target::Organisation),
    (
        Method::POST,
        "/invitations/{id}/resend",
        "user.invite",
        Target::Organisation,
    ),
    (
        Method::POST,
        "/invitations/{id}/revoke",
        "user.invite",
        Target::Organisation,
    ),
    (
        Method::GET,
        "/password-policy",
        "organisation.view",
        Target::Organisation,
    ),
    (
        Method::PUT,
        "/password-policy",
        "organisation.update",
        Target::Organisation,
    ),
    (
        Method::GET,
        "/password-policy/impact",
        "organisation.update",
        Target::Organisation,
    ),
    (Method::GET, "/templates", "template.manage", Target::Organisation),
    (
        Method::GET,
        "/templates/{name}",
        "template.manage",
        Target::Organisation,
    ),
    (
        Method::POST,
        "/templates/{name}/preview",
        "template.manage",
        Target::Organisation,
    ),
    (
        Method::GET,
        "/templates/{name}/variables",
        "template.manage",
        Target::Organisation,
    ),
    (
        Method::PUT,
        "/templates/{name}/{language}",
        "template.manage",
        Target::Organisation,
    ),
    (
        Method::DELETE,
        "/templates/{name}/{language}",
        "template.manage",
        Target::Organisation,
    ),
    (Method::GET, "/licences", "licence.view", Target::Organisation),
    (
        Method::GET,
        "/licences/{key}/holders",
        "licence.view",
        Target::Organisation,
    ),
    (Method::GET, "/events", "event.view", Target::Organisation),
    (Method::GET, "/audit", "audit.view", Target::Organisation),
    (Method::GET, "/audit/export", "audit.view", Target::Organisation),
    (Method::GET, "/users/{user}/export", "privacy.manage", Target::User),
    (Method::POST, "/users/{user}/erase", "privacy.manage", Target::User),
    (Method::PUT, "/users/{user}/restriction", "privacy.manage", Target::User),
    (Method::GET, "/export/users", "user.view", Target::Reachable),
    (Method::GET, "/export/groups", "group.view", Target::Reachable),
    (Method::GET, "/export/memberships", "group.view", Target::Reachable),
    (Method::GET, "/export/role-holders", "user.view", Target::Organisation),
    (
        Method::GET,
        "/export/licence-holders",
        "licence.view",
        Target::Organisation,
    ),
    (Method::GET, "/export/invitations", "user.invite", Target::Organisation),
    (Method::GET, "/export/guests", "guest.manage", Target::Organisation),
    // Whether each row is allowed is judged row by row.
    (Method::GET, "/imports", "user.create", Target::Reachable),
    (Method::POST, "/imports", "user.create", Target::Reachable),
    (Method::GET, "/imports/template", "user.create", Target::Reachable),
    (Method::GET, "/imports/{import}", "user.create", Target::Reachable),
    (Method::DELETE, "/imports/{import}", "user.create", Target::Reachable),
    (
        Method::POST,
        "/imports/{import}/confirm",
        "user.create",
        Target::Reachable,
    ),
    (Method::GET, "/imports/{import}/rows", "user.create", Target::Reachable),
    (
        Method::GET,
        "/imports/{import}/result",
        "user.create",
        Target::Reachable,
    ),
    (Method::GET, "/views", "view.keep", Target::Own),
    (Method::POST, "/views", "view.keep", Target::Own),
    (Method::DELETE, "/views", "view.keep", Target::Own),
    (Method::GET, "/views/{view}", "view.keep", Target::Own),
    (Method::PUT, "/views/{view}", "view.keep", Target::Own),
    (Method::DELETE, "/views/{view}", "view.keep", Target::Own),
];

/// What the route below an organisation demands of a person. `parameter` answers the path's parameters by name. A target that
/// does not exist is judged as the whole organisation, so that nobody learns what is there.
///
/// # Errors
/// As the store's read.
pub(super) async fn of(
    directory: &Directory,
    organisation: OrganisationId,
    method: &Method,
    route: &str,
    parameter: impl Fn(&str) -> Option<String> + Send,
) -> Result<Option<Demand>, DirectoryError> {
    let Some((_, _, action, target)) = TABLE.iter().find(|row| row.0 == *method && row.1 == route) else {
        return Ok(None);
    };
    let on = match target {
        Target::Organisation => On::Organisation,
        Target::Reachable => On::Reachable,
        Target::Own => On::Own,
        Target::User => match users::find(directory, organisation, &parameter("user").unwrap_or_default()).await {
            Ok(user) => On::User(user.id),
            Err(DirectoryError::NotFound { .. }) => On::Organisation,
            Err(error) => return Err(error),
        },
        Target::Group => match groups::find(directory, organisation, &parameter("group").unwrap_or_default()).await {
            Ok(group) => On::Group(group.id),
            Err(DirectoryError::NotFound { .. }) => On::Organisation,
            Err(error) => return Err(error),
        },
    };
    Ok(Some(Demand { action, on }))
}
