//! Attributes that an organisation defines for itself.

use serde_json::{Value, json};
use usher::model::deviation::Strictness;
use usher::model::normalise::{MOST_VALUES, SchemaError, ValueProblem, check_immutable, normalise};
use usher::model::patch::{PatchLimits, PatchRequest, patch};
use usher::model::schema::{Schema, SchemaSet};
use usher::model::scim_type::ScimType;

use super::samples::{PATCH_OP, object};

const CORE: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const CUSTOM: &str = "urn:example:custom:2.0:User";

/// An organisation's own attributes, of every type.
fn custom() -> SchemaSet {
    let schema: Schema = serde_json::from_value(json!({"id": "urn:example:custom:2.0:User", "attributes": [
        {"name": "badge", "type": "integer", "required": true},
        {"name": "rate", "type": "decimal"},
        {"name": "hired", "type": "dateTime", "mutability": "immutable"},
        {"name": "tags", "type": "string", "multiValued": true},
        {"name": "seat", "type": "complex", "subAttributes": [{"name": "row", "type": "integer", "mutability": "immutable"}]}
    ]}))
    .expect("a schema");
    SchemaSet::user().with_extension(schema.into(), true)
}

#[test]
fn custom_attributes_are_checked_like_the_others() {
    let read = |value: Value| {
        normalise(
            &custom(),
            json!({"schemas": [CORE, CUSTOM], "userName": "b", CUSTOM: value}),
            Strictness::Strict,
        )
    };
    let good = json!({"badge": 5, "rate": 1.5, "hired": "2020-01-01T00:00:00Z", "tags": ["a", "b", "a"]});
    let stored = json!({"badge": 5, "rate": 1.5, "hired": "2020-01-01T00:00:00Z", "tags": ["a", "b"]});
    assert_eq!(read(good).unwrap().resource[CUSTOM], stored);
    for bad in [
        json!({"badge": 5.5}),
        json!({"badge": "5"}),
        json!({"badge": 5, "rate": "1.5"}),
        json!({"badge": 5, "hired": "2020-01-01"}),
        json!({"badge": 5, "hired": "2020-01-01 00:00:00Z"}),
        json!({"badge": 5, "tags": "a"}),
        json!({"badge": 5, "tags": [{"value": "a"}]}),
        json!({"rate": 1.5}),
        json!(null),
    ] {
        assert_eq!(
            read(bad.clone()).expect_err(&bad.to_string()).scim_type(),
            ScimType::InvalidValue,
            "{bad}"
        );
    }
}

#[test]
fn a_put_keeps_immutable_values() {
    let user = |custom: Value| object(json!({"userName": "b", "urn:example:custom:2.0:User": custom}));
    let current = user(json!({"badge": 1, "hired": "2020-01-01T00:00:00Z", "seat": {"row": 1}}));
    assert_eq!(check_immutable(&custom(), &current, &current), Ok(()));
    assert_eq!(
        check_immutable(&custom(), &user(json!({"badge": 1})), &current),
        Ok(()),
        "there was no value before"
    );
    for next in [
        json!({"badge": 1}),
        json!({"badge": 1, "hired": "2020-01-01T00:00:00Z", "seat": {"row": 2}}),
    ] {
        let error = check_immutable(&custom(), &current, &user(next)).unwrap_err();
        assert_eq!(error.scim_type(), ScimType::Mutability);
    }
}

#[test]
fn an_attribute_holds_a_bounded_number_of_values() {
    let tags = |count: usize| (0..count).map(|number| json!(number.to_string())).collect::<Value>();
    let body = |count| json!({"schemas": [CORE, CUSTOM], "userName": "b", CUSTOM: {"badge": 1, "tags": tags(count)}});
    let full = normalise(&custom(), body(MOST_VALUES), Strictness::Strict)
        .unwrap()
        .resource;
    let error = normalise(&custom(), body(MOST_VALUES + 1), Strictness::Strict).unwrap_err();
    let problem = ValueProblem::TooMany {
        count: MOST_VALUES + 1,
        limit: MOST_VALUES,
    };
    assert_eq!(
        error,
        SchemaError::InvalidValue {
            attribute: format!("{CUSTOM}:tags"),
            problem
        }
    );
    let operation = json!({"op": "add", "path": format!("{CUSTOM}:tags"), "value": ["one more"]});
    let request = json!({"schemas": [PATCH_OP], "Operations": [operation]});
    let request = PatchRequest::parse(request, PatchLimits::default(), Strictness::Strict).unwrap();
    assert_eq!(
        patch(&custom(), &full, &request, Strictness::Strict)
            .unwrap_err()
            .scim_type(),
        ScimType::InvalidValue
    );
}

