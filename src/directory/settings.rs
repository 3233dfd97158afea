//! What nearly every request needs and hardly ever changes: organisations with their connections, roles and licences,
//! and tokens. Kept in memory, forgotten by the commit that changes it.
//!
//! A decision that must not race a change of settings (a licence's limit) reads the record through its unit of work
//! instead, and so relies on it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use parking_lot::RwLock;

use crate::model::connection::Connection;
use crate::model::cost_centre::CostCentre;
use crate::model::custom_attribute::{Bearer, CustomSchema};
use crate::model::effective::DefaultGrants;
use crate::model::group::Group;
use crate::model::id::{GroupId, OrganisationId, TokenId};
use crate::model::licence::Licence;
use crate::model::organisation::Organisation;
use crate::model::permission::definition::{Catalogue, Definition};
use crate::model::record::{self, Record};
use crate::model::resource::ResourceType;
use crate::model::role::Role;
use crate::model::schema::ResourceSchemas;
use crate::model::slug::Slug;
use crate::model::token::Token;
use crate::store::{Found, Key, Read, SCAN_ENTRIES_MAX, Scan, Versioned};

use super::group_default::read_default_groups;
use super::keys::{self, Table};
use super::{Directory, DirectoryError};

/// One organisation with its settings.
#[derive(Debug, Clone)]
pub struct OrganisationSettings {
    /// The organisation.
    pub organisation: Organisation,
    /// Its connections by name.
    pub connections: BTreeMap<Slug, Arc<Connection>>,
    /// Its roles by key.
    pub roles: BTreeMap<Slug, Role>,
    /// Its licences by key.
    pub licences: BTreeMap<Slug, Licence>,
    /// Its cost centres by key.
    pub cost_centres: BTreeMap<Slug, CostCentre>,
    /// Its permissions by action; empty without a catalogue.
    pub permissions: Catalogue,
    /// What everyone and every guest may do.
    pub defaults: DefaultGrants,
    /// Its types of resources by key.
    pub resource_types: BTreeMap<Slug, ResourceType>,
    /// The groups that newcomers become members of.
    pub default_groups: BTreeSet<GroupId>,
    /// Its own attributes by resource type; a type without any is missing.
    pub custom: BTreeMap<Bearer, CustomSchema>,
    /// The schemas of users and groups, with its own attributes.
    pub schemas: ResourceSchemas,
}

impl OrganisationSettings {
    /// Its own attributes of a resource type, if it has any.
    #[must_use]
    pub fn custom(&self, bearer: Bearer) -> Option<&CustomSchema> {
        self.custom.get(&bearer)
    }
}

/// Tokens kept at most; above it the cache starts anew.
const TOKENS_MAX: usize = 10_000;

/// Names of groups kept at most; above it the cache starts anew.
const GROUP_NAMES_MAX: usize = 50_000;

/// The memory.
#[derive(Debug, Default)]
pub struct Settings {
    state: RwLock<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Raised whenever something is forgotten: what was read before must not be remembered after.
    generation: u64,
    slugs: HashMap<Slug, OrganisationId>,
    organisations: HashMap<OrganisationId, Arc<OrganisationSettings>>,
    tokens: HashMap<TokenId, Arc<Token>>,
    /// Names of groups, which every answer about their members shows. The organisation is part of the key.
    group_names: HashMap<(OrganisationId, GroupId), Arc<str>>,
}

impl Settings {
    /// An organisation's settings, if they are in memory.
    pub(super) fn known(&self, organisation: OrganisationId) -> Option<Arc<OrganisationSettings>> {
        self.state.read().organisations.get(&organisation).cloned()
    }

    /// Forgets an organisation and every token.
    pub(super) fn forget(&self, organisation: OrganisationId) {
        let mut state = self.state.write();
        state.generation += 1;
        state.organisations.remove(&organisation);
        state.slugs.clear();
        state.tokens.clear();
    }

    /// Forgets the names of groups.
    pub(super) fn forget_group_names(&self) {
        let mut state = self.state.write();
        state.generation += 1;
        state.group_names.clear();
    }

    fn generation(&self) -> u64 {
        self.state.read().generation
    }

    /// Remembers what was read when `generation` was current, unless something changed since.
    fn remember(&self, generation: u64, remember: impl FnOnce(&mut State)) {
        let mut state = self.state.write();
        if state.generation == generation {
            remember(&mut state);
        }
    }
}

