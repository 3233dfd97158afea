//! E-mail addresses of people: what each door takes as one.

use crate::directory::{DirectoryError, Unit};
use crate::model::event::Door;
use crate::model::mail::address::{self, AddressFault};
use crate::model::user::User;

/// The value at fault, as SCIM names it.
const VALUE: &str = "emails.value";

impl Unit {
    /// Refuses addresses that were not there before and are none. An identity provider's are met as they are, as long as they are one
    /// address and no more; a directory's as they come, for nobody could put them right at this door, and no mail goes to them.
    ///
    /// # Errors
    /// [`DirectoryError::InvalidValue`].
    pub(super) fn check_emails(&self, before: Option<&User>, after: &User) -> Result<(), DirectoryError> {
        let check: fn(&str) -> Result<(), AddressFault> = match self.actor().door {
            Door::Scim => address::check_single,
            Door::Ldap => return Ok(()),
            Door::Api | Door::Cli | Door::Invitee | Door::Person | Door::System | Door::Guest => address::check,
        };
        let is_known = |email: &str| before.is_some_and(|before| before.emails().any(|known| known == email));
        let fault = after
            .emails()
            .filter(|email| !is_known(email))
            .map(check)
            .find_map(Result::err);
        match fault {
            Some(fault) => Err(DirectoryError::invalid(VALUE, fault.to_string())),
            None => Ok(()),
        }
    }
}
