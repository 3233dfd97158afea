//! Which records can match at all, by the indexes. The answer is a superset: the filter decides.

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::directory::keys::{self, fold};
use crate::directory::link::Link;
use crate::directory::settings::OrganisationSettings;
use crate::directory::user::parse_uuid;
use crate::directory::{Directory, DirectoryError};
use crate::model::attribute::AttributePath;
use crate::model::custom_attribute::{Bearer, Index, IndexKind};
use crate::model::filter::{EqualityTerm, ResolvedFilter};
use crate::model::id::{GroupId, OrganisationId, UserId};
use crate::model::membership::Member;
use crate::model::record;
use crate::store::{Found, Key, Read, Scan};

use super::{Indexed, Query, too_many};

/// How one equality is looked up.
enum Lookup {
    /// This id and no other.
    Id(Uuid),
    /// The id stored at a key.
    Unique(Key),
    /// The id in a link.
    Link(Key),
    /// The ids at the end of the keys of a range.
    Range(Key),
    /// Nothing can match.
    Nothing,
}

/// The ids that can match, in order; `None` when no index says anything.
pub(in crate::directory) async fn of<R: Indexed>(
    directory: &Directory,
    organisation: OrganisationId,
    filter: &ResolvedFilter,
    query: Query<'_>,
) -> Result<Option<Vec<Uuid>>, DirectoryError> {
    let lists = filter.conjuncts();
    let settings = directory.load_organisation(organisation).await?;
    let usable = lists.iter().filter_map(|terms| {
        let lookups: Option<Vec<Vec<Lookup>>> = terms.iter().map(|term| lookups::<R>(&settings, term, query)).collect();
        let lookups: Vec<Lookup> = lookups?.into_iter().flatten().collect();
        Some((cost(&lookups), lookups))
    });
    let Some((_, lookups)) = usable.min_by_key(|(cost, _)| *cost) else {
        return Ok(None);
    };
    let mut ids = BTreeSet::new();
    let mut reads = Vec::new();
    for lookup in &lookups {
        match lookup {
            Lookup::Id(id) => {
                ids.insert(*id);
            }
            Lookup::Unique(key) | Lookup::Link(key) => reads.push(Read::Get(key.clone())),
            Lookup::Range(prefix) => reads.push(Read::Scan(Scan::prefix(prefix, usize::MAX))),
            Lookup::Nothing => {}
        }
    }
    if !reads.is_empty() {
        let ranges: Vec<Option<Scan>> = reads.iter().map(range_of).collect();
        let found = directory.store.read(reads).await?;
        let looked_up = lookups
            .iter()
            .filter(|lookup| !matches!(lookup, Lookup::Id(_) | Lookup::Nothing));
        for ((lookup, found), range) in looked_up.zip(found).zip(ranges) {
            collect(directory, lookup, found, range, query, &mut ids).await?;
        }
    }
    Ok(Some(ids.into_iter().collect()))
}

fn range_of(read: &Read) -> Option<Scan> {
    match read {
        Read::Scan(scan) => Some(scan.clone()),
        Read::Get(_) => None,
    }
}

async fn collect(
    directory: &Directory,
    lookup: &Lookup,
    found: Found,
    range: Option<Scan>,
    query: Query<'_>,
    ids: &mut BTreeSet<Uuid>,
) -> Result<(), DirectoryError> {
    match found {
        Found::Value(None) => {}
        Found::Value(Some(stored)) => match lookup {
            Lookup::Link(_) => {
                ids.insert(record::decode::<Link>(&stored.value)?.id);
            }
            _ => ids.extend(parse_uuid(&stored.value)),
        },
        Found::Entries(mut entries) => {
            // A range longer than one scan: a large group, or an address that everyone shares.
            while let Some((last, _)) = entries.last() {
                let next = range.clone().map(|range| range.after(last.clone()));
                ids.extend(entries.iter().filter_map(|(key, _)| keys::last_uuid(key)));
                if ids.len() > query.budget.records {
                    return Err(too_many(query.budget));
                }
                let is_whole = entries.len() < crate::store::SCAN_ENTRIES_MAX;
                entries = match next {
                    Some(next) if !is_whole => directory.store.scan(next).await?,
                    _ => Vec::new(),
                };
            }
        }
    }
    Ok(())
}

