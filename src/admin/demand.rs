//! What a person must be allowed to do for each route of an organisation: one table. A route that is not in it is closed to
//! persons; tokens that administer the organisation pass everywhere. Whoever has no right here sees nothing (S004-2).

mod table;

use axum::http::Method;

use crate::directory::authorise::{Demand, On};
use crate::directory::{Directory, DirectoryError};
use crate::model::id::OrganisationId;

use super::{groups, users};
use table::TABLE;

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
    /// Whom the invitation `{id}` of the path is for.
    Invitation,
    /// What is the person's own: nothing is asked. The operation tells what is.
    Own,
}

/// Method, route below the organisation, action, target.
type Row = (Method, &'static str, &'static str, Target);

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
        Target::Invitation => {
            let found = match parameter("id").unwrap_or_default().parse() {
                Ok(id) => directory.browse_invitation(organisation, id).await?,
                Err(_) => None,
            };
            found.map_or(On::Organisation, |invitation| On::User(invitation.user))
        }
    };
    Ok(Some(Demand { action, on }))
}
