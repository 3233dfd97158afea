//! The tables that can be exported, and their columns.

use serde_json::Value;

use crate::admin::problem::Problem;
use crate::directory::settings::OrganisationSettings;
use crate::model::attribute::AttributePath;
use crate::model::custom_attribute::Bearer;
use crate::model::list::List;
use crate::model::schema::{Attribute, Mutability, Resolved, Returned, SchemaSet};
use crate::sheet::Cell;

use super::fields::{self, Fields};

/// A table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// Users.
    Users,
    /// Groups.
    Groups,
    /// Members of groups: one row each.
    Memberships,
    /// Roles that people hold, in the whole organisation and in groups: one row each.
    RoleHolders,
    /// Resources.
    Resources,
    /// What resources are assigned to: one row each.
    ResourceAssignments,
    /// Licences that people are meant to have: one row each.
    LicenceHolders,
    /// Invitations.
    Invitations,
    /// Guests.
    Guests,
    /// Links by which guests join, without their secrets.
    GuestLinks,
    /// Roles.
    Roles,
    /// The catalogue of permissions.
    Permissions,
    /// Licences, with their use.
    Licences,
    /// Cost centres, with the seats that each pays for.
    CostCentres,
    /// Connections. Their settings are no table.
    Connections,
    /// Tokens, without their secrets.
    Tokens,
    /// The audit log: one row for each field that a change touched.
    Audit,
}

/// Where the cells of a column come from.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Source {
    /// A member of the row.
    Field,
    /// A SCIM attribute.
    Attribute {
        extension: Option<String>,
        name: String,
        sub: Option<String>,
    },
}

/// A column of an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// What the first row calls it.
    pub name: String,
    source: Source,
}

impl Column {
    /// Its cell in a row.
    pub fn cell(&self, row: &Value) -> Cell {
        match &self.source {
            Source::Field => Cell::from(&row[&self.name]),
            Source::Attribute { extension, name, sub } => {
                let attributes = &row["attributes"];
                let value = match extension {
                    Some(urn) => &attributes[urn][name],
                    None => &attributes[name],
                };
                match (sub, value) {
                    (None, value) => Cell::from(value),
                    (Some(sub), Value::Array(items)) => {
                        let parts: Vec<Value> = items.iter().map(|item| item[sub].clone()).collect();
                        Cell::from(&Value::Array(parts))
                    }
                    (Some(sub), value) => Cell::from(&value[sub]),
                }
            }
        }
    }

    fn field(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            source: Source::Field,
        }
    }
}

