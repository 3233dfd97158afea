//! Verifying: every invariant over the live store, line by line as it goes on.

use axum::extract::State;
use axum::response::Response;
use serde_json::json;

use crate::directory::Directory;
use crate::directory::keys;
use crate::directory::verify::{Finding, Report};

use super::caller::{Administrator, Caller};
use super::lines;
use super::problem::Problem;

/// `GET .../verify`: one organisation. Lines `{"violation": ...}` and `{"note": ...}`, last `{"done": {"violations": N, ...}}`.
pub async fn organisation(State(directory): State<Directory>, caller: Administrator) -> Response {
    let organisation = caller.organisation();
    lines::answer::<Finding, _, _>(move |findings| async move {
        let mut report = Report::new(findings);
        Ok(json!(directory.verify_organisation(organisation, &mut report).await?))
    })
}

/// `GET /verify`: every organisation, what they share, and every record's checksum.
pub async fn gateway(State(directory): State<Directory>, Caller(principal): Caller) -> Result<Response, Problem> {
    principal.administer_gateway(keys::GATEWAY)?;
    Ok(lines::answer::<Finding, _, _>(move |findings| async move {
        let mut report = Report::new(findings);
        Ok(json!(directory.verify(&mut report).await?))
    }))
}
