//! Mapping rules against entries as directories have them.

use serde_json::json;

use crate::model::slug::Slug;

use super::*;

fn ldap(mapping: Value, grants: Value) -> Connection {
    serde_json::from_value(json!({
        "name": "corporate", "kind": "ldap", "mapping": mapping, "grants": grants,
        "licences": ["basic"], "grantable_roles": ["lead"],
    }))
    .expect("a connection")
}

fn entry(attributes: &[(&str, &[&str])]) -> SourceAttributes {
    let texts = attributes.iter().map(|(name, values)| {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        (name.to_ascii_lowercase(), values)
    });
    SourceAttributes {
        texts: texts.collect(),
        binaries: BTreeMap::new(),
    }
}

fn person(mapping: Value, attributes: &[(&str, &[&str])]) -> Result<MappedPerson, MappingError> {
    Mapping::compile(&ldap(mapping, json!([])), None)
        .expect("good rules")
        .person(&entry(attributes))
}

fn refusal(mapping: Value, grants: Value) -> String {
    Mapping::compile(&ldap(mapping, grants), None)
        .expect_err("a bad rule")
        .to_string()
}

#[test]
fn the_defaults_map_an_ordinary_entry_into_canonical_form() {
    let mapped = person(
        json!([]),
        &[
            ("uid", &[" ada "]),
            ("givenName", &["Ada"]),
            ("sn", &["Lovelace"]),
            ("cn", &["Ada Lovelace"]),
            ("mail", &["ada@example.com", "ADA@example.com", "a@example.com", "  "]),
            ("telephoneNumber", &["+1 1"]),
            ("mobile", &["+1 2"]),
            ("departmentNumber", &["17"]),
            ("description", &["ignored"]),
        ],
    );
    let mapped = mapped.expect("a person");
    assert_eq!(mapped.user_name, "ada");
    assert_eq!(mapped.active, None);
    let expected = json!({
        "name": { "givenName": "Ada", "familyName": "Lovelace" },
        "displayName": "Ada Lovelace",
        "emails": [
            { "value": "ada@example.com", "type": "work", "primary": true },
            { "value": "a@example.com", "type": "work" },
        ],
        "phoneNumbers": [{ "value": "+1 1", "type": "work" }, { "value": "+1 2", "type": "mobile" }],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": { "department": "17" },
    });
    assert_eq!(Value::Object(mapped.attributes), expected);
}

#[test]
fn the_user_name_comes_from_the_first_attribute_that_is_present() {
    for (attributes, name) in [
        (
            &[("sAMAccountName", &["alovelace"][..]), ("mail", &["a@example.com"])][..],
            "alovelace",
        ),
        (&[("uid", &["", "ada"][..]), ("sAMAccountName", &["x"])], "ada"),
        (&[("mail", &["a@example.com"][..])], "a@example.com"),
    ] {
        assert_eq!(person(json!([]), attributes).expect("a person").user_name, name);
    }
    let error = person(json!([]), &[("cn", &["Nobody"])]).expect_err("no name");
    assert_eq!(error.reason, MappingReason::NoUserName);
}

#[test]
fn rules_join_constants_conditions_and_expressions() {
    let rules = json!([
        { "to": "userName", "expression": "source.mail[0].lowerAscii()" },
        { "to": "name.formatted", "expression": "source.givenName[0] + ' ' + source.sn[0]" },
        { "to": "userType", "value": "Contractor", "when": "source.employeeType.exists(t, t == 'ext')" },
        { "to": "userType", "value": "Employee" },
        { "to": "addresses[type eq \"home\"].country", "from": "c" },
        { "to": "active", "expression": "!has(source.endDate)" },
        { "to": "phoneNumbers", "expression": "source.mobile.map(m, {'value': m, 'type': 'mobile'})" },
    ]);
    let attributes: &[(&str, &[&str])] = &[
        ("mail", &["Ada@Example.com"]),
        ("givenName", &["Ada"]),
        ("sn", &["Lovelace"]),
        ("employeetype", &["ext"]),
        ("c", &["GB"]),
        ("enddate", &["20260101000000Z"]),
        ("mobile", &["+1"]),
    ];
    let mapped = person(rules.clone(), attributes).expect("a person");
    assert_eq!(
        (mapped.user_name.as_str(), mapped.active),
        ("ada@example.com", Some(false))
    );
    let expected = json!({
        "name": { "formatted": "Ada Lovelace" },
        "userType": "Contractor",
        "addresses": [{ "country": "GB", "type": "home" }],
        "phoneNumbers": [{ "value": "+1", "type": "mobile" }],
    });
    assert_eq!(Value::Object(mapped.attributes), expected);
    let without = person(rules, &[("mail", &["b@example.com"])]).expect("a person without most");
    assert_eq!(without.active, Some(true));
    assert_eq!(Value::Object(without.attributes), json!({ "userType": "Employee" }));
}

