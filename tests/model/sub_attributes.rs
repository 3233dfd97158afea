//! Required, immutable and read-only sub-attributes under POST, PUT and PATCH (RFC 7643 section 7).

use serde_json::{Value, json};
use usher::model::Object;
use usher::model::deviation::Strictness;
use usher::model::normalise::{check_immutable, normalise};
use usher::model::patch::{PatchError, PatchLimits, PatchRequest, patch};
use usher::model::schema::{Schema, SchemaSet};

use super::samples::{PATCH_OP, object};

const DESKS: &str = "urn:example:desks:1.0:User";

/// `desk` is single, `keys` has several values; both need a `room`, fix a `row` and know a `floor` that only the server sets.
fn schemas() -> SchemaSet {
    let parts = json!([
        {"name": "room", "type": "string", "required": true},
        {"name": "row", "type": "integer", "mutability": "immutable"},
        {"name": "floor", "type": "integer", "mutability": "readOnly"},
        {"name": "type", "type": "string"}
    ]);
    let schema: Schema = serde_json::from_value(json!({"id": DESKS, "attributes": [
        {"name": "desk", "type": "complex", "subAttributes": parts},
        {"name": "keys", "type": "complex", "multiValued": true, "subAttributes": parts}
    ]}))
    .expect("a schema");
    SchemaSet::user().with_extension(schema.into(), false)
}

fn ada() -> Object {
    object(json!({"userName": "ada", DESKS: {
        "desk": {"room": "A", "row": 1},
        "keys": [{"room": "B", "row": 2, "type": "x"}, {"room": "C", "type": "y"}]
    }}))
}

fn modified(operation: Value, strictness: Strictness) -> Result<Value, PatchError> {
    let body = json!({"schemas": [PATCH_OP], "Operations": [operation]});
    let request = PatchRequest::parse(body, PatchLimits::default(), strictness)?;
    let patched = patch(&schemas(), &ada(), &request, strictness)?;
    Ok(patched.resource[DESKS].clone())
}

/// The operation's kind, what follows the URN in its path, and its value.
type Change = (&'static str, &'static str, Value);

fn operation((op, path, value): Change) -> Value {
    let mut operation = json!({"op": op, "path": format!("{DESKS}:{path}")});
    if !value.is_null() {
        operation["value"] = value;
    }
    operation
}

#[test]
fn a_patch_leaves_no_value_without_what_it_must_have_and_changes_nothing_that_is_fixed() {
    let refused = [
        ("invalidValue", ("add", "keys", json!([{"row": 3}]))),
        (
            "invalidValue",
            ("replace", "keys", json!([{"room": "D"}, {"type": "z"}])),
        ),
        ("invalidValue", ("replace", "keys[type eq \"y\"]", json!({"row": 3}))),
        ("invalidValue", ("replace", "keys[type eq \"x\"]", json!({"row": 2}))),
        ("mutability", ("remove", "keys[type eq \"y\"].room", Value::Null)),
        ("mutability", ("remove", "desk.room", Value::Null)),
        ("mutability", ("replace", "desk", json!({"room": null}))),
        ("mutability", ("replace", "desk.row", json!(2))),
        ("mutability", ("remove", "desk.row", Value::Null)),
        ("mutability", ("add", "desk", json!({"row": 2}))),
        ("mutability", ("replace", "keys[type eq \"x\"].row", json!(3))),
        (
            "mutability",
            ("replace", "keys[type eq \"x\"]", json!({"room": "B", "row": 3})),
        ),
        ("mutability", ("replace", "keys[type eq \"x\"]", json!({"room": "B"}))),
        ("mutability", ("add", "desk.floor", json!(1))),
        ("mutability", ("replace", "keys[type eq \"x\"].floor", json!(1))),
        ("mutability", ("remove", "keys.floor", Value::Null)),
    ];
    for strictness in [Strictness::Lenient, Strictness::Strict] {
        for (scim_type, change) in refused.clone() {
            let error = modified(operation(change.clone()), strictness).expect_err(&format!("{change:?}"));
            assert_eq!(error.scim_type().as_str(), scim_type, "{change:?}: {error}");
        }
    }
}

