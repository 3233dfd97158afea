//! Random sequences of PATCH operations against an oracle that knows nothing of schemas, paths or JSON: a person with
//! fields, and rules written down from RFC 7644 section 3.5.2.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::{Value, json};
use usher::model::Object;
use usher::model::deviation::Strictness;
use usher::model::patch::{MemberChange, PatchLimits, PatchRequest, patch};
use usher::model::schema::SchemaSet;

use super::samples::{ENTERPRISE, PATCH_OP};

#[derive(Debug, Clone, PartialEq)]
struct Email {
    kind: &'static str,
    value: Option<String>,
    primary: Option<bool>,
}

impl Email {
    fn is_primary(&self) -> bool {
        self.primary == Some(true)
    }

    /// The same address, or the same in everything where there is none.
    fn repeats(&self, other: &Self) -> bool {
        if self.value.is_some() && other.value.is_some() {
            self.kind == other.kind && self.value == other.value
        } else {
            self == other
        }
    }

    fn to_json(&self) -> Value {
        let mut email = json!({ "type": self.kind });
        if let Some(value) = &self.value {
            email["value"] = json!(value);
        }
        if let Some(primary) = self.primary {
            email["primary"] = json!(primary);
        }
        email
    }
}

#[derive(Debug, Clone, Default, PartialEq)]
struct Person {
    title: Option<String>,
    name: BTreeMap<&'static str, String>,
    emails: Vec<Email>,
    department: Option<String>,
    manager: Option<String>,
}

/// How an operation is written down.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Form {
    Path,
    PathLess,
    /// As only a lenient connection reads it.
    Sloppy,
}