#[test]
fn binary_values_count_only_where_a_photo_is_wanted() {
    let mut source = entry(&[("uid", &["ada"])]);
    source.binaries.insert(
        "jpegphoto".to_owned(),
        vec![vec![0xff, 0xd8], vec![0; BINARY_BYTES_MAX + 1]],
    );
    source.binaries.insert("title".to_owned(), vec![vec![0xff]]);
    let rules = json!([{ "to": "userName", "from": "uid" }, { "to": "photos", "from": "jpegPhoto" }, { "to": "title", "from": "title" }]);
    let mapping = Mapping::compile(&ldap(rules, json!([])), None).expect("good rules");
    let mapped = mapping.person(&source).expect("a person");
    let expected = json!({ "photos": [{ "value": "data:image/jpeg;base64,/9g=", "type": "work" }] });
    assert_eq!(Value::Object(mapped.attributes), expected);
}

#[test]
fn grants_follow_attributes_groups_and_the_mapped_user() {
    let grants = json!([
        { "when": "'Leads' in groups", "roles": ["lead"] },
        { "when": "source.department.exists(d, d == 'Sales') && user.title == 'Seller'", "licences": ["pro"] },
        { "when": "source.department[0] == 'Nowhere'", "licences": ["never"] },
    ]);
    let mapping = Mapping::compile(&ldap(json!([]), grants), None).expect("good rules");
    assert!(mapping.needs_groups());
    assert_eq!(mapping.grant_attributes(), BTreeSet::from(["department".to_owned()]));
    let slugs = |names: &[&str]| {
        names
            .iter()
            .map(|name| name.parse().expect("a slug"))
            .collect::<BTreeSet<Slug>>()
    };
    let user = json!({ "userName": "ada", "title": "Seller" });
    let user = user.as_object().expect("an object");
    let source = entry(&[("department", &["Sales"])]).texts;
    let groups = ["Leads".to_owned()];
    let given = mapping
        .grants(&GrantContext {
            source: &source,
            user,
            groups: &groups,
        })
        .expect("grants");
    assert_eq!(
        given,
        Grants {
            licences: slugs(&["basic", "pro"]),
            roles: slugs(&["lead"]),
            ..Grants::default()
        }
    );
    let none = mapping.grants(&GrantContext {
        source: &BTreeMap::new(),
        user: &Map::new(),
        groups: &[],
    });
    assert_eq!(
        none.expect("grants"),
        Grants {
            licences: slugs(&["basic"]),
            ..Grants::default()
        }
    );
}

