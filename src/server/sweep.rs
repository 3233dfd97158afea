//! What the gateway deletes by itself, once an hour: the audit log beyond the days that each organisation keeps, answers of idempotency
//! keys that are over, and old jobs. A job that was broken off goes on as well.

use std::time::Duration;

use crate::directory::{Directory, DirectoryError, keys};
use crate::model::id::OrganisationId;

/// How often.
const PAUSE: Duration = Duration::from_secs(60 * 60);

/// Days for which the gateway's own log is kept.
const GATEWAY_DAYS: u32 = 365;

/// Sweeps until the process ends.
pub async fn keep_sweeping(directory: Directory) {
    let mut look = tokio::time::interval(PAUSE);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        look.tick().await;
        if let Err(error) = sweep(&directory).await {
            tracing::warn!(%error, "what is over could not be swept: it is tried again in an hour");
        }
    }
}

/// Sweeps once.
///
/// # Errors
/// As the store's read and commit.
pub async fn sweep(directory: &Directory) -> Result<(), DirectoryError> {
    sweep_one(directory, keys::GATEWAY, GATEWAY_DAYS).await?;
    for settings in directory.list_organisations().await? {
        let organisation = &settings.organisation;
        sweep_one(directory, organisation.id, organisation.audit_days).await?;
    }
    Ok(())
}

async fn sweep_one(directory: &Directory, organisation: OrganisationId, days: u32) -> Result<(), DirectoryError> {
    let entries = directory.sweep_audit(organisation, days).await?;
    let answers = directory.sweep_idempotency(organisation).await?;
    directory.resume_jobs(organisation).await?;
    let jobs = directory.sweep_jobs(organisation).await?;
    if entries + answers + jobs > 0 {
        tracing::info!(organisation.id = %organisation, audit.entries = entries, idempotency.keys = answers, jobs, "swept what is over");
    }
    Ok(())
}
