//! A user's invitation exists and is theirs; an invitation that is out has its secret and its end, and no other has; every
//! invitation is listed under its state and its person.

use async_trait::async_trait;

use crate::directory::DirectoryError;
use crate::directory::keys::{self, Table};
use crate::directory::verify::Report;
use crate::model::id::InvitationId;
use crate::model::invitation::Invitation;
use crate::model::user::User;
use crate::store::{Key, Versioned};

use super::{Entry, Invariant, View, readable};

/// The invariant.
pub struct Invitations;

#[async_trait]
impl Invariant for Invitations {
    fn name(&self) -> &'static str {
        "invitations"
    }

    async fn verify(&self, view: &View<'_>, report: &mut Report) -> Result<(), DirectoryError> {
        self.check_users(view, report).await?;
        self.check_lists(view, report).await?;
        let organisation = view.organisation;
        let mut pages = view.under(&keys::table(organisation, Table::Invitation));
        while let Some(entries) = pages.next(report).await? {
            let found_by = |_: &Key, stored: &Versioned| {
                readable::<Invitation>(Some(stored)).map_or_else(Vec::new, |invitation| {
                    vec![
                        keys::invitation_secret(&invitation.secret_hash),
                        keys::mail::ends(invitation.expires_ms(), organisation, invitation.id),
                        keys::mail::invitation_in(organisation, invitation.state, invitation.id),
                        keys::mail::invitation_of(organisation, invitation.user, invitation.id),
                    ]
                })
            };
            for entry in view.together(entries, found_by).await? {
                self.check_invitation(view, report, &entry).await;
            }
        }
        Ok(())
    }
}

impl Invitations {
    async fn check_invitation(&self, view: &View<'_>, report: &mut Report, entry: &Entry) {
        let Some(invitation) = readable::<Invitation>(Some(&entry.value)) else {
            return;
        };
        let [secret, end, state, person] = [0, 1, 2, 3].map(|place| entry.others.get(place).and_then(Option::as_ref));
        let target = format!("{} {}", view.organisation, invitation.id);
        let is_ours = secret.is_some_and(|stored| stored.value.as_ref() == target.as_bytes());
        let is_out = invitation.state.is_out();
        let faults = [
            (is_out && !is_ours, "is out, and its secret does not lead to it"),
            (
                !is_out && secret.is_some(),
                "is closed, and its secret still leads somewhere",
            ),
            (is_out && end.is_none(), "is out, and never ends"),
            (!is_out && end.is_some(), "is closed, and has still to end"),
            (state.is_none(), "is not listed under its state"),
            (person.is_none(), "is not listed under its person"),
        ];
        for (_, what) in faults.into_iter().filter(|(is_fault, _)| *is_fault) {
            view.broken(report, self.name(), &entry.key, what).await;
        }
    }

    /// What is listed is there, and in that state.
    async fn check_lists(&self, view: &View<'_>, report: &mut Report) -> Result<(), DirectoryError> {
        let organisation = view.organisation;
        let mut pages = view.under(&keys::table(organisation, Table::InvitationIndex));
        while let Some(entries) = pages.next(report).await? {
            let invitation = |key: &Key, _: &Versioned| {
                let id = keys::last_uuid(key).map(InvitationId::new);
                id.map(|id| keys::invitation(organisation, id)).into_iter().collect()
            };
            for entry in view.together(entries, invitation).await? {
                let invitation = readable::<Invitation>(entry.others.first().and_then(Option::as_ref));
                let is_right = invitation.is_some_and(|invitation| {
                    let id = invitation.id;
                    let under_state = keys::mail::invitation_in(organisation, invitation.state, id);
                    let under_person = keys::mail::invitation_of(organisation, invitation.user, id);
                    [under_state, under_person].contains(&entry.key)
                });
                if !is_right {
                    let what = "lists an invitation that is not there, or not so";
                    view.broken(report, self.name(), &entry.key, what).await;
                }
            }
        }
        Ok(())
    }

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
