//! How rights come about.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::Value;

use super::{Asleep, DefaultGrants, Effective, Place, Right, Source, Via};
use crate::model::group::Group;
use crate::model::id::GroupId;
use crate::model::membership::Membership;
use crate::model::origin::{Origin, Origins};
use crate::model::permission::definition::{Catalogue, is_gateway_action};
use crate::model::permission::{Parameters, Permission, Reach};
use crate::model::role::{Role, Scope};
use crate::model::slug::Slug;
use crate::model::user::User;

/// Everything that a person's rights follow from.
pub struct Sources<'a> {
    /// The person.
    pub user: &'a User,
    /// The groups that the person is in, with the edges.
    pub memberships: &'a [(Group, Membership)],
    /// The organisation's roles.
    pub roles: &'a BTreeMap<Slug, Role>,
    /// The organisation's catalogue.
    pub catalogue: &'a Catalogue,
    /// What everyone may do.
    pub defaults: &'a DefaultGrants,
    /// The plan and the add-ons that the organisation has.
    pub features: &'a BTreeSet<Slug>,
}

impl Sources<'_> {
    /// The rights that follow.
    #[must_use]
    pub fn effective(&self) -> Effective {
        let mut made = Making {
            sources: self,
            administers: false,
            rights: BTreeSet::new(),
        };
        let (defaults, source) = if is_guest(self.user) {
            (&self.defaults.guests, Source::Guests)
        } else {
            (&self.defaults.everyone, Source::Everyone)
        };
        for (permissions, source) in [(defaults, source), (&self.user.grants, Source::Grant)] {
            for permission in permissions {
                made.add(permission, None, &source, &[], &BTreeSet::new());
            }
        }
        for (role, origins) in &self.user.roles {
            made.global_role(role, origins);
        }
        for (group, edge) in self.memberships {
            for (role, origins) in &edge.roles {
                made.group_role(group, role, origins);
            }
        }
        let awake = self.memberships.iter().filter(|(group, _)| group.enabled);
        Effective {
            user: self.user.id,
            administers: made.administers,
            groups: awake.map(|(group, _)| group.id).collect(),
            rights: made.rights,
        }
    }

    fn group(&self, id: GroupId) -> Option<&Group> {
        self.memberships
            .iter()
            .map(|(group, _)| group)
            .find(|group| group.id == id)
    }
}

/// Whether a user is a guest: SCIM `userType` says so (`seeds.md` M41).
fn is_guest(user: &User) -> bool {
    let kind = user.attributes.get("userType").and_then(Value::as_str);
    kind.is_some_and(|kind| kind.eq_ignore_ascii_case("guest"))
}

/// Where a permission counts. A role in a group never reaches beyond that group, whatever it says (S001-15).
#[must_use]
pub fn reach_of(reach: Reach, group: Option<GroupId>) -> Place {
    match (reach, group) {
        (Reach::Own, _) => Place::Own,
        (Reach::Group | Reach::Organisation, Some(group)) => Place::Group(group),
        (Reach::Subtree, Some(group)) => Place::Subtree(group),
        (Reach::Group, None) => Place::OwnGroups,
        (Reach::Subtree, None) => Place::OwnSubtrees,
        (Reach::Organisation, None) => Place::Organisation,
    }
}

/// The parameter that says whom a person sees.
const VISIBILITY: &str = "visibility";

/// What is implied with a `visibility` of `same-room`, or `same-` anything, reaches the person's own groups only (S002-12).
fn narrowed(place: Place, parameters: &Parameters, via: &[Via]) -> Place {
    let is_implied = matches!(via.last(), Some(Via::Implied(_)));
    let is_near = parameters
        .iter()
        .any(|(name, value)| name.as_str() == VISIBILITY && value.as_str().starts_with("same-"));
    match place {
        Place::Organisation if is_implied && is_near => Place::OwnGroups,
        other => other,
    }
}

struct Making<'a, 's> {
    sources: &'a Sources<'s>,
    administers: bool,
    rights: BTreeSet<Right>,
}

impl Making<'_, '_> {
    fn global_role(&mut self, key: &Slug, origins: &Origins) {
        let Some(role) = self.sources.roles.get(key) else {
            return;
        };
        if role.scope == Scope::Group {
            // Held outside of any group it counts nowhere.
            return;
        }
        let asleep: BTreeSet<Asleep> = self.sleeping(origins).into_iter().chain(self.unseated(role)).collect();
        self.role(role, None, origins, &asleep);
        for (group, _) in self.sources.memberships {
            if role.linked_groups.contains(&group.id) {
                let mut asleep = asleep.clone();
                asleep.extend((!group.enabled).then_some(Asleep::DisabledGroup(group.id)));
                let source = Source::Role {
                    role: key.clone(),
                    group: Some(group.id),
                    origins: origins.clone(),
                };
                for permission in &role.group_permissions {
                    self.add(permission, Some(group.id), &source, &[], &asleep);
                }
            }
        }
    }

