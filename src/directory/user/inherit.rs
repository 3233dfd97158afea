//! What is in force for a person: own values, else those of the home group and the groups above it, else the organisation's.

use std::collections::BTreeSet;

use crate::directory::settings::OrganisationSettings;
use crate::directory::{Directory, DirectoryError, Operation, Unit};
use crate::model::group::Group;
use crate::model::id::GroupId;
use crate::model::locale::{Defaults, Effective};
use crate::model::user::User;

/// Groups looked at on the way up, the home group included. Trees have three levels (S004-4); a circle ends as well.
const LEVELS_MAX: usize = 16;

impl Directory {
    /// Language, time zone and country prefix in force for a person, and where each comes from.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn effective_locale(
        &self,
        settings: &OrganisationSettings,
        user: &User,
    ) -> Result<Effective, DirectoryError> {
        let organisation = &settings.organisation;
        let mut groups: Vec<(GroupId, Defaults)> = Vec::new();
        let mut seen = BTreeSet::new();
        let mut next = user.home_group;
        while let Some(id) = next.filter(|id| seen.len() < LEVELS_MAX && seen.insert(*id)) {
            let Some(group) = self.browse_group(organisation.id, id).await? else {
                break;
            };
            next = group.parent;
            groups.push((id, group.defaults));
        }
        Ok(Effective::of(user, &groups, &organisation.defaults))
    }
}

/// Sets what people inherit from a group.
pub struct SetGroupDefaults {
    /// Which group.
    pub group: GroupId,
    /// All of it; what is absent is inherited from above.
    pub defaults: Defaults,
}

#[async_trait::async_trait]
impl Operation for SetGroupDefaults {
    type Outcome = Group;

    async fn attempt(&self, unit: &mut Unit) -> Result<Group, DirectoryError> {
        let before = unit.load_group(self.group).await?;
        let mut after = before.clone();
        after.defaults = self.defaults.clone();
        unit.update_group(&before, after).await
    }
}
