//! How a person is recognised in records that are not their own.

use serde_json::Value;

use crate::directory::audit::MASK;
use crate::model::audit::{AuditChange, AuditKind};
use crate::model::fold::{fold, fold_name};
use crate::model::id::UserId;
use crate::model::user::User;
use crate::store::Key;

/// Stands where a person's data stood.
pub const ERASED: &str = "(erased)";

/// Texts shorter than this are too common to be a trace of anybody.
const TRACE_CHARS_MIN: usize = 3;

/// Attributes of which every text leads to the person.
const TELLING: [&str; 7] = [
    "displayName",
    "nickName",
    "profileUrl",
    "emails",
    "phoneNumbers",
    "ims",
    "photos",
];

/// Members of the record itself of which every text leads to the person.
const NAMES: [&str; 4] = ["user_name", "login_ids", "nicknames", "external_ids"];

/// What leads to one person.
pub(super) struct Traces {
    id: UserId,
    id_text: String,
    /// In their caseless form.
    texts: Vec<String>,
}

impl Traces {
    /// Of somebody whose record is there.
    pub(super) fn of(user: &User) -> Self {
        let mut traces = Self::of_id(user.id);
        for name in TELLING {
            traces.take(user.attributes.get(name));
        }
        let offered = user.offers.iter().filter(|(name, _)| TELLING.contains(&name.as_str()));
        for value in offered.flat_map(|(_, offers)| offers.values()) {
            traces.take(Some(value));
        }
        traces.take_name(user.attributes.get("name"));
        for name in user.offers.get("name").into_iter().flat_map(|offers| offers.values()) {
            traces.take_name(Some(name));
        }
        let record = serde_json::to_value(user).unwrap_or_default();
        for name in NAMES {
            traces.take(record.get(name));
        }
        traces
    }

    /// Takes what a change of the person's record says: what the person was called before.
    pub(super) fn take_change(&mut self, change: &AuditChange) {
        if change.kind != AuditKind::User || change.subject != self.id_text {
            return;
        }
        for (name, (before, after)) in &change.fields {
            for value in [before, after] {
                if name == "name" {
                    self.take_name(Some(value));
                } else if name == "offers" {
                    TELLING.iter().for_each(|told| self.take(value.get(told)));
                    let named = value.get("name").and_then(Value::as_object);
                    let named = named.into_iter().flat_map(|offers| offers.values());
                    named.for_each(|name| self.take_name(Some(name)));
                } else if TELLING.contains(&name.as_str()) || NAMES.contains(&name.as_str()) {
                    self.take(Some(value));
                }
            }
        }
    }

    /// Of somebody of whom only the identifier is left.
    pub(super) fn of_id(id: UserId) -> Self {
        Self {
            id,
            id_text: id.to_string(),
            texts: Vec::new(),
        }
    }

    fn take_name(&mut self, name: Option<&Value>) {
        self.take(name.and_then(|name| name.get("formatted")));
        let part = |part: &str| name.and_then(|name| name.get(part)).and_then(Value::as_str);
        if let (Some(given), Some(family)) = (part("givenName"), part("familyName")) {
            self.add(&format!("{given} {family}"));
            self.add(&format!("{family}, {given}"));
        }
    }

    fn take(&mut self, value: Option<&Value>) {
        match value {
            Some(Value::String(text)) => self.add(text),
            Some(Value::Array(items)) => items.iter().for_each(|item| self.take(Some(item))),
            // Of a value with a type and a mark, only the value leads anywhere.
            Some(Value::Object(members)) if members.contains_key("value") => self.take(members.get("value")),
            Some(Value::Object(members)) => members.values().for_each(|member| self.take(Some(member))),
            Some(Value::Null | Value::Bool(_) | Value::Number(_)) | None => {}
        }
    }

    /// Another text that leads to the person.
    pub(super) fn add(&mut self, text: &str) {
        let text = fold_name(text);
        let is_mask = text == ERASED || text == MASK;
        if !is_mask && text.chars().count() >= TRACE_CHARS_MIN && !self.texts.contains(&text) {
            self.texts.push(text);
        }
    }

    /// The person's identifier.
    pub(super) const fn id(&self) -> UserId {
        self.id
    }

