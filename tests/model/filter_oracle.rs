//! Random filters, written as text, against an oracle that sees a person's fields: every type, value paths, an extension.

use proptest::prelude::*;
use serde_json::{Value, json};
use usher::model::Object;
use usher::model::deviation::Strictness;
use usher::model::filter::{Filter, FilterLimits};
use usher::model::schema::SchemaSet;

use super::samples::ENTERPRISE;

#[derive(Debug, Clone)]
struct Person {
    active: bool,
    department: Option<String>,
    manager: Option<String>,
    /// Minutes after noon.
    modified: u8,
    emails: Vec<Email>,
}

#[derive(Debug, Clone)]
struct Email {
    kind: Option<&'static str>,
    value: String,
    primary: Option<bool>,
}

/// What may be asked of a text.
const WORDS: [&str; 9] = ["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"];

#[derive(Debug, Clone)]
enum Ask {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    Active(bool),
    NotActive(bool),
    Department(&'static str, String),
    HasDepartment,
    NoManager,
    Manager(&'static str, String),
    /// `gt`, `ge`, `lt`, `le`, `eq` or `ne`.
    Modified(&'static str, u8),
    Address(&'static str, String),
    Element(Box<Element>),
}

/// What may be asked of one address.
#[derive(Debug, Clone)]
enum Element {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    Kind(&'static str),
    NotKind(&'static str),
    HasKind,
    Primary(bool),
    Value(&'static str, String),
}

fn compare(word: &str, found: &str, wanted: &str) -> bool {
    match word {
        "eq" => found == wanted,
        "ne" => found != wanted,
        "co" => found.contains(wanted),
        "sw" => found.starts_with(wanted),
        "ew" => found.ends_with(wanted),
        "gt" => found > wanted,
        "ge" => found >= wanted,
        "lt" => found < wanted,
        _ => found <= wanted,
    }
}

/// Without case, as all of these attributes are (RFC 7643 section 8.7.1); `properties.rs` has one with case.
fn compare_text(word: &str, found: Option<&str>, wanted: &str) -> bool {
    match found {
        Some(found) => compare(word, &found.to_lowercase(), &wanted.to_lowercase()),
        None => word == "ne",
    }
}

fn instant(minutes: u8) -> String {
    format!("2026-01-01T12:{minutes:02}:00Z")
}

/// The same moment in another time zone.
fn elsewhere(minutes: u8) -> String {
    format!("2026-01-01T14:{minutes:02}:00+02:00")
}

impl Ask {
    fn holds(&self, person: &Person) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(person)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(person)),
            Self::Not(part) => !part.holds(person),
            Self::Active(wanted) => person.active == *wanted,
            Self::NotActive(wanted) => person.active != *wanted,
            Self::Department(word, wanted) => compare_text(word, person.department.as_deref(), wanted),
            Self::HasDepartment => person.department.is_some(),
            Self::NoManager => person.manager.is_none(),
            Self::Manager(word, wanted) => compare_text(word, person.manager.as_deref(), wanted),
            Self::Modified(word, wanted) => compare(word, &instant(person.modified), &instant(*wanted)),
            Self::Address(word, wanted) if person.emails.is_empty() => compare_text(word, None, wanted),
            Self::Address(word, wanted) => {
                let mut values = person.emails.iter().map(|email| email.value.as_str());
                values.any(|value| compare_text(word, Some(value), wanted))
            }
            Self::Element(element) => person.emails.iter().any(|email| element.holds(email)),
        }
    }

    fn to_text(&self) -> String {
        match self {
            Self::All(parts) => join(parts, Self::to_text, " and "),
            Self::Any(parts) => join(parts, Self::to_text, " OR "),
            Self::Not(part) => format!("not ({})", part.to_text()),
            Self::Active(wanted) => format!("active eq {wanted}"),
            Self::NotActive(wanted) => format!("Active ne {wanted}"),
            Self::Department(word, wanted) => format!("{ENTERPRISE}:department {word} \"{wanted}\""),
            Self::HasDepartment => format!("{ENTERPRISE}:Department pr"),
            Self::NoManager => format!("{ENTERPRISE}:manager.value eq null"),
            Self::Manager(word, wanted) => format!("{ENTERPRISE}:manager.value {word} \"{wanted}\""),
            Self::Modified(word, wanted) => format!("meta.lastModified {word} \"{}\"", elsewhere(*wanted)),
            Self::Address(word, wanted) => format!("emails.value {word} \"{wanted}\""),
            Self::Element(element) => format!("emails[{}]", element.to_text()),
        }
    }
}

impl Element {
    fn holds(&self, email: &Email) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(email)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(email)),
            Self::Not(part) => !part.holds(email),
            Self::Kind(wanted) => email.kind == Some(wanted),
            Self::NotKind(wanted) => email.kind != Some(wanted),
            Self::HasKind => email.kind.is_some(),
            // RFC 7643 section 2.4: if not specified, "primary" is assumed to be false.
            Self::Primary(wanted) => email.primary.unwrap_or(false) == *wanted,
            Self::Value(word, wanted) => compare_text(word, Some(&email.value), wanted),
        }
    }

    fn to_text(&self) -> String {
        match self {
            Self::All(parts) => join(parts, Self::to_text, " AND "),
            Self::Any(parts) => join(parts, Self::to_text, " or "),
            Self::Not(part) => format!("NOT ({})", part.to_text()),
            Self::Kind(wanted) => format!("type eq \"{wanted}\""),
            Self::NotKind(wanted) => format!("TYPE ne \"{}\"", wanted.to_uppercase()),
            Self::HasKind => "type pr".to_owned(),
            Self::Primary(wanted) => format!("primary eq {wanted}"),
            Self::Value(word, wanted) => format!("value {} \"{wanted}\"", word.to_uppercase()),
        }
    }
}

fn join<T>(parts: &[T], text: fn(&T) -> String, word: &str) -> String {
    let parts: Vec<String> = parts.iter().map(|part| format!("({})", text(part))).collect();
    parts.join(word)
}

fn word() -> impl Strategy<Value = String> {
    "[aAbB]{1,2}"
}

fn kind() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(vec!["work", "home"])
}