#[test]
fn a_bad_rule_is_named_with_its_place_and_a_cure() {
    let named = json!({ "to": "userName", "from": "uid" });
    let cases = [
        (
            json!([{ "to": "title" }]),
            "mapping[0] (to \"title\"): set exactly one of from, value and expression; 0 are set",
        ),
        (
            json!([named, { "to": "title", "from": "t", "value": "x" }]),
            "mapping[1] (to \"title\"): set exactly one of from, value and expression; 2 are set",
        ),
        (
            json!([{ "to": "title", "from": " " }]),
            "mapping[0] (to \"title\"): from is blank; name an attribute of the source",
        ),
        (
            json!([{ "to": "title", "value": { "a": 1 } }]),
            "mapping[0] (to \"title\") value: a map does not fit the attribute; a text is needed",
        ),
        (
            json!([{ "to": "active", "value": "perhaps" }]),
            "mapping[0] (to \"active\") value: another text does not fit the attribute; true or false is needed",
        ),
        (
            json!([{ "to": "name.nick", "from": "x" }]),
            "mapping[0] (to \"name.nick\"): name has no sub-attribute \"nick\"; use one of formatted, familyName, givenName, middleName, honorificPrefix, honorificSuffix",
        ),
        (
            json!([{ "to": "title[type eq \"x\"]", "from": "x" }]),
            "mapping[0] (to \"title[type eq \\\"x\\\"]\"): \"title[type eq \\\"x\\\"]\" is not understood; write for example phoneNumbers[type eq \"mobile\"].value",
        ),
        (
            json!([{ "to": "title", "from": "title" }]),
            "mapping: no rule writes userName; add one, because every user needs it",
        ),
        (
            json!([{ "to": "title", "expression": "source.a[0] +\n person" }]),
            "mapping[0] (to \"title\") expression: line 2, column 2: \"person\" is not known here; known are source",
        ),
        (
            json!([{ "to": "title", "expression": "size(source)" }]),
            "mapping[0] (to \"title\") expression: line 1, column 6: write source.attribute or source[\"attribute\"], not source alone",
        ),
    ];
    for (rules, message) in cases {
        assert_eq!(refusal(rules, json!([])), message);
    }
    let message = refusal(json!([{ "to": "groups", "from": "x" }]), json!([]));
    assert!(message.starts_with("mapping[0] (to \"groups\"): \"groups\" is no attribute that a mapping may write; use one of userName, name,"), "{message}");
    let message = refusal(json!([named, { "to": "title", "from": "t", "when": "1 +" }]), json!([]));
    assert!(
        message.starts_with("mapping[1] (to \"title\") when: line 1, column"),
        "{message}"
    );
    let message = refusal(json!([]), json!([{ "when": "true" }, { "when": "group == 'x'" }]));
    assert_eq!(
        message,
        "grants[1] when: line 1, column 1: \"group\" is not known here; known are source, user, groups"
    );
}

#[test]
fn an_expression_that_could_run_for_ever_is_refused() {
    let nested = "source.a.all(a, source.a.all(b, source.a.all(c, a == b && b == c)))";
    let doubling = format!("source.a{}", ".map(x, x + x)".repeat(4));
    let additions = format!("source.a[0]{}", " + source.a[0]".repeat(25));
    let long = format!("'{}' == 'x'", "x".repeat(2_000));
    for (text, part) in [
        (nested, "more than 2 loops inside each other"),
        (doubling.as_str(), "more than 3 loops"),
        (additions.as_str(), "more than 24 additions"),
        ("source.a[0].replace('', source.b[0])", "replace and format"),
        (long.as_str(), "at most 2000 are allowed"),
    ] {
        let message = refusal(json!([{ "to": "title", "expression": text }]), json!([]));
        assert!(message.contains(part), "{text}: {message}");
    }
}

#[test]
fn an_entry_with_too_many_values_fails_alone_and_says_so() {
    let many: Vec<String> = (0..2_001).map(|number| number.to_string()).collect();
    let mut source = entry(&[("uid", &["ada"])]);
    source.texts.insert("memberof".to_owned(), many);
    let rules = json!([{ "to": "userName", "from": "uid" }, { "to": "title", "value": "x", "when": "source.memberOf.exists(g, g == 'x')" }]);
    let mapping = Mapping::compile(&ldap(rules, json!([])), None).expect("good rules");
    let message = mapping.person(&source).expect_err("too much").to_string();
    assert_eq!(
        message,
        "mapping[1] (to \"title\") when: the entry has more than an expression may see: 2001 values of memberOf, at most 2000"
    );
    source.texts.remove("memberof");
    mapping.person(&source).expect("the same without them");
}

#[test]
fn a_condition_that_yields_no_boolean_names_its_rule() {
    let mapping = Mapping::compile(&ldap(json!([]), json!([{ "when": "size(groups)" }])), None).expect("it parses");
    let error = mapping.grants(&GrantContext {
        source: &BTreeMap::new(),
        user: &Map::new(),
        groups: &[],
    });
    assert_eq!(
        error.expect_err("a number").to_string(),
        "grants[0] when: a condition must yield true or false, this one yields a number"
    );
}

