//! PATCH as real clients send it, on a lenient connection.

use serde_json::{Value, json};
use usher::model::deviation::{Deviation, Strictness};
use usher::model::normalise::Member;
use usher::model::patch::{MemberChange, PatchLimits, PatchRequest, patch};
use usher::model::schema::SchemaSet;

use super::samples::{ENTERPRISE, barbara, object, patch_group, patch_user, patched};

fn deviations(operations: Value) -> Vec<&'static str> {
    let outcome = patch_user(&barbara(), operations, Strictness::Lenient).unwrap_or_else(|error| panic!("{error}"));
    outcome.deviations.iter().map(Deviation::name).collect()
}

#[test]
fn entra_writes_operations_with_a_capital_and_booleans_as_text() {
    let operations = json!([{"op": "Replace", "path": "active", "value": "False"}]);
    assert_eq!(patched(&barbara(), operations.clone())["active"], false);
    assert_eq!(deviations(operations), ["operationCase", "booleanText"]);
    assert_eq!(
        patched(&barbara(), json!([{"op": "Add", "path": "active", "value": "True"}]))["active"],
        true
    );
}

#[test]
fn entra_sets_a_value_of_an_element_that_does_not_exist() {
    for op in ["Add", "Replace"] {
        let operations = json!([
            {"op": op, "path": "phoneNumbers[type eq \"mobile\"].value", "value": "+1 (425) 555-0100"},
            {"op": op, "path": "emails[type eq \"other\"]", "value": {"value": "o@example.com"}}
        ]);
        let user = patched(&barbara(), operations.clone());
        assert_eq!(
            user["phoneNumbers"],
            json!([{"type": "mobile", "value": "+1 (425) 555-0100"}])
        );
        assert_eq!(user["emails"][2], json!({"type": "other", "value": "o@example.com"}));
        assert!(deviations(operations).contains(&"createdFromFilter"));
    }
}

#[test]
fn entra_fills_one_element_by_several_operations() {
    let current = object(json!({"userName": "b"}));
    let user = patched(
        &current,
        json!([
            {"op": "Add", "path": "emails[type eq \"work\"].primary", "value": "True"},
            {"op": "Add", "path": "emails[type eq \"work\"].value", "value": "b@example.com"},
            {"op": "Add", "path": "emails[type eq \"work\"].type", "value": "work"},
            {"op": "Add", "path": "addresses[type eq \"work\"].streetAddress", "value": "1 Street"},
            {"op": "Add", "path": "addresses[type eq \"work\"].locality", "value": "Town"},
            {"op": "Add", "path": "addresses[type eq \"work\"].region", "value": "R"},
            {"op": "Add", "path": "addresses[type eq \"work\"].postalCode", "value": "1"},
            {"op": "Add", "path": "addresses[type eq \"work\"].country", "value": "NL"}
        ]),
    );
    assert_eq!(
        user["emails"],
        json!([{"type": "work", "primary": true, "value": "b@example.com"}])
    );
    assert_eq!(
        user["addresses"],
        json!([{"type": "work", "streetAddress": "1 Street", "locality": "Town", "region": "R", "postalCode": "1", "country": "NL"}])
    );
}

#[test]
fn entra_sends_app_roles_as_json_text() {
    let role = r#"{"id":"06b07648","value":"25","displayName":"Role1234"}"#;
    let current = object(json!({"userName": "b", "roles": [{"value": "old", "primary": true}]}));
    let user = patched(
        &current,
        json!([{"op": "Add", "path": "roles[primary eq \"True\"].value", "value": role}]),
    );
    assert_eq!(
        user["roles"],
        json!([{"value": "25", "display": "Role1234", "primary": true}])
    );
    let none = object(json!({"userName": "b"}));
    let user = patched(
        &none,
        json!([{"op": "Replace", "path": "roles[primary eq \"True\"].value", "value": role}]),
    );
    assert_eq!(
        user["roles"],
        json!([{"value": "25", "display": "Role1234", "primary": true}])
    );
    // AppRoleAssignmentsComplex adds, AssertiveAppRoleAssignmentsComplex replaces.
    let element = json!([{"primary": "False", "type": "WindowsAzureActiveDirectoryRole", "value": role}]);
    let stored =
        json!({"value": "25", "display": "Role1234", "primary": false, "type": "WindowsAzureActiveDirectoryRole"});
    let user = patched(&current, json!([{"op": "Add", "path": "roles", "value": element}]));
    assert_eq!(user["roles"], json!([{"value": "old", "primary": true}, stored]));
    let user = patched(&current, json!([{"op": "Replace", "path": "roles", "value": element}]));
    assert_eq!(user["roles"], json!([stored]));
}