    /// How many texts lead to the person.
    pub(super) fn count(&self) -> usize {
        self.texts.len()
    }

    /// Whether a text is one of those that lead to the person, and nothing else.
    pub(super) fn is_one(&self, text: &str) -> bool {
        let text = fold_name(text);
        self.texts.contains(&text)
    }

    /// The person's identifier as text.
    pub(super) fn id_text(&self) -> &str {
        &self.id_text
    }

    /// Whether a text names the person, as whole words.
    pub(super) fn names(&self, text: &str) -> bool {
        let text = fold(text);
        self.texts.iter().any(|trace| {
            text.match_indices(trace.as_str()).any(|(start, found)| {
                let before = text[..start].chars().next_back();
                let after = text[start + found.len()..].chars().next();
                !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
            })
        })
    }

    /// Whether any text of a value names the person.
    pub(super) fn names_in(&self, value: &Value) -> bool {
        any_text(value, &|text| self.names(text))
    }

    /// Whether a value refers to the person by identifier.
    pub(super) fn refers(&self, value: &Value) -> bool {
        any_text(value, &|text| text.contains(&self.id_text))
    }

    /// Whether a key holds the person's identifier.
    pub(super) fn is_keyed(&self, key: &Key) -> bool {
        let id = self.id.uuid();
        let id = id.as_bytes();
        key.as_bytes().windows(id.len()).any(|part| part == id)
    }

    /// Whether a key holds a text that leads to the person. Texts in keys follow each other without a gap.
    pub(super) fn names_key(&self, key: &Key) -> bool {
        let texts = String::from_utf8_lossy(key.as_bytes().get(18..).unwrap_or_default());
        let texts = fold(&texts);
        self.texts.iter().any(|trace| texts.contains(trace.as_str()))
    }

    /// Masks every text that names the person; an item of a list that does goes as a whole. Whether anything was there.
    pub(super) fn mask(&self, value: &mut Value) -> bool {
        match value {
            Value::String(text) => {
                let is_named = self.names(text);
                if is_named {
                    *text = ERASED.to_owned();
                }
                is_named
            }
            Value::Array(items) => {
                let before = items.len();
                items.retain(|item| !(item.is_object() && self.names_in(item)));
                let texts = items
                    .iter_mut()
                    .map(|item| self.mask(item))
                    .filter(|masked| *masked)
                    .count();
                texts > 0 || items.len() < before
            }
            Value::Object(members) => {
                members
                    .values_mut()
                    .map(|member| self.mask(member))
                    .filter(|masked| *masked)
                    .count()
                    > 0
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        }
    }

    /// Takes out of the differences of a held plan those of the person, and what those of groups say of the person. Whether any did.
    pub(super) fn mask_differences(&self, value: &mut Value) -> bool {
        let Some(items) = value.get_mut("differences").and_then(Value::as_array_mut) else {
            return false;
        };
        let before = items.len();
        items.retain(|item| !self.is_difference_of(item));
        let masked = items.iter_mut().map(|item| self.mask(item)).filter(|masked| *masked);
        masked.count() > 0 || items.len() < before
    }

    fn is_difference_of(&self, item: &Value) -> bool {
        let text = |member: &str| item.get(member).and_then(Value::as_str);
        let mut names = ["name", "external_id"].map(text).into_iter().flatten();
        let is_named = names.any(|text| self.names(text));
        text("id") == Some(&self.id_text) || (text("kind") == Some("user") && is_named)
    }

    /// Takes from lists what is about others.
    pub(super) fn narrow(&self, value: &mut Value) {
        match value {
            Value::Array(items) => {
                items.retain(|item| !item.is_object() || self.names_in(item) || self.refers(item));
                items.iter_mut().for_each(|item| self.narrow(item));
            }
            Value::Object(members) => members.values_mut().for_each(|member| self.narrow(member)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}

fn any_text(value: &Value, holds: &dyn Fn(&str) -> bool) -> bool {
    match value {
        Value::String(text) => holds(text),
        Value::Array(items) => items.iter().any(|item| any_text(item, holds)),
        Value::Object(members) => members.values().any(|member| any_text(member, holds)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}
