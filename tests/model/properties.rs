//! Properties of the engine on random input.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};
use usher::model::Object;
use usher::model::attribute::AttributePath;
use usher::model::deviation::Strictness;
use usher::model::filter::{Filter, FilterLimits, Literal, Operator, Position, SubAfterBrackets, ValuePath};
use usher::model::normalise::normalise;
use usher::model::patch::{PatchLimits, PatchRequest, patch};
use usher::model::projection::Projection;
use usher::model::schema::SchemaSet;

use super::samples::{PATCH_OP, barbara, patch_user};

const OPERATORS: [Operator; 9] = [
    Operator::Eq,
    Operator::Ne,
    Operator::Co,
    Operator::Sw,
    Operator::Ew,
    Operator::Gt,
    Operator::Ge,
    Operator::Lt,
    Operator::Le,
];

fn literal() -> impl Strategy<Value = Literal> {
    prop_oneof![
        any::<String>().prop_map(Literal::String),
        any::<i64>().prop_map(|number| Literal::Number(number.into())),
        // Eighths: short enough for every reader of JSON numbers.
        any::<i32>()
            .prop_filter_map("finite", |eighths| serde_json::Number::from_f64(
                f64::from(eighths) / 8.0
            ))
            .prop_map(Literal::Number),
        any::<bool>().prop_map(Literal::Boolean),
        Just(Literal::Null),
    ]
}

fn path() -> impl Strategy<Value = AttributePath> {
    let urn = prop_oneof![
        Just(None),
        Just(Some("urn:ietf:params:scim:schemas:core:2.0:User".to_owned()))
    ];
    // Words that start a clause of their own are not names.
    let name = "[a-zA-Z][a-zA-Z0-9_$-]{0,8}".prop_filter("not", |name| !name.eq_ignore_ascii_case("not"));
    (urn, name, proptest::option::of("[$]?[a-zA-Z][a-zA-Z0-9]{0,5}")).prop_map(|(schema, name, sub)| AttributePath {
        schema,
        name,
        sub,
    })
}

/// Any filter that the grammar can write.
fn filter() -> impl Strategy<Value = Filter> {
    let at = Position(0);
    let leaf = prop_oneof![
        (path(), proptest::sample::select(&OPERATORS), literal()).prop_map(move |(path, operator, literal)| {
            Filter::Compare {
                path,
                operator,
                literal,
                at,
            }
        }),
        path().prop_map(move |path| Filter::Present { path, at }),
    ];
    leaf.prop_recursive(5, 40, 4, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 2..4).prop_map(Filter::and),
            proptest::collection::vec(inner.clone(), 2..4).prop_map(Filter::or),
            inner.clone().prop_map(|part| Filter::Not(Box::new(part))),
            (path(), inner).prop_map(move |(path, filter)| Filter::Values {
                path: path.parent(),
                filter: Box::new(filter),
                at,
                sub_after: SubAfterBrackets(false),
            }),
        ]
    })
}

/// A value of a text attribute; few letters, so that comparisons meet.
fn word() -> impl Strategy<Value = String> {
    "[aAbB]{1,3}"
}

/// A filter over three attributes: one with case, one without, one with several values.
fn simple_filter() -> impl Strategy<Value = Filter> {
    let at = Position(0);
    let name = proptest::sample::select(vec!["title", "externalId", "emails"]);
    let leaf = (name, proptest::sample::select(&OPERATORS), proptest::option::of(word())).prop_map(
        move |(name, operator, word)| {
            let path = AttributePath::core(name);
            match word {
                Some(word) => Filter::Compare {
                    path,
                    operator,
                    literal: Literal::String(word),
                    at,
                },
                None => Filter::Present { path, at },
            }
        },
    );
    leaf.prop_recursive(4, 20, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 2..4).prop_map(Filter::and),
            proptest::collection::vec(inner.clone(), 2..4).prop_map(Filter::or),
            inner.prop_map(|part| Filter::Not(Box::new(part))),
        ]
    })
}

/// What a filter means, as plainly as it can be said.
fn oracle(filter: &Filter, values: &BTreeMap<&str, Vec<String>>) -> bool {
    match filter {
        Filter::And(parts) => parts.iter().all(|part| oracle(part, values)),
        Filter::Or(parts) => parts.iter().any(|part| oracle(part, values)),
        Filter::Not(part) => !oracle(part, values),
        Filter::Present { path, .. } => !values[path.name.as_str()].is_empty(),
        Filter::Compare {
            path,
            operator,
            literal,
            ..
        } => {
            let fold = |text: &str| {
                if path.name == "externalId" {
                    text.to_owned()
                } else {
                    text.to_lowercase()
                }
            };
            let Literal::String(wanted) = literal else {
                unreachable!("only texts are made")
            };
            let wanted = fold(wanted);
            let known = &values[path.name.as_str()];
            if known.is_empty() {
                return *operator == Operator::Ne;
            }
            known.iter().map(|known| fold(known)).any(|known| match operator {
                Operator::Eq => known == wanted,
                Operator::Ne => known != wanted,
                Operator::Co => known.contains(&wanted),
                Operator::Sw => known.starts_with(&wanted),
                Operator::Ew => known.ends_with(&wanted),
                Operator::Gt => known > wanted,
                Operator::Ge => known >= wanted,
                Operator::Lt => known < wanted,
                Operator::Le => known <= wanted,
            })
        }
        Filter::Values { .. } => unreachable!("no value paths are made"),
    }
}