fn operator() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(&WORDS)
}

fn element() -> impl Strategy<Value = Element> {
    let leaf = prop_oneof![
        kind().prop_map(Element::Kind),
        kind().prop_map(Element::NotKind),
        Just(Element::HasKind),
        any::<bool>().prop_map(Element::Primary),
        (operator(), word()).prop_map(|(operator, word)| Element::Value(operator, word)),
    ];
    leaf.prop_recursive(3, 10, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 2..4).prop_map(Element::All),
            proptest::collection::vec(inner.clone(), 2..4).prop_map(Element::Any),
            inner.prop_map(|part| Element::Not(Box::new(part))),
        ]
    })
}

fn ask() -> impl Strategy<Value = Ask> {
    let order = proptest::sample::select(vec!["eq", "ne", "gt", "ge", "lt", "le"]);
    let leaf = prop_oneof![
        1 => any::<bool>().prop_map(Ask::Active),
        1 => any::<bool>().prop_map(Ask::NotActive),
        1 => (operator(), word()).prop_map(|(operator, word)| Ask::Department(operator, word)),
        1 => Just(Ask::HasDepartment),
        1 => Just(Ask::NoManager),
        1 => (operator(), word()).prop_map(|(operator, word)| Ask::Manager(operator, word)),
        1 => (order, 0_u8..4).prop_map(|(order, minutes)| Ask::Modified(order, minutes)),
        1 => (operator(), word()).prop_map(|(operator, word)| Ask::Address(operator, word)),
        3 => element().prop_map(|element| Ask::Element(Box::new(element))),
    ];
    leaf.prop_recursive(4, 20, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 2..4).prop_map(Ask::All),
            proptest::collection::vec(inner.clone(), 2..4).prop_map(Ask::Any),
            inner.prop_map(|part| Ask::Not(Box::new(part))),
        ]
    })
}

fn person() -> impl Strategy<Value = Person> {
    let email = (
        proptest::option::of(kind()),
        word(),
        proptest::option::of(any::<bool>()),
    );
    let email = email.prop_map(|(kind, value, primary)| Email { kind, value, primary });
    (
        any::<bool>(),
        proptest::option::of(word()),
        proptest::option::of(word()),
        0_u8..4,
        proptest::collection::vec(email, 0..4),
    )
        .prop_map(|(active, department, manager, modified, emails)| Person {
            active,
            department,
            manager,
            modified,
            emails,
        })
}

fn resource(person: &Person) -> Object {
    let mut user = json!({ "active": person.active, "meta": { "lastModified": instant(person.modified) } });
    let mut extension = Object::new();
    extension.extend(
        person
            .department
            .iter()
            .map(|name| ("department".to_owned(), json!(name))),
    );
    extension.extend(
        person
            .manager
            .iter()
            .map(|id| ("manager".to_owned(), json!({ "value": id }))),
    );
    if !extension.is_empty() {
        user[ENTERPRISE] = Value::Object(extension);
    }
    let emails: Vec<Value> = person
        .emails
        .iter()
        .map(|email| {
            let mut shown = json!({ "value": email.value });
            if let Some(kind) = email.kind {
                shown["type"] = json!(kind);
            }
            if let Some(primary) = email.primary {
                shown["primary"] = json!(primary);
            }
            shown
        })
        .collect();
    if !emails.is_empty() {
        user["emails"] = Value::Array(emails);
    }
    user.as_object().cloned().unwrap_or_default()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_filter_of_every_type_means_what_the_oracle_says(ask in ask(), people in proptest::collection::vec(person(), 1..6)) {
        let text = ask.to_text();
        let limits = FilterLimits { length: usize::MAX, depth: 100 };
        let filter = Filter::parse(&text, limits).unwrap_or_else(|error| panic!("{text}: {error}"));
        for strictness in [Strictness::Lenient, Strictness::Strict] {
            let resolved = filter.resolve(&SchemaSet::user(), strictness).unwrap_or_else(|error| panic!("{text}: {error}"));
            prop_assert!(resolved.deviations().is_empty(), "{} is by the letter", text);
            for person in &people {
                prop_assert_eq!(resolved.matches(&resource(person)), ask.holds(person), "{} of {:?}", text, person);
            }
        }
    }
}
