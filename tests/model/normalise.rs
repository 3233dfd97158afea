//! From bodies as clients send them to the canonical form.

use serde_json::{Value, json};
use usher::model::deviation::{Deviation, Strictness};
use usher::model::normalise::{Member, Normalised, SchemaError, normalise};
use usher::model::schema::SchemaSet;
use usher::model::scim_type::ScimType;

use super::samples::{ENTERPRISE, object};

const CORE: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

fn lenient(body: Value) -> Normalised {
    normalise(&SchemaSet::user(), body.clone(), Strictness::Lenient).unwrap_or_else(|error| panic!("{body}: {error}"))
}

fn strict(body: Value) -> Result<Normalised, SchemaError> {
    normalise(&SchemaSet::user(), body, Strictness::Strict)
}

#[test]
fn a_clean_body_is_canonical_and_tolerates_nothing() {
    let body = json!({
        "schemas": [CORE, ENTERPRISE],
        "id": "ignored", "meta": {"resourceType": "User"}, "groups": [],
        "userName": "bjensen", "password": "t1meMa$heen",
        "name": {"givenName": "Barbara", "middleName": null},
        "emails": [{"value": "b@example.com", "type": "work", "primary": true}], "ims": [], "roles": null,
        "x509Certificates": [{"value": "TUlJRA"}], "profileUrl": "https://example.com/b",
        ENTERPRISE: {"department": "Tours", "manager": {"value": "26", "displayName": "not ours to say"}}
    });
    let expected = json!({
        "userName": "bjensen", "name": {"givenName": "Barbara"},
        "emails": [{"value": "b@example.com", "type": "work", "primary": true}],
        "x509Certificates": [{"value": "TUlJRA"}], "profileUrl": "https://example.com/b",
        ENTERPRISE: {"department": "Tours", "manager": {"value": "26"}}
    });
    for strictness in [Strictness::Strict, Strictness::Lenient] {
        let normalised = normalise(&SchemaSet::user(), body.clone(), strictness).unwrap();
        assert_eq!(normalised.resource, object(expected.clone()));
        assert_eq!(normalised.deviations, []);
        assert_eq!(normalised.password.as_deref(), Some("t1meMa$heen"));
        assert_eq!(normalised.members, None);
    }
}

#[test]
fn names_get_the_spelling_of_the_schema() {
    let body = json!({"SCHEMAS": [CORE.to_uppercase(), ENTERPRISE], "username": "b", "NAME": {"GIVENNAME": "B"},
        ENTERPRISE.to_lowercase(): {"costcenter": "1"}});
    let normalised = strict(body).unwrap();
    assert_eq!(
        normalised.resource,
        object(json!({"userName": "b", "name": {"givenName": "B"}, ENTERPRISE: {"costCenter": "1"}}))
    );
}

