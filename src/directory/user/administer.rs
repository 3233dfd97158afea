//! Users written by administrators: created, changed, renamed. Their attributes pass the schema rules of the SCIM door, held to
//! the letter: an administrator is told what is wrong, where an identity provider is met as it is.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::directory::invitation::{IssuedInvitation, fitting_channel};
use crate::directory::keys::fold;
use crate::directory::membership::claim_licence;
use crate::directory::password::NewPassword;
use crate::directory::{DirectoryError, Operation, Unit};
use crate::model::Object;
use crate::model::deviation::Strictness;
use crate::model::id::{GroupId, ResourceId, UserId};
use crate::model::invitation::Channel;
use crate::model::locale::CountryPrefix;
use crate::model::login::LoginId;
use crate::model::merge_patch;
use crate::model::normalise::{SchemaError, normalise};
use crate::model::origin::Origin;
use crate::model::patch::{PATCH_OP, PatchError, PatchLimits, PatchRequest, patch};
use crate::model::represent;
use crate::model::schema::{SchemaSet, USHER_USER};
use crate::model::slug::Slug;
use crate::model::user::User;

use super::{home, newcomer};

/// Somebody to be made by an administrator.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NewUser {
    /// The login name.
    pub user_name: String,
    /// SCIM attributes, extensions under their URN: the name (S002-7, S003-6), and e-mail addresses, which nobody must have
    /// unless the organisation wants one (S002-8).
    pub attributes: Object,
    /// Whether an invitation is made in the same commit; the person is prepared otherwise (S003-21).
    pub invite: bool,
    /// How the invitation is handed over; as [`fitting_channel`] says when nothing is said.
    pub channel: Option<Channel>,
    /// A first password (S002-22), to be changed at the first sign-in when the policy says so: the person is enrolled by it.
    pub password: Option<NewPassword>,
    /// What the person may sign in by beside the user name.
    pub login_ids: Vec<LoginId>,
    /// Other names.
    pub nicknames: Vec<String>,
    /// Words that people are sorted by.
    pub labels: BTreeSet<String>,
    /// The country of telephone numbers that name none.
    pub country_prefix: Option<CountryPrefix>,
    /// The home group, which the person becomes a member of.
    pub home_group: Option<GroupId>,
    /// Groups that the person becomes a member of (S000-4, S001-29).
    pub groups: Vec<GroupId>,
    /// Roles in the whole organisation (S002-3).
    pub roles: Vec<Slug>,
    /// Licences that the person is to have; a seat is taken in the same commit where one is needed (S003-3).
    pub licences: Vec<Slug>,
    /// Resources that are assigned to the person (S000-6).
    pub resources: Vec<ResourceId>,
}

/// Makes a user: prepared, or invited (S000-1, S002-1, -2, S003-4, -22, S004-17). One request makes it whole or not at all,
/// however many steps a form takes (S002-28, S004-18), and what is missing is named (S004-19). Nobody needs a group or a resource
/// (S000-14).
pub struct CreateUser<'a> {
    /// The organisation's schema of users.
    pub schemas: &'a SchemaSet,
    /// Whom.
    pub user: &'a NewUser,
}

#[async_trait::async_trait]
impl Operation for CreateUser<'_> {
    /// The user, and the invitation with its secret when one was asked for.
    type Outcome = (User, Option<IssuedInvitation>);

    async fn attempt(&self, unit: &mut Unit) -> Result<Self::Outcome, DirectoryError> {
        let new = self.user;
        newcomer::may_bring(unit, new).await?;
        let user_name = checked_name(&new.user_name)?;
        let mut user = User::new(UserId::new(unit.clock().uuid()), user_name, unit.now());
        user.attributes = read_attributes(self.schemas, &new.user_name, &new.attributes)?;
        user.country_prefix.clone_from(&new.country_prefix);
        user.login_ids = unit.read_logins(&user, &new.login_ids).await?.into_iter().collect();
        user.nicknames = checked_nicknames(new.nicknames.clone())?;
        user.labels = checked_labels(new.labels.clone())?;
        if let Some(password) = &new.password {
            let must_change = unit.password_policy().await?.change_after_set;
            unit.set_password(&mut user, password, must_change).await?;
        }
        for licence in &new.licences {
            claim_licence(&mut user, licence, Origin::Direct);
        }
        newcomer::give_roles(unit, &mut user, &new.roles).await?;
        let issued = if new.invite {
            let channel = new.channel.unwrap_or_else(|| fitting_channel(&user));
            Some(unit.invite(&mut user, channel).await?)
        } else {
            None
        };
        let mut made = unit.create_user(user).await?;
        if let Some(home) = new.home_group {
            let group = unit.load_group(home).await?;
            made = home::enter(unit, &group, made.id).await?;
        }
        if newcomer::settle(unit, made.id, new).await? {
            made = unit.load_user(made.id).await?;
        }
        Ok((made, issued))
    }
}

