//! The fixpoint of links equals a model that knows nothing of work lists: what is reached, step by step, until nothing is added.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::{btree_map, btree_set};
use proptest::prelude::*;
use usher::model::id::GroupId;
use usher::model::origin::{Origin, Origins};
use usher::model::role_link::{Held, Links};
use usher::model::slug::Slug;

fn role(number: u8) -> Slug {
    format!("r{number}").parse().expect("a slug")
}

fn group(number: u8) -> GroupId {
    GroupId::new(uuid::Uuid::from_u128(u128::from(number) + 1))
}

/// Of six, so that circles are common.
fn number() -> impl Strategy<Value = u8> {
    0..6_u8
}

fn links() -> impl Strategy<Value = Links> {
    let one_way = || btree_map(number(), btree_set(number(), 0..3), 0..6);
    (one_way(), one_way()).prop_map(|(linked, given)| Links {
        linked: linked
            .into_iter()
            .map(|(from, to)| (role(from), to.into_iter().map(group).collect()))
            .collect(),
        given: given
            .into_iter()
            .map(|(from, to)| (group(from), to.into_iter().map(role).collect()))
            .collect(),
    })
}

/// What somebody may be found with, links that no longer hold included.
fn held() -> impl Strategy<Value = Held> {
    let of_role = prop_oneof![
        Just(Origin::Direct),
        Just(Origin::Default),
        number().prop_map(|from| Origin::Group(group(from))),
    ];
    let of_group = prop_oneof![Just(Origin::Direct), number().prop_map(|from| Origin::Role(role(from)))];
    let roles = btree_map(number().prop_map(role), btree_set(of_role, 1..3), 0..4);
    let groups = btree_map(number().prop_map(group), btree_set(of_group, 1..3), 0..4);
    (roles, groups).prop_map(|(roles, groups)| Held { roles, groups })
}

/// Round after round over everything.
fn naive(held: &Held, links: &Links) -> Held {
    let own = |origins: &Origins| -> Origins {
        let follows = |origin: &&Origin| !matches!(origin, Origin::Group(_) | Origin::Role(_));
        origins.iter().filter(follows).cloned().collect()
    };
    let mut roles: BTreeMap<Slug, Origins> = BTreeMap::new();
    let mut groups: BTreeMap<GroupId, Origins> = BTreeMap::new();
    for (role, origins) in &held.roles {
        roles.insert(role.clone(), own(origins));
    }
    for (group, origins) in &held.groups {
        groups.insert(*group, own(origins));
    }
    loop {
        let before = (roles.clone(), groups.clone());
        let is_held = |origins: Option<&Origins>| origins.is_some_and(|origins| !origins.is_empty());
        for (role, to) in &links.linked {
            for group in to.iter().filter(|_| is_held(before.0.get(role))) {
                groups.entry(*group).or_default().insert(Origin::Role(role.clone()));
            }
        }
        for (group, to) in &links.given {
            for role in to.iter().filter(|_| is_held(before.1.get(group))) {
                roles.entry(role.clone()).or_default().insert(Origin::Group(*group));
            }
        }
        if (&roles, &groups) == (&before.0, &before.1) {
            roles.retain(|_, origins| !origins.is_empty());
            groups.retain(|_, origins| !origins.is_empty());
            return Held { roles, groups };
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_fixpoint_equals_the_naive_model(held in held(), links in links()) {
        prop_assert_eq!(held.settled(&links), naive(&held, &links));
    }

    #[test]
    fn settling_twice_changes_nothing(held in held(), links in links()) {
        let once = held.settled(&links);
        prop_assert_eq!(once.settled(&links), once);
    }

    #[test]
    fn nothing_stays_without_a_root(held in held(), links in links()) {
        let mut rootless = held;
        for origins in rootless.roles.values_mut() {
            origins.retain(|origin| matches!(origin, Origin::Group(_)));
        }
        for origins in rootless.groups.values_mut() {
            origins.retain(|origin| matches!(origin, Origin::Role(_)));
        }
        prop_assert_eq!(rootless.settled(&links), Held::default());
    }
}

#[test]
fn each_reason_is_kept_beside_the_others() {
    let held = Held {
        roles: BTreeMap::from([(role(1), Origins::from([Origin::Direct]))]),
        groups: BTreeMap::new(),
    };
    let links = Links {
        linked: BTreeMap::from([(role(1), BTreeSet::from([group(1)]))]),
        given: BTreeMap::from([(group(1), BTreeSet::from([role(1), role(2)]))]),
    };
    let settled = held.settled(&links);
    assert_eq!(
        settled.roles[&role(1)],
        Origins::from([Origin::Direct, Origin::Group(group(1))])
    );
    assert_eq!(settled.roles[&role(2)], Origins::from([Origin::Group(group(1))]));
    assert_eq!(settled.groups[&group(1)], Origins::from([Origin::Role(role(1))]));
}