#[test]
fn immutable_and_required_attributes_of_an_organisation_are_kept() {
    let schema: Schema = serde_json::from_value(json!({"id": CUSTOM, "attributes": [
        {"name": "hired", "type": "dateTime", "mutability": "immutable"},
        {"name": "badge", "type": "integer", "required": true},
        {"name": "tags", "type": "string", "multiValued": true},
        {"name": "desk", "type": "complex", "subAttributes": [
            {"name": "room", "type": "string", "required": true}, {"name": "row", "type": "integer", "mutability": "immutable"}]}
    ]}))
    .unwrap();
    let schemas = SchemaSet::user().with_extension(schema.into(), false);
    let run = |current: Value, operation: Value| {
        let current = object(json!({"userName": "b", CUSTOM: current}));
        let body = json!({"schemas": [PATCH_OP], "Operations": [operation]});
        let request = PatchRequest::parse(body, PatchLimits::default(), Strictness::Lenient).unwrap();
        patch(&schemas, &current, &request, Strictness::Lenient).map(|outcome| outcome.resource[CUSTOM].clone())
    };
    let (early, late) = ("2020-01-01T00:00:00Z", "2021-01-01T00:00:00Z");
    let add = |path: &str, value: Value| json!({"op": "add", "path": format!("{CUSTOM}:{path}"), "value": value});
    assert_eq!(
        run(json!({"badge": 1}), add("hired", json!(early))),
        Ok(json!({"badge": 1, "hired": early}))
    );
    let hired = json!({"badge": 1, "hired": early, "desk": {"room": "R", "row": 1}, "tags": ["a", "b"]});
    assert_eq!(run(hired.clone(), add("hired", json!(early))), Ok(hired.clone()));
    let mutability = [
        add("hired", json!(late)),
        add("desk.row", json!(2)),
        json!({"op": "remove", "path": format!("{CUSTOM}:hired")}),
        json!({"op": "remove", "path": format!("{CUSTOM}:badge")}),
        json!({"op": "remove", "path": format!("{CUSTOM}:desk.room")}),
        json!({"op": "remove", "path": CUSTOM}),
    ];
    for operation in mutability {
        let error = run(hired.clone(), operation.clone()).expect_err(&operation.to_string());
        assert_eq!(error.scim_type(), ScimType::Mutability, "{operation}");
    }
    // The elements of a simple multi-valued attribute are their own "value".
    let tags = |operation| run(hired.clone(), operation).map(|custom| custom["tags"].clone());
    assert_eq!(tags(add("tags", json!(["b", "c"]))), Ok(json!(["a", "b", "c"])));
    assert_eq!(
        tags(json!({"op": "remove", "path": format!("{CUSTOM}:tags[value eq \"A\"]")})),
        Ok(json!(["b"]))
    );
    assert_eq!(
        tags(json!({"op": "remove", "path": format!("{CUSTOM}:tags"), "value": ["a"]})),
        Ok(json!(["b"]))
    );
    assert_eq!(
        tags(json!({"op": "replace", "path": format!("{CUSTOM}:tags[value eq \"a\"]"), "value": "z"})),
        Ok(json!(["z", "b"]))
    );
}

#[test]
fn a_schema_that_cannot_work_is_refused() {
    let check = |id: &str, attributes: Value| {
        let schema: Schema = serde_json::from_value(json!({"id": id, "attributes": attributes})).unwrap();
        schema.check().map_err(|error| error.to_string())
    };
    assert_eq!(
        check(CUSTOM, json!([{"name": "badge", "type": "integer", "required": true}])),
        Ok(())
    );
    let cases = [
        (json!([{"name": "1st", "type": "string"}]), "a name is a letter"),
        (json!([{"name": "a.b", "type": "string"}]), "a name is a letter"),
        (
            json!([{"name": "a", "type": "string"}, {"name": "A", "type": "string"}]),
            "\"A\" is defined twice",
        ),
        (
            json!([{"name": "a", "type": "complex"}]),
            "a complex attribute has sub-attributes",
        ),
        (
            json!([{"name": "a", "type": "string", "subAttributes": [{"name": "b", "type": "string"}]}]),
            "and no other has",
        ),
        (
            json!([{"name": "a", "type": "string", "required": true, "mutability": "readOnly"}]),
            "cannot be required",
        ),
        (
            json!([{"name": "a", "type": "string", "mutability": "writeOnly"}]),
            "returned never",
        ),
        (
            json!([{"name": "a", "type": "complex", "subAttributes": [
                {"name": "b", "type": "complex", "subAttributes": [{"name": "c", "type": "string"}]}]}]),
            "\"a.b\" is complex inside",
        ),
    ];
    for (attributes, message) in cases {
        let error = check(CUSTOM, attributes.clone()).expect_err(&attributes.to_string());
        assert!(error.contains(message), "{attributes}: {error}");
    }
    assert!(check("https://example.com/schema", json!([])).is_err());
    for text in [
        r#"{"name": "a", "type": "text"}"#,
        r#"{"name": "a"}"#,
        r#"{"name": "a", "type": "string", "colour": 1}"#,
    ] {
        assert!(
            serde_json::from_str::<usher::model::schema::Attribute>(text).is_err(),
            "{text}"
        );
    }
}