/// Changes a user by a merge patch (RFC 7396) of what an administrator may write (S003-24, S004-1, -21).
pub struct UpdateUser<'a> {
    /// The organisation's schema of users.
    pub schemas: &'a SchemaSet,
    /// Whom.
    pub user: UserId,
    /// The patch: `user_name`, `login_ids`, `nicknames`, `labels`, `country_prefix`, and `attributes` with SCIM attributes.
    pub patch: &'a Object,
}

#[async_trait::async_trait]
impl Operation for UpdateUser<'_> {
    type Outcome = User;

    async fn attempt(&self, unit: &mut Unit) -> Result<User, DirectoryError> {
        let before = unit.load_user(self.user).await?;
        let mut after = before.clone();
        if let Some(member) = self.patch.keys().find(|name| !WRITABLE.contains(&name.as_str())) {
            let reason = format!("cannot be written here: use {}", WRITABLE.join(", "));
            return Err(DirectoryError::invalid(member, reason));
        }
        // In this order: a login id may be a number of the country that the same patch sets.
        for (member, value) in WRITABLE
            .into_iter()
            .filter_map(|name| Some((name, self.patch.get(name)?)))
        {
            self.write(unit, &mut after, member, value).await?;
        }
        unit.may_readdress(&before, &after).await?;
        unit.update_user(&before, after).await
    }
}

/// The members of the document that an administrator may write.
const WRITABLE: [&str; 6] = [
    "user_name",
    "country_prefix",
    "login_ids",
    "nicknames",
    "labels",
    "attributes",
];

impl UpdateUser<'_> {
    /// Writes one member: `null` takes it away, anything but an object replaces it.
    async fn write(&self, unit: &mut Unit, user: &mut User, member: &str, value: &Value) -> Result<(), DirectoryError> {
        match member {
            "user_name" => user.user_name = checked_name(value.as_str().unwrap_or_default())?,
            "country_prefix" => user.country_prefix = read(member, value)?,
            "login_ids" => {
                let written: Option<Vec<LoginId>> = read(member, value)?;
                user.login_ids = unit
                    .read_logins(user, &written.unwrap_or_default())
                    .await?
                    .into_iter()
                    .collect();
            }
            "nicknames" => user.nicknames = checked_nicknames(read::<Option<_>>(member, value)?.unwrap_or_default())?,
            "labels" => user.labels = checked_labels(read::<Option<_>>(member, value)?.unwrap_or_default())?,
            _ => {
                let patch = match value {
                    Value::Object(patch) => patch.clone(),
                    Value::Null => {
                        let mut all = user.attributes.clone();
                        all.retain(|name, _| elsewhere(name).is_none());
                        all.values_mut().for_each(|value| *value = Value::Null);
                        all
                    }
                    _ => return Err(DirectoryError::invalid(member, "must be an object")),
                };
                user.attributes = patch_attributes(self.schemas, user, &patch)?;
            }
        }
        Ok(())
    }
}

fn read<T: DeserializeOwned>(member: &str, value: &Value) -> Result<T, DirectoryError> {
    T::deserialize(value).map_err(|error| DirectoryError::invalid(member, error.to_string()))
}

/// Nicknames of one person at most.
const NICKNAMES_MAX: usize = 50;
/// Labels of one person at most.
const LABELS_MAX: usize = 100;
/// Characters of a nickname or a label.
const WORD_CHARS_MAX: usize = 200;

/// Nicknames without those that differ from an earlier one by case only.
fn checked_nicknames(nicknames: Vec<String>) -> Result<Vec<String>, DirectoryError> {
    check_words("nicknames", &nicknames, NICKNAMES_MAX)?;
    let mut seen = BTreeSet::new();
    let mut kept = nicknames;
    kept.retain(|name| seen.insert(fold(name)));
    Ok(kept)
}

fn checked_labels(labels: BTreeSet<String>) -> Result<BTreeSet<String>, DirectoryError> {
    check_words("labels", &labels, LABELS_MAX)?;
    Ok(labels)
}

fn check_words<'a>(
    member: &str,
    words: impl IntoIterator<Item = &'a String, IntoIter: ExactSizeIterator>,
    most: usize,
) -> Result<(), DirectoryError> {
    let words = words.into_iter();
    if words.len() > most {
        return Err(DirectoryError::invalid(member, format!("are more than {most}")));
    }
    let is_bad = |word: &String| {
        word.trim().is_empty() || word.chars().count() > WORD_CHARS_MAX || word.chars().any(char::is_control)
    };
    for word in words {
        if is_bad(word) {
            let reason = format!("must have 1 to {WORD_CHARS_MAX} characters each, and no control characters");
            return Err(DirectoryError::invalid(member, reason));
        }
    }
    Ok(())
}

