//! Login ids in the store: one table of unique keys holds user names and login ids of every kind, so that no two people can
//! sign in by the same text, whatever the case and the door (S002-6, A3).

use std::collections::{BTreeMap, BTreeSet};

use crate::directory::keys::{self, Unique, fold};
use crate::directory::{Directory, DirectoryError, Unit};
use crate::model::id::{OrganisationId, UserId};
use crate::model::login::{LOGIN_IDS_MAX, LoginId, LoginKind, LoginSettings, dialled, e164};
use crate::model::organisation::Organisation;
use crate::model::user::User;
use crate::store::Key;

use super::parse_uuid;

/// Everything that a person signs in by: the unique keys, each with the attribute and the value that it stands for.
#[must_use]
pub fn login_keys(organisation: OrganisationId, user: &User) -> BTreeMap<Key, (&'static str, &str)> {
    let others = user.login_ids.iter().map(|login| ("loginIds", login.value.as_str()));
    // The user name comes last: a key that it shares with a login id is told by the name that clients know.
    let all = others.chain([("userName", user.user_name.as_str())]);
    let mut keys = BTreeMap::new();
    for (attribute, value) in all {
        keys.extend(keys_of(organisation, value).map(|key| (key, (attribute, value))));
    }
    keys
}

/// The keys of one login id. `+49 151 ...` as a name is the same as the number, however it is spaced.
fn keys_of(organisation: OrganisationId, value: &str) -> impl Iterator<Item = Key> + use<> {
    let number = dialled(value).map(|number| login_key(organisation, &number));
    number.into_iter().chain([login_key(organisation, value)])
}

fn login_key(organisation: OrganisationId, value: &str) -> Key {
    keys::unique(organisation, Unique::UserName, &fold(value))
}

impl Unit {
    /// Takes the login ids that are new, and gives up those that are gone.
    pub(super) async fn claim_logins(&mut self, before: Option<&User>, after: &User) -> Result<(), DirectoryError> {
        let organisation = self.organisation();
        let old = before.map(|user| login_keys(organisation, user)).unwrap_or_default();
        let new = login_keys(organisation, after);
        for (key, (attribute, value)) in new.iter().filter(|(key, _)| !old.contains_key(*key)) {
            let holder = self.bytes(key).await?;
            if holder
                .and_then(|id| parse_uuid(&id))
                .is_some_and(|id| id != after.id.uuid())
            {
                return Err(DirectoryError::Uniqueness {
                    attribute: (*attribute).into(),
                    value: (*value).to_owned(),
                });
            }
            self.put_bytes(key.clone(), after.id.to_string());
        }
        for key in old.into_keys().filter(|key| !new.contains_key(key)) {
            // Somebody else may have taken it in this very unit, when people exchange their names.
            let holder = self.bytes(&key).await?;
            if holder.and_then(|id| parse_uuid(&id)) == Some(after.id.uuid()) {
                self.delete(key);
            }
        }
        Ok(())
    }

    /// Gives up every login id of a user who is deleted.
    pub(super) fn drop_logins(&mut self, user: &User) {
        for key in login_keys(self.organisation(), user).into_keys() {
            self.delete(key);
        }
    }

    /// Gives a user name up before the unit gives the user another one, so that people can exchange their names in one
    /// commit. The user must be written with a name in the same unit. A name that is a login id as well stays taken.
    ///
    /// # Errors
    /// As [`Unit::find`].
    pub async fn release_user_name(&mut self, user: &User) -> Result<(), DirectoryError> {
        let organisation = self.organisation();
        let others = user.login_ids.iter();
        let stay: BTreeSet<Key> = others.flat_map(|login| keys_of(organisation, &login.value)).collect();
        for key in keys_of(organisation, &user.user_name).filter(|key| !stay.contains(key)) {
            let holder = self.bytes(&key).await?;
            if holder.and_then(|id| parse_uuid(&id)) == Some(user.id.uuid()) {
                self.delete(key);
            }
        }
        Ok(())
    }

