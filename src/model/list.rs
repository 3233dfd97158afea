//! The lists of the admin API: what each shows, so that a filter, an order and a saved view can name it (S004-9..14).
//!
//! A column has the name under which the API shows it. Lists of users and groups know the attributes of their SCIM schemas as
//! well, those that the organisation defines included, with or without `attributes.` in front.

mod columns;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::attribute::AttributePath;
use super::invitation::InvitationState;
use super::lifecycle::State;
use super::schema::{ResourceSchemas, ResourceType, Schema, SchemaSet};
use super::selection::SelectionError;

pub use columns::Column;

/// A list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum List {
    /// Users.
    Users,
    /// Groups.
    Groups,
    /// Roles.
    Roles,
    /// Who holds a role.
    RoleHolders,
    /// Licences.
    Licences,
    /// Who is meant to have a licence.
    LicenceHolders,
    /// Resources.
    Resources,
    /// What resources are assigned to: users and groups.
    ResourceAssignments,
    /// Invitations.
    Invitations,
    /// Guests.
    Guests,
    /// Links by which guests join.
    GuestLinks,
    /// Members of a group: users and groups.
    Members,
    /// The audit log, the newest first.
    Audit,
}

/// The word names no list.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is not a list: use one of {words}", words = List::words())]
pub struct NotAList(String);

impl List {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Users,
        Self::Groups,
        Self::Roles,
        Self::RoleHolders,
        Self::Licences,
        Self::LicenceHolders,
        Self::Resources,
        Self::ResourceAssignments,
        Self::Invitations,
        Self::Guests,
        Self::GuestLinks,
        Self::Members,
        Self::Audit,
    ];

    /// The word in answers and questions.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Groups => "groups",
            Self::Roles => "roles",
            Self::RoleHolders => "role-holders",
            Self::Licences => "licences",
            Self::LicenceHolders => "licence-holders",
            Self::Resources => "resources",
            Self::ResourceAssignments => "resource-assignments",
            Self::Invitations => "invitations",
            Self::Guests => "guests",
            Self::GuestLinks => "guest-links",
            Self::Members => "members",
            Self::Audit => "audit",
        }
    }

    /// The words of all lists.
    #[must_use]
    pub fn words() -> String {
        Self::ALL.map(Self::as_str).join(", ")
    }

    /// The columns that a search looks into; none where a list is not searched. Users are searched by index instead.
    #[must_use]
    pub const fn searched(self) -> &'static [&'static str] {
        match self {
            Self::Users | Self::Audit => &[],
            Self::Members => &["member"],
            Self::ResourceAssignments => &["resource", "subject"],
            Self::Groups => &["display_name", "code", "link"],
            Self::Roles | Self::Licences => &["key", "name"],
            Self::RoleHolders => &["user_name", "display_name"],
            Self::LicenceHolders | Self::Invitations => &["user_name"],
            Self::Resources | Self::GuestLinks => &["name"],
            Self::Guests => &["name", "email", "mobile"],
        }
    }

    /// The words of the column `state`, where there is one.
    #[must_use]
    pub fn states(self) -> Vec<&'static str> {
        match self {
            Self::Users | Self::RoleHolders | Self::LicenceHolders => {
                State::ALL.iter().map(|state| state.as_str()).collect()
            }
            Self::Invitations => InvitationState::ALL.iter().map(|state| state.as_str()).collect(),
            Self::Groups
            | Self::Roles
            | Self::Licences
            | Self::Resources
            | Self::ResourceAssignments
            | Self::Guests
            | Self::GuestLinks
            | Self::Members
            | Self::Audit => Vec::new(),
        }
    }

    /// The schemas that filters and orders over the list are read against.
    #[must_use]
    pub fn schemas(self, own: &ResourceSchemas) -> SchemaSet {
        let attributes = self.columns().iter().map(Column::attribute).collect();
        let mut core = Schema {
            id: format!("urn:usher:list:{self}"),
            name: self.as_str().to_owned(),
            description: String::new(),
            attributes,
        };
        let beneath = self.beneath(own);
        if let Some(scim) = beneath {
            core.id.clone_from(&scim.core().id);
            let others = scim.core().attributes.iter();
            let others: Vec<_> = others
                .filter(|other| core.attribute(&other.name).is_none())
                .cloned()
                .collect();
            core.attributes.extend(others);
        }
        let type_ = ResourceType::new(self.as_str(), "", "", &core.id);
        let set = SchemaSet::new(type_, Arc::new(core), &["groups"]);
        let extensions = beneath.map(SchemaSet::extensions).unwrap_or_default();
        extensions
            .iter()
            .fold(set, |set, extension| set.with_extension(Arc::clone(extension), false))
    }

    /// The canonical name of an attribute: `attributes.department` is `department`. `None` for one that the list does not have.
    #[must_use]
    pub fn canonical(self, path: AttributePath, schemas: &SchemaSet) -> Option<AttributePath> {
        let is_scim = matches!(self, Self::Users | Self::Groups);
        let path = match path.sub {
            Some(sub) if is_scim && path.schema.is_none() && path.name.eq_ignore_ascii_case("attributes") => {
                AttributePath::core(sub)
            }
            sub => AttributePath { sub, ..path },
        };
        let has_column = || {
            let mut columns = self.columns().iter();
            path.schema.is_none() && columns.any(|column| column.name.eq_ignore_ascii_case(&path.name))
        };
        // What every SCIM resource has, other lists have not (RFC 7643 section 3.1).
        let is_known = (is_scim || has_column()) && schemas.resolve(&path).is_some();
        is_known.then_some(path)
    }

    /// Looks whether the list shows these columns.
    ///
    /// # Errors
    /// [`SelectionError::UnknownAttribute`] for the first that it does not.
    pub fn check_columns(self, own: &ResourceSchemas, columns: &[String]) -> Result<(), SelectionError> {
        let schemas = self.schemas(own);
        for column in columns {
            let path: Option<AttributePath> = column.parse().ok();
            if path.and_then(|path| self.canonical(path, &schemas)).is_none() {
                return Err(SelectionError::UnknownAttribute {
                    parameter: "columns",
                    attribute: column.clone(),
                    list: self,
                });
            }
        }
        Ok(())
    }

    fn beneath(self, own: &ResourceSchemas) -> Option<&SchemaSet> {
        match self {
            Self::Users => Some(&own.users),
            Self::Groups => Some(&own.groups),
            Self::Roles
            | Self::RoleHolders
            | Self::Licences
            | Self::LicenceHolders
            | Self::Resources
            | Self::ResourceAssignments
            | Self::Invitations
            | Self::Guests
            | Self::GuestLinks
            | Self::Members
            | Self::Audit => None,
        }
    }
}

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for List {
    type Err = NotAList;

    fn from_str(text: &str) -> Result<Self, NotAList> {
        let found = Self::ALL.into_iter().find(|list| list.as_str() == text);
        found.ok_or_else(|| NotAList(text.to_owned()))
    }
}
