//! PATCH as RFC 7644 section 3.5.2 describes it. Every test holds on lenient and on strict connections.

use serde_json::{Value, json};
use usher::model::Object;
use usher::model::deviation::Strictness;
use usher::model::normalise::Member;
use usher::model::patch::{MemberChange, Patched};

use super::samples::{ENTERPRISE, barbara, object, patch_group, patch_user};

/// The outcome, which must be the same on both kinds of connection.
#[track_caller]
fn patched(current: &Object, operations: Value) -> Object {
    let outcome =
        |strictness| patch_user(current, operations.clone(), strictness).unwrap_or_else(|error| panic!("{error}"));
    let (lenient, strict) = (outcome(Strictness::Lenient), outcome(Strictness::Strict));
    assert_eq!(lenient, strict);
    assert_eq!(strict.deviations, []);
    assert_eq!(strict.changed, strict.resource != *current);
    strict.resource
}

#[track_caller]
fn members(operations: Value) -> Vec<MemberChange> {
    let outcome = |strictness| patch_group(operations.clone(), strictness).unwrap_or_else(|error| panic!("{error}"));
    let (lenient, strict): (Patched, Patched) = (outcome(Strictness::Lenient), outcome(Strictness::Strict));
    assert_eq!(lenient.members, strict.members);
    assert!(!strict.changed, "members are not part of the resource");
    strict.members
}

fn member(value: &str) -> Member {
    Member {
        value: value.to_owned(),
        type_: None,
    }
}

#[test]
fn s3_5_2_1_add_a_member() {
    let change = members(json!([{"op": "add", "path": "members", "value": [
        {"display": "Babs Jensen", "$ref": "https://example.com/v2/Users/2819c223", "value": "2819c223"}
    ]}]));
    assert_eq!(change, [MemberChange::Add(vec![member("2819c223")])]);
}

#[test]
fn s3_5_2_1_add_without_a_path() {
    let user = patched(
        &barbara(),
        json!([{"op": "add", "value": {"emails": [{"value": "babs@example.org", "type": "other"}], "nickname": "Babs"}}]),
    );
    assert_eq!(user["nickName"], "Babs");
    assert_eq!(user["emails"].as_array().unwrap().len(), 3);
    assert_eq!(user["emails"][2], json!({"value": "babs@example.org", "type": "other"}));
}

#[test]
fn s3_5_2_1_adding_what_is_there_changes_nothing() {
    for operation in [
        json!({"op": "add", "path": "title", "value": "Tour Guide"}),
        json!({"op": "add", "path": "emails", "value": [{"value": "babs@jensen.org", "type": "home"}]}),
        json!({"op": "add", "path": "name", "value": {"givenName": "Barbara"}}),
        json!({"op": "add", "value": {"active": true, "userName": "bjensen@example.com"}}),
        json!({"op": "remove", "path": "nickName"}),
        json!({"op": "remove", "path": "emails[type eq \"other\"]"}),
        json!({"op": "remove", "path": "photos"}),
    ] {
        assert_eq!(patched(&barbara(), json!([operation])), barbara(), "{operation}");
    }
}

#[test]
fn s3_5_2_1_add_replaces_a_single_value_and_merges_a_complex_one() {
    let user = patched(
        &barbara(),
        json!([
            {"op": "add", "path": "title", "value": "Chief"},
            {"op": "add", "path": "name", "value": {"middleName": "Jane"}},
            {"op": "add", "path": "name.honorificPrefix", "value": "Ms."},
            {"op": "add", "path": format!("{ENTERPRISE}:costCenter"), "value": "4130"}
        ]),
    );
    assert_eq!(user["title"], "Chief");
    assert_eq!(
        user["name"],
        json!({"familyName": "Jensen", "givenName": "Barbara", "middleName": "Jane", "honorificPrefix": "Ms."})
    );
    assert_eq!(user[ENTERPRISE]["costCenter"], "4130");
    assert_eq!(user[ENTERPRISE]["department"], "Tour Operations");
}