#[test]
fn entra_and_others_write_the_manager_in_many_ways() {
    let current = object(
        json!({"userName": "b", ENTERPRISE: {"department": "D", "manager": {"value": "1", "$ref": "../Users/1"}}}),
    );
    let paths = [
        "manager".to_owned(),
        "manager.value".to_owned(),
        format!("{ENTERPRISE}:manager"),
        format!("{ENTERPRISE}:manager.value"),
        format!("{ENTERPRISE}.manager"),
        "manager[value eq \"1\"]".to_owned(),
    ];
    for path in &paths {
        let user = patched(&current, json!([{"op": "Replace", "path": path, "value": "26"}]));
        assert_eq!(
            user[ENTERPRISE],
            json!({"department": "D", "manager": {"value": "26"}}),
            "{path}"
        );
    }
    for value in [
        json!({"value": "26"}),
        json!([{"value": "26", "$ref": null}]),
        json!(["26"]),
        json!("26"),
    ] {
        for op in ["Add", "Replace"] {
            let user = patched(&current, json!([{"op": op, "path": "manager", "value": value}]));
            assert_eq!(user[ENTERPRISE]["manager"], json!({"value": "26"}), "{value}");
            let user = patched(&current, json!([{"op": op, "value": {ENTERPRISE: {"manager": value}}}]));
            assert_eq!(user[ENTERPRISE]["manager"], json!({"value": "26"}), "{value}");
        }
    }
    let removals = [
        json!({"op": "Replace", "path": "manager", "value": ""}),
        json!({"op": "Replace", "path": "manager", "value": []}),
        json!({"op": "Remove", "path": "manager"}),
        json!({"op": "Remove", "path": format!("{ENTERPRISE}:manager[value eq \"1\"]")}),
        json!({"op": "replace", "value": {format!("{ENTERPRISE}:manager"): null}}),
    ];
    for removal in removals {
        assert_eq!(
            patched(&current, json!([removal]))[ENTERPRISE],
            json!({"department": "D"}),
            "{removal}"
        );
    }
    let other = json!([{"op": "Remove", "path": "manager[value eq \"2\"]"}]);
    assert_eq!(patched(&current, other), current, "somebody else's removal");
}

#[test]
fn entra_with_its_flag_sends_paths_as_keys() {
    let operations = json!([
        {"op": "replace", "value": {
            "displayName": "Babs", "name.givenName": "Babs", "name.familyName": "J", format!("{ENTERPRISE}:department"): "Sales",
            "emails[type eq \"work\"].value": "new@example.com", "active": false
        }},
        {"op": "replace", "path": "emails[type eq \"home\"].value", "value": "home@example.com"}
    ]);
    let user = patched(&barbara(), operations);
    assert_eq!(user["name"], json!({"familyName": "J", "givenName": "Babs"}));
    assert_eq!(user[ENTERPRISE]["department"], "Sales");
    assert_eq!((&user["active"], &user["displayName"]), (&json!(false), &json!("Babs")));
    assert_eq!(user["emails"][0]["value"], "new@example.com");
    assert_eq!(user["emails"][1]["value"], "home@example.com");
}

#[test]
fn entra_clears_by_empty_texts_and_nulls() {
    let user = patched(
        &barbara(),
        json!([
            {"op": "Replace", "path": "title", "value": ""},
            {"op": "Replace", "path": "name.givenName", "value": ""},
            {"op": "Replace", "path": "emails[type eq \"work\"].value", "value": ""},
            {"op": "Replace", "path": "phoneNumbers[type eq \"work\"].value", "value": null},
            {"op": "replace", "value": {"userType": "", format!("{ENTERPRISE}:department"): null}}
        ]),
    );
    assert!(!user.contains_key("title") && !user.contains_key("userType") && !user.contains_key("phoneNumbers"));
    assert_eq!(user["name"], json!({"familyName": "Jensen"}));
    assert_eq!(
        user["emails"],
        json!([{"value": "babs@jensen.org", "type": "home"}]),
        "no hollow element stays"
    );
    assert_eq!(user[ENTERPRISE].get("department"), None);
}

