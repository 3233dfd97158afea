//! PATCH requests that are refused, and the `scimType` of each.

use serde_json::{Value, json};
use usher::model::deviation::Strictness;
use usher::model::filter::FilterLimits;
use usher::model::patch::{PatchError, PatchLimits, PatchRequest};
use usher::model::scim_type::ScimType;

use super::samples::{PATCH_OP, barbara, patch_group, patch_user};

/// The operation and its `scimType`.
const REFUSED_BY_ALL: &[(&str, &str)] = &[
    (r#"{"op": "copy", "path": "title", "value": "x"}"#, "invalidSyntax"),
    (r#"{"path": "title", "value": "x"}"#, "invalidSyntax"),
    (r#"{"op": 1, "path": "title"}"#, "invalidSyntax"),
    (r#"{"op": "add", "path": 5, "value": "x"}"#, "invalidSyntax"),
    (r#""add""#, "invalidSyntax"),
    (r#"{"op": "remove"}"#, "noTarget"),
    (r#"{"op": "remove", "value": {"title": "x"}}"#, "noTarget"),
    (r#"{"op": "add", "path": "title"}"#, "invalidValue"),
    (r#"{"op": "add", "value": "x"}"#, "invalidValue"),
    (r#"{"op": "add", "value": null}"#, "invalidValue"),
    (r#"{"op": "add", "path": "title", "value": 5}"#, "invalidValue"),
    (r#"{"op": "replace", "path": "active", "value": "no"}"#, "invalidValue"),
    (r#"{"op": "replace", "path": "active", "value": 0}"#, "invalidValue"),
    (
        r#"{"op": "replace", "path": "name", "value": "Barbara"}"#,
        "invalidValue",
    ),
    (r#"{"op": "replace", "path": "emails", "value": [5]}"#, "invalidValue"),
    (
        r#"{"op": "replace", "path": "userName", "value": null}"#,
        "invalidValue",
    ),
    (r#"{"op": "replace", "path": "userName", "value": " "}"#, "invalidValue"),
    (r#"{"op": "remove", "path": "userName"}"#, "mutability"),
    (r#"{"op": "replace", "path": "id", "value": "x"}"#, "mutability"),
    (r#"{"op": "replace", "path": "schemas", "value": []}"#, "mutability"),
    (
        r#"{"op": "replace", "path": "meta.created", "value": "2020-01-01T00:00:00Z"}"#,
        "mutability",
    ),
    (
        r#"{"op": "add", "path": "groups", "value": [{"value": "g"}]}"#,
        "mutability",
    ),
    (r#"{"op": "remove", "path": "groups[value eq \"g\"]"}"#, "mutability"),
    (
        r#"{"op": "replace", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.displayName", "value": "x"}"#,
        "mutability",
    ),
    (
        r#"{"op": "remove", "path": "urn:usher:scim:schemas:extension:2.0:User"}"#,
        "mutability",
    ),
    (
        r#"{"op": "add", "path": "urn:usher:scim:schemas:extension:2.0:User:lifecycleState", "value": "active"}"#,
        "mutability",
    ),
    (
        r#"{"op": "add", "path": "favouriteColour", "value": "red"}"#,
        "invalidPath",
    ),
    (r#"{"op": "add", "path": "name.nick", "value": "x"}"#, "invalidPath"),
    (
        r#"{"op": "add", "path": "emails[type eq \"work\"].colour", "value": "x"}"#,
        "invalidPath",
    ),
    (
        r#"{"op": "add", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:colour", "value": "x"}"#,
        "invalidPath",
    ),
    (
        r#"{"op": "add", "path": "title[value eq \"x\"]", "value": "x"}"#,
        "invalidPath",
    ),
    (r#"{"op": "add", "path": "a b", "value": "x"}"#, "invalidPath"),
    (r#"{"op": "add", "path": "emails]", "value": "x"}"#, "invalidPath"),
    (r#"{"op": "add", "path": "/title", "value": "x"}"#, "invalidPath"),
    (r#"{"op": "add", "path": "emails[0]", "value": "x"}"#, "invalidFilter"),
    (
        r#"{"op": "add", "path": "emails[type eq work].value", "value": "x"}"#,
        "invalidFilter",
    ),
    (
        r#"{"op": "add", "path": "emails[type eq \"work\".value", "value": "x"}"#,
        "invalidFilter",
    ),
    (
        r#"{"op": "add", "path": "emails[colour eq \"x\"].value", "value": "x"}"#,
        "invalidFilter",
    ),
    (
        r#"{"op": "add", "path": "emails[primary gt true].value", "value": "x"}"#,
        "invalidFilter",
    ),
    (r#"{"op": "remove", "path": "emails[]"}"#, "invalidFilter"),
];

#[test]
fn what_no_connection_tolerates() {
    for (text, scim_type) in REFUSED_BY_ALL {
        let operation: Value = serde_json::from_str(text).expect(text);
        for strictness in [Strictness::Lenient, Strictness::Strict] {
            let operations = json!([{"op": "add", "path": "nickName", "value": "B"}, operation]);
            let error = patch_user(&barbara(), operations, strictness).expect_err(&operation.to_string());
            assert_eq!(error.scim_type().as_str(), *scim_type, "{operation}: {error}");
            assert!(error.to_string().starts_with("operation 2: "), "{error}");
        }
    }
}

/// The operation and its `scimType` on a strict connection.
const REFUSED_BY_STRICT: &[(&str, &str)] = &[
    (r#"{"op": "Replace", "path": "title", "value": "x"}"#, "invalidSyntax"),
    (
        r#"{"op": "replace", "path": "active", "value": "False"}"#,
        "invalidValue",
    ),
    (r#"{"op": "replace", "path": "title", "value": ""}"#, "invalidValue"),
    (
        r#"{"op": "replace", "path": "photos[type eq \"photo\"].value", "value": "https://x"}"#,
        "noTarget",
    ),
    (
        r#"{"op": "replace", "path": "photos[type eq \"photo\"]", "value": {"value": "https://x"}}"#,
        "noTarget",
    ),
    (
        r#"{"op": "replace", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager[value eq \"9\"].value", "value": "8"}"#,
        "noTarget",
    ),
    (r#"{"op": "replace", "value": {"id": "x"}}"#, "mutability"),
    (r#"{"op": "replace", "value": {"groups": []}}"#, "mutability"),
    (
        r#"{"op": "replace", "value": {"name.givenName": "x"}}"#,
        "invalidSyntax",
    ),
    (r#"{"op": "replace", "value": {"colour": "x"}}"#, "invalidSyntax"),
    (
        r#"{"op": "replace", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager", "value": "26"}"#,
        "invalidValue",
    ),
    (
        r#"{"op": "replace", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager", "value": [{"value": "26"}]}"#,
        "invalidValue",
    ),
    (
        r#"{"op": "add", "path": "emails", "value": {"value": "x"}}"#,
        "invalidValue",
    ),
    (
        r#"{"op": "remove", "path": "emails", "value": [{"value": "babs@jensen.org"}]}"#,
        "invalidSyntax",
    ),
    (
        r#"{"op": "add", "path": "urn:example:2.0:User:badge", "value": "7"}"#,
        "invalidPath",
    ),
    (r#"{"op": "add", "path": "", "value": {"title": "x"}}"#, "invalidPath"),
    (r#"{"op": "add", "path": "department", "value": "x"}"#, "invalidPath"),
    (
        r#"{"op": "add", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User.department", "value": "x"}"#,
        "invalidPath",
    ),
    (
        r#"{"op": "replace", "path": "roles[primary eq \"True\"].value", "value": "x"}"#,
        "invalidFilter",
    ),
    (
        r#"{"op": "add", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager", "value": {"managerId": "26"}}"#,
        "invalidSyntax",
    ),
];

#[test]
fn what_only_a_lenient_connection_tolerates() {
    for (text, scim_type) in REFUSED_BY_STRICT {
        let operation: Value = serde_json::from_str(text).expect(text);
        let error = patch_user(&barbara(), json!([operation]), Strictness::Strict).expect_err(&operation.to_string());
        assert_eq!(error.scim_type().as_str(), *scim_type, "{operation}: {error}");
        let outcome = patch_user(&barbara(), json!([operation]), Strictness::Lenient);
        let outcome = outcome.unwrap_or_else(|error| panic!("{operation}: {error}"));
        assert!(!outcome.deviations.is_empty(), "{operation} is not journalled");
    }
}

#[test]
fn an_element_that_its_own_filter_would_not_select_is_not_created() {
    for path in ["emails[type co \"z\"].display", "emails[value sw \"x\"].display"] {
        let error = patch_user(
            &barbara(),
            json!([{"op": "add", "path": path, "value": "d"}]),
            Strictness::Lenient,
        );
        assert_eq!(error.expect_err(path).scim_type(), ScimType::NoTarget, "{path}");
    }
}

#[test]
fn a_member_cannot_be_changed_only_come_and_go() {
    for operation in [
        json!({"op": "replace", "path": "members[value eq \"u1\"].value", "value": "u2"}),
        json!({"op": "replace", "path": "members.type", "value": "Group"}),
        json!({"op": "remove", "path": "members[value eq \"u1\"].display"}),
        json!({"op": "remove", "path": "displayName"}),
        json!({"op": "replace", "path": "urn:usher:scim:schemas:extension:2.0:Group:memberCount", "value": 5}),
    ] {
        for strictness in [Strictness::Lenient, Strictness::Strict] {
            let error = patch_group(json!([operation]), strictness).expect_err(&operation.to_string());
            assert_eq!(error.scim_type(), ScimType::Mutability, "{operation}: {error}");
        }
    }
    let error = patch_group(
        json!([{"op": "add", "path": "members", "value": [{"display": "x"}]}]),
        Strictness::Lenient,
    );
    assert_eq!(error.unwrap_err().scim_type(), ScimType::InvalidValue);
    let listed = json!([{"op": "remove", "path": "members", "value": [{"value": "u1"}]}]);
    assert_eq!(
        patch_group(listed, Strictness::Strict).unwrap_err().scim_type(),
        ScimType::InvalidSyntax
    );
}

#[test]
fn the_envelope_is_checked() {
    let parse = |body: Value, strictness| PatchRequest::parse(body, PatchLimits::default(), strictness);
    let operation = json!({"op": "add", "path": "title", "value": "T"});
    for body in [
        json!([]),
        json!("x"),
        json!({}),
        json!({"schemas": [PATCH_OP]}),
        json!({"schemas": [PATCH_OP], "Operations": []}),
        json!({"schemas": [PATCH_OP], "Operations": "add"}),
        json!({"schemas": [PATCH_OP], "Operations": [null]}),
    ] {
        let error = parse(body.clone(), Strictness::Lenient).expect_err(&body.to_string());
        assert_eq!(error.scim_type(), ScimType::InvalidSyntax, "{body}");
    }
    for body in [
        json!({"Operations": [operation]}),
        json!({"schemas": ["urn:other"], "Operations": [operation]}),
        json!({"schemas": [PATCH_OP], "operations": [operation]}),
        json!({"schemas": [PATCH_OP], "Operations": operation}),
    ] {
        assert!(parse(body.clone(), Strictness::Lenient).is_ok(), "{body}");
        let error = parse(body.clone(), Strictness::Strict).expect_err(&body.to_string());
        assert_eq!(error.scim_type(), ScimType::InvalidSyntax, "{body}");
    }
}

#[test]
fn a_request_beyond_the_limits_is_too_many() {
    let limits = PatchLimits {
        operations: 2,
        values: 3,
        path: FilterLimits { length: 40, depth: 2 },
    };
    let parse = |operations: Value| {
        PatchRequest::parse(
            json!({"schemas": [PATCH_OP], "Operations": operations}),
            limits,
            Strictness::Strict,
        )
    };
    let add = json!({"op": "add", "path": "members", "value": [{"value": "1"}, {"value": "2"}]});
    assert!(parse(json!([add])).is_ok());
    assert_eq!(
        parse(json!([add, add])).unwrap_err(),
        PatchError::TooMany {
            what: "values",
            count: 4,
            limit: 3
        }
    );
    let title = json!({"op": "add", "path": "title", "value": "T"});
    assert!(parse(json!([title, title])).is_ok());
    let error = parse(json!([title, title, title])).unwrap_err();
    assert_eq!(
        error,
        PatchError::TooMany {
            what: "operations",
            count: 3,
            limit: 2
        }
    );
    assert_eq!(error.scim_type(), ScimType::TooMany);
    let long = json!({"op": "remove", "path": format!("emails[value eq \"{}\"]", "x".repeat(40))});
    assert_eq!(parse(json!([long])).unwrap_err().scim_type(), ScimType::InvalidPath);
    let deep = json!({"op": "remove", "path": "emails[((value pr))]"});
    assert_eq!(parse(json!([deep])).unwrap_err().scim_type(), ScimType::InvalidFilter);
}
