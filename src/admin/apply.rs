//! Applying an organisation file.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::directory::{Directory, DirectoryError, Permit, Principal};
use crate::provision::organisation_file::{self, Fault, OrganisationFile};

use super::caller::{Caller, Parameters, Place};
use super::problem::Problem;

/// How to apply.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Manner {
    /// Show what would change, and change nothing.
    #[serde(default)]
    dry_run: bool,
}

/// `POST .../apply`: brings the organisation to what the file declares. The organisation is made when it does not exist and
/// the caller administers the gateway.
pub async fn apply(
    State(directory): State<Directory>,
    Caller(principal): Caller,
    Place(org): Place<String>,
    Parameters(manner): Parameters<Manner>,
    sent: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, Problem> {
    let bytes = sent?;
    let text = std::str::from_utf8(&bytes).map_err(|_| Problem::bad_request("the file is not UTF-8 text"))?;
    let file = organisation_file::parse(text).map_err(refused)?;
    let slug = &file.declaration.organisation.slug;
    if slug.as_str() != org {
        let reason = format!(
            "slug: the file is for {slug:?}, the address is for {org:?}",
            slug = slug.as_str()
        );
        return Err(refused(vec![file.fault("organisation".to_owned(), reason)]));
    }
    let permit = permit(&directory, &principal, &file).await?;
    let rehearsal = directory.rehearse_declaration(&permit, &file.declaration).await?;
    if !rehearsal.refusals.is_empty() {
        let faults = rehearsal.refusals.into_iter();
        return Err(refused(
            faults
                .map(|refusal| file.fault(refusal.place, refusal.error.to_string()))
                .collect(),
        ));
    }
    let changes = if manner.dry_run {
        rehearsal.changes
    } else {
        directory.declare(&permit, &file.declaration).await?
    };
    Ok(Json(
        json!({ "organisation": slug, "dry_run": manner.dry_run, "changes": changes }),
    ))
}

async fn permit(directory: &Directory, principal: &Principal, file: &OrganisationFile) -> Result<Permit, Problem> {
    let slug = &file.declaration.organisation.slug;
    let missing = || DirectoryError::not_found("organisation", slug);
    match directory.find_organisation(slug).await? {
        Some(settings) => match principal.administer(settings.organisation.id) {
            Err(DirectoryError::NotFound { .. }) => Err(missing().into()),
            other => Ok(other?),
        },
        None => match principal.administer_gateway(directory.new_organisation_id()) {
            Err(_) if principal.connection().is_none() => Err(missing().into()),
            other => Ok(other?),
        },
    }
}

fn refused(faults: Vec<Fault>) -> Problem {
    Problem::refused_file(faults.iter().map(|fault| json!(fault)).collect())
}
