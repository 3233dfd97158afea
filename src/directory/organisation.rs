//! Organisations: made by the gateway's administrator, changed by their own.

use serde_json::json;

use crate::model::event::EventKind;
use crate::model::id::OrganisationId;
use crate::model::organisation::Organisation;
use crate::model::slug::Slug;

use super::{Directory, DirectoryError, Operation, Principal, Unit, keys};

/// Makes an organisation.
pub(super) struct CreateOrganisation<'a> {
    pub(super) slug: &'a Slug,
    pub(super) name: &'a str,
}

#[async_trait::async_trait]
impl Operation for CreateOrganisation<'_> {
    type Outcome = Organisation;

    async fn attempt(&self, unit: &mut Unit) -> Result<Organisation, DirectoryError> {
        let by_slug = keys::slug(self.slug);
        if unit.bytes(&by_slug).await?.is_some() {
            return Err(DirectoryError::Uniqueness {
                attribute: "slug".into(),
                value: self.slug.to_string(),
            });
        }
        let id = unit.organisation();
        let organisation = Organisation::new(id, self.slug.clone(), self.name.to_owned(), unit.now());
        unit.put_bytes(by_slug, id.to_string());
        unit.put(keys::organisation(id), &organisation);
        unit.event(EventKind::OrganisationCreated, id, json!({ "slug": self.slug }));
        Ok(organisation)
    }
}

/// Items of a page of a list at most, as the admin API bounds what is asked for.
const PAGE_SIZE_MAX: u16 = 1_000;

/// Changes an organisation's settings; its slug and id stay.
pub struct UpdateOrganisation(
    /// The settings as they are to be.
    pub Organisation,
);

#[async_trait::async_trait]
impl Operation for UpdateOrganisation {
    type Outcome = ();

    async fn attempt(&self, unit: &mut Unit) -> Result<(), DirectoryError> {
        let key = keys::organisation(unit.organisation());
        let before: Organisation = unit
            .find(&key)
            .await?
            .ok_or_else(|| DirectoryError::not_found("organisation", &self.0.slug))?;
        if let Err(error) = self.0.password_policy.validate() {
            return Err(DirectoryError::invalid(
                "organisation.password_policy",
                error.to_string(),
            ));
        }
        if let Some(size) = self.0.page_size.filter(|size| !(1..=PAGE_SIZE_MAX).contains(size)) {
            let reason = format!("{size} is not between 1 and {PAGE_SIZE_MAX}");
            return Err(DirectoryError::invalid("organisation.page_size", reason));
        }
        let after = Organisation {
            id: before.id,
            slug: before.slug.clone(),
            created: before.created,
            ..self.0.clone()
        };
        if after != before {
            unit.put(key, &after);
            unit.event(EventKind::OrganisationUpdated, before.id, json!({}));
        }
        Ok(())
    }
}

impl Directory {
    /// Makes an organisation.
    ///
    /// # Errors
    /// [`DirectoryError::Denied`] for any but the gateway's administrator; [`DirectoryError::Uniqueness`] of the slug.
    pub async fn create_organisation(
        &self,
        principal: &Principal,
        slug: &Slug,
        name: &str,
    ) -> Result<Organisation, DirectoryError> {
        let id = OrganisationId::new(self.clock.uuid());
        let permit = principal.administer_gateway(id)?;
        self.run(&permit, &CreateOrganisation { slug, name }).await
    }
}
