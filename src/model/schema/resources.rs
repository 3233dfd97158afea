//! The schemas of users and groups as one organisation has them.

use super::SchemaSet;
use crate::model::custom_attribute::{Bearer, CustomSchema};

/// The resource types that differ between organisations, by the custom attributes of each. Made once for each change of the
/// organisation's settings, and cheap to clone.
#[derive(Debug, Clone)]
pub struct ResourceSchemas {
    /// Users.
    pub users: SchemaSet,
    /// Groups.
    pub groups: SchemaSet,
    /// Users, for queries over both types.
    pub users_across: SchemaSet,
    /// Groups, for queries over both types.
    pub groups_across: SchemaSet,
}

impl ResourceSchemas {
    /// With these custom attributes.
    #[must_use]
    pub fn new(users: Option<&CustomSchema>, groups: Option<&CustomSchema>) -> Self {
        let extended = |set: SchemaSet, custom: Option<&CustomSchema>, bearer| match custom
            .and_then(|custom| custom.extension(bearer))
        {
            Some((extension, required)) => set.with_extension(extension, required),
            None => set,
        };
        let users = extended(SchemaSet::user(), users, Bearer::User);
        let groups = extended(SchemaSet::group(), groups, Bearer::Group);
        Self {
            users_across: users.across(&groups),
            groups_across: groups.across(&users),
            users,
            groups,
        }
    }
}
