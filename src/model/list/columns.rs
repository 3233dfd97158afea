//! What each list shows.

mod upkeep;

use super::List;
use upkeep::{
    CONNECTIONS, DIFFERENCES, EVENTS, FAILURES, IMPORT_ROWS, IMPORTS, JOB_ITEMS, JOBS, JOURNAL, MAILS, ORGANISATIONS,
    PERMISSIONS, PROFILES, REVIEWS, SESSIONS, TEMPLATES, TOKENS, VIEWS,
};

use crate::model::schema::{Attribute, AttributeType, Mutability, Returned, Uniqueness};

/// A column of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its name, as the API shows it.
    pub name: &'static str,
    /// The type of its values.
    pub type_: AttributeType,
    /// Whether it holds several.
    pub many: bool,
    /// What each value consists of: `roles.origin`.
    pub parts: &'static [(&'static str, AttributeType)],
}

const fn one(name: &'static str, type_: AttributeType) -> Column {
    Column {
        name,
        type_,
        many: false,
        parts: &[],
    }
}

const fn text(name: &'static str) -> Column {
    one(name, AttributeType::String)
}

const fn flag(name: &'static str) -> Column {
    one(name, AttributeType::Boolean)
}

const fn number(name: &'static str) -> Column {
    one(name, AttributeType::Integer)
}

const fn time(name: &'static str) -> Column {
    one(name, AttributeType::DateTime)
}

const fn texts(name: &'static str) -> Column {
    Column {
        many: true,
        ..text(name)
    }
}

