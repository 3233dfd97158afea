//! The organisation's own wording of mails (S000-28). Where it has none, the built-in one stands.

use serde_json::json;

use crate::model::event::EventKind;
use crate::model::id::OrganisationId;
use crate::model::locale::Language;
use crate::model::mail::QueuedMail;
use crate::model::mail::language;
use crate::model::mail::template::{MailTemplate, TemplateName, builtin, english};
use crate::model::record;
use crate::store::{SCAN_ENTRIES_MAX, Scan};

use super::keys::{self, Table};
use super::{Directory, DirectoryError, Operation, Unit};

/// Makes or changes the wording of an event in a language.
pub struct PutTemplate(
    /// As it is to be.
    pub MailTemplate,
);

#[async_trait::async_trait]
impl Operation for PutTemplate {
    /// Whether there was none.
    type Outcome = bool;

    async fn attempt(&self, unit: &mut Unit) -> Result<bool, DirectoryError> {
        let Self(template) = self;
        template
            .check()
            .map_err(|error| DirectoryError::invalid("template", error.to_string()))?;
        let key = keys::mail::template(unit.organisation(), template.name, &template.language);
        let before: Option<MailTemplate> = unit.find(&key).await?;
        if before.as_ref() != Some(template) {
            unit.put(key, template);
            note(unit, template.name, &template.language);
        }
        Ok(before.is_none())
    }
}

/// Goes back to the built-in wording, or to that of another language. False when there was none of its own.
pub struct DeleteTemplate {
    /// Of which event.
    pub name: TemplateName,
    /// In which language.
    pub language: String,
}

#[async_trait::async_trait]
impl Operation for DeleteTemplate {
    type Outcome = bool;

    async fn attempt(&self, unit: &mut Unit) -> Result<bool, DirectoryError> {
        let key = keys::mail::template(unit.organisation(), self.name, &self.language);
        let is_there = unit.find::<MailTemplate>(&key).await?.is_some();
        if is_there {
            unit.delete(key);
            note(unit, self.name, &self.language);
        }
        Ok(is_there)
    }
}

fn note(unit: &mut Unit, name: TemplateName, language: &str) {
    unit.event(EventKind::TemplateUpdated, name, json!({ "language": language }));
}

impl Directory {
    /// The organisation's own wordings.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn list_templates(&self, organisation: OrganisationId) -> Result<Vec<MailTemplate>, DirectoryError> {
        let prefix = keys::table(organisation, Table::MailTemplate);
        let found = self.store.scan(Scan::prefix(&prefix, SCAN_ENTRIES_MAX)).await?;
        found
            .iter()
            .map(|(_, stored)| Ok(record::decode(&stored.value)?))
            .collect()
    }

    /// The organisation's own wording of an event in exactly this language.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn find_template(
        &self,
        organisation: OrganisationId,
        name: TemplateName,
        language: &str,
    ) -> Result<Option<MailTemplate>, DirectoryError> {
        let stored = self
            .store
            .get(keys::mail::template(organisation, name, language))
            .await?;
        Ok(stored.map(|stored| record::decode(&stored.value)).transpose()?)
    }

    /// The wording for a reader: in the reader's language, in that language in general, likewise in the organisation's, in English;
    /// the organisation's own before the built-in one of the same language.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn wording(
        &self,
        organisation: OrganisationId,
        name: TemplateName,
        wanted: Option<&str>,
    ) -> Result<MailTemplate, DirectoryError> {
        let settings = self.load_organisation(organisation).await?;
        let own = settings.organisation.defaults.language.as_ref();
        let tags = language::fallbacks(wanted.into_iter().chain(own.map(Language::as_str)));
        let keys = tags.iter().map(|tag| keys::mail::template(organisation, name, tag));
        let found = self.store.get_many(keys.collect()).await?;
        for (tag, stored) in tags.iter().zip(found) {
            if let Some(stored) = stored {
                return Ok(record::decode(&stored.value)?);
            }
            if let Some(wording) = builtin(name, tag) {
                return Ok(wording);
            }
        }
        Ok(english(name))
    }

    /// The language in which a mail is written: the one that it was given, else the one in force for whom it is about, which may
    /// come from the home group and those above it. `None` when only the organisation's is left.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn reader_language(
        &self,
        organisation: OrganisationId,
        mail: &QueuedMail,
    ) -> Result<Option<String>, DirectoryError> {
        let (None, Some(user)) = (&mail.message.language, mail.user) else {
            return Ok(mail.message.language.clone());
        };
        let Some(user) = self.browse_user(organisation, user).await? else {
            return Ok(None);
        };
        let settings = self.load_organisation(organisation).await?;
        let locale = self.effective_locale(&settings, &user).await?;
        Ok(locale.language.map(|language| language.value))
    }
}
