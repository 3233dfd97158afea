//! What would become of a user, worked out without touching anything.

use crate::directory::membership::{claim_licence, withdraw_origin};
use crate::directory::role_seat::follow_roles;
use crate::directory::{DirectoryError, Operation, Unit};
use crate::model::id::UserId;
use crate::model::origin::Origin;
use crate::model::user::User;
use crate::provision::authority::{self, Extent};
use crate::provision::matching::{self, Match};
use crate::provision::person::{Context, Person, set_active};

/// Looks for the user of an entry as the application will, and changes nothing. Also says who holds the name.
pub(super) struct Lookup<'a> {
    pub(super) context: Context<'a>,
    pub(super) person: Person,
}

#[async_trait::async_trait]
impl Operation for Lookup<'_> {
    type Outcome = (Match, Option<UserId>);

    async fn attempt(&self, unit: &mut Unit) -> Result<Self::Outcome, DirectoryError> {
        let emails = emails(&self.person);
        let identity = matching::Keys {
            external_id: self.person.external_id.as_deref(),
            user_name: &self.person.user_name,
            emails: &emails,
        };
        let found = matching::find(unit, self.context.organisation, self.context.connection, identity).await?;
        Ok((found, unit.find_user_name(&self.person.user_name).await?))
    }
}

/// The addresses that a person is matched by.
pub(in crate::provision) fn emails(person: &Person) -> Vec<&str> {
    let emails = person.attributes.get("emails").and_then(serde_json::Value::as_array);
    let values = emails
        .into_iter()
        .flatten()
        .filter_map(|email| email.get("value")?.as_str());
    values.collect()
}

/// The user as [`crate::provision::person::update`] would leave it, without seats.
pub(super) fn preview(context: Context<'_>, before: &User, person: &Person) -> User {
    let mut after = before.clone();
    let (connection, organisation) = (context.connection, context.organisation);
    authority::write_attributes(&mut after, connection, organisation, &person.attributes, Extent::Whole);
    authority::write_user_name(&mut after, connection, organisation, &person.user_name);
    set_active(&mut after, &connection.name, person.active);
    let origin = Origin::Connection(connection.name.clone());
    withdraw_origin(&mut after, &origin);
    for role in &person.grants.roles {
        after.roles.entry(role.clone()).or_default().insert(origin.clone());
    }
    for licence in &person.grants.licences {
        claim_licence(&mut after, licence, origin.clone());
    }
    follow_roles(&mut after, |role| organisation.roles.get(role)?.seat_taken().cloned());
    after.licences.retain(|_, claim| !claim.origins.is_empty());
    after
}

/// Whether nothing differs that anyone sees.
pub(super) fn is_same(before: &User, after: &User) -> bool {
    before.user_name == after.user_name
        && before.attributes == after.attributes
        && before.roles == after.roles
        && before.licences == after.licences
}

pub(super) fn nobody(now: crate::model::clock::Timestamp) -> User {
    User::new(UserId::new(uuid::Uuid::nil()), String::new(), now)
}
