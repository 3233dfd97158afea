//! The built-in schemas, and how attributes are looked up.

use std::collections::BTreeSet;

use serde_json::json;
use usher::model::attribute::{AttributePath, AttributePathError};
use usher::model::schema::{
    Attribute, AttributeType, COMMON, ENTERPRISE_USER, GROUP, Mutability, Returned, Schema, SchemaSet, USER,
    USHER_GROUP, USHER_USER, Uniqueness, protocol_schemas,
};

use super::samples::ENTERPRISE;

fn find<'a>(schema: &'a Schema, name: &str, sub: Option<&str>) -> &'a Attribute {
    let attribute = schema.attribute(name).expect(name);
    sub.map_or(attribute, |sub| attribute.sub_attribute(sub).expect(sub))
}

#[test]
fn every_built_in_schema_is_well_formed() {
    let mut ids = BTreeSet::new();
    for schema in [&COMMON, &USER, &GROUP, &ENTERPRISE_USER, &USHER_USER, &USHER_GROUP]
        .into_iter()
        .map(|schema| (**schema).clone())
        .chain(protocol_schemas())
    {
        assert!(ids.insert(schema.id.clone()), "{} appears twice", schema.id);
        // The discovery endpoints have rules of their own: nothing there is written by a client.
        let is_protocol = protocol_schemas().iter().any(|protocol| protocol.id == schema.id);
        assert!(is_protocol || schema.check().is_ok(), "{:?}", schema.check());
        for attribute in &schema.attributes {
            let place = format!("{}:{}", schema.id, attribute.name);
            assert!(!attribute.description.is_empty(), "{place} is not described");
            assert_eq!(attribute.is_complex(), !attribute.sub_attributes.is_empty(), "{place}");
            assert_eq!(
                attribute.type_ == AttributeType::Reference,
                !attribute.reference_types.is_empty(),
                "{place}"
            );
        }
    }
}

#[test]
fn the_characteristics_are_those_of_rfc_7643_section_8_7() {
    let user_name = find(&USER, "userName", None);
    assert!(user_name.required && !user_name.case_exact && user_name.uniqueness == Uniqueness::Server);
    let password = find(&USER, "password", None);
    assert_eq!(
        (password.mutability, password.returned),
        (Mutability::WriteOnly, Returned::Never)
    );
    let groups = find(&USER, "groups", None);
    assert_eq!((groups.mutability, groups.multi_valued), (Mutability::ReadOnly, true));
    assert_eq!(
        find(&USER, "emails", Some("type")).canonical_values,
        ["work", "home", "other"]
    );
    assert_eq!(find(&USER, "phoneNumbers", Some("type")).canonical_values.len(), 6);
    assert_eq!(
        find(&USER, "addresses", Some("type")).canonical_values,
        ["work", "home", "other"]
    );
    assert!(
        find(&USER, "roles", Some("type")).canonical_values.is_empty(),
        "Entra maps roles by \"primary\" then"
    );
    assert_eq!(
        find(&USER, "x509Certificates", Some("value")).type_,
        AttributeType::Binary
    );
    assert_eq!(find(&GROUP, "members", Some("value")).mutability, Mutability::Immutable);
    assert_eq!(
        find(&ENTERPRISE_USER, "manager", Some("displayName")).mutability,
        Mutability::ReadOnly
    );
    assert!(find(&COMMON, "externalId", None).case_exact);
    assert_eq!(find(&COMMON, "id", None).returned, Returned::Always);
    assert!(
        USHER_USER
            .attributes
            .iter()
            .all(|attribute| attribute.mutability == Mutability::ReadOnly)
    );
}