    /// Holds a user to what the organisation says about login ids and the real name (S002-7). What does not change is not judged: a rule that came later
    /// makes nobody unwritable.
    pub(super) async fn check_logins(&mut self, before: Option<&User>, after: &User) -> Result<(), DirectoryError> {
        let is_same_name = before.is_some_and(|before| before.user_name == after.user_name);
        let is_same = before.is_some_and(|before| before.login_ids == after.login_ids);
        let had_address = before.is_none_or(|before| before.emails().next().is_some());
        let has_lost_address = had_address && after.emails().next().is_none();
        let has_lost_name = before.is_none_or(User::has_real_name) && !after.has_real_name();
        if is_same_name && is_same && !has_lost_address && !has_lost_name {
            return Ok(());
        }
        let key = keys::organisation(self.organisation());
        let organisation: Option<Organisation> = self.find_present(&key).await?;
        let Some(organisation) = organisation else {
            return Ok(());
        };
        if organisation.name_required && has_lost_name {
            let reason = "is required: the organisation asks for the real name of everyone, as displayName or as name";
            return Err(DirectoryError::invalid("displayName", reason));
        }
        let Organisation { login, defaults, .. } = organisation;
        let prefix = defaults.country_prefix.as_ref();
        if !is_same_name && login.kind_of_name(&after.user_name, prefix).is_none() {
            let reason = format!("must be one of: {}", words(&login));
            return Err(DirectoryError::invalid("userName", reason));
        }
        if !is_same {
            if after.login_ids.len() > LOGIN_IDS_MAX {
                let reason = format!("are more than {LOGIN_IDS_MAX}");
                return Err(DirectoryError::invalid("loginIds", reason));
            }
            if let Some(other) = after.login_ids.iter().find(|id| !login.kinds.contains(&id.kind)) {
                let kind = other.kind.as_str();
                let reason = format!("of kind {kind} are not allowed: people sign in by {}", words(&login));
                return Err(DirectoryError::invalid("loginIds", reason));
            }
        }
        if login.email_required && has_lost_address {
            let reason = "is required: the organisation asks for an e-mail address of everyone";
            return Err(DirectoryError::invalid("emails", reason));
        }
        Ok(())
    }

    /// Reads login ids as an administrator writes them; a number without its country is of the person's, or else the
    /// organisation's.
    ///
    /// # Errors
    /// [`DirectoryError::InvalidValue`]; as [`Unit::find`].
    pub(super) async fn read_logins(
        &mut self,
        user: &User,
        written: &[LoginId],
    ) -> Result<Vec<LoginId>, DirectoryError> {
        let key = keys::organisation(self.organisation());
        let organisation: Option<Organisation> = self.find_present(&key).await?;
        let default = organisation.and_then(|organisation| organisation.defaults.country_prefix);
        let prefix = user.country_prefix.as_ref().or(default.as_ref());
        let read = written
            .iter()
            .map(|login| LoginId::parse(login.kind, &login.value, prefix));
        read.collect::<Result<_, _>>()
            .map_err(|problem| DirectoryError::invalid("login_ids", problem.to_string()))
    }
}

fn words(login: &LoginSettings) -> String {
    let words: Vec<&str> = login.kinds.iter().map(|kind| kind.as_str()).collect();
    words.join(", ")
}

impl Directory {
    /// Who signs in by this text, whatever the kind, and which kind it is to the organisation. `None` for nobody, and for a
    /// text of a kind that the organisation does not allow.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn find_login(
        &self,
        organisation: OrganisationId,
        text: &str,
    ) -> Result<Option<(User, LoginKind)>, DirectoryError> {
        let Some(user) = self.browse_user_name(organisation, text).await? else {
            return Ok(None);
        };
        let settings = self.load_organisation(organisation).await?;
        let (login, prefix) = (
            &settings.organisation.login,
            settings.organisation.defaults.country_prefix.as_ref(),
        );
        let folded = fold(text);
        let number = e164(text, prefix);
        let is_it = |value: &str| {
            fold(value) == folded
                || number
                    .as_deref()
                    .is_some_and(|number| dialled(value).as_deref() == Some(number))
        };
        let kind = if is_it(&user.user_name) {
            login.kind_of_name(&user.user_name, prefix)
        } else {
            let found = user.login_ids.iter().find(|id| is_it(&id.value));
            found.map(|id| id.kind).filter(|kind| login.kinds.contains(kind))
        };
        Ok(kind.map(|kind| (user, kind)))
    }

    /// The holder of a login id of any kind: as it is written, or as a telephone number.
    pub(in crate::directory) async fn login_holder(
        &self,
        organisation: OrganisationId,
        text: &str,
    ) -> Result<Option<UserId>, DirectoryError> {
        let by_text = self.store.get(login_key(organisation, text)).await?;
        let holder = match by_text {
            Some(stored) => Some(stored),
            None => {
                let settings = self.load_organisation(organisation).await?;
                match e164(text, settings.organisation.defaults.country_prefix.as_ref()) {
                    Some(number) => self.store.get(login_key(organisation, &number)).await?,
                    None => None,
                }
            }
        };
        Ok(holder.and_then(|stored| parse_uuid(&stored.value)).map(UserId::new))
    }
}