#[test]
fn s3_5_2_a_qualified_name_adds_its_extension() {
    let current = object(json!({"userName": "b"}));
    let expected = object(json!({"userName": "b", ENTERPRISE: {"employeeNumber": "7"}}));
    let path = format!("{ENTERPRISE}:employeeNumber");
    assert_eq!(
        patched(&current, json!([{"op": "add", "path": path, "value": "7"}])),
        expected
    );
    assert_eq!(
        patched(&current, json!([{"op": "add", "value": {path.as_str(): "7"}}])),
        expected
    );
    assert_eq!(
        patched(
            &current,
            json!([{"op": "replace", "value": {ENTERPRISE: {"employeeNumber": "7"}}}])
        ),
        expected
    );
    assert_eq!(
        patched(
            &current,
            json!([{"op": "replace", "path": ENTERPRISE, "value": {"employeeNumber": "7"}}])
        ),
        expected
    );
    assert_eq!(
        patched(&expected, json!([{"op": "remove", "path": path}])),
        current,
        "and takes it away again"
    );
    assert_eq!(
        patched(&expected, json!([{"op": "remove", "path": ENTERPRISE}])),
        current
    );
}

#[test]
fn s3_5_2_a_new_primary_value_resets_the_old_one() {
    let user = patched(
        &barbara(),
        json!([{"op": "add", "path": "emails", "value": [{"value": "new@example.com", "type": "other", "primary": true}]}]),
    );
    let primaries: Vec<_> = user["emails"]
        .as_array()
        .unwrap()
        .iter()
        .map(|email| email["primary"].clone())
        .collect();
    assert_eq!(primaries, [json!(false), Value::Null, json!(true)]);
    let user = patched(
        &barbara(),
        json!([{"op": "replace", "path": "emails[type eq \"home\"].primary", "value": true}]),
    );
    assert_eq!(user["emails"][0]["primary"], false);
    assert_eq!(user["emails"][1]["primary"], true);
}

#[test]
fn s3_5_2_2_remove_one_member() {
    let change = members(json!([{"op": "remove", "path": "members[value eq \"2819c223-7f76-...413861904646\"]"}]));
    assert_eq!(
        change,
        [MemberChange::Remove(vec!["2819c223-7f76-...413861904646".to_owned()])]
    );
}

#[test]
fn s3_5_2_2_remove_all_members() {
    assert_eq!(
        members(json!([{"op": "remove", "path": "members"}])),
        [MemberChange::RemoveAll]
    );
    assert_eq!(
        members(json!([{"op": "remove", "path": "members", "value": null}])),
        [MemberChange::RemoveAll]
    );
}

#[test]
fn s3_5_2_2_remove_members_by_another_filter() {
    let change = members(json!([{"op": "remove", "path": "members[type eq \"Group\" or value sw \"x\"]"}]));
    let [MemberChange::RemoveWhere(filter)] = &change[..] else {
        panic!("{change:?}")
    };
    assert!(filter.matches(&json!({"value": "1", "type": "Group"})));
    assert!(filter.matches(&json!({"value": "x1", "type": "User"})));
    assert!(!filter.matches(&json!({"value": "1", "type": "User"})));
    let change = members(json!([{"op": "remove", "path": "members[value eq \"a\" or value eq \"b\"]"}]));
    assert_eq!(change, [MemberChange::Remove(vec!["a".to_owned(), "b".to_owned()])]);
}

#[test]
fn s3_5_2_2_remove_a_value_of_a_multi_valued_attribute() {
    let user = patched(
        &barbara(),
        json!([{"op": "remove", "path": "emails[type eq \"work\" and value ew \"example.com\"]"}]),
    );
    assert_eq!(user["emails"], json!([{"value": "babs@jensen.org", "type": "home"}]));
    let user = patched(
        &user,
        json!([{"op": "remove", "path": "emails[value ew \"jensen.org\"]"}]),
    );
    assert!(!user.contains_key("emails"), "no value is left: unassigned");
}

