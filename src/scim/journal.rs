//! What the request journal learns of a request (directory::journal): who asked, what was tolerated, what was refused. Paths
//! are patterns without the query, and whatever could be a value of a person is masked.
//!
//! Every request that showed a live token of a connection is noted, refused ones too: also a 401 for another organisation's
//! base URL. A token that is unknown, expired or revoked, and a request without one, belong to nobody's journal: whoever
//! guesses must not push out what a client did. The access log and the metrics count those.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use parking_lot::Mutex;

use crate::directory::journal::{JournalEntry, Normalisation, Refusal};
use crate::model::attribute::{AttributePath, is_urn};
use crate::model::deviation::Deviation;
use crate::model::id::OrganisationId;
use crate::model::schema::{ResourceSchemas, SchemaSet};
use crate::model::slug::Slug;

use super::{Endpoint, Scim, access};

/// Rules that are noted of one request.
const NORMALISED_MAX: usize = 20;
/// Characters of a detail that are noted.
const DETAIL_MAX: usize = 500;

/// Travels with a request and gathers what is to be noted.
#[derive(Debug, Clone, Default)]
pub(super) struct Trail(Arc<Mutex<Notes>>);

#[derive(Debug, Default)]
struct Notes {
    source: Option<(OrganisationId, Slug)>,
    normalised: Vec<Normalisation>,
}

impl Trail {
    /// The request belongs to this connection.
    pub(super) fn is_of(&self, organisation: OrganisationId, connection: &Slug) {
        self.0.lock().source = Some((organisation, connection.clone()));
    }

    /// A rule was applied.
    pub(super) fn add(&self, deviation: &Deviation) {
        let mut notes = self.0.lock();
        let noted = Normalisation {
            rule: deviation.name().to_owned(),
            what: told(deviation),
        };
        if notes.normalised.len() < NORMALISED_MAX && !notes.normalised.contains(&noted) {
            notes.normalised.push(noted);
        }
    }
}

/// Put into the answer of a refusal, for the journal.
#[derive(Debug, Clone)]
pub(super) struct Refused {
    pub(super) scim_type: Option<&'static str>,
    pub(super) detail: String,
}

/// Notes every request that showed a connection's token.
pub(super) async fn journal(State(scim): State<Scim>, mut request: Request, next: Next) -> Response {
    let keep = scim.settings().journal_entries_max;
    if keep == 0 {
        return next.run(request).await;
    }
    let started = Instant::now();
    let trail = Trail::default();
    request.extensions_mut().insert(trail.clone());
    let method = named(request.method());
    let pattern = request.extensions().get::<MatchedPath>().cloned();
    let token = access::bearer(request.headers()).map(str::to_owned);
    let response = next.run(request).await;
    let Notes { mut source, normalised } = std::mem::take(&mut *trail.0.lock());
    if source.is_none() {
        source = owner(&scim, token).await;
    }
    if let Some((organisation, connection)) = source {
        let pattern = pattern.as_ref().map_or("(no such endpoint)", MatchedPath::as_str);
        let refused = response.extensions().get::<Refused>();
        let refusal = match refused {
            Some(refused) => Some(Refusal {
                scim_type: refused.scim_type.map(str::to_owned),
                detail: cut(&masked(&known(&scim, organisation).await, &refused.detail)),
            }),
            None => None,
        };
        let entry = JournalEntry {
            at: scim.directory().clock().now(),
            method,
            path: pattern.strip_prefix(super::BASE).unwrap_or(pattern).to_owned(),
            status: response.status().as_u16(),
            duration_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            normalised,
            refusal,
        };
        scim.directory().note_request(organisation, &connection, entry, keep);
    }
    response
}

/// A method that HTTP defines (RFC 9110 section 9, RFC 5789): any other word is the client's.
fn named(method: &Method) -> String {
    const KNOWN: [Method; 7] = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::OPTIONS,
    ];
    if KNOWN.contains(method) {
        method.to_string()
    } else {
        "(another)".to_owned()
    }
}

/// A deviation in words. It names attributes and schemas as the client wrote them; what could not be such a name is masked.
pub(super) fn told(deviation: &Deviation) -> String {
    cut(&masked_unless(&deviation.to_string(), |text| {
        text.is_empty() || text.parse::<AttributePath>().is_ok()
    }))
}

/// Whose token came with a request that no operation took: a wrong path or method, another organisation's base URL.
async fn owner(scim: &Scim, token: Option<String>) -> Option<(OrganisationId, Slug)> {
    // A token that opens nothing belongs to nobody's journal; a store that does not answer is told of elsewhere.
    let principal = scim.directory().authenticate(&token?).await.ok()?;
    Some((principal.organisation()?, principal.connection()?.clone()))
}

fn cut(text: &str) -> String {
    text.chars().take(DETAIL_MAX).collect()
}

/// What stands for a value.
const MASK: &str = "***";

/// The text without values: of what stands in quotation marks only names of attributes and schemas are kept, and nothing that
/// looks like an address is.
fn masked(known: &[SchemaSet], detail: &str) -> String {
    masked_unless(detail, |text| is_name(known, text))
}

fn masked_unless(detail: &str, is_plain: impl Fn(&str) -> bool) -> String {
    let mut shown = String::with_capacity(detail.len());
    let mut rest = detail;
    while let Some((before, quoted)) = rest.split_once('"') {
        shown.push_str(&without_addresses(before));
        let end = closing(quoted);
        let inside = &quoted[..end];
        shown.push('"');
        shown.push_str(if is_plain(inside) { inside } else { MASK });
        shown.push('"');
        rest = quoted.get(end + 1..).unwrap_or_default();
    }
    shown.push_str(&without_addresses(rest));
    shown
}

/// Where a quoted text ends: at the first quotation mark that no backslash escapes, else with the text.
fn closing(quoted: &str) -> usize {
    let mut is_escaped = false;
    for (at, c) in quoted.char_indices() {
        match c {
            '"' if !is_escaped => return at,
            '\\' => is_escaped = !is_escaped,
            _ => is_escaped = false,
        }
    }
    quoted.len()
}

/// The schemas of every resource type of an organisation, as far as its settings can be read.
async fn known(scim: &Scim, organisation: OrganisationId) -> Vec<SchemaSet> {
    let settings = scim.directory().load_organisation(organisation).await;
    let own = settings.map_or_else(
        |_| ResourceSchemas::new(None, None),
        |settings| settings.schemas.clone(),
    );
    let all = Endpoint::ALL.into_iter();
    all.map(|endpoint| scim.schemas_of(&own, endpoint).clone()).collect()
}

fn is_name(known: &[SchemaSet], text: &str) -> bool {
    if is_urn(text) {
        return !text.contains('@');
    }
    let Ok(path) = text.parse::<AttributePath>() else {
        return false;
    };
    known.iter().any(|schemas| schemas.resolve(&path).is_some())
}

fn without_addresses(text: &str) -> String {
    let words = text.split(' ').map(|word| if word.contains('@') { MASK } else { word });
    words.collect::<Vec<_>>().join(" ")
}
