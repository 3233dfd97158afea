//! A user's invitation exists and is theirs; an invitation that is open has its secret, and no other has.

use async_trait::async_trait;

use crate::directory::DirectoryError;
use crate::directory::keys::{self, Table};
use crate::directory::verify::Report;
use crate::model::invitation::{Invitation, InvitationState};
use crate::model::user::User;
use crate::store::{Key, Versioned};

use super::{Invariant, View, readable};

/// The invariant.
pub struct Invitations;

#[async_trait]
impl Invariant for Invitations {
    fn name(&self) -> &'static str {
        "invitations"
    }

    async fn verify(&self, view: &View<'_>, report: &mut Report) -> Result<(), DirectoryError> {
        self.check_users(view, report).await?;
        let organisation = view.organisation;
        let mut pages = view.under(&keys::table(organisation, Table::Invitation));
        while let Some(entries) = pages.next(report).await? {
            let secret = |_: &Key, stored: &Versioned| {
                readable::<Invitation>(Some(stored)).map_or_else(Vec::new, |invitation| {
                    vec![keys::invitation_secret(&invitation.secret_hash)]
                })
            };
            for entry in view.together(entries, secret).await? {
                let Some(invitation) = readable::<Invitation>(Some(&entry.value)) else {
                    continue;
                };
                let target = format!("{organisation} {}", invitation.id);
                let stored = entry.others.first().and_then(Option::as_ref);
                let is_ours = stored.is_some_and(|stored| stored.value.as_ref() == target.as_bytes());
                let is_out = matches!(invitation.state, InvitationState::Queued | InvitationState::Sent);
                if is_out && !is_ours {
                    let what = "is out, and its secret does not lead to it";
                    view.broken(report, self.name(), &entry.key, what).await;
                } else if !is_out && stored.is_some() {
                    let what = "is closed, and its secret still leads somewhere";
                    view.broken(report, self.name(), &entry.key, what).await;
                }
            }
        }
        Ok(())
    }
}

impl Invitations {
    async fn check_users(&self, view: &View<'_>, report: &mut Report) -> Result<(), DirectoryError> {
        let organisation = view.organisation;
        let mut pages = view.under(&keys::table(organisation, Table::User));
        while let Some(entries) = pages.next(report).await? {
            let invitation = |_: &Key, stored: &Versioned| {
                let user = readable::<User>(Some(stored));
                let id = user.and_then(|user| user.invitation);
                id.map(|id| keys::invitation(organisation, id)).into_iter().collect()
            };
            for entry in view.together(entries, invitation).await? {
                let Some(found) = entry.others.first() else { continue };
                let own = keys::last_uuid(&entry.key);
                let invitation = readable::<Invitation>(found.as_ref());
                if invitation.is_none_or(|invitation| Some(invitation.user.uuid()) != own) {
                    let what = "names an invitation that is not there or is another user's";
                    view.broken(report, self.name(), &entry.key, what).await;
                }
            }
        }
        Ok(())
    }
}
