//! Organisations.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::directory::Directory;
use crate::directory::keys::Count;
use crate::directory::settings::OrganisationSettings;
use crate::model::custom_attribute::Bearer;
use crate::model::list::List;
use crate::model::organisation::Organisation;
use crate::model::slug::Slug;

use super::caller::{Administrator, Body, Caller, Parameters};
use super::listing::{Known, Listing};
use super::problem::Problem;

/// What a new organisation is made of.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOrganisation {
    slug: Slug,
    #[serde(default)]
    name: Option<String>,
}

/// `GET /organisations`: those that the caller administers (S003-2), in the order of their slugs.
pub async fn list(
    State(directory): State<Directory>,
    Caller(principal): Caller,
    Parameters(listing): Parameters<Listing>,
) -> Result<Json<Value>, Problem> {
    let question = listing.read_alone(&directory, List::Organisations)?;
    let organisations = match principal.organisation() {
        Some(own) => {
            // Persons see their own organisation, whatever they may do in it.
            if principal.user().is_none() {
                principal.administer(own)?;
            }
            vec![directory.load_organisation(own).await?]
        }
        None => {
            let mut known = directory.list_organisations().await?;
            known.retain(|settings| principal.knows(settings.organisation.id));
            known
        }
    };
    let items = organisations.iter().map(|settings| view(&settings.organisation));
    Ok(Json(question.answer(&directory, Known::by("slug", items)).await?))
}

/// `POST /organisations`: makes one; the gateway's administrator only.
pub async fn create(
    State(directory): State<Directory>,
    Caller(principal): Caller,
    Body(new): Body<NewOrganisation>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let name = new.name.as_deref().unwrap_or(new.slug.as_str());
    let made = directory.create_organisation(&principal, &new.slug, name).await?;
    Ok((StatusCode::CREATED, Json(view(&made))))
}

/// `GET /organisations/{org}`: one, with how many users and groups it has, and its own attributes.
pub async fn retrieve(State(directory): State<Directory>, caller: Administrator) -> Result<Json<Value>, Problem> {
    let counts = directory
        .browse_counts(caller.organisation(), &[Count::Users, Count::Groups])
        .await?;
    let mut shown = view(&caller.settings.organisation);
    shown["users"] = json!(counts.first());
    shown["groups"] = json!(counts.get(1));
    for bearer in Bearer::ALL {
        shown[bearer.list()] = attributes(&directory, &caller.settings, bearer).await?;
    }
    Ok(Json(shown))
}

/// The organisation's own attributes of a resource type, each with how many resources have a value.
async fn attributes(directory: &Directory, settings: &OrganisationSettings, bearer: Bearer) -> Result<Value, Problem> {
    let Some(own) = settings.custom(bearer) else {
        return Ok(json!([]));
    };
    let names = own.attributes.iter().map(|defined| defined.attribute.name.clone());
    let counts: Vec<Count> = names.map(|name| Count::Values(bearer, name)).collect();
    let used = directory.browse_counts(settings.organisation.id, &counts).await?;
    let shown = own.attributes.iter().zip(used).map(|(defined, used)| {
        let mut shown = json!(defined.attribute);
        shown["urn"] = format!("{}:{}", own.urn, defined.attribute.name).into();
        shown["index"] = json!(defined.index);
        shown["used"] = json!(used);
        shown
    });
    Ok(shown.collect())
}

fn view(organisation: &Organisation) -> Value {
    json!({
        "id": organisation.id,
        "slug": organisation.slug,
        "name": organisation.name,
        "invitation_hours": organisation.invitation_hours,
        "verified_domains": organisation.verified_domains,
        "local_changes": organisation.local_changes,
        "audit_days": organisation.audit_days,
        "invite_new_users": organisation.invite_new_users,
        "name_required": organisation.name_required,
        "authority": organisation.authority,
        "page_size": organisation.page_size,
        "created": organisation.created,
    })
}