    fn group_role(&mut self, group: &Group, key: &Slug, origins: &Origins) {
        let Some(role) = self.sources.roles.get(key) else {
            return;
        };
        let mut asleep: BTreeSet<Asleep> = self.unseated(role).into_iter().collect();
        asleep.extend((!group.enabled).then_some(Asleep::DisabledGroup(group.id)));
        self.role(role, Some(group.id), origins, &asleep);
    }

    /// A role with what it includes, each role once by the shortest way.
    fn role(&mut self, role: &Role, group: Option<GroupId>, origins: &Origins, asleep: &BTreeSet<Asleep>) {
        let source = Source::Role {
            role: role.key.clone(),
            group,
            origins: origins.clone(),
        };
        let mut seen = BTreeSet::from([&role.key]);
        let mut pending = VecDeque::from([(role, Vec::new())]);
        while let Some((role, via)) = pending.pop_front() {
            self.administers |= role.administers && group.is_none() && asleep.is_empty();
            for permission in &role.permissions {
                self.add(permission, group, &source, &via, asleep);
            }
            for included in &role.includes {
                if let Some(next) = self.sources.roles.get(included).filter(|next| seen.insert(&next.key)) {
                    let mut via = via.clone();
                    via.push(Via::Includes(included.clone()));
                    pending.push_back((next, via));
                }
            }
        }
    }

    /// A global role over a subtree means the person's own level and below (X04-2): the home group, where there is one. Other groups
    /// that the person is in, such as one for everybody, do not widen it.
    fn at_home(&self, place: Place, asleep: &BTreeSet<Asleep>) -> (Place, BTreeSet<Asleep>) {
        let mut asleep = asleep.clone();
        match (place, self.sources.user.home_group) {
            (Place::OwnSubtrees, Some(home)) => {
                let is_disabled = self.sources.group(home).is_some_and(|group| !group.enabled);
                asleep.extend(is_disabled.then_some(Asleep::DisabledGroup(home)));
                (Place::Subtree(home), asleep)
            }
            _ => (place, asleep),
        }
    }

    /// A permission with what it contains and implies, each action once by the shortest way.
    fn add(
        &mut self,
        permission: &Permission,
        group: Option<GroupId>,
        source: &Source,
        via: &[Via],
        asleep: &BTreeSet<Asleep>,
    ) {
        let catalogue = self.sources.catalogue;
        let (place, asleep) = self.at_home(reach_of(permission.reach, group), asleep);
        let mut seen = BTreeSet::from([&permission.action]);
        let mut pending = VecDeque::from([(&permission.action, permission.parameters.clone(), via.to_vec())]);
        while let Some((action, parameters, via)) = pending.pop_front() {
            let definition = catalogue.get(action);
            let feature = definition.and_then(|definition| definition.requires_feature.as_ref());
            let missing = feature.filter(|feature| !self.sources.features.contains(*feature));
            let mut asleep = asleep.clone();
            asleep.extend(missing.cloned().map(Asleep::NoFeature));
            let children = catalogue
                .values()
                .filter(|child| child.parent.as_ref() == Some(action) && !child.flag)
                .map(|child| (&child.key, Via::Contained(action.clone())));
            let implied = definition.into_iter().flat_map(|definition| &definition.implies);
            let implied = implied.map(|next| (next, Via::Implied(action.clone())));
            for (next, step) in children.chain(implied) {
                if seen.insert(next) {
                    let known = catalogue.get(next).map(|definition| &definition.parameters);
                    let mut parameters = parameters.clone();
                    // The gateway's own actions know one parameter.
                    let is_own = is_gateway_action(next);
                    parameters.retain(|name, _| match known {
                        Some(known) => known.contains_key(name),
                        None => is_own && name.as_str() == VISIBILITY,
                    });
                    let mut via = via.clone();
                    via.push(step);
                    pending.push_back((next, parameters, via));
                }
            }
            self.rights.insert(Right {
                action: action.clone(),
                place: narrowed(place, &parameters, &via),
                parameters,
                source: source.clone(),
                via,
                asleep,
            });
        }
    }

    /// A role that is held through disabled groups only sleeps (S003-40, `seeds.md` A8).
    fn sleeping(&self, origins: &Origins) -> Option<Asleep> {
        let mut through = None;
        for origin in origins {
            match origin {
                Origin::Group(group) if self.sources.group(*group).is_some_and(|group| !group.enabled) => {
                    through = Some(Asleep::DisabledGroup(*group));
                }
                _ => return None,
            }
        }
        through
    }

    fn unseated(&self, role: &Role) -> Option<Asleep> {
        let licence = role.requires_licence.as_ref()?;
        let claim = self.sources.user.licences.get(licence);
        let is_seated = claim.is_some_and(|claim| claim.pool(licence).is_some());
        (!is_seated).then(|| Asleep::NoSeat(licence.clone()))
    }
}
