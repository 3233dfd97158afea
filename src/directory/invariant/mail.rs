//! Every mail that is queued is due at some time, and nothing else is; mails about a person are found by the person; wordings are
//! as they were checked. What is reported names keys, never what a mail says.

use async_trait::async_trait;

use crate::directory::DirectoryError;
use crate::directory::keys::{self, Table};
use crate::directory::verify::Report;
use crate::model::id::{MailId, UserId};
use crate::model::mail::template::MailTemplate;
use crate::model::mail::{MailState, QueuedMail};
use crate::store::{Key, Versioned};

use super::{Invariant, View, readable};

/// The invariant.
pub struct Mail;

#[async_trait]
impl Invariant for Mail {
    fn name(&self) -> &'static str {
        "mail"
    }

    async fn verify(&self, view: &View<'_>, report: &mut Report) -> Result<(), DirectoryError> {
        for state in MailState::ALL {
            self.mails(view, report, state).await?;
        }
        self.by_person(view, report).await?;
        self.wordings(view, report).await
    }
}

impl Mail {
    async fn mails(&self, view: &View<'_>, report: &mut Report, state: MailState) -> Result<(), DirectoryError> {
        let organisation = view.organisation;
        let mut pages = view.under(&keys::mail::mails(organisation, state));
        while let Some(entries) = pages.next(report).await? {
            let found_by = |_: &Key, stored: &Versioned| {
                readable::<QueuedMail>(Some(stored)).map_or_else(Vec::new, |mail| {
                    let due = keys::mail::due(mail.due_ms(), organisation, mail.id);
                    let person = mail
                        .user
                        .map(|user| keys::mail::mail_about(organisation, user, mail.id));
                    [due].into_iter().chain(person).collect()
                })
            };
            for entry in view.together(entries, found_by).await? {
                let Some(mail) = readable::<QueuedMail>(Some(&entry.value)) else {
                    continue;
                };
                let is_due = entry.others.first().is_some_and(Option::is_some);
                if mail.state != state || keys::mail::mail(organisation, state, mail.id) != entry.key {
                    let what = "is not in the place that its record says";
                    view.broken(report, self.name(), &entry.key, what).await;
                } else if is_due != (state == MailState::Queued) {
                    let what = if is_due {
                        "is given up, and still due"
                    } else {
                        "is queued, and never due"
                    };
                    view.broken(report, self.name(), &entry.key, what).await;
                }
                if entry.others.get(1).is_some_and(Option::is_none) {
                    let what = "is about a person, and not found by the person";
                    view.broken(report, self.name(), &entry.key, what).await;
                }
            }
        }
        Ok(())
    }

    async fn by_person(&self, view: &View<'_>, report: &mut Report) -> Result<(), DirectoryError> {
        let organisation = view.organisation;
        let mut pages = view.under(&keys::mail::mails_by_person(organisation));
        while let Some(entries) = pages.next(report).await? {
            let mail = |key: &Key, _: &Versioned| {
                let id = keys::last_uuid(key).map(MailId::new);
                let places = id.map(|id| MailState::ALL.map(|state| keys::mail::mail(organisation, state, id)));
                places.into_iter().flatten().collect()
            };
            for entry in view.together(entries, mail).await? {
                let mails = entry.others.iter().map(Option::as_ref);
                let mut mails = mails.filter_map(readable::<QueuedMail>);
                let leads = |mail: &QueuedMail| {
                    let own = |user: UserId| keys::mail::mail_about(organisation, user, mail.id) == entry.key;
                    mail.user.is_some_and(own)
                };
                if !mails.any(|mail| leads(&mail)) {
                    let what = "leads to no mail about this person";
                    view.broken(report, self.name(), &entry.key, what).await;
                }
            }
        }
        Ok(())
    }

    async fn wordings(&self, view: &View<'_>, report: &mut Report) -> Result<(), DirectoryError> {
        let mut pages = view.under(&keys::table(view.organisation, Table::MailTemplate));
        while let Some(entries) = pages.next(report).await? {
            for (key, stored) in &entries {
                let Some(template) = readable::<MailTemplate>(Some(stored)) else {
                    continue;
                };
                if let Err(error) = template.check() {
                    view.broken(report, self.name(), key, format!("cannot be used: {error}"))
                        .await;
                }
            }
        }
        Ok(())
    }
}
