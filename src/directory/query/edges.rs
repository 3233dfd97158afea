//! Questions of a filter about edges: `members` of a group, `groups` of a user. Edges are never loaded as a whole where a
//! key answers.

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::directory::keys;
use crate::directory::membership::member_uuid;
use crate::directory::{Directory, DirectoryError};
use crate::model::Object;
use crate::model::filter::{ExternalTerm, ResolvedFilter};
use crate::model::id::{GroupId, OrganisationId, UserId};
use crate::model::membership::Member;
use crate::model::slug::Slug;
use crate::store::{Found, Key, Read, Scan};

use super::Queryable;

/// Edges of one resource that are read to answer a question that no key answers.
const EDGES_MAX: usize = 2_000;

/// Whether each resource matches.
pub(super) async fn answer<R: Queryable>(
    directory: &Directory,
    organisation: OrganisationId,
    filter: &ResolvedFilter,
    resources: &[R],
    connection: Option<&Slug>,
) -> Result<Vec<bool>, DirectoryError> {
    let shown: Vec<Object> = resources
        .iter()
        .map(|resource| resource.represent(connection))
        .collect();
    if !filter.asks("members") && !filter.asks("groups") {
        return Ok(shown.iter().map(|resource| filter.matches(resource)).collect());
    }
    let mut known: Vec<BTreeMap<String, bool>> = vec![BTreeMap::new(); resources.len()];
    loop {
        // Which questions are asked depends on the answers to the earlier ones: ask until none is open.
        let open: RefCell<Vec<(usize, ExternalTerm)>> = RefCell::default();
        let answers: Vec<bool> = shown
            .iter()
            .enumerate()
            .map(|(at, resource)| {
                filter.matches_with(resource, &|term| {
                    known[at].get(&name(term)).copied().unwrap_or_else(|| {
                        open.borrow_mut().push((at, term.clone()));
                        false
                    })
                })
            })
            .collect();
        let open = open.into_inner();
        if open.is_empty() {
            return Ok(answers);
        }
        let mut reads = Vec::new();
        let mut spans = Vec::new();
        for (at, term) in &open {
            let asked = ask(organisation, resources[*at].member(), term);
            spans.push(asked.len());
            reads.extend(asked);
        }
        let mut found = directory.store.read(reads).await?.into_iter();
        for ((at, term), span) in open.into_iter().zip(spans) {
            let found: Vec<Found> = found.by_ref().take(span).collect();
            known[at].insert(name(&term), judge(&term, found)?);
        }
    }
}

/// Terms have no name of their own: their text tells them apart.
fn name(term: &ExternalTerm) -> String {
    format!("{term:?}")
}

/// The id of `members.value eq "id"`.
fn single_id(term: &ExternalTerm) -> Option<uuid::Uuid> {
    let equality = term.equality()?;
    let is_value = matches!(equality.path.sub.as_deref(), None | Some("value"));
    let id = equality.literal.as_str()?.parse::<UserId>().ok()?;
    is_value.then_some(id.uuid())
}

fn ask(organisation: OrganisationId, resource: Member, term: &ExternalTerm) -> Vec<Read> {
    match (resource, single_id(term)) {
        (Member::Group(group), Some(id)) => [Member::User(UserId::new(id)), Member::Group(GroupId::new(id))]
            .map(|member| Read::Get(keys::group_member(organisation, group, member)))
            .to_vec(),
        (Member::User(_), Some(id)) => {
            vec![Read::Get(keys::member_group(organisation, resource, GroupId::new(id)))]
        }
        (Member::Group(group), None) => {
            vec![Read::Scan(Scan::prefix(
                &keys::group_members(organisation, group),
                EDGES_MAX + 1,
            ))]
        }
        (Member::User(_), None) => {
            vec![Read::Scan(Scan::prefix(
                &keys::member_groups(organisation, resource),
                EDGES_MAX + 1,
            ))]
        }
    }
}

fn judge(term: &ExternalTerm, found: Vec<Found>) -> Result<bool, DirectoryError> {
    let mut elements = Vec::new();
    let by_key = single_id(term);
    for found in found {
        match (found, by_key) {
            (Found::Value(Some(_)), Some(id)) => elements.push(json!({ "value": id.to_string() })),
            (Found::Value(_), _) => {}
            (Found::Entries(entries), _) => {
                if entries.len() > EDGES_MAX && !term.is_presence() {
                    let reason = format!("a group has more than {EDGES_MAX} members: ask for one by members.value eq");
                    return Err(DirectoryError::TooMany { reason });
                }
                elements.extend(entries.iter().filter_map(|(key, _)| element(key)));
            }
        }
    }
    if by_key.is_some() && elements.is_empty() {
        // The key answers an equality only: no such edge, no match.
        return Ok(false);
    }
    Ok(term.matches(&elements))
}

fn element(key: &Key) -> Option<Value> {
    match keys::member_of(key) {
        Some(member @ Member::User(_)) => Some(json!({ "value": member_uuid(member).to_string(), "type": "User" })),
        Some(member @ Member::Group(_)) => Some(json!({ "value": member_uuid(member).to_string(), "type": "Group" })),
        None => keys::last_uuid(key).map(|id| json!({ "value": id.to_string() })),
    }
}