impl Directory {
    /// The organisation with this slug; `None` when there is none.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn find_organisation(&self, slug: &Slug) -> Result<Option<Arc<OrganisationSettings>>, DirectoryError> {
        let known = self.settings.state.read().slugs.get(slug).copied();
        let id = match known {
            Some(id) => id,
            None => {
                let generation = self.settings.generation();
                let Some(found) = self.store.get(keys::slug(slug)).await? else {
                    return Ok(None);
                };
                let id = parse_id(&found)?;
                self.settings.remember(generation, |state| {
                    state.slugs.insert(slug.clone(), id);
                });
                id
            }
        };
        self.load_organisation(id).await.map(Some)
    }

    /// An organisation that must exist.
    ///
    /// # Errors
    /// [`DirectoryError::NotFound`]; as the store's read.
    pub async fn load_organisation(&self, id: OrganisationId) -> Result<Arc<OrganisationSettings>, DirectoryError> {
        if let Some(known) = self.settings.state.read().organisations.get(&id) {
            return Ok(Arc::clone(known));
        }
        let generation = self.settings.generation();
        let all = |table| Read::Scan(Scan::prefix(&keys::table(id, table), SCAN_ENTRIES_MAX));
        let mut reads = vec![
            Read::Get(keys::organisation(id)),
            all(Table::Connection),
            all(Table::Role),
            all(Table::Licence),
            all(Table::CostCentre),
            all(Table::Permission),
            Read::Get(keys::default_grants(id)),
            all(Table::ResourceType),
            Read::Get(keys::default_groups(id)),
        ];
        reads.extend(Bearer::ALL.map(|bearer| Read::Get(keys::custom_schema(id, bearer))));
        let mut found = self.store.read(reads).await?.into_iter();
        let mut next = || found.next().unwrap_or(Found::Value(None));
        let organisation = next()
            .into_value()
            .ok_or_else(|| DirectoryError::not_found("organisation", id))?;
        let connections = by_name(next(), |connection: Connection| {
            (connection.name.clone(), Arc::new(connection))
        })?;
        let roles = by_name(next(), |role: Role| (role.key.clone(), role))?;
        let licences = by_name(next(), |licence: Licence| (licence.key.clone(), licence))?;
        let cost_centres = by_name(next(), |centre: CostCentre| (centre.key.clone(), centre))?;
        let permissions = by_name(next(), |permission: Definition| (permission.key.clone(), permission))?;
        let defaults = next().into_value();
        let defaults = defaults.map(|stored| record::decode(&stored.value)).transpose()?;
        let resource_types = by_name(next(), |type_: ResourceType| (type_.key.clone(), type_))?;
        let default_groups = next()
            .into_value()
            .map_or_else(|| Some(BTreeSet::new()), |stored| read_default_groups(&stored.value))
            .ok_or_else(|| DirectoryError::Corrupt("the groups for newcomers hold no identifiers".to_owned()))?;
        let mut custom = BTreeMap::new();
        for bearer in Bearer::ALL {
            if let Some(stored) = next().into_value() {
                custom.insert(bearer, record::decode::<CustomSchema>(&stored.value)?);
            }
        }
        let loaded = Arc::new(OrganisationSettings {
            organisation: record::decode(&organisation.value)?,
            connections,
            roles,
            licences,
            cost_centres,
            permissions,
            defaults: defaults.unwrap_or_default(),
            resource_types,
            default_groups,
            schemas: ResourceSchemas::new(custom.get(&Bearer::User), custom.get(&Bearer::Group)),
            custom,
        });
        self.settings.remember(generation, |state| {
            state.organisations.insert(id, Arc::clone(&loaded));
        });
        Ok(loaded)
    }

    /// A token's record; `None` when there is none.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn find_token(&self, id: TokenId) -> Result<Option<Arc<Token>>, DirectoryError> {
        if let Some(known) = self.settings.state.read().tokens.get(&id) {
            return Ok(Some(Arc::clone(known)));
        }
        let generation = self.settings.generation();
        let Some(found) = self.store.get(keys::token(id)).await? else {
            return Ok(None);
        };
        let token = Arc::new(record::decode::<Token>(&found.value)?);
        self.settings.remember(generation, |state| {
            if state.tokens.len() >= TOKENS_MAX {
                state.tokens.clear();
            }
            state.tokens.insert(id, Arc::clone(&token));
        });
        Ok(Some(token))
    }

    /// The names of groups; one that does not exist has none.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn group_names(
        &self,
        organisation: OrganisationId,
        groups: &BTreeSet<GroupId>,
    ) -> Result<BTreeMap<GroupId, Arc<str>>, DirectoryError> {
        let mut names = BTreeMap::new();
        let mut unknown = Vec::new();
        {
            let state = self.settings.state.read();
            for id in groups {
                match state.group_names.get(&(organisation, *id)) {
                    Some(name) => drop(names.insert(*id, Arc::clone(name))),
                    None => unknown.push(*id),
                }
            }
        }
        if unknown.is_empty() {
            return Ok(names);
        }
        let generation = self.settings.generation();
        let found = self
            .store
            .get_many(unknown.iter().map(|id| keys::group(organisation, *id)).collect())
            .await?;
        for (id, stored) in unknown.into_iter().zip(found) {
            let Some(stored) = stored else { continue };
            names.insert(id, Arc::from(record::decode::<Group>(&stored.value)?.display_name));
        }
        self.settings.remember(generation, |state| {
            if state.group_names.len() + names.len() > GROUP_NAMES_MAX {
                state.group_names.clear();
            }
            state
                .group_names
                .extend(names.iter().map(|(id, name)| ((organisation, *id), Arc::clone(name))));
        });
        Ok(names)
    }

    /// Every organisation, in the order of their slugs.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn list_organisations(&self) -> Result<Vec<Arc<OrganisationSettings>>, DirectoryError> {
        let mut organisations = Vec::new();
        let mut scan = Scan::prefix(&keys::slugs(), 1000);
        loop {
            let entries = self.store.scan(scan.clone()).await?;
            for (_, found) in &entries {
                organisations.push(self.load_organisation(parse_id(found)?).await?);
            }
            match entries.last() {
                Some((key, _)) => scan = scan.after(key.clone()),
                None => return Ok(organisations),
            }
        }
    }
}

fn parse_id(found: &Versioned) -> Result<OrganisationId, DirectoryError> {
    std::str::from_utf8(&found.value)
        .ok()
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| DirectoryError::Corrupt("a slug does not name an organisation".to_owned()))
}

fn by_name<R: Record, V>(found: Found, name: impl Fn(R) -> (Slug, V)) -> Result<BTreeMap<Slug, V>, DirectoryError> {
    let entries: Vec<(Key, Versioned)> = found.into_entries();
    entries
        .iter()
        .map(|(_, versioned)| Ok(name(record::decode(&versioned.value)?)))
        .collect()
}