#[test]
fn s3_5_2_2_remove_sub_attributes_and_whole_attributes() {
    let user = patched(
        &barbara(),
        json!([
            {"op": "remove", "path": "name.givenName"},
            {"op": "remove", "path": "addresses[type eq \"work\"].country"},
            {"op": "remove", "path": "title"},
            {"op": "remove", "path": "emails"},
            {"op": "remove", "path": format!("{ENTERPRISE}:manager")}
        ]),
    );
    assert_eq!(user["name"], json!({"familyName": "Jensen"}));
    assert_eq!(user["addresses"], json!([{"type": "work", "locality": "Hollywood"}]));
    assert!(!user.contains_key("title") && !user.contains_key("emails"));
    assert_eq!(
        user[ENTERPRISE],
        json!({"employeeNumber": "701984", "department": "Tour Operations"})
    );
    assert!(!patched(&user, json!([{"op": "remove", "path": "name.familyName"}])).contains_key("name"));
}

#[test]
fn s3_5_2_2_remove_and_add_in_one_request() {
    let change = members(json!([
        {"op": "remove", "path": "members[value eq\"2819c223\"]"},
        {"op": "add", "path": "members", "value": [{"display": "James Smith", "value": "08e1d05d"}]}
    ]));
    assert_eq!(
        change,
        [
            MemberChange::Remove(vec!["2819c223".to_owned()]),
            MemberChange::Add(vec![member("08e1d05d")])
        ]
    );
    let change = members(json!([
        {"op": "remove", "path": "members"},
        {"op": "add", "path": "members", "value": [{"value": "2819c223"}, {"value": "08e1d05d"}]}
    ]));
    assert_eq!(
        change,
        [
            MemberChange::RemoveAll,
            MemberChange::Add(vec![member("2819c223"), member("08e1d05d")])
        ]
    );
}

#[test]
fn s3_5_2_3_replace_all_members() {
    let value =
        json!([{"display": "Babs", "value": "2819c223"}, {"display": "James", "value": "08e1d05d", "type": "User"}]);
    let james = Member {
        value: "08e1d05d".to_owned(),
        type_: Some("User".to_owned()),
    };
    let expected = [MemberChange::Replace(vec![member("2819c223"), james])];
    assert_eq!(
        members(json!([{"op": "replace", "path": "members", "value": value}])),
        expected
    );
    assert_eq!(
        members(json!([{"op": "replace", "value": {"members": value}}])),
        expected
    );
    let nobody = [MemberChange::Replace(vec![])];
    assert_eq!(
        members(json!([{"op": "replace", "path": "members", "value": []}])),
        nobody
    );
}

#[test]
fn s3_5_2_3_replace_the_work_address() {
    let address = json!({
        "type": "work", "streetAddress": "911 Universal City Plaza", "locality": "Hollywood", "region": "CA",
        "postalCode": "91608", "country": "US", "formatted": "911 Universal City Plaza\nHollywood, CA 91608 US", "primary": true
    });
    let mut current = barbara();
    current["addresses"]
        .as_array_mut()
        .unwrap()
        .push(json!({"type": "home", "locality": "Oslo", "primary": true}));
    let user = patched(
        &current,
        json!([{"op": "replace", "path": "addresses[type eq \"work\"]", "value": address}]),
    );
    assert_eq!(
        user["addresses"],
        json!([address, {"type": "home", "locality": "Oslo", "primary": false}])
    );
}

#[test]
fn s3_5_2_3_replace_the_street_of_the_work_address() {
    let operations =
        json!([{"op": "replace", "path": "addresses[type eq \"work\"].streetAddress", "value": "1010 Broadway Ave"}]);
    let user = patched(&barbara(), operations);
    assert_eq!(
        user["addresses"],
        json!([{"type": "work", "locality": "Hollywood", "country": "US", "streetAddress": "1010 Broadway Ave"}])
    );
}