#[test]
fn entra_lists_the_members_that_it_removes() {
    let listed = json!([{"op": "Remove", "path": "members", "value": [{"$ref": null, "value": "u1"}, {"$ref": null, "value": "u2"}]}]);
    let outcome = patch_group(listed, Strictness::Lenient).unwrap();
    assert_eq!(
        outcome.members,
        [MemberChange::Remove(vec!["u1".to_owned(), "u2".to_owned()])]
    );
    assert!(outcome.deviations.contains(&Deviation::RemoveListed {
        attribute: "members".to_owned()
    }));
    let nothing = patch_group(
        json!([{"op": "Remove", "path": "members", "value": []}]),
        Strictness::Lenient,
    )
    .unwrap();
    assert_eq!(nothing.members, [], "an empty list removes nobody");
    let user = patched(
        &barbara(),
        json!([{"op": "Remove", "path": "emails", "value": [{"value": "babs@jensen.org"}]}]),
    );
    assert_eq!(user["emails"].as_array().unwrap().len(), 1);
    let user = patched(
        &barbara(),
        json!([{"op": "Remove", "path": "emails", "value": [{"value": "babs@jensen.org", "type": "work"}]}]),
    );
    assert_eq!(user["emails"].as_array().unwrap().len(), 2, "the type says otherwise");
}

#[test]
fn members_arrive_in_many_forms() {
    let u1 = || {
        MemberChange::Add(vec![Member {
            value: "u1".to_owned(),
            type_: None,
        }])
    };
    for operation in [
        json!({"op": "Add", "path": "members", "value": [{"$ref": null, "value": "u1"}]}),
        json!({"op": "add", "path": "members", "value": {"value": "u1", "display": null}}),
        json!({"op": "add", "path": "members", "value": "u1"}),
        json!({"op": "add", "path": "members", "value": ["u1", "u1"]}),
        json!({"op": "add", "path": "Members", "value": [{"value": "u1", "displayName": "x"}]}),
        json!({"op": "add", "value": {"members": [{"value": "u1"}]}}),
        json!({"op": "add", "path": "members[value eq \"u1\"]", "value": {"value": "u1"}}),
        json!({"op": "add", "path": "urn:ietf:params:scim:schemas:core:2.0:Group:members", "value": [{"value": "u1"}]}),
    ] {
        let outcome =
            patch_group(json!([operation]), Strictness::Lenient).unwrap_or_else(|error| panic!("{operation}: {error}"));
        assert_eq!(outcome.members, [u1()], "{operation}");
    }
}

#[test]
fn okta_renames_a_group_without_a_path_and_with_its_id() {
    let operations = json!([
        {"op": "replace", "value": {"id": "acbf3ae7", "displayName": "Guides", "schemas": ["x"], "meta": {}}},
        {"op": "remove", "path": "members[value eq \"u1\"]"},
        {"op": "add", "path": "members", "value": [{"value": "u2", "display": "x@example.com"}]}
    ]);
    let outcome = patch_group(operations, Strictness::Lenient).unwrap();
    assert_eq!(
        outcome.resource,
        object(json!({"id": "acbf3ae7", "displayName": "Guides"}))
    );
    assert!(outcome.changed);
    let u2 = Member {
        value: "u2".to_owned(),
        type_: None,
    };
    assert_eq!(
        outcome.members,
        [MemberChange::Remove(vec!["u1".to_owned()]), MemberChange::Add(vec![u2])]
    );
    let names: Vec<_> = outcome.deviations.iter().map(Deviation::name).collect();
    assert_eq!(names, ["readOnlyIgnored", "readOnlyIgnored"]);
}

#[test]
fn okta_deactivates_without_a_path() {
    let operations = json!([{"op": "replace", "value": {"active": false}}]);
    assert_eq!(patched(&barbara(), operations.clone())["active"], false);
    assert_eq!(deviations(operations), [""; 0]);
}

