//! Connections: made and changed as a whole, checked before they are stored.

use serde_json::json;

use crate::model::connection::{Connection, ConnectionKind};
use crate::model::event::EventKind;
use crate::model::oauth::OAuthError;
use crate::model::role::Role;

use super::error::Denial;
use super::keys::{self, Table};
use super::{DirectoryError, Operation, Unit};

/// Makes a connection, or replaces its settings. Answers whether anything changed.
pub struct PutConnection(
    /// The settings as they are to be.
    pub Connection,
);

#[async_trait::async_trait]
impl Operation for PutConnection {
    type Outcome = bool;

    async fn attempt(&self, unit: &mut Unit) -> Result<bool, DirectoryError> {
        let connection = &self.0;
        let organisation = unit.organisation();
        let key = keys::named(organisation, Table::Connection, &connection.name);
        let before: Option<Connection> = unit.find(&key).await?;
        if before.as_ref() == Some(connection) {
            return Ok(false);
        }
        if let Some(before) = before.as_ref().filter(|before| before.kind != connection.kind) {
            let reason = format!(
                "connection {:?} is {:?} and stays so: choose another name",
                before.name, before.kind
            );
            return Err(DirectoryError::invalid("kind", reason));
        }
        check(unit, connection).await?;
        unit.put(key, connection);
        let kind = if before.is_some() {
            EventKind::ConnectionUpdated
        } else {
            EventKind::ConnectionCreated
        };
        unit.event(kind, &connection.name, json!({}));
        Ok(true)
    }
}

/// What a connection refers to must exist, and a role that administers must be allowed by name.
async fn check(unit: &mut Unit, connection: &Connection) -> Result<(), DirectoryError> {
    let organisation = unit.organisation();
    let place = |what: &str| format!("connections.{}.{what}", connection.name);
    let rules = connection.grants.iter();
    let licences = connection
        .licences
        .iter()
        .chain(rules.clone().flat_map(|rule| &rule.licences));
    for licence in licences {
        if unit
            .bytes(&keys::named(organisation, Table::Licence, licence))
            .await?
            .is_none()
        {
            let reason = format!(
                "licence {:?} does not exist in this organisation: declare it",
                licence.as_str()
            );
            return Err(DirectoryError::invalid(place("licences"), reason));
        }
    }
    let granted = rules.flat_map(|rule| &rule.roles);
    for role in connection
        .roles
        .iter()
        .chain(&connection.grantable_roles)
        .chain(granted.clone())
    {
        let key = keys::named(organisation, Table::Role, role);
        let Some(stored) = unit.find::<Role>(&key).await? else {
            let reason = format!(
                "role {:?} does not exist in this organisation: declare it",
                role.as_str()
            );
            return Err(DirectoryError::invalid(place("roles"), reason));
        };
        if stored.administers && !connection.grantable_roles.contains(role) {
            return Err(DirectoryError::Denied(Denial::RoleNotGrantable));
        }
    }
    for role in granted {
        if !connection.roles.contains(role) && !connection.grantable_roles.contains(role) {
            return Err(DirectoryError::Denied(Denial::RoleNotGrantable));
        }
    }
    match (connection.kind, &connection.oauth) {
        (ConnectionKind::Ldap, Some(_)) => {
            let reason = "a connection of kind \"ldap\" has no such section";
            return Err(DirectoryError::invalid(place("oauth"), reason));
        }
        (ConnectionKind::Scim, Some(oauth)) => {
            let fault = |error: OAuthError| DirectoryError::invalid(place("oauth"), error.to_string());
            oauth.check().map_err(fault)?;
        }
        (ConnectionKind::Ldap | ConnectionKind::Scim, None) => {}
    }
    match (connection.kind, &connection.ldap) {
        (ConnectionKind::Ldap, None) => Err(DirectoryError::invalid(
            place("ldap"),
            "a connection of kind \"ldap\" needs this section",
        )),
        (ConnectionKind::Scim, Some(_)) => Err(DirectoryError::invalid(
            place("ldap"),
            "a connection of kind \"scim\" has no such section",
        )),
        (ConnectionKind::Ldap, Some(_)) | (ConnectionKind::Scim, None) => Ok(()),
    }
}
