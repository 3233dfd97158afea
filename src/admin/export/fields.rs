//! The columns of the tables that can be exported.

/// Columns that are exported unless others are named, and columns that are exported when they are.
pub(super) type Fields = (&'static [&'static str], &'static [&'static str]);

pub(super) const USERS: Fields = (
    &[
        "user_name",
        "given_name",
        "family_name",
        "display_name",
        "emails",
        "login_ids",
        "nicknames",
        "labels",
        "country_prefix",
        "home_group",
        "groups",
        "roles",
        "licences",
        "state",
        "active",
        "created",
        "last_modified",
        "id",
    ],
    &[
        "last_sign_in",
        "suspended_by",
        "review_pending",
        "external_ids",
        "home_group_id",
    ],
);
pub(super) const GROUPS: Fields = (
    &[
        "display_name",
        "kind",
        "enabled",
        "parent",
        "level",
        "code",
        "members",
        "roles",
        "licences",
        "is_billing_root",
        "is_default",
        "link",
        "created",
        "last_modified",
        "id",
    ],
    &["external_ids", "parent_id"],
);
pub(super) const MEMBERSHIPS: Fields = (
    &[
        "group",
        "kind",
        "member",
        "origins",
        "roles",
        "since",
        "group_id",
        "member_id",
    ],
    &["id"],
);
pub(super) const ROLE_HOLDERS: Fields = (
    &["role", "user_name", "group", "origins", "user_id", "group_id"],
    &["state", "display_name", "id"],
);
pub(super) const RESOURCES: Fields = (
    &[
        "type",
        "name",
        "owner",
        "enabled",
        "expires",
        "users",
        "groups",
        "created",
        "last_modified",
        "id",
    ],
    &["settings", "owner_id"],
);
pub(super) const RESOURCE_ASSIGNMENTS: Fields = (
    &[
        "type",
        "resource",
        "kind",
        "subject",
        "attributes",
        "since",
        "resource_id",
        "subject_id",
    ],
    &["id"],
);
pub(super) const LICENCE_HOLDERS: Fields = (
    &[
        "licence",
        "user_name",
        "state",
        "seat",
        "since",
        "cost_centre",
        "origins",
        "user_id",
    ],
    &["id"],
);
pub(super) const INVITATIONS: Fields = (
    &[
        "user_name",
        "state",
        "channel",
        "obstacle",
        "created",
        "sent",
        "opened",
        "closed",
        "expires",
        "id",
        "user",
    ],
    &["mail"],
);
pub(super) const GUESTS: Fields = (
    &[
        "name", "email", "mobile", "channels", "enabled", "link", "created", "id",
    ],
    &[],
);
pub(super) const GUEST_LINKS: Fields = (
    &[
        "name", "channels", "enabled", "limit", "joined", "expires", "created", "id",
    ],
    &[],
);
pub(super) const ROLES: Fields = (
    &[
        "key",
        "name",
        "scope",
        "permissions",
        "group_permissions",
        "includes",
        "administers",
        "built_in",
        "assignable",
        "protected",
        "max_holders",
        "holders",
        "requires_licence",
        "linked_groups",
    ],
    &[],
);
pub(super) const PERMISSIONS: Fields = (
    &[
        "key",
        "name",
        "area",
        "parent",
        "reaches",
        "implies",
        "requires_feature",
        "requires_group",
        "requires_resource",
        "roams_with",
        "flag",
    ],
    &["parameters"],
);
pub(super) const LICENCES: Fields = (
    &[
        "key",
        "name",
        "limit",
        "used",
        "waiting",
        "consumes_from",
        "when_full",
        "required_for_roles",
        "features",
        "thresholds",
    ],
    &[],
);
pub(super) const COST_CENTRES: Fields = (&["key", "name", "default", "seats"], &[]);
pub(super) const CONNECTIONS: Fields = (&["name", "kind", "onboarding", "schedule", "linked", "held"], &[]);
pub(super) const TOKENS: Fields = (
    &[
        "id",
        "opens",
        "connection",
        "user",
        "label",
        "created",
        "expires",
    ],
    &["organisations"],
);
pub(super) const AUDIT: Fields = (
    &[
        "at",
        "door",
        "connection",
        "token",
        "request",
        "kind",
        "subject",
        "outcome",
        "field",
        "before",
        "after",
    ],
    &["user", "job", "id"],
);