/// A user name that people can type (RFC 7644 s5, RFC 8265 s3.3: no control characters).
fn checked_name(name: &str) -> Result<String, DirectoryError> {
    let reason = if name.trim().is_empty() {
        "is required and must not be blank"
    } else if name.chars().any(char::is_control) {
        "must not hold control characters"
    } else {
        return Ok(name.to_owned());
    };
    Err(DirectoryError::invalid("user_name", reason))
}

/// Attributes of the SCIM schema that are written in another place here, with that place.
const ELSEWHERE: [(&str, &str); 7] = [
    ("userName", "write user_name beside attributes"),
    ("active", "suspend or reactivate the user"),
    ("externalId", "it is the connection's own"),
    ("password", "a password is set by itself"),
    ("groups", "add the user to groups"),
    ("roles", "assign roles by themselves"),
    ("entitlements", "assign licences by themselves"),
];

fn elsewhere(name: &str) -> Option<&'static (&'static str, &'static str)> {
    ELSEWHERE.iter().find(|(other, _)| other.eq_ignore_ascii_case(name))
}

fn check_elsewhere(attributes: &Object) -> Result<(), DirectoryError> {
    match attributes.keys().find_map(|name| elsewhere(name)) {
        Some((attribute, reason)) => Err(DirectoryError::Mutability {
            attribute: (*attribute).to_owned(),
            reason: format!("not among the attributes: {reason}"),
        }),
        None => Ok(()),
    }
}

/// The attributes of somebody new in canonical form.
fn read_attributes(schemas: &SchemaSet, user_name: &str, attributes: &Object) -> Result<Object, DirectoryError> {
    check_elsewhere(attributes)?;
    let mut body = attributes.clone();
    body.insert("userName".to_owned(), user_name.into());
    // Every extension that is there is declared; a URN in another case stands for the same one (RFC 7644 s3.10).
    let extensions = body.keys().filter_map(|key| schemas.extension(key));
    let urns: Vec<&str> = std::iter::once(schemas.core().id.as_str())
        .chain(extensions.map(|extension| extension.id.as_str()))
        .collect();
    let urns = json!(urns);
    body.insert("schemas".to_owned(), urns);
    let normalised = normalise(schemas, Value::Object(body), Strictness::Strict).map_err(from_schema)?;
    Ok(stored(normalised.resource))
}

/// The attributes of a user after a patch.
fn patch_attributes(schemas: &SchemaSet, before: &User, patched: &Object) -> Result<Object, DirectoryError> {
    check_elsewhere(patched)?;
    let current = represent::user(before, None);
    let operations = merge_patch::operations(schemas, &current, patched);
    if operations.is_empty() {
        return Ok(before.attributes.clone());
    }
    let body = json!({ "schemas": [PATCH_OP], "Operations": operations });
    let request = PatchRequest::parse(body, PatchLimits::default(), Strictness::Strict).map_err(from_patch)?;
    let changed = patch(schemas, &current, &request, Strictness::Strict).map_err(from_patch)?;
    Ok(stored(changed.resource))
}

/// A resource without what the record keeps elsewhere, or what is the server's own.
fn stored(mut resource: Object) -> Object {
    const NOT_STORED: [&str; 7] = ["id", "meta", "groups", "schemas", "userName", "active", "externalId"];
    resource.retain(|name, _| !NOT_STORED.contains(&name.as_str()) && *name != USHER_USER.id);
    resource
}

fn from_schema(error: SchemaError) -> DirectoryError {
    match error {
        SchemaError::InvalidValue { attribute, problem } => DirectoryError::invalid(attribute, problem.to_string()),
        SchemaError::InvalidSyntax(problem) => DirectoryError::invalid("attributes", problem.to_string()),
        SchemaError::Mutability { attribute, problem } => DirectoryError::Mutability {
            attribute,
            reason: problem.to_string(),
        },
    }
}

fn from_patch(error: PatchError) -> DirectoryError {
    match error {
        PatchError::InvalidValue { attribute, problem, .. } => DirectoryError::invalid(attribute, problem.to_string()),
        PatchError::Mutability { attribute, problem, .. } => DirectoryError::Mutability {
            attribute,
            reason: problem.to_string(),
        },
        PatchError::InvalidSyntax { problem, .. } => DirectoryError::invalid("attributes", problem.to_string()),
        PatchError::InvalidPath { problem, .. } => DirectoryError::invalid("attributes", problem.to_string()),
        PatchError::NoTarget { problem, .. } => DirectoryError::invalid("attributes", problem.to_string()),
        other => DirectoryError::invalid("attributes", other.to_string()),
    }
}
