//! Permissions as text, and how rights add up.

use std::collections::{BTreeMap, BTreeSet};

use usher::model::effective::{Decision, Effective, Place, Right, Source, Target};
use usher::model::id::{GroupId, UserId};
use usher::model::role::Permission;

#[test]
fn a_permission_is_read_and_written_the_same() {
    for (text, written) in [
        ("meeting.plan", "meeting.plan@organisation"),
        ("meeting.plan@self", "meeting.plan@self"),
        ("user.view@subtree", "user.view@subtree"),
        ("call.make;visibility=all", "call.make@organisation;visibility=all"),
        ("call.make@group;b=2;a=1", "call.make@group;a=1;b=2"),
    ] {
        let permission: Permission = text.parse().expect(text);
        assert_eq!(permission.to_string(), written);
        assert_eq!(written.parse(), Ok(permission));
    }
}

#[test]
fn what_is_no_permission_is_refused() {
    for text in [
        "",
        "@self",
        "meeting plan",
        "Meeting.plan",
        "meeting.plan@",
        "meeting.plan@everywhere",
        "meeting.plan@self@group",
        "call.make;",
        "call.make;visibility",
        "call.make;=all",
        "call.make;visibility=",
        "call.make;a=1;a=2",
        "call.make;a=1@self",
    ] {
        assert!(text.parse::<Permission>().is_err(), "{text:?}");
    }
}

fn right(place: Place, visibility: Option<&str>) -> Right {
    let parameter = |value: &str| ("visibility".parse().expect("a name"), value.parse().expect("a value"));
    Right {
        action: "call.make".parse().expect("an action"),
        place,
        parameters: visibility.into_iter().map(parameter).collect(),
        source: Source::Grant,
        via: Vec::new(),
        asleep: BTreeSet::new(),
    }
}

fn somebody(rights: impl IntoIterator<Item = Right>) -> Effective {
    Effective {
        user: UserId::new(uuid::Uuid::from_u128(1)),
        administers: false,
        groups: BTreeSet::new(),
        rights: rights.into_iter().collect(),
    }
}

#[test]
fn limits_of_several_rights_add_up_and_a_right_without_one_lifts_it() {
    let target = Target::organisation();
    let all = Place::Organisation;
    let near = somebody([right(all, Some("same-room")), right(all, Some("same-site"))]);
    let Decision::Allowed(limits) = near.allows("call.make", &target) else {
        panic!("not allowed");
    };
    let values: Vec<&str> = limits.values().flatten().map(|value| value.as_str()).collect();
    assert_eq!(values, ["same-room", "same-site"]);
    let free = somebody([right(all, Some("same-room")), right(all, None)]);
    assert_eq!(free.allows("call.make", &target), Decision::Allowed(BTreeMap::new()));
}

#[test]
fn a_right_reaches_what_its_place_says_and_no_further() {
    let group = |number: u128| GroupId::new(uuid::Uuid::from_u128(number));
    let below = Target {
        user: None,
        groups: BTreeSet::from([group(2)]),
        above: BTreeSet::from([group(1)]),
    };
    let own = Target {
        user: Some(UserId::new(uuid::Uuid::from_u128(1))),
        ..Target::default()
    };
    for (place, reaches_below, reaches_own, reaches_all) in [
        (Place::Own, false, true, false),
        (Place::Group(group(1)), false, false, false),
        (Place::Group(group(2)), true, false, false),
        (Place::Subtree(group(1)), true, false, false),
        (Place::Subtree(group(3)), false, false, false),
        (Place::OwnGroups, false, true, false),
        (Place::Organisation, true, true, true),
    ] {
        let held = somebody([right(place, None)]);
        let told = [&below, &own, &Target::organisation()].map(|target| held.allows("call.make", target).is_allowed());
        assert_eq!(told, [reaches_below, reaches_own, reaches_all], "{place:?}");
    }
}
