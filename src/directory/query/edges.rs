//! Questions of a filter about edges: `members` of a group, `groups` of a user. Edges are never loaded as a whole where a
//! key answers.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

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

/// Names of groups.
type GroupNames = BTreeMap<GroupId, Arc<str>>;

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
        let found = directory.store.read(reads).await?;
        let names = directory.group_names(organisation, &groups_in(&found)).await?;
        let mut found = found.into_iter();
        for ((at, term), span) in open.into_iter().zip(spans) {
            let found: Vec<Found> = found.by_ref().take(span).collect();
            known[at].insert(name(&term), judge(&term, found, &names)?);
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

/// The groups of users among what was read: a question may be about their names.
fn groups_in(found: &[Found]) -> BTreeSet<GroupId> {
    let entries = found.iter().filter_map(|found| match found {
        Found::Entries(entries) => Some(entries),
        Found::Value(_) => None,
    });
    let of_users = entries.flatten().filter(|(key, _)| keys::member_of(key).is_none());
    of_users
        .filter_map(|(key, _)| keys::last_uuid(key))
        .map(GroupId::new)
        .collect()
}

fn judge(term: &ExternalTerm, found: Vec<Found>, names: &GroupNames) -> Result<bool, DirectoryError> {
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
                elements.extend(entries.iter().filter_map(|(key, _)| element(key, names)));
            }
        }
    }
    if by_key.is_some() && elements.is_empty() {
        // The key answers an equality only: no such edge, no match.
        return Ok(false);
    }
    Ok(term.matches(&elements))
}

/// An edge as clients are shown it: a member of a group, or a group of a user.
fn element(key: &Key, names: &GroupNames) -> Option<Value> {
    match keys::member_of(key) {
        Some(member @ Member::User(_)) => Some(json!({ "value": member_uuid(member).to_string(), "type": "User" })),
        Some(member @ Member::Group(_)) => Some(json!({ "value": member_uuid(member).to_string(), "type": "Group" })),
        None => {
            let id = GroupId::new(keys::last_uuid(key)?);
            // A group that has just been deleted has no name, and is no longer shown.
            let display: &str = names.get(&id)?;
            Some(json!({ "value": id.to_string(), "display": display, "type": "direct" }))
        }
    }
}
