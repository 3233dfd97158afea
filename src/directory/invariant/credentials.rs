//! A credential is of a user who exists and knows of the password; a session is of such a user and in their list, and every
//! list leads to sessions of its own.

use async_trait::async_trait;

use crate::directory::DirectoryError;
use crate::directory::keys::{self, credential};
use crate::directory::verify::Report;
use crate::model::credential::Credential;
use crate::model::id::{TokenId, UserId};
use crate::model::session::Session;
use crate::model::user::User;
use crate::store::{Key, Versioned};

use super::{Invariant, View, readable};

/// The invariant.
pub struct Credentials;

#[async_trait]
impl Invariant for Credentials {
    fn name(&self) -> &'static str {
        "credentials"
    }

    async fn verify(&self, view: &View<'_>, report: &mut Report) -> Result<(), DirectoryError> {
        self.check_credentials(view, report).await?;
        self.check_sessions(view, report).await?;
        self.check_lists(view, report).await
    }
}

impl Credentials {
    async fn check_credentials(&self, view: &View<'_>, report: &mut Report) -> Result<(), DirectoryError> {
        let organisation = view.organisation;
        let mut pages = view.under(&credential::credentials(organisation));
        while let Some(entries) = pages.next(report).await? {
            let user = |key: &Key, _: &Versioned| owner(key, |id| keys::user(organisation, id));
            for entry in view.together(entries, user).await? {
                let Some(own) = readable::<Credential>(Some(&entry.value)) else {
                    continue;
                };
                let user = readable::<User>(entry.others.first().and_then(Option::as_ref));
                if let Err(what) = judge(&own, user.as_ref()) {
                    view.broken(report, self.name(), &entry.key, what).await;
                }
            }
        }
        Ok(())
    }

    async fn check_sessions(&self, view: &View<'_>, report: &mut Report) -> Result<(), DirectoryError> {
        let organisation = view.organisation;
        let mut pages = view.under(&credential::sessions(organisation));
        while let Some(entries) = pages.next(report).await? {
            let refers_to = |_: &Key, stored: &Versioned| {
                readable::<Session>(Some(stored)).map_or_else(Vec::new, |own| {
                    vec![
                        keys::user(organisation, own.user),
                        credential::session_of(organisation, own.user, own.id),
                    ]
                })
            };
            for entry in view.together(entries, refers_to).await? {
                let what = match entry.others.as_slice() {
                    [None, _] => "is of a user who does not exist",
                    [_, None] => "is in no list: nobody can see or end it",
                    _ => continue,
                };
                view.broken(report, self.name(), &entry.key, what).await;
            }
        }
        Ok(())
    }

    async fn check_lists(&self, view: &View<'_>, report: &mut Report) -> Result<(), DirectoryError> {
        let organisation = view.organisation;
        let mut pages = view.under(&credential::session_lists(organisation));
        while let Some(entries) = pages.next(report).await? {
            let session =
                |key: &Key, _: &Versioned| owner(key, |id| credential::session(organisation, TokenId::new(id.uuid())));
            for entry in view.together(entries, session).await? {
                let listed = credential::listed_session(&entry.key);
                let session = readable::<Session>(entry.others.first().and_then(Option::as_ref));
                if session.map(|session| (session.user, session.id)) != listed {
                    let what = "is in the list of a user, and there is no such session of theirs";
                    view.broken(report, self.name(), &entry.key, what).await;
                }
            }
        }
        Ok(())
    }
}

/// The key of what the identifier at the end of a key stands for.
fn owner(key: &Key, of: impl Fn(UserId) -> Key) -> Vec<Key> {
    keys::last_uuid(key).map(UserId::new).map(of).into_iter().collect()
}

fn judge(credential: &Credential, user: Option<&User>) -> Result<(), &'static str> {
    let user = user.ok_or("is of a user who does not exist")?;
    // Where an earlier release left a hash, a wrong sign-in copies it, and the next write of the user record removes it there.
    if user.password_hash.is_some() && user.password_hash != credential.hash {
        return Err("has another password than the user record");
    }
    if credential.hash.is_some() != user.facts.password_set_at.is_some() {
        return Err("has a password that the user record knows nothing of, or the other way round");
    }
    if credential.hash.is_none() && !credential.previous.is_empty() {
        return Err("remembers earlier passwords, and has none");
    }
    Ok(())
}