#[test]
fn a_value_path_creates_no_value_without_what_it_must_have() {
    let error = modified(
        operation(("add", "keys[type eq \"z\"].row", json!(9))),
        Strictness::Lenient,
    );
    assert_eq!(error.expect_err("no room").scim_type().as_str(), "invalidValue");
    let made = modified(
        operation(("add", "keys[type eq \"z\"].room", json!("Z"))),
        Strictness::Lenient,
    );
    assert_eq!(made.expect("made")["keys"][2], json!({"type": "z", "room": "Z"}));
}

#[test]
fn what_may_be_changed_is_changed() {
    for (change, pointer, value) in [
        (
            ("replace", "desk.room", json!("Z")),
            "/desk",
            json!({"room": "Z", "row": 1}),
        ),
        (("add", "keys[type eq \"y\"].row", json!(4)), "/keys/1/row", json!(4)),
        (("replace", "desk.row", json!(1)), "/desk/row", json!(1)),
        (
            (
                "replace",
                "keys[type eq \"x\"]",
                json!({"room": "Z", "row": 2, "type": "x"}),
            ),
            "/keys/0",
            json!({"room": "Z", "row": 2, "type": "x"}),
        ),
        // RFC 7644 section 3.5.2.1 adds a member with its read-only "display": inside a value such a part is ignored.
        (
            ("add", "desk", json!({"room": "Z", "floor": 9})),
            "/desk",
            json!({"room": "Z", "row": 1}),
        ),
    ] {
        let after = modified(operation(change.clone()), Strictness::Strict)
            .unwrap_or_else(|error| panic!("{change:?}: {error}"));
        assert_eq!(after.pointer(pointer), Some(&value), "{change:?}");
    }
}

#[test]
fn a_value_that_lacked_a_part_before_stands_against_no_change_of_another() {
    let current = object(json!({"userName": "ada", DESKS: {"keys": [{"type": "old"}]}}));
    let body = json!({"schemas": [PATCH_OP], "Operations": [{"op": "add", "path": format!("{DESKS}:keys"), "value": [{"room": "N"}]}]});
    let request = PatchRequest::parse(body, PatchLimits::default(), Strictness::Strict).unwrap();
    let patched = patch(&schemas(), &current, &request, Strictness::Strict).unwrap();
    assert_eq!(patched.resource[DESKS]["keys"], json!([{"type": "old"}, {"room": "N"}]));
}

#[test]
fn a_put_needs_what_is_required_keeps_what_is_fixed_and_ignores_what_is_read_only() {
    let read = |desks: Value| {
        let core = "urn:ietf:params:scim:schemas:core:2.0:User";
        let body = json!({"schemas": [core, DESKS], "userName": "ada", DESKS: desks});
        normalise(&schemas(), body, Strictness::Strict)
    };
    for bad in [
        json!({"desk": {"row": 1}}),
        json!({"keys": [{"room": "B"}, {"row": 2}]}),
    ] {
        assert_eq!(
            read(bad.clone()).expect_err(&bad.to_string()).scim_type().as_str(),
            "invalidValue"
        );
    }
    let same = read(json!({"desk": {"room": "Z", "row": 1, "floor": 9}})).unwrap();
    assert_eq!(same.resource[DESKS]["desk"], json!({"room": "Z", "row": 1}));
    assert_eq!(check_immutable(&schemas(), &ada(), &same.resource), Ok(()));
    for changed in [json!({"desk": {"room": "A", "row": 2}}), json!({"desk": {"room": "A"}})] {
        let next = read(changed.clone()).unwrap().resource;
        let error = check_immutable(&schemas(), &ada(), &next).expect_err(&changed.to_string());
        assert_eq!(error.scim_type().as_str(), "mutability");
    }
}