#[test]
fn the_schemas_endpoint_shows_whole_definitions_without_nulls() {
    let shown = USER.to_scim_json();
    assert_eq!(
        shown["schemas"],
        json!(["urn:ietf:params:scim:schemas:core:2.0:Schema"])
    );
    assert_eq!(shown["id"], "urn:ietf:params:scim:schemas:core:2.0:User");
    let mut user_name = shown["attributes"][0].clone();
    assert!(user_name["description"].take().is_string());
    assert_eq!(
        user_name,
        json!({
            "name": "userName", "type": "string", "multiValued": false, "description": null, "required": true,
            "caseExact": false, "mutability": "readWrite", "returned": "default", "uniqueness": "server"
        })
    );
    assert!(!shown.to_string().contains("null"));
    let again: Schema = serde_json::from_value(json!({
        "id": shown["id"], "name": shown["name"], "description": shown["description"], "attributes": shown["attributes"]
    }))
    .unwrap();
    assert_eq!(again, **USER);
}

#[test]
fn the_resource_types_endpoint_names_core_and_extensions() {
    assert_eq!(
        SchemaSet::user().resource_type().to_scim_json(),
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
            "id": "User", "name": "User", "description": "User Account", "endpoint": "/Users",
            "schema": "urn:ietf:params:scim:schemas:core:2.0:User",
            "schemaExtensions": [
                {"schema": ENTERPRISE, "required": false},
                {"schema": "urn:usher:scim:schemas:extension:2.0:User", "required": false}
            ],
            "meta": {"resourceType": "ResourceType"}
        })
    );
}

#[test]
fn attributes_are_found_in_any_case_and_come_back_in_canonical_form() {
    let schemas = SchemaSet::user();
    let cases = [
        ("USERNAME", "userName"),
        ("Name.GivenName", "name.givenName"),
        (
            "urn:ietf:params:scim:schemas:core:2.0:User:name.givenName",
            "name.givenName",
        ),
        ("URN:IETF:PARAMS:SCIM:SCHEMAS:CORE:2.0:USER:ID", "id"),
        ("meta.lastmodified", "meta.lastModified"),
        (
            "manager.$REF",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.$ref",
        ),
        (
            "DEPARTMENT",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
        ),
        (
            "urn:ietf:params:scim:schemas:extension:ENTERPRISE:2.0:User:manager.value",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value",
        ),
    ];
    for (text, canonical) in cases {
        let path: AttributePath = text.parse().unwrap();
        assert_eq!(path.to_string(), text);
        assert_eq!(schemas.resolve(&path).expect(text).path().to_string(), canonical);
    }
    for text in [
        "members",
        "name.first",
        "userName.first",
        "urn:example:2.0:User:userName",
    ] {
        assert!(schemas.resolve(&text.parse().unwrap()).is_none(), "{text}");
    }
}

#[test]
fn a_name_of_two_extensions_has_to_be_qualified() {
    let custom = json!({"id": "urn:example:custom:2.0:User", "attributes": [{"name": "department", "type": "string"}]});
    let custom: Schema = serde_json::from_value(custom).unwrap();
    let schemas = SchemaSet::user().with_extension(custom.into(), false);
    assert!(schemas.resolve(&"department".parse().unwrap()).is_none());
    assert!(
        schemas
            .resolve(&"urn:example:custom:2.0:User:department".parse().unwrap())
            .is_some()
    );
    assert_eq!(schemas.resource_type().schema_extensions.len(), 3);
}

#[test]
fn malformed_paths_are_refused() {
    let name = |name: &str| AttributePathError::Name { name: name.to_owned() };
    let cases = [
        ("", AttributePathError::Empty),
        ("2user", name("2user")),
        ("a b", name("a b")),
        ("a.", name("")),
        (".a", name("")),
        ("urn:x:2.0:", name("")),
        (
            "name.a.b",
            AttributePathError::TooLong {
                path: "name.a.b".to_owned(),
            },
        ),
        (
            "http:x",
            AttributePathError::Schema {
                schema: "http".to_owned(),
            },
        ),
        (
            "urn::userName",
            AttributePathError::Schema {
                schema: "urn:".to_owned(),
            },
        ),
    ];
    for (text, error) in cases {
        assert_eq!(text.parse::<AttributePath>(), Err(error), "{text}");
    }
}
