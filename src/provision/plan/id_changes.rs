//! Changes of stable ids: newcomers under the name or e-mail address of somebody who is missing in the same reading.
//!
//! A directory that was rebuilt, or moved to another server, gives everybody a new id. To the links that is one mass
//! departure and one mass arrival; to the brake it is one event with a name of its own.

use std::collections::HashMap;

use serde::Serialize;

use crate::directory::DirectoryError;
use crate::directory::keys::fold;
use crate::model::id::{GroupId, UserId};
use crate::provision::failure::Kind;

use super::linked::Links;
use super::{CHUNK, Plan, Planner};

/// A newcomer who looks like somebody who is missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IdChange {
    /// A person or a group.
    pub kind: Kind,
    /// The new identifier.
    pub external_id: String,
    /// The identifier that is missing.
    pub was: String,
    /// The newcomer's name.
    pub name: String,
}

impl Planner<'_> {
    /// Compares newcomers with those whom this very reading is the first not to hold: an exchange is counted once.
    pub(super) async fn people_id_changes(&self, known: &Links, plan: &mut Plan) -> Result<(), DirectoryError> {
        let people = self.snapshot.people().iter().zip(&known.entries);
        let new = people.filter(|(person, link)| link.is_none() && person.is_usable());
        let new: Vec<_> = new.map(|(person, _)| person).collect();
        if new.is_empty() || !self.snapshot.proves_absence() {
            return Ok(());
        }
        let (name, mut by_name, mut by_email) = (&self.context.connection.name, HashMap::new(), HashMap::new());
        let gone: Vec<UserId> = just_gone(known).map(UserId::new).collect();
        for part in gone.chunks(CHUNK) {
            for user in self.load_users(part).await?.into_iter().flatten() {
                let Some(was) = user.external_ids.get(name) else {
                    continue;
                };
                by_name.insert(fold(&user.user_name), was.clone());
                by_email.extend(user.emails().map(|email| (fold(email), was.clone())));
            }
        }
        if by_name.is_empty() {
            return Ok(());
        }
        for entry in new {
            let mut was = by_name.get(&fold(&entry.user_name));
            if was.is_none() && !by_email.is_empty() {
                let person = self.snapshot.person(entry);
                was = super::emails(&person)
                    .iter()
                    .find_map(|email| by_email.get(&fold(email)));
            }
            plan.id_changes.extend(was.map(|was| IdChange {
                kind: Kind::User,
                external_id: entry.external_id.to_string(),
                was: was.clone(),
                name: entry.user_name.to_string(),
            }));
        }
        Ok(())
    }

    /// The same for groups, by their names.
    pub(super) async fn group_id_changes(&self, known: &Links, plan: &mut Plan) -> Result<(), DirectoryError> {
        let groups = self.snapshot.groups().iter().zip(&known.entries);
        let new = groups.filter(|(group, link)| link.is_none() && group.is_usable());
        let new: Vec<_> = new.map(|(group, _)| group).collect();
        if new.is_empty() || !self.snapshot.proves_absence() {
            return Ok(());
        }
        let (name, mut by_name) = (&self.context.connection.name, HashMap::new());
        let gone: Vec<GroupId> = just_gone(known).map(GroupId::new).collect();
        for part in gone.chunks(CHUNK) {
            for group in self.load_groups(part).await?.into_iter().flatten() {
                if let Some(was) = group.external_ids.get(name) {
                    by_name.insert(fold(&group.display_name), was.clone());
                }
            }
        }
        for entry in new {
            let was = by_name.get(&fold(&entry.name));
            plan.id_changes.extend(was.map(|was| IdChange {
                kind: Kind::Group,
                external_id: entry.external_id.to_string(),
                was: was.clone(),
                name: entry.name.to_string(),
            }));
        }
        Ok(())
    }
}

fn just_gone(known: &Links) -> impl Iterator<Item = uuid::Uuid> {
    known.missing.iter().filter(|link| link.is_seen()).map(|link| link.id)
}
