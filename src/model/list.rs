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

macro_rules! lists {
    ($($(#[$about:meta])* $name:ident = $word:literal,)*) => {
        /// A list.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum List {
            $($(#[$about])* #[serde(rename = $word)] $name,)*
        }

        impl List {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The word in answers and questions.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }
        }
    };
}

lists! {
    /// Users.
    Users = "users",
    /// Groups.
    Groups = "groups",
    /// Roles.
    Roles = "roles",
    /// Who holds a role.
    RoleHolders = "role-holders",
    /// Licences.
    Licences = "licences",
    /// Who is meant to have a licence.
    LicenceHolders = "licence-holders",
    /// Who would need a seat of each licence.
    LicenceForecast = "licence-forecast",
    /// Cost centres.
    CostCentres = "cost-centres",
    /// Types of resources.
    ResourceTypes = "resource-types",
    /// Resources.
    Resources = "resources",
    /// What resources are assigned to: users and groups.
    ResourceAssignments = "resource-assignments",
    /// Resources of a user, or of a group's members.
    HeldResources = "held-resources",
    /// Invitations.
    Invitations = "invitations",
    /// Mail that waits, or was given up.
    Mails = "mails",
    /// The wording of mails.
    Templates = "templates",
    /// Guests.
    Guests = "guests",
    /// Links by which guests join.
    GuestLinks = "guest-links",
    /// Members of a group: users and groups.
    Members = "members",
    /// The catalogue of permissions.
    Permissions = "permissions",
    /// Connections.
    Connections = "connections",
    /// What runs of a connection left as it was.
    Failures = "failures",
    /// What a held plan would change.
    Differences = "differences",
    /// Identities that look like somebody who is there already.
    Reviews = "reviews",
    /// What a connection's client asked, the newest first.
    Journal = "journal",
    /// Tokens.
    Tokens = "tokens",
    /// Work on many people at once, the newest first.
    Jobs = "jobs",
    /// The people that such work is about.
    JobItems = "job-items",
    /// Imports, the newest first.
    Imports = "imports",
    /// Rows of an import.
    ImportRows = "import-rows",
    /// Saved views.
    Views = "views",
    /// The event feed.
    Events = "events",
    /// The audit log, the newest first.
    Audit = "audit",
    /// Organisations of the gateway.
    Organisations = "organisations",
    /// Profiles that come with the gateway.
    Profiles = "profiles",
    /// Sessions of a person.
    Sessions = "sessions",
}

/// The word names no list.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is not a list: use one of {words}", words = List::words())]
pub struct NotAList(String);

impl List {
    /// The words of all lists.
    #[must_use]
    pub fn words() -> String {
        let words: Vec<&str> = Self::ALL.iter().map(|list| list.as_str()).collect();
        words.join(", ")
    }

    /// The columns that a search looks into; none where a list is not searched. Users are searched by index instead.
    #[must_use]
    pub const fn searched(self) -> &'static [&'static str] {
        match self {
            Self::Members => &["member"],
            Self::ResourceAssignments => &["resource", "subject"],
            Self::Groups => &["display_name", "code", "link"],
            Self::Roles | Self::Licences | Self::CostCentres | Self::ResourceTypes | Self::Permissions => &["key", "name"],
            Self::RoleHolders => &["user_name", "display_name"],
            Self::LicenceHolders | Self::Invitations | Self::JobItems | Self::ImportRows => &["user_name"],
            Self::Resources
            | Self::HeldResources
            | Self::GuestLinks
            | Self::Failures
            | Self::Differences
            | Self::Reviews
            | Self::Connections
            | Self::Templates
            | Self::Views => &["name"],
            Self::Guests => &["name", "email", "mobile"],
            Self::Mails => &["to"],
            Self::Tokens => &["label"],
            Self::Organisations => &["slug", "name"],
            Self::Profiles => &["name", "summary"],
            Self::LicenceForecast => &["licence"],
            Self::Users
            | Self::Journal
            | Self::Jobs
            | Self::Imports
            | Self::Events
            | Self::Audit
            | Self::Sessions => &[],
        }
    }

    /// Whether an organisation can keep views of it.
    #[must_use]
    pub const fn has_views(self) -> bool {
        !matches!(self, Self::Organisations | Self::Profiles | Self::Sessions)
    }

    /// The words of the column `state`, where there is one.
    #[must_use]
    pub fn states(self) -> Vec<&'static str> {
        match self {
            Self::Users | Self::RoleHolders | Self::LicenceHolders => {
                State::ALL.iter().map(|state| state.as_str()).collect()
            }
            Self::Invitations => InvitationState::ALL.iter().map(|state| state.as_str()).collect(),
            Self::Mails => vec!["queued", "dead"],
            Self::Jobs | Self::Imports => vec!["planned", "running", "done", "discarded"],
            _ => Vec::new(),
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
            _ => None,
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
        let found = Self::ALL.iter().copied().find(|list| list.as_str() == text);
        found.ok_or_else(|| NotAList(text.to_owned()))
    }
}