/// What is added to a minimal user, what becomes of it, the deviation on a lenient connection, and the `scimType` on a
/// strict one.
const DEVIATIONS: &[(&str, &str, &str, &str)] = &[
    (
        r#"{"active": "False"}"#,
        r#"{"active": false}"#,
        "booleanText",
        "invalidValue",
    ),
    (
        r#"{"active": "tRUE"}"#,
        r#"{"active": true}"#,
        "booleanText",
        "invalidValue",
    ),
    (
        r#"{"active": [true]}"#,
        r#"{"active": true}"#,
        "arrayForSingle",
        "invalidValue",
    ),
    (
        r#"{"name": [{"givenName": "B"}]}"#,
        r#"{"name": {"givenName": "B"}}"#,
        "arrayForSingle",
        "invalidValue",
    ),
    (
        r#"{"emails": {"value": "b@x"}}"#,
        r#"{"emails": [{"value": "b@x"}]}"#,
        "singleForMany",
        "invalidValue",
    ),
    (
        r#"{"emails": ["b@x"]}"#,
        r#"{"emails": [{"value": "b@x"}]}"#,
        "bareValue",
        "invalidValue",
    ),
    (r#"{"title": ""}"#, "{}", "emptyText", "invalidValue"),
    (r#"{"emails": ""}"#, "{}", "emptyText", "invalidValue"),
    (
        r#"{"emails": [{"value": "", "type": "work"}]}"#,
        r#"{"emails": [{"type": "work"}]}"#,
        "emptyText",
        "invalidValue",
    ),
    (
        r#"{"name.givenName": "B"}"#,
        r#"{"name": {"givenName": "B"}}"#,
        "keyIsPath",
        "invalidSyntax",
    ),
    (
        r#"{"favouriteColour": "red"}"#,
        "{}",
        "unknownAttribute",
        "invalidSyntax",
    ),
    (r#"{"name": {"nick": "B"}}"#, "{}", "unknownAttribute", "invalidSyntax"),
    (
        r#"{"urn:example:2.0:User": {"a": 1}}"#,
        "{}",
        "unknownExtension",
        "invalidSyntax",
    ),
    (
        r#"{"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"division": "D"}}"#,
        r#"{"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"division": "D"}}"#,
        "undeclaredExtension",
        "invalidSyntax",
    ),
    (
        r#"{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:scim:schemas:core:1.0"]}"#,
        "{}",
        "unknownSchema",
        "invalidSyntax",
    ),
    (r#"{"schemas": []}"#, "{}", "coreSchemaMissing", "invalidSyntax"),
    (
        r#"{"schemas": "urn:ietf:params:scim:schemas:core:2.0:User"}"#,
        "{}",
        "singleForMany",
        "invalidSyntax",
    ),
    (
        r#"{"emails": [{"value": "a", "primary": true}, {"value": "b", "primary": true}]}"#,
        r#"{"emails": [{"value": "a", "primary": false}, {"value": "b", "primary": true}]}"#,
        "severalPrimaries",
        "invalidValue",
    ),
    (
        r#"{"roles": [{"value": "{\"id\":\"1\",\"value\":\"25\",\"displayName\":\"Role\"}", "primary": true}]}"#,
        r#"{"roles": [{"value": "25", "display": "Role", "primary": true}]}"#,
        "jsonText",
        "invalidValue",
    ),
];

#[test]
fn each_deviation_is_read_and_named_or_refused() {
    for (extra, expected, deviation, scim_type) in DEVIATIONS {
        let read = |text: &str| object(serde_json::from_str(text).expect(text));
        let mut body = json!({"schemas": [CORE], "userName": "b"});
        let mut resource = object(json!({"userName": "b"}));
        body.as_object_mut().unwrap().extend(read(extra));
        resource.extend(read(expected));
        let normalised = lenient(body.clone());
        assert_eq!(normalised.resource, resource, "{extra}");
        let names: Vec<_> = normalised.deviations.iter().map(Deviation::name).collect();
        assert_eq!(names, [*deviation], "{extra}");
        let error = strict(body).expect_err(extra);
        assert_eq!(error.scim_type().as_str(), *scim_type, "{extra}");
    }
}

#[test]
fn a_user_as_onelogin_sends_it_is_accepted() {
    let normalised = lenient(json!({
        "schemas": ["urn:scim:schemas:core:2.0"], "id": null, "userName": "b", "active": "true", "title": "",
        "department": "Tours", "manager": {"managerId": "26"}
    }));
    assert_eq!(
        normalised.resource,
        object(
            json!({"userName": "b", "active": true, ENTERPRISE: {"department": "Tours", "manager": {"value": "26"}}})
        )
    );
}

#[test]
fn a_group_as_entra_sends_it_is_accepted() {
    let body = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group", "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],
        "externalId": "8aa1a0c0", "displayName": "Tours", "meta": {"resourceType": "Group"}
    });
    let normalised = normalise(&SchemaSet::group(), body, Strictness::Lenient).unwrap();
    assert_eq!(
        normalised.resource,
        object(json!({"externalId": "8aa1a0c0", "displayName": "Tours"}))
    );
    assert_eq!(normalised.members, None, "not mentioned is not cleared");
    assert_eq!(
        normalised.deviations.iter().map(Deviation::name).collect::<Vec<_>>(),
        ["unknownSchema"]
    );
}

#[test]
fn a_user_as_jumpcloud_and_okta_send_it_is_accepted() {
    let normalised = lenient(json!({
        "schemas": [ENTERPRISE, CORE], "id": "2819", "userName": "b", "externalId": "5f1b1c1d2e3f4a5b6c7d8e9f", "groups": [],
        "emails": null, "addresses": [], "photos": [{"value": "https://example.com/b.png"}], "locale": "en-US",
        "phoneNumbers": [{"value": "tel:+1-201-555-0123", "type": "work"}], "password": "", "active": true,
        ENTERPRISE: {"employeeNumber": "", "costCenter": null},
        "meta": {"resourceType": "User"}
    }));
    assert_eq!(
        normalised.resource,
        object(json!({
            "userName": "b", "externalId": "5f1b1c1d2e3f4a5b6c7d8e9f", "locale": "en-US", "active": true,
            "photos": [{"value": "https://example.com/b.png"}],
            "phoneNumbers": [{"value": "tel:+1-201-555-0123", "type": "work"}]
        }))
    );
    assert_eq!(normalised.password, None);
}

#[test]
fn core_attributes_under_the_core_urn_are_core_attributes() {
    let body = json!({"schemas": [CORE], CORE: {"userName": "b", "title": "T", "colour": "red"}});
    assert_eq!(strict(body.clone()).unwrap_err().scim_type(), ScimType::InvalidSyntax);
    let normalised = lenient(body);
    assert_eq!(normalised.resource, object(json!({"userName": "b", "title": "T"})));
    assert_eq!(
        normalised.deviations.iter().map(Deviation::name).collect::<Vec<_>>(),
        ["keyIsPath", "unknownAttribute"]
    );
}

#[test]
fn an_address_that_ping_sends_twice_as_primary_is_kept_under_both_types() {
    let email = |type_: &str| json!({"value": "b@x", "type": type_, "primary": true});
    let normalised = lenient(json!({"userName": "b", "emails": [email("work"), email("home")]}));
    assert_eq!(normalised.resource["emails"][0]["primary"], false);
    assert_eq!(normalised.resource["emails"][1], email("home"));
}

#[test]
fn the_manager_is_understood_in_every_spelling() {
    let expected = object(json!({"userName": "b", ENTERPRISE: {"manager": {"value": "26"}}}));
    for manager in [
        json!("26"),
        json!(["26"]),
        json!({"value": "26"}),
        json!([{"value": "26", "$ref": null}]),
    ] {
        assert_eq!(
            lenient(json!({"userName": "b", ENTERPRISE: {"manager": manager}})).resource,
            expected
        );
        assert_eq!(
            lenient(json!({"userName": "b", format!("{ENTERPRISE}:manager"): manager})).resource,
            expected
        );
        assert_eq!(lenient(json!({"userName": "b", "manager": manager})).resource, expected);
    }
    for manager in [
        json!(""),
        json!(null),
        json!([]),
        json!({}),
        json!([null]),
        json!({"value": ""}),
    ] {
        let resource = lenient(json!({"userName": "b", ENTERPRISE: {"manager": manager}})).resource;
        assert_eq!(resource, object(json!({"userName": "b"})), "{manager}");
    }
}

#[test]
fn a_value_that_is_sent_twice_is_stored_once() {
    let normalised = lenient(json!({"userName": "b", "emails": [
        {"value": "b@x", "type": "work"}, {"value": "b@x", "type": "home"}, {"value": "b@x", "type": "WORK", "primary": true}
    ]}));
    assert_eq!(
        normalised.resource["emails"],
        json!([{"value": "b@x", "type": "work", "primary": true}, {"value": "b@x", "type": "home"}])
    );
}

#[test]
fn members_are_split_off() {
    let group = |members: Value| {
        let body = json!({"displayName": "Tours", "members": members});
        normalise(&SchemaSet::group(), body, Strictness::Lenient)
    };
    let normalised =
        group(json!([{"value": "u1", "display": null, "$ref": null}, {"value": "g1", "type": "Group"}, "u2"])).unwrap();
    assert_eq!(normalised.resource, object(json!({"displayName": "Tours"})));
    let member = |value: &str, type_: Option<&str>| Member {
        value: value.to_owned(),
        type_: type_.map(str::to_owned),
    };
    assert_eq!(
        normalised.members,
        Some(vec![
            member("u1", None),
            member("g1", Some("Group")),
            member("u2", None)
        ])
    );
    assert_eq!(group(json!([])).unwrap().members, Some(vec![]));
    assert_eq!(group(json!(null)).unwrap().members, Some(vec![]));
    for nobody in [
        json!([{"display": "x"}]),
        json!([{}]),
        json!([null]),
        json!([""]),
        json!({"value": null}),
        json!([{"value": ""}]),
    ] {
        let error = group(nobody.clone()).expect_err(&nobody.to_string());
        assert_eq!(
            error.to_string(),
            "attribute \"members.value\" is required and must have a value"
        );
    }
    assert_eq!(
        group(json!([5])).unwrap_err().to_string(),
        "attribute \"members\" must be of type complex, found a number"
    );
}

/// What is added to a minimal user, and the message.
const WRONG: &[(&str, &str)] = &[
    (
        r#"{"active": "yes"}"#,
        r#"attribute "active" must be true or false, found a text"#,
    ),
    (
        r#"{"active": 1}"#,
        r#"attribute "active" must be of type boolean, found a number"#,
    ),
    (
        r#"{"active": [true, false]}"#,
        r#"attribute "active" takes one value, found an array"#,
    ),
    (
        r#"{"title": 5}"#,
        r#"attribute "title" must be of type string, found a number"#,
    ),
    (
        r#"{"title": {"value": "x"}}"#,
        r#"attribute "title" must be of type string, found an object"#,
    ),
    (
        r#"{"name": "Barbara"}"#,
        r#"attribute "name" must be of type complex, found a text"#,
    ),
    (
        r#"{"emails": [5]}"#,
        r#"attribute "emails" must be of type complex, found a number"#,
    ),
    (
        r#"{"emails": [["b@x"]]}"#,
        r#"attribute "emails" takes one value, found an array"#,
    ),
    (
        r#"{"emails": [{"value": 5}]}"#,
        r#"attribute "emails.value" must be of type string, found a number"#,
    ),
    (
        r#"{"emails": [{"primary": "maybe"}]}"#,
        r#"attribute "emails.primary" must be true or false, found a text"#,
    ),
    (
        r#"{"x509Certificates": [{"value": "%%"}]}"#,
        r#"attribute "x509Certificates.value" must be base64 text"#,
    ),
    (
        r#"{"profileUrl": "not a uri"}"#,
        r#"attribute "profileUrl" must be a URI, without spaces"#,
    ),
    (
        r#"{"userName": null}"#,
        r#"attribute "userName" is required and must have a value"#,
    ),
    (
        r#"{"userName": " "}"#,
        r#"attribute "userName" is required and must have a value"#,
    ),
    (
        r#"{"username": "c"}"#,
        r#"attribute "userName" is given twice; send it once"#,
    ),
    (r#"{"schemas": [5]}"#, r#""schemas" must be an array of URNs"#),
    (
        r#"{"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": "x"}"#,
        "must be an object, found a text",
    ),
];

#[test]
fn values_of_the_wrong_type_are_refused_on_every_connection() {
    for (extra, message) in WRONG {
        for strictness in [Strictness::Lenient, Strictness::Strict] {
            let mut body = json!({"schemas": [CORE], "userName": "b"});
            body.as_object_mut()
                .unwrap()
                .extend(object(serde_json::from_str(extra).expect(extra)));
            let error = normalise(&SchemaSet::user(), body, strictness).expect_err(extra);
            assert!(error.to_string().contains(message), "{extra}: {error}");
        }
    }
    for body in [json!([]), json!("x"), json!(null), json!(5)] {
        assert_eq!(strict(body).unwrap_err().scim_type(), ScimType::InvalidSyntax);
    }
}