/// The attributes that an organisation defines, of several types.
fn own() -> CustomSchema {
    let attributes = json!([
        { "name": "locker", "type": "integer" }, { "name": "remote", "type": "boolean" },
        { "name": "hired", "type": "dateTime" }, { "name": "rate", "type": "decimal" },
        { "name": "key", "type": "binary" }, { "name": "tags", "type": "string", "multi_valued": true },
        { "name": "grade", "type": "string", "mutability": "readOnly" }, { "name": "old", "type": "string", "retired": true },
        { "name": "desk", "type": "complex", "sub_attributes": [
            { "name": "room", "type": "string" }, { "name": "row", "type": "integer" }] },
    ]);
    let mut own = CustomSchema::new(
        &"acme".parse().expect("a slug"),
        crate::model::custom_attribute::Bearer::User,
    );
    let attributes: Vec<crate::model::custom_attribute::CustomAttribute> =
        serde_json::from_value(attributes).expect("attributes");
    own.attributes.extend(attributes.into_iter().map(Into::into));
    own
}

#[test]
fn attributes_of_the_organisation_take_values_in_their_type() {
    let own = own();
    let to = |name: &str| format!("{}:{name}", own.urn);
    let rules = json!([
        { "to": "userName", "from": "uid" }, { "to": to("LOCKER"), "from": "a" }, { "to": to("remote"), "from": "b" },
        { "to": to("hired"), "from": "c" }, { "to": to("rate"), "from": "d" }, { "to": to("tags"), "from": "e" },
        { "to": to("tags"), "value": "x" }, { "to": to("desk.room"), "from": "f" }, { "to": to("desk.row"), "from": "a" },
        { "to": to("grade"), "value": "A" }, { "to": to("key"), "from": "g" }, { "to": to("locker"), "from": "h" },
    ]);
    let mapping = Mapping::compile(&ldap(rules, json!([])), Some(&own)).expect("good rules");
    let mut source = entry(&[
        ("uid", &["ada"]),
        ("a", &[" 7 "]),
        ("b", &["TRUE"]),
        ("c", &["20200131120000Z"]),
        ("d", &["1.5"]),
        ("e", &["x", "y", " "]),
        ("f", &["R1"]),
        ("h", &["9"]),
    ]);
    source.binaries.insert("g".to_owned(), vec![vec![1, 2, 3]]);
    let mapped = mapping.person(&source).expect("a person");
    assert_eq!(
        mapped.attributes[&own.urn],
        json!({
            "locker": 7, "remote": true, "hired": "2020-01-31T12:00:00Z", "rate": 1.5, "tags": ["x", "y"],
            "desk": { "room": "R1", "row": 7 }, "grade": "A", "key": "AQID",
        })
    );
    source.texts.insert("a".to_owned(), vec!["many".to_owned()]);
    let error = mapping.person(&source).expect_err("no integer").to_string();
    assert!(
        error.contains("locker\" must be of type integer, found a text"),
        "{error}"
    );
}

#[test]
fn a_rule_for_an_attribute_that_the_organisation_lacks_is_refused() {
    let own = own();
    for (name, known, told) in [
        ("missing", Some(&own), "declare it under [[user_attributes]]"),
        ("old", Some(&own), "declare it under [[user_attributes]]"),
        ("locker", None, "use one of none"),
        ("desk.floor", Some(&own), "use one of room, row"),
        ("locker[value eq 1]", Some(&own), "is not understood"),
    ] {
        let rules = json!([{ "to": "userName", "from": "uid" }, { "to": format!("{}:{name}", own.urn), "from": "a" }]);
        let error = Mapping::compile(&ldap(rules, json!([])), known)
            .expect_err(name)
            .to_string();
        assert!(error.contains(told), "{name}: {error}");
    }
    let constant =
        json!([{ "to": "userName", "from": "uid" }, { "to": format!("{}:locker", own.urn), "value": "many" }]);
    let error = Mapping::compile(&ldap(constant, json!([])), Some(&own))
        .expect_err("a constant")
        .to_string();
    assert!(error.contains("value: attribute"), "{error}");
}