impl Table {
    /// The word in addresses and names of files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Groups => "groups",
            Self::Memberships => "memberships",
            Self::RoleHolders => "role-holders",
            Self::Resources => "resources",
            Self::ResourceAssignments => "resource-assignments",
            Self::LicenceHolders => "licence-holders",
            Self::Invitations => "invitations",
            Self::Guests => "guests",
            Self::GuestLinks => "guest-links",
            Self::Roles => "roles",
            Self::Permissions => "permissions",
            Self::Licences => "licences",
            Self::CostCentres => "cost-centres",
            Self::Connections => "connections",
            Self::Tokens => "tokens",
            Self::Audit => "audit",
        }
    }

    /// The list that shows the same rows: filters, orders and views are read against its columns.
    #[must_use]
    pub const fn list(self) -> List {
        match self {
            Self::Users => List::Users,
            Self::Groups => List::Groups,
            Self::Memberships => List::Members,
            Self::RoleHolders => List::RoleHolders,
            Self::Resources => List::Resources,
            Self::ResourceAssignments => List::ResourceAssignments,
            Self::LicenceHolders => List::LicenceHolders,
            Self::Invitations => List::Invitations,
            Self::Guests => List::Guests,
            Self::GuestLinks => List::GuestLinks,
            Self::Roles => List::Roles,
            Self::Permissions => List::Permissions,
            Self::Licences => List::Licences,
            Self::CostCentres => List::CostCentres,
            Self::Connections => List::Connections,
            Self::Tokens => List::Tokens,
            Self::Audit => List::Audit,
        }
    }

    /// What somebody must be allowed to do with a row to find it in the table.
    #[must_use]
    pub const fn action(self) -> &'static str {
        match self {
            Self::Groups => "group.view",
            Self::Invitations => "user.invite",
            _ => "user.view",
        }
    }

    /// Whether the list is an organisation's as a whole, so that it answers the question itself. Of the others there is one for each
    /// group, role, licence or resource: what is asked is put to the rows on their way.
    #[must_use]
    pub const fn is_one_list(self) -> bool {
        !matches!(
            self,
            Self::Memberships | Self::RoleHolders | Self::ResourceAssignments | Self::LicenceHolders
        )
    }

    /// Its own columns: those that are there unless others are named, and the others.
    #[must_use]
    pub const fn fields(self) -> Fields {
        match self {
            Self::Users => fields::USERS,
            Self::Groups => fields::GROUPS,
            Self::Memberships => fields::MEMBERSHIPS,
            Self::RoleHolders => fields::ROLE_HOLDERS,
            Self::Resources => fields::RESOURCES,
            Self::ResourceAssignments => fields::RESOURCE_ASSIGNMENTS,
            Self::LicenceHolders => fields::LICENCE_HOLDERS,
            Self::Invitations => fields::INVITATIONS,
            Self::Guests => fields::GUESTS,
            Self::GuestLinks => fields::GUEST_LINKS,
            Self::Roles => fields::ROLES,
            Self::Permissions => fields::PERMISSIONS,
            Self::Licences => fields::LICENCES,
            Self::CostCentres => fields::COST_CENTRES,
            Self::Connections => fields::CONNECTIONS,
            Self::Tokens => fields::TOKENS,
            Self::Audit => fields::AUDIT,
        }
    }

    /// The columns to export: those that are named, separated by commas, or the usual ones with the organisation's own attributes.
    ///
    /// # Errors
    /// A [`Problem`] that names the column that there is not, and those that there are.
    pub fn columns(self, asked: Option<&str>, settings: &OrganisationSettings) -> Result<Vec<Column>, Problem> {
        let names = asked.into_iter().flat_map(|asked| asked.split(','));
        let named: Vec<&str> = names.map(str::trim).filter(|name| !name.is_empty()).collect();
        if named.is_empty() {
            let usual = self.fields().0.iter().map(|name| Column::field(name));
            return Ok(usual.chain(self.custom(settings)).collect());
        }
        named.into_iter().map(|name| self.column(name, settings)).collect()
    }

    fn column(self, name: &str, settings: &OrganisationSettings) -> Result<Column, Problem> {
        let (usual, others) = self.fields();
        if let Some(field) = usual
            .iter()
            .chain(others)
            .find(|field| field.eq_ignore_ascii_case(name))
        {
            return Ok(Column::field(field));
        }
        let attribute = self.schemas(settings).and_then(|schemas| attribute(schemas, name));
        attribute.ok_or_else(|| {
            let known: Vec<&str> = usual.iter().chain(others).copied().collect();
            let scim = match self {
                Self::Users | Self::Groups => ", and the attributes of the schema, such as attributes.displayName",
                _ => "",
            };
            let known = known.join(", ");
            let table = self.as_str();
            Problem::bad_request(format!(
                "columns: {name:?} is no column of {table}: it has {known}{scim}"
            ))
        })
    }

    fn schemas(self, settings: &OrganisationSettings) -> Option<&SchemaSet> {
        match self {
            Self::Users => Some(&settings.schemas.users),
            Self::Groups => Some(&settings.schemas.groups),
            _ => None,
        }
    }

    /// The organisation's own attributes, as far as anybody may see them.
    fn custom(self, settings: &OrganisationSettings) -> impl Iterator<Item = Column> {
        let bearer = match self {
            Self::Users => Some(Bearer::User),
            Self::Groups => Some(Bearer::Group),
            _ => None,
        };
        let schema = bearer.and_then(|bearer| settings.custom(bearer));
        let own = schema
            .into_iter()
            .flat_map(|schema| schema.in_use().map(move |attribute| (&schema.urn, attribute)));
        own.filter(|(_, attribute)| !attribute.is_secret())
            .map(move |(urn, attribute)| {
                let (usual, others) = self.fields();
                let mut fields = usual.iter().chain(others);
                let is_taken = fields.any(|field| field.eq_ignore_ascii_case(&attribute.name));
                Column {
                    name: match is_taken {
                        true => format!("attributes.{}", attribute.name),
                        false => attribute.name.clone(),
                    },
                    source: Source::Attribute {
                        extension: Some(urn.clone()),
                        name: attribute.name.clone(),
                        sub: None,
                    },
                }
            })
    }
}

/// Attributes of the schema that no record keeps among its attributes: columns of their own say the same.
const ELSEWHERE: [&str; 9] = [
    "schemas",
    "id",
    "externalId",
    "meta",
    "userName",
    "active",
    "groups",
    "members",
    "entitlements",
];

/// An attribute of the schema by name, in any case, with or without `attributes.` in front. What is never returned has no column, nor
/// what a column of its own says.
pub(in crate::admin) fn visible<'a>(schemas: &'a SchemaSet, name: &str) -> Option<Resolved<'a>> {
    let bare = match name.split_at_checked("attributes.".len()) {
        Some((start, rest)) if start.eq_ignore_ascii_case("attributes.") => rest,
        _ => name,
    };
    let path: AttributePath = bare.parse().ok()?;
    let found = schemas.resolve(&path)?;
    let is_secret =
        |attribute: &Attribute| attribute.returned == Returned::Never || attribute.mutability == Mutability::WriteOnly;
    let is_elsewhere = found.extension.is_none()
        && ELSEWHERE
            .iter()
            .any(|other| other.eq_ignore_ascii_case(&found.attribute.name));
    let is_hidden = is_elsewhere || is_secret(found.attribute) || found.sub.is_some_and(is_secret);
    (!is_hidden).then_some(found)
}

fn attribute(schemas: &SchemaSet, name: &str) -> Option<Column> {
    let found = visible(schemas, name)?;
    Some(Column {
        name: name.to_owned(),
        source: Source::Attribute {
            extension: found.extension.map(str::to_owned),
            name: found.attribute.name.clone(),
            sub: found.sub.map(|sub| sub.name.clone()),
        },
    })
}