const fn parts(name: &'static str, parts: &'static [(&'static str, AttributeType)]) -> Column {
    Column {
        name,
        type_: AttributeType::Complex,
        many: true,
        parts,
    }
}

const fn one_of_parts(name: &'static str, of: &'static [(&'static str, AttributeType)]) -> Column {
    Column {
        many: false,
        ..parts(name, of)
    }
}

const TEXT: AttributeType = AttributeType::String;

const USERS: &[Column] = &[
    text("user_name"),
    text("display_name"),
    text("state"),
    flag("active"),
    flag("restricted"),
    parts("login_ids", &[("value", TEXT), ("kind", TEXT)]),
    texts("nicknames"),
    texts("labels"),
    text("country_prefix"),
    text("home_group"),
    flag("review_pending"),
    time("last_sign_in"),
    parts("external_ids", &[("value", TEXT), ("connection", TEXT)]),
    texts("sources"),
    parts("roles", &[("value", TEXT), ("origin", TEXT)]),
    parts(
        "licences",
        &[
            ("value", TEXT),
            ("seat", TEXT),
            ("since", AttributeType::DateTime),
            ("cost_centre", TEXT),
        ],
    ),
    time("created"),
    time("last_modified"),
];

const GROUPS: &[Column] = &[
    text("display_name"),
    text("kind"),
    flag("enabled"),
    text("parent"),
    number("level"),
    text("code"),
    flag("is_billing_root"),
    text("link"),
    flag("is_default"),
    number("members"),
    parts("gives", &[("roles", TEXT), ("licences", TEXT)]),
    parts("external_ids", &[("value", TEXT), ("connection", TEXT)]),
    time("created"),
    time("last_modified"),
];

const ROLES: &[Column] = &[
    text("key"),
    text("name"),
    text("scope"),
    texts("includes"),
    flag("administers"),
    flag("built_in"),
    texts("linked_groups"),
    number("max_holders"),
    flag("protected"),
    text("requires_licence"),
    number("holders"),
];

const ROLE_HOLDERS: &[Column] = &[
    text("id"),
    text("user_name"),
    text("display_name"),
    text("state"),
    texts("origins"),
    text("role"),
    text("group"),
    text("group_id"),
];

const LICENCES: &[Column] = &[
    text("key"),
    text("name"),
    number("limit"),
    number("used"),
    number("waiting"),
    text("consumes_from"),
    texts("required_for_roles"),
    texts("features"),
];

const LICENCE_HOLDERS: &[Column] = &[
    text("id"),
    text("user_name"),
    text("state"),
    time("since"),
    text("cost_centre"),
    text("licence"),
    text("seat"),
    texts("origins"),
];

const RESOURCES: &[Column] = &[
    text("id"),
    text("type"),
    text("name"),
    text("owner"),
    flag("enabled"),
    time("expires"),
    number("users"),
    number("groups"),
    time("created"),
    time("last_modified"),
];

const RESOURCE_ASSIGNMENTS: &[Column] = &[
    text("id"),
    text("kind"),
    text("subject"),
    text("type"),
    text("resource"),
    text("resource_id"),
    time("since"),
];

const INVITATIONS: &[Column] = &[
    text("id"),
    text("user"),
    text("user_name"),
    text("state"),
    text("channel"),
    text("obstacle"),
    time("created"),
    time("sent"),
    time("opened"),
    time("closed"),
    time("expires"),
];

const GUESTS: &[Column] = &[
    text("id"),
    text("name"),
    text("email"),
    text("mobile"),
    texts("channels"),
    text("link"),
    flag("enabled"),
    time("created"),
];

const GUEST_LINKS: &[Column] = &[
    text("id"),
    text("name"),
    texts("channels"),
    flag("enabled"),
    number("limit"),
    number("joined"),
    time("expires"),
    time("created"),
];

const MEMBERS: &[Column] = &[
    text("id"),
    text("kind"),
    text("member"),
    texts("origins"),
    texts("roles"),
    time("since"),
    text("group"),
    text("group_id"),
];

const AUDIT: &[Column] = &[
    text("id"),
    time("at"),
    text("request"),
    parts(
        "actor",
        &[("door", TEXT), ("connection", TEXT), ("token", TEXT), ("user", TEXT)],
    ),
    parts("changes", &[("kind", TEXT), ("subject", TEXT), ("outcome", TEXT)]),
];

const LICENCE_FORECAST: &[Column] = &[
    text("licence"),
    number("limit"),
    number("used"),
    number("free"),
    number("prepared"),
    number("waiting"),
    number("refused"),
    number("suspended"),
    number("short"),
];

const COST_CENTRES: &[Column] = &[text("key"), text("name"), flag("default")];

const RESOURCE_TYPES: &[Column] = &[text("key"), text("name"), number("resources")];

const HELD_RESOURCES: &[Column] = &[
    text("id"),
    text("type"),
    text("name"),
    text("owner"),
    flag("enabled"),
    texts("origins"),
    time("expires"),
    time("created"),
    time("last_modified"),
];

impl List {
    /// The columns, without those of SCIM schemas.
    #[must_use]
    pub const fn columns(self) -> &'static [Column] {
        match self {
            Self::Users => USERS,
            Self::Groups => GROUPS,
            Self::Roles => ROLES,
            Self::RoleHolders => ROLE_HOLDERS,
            Self::Licences => LICENCES,
            Self::LicenceHolders => LICENCE_HOLDERS,
            Self::LicenceForecast => LICENCE_FORECAST,
            Self::CostCentres => COST_CENTRES,
            Self::ResourceTypes => RESOURCE_TYPES,
            Self::HeldResources => HELD_RESOURCES,
            Self::Mails => MAILS,
            Self::Templates => TEMPLATES,
            Self::Permissions => PERMISSIONS,
            Self::Connections => CONNECTIONS,
            Self::Failures => FAILURES,
            Self::Differences => DIFFERENCES,
            Self::Reviews => REVIEWS,
            Self::Journal => JOURNAL,
            Self::Tokens => TOKENS,
            Self::Jobs => JOBS,
            Self::JobItems => JOB_ITEMS,
            Self::Imports => IMPORTS,
            Self::ImportRows => IMPORT_ROWS,
            Self::Views => VIEWS,
            Self::Events => EVENTS,
            Self::Organisations => ORGANISATIONS,
            Self::Profiles => PROFILES,
            Self::Sessions => SESSIONS,
            Self::Resources => RESOURCES,
            Self::ResourceAssignments => RESOURCE_ASSIGNMENTS,
            Self::Invitations => INVITATIONS,
            Self::Guests => GUESTS,
            Self::GuestLinks => GUEST_LINKS,
            Self::Members => MEMBERS,
            Self::Audit => AUDIT,
        }
    }
}

impl Column {
    /// As an attribute that filters and orders can name.
    pub(super) fn attribute(&self) -> Attribute {
        let parts = self.parts.iter().map(|(name, type_)| one(name, *type_).attribute());
        Attribute {
            name: self.name.to_owned(),
            type_: self.type_,
            multi_valued: self.many,
            description: String::new(),
            required: false,
            canonical_values: Vec::new(),
            case_exact: false,
            mutability: Mutability::ReadOnly,
            returned: Returned::Default,
            uniqueness: Uniqueness::None,
            reference_types: Vec::new(),
            sub_attributes: parts.collect(),
        }
    }
}