#[derive(Debug, Clone)]
enum Step {
    Title(Option<String>, Form),
    NamePart(&'static str, String, Form),
    DropNamePart(&'static str),
    DropName,
    AddEmail(Email),
    SetEmails(Vec<Email>),
    /// Add or replace of `emails[type eq "..."].value`.
    Address(&'static str, String, bool),
    DropAddress(&'static str),
    DropEmails(Option<&'static str>),
    /// `remove` of listed values, which is no RFC.
    DropListed(Email),
    Department(Option<String>, Form),
    Manager(Option<String>, Form),
}

/// The connection is strict, and the RFC refuses the request.
struct Refused;

impl Person {
    fn step(&mut self, step: &Step, is_strict: bool) -> Result<(), Refused> {
        match step {
            Step::Title(_, Form::Sloppy)
            | Step::NamePart(_, _, Form::Sloppy)
            | Step::Department(_, Form::Sloppy)
            | Step::Manager(_, Form::Sloppy)
            | Step::DropListed(_)
                if is_strict =>
            {
                return Err(Refused);
            }
            Step::Title(title, _) => self.title.clone_from(title),
            Step::NamePart(part, value, _) => {
                self.name.insert(part, value.clone());
            }
            Step::DropNamePart(part) => {
                self.name.remove(part);
            }
            Step::DropName => self.name.clear(),
            Step::AddEmail(email) => self.add(email),
            Step::SetEmails(emails) => {
                self.emails.clone_from(emails);
                self.merge_repeated();
            }
            Step::Address(kind, value, _) => {
                if !self.emails.iter().any(|email| email.kind == *kind) {
                    if is_strict {
                        return Err(Refused);
                    }
                    self.emails.push(Email {
                        kind,
                        value: None,
                        primary: None,
                    });
                }
                for email in self.emails.iter_mut().filter(|email| email.kind == *kind) {
                    email.value = Some(value.clone());
                }
                self.merge_repeated();
            }
            Step::DropAddress(kind) => {
                for email in self.emails.iter_mut().filter(|email| email.kind == *kind) {
                    email.value = None;
                }
                if !is_strict {
                    self.emails.retain(|email| email.value.is_some());
                }
            }
            Step::DropEmails(kind) => self.emails.retain(|email| kind.is_some_and(|kind| kind != email.kind)),
            Step::DropListed(listed) => self.emails.retain(|email| !email.repeats(listed)),
            Step::Department(department, _) => self.department.clone_from(department),
            Step::Manager(manager, _) => self.manager.clone_from(manager),
        }
        Ok(())
    }

    fn add(&mut self, added: &Email) {
        if added.is_primary() {
            for email in self.emails.iter_mut().filter(|email| email.is_primary()) {
                email.primary = Some(false);
            }
        }
        match self.emails.iter_mut().find(|email| email.repeats(added)) {
            Some(known) => known.primary = added.primary.or(known.primary),
            None => self.emails.push(added.clone()),
        }
    }

    /// The first of equal ones stays, and is primary if any was.
    fn merge_repeated(&mut self) {
        let mut kept: Vec<Email> = Vec::new();
        for email in self.emails.drain(..) {
            match kept.iter_mut().find(|known| known.repeats(&email)) {
                Some(known) if email.is_primary() => known.primary = Some(true),
                Some(_) => {}
                None => kept.push(email),
            }
        }
        self.emails = kept;
    }

    fn to_json(&self) -> Object {
        let mut user = Object::new();
        user.extend(self.title.iter().map(|title| ("title".to_owned(), json!(title))));
        if !self.name.is_empty() {
            user.insert("name".to_owned(), json!(self.name));
        }
        if !self.emails.is_empty() {
            user.insert("emails".to_owned(), self.emails.iter().map(Email::to_json).collect());
        }
        let mut extension = Object::new();
        extension.extend(
            self.department
                .iter()
                .map(|name| ("department".to_owned(), json!(name))),
        );
        extension.extend(
            self.manager
                .iter()
                .map(|id| ("manager".to_owned(), json!({ "value": id }))),
        );
        if !extension.is_empty() {
            user.insert(ENTERPRISE.to_owned(), Value::Object(extension));
        }
        user
    }
}

/// An operation that assigns, or removes where there is nothing to assign.
fn assign(path: &str, value: Option<Value>) -> Value {
    match value {
        Some(value) => json!({ "op": "replace", "path": path, "value": value }),
        None => json!({ "op": "remove", "path": path }),
    }
}

impl Step {
    fn to_json(&self) -> Value {
        match self {
            Self::Title(title, Form::Path) => assign("title", title.clone().map(Value::from)),
            Self::Title(title, Form::PathLess) => json!({ "op": "replace", "value": { "title": title } }),
            Self::Title(title, Form::Sloppy) => {
                json!({ "op": "Replace", "path": "title", "value": title.clone().unwrap_or_default() })
            }
            Self::NamePart(part, value, Form::Path) => assign(&format!("name.{part}"), Some(json!(value))),
            Self::NamePart(part, value, Form::PathLess) => {
                json!({ "op": "add", "value": { "name": { *part: value } } })
            }
            Self::NamePart(part, value, Form::Sloppy) => {
                json!({ "op": "replace", "value": { format!("name.{part}"): value } })
            }
            Self::DropNamePart(part) => assign(&format!("name.{part}"), None),
            Self::DropName => assign("name", None),
            Self::AddEmail(email) => json!({ "op": "add", "path": "emails", "value": [email.to_json()] }),
            Self::SetEmails(emails) => {
                let emails: Value = emails.iter().map(Email::to_json).collect();
                json!({ "op": "replace", "path": "emails", "value": emails })
            }
            Self::Address(kind, value, is_add) => {
                let op = if *is_add { "add" } else { "replace" };
                json!({ "op": op, "path": format!("emails[type eq \"{kind}\"].value"), "value": value })
            }
            Self::DropAddress(kind) => assign(&format!("emails[type eq \"{kind}\"].value"), None),
            Self::DropEmails(Some(kind)) => assign(&format!("emails[type eq \"{kind}\"]"), None),
            Self::DropEmails(None) => assign("emails", None),
            Self::DropListed(email) => {
                json!({ "op": "remove", "path": "emails", "value": [{ "type": email.kind, "value": email.value }] })
            }
            Self::Department(department, Form::Path) => {
                assign(&format!("{ENTERPRISE}:department"), department.clone().map(Value::from))
            }
            Self::Department(department, Form::PathLess) => {
                json!({ "op": "replace", "value": { ENTERPRISE: { "department": department } } })
            }
            Self::Department(department, Form::Sloppy) => assign("department", department.clone().map(Value::from)),
            Self::Manager(manager, Form::Path) => assign(
                &format!("{ENTERPRISE}:manager"),
                manager.as_ref().map(|id| json!({ "value": id })),
            ),
            Self::Manager(manager, Form::PathLess) => {
                let manager = manager.as_ref().map(|id| json!({ "value": id }));
                json!({ "op": "add", "value": { format!("{ENTERPRISE}:manager"): manager } })
            }
            Self::Manager(manager, Form::Sloppy) => {
                let value = manager.clone().unwrap_or_default();
                json!({ "op": "replace", "path": format!("{ENTERPRISE}:manager"), "value": value })
            }
        }
    }
}

fn word() -> impl Strategy<Value = String> {
    "[abc]"
}

fn kind() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(vec!["work", "home", "other"])
}

fn form() -> impl Strategy<Value = Form> {
    prop_oneof![6 => Just(Form::Path), 6 => Just(Form::PathLess), 1 => Just(Form::Sloppy)]
}

fn email(primary: bool) -> impl Strategy<Value = Email> {
    (kind(), word(), any::<bool>()).prop_map(move |(kind, value, wants)| Email {
        kind,
        value: Some(value),
        primary: (primary && wants).then_some(true),
    })
}

/// At most one is primary.
fn emails() -> impl Strategy<Value = Vec<Email>> {
    (
        proptest::collection::vec(email(false), 0..4),
        any::<proptest::sample::Index>(),
        any::<bool>(),
    )
        .prop_map(|(mut emails, index, wants)| {
            if wants && !emails.is_empty() {
                let index = index.index(emails.len());
                emails[index].primary = Some(true);
            }
            emails
        })
}

fn step() -> impl Strategy<Value = Step> {
    let part = || proptest::sample::select(vec!["givenName", "familyName"]);
    let maybe = || proptest::option::of(word());
    prop_oneof![
        1 => (maybe(), form()).prop_map(|(title, form)| Step::Title(title, form)),
        1 => (part(), word(), form()).prop_map(|(part, value, form)| Step::NamePart(part, value, form)),
        1 => part().prop_map(Step::DropNamePart),
        1 => Just(Step::DropName),
        3 => email(true).prop_map(Step::AddEmail),
        2 => emails().prop_map(Step::SetEmails),
        3 => (kind(), word(), any::<bool>()).prop_map(|(kind, value, is_add)| Step::Address(kind, value, is_add)),
        1 => kind().prop_map(Step::DropAddress),
        1 => proptest::option::of(kind()).prop_map(Step::DropEmails),
        1 => email(false).prop_map(Step::DropListed),
        1 => (maybe(), form()).prop_map(|(name, form)| Step::Department(name, form)),
        1 => (maybe(), form()).prop_map(|(id, form)| Step::Manager(id, form)),
    ]
}

/// A change of members, as it is written and as a set sees it.
#[derive(Debug, Clone)]
enum Change {
    Add(Vec<u8>),
    Remove(Vec<u8>, bool),
    Replace(Vec<u8>),
    Clear,
}

fn change() -> impl Strategy<Value = Change> {
    let ids = || proptest::collection::vec(0_u8..6, 1..4);
    prop_oneof![
        3 => ids().prop_map(Change::Add),
        3 => (ids(), any::<bool>()).prop_map(|(ids, by_filter)| Change::Remove(ids, by_filter)),
        1 => ids().prop_map(Change::Replace),
        1 => Just(Change::Clear),
    ]
}

fn member_operation(change: &Change) -> Value {
    let listed = |ids: &[u8]| {
        ids.iter()
            .map(|id| json!({ "value": id.to_string() }))
            .collect::<Value>()
    };
    match change {
        Change::Add(ids) => json!({ "op": "add", "path": "members", "value": listed(ids) }),
        Change::Remove(ids, true) => {
            let terms: Vec<String> = ids.iter().map(|id| format!("value eq \"{id}\"")).collect();
            json!({ "op": "remove", "path": format!("members[{}]", terms.join(" or ")) })
        }
        Change::Remove(ids, false) => json!({ "op": "remove", "path": "members", "value": listed(ids) }),
        Change::Replace(ids) => json!({ "op": "replace", "value": { "members": listed(ids) } }),
        Change::Clear => json!({ "op": "remove", "path": "members" }),
    }
}

/// What the changes that come out of a PATCH leave of a set of members.
fn applied(changes: Vec<MemberChange>) -> BTreeSet<String> {
    let mut members = BTreeSet::new();
    for change in changes {
        match change {
            MemberChange::Add(added) => members.extend(added.into_iter().map(|member| member.value)),
            MemberChange::Remove(ids) => members.retain(|id| !ids.contains(id)),
            MemberChange::RemoveWhere(filter) => members.retain(|id| !filter.matches(&json!({ "value": id }))),
            MemberChange::RemoveAll => members.clear(),
            MemberChange::Replace(listed) => members = listed.into_iter().map(|member| member.value).collect(),
        }
    }
    members
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_sequence_of_operations_ends_where_the_oracle_says(
        before in proptest::collection::vec(step(), 0..6),
        steps in proptest::collection::vec(step(), 1..8),
        is_strict in any::<bool>(),
    ) {
        let mut person = Person::default();
        for step in &before {
            // Whatever came about leniently is there; a strict client may find it.
            let _ = person.step(step, false);
        }
        let current = person.to_json();
        let mut expected = person.clone();
        let refused = steps.iter().try_for_each(|step| expected.step(step, is_strict)).is_err();

        let strictness = if is_strict { Strictness::Strict } else { Strictness::Lenient };
        let operations: Vec<Value> = steps.iter().map(Step::to_json).collect();
        let body = json!({ "schemas": [PATCH_OP], "Operations": operations });
        let outcome = PatchRequest::parse(body, PatchLimits::default(), strictness)
            .and_then(|request| patch(&SchemaSet::user(), &current, &request, strictness));
        match outcome {
            Ok(outcome) => {
                prop_assert!(!refused, "strict connections refuse {:?}", operations);
                prop_assert_eq!(&outcome.resource, &expected.to_json());
                prop_assert_eq!(outcome.changed, outcome.resource != current);
                prop_assert!(!is_strict || outcome.deviations.is_empty(), "{:?}", outcome.deviations);
            }
            Err(error) => prop_assert!(refused, "{}: {:?}", error, operations),
        }
    }

    #[test]
    fn a_sequence_of_member_changes_ends_where_a_set_would(
        changes in proptest::collection::vec(change(), 1..10), is_strict in any::<bool>()
    ) {
        let mut expected = BTreeSet::new();
        for change in &changes {
            let text = |ids: &[u8]| ids.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
            match change {
                Change::Add(ids) => expected.extend(text(ids)),
                Change::Remove(ids, _) => expected.retain(|id| !text(ids).contains(id)),
                Change::Replace(ids) => expected = text(ids),
                Change::Clear => expected.clear(),
            }
        }
        let refused = is_strict && changes.iter().any(|change| matches!(change, Change::Remove(_, false)));
        let strictness = if is_strict { Strictness::Strict } else { Strictness::Lenient };
        let operations: Vec<Value> = changes.iter().map(member_operation).collect();
        let body = json!({ "schemas": [PATCH_OP], "Operations": operations });
        let current = json!({ "displayName": "G" }).as_object().cloned().unwrap_or_default();
        let outcome = PatchRequest::parse(body, PatchLimits::default(), strictness)
            .and_then(|request| patch(&SchemaSet::group(), &current, &request, strictness));
        match outcome {
            Ok(outcome) => {
                prop_assert!(!refused);
                prop_assert_eq!(applied(outcome.members), expected);
                prop_assert!(!outcome.changed);
            }
            Err(error) => prop_assert!(refused, "{}", error),
        }
    }
}