/// Ids and unique keys are cheaper than ranges.
fn cost(lookups: &[Lookup]) -> usize {
    lookups
        .iter()
        .map(|lookup| if matches!(lookup, Lookup::Range(_)) { 1000 } else { 1 })
        .sum()
}

/// Where the matches of one equality are, all together.
fn lookups<R: Indexed>(
    settings: &OrganisationSettings,
    term: &EqualityTerm<'_>,
    query: Query<'_>,
) -> Option<Vec<Lookup>> {
    let organisation = settings.organisation.id;
    if term.path.schema.is_some() {
        return Some(vec![custom(settings, R::BEARER, term)?]);
    }
    if let AttributePath {
        schema: None,
        name,
        sub,
    } = &term.path
        && name == "members"
        && matches!(sub.as_deref(), None | Some("value"))
    {
        // The groups that have this member, whether it is a user or a group.
        let id = term.literal.as_str()?.parse::<UserId>().ok();
        let groups_of = |member| Lookup::Range(keys::member_groups(organisation, member));
        return Some(id.map_or_else(Vec::new, |id| {
            let as_group = Member::Group(GroupId::new(id.uuid()));
            vec![groups_of(Member::User(id)), groups_of(as_group)]
        }));
    }
    Some(vec![lookup::<R>(organisation, term, query)?])
}

/// A custom attribute whose index is whole.
fn custom(settings: &OrganisationSettings, bearer: Bearer, term: &EqualityTerm<'_>) -> Option<Lookup> {
    let AttributePath { schema, name, sub } = &term.path;
    let own = settings.custom(bearer)?;
    let defined = own.find(name).filter(|_| schema.as_deref() == Some(&own.urn))?;
    let (Index::Ready(kind), None | Some("value")) = (defined.index, sub.as_deref()) else {
        return None;
    };
    let text = defined.attribute.index_text(&term.literal.to_json())?;
    let (organisation, name) = (settings.organisation.id, &defined.attribute.name);
    Some(match kind {
        IndexKind::Unique => Lookup::Unique(keys::custom_unique(organisation, bearer, name, &text)),
        IndexKind::Search => Lookup::Range(keys::custom_entry(organisation, bearer, name, &text, None)),
    })
}

fn lookup<R: Indexed>(organisation: OrganisationId, term: &EqualityTerm<'_>, query: Query<'_>) -> Option<Lookup> {
    let AttributePath {
        schema: None,
        name,
        sub,
    } = &term.path
    else {
        return None;
    };
    let value = term.literal.as_str()?;
    let is_value = matches!(sub.as_deref(), None | Some("value"));
    if name == "id" {
        return Some(
            value
                .parse::<UserId>()
                .map_or(Lookup::Nothing, |id| Lookup::Id(id.uuid())),
        );
    }
    if name == "externalId" {
        let key = |connection| keys::link(organisation, connection, R::LINK, value);
        return Some(
            query
                .connection
                .map_or(Lookup::Nothing, |connection| Lookup::Link(key(connection))),
        );
    }
    if !is_value {
        return None;
    }
    if let Some((_, unique)) = R::UNIQUE.iter().find(|(attribute, _)| attribute == name) {
        return Some(Lookup::Unique(keys::unique(organisation, *unique, &fold(value))));
    }
    if let Some((_, index)) = R::INDEXES.iter().find(|(attribute, _)| attribute == name) {
        return Some(Lookup::Range(keys::index_entries(organisation, *index, &fold(value))));
    }
    let id = value.parse::<UserId>().ok().map(UserId::uuid);
    match name.as_str() {
        "groups" => Some(id.map_or(Lookup::Nothing, |id| {
            Lookup::Range(keys::group_members(organisation, GroupId::new(id)))
        })),
        _ => None,
    }
}