#[test]
fn sailpoint_sends_one_part_of_a_name_at_a_time() {
    let user = patched(
        &barbara(),
        json!([
            {"op": "replace", "value": {"name": {"givenName": "A"}}},
            {"op": "replace", "value": {"name": {"familyName": "B"}}}
        ]),
    );
    assert_eq!(user["name"], json!({"givenName": "A", "familyName": "B"}));
}

#[test]
fn an_unknown_attribute_inside_a_value_never_refuses_the_whole_user() {
    let operations = json!([
        {"op": "replace", "value": {"favouriteColour": "red", "title": "T", "urn:example:2.0:User": {"a": 1}, "a b": 1, "groups": []}},
        {"op": "replace", "path": "urn:example:2.0:User:badge", "value": "7"},
        {"op": "replace", "path": ENTERPRISE, "value": {"colour": "red"}}
    ]);
    let user = patched(&barbara(), operations.clone());
    assert_eq!(user["title"], "T");
    let names = deviations(operations);
    let count = |wanted: &str| names.iter().filter(|name| **name == wanted).count();
    assert_eq!(
        (
            count("unknownAttribute"),
            count("unknownExtension"),
            count("readOnlyIgnored")
        ),
        (3, 2, 1)
    );
}

#[test]
fn the_envelope_may_be_sloppy() {
    let limits = PatchLimits::default();
    for body in [
        json!({"operations": [{"op": "add", "path": "title", "value": "T"}]}),
        json!({"Operations": {"op": "add", "path": "title", "value": "T"}}),
        json!({"schemas": ["urn:other"], "Operations": [{"Op": "ADD", "Path": "title", "Value": "T", "extra": 1}]}),
        json!({"schemas": ["URN:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "add", "path": null, "value": {"title": "T"}}]}),
        json!({"Operations": [{"op": "add", "path": "", "value": [{"title": "T"}]}]}),
        json!({"Operations": [{"op": "add", "path": "urn:ietf:params:scim:schemas:core:2.0:User", "value": {"title": "T"}}]}),
    ] {
        let request = PatchRequest::parse(body.clone(), limits, Strictness::Lenient)
            .unwrap_or_else(|error| panic!("{body}: {error}"));
        let outcome = patch(&SchemaSet::user(), &barbara(), &request, Strictness::Lenient).unwrap();
        assert_eq!(outcome.resource["title"], "T", "{body}");
    }
}

#[test]
fn a_replaced_element_keeps_the_label_that_selected_it() {
    let operations =
        json!([{"op": "replace", "path": "emails[type eq \"work\"]", "value": {"value": "w@example.com"}}]);
    assert_eq!(
        patched(&barbara(), operations)["emails"][0],
        json!({"type": "work", "value": "w@example.com"})
    );
    let operations = json!([{"op": "replace", "path": "emails[type eq \"work\"]", "value": null}]);
    assert_eq!(
        patched(&barbara(), operations)["emails"],
        json!([{"value": "babs@jensen.org", "type": "home"}])
    );
}

#[test]
fn a_sub_attribute_without_a_filter_means_every_element() {
    let operations = json!([{"op": "replace", "path": "emails.display", "value": "B"}]);
    let user = patched(&barbara(), operations);
    assert!(
        user["emails"]
            .as_array()
            .unwrap()
            .iter()
            .all(|email| email["display"] == "B")
    );
    let user = patched(
        &object(json!({"userName": "b"})),
        json!([{"op": "add", "path": "emails.value", "value": "b@x"}]),
    );
    assert_eq!(user["emails"], json!([{"value": "b@x"}]));
}

#[test]
fn the_journal_holds_no_personal_data() {
    let operations = json!([
        {"op": "Add", "path": "emails[value eq \"secret@example.com\"].type", "value": "other"},
        {"op": "Add", "value": {"ims[value eq \"secret\"].type": "xmpp", "title": ""}},
        {"op": "Add", "path": "manager[value eq \"secret\"].value", "value": "secret"}
    ]);
    let outcome = patch_user(&barbara(), operations, Strictness::Lenient).unwrap();
    assert!(outcome.deviations.len() > 4);
    for deviation in outcome.deviations {
        assert!(!deviation.to_string().contains("secret"), "{deviation}");
    }
}