#[test]
fn s3_5_2_3_replace_values_without_a_path() {
    let user = patched(
        &barbara(),
        json!([{"op": "replace", "value": {
            "emails": [{"value": "bjensen@example.com", "type": "work", "primary": true}, {"value": "b@jensen.org", "type": "home"}],
            "nickname": "Babs"
        }}]),
    );
    assert_eq!(user["emails"].as_array().unwrap().len(), 2);
    assert_eq!(user["emails"][1]["value"], "b@jensen.org");
    assert_eq!(user["nickName"], "Babs");
    assert_eq!(user["title"], "Tour Guide", "other attributes are unaffected");
}

#[test]
fn s3_5_2_3_a_sub_attribute_that_is_not_mentioned_stays() {
    let user = patched(
        &barbara(),
        json!([
            {"op": "replace", "path": "name", "value": {"givenName": "Babs"}},
            {"op": "replace", "value": {ENTERPRISE: {"department": "Sales"}}}
        ]),
    );
    assert_eq!(user["name"], json!({"familyName": "Jensen", "givenName": "Babs"}));
    assert_eq!(user[ENTERPRISE]["employeeNumber"], "701984");
    assert_eq!(user[ENTERPRISE]["department"], "Sales");
}

#[test]
fn s3_5_2_3_replace_of_what_does_not_exist_adds_it() {
    let user = patched(
        &barbara(),
        json!([
            {"op": "replace", "path": "nickName", "value": "Babs"},
            {"op": "replace", "path": "ims", "value": [{"value": "babs"}]}
        ]),
    );
    assert_eq!(user["nickName"], "Babs");
    assert_eq!(user["ims"], json!([{"value": "babs"}]));
}

#[test]
fn s3_5_2_3_null_unassigns() {
    let user = patched(
        &barbara(),
        json!([
            {"op": "replace", "path": "title", "value": null},
            {"op": "replace", "path": "emails", "value": []},
            {"op": "replace", "path": "name", "value": {"givenName": null}},
            {"op": "replace", "value": {"userType": null, ENTERPRISE: null}}
        ]),
    );
    assert_eq!(user["name"], json!({"familyName": "Jensen"}));
    for gone in ["title", "emails", "userType", ENTERPRISE] {
        assert!(!user.contains_key(gone), "{gone}");
    }
}

#[test]
fn operations_see_the_outcome_of_those_before_them() {
    let user = patched(
        &barbara(),
        json!([
            {"op": "add", "path": "emails", "value": [{"value": "x@example.com", "type": "other"}]},
            {"op": "replace", "path": "emails[type eq \"other\"].value", "value": "y@example.com"},
            {"op": "remove", "path": "emails[value eq \"bjensen@example.com\"]"}
        ]),
    );
    assert_eq!(
        user["emails"],
        json!([{"value": "babs@jensen.org", "type": "home"}, {"value": "y@example.com", "type": "other"}])
    );
}

#[test]
fn a_password_is_handed_over_and_never_stored() {
    let outcome = |operation: Value| patch_user(&barbara(), json!([operation]), Strictness::Strict).unwrap();
    let set = outcome(json!({"op": "replace", "path": "password", "value": "new secret"}));
    assert_eq!(
        (set.password, set.changed, &set.resource),
        (Some(Some("new secret".to_owned())), false, &barbara())
    );
    assert_eq!(
        outcome(json!({"op": "replace", "value": {"password": "x"}})).password,
        Some(Some("x".to_owned()))
    );
    assert_eq!(
        outcome(json!({"op": "remove", "path": "password"})).password,
        Some(None)
    );
    assert_eq!(outcome(json!({"op": "remove", "path": "title"})).password, None);
}
