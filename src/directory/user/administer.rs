//! Users written by administrators: created, changed, renamed. Their attributes pass the schema rules of the SCIM door, held to
//! the letter: an administrator is told what is wrong, where an identity provider is met as it is.

use serde_json::{Value, json};

use crate::directory::invitation::IssuedInvitation;
use crate::directory::membership::claim_licence;
use crate::directory::{DirectoryError, Operation, Unit};
use crate::model::Object;
use crate::model::deviation::Strictness;
use crate::model::id::UserId;
use crate::model::invitation::Channel;
use crate::model::merge_patch;
use crate::model::normalise::{SchemaError, normalise};
use crate::model::origin::Origin;
use crate::model::patch::{PATCH_OP, PatchError, PatchLimits, PatchRequest, patch};
use crate::model::represent;
use crate::model::schema::{SchemaSet, USHER_USER};
use crate::model::slug::Slug;
use crate::model::user::User;

/// Somebody to be made by an administrator.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NewUser {
    /// The login name.
    pub user_name: String,
    /// SCIM attributes, extensions under their URN.
    pub attributes: Object,
    /// Whether an invitation is made in the same commit; the person is prepared otherwise (S003-21).
    pub invite: bool,
    /// The argon2id hash of a first password, when one was set.
    pub password_hash: Option<String>,
    /// Licences that the person is to have; a seat is taken in the same commit where one is needed (S003-3).
    pub licences: Vec<Slug>,
}

/// Makes a user: prepared, or invited.
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
        let user_name = checked_name(&new.user_name)?;
        let mut user = User::new(UserId::new(unit.clock().uuid()), user_name, unit.now());
        user.attributes = read_attributes(self.schemas, &new.user_name, &new.attributes)?;
        if let Some(hash) = &new.password_hash {
            user.password_hash = Some(hash.clone());
            user.facts.password_set_at = Some(unit.now());
        }
        for licence in &new.licences {
            claim_licence(&mut user, licence, Origin::Direct);
        }
        let issued = if new.invite {
            // Whoever asked is shown the secret and hands it over.
            Some(unit.invite(&mut user, Channel::Link).await?)
        } else {
            None
        };
        Ok((unit.create_user(user).await?, issued))
    }
}

/// Changes a user by a merge patch (RFC 7396) of what an administrator may write.
pub struct UpdateUser<'a> {
    /// The organisation's schema of users.
    pub schemas: &'a SchemaSet,
    /// Whom.
    pub user: UserId,
    /// The patch: `user_name`, and `attributes` with SCIM attributes.
    pub patch: &'a Object,
}

#[async_trait::async_trait]
impl Operation for UpdateUser<'_> {
    type Outcome = User;

    async fn attempt(&self, unit: &mut Unit) -> Result<User, DirectoryError> {
        let before = unit.load_user(self.user).await?;
        let mut after = before.clone();
        for (member, value) in self.patch {
            match (member.as_str(), value) {
                ("user_name", Value::String(name)) => after.user_name = checked_name(name)?,
                ("user_name", _) => return Err(DirectoryError::invalid(member, "is required, and must be a text")),
                ("attributes", Value::Object(patch)) => {
                    after.attributes = patch_attributes(self.schemas, &before, patch)?;
                }
                ("attributes", Value::Null) => {
                    let mut all = before.attributes.clone();
                    all.retain(|name, _| elsewhere(name).is_none());
                    all.values_mut().for_each(|value| *value = Value::Null);
                    after.attributes = patch_attributes(self.schemas, &before, &all)?;
                }
                ("attributes", _) => return Err(DirectoryError::invalid(member, "must be an object")),
                _ => {
                    return Err(DirectoryError::invalid(
                        member,
                        "cannot be written here: use user_name and attributes",
                    ));
                }
            }
        }
        unit.update_user(&before, after).await
    }
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