/// Any JSON value, with names that mean something more often than not.
fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<f32>().prop_map(Value::from),
        proptest::sample::select(vec![
            "",
            "True",
            "work",
            "x",
            "{\"value\":\"1\"}",
            "members[value eq \"x\"]",
            "emails",
            "add",
            "Remove"
        ])
        .prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((key(), inner), 0..5)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

fn key() -> impl Strategy<Value = String> {
    let known = vec![
        "schemas",
        "id",
        "meta",
        "userName",
        "name",
        "givenName",
        "name.givenName",
        "emails",
        "value",
        "type",
        "primary",
        "active",
        "members",
        "displayName",
        "roles",
        "manager",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager",
        "op",
        "path",
        "Operations",
        "password",
        "emails[type eq \"work\"].value",
        "x509Certificates",
        "$ref",
    ];
    prop_oneof![4 => proptest::sample::select(known).prop_map(str::to_owned), 1 => any::<String>()]
}

/// Whether a resource is canonical as far as emptiness goes.
fn is_canonical(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty() && items.iter().all(is_canonical),
        Value::Object(object) => !object.is_empty() && object.values().all(is_canonical),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

fn is_canonical_resource(resource: &Object) -> bool {
    resource.values().all(is_canonical)
}

/// An operation on a single-valued text attribute: the name, and the value or `None` to remove it.
fn simple_operation() -> impl Strategy<Value = (&'static str, Option<String>, bool)> {
    let name = proptest::sample::select(vec!["title", "nickName", "userType", "locale"]);
    (name, proptest::option::of("[a-z]{1,4}"), any::<bool>())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_printed_filter_reads_back_as_itself(filter in filter()) {
        let printed = filter.to_string();
        let limits = FilterLimits { length: usize::MAX, depth: 100 };
        prop_assert_eq!(Filter::parse(&printed, limits), Ok(filter), "{}", printed);
    }

    #[test]
    fn a_filter_means_what_the_oracle_says(
        filter in simple_filter(),
        title in proptest::option::of(word()),
        external_id in proptest::option::of(word()),
        emails in proptest::collection::vec(word(), 0..3),
    ) {
        let mut user = Object::new();
        user.extend(title.iter().map(|title| ("title".to_owned(), json!(title))));
        user.extend(external_id.iter().map(|id| ("externalId".to_owned(), json!(id))));
        if !emails.is_empty() {
            user.insert("emails".to_owned(), emails.iter().map(|value| json!({"value": value})).collect());
        }
        let values = BTreeMap::from([
            ("title", title.into_iter().collect()),
            ("externalId", external_id.into_iter().collect()),
            ("emails", emails),
        ]);
        let resolved = filter.resolve(&SchemaSet::user(), Strictness::Lenient).unwrap();
        prop_assert_eq!(resolved.matches(&user), oracle(&filter, &values), "{}", filter);
    }

    #[test]
    fn a_match_satisfies_one_equality_of_each_conjunct(
        filter in simple_filter(), title in word(), external_id in word(), email in word()
    ) {
        let user = json!({"title": title, "externalId": external_id, "emails": [{"value": email}]});
        let user = user.as_object().unwrap();
        let resolved = filter.resolve(&SchemaSet::user(), Strictness::Lenient).unwrap();
        if resolved.matches(user) {
            for conjunct in resolved.conjuncts() {
                let holds = conjunct.iter().any(|term| {
                    format!("{} eq {}", term.path, term.literal).parse::<Filter>().unwrap()
                        .resolve(&SchemaSet::user(), Strictness::Lenient).unwrap().matches(user)
                });
                prop_assert!(holds, "{} does not imply {:?}", filter, conjunct);
            }
        }
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in any::<String>(), tokens in proptest::collection::vec(
        proptest::sample::select(vec!["(", ")", "[", "]", "not", "and", "or", "eq", "pr", "userName", "emails", ".value", "\"x\"", "\"", "1", " ", "\\", "é"]), 0..12)
    ) {
        for text in [text, tokens.concat(), tokens.join(" ")] {
            if let Ok(filter) = text.parse::<Filter>() {
                let printed = filter.to_string();
                prop_assert_eq!(printed.parse::<Filter>(), Ok(filter), "{}", text);
            }
            if let Ok(path) = ValuePath::parse(&text, FilterLimits::default()) {
                prop_assert_eq!(ValuePath::parse(&path.to_string(), FilterLimits::default()), Ok(path), "{}", text);
            }
            let _ = text.parse::<AttributePath>();
            let projected = Projection::parse(Some(&text), None, &SchemaSet::user()).unwrap().apply(&barbara());
            prop_assert!(projected.contains_key("id"));
        }
    }

    #[test]
    fn whatever_is_accepted_is_canonical_and_normal_already(body in json_value()) {
        for schemas in [SchemaSet::user(), SchemaSet::group()] {
            let mut body = body.clone();
            if let Value::Object(body) = &mut body {
                body.retain(|key, _| !["username", "displayname"].contains(&key.to_lowercase().as_str()));
                body.insert("userName".to_owned(), json!("b"));
                body.insert("displayName".to_owned(), json!("B"));
            }
            if let Ok(first) = normalise(&schemas, body, Strictness::Lenient) {
                prop_assert!(is_canonical_resource(&first.resource), "{:?}", first.resource);
                let mut again = first.resource.clone();
                again.insert("schemas".to_owned(), json!(schemas.schemas_of(&first.resource)));
                let second = normalise(&schemas, Value::Object(again), Strictness::Strict).unwrap();
                prop_assert_eq!(&second.resource, &first.resource);
                prop_assert_eq!(second.deviations, []);
            }
        }
    }

    #[test]
    fn no_patch_panics_and_what_it_leaves_is_canonical(
        operations in proptest::collection::vec((
            proptest::sample::select(vec!["add", "remove", "Replace"]),
            proptest::sample::select(vec![
                "", "title", "name", "name.givenName", "emails", "emails.value", "emails[type eq \"work\"]", "emails[type eq \"other\"].value",
                "emails[primary eq \"True\"].type", "roles", "roles[primary eq \"True\"].value", "manager", "addresses", "active", "x509Certificates",
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User", "urn:usher:scim:schemas:extension:2.0:User", "groups", "password",
            ]),
            json_value(),
        ), 1..4)
    ) {
        let operations: Vec<_> = operations.into_iter()
            .map(|(op, path, value)| json!({"op": op, "path": path, "value": value})).collect();
        if let Ok(outcome) = patch_user(&barbara(), json!(operations), Strictness::Lenient) {
            prop_assert!(is_canonical_resource(&outcome.resource), "{:?}", outcome.resource);
            prop_assert_eq!(outcome.changed, outcome.resource != barbara());
            let body = Value::Object(outcome.resource.clone());
            let again = normalise(&SchemaSet::user(), body, Strictness::Lenient).unwrap();
            for (name, value) in &again.resource {
                prop_assert_eq!(Some(value), outcome.resource.get(name), "{} is not normal", name);
            }
        }
    }

    #[test]
    fn any_json_is_a_patch_request_or_an_error(body in json_value(), operation in json_value()) {
        for body in [body, json!({"Operations": [operation]})] {
            for strictness in [Strictness::Lenient, Strictness::Strict] {
                if let Ok(request) = PatchRequest::parse(body.clone(), PatchLimits::default(), strictness) {
                    let _ = patch(&SchemaSet::group(), &Object::new(), &request, strictness);
                }
            }
        }
    }

    #[test]
    fn a_sequence_of_simple_operations_ends_where_the_oracle_says(
        operations in proptest::collection::vec(simple_operation(), 1..12)
    ) {
        let mut expected = BTreeMap::new();
        let mut sent = Vec::new();
        for (name, value, by_path) in operations {
            sent.push(match (&value, by_path) {
                (Some(value), true) => json!({"op": "replace", "path": name, "value": value}),
                (Some(value), false) => json!({"op": "add", "value": {name: value}}),
                (None, true) => json!({"op": "remove", "path": name}),
                (None, false) => json!({"op": "replace", "value": {name: null}}),
            });
            match value {
                Some(value) => expected.insert(name.to_owned(), json!(value)),
                None => expected.remove(name),
            };
        }
        let body = json!({"schemas": [PATCH_OP], "Operations": sent});
        let request = PatchRequest::parse(body, PatchLimits::default(), Strictness::Strict).unwrap();
        let outcome = patch(&SchemaSet::user(), &Object::new(), &request, Strictness::Strict).unwrap();
        prop_assert_eq!(outcome.resource.into_iter().collect::<BTreeMap<_, _>>(), expected);
    }
}
