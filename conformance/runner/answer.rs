//! An answer, and whether it is what the case expects.

use std::collections::BTreeMap;

use regex::Regex;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use crate::case::{BodyRules, Expectation, HeaderPattern, HeaderRule, Status};
use crate::variables::Variables;

/// The schema of errors (RFC 7644 s3.12).
const ERROR_SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:Error";

/// Bytes of a body that are shown in a message.
const SHOWN_BYTES_MAX: usize = 600;

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The status.
    pub(crate) status: u16,
    /// The headers.
    pub(crate) headers: HeaderMap,
    /// The body as it came.
    pub(crate) text: String,
}

impl Answer {
    /// Takes what the case captures, and says everything that is not as expected.
    pub(crate) fn check(&self, expectation: &Expectation, variables: &mut Variables) -> Vec<String> {
        let Expectation {
            status,
            headers,
            error,
            body,
            capture,
        } = expectation;
        let mut faults = Vec::new();
        self.check_status(status, &mut faults);
        let document = self.document(&mut faults);
        for (name, place) in capture {
            match (variables.fill(name), self.find(place, document.as_ref())) {
                (Ok(name), Some(value)) => variables.set(&name, value),
                (Ok(name), None) => faults.push(format!("nothing at {place:?} to be captured as {name:?}")),
                (Err(fault), _) => faults.push(fault),
            }
        }
        if !faults.is_empty() {
            // What follows would only repeat it.
            return self.with_body(faults);
        }
        for (name, rule) in headers {
            faults.extend(self.check_header(name, rule.as_ref(), variables).err());
        }
        if let Some(scim_type) = error {
            self.check_error(scim_type, document.as_ref(), &mut faults);
        }
        if let Err(fault) = self.check_body(body, document.as_ref(), variables, &mut faults) {
            faults.push(fault);
        }
        self.with_body(faults)
    }

    fn check_status(&self, status: &Status, faults: &mut Vec<String>) {
        if !status.allows(self.status) {
            faults.push(match status {
                Status::One(one) => format!("status {} instead of {one}", self.status),
                Status::Either(several) => format!("status {} instead of one of {several:?}", self.status),
            });
        }
    }

    /// The body as JSON. Whatever is answered with a body is JSON in a SCIM media type (RFC 7644 s3.1, s8.1).
    fn document(&self, faults: &mut Vec<String>) -> Option<Value> {
        if self.text.is_empty() {
            return None;
        }
        let media_type = self
            .headers
            .get("content-type")
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        if !media_type.starts_with("application/scim+json") && !media_type.starts_with("application/json") {
            faults.push(format!("the media type is {media_type:?}"));
        }
        match serde_json::from_str(&self.text) {
            Ok(document) => Some(document),
            Err(error) => {
                faults.push(format!("the body is not JSON: {error}"));
                None
            }
        }
    }

    fn find(&self, place: &str, document: Option<&Value>) -> Option<String> {
        if let Some(header) = place.strip_prefix("header:") {
            return Some(self.headers.get(header)?.to_str().ok()?.to_owned());
        }
        Some(plain(document?.pointer(place)?))
    }

    fn check_header(&self, name: &str, rule: Option<&HeaderRule>, variables: &Variables) -> Result<(), String> {
        let value = self
            .headers
            .get(name)
            .map(|value| String::from_utf8_lossy(value.as_bytes()));
        match (rule, value) {
            (None, None) => Ok(()),
            (None, Some(value)) => Err(format!("header {name} is {value:?} and should not be there")),
            (Some(_), None) => Err(format!("header {name} is missing")),
            (Some(HeaderRule::Equal(expected)), Some(value)) => {
                let expected = variables.fill(expected)?;
                if value == expected.as_str() {
                    return Ok(());
                }
                Err(format!("header {name} is {value:?} instead of {expected:?}"))
            }
            (Some(HeaderRule::Matches(HeaderPattern { matches })), Some(value)) => {
                if pattern(matches, variables)?.is_match(&value) {
                    return Ok(());
                }
                Err(format!("header {name} is {value:?}, which does not match {matches:?}"))
            }
        }
    }

    /// RFC 7644 s3.12: the schema, the status as a text, a detail, and the `scimType` where one applies.
    fn check_error(&self, scim_type: &str, document: Option<&Value>, faults: &mut Vec<String>) {
        let Some(document) = document else {
            return faults.push("there is no error body".to_owned());
        };
        for (place, expected) in [
            ("/schemas", Some(json!([ERROR_SCHEMA]))),
            ("/status", Some(json!(self.status.to_string()))),
            ("/scimType", (scim_type != "none").then(|| json!(scim_type))),
        ] {
            let found = document.pointer(place);
            if found != expected.as_ref() {
                faults.push(format!(
                    "error {place} is {} instead of {}",
                    shown(found),
                    shown(expected.as_ref())
                ));
            }
        }
        if document["detail"].as_str().is_none_or(str::is_empty) {
            faults.push("the error has no detail".to_owned());
        }
    }

    fn check_body(
        &self,
        rules: &BodyRules,
        document: Option<&Value>,
        variables: &Variables,
        faults: &mut Vec<String>,
    ) -> Result<(), String> {
        let BodyRules {
            empty,
            subset,
            equal,
            absent,
            matches,
            length,
            lacks,
        } = rules;
        if *empty && !self.text.is_empty() {
            faults.push("there is a body where none is due".to_owned());
        }
        let none = Value::Null;
        let document = document.unwrap_or(&none);
        if let Some(subset) = subset {
            compare("", &variables.fill_json(subset)?, document, false, faults);
        }
        for (place, expected) in equal {
            let (place, expected) = (variables.fill(place)?, variables.fill_json(expected)?);
            match document.pointer(&place) {
                Some(found) => compare(&place, &expected, found, true, faults),
                None => faults.push(format!("{place} is missing, expected {expected}")),
            }
        }
        for place in absent {
            if let Some(found) = document.pointer(&variables.fill(place)?) {
                faults.push(format!("{place} is {found} and should not be there"));
            }
        }
        for (place, expression) in matches {
            let found = document.pointer(&variables.fill(place)?).map(plain);
            let expression = pattern(expression, variables)?;
            if !found.as_deref().is_some_and(|found| expression.is_match(found)) {
                faults.push(format!(
                    "{place} is {found:?}, which does not match {:?}",
                    expression.as_str()
                ));
            }
        }
        check_lengths(length, document, faults);
        for text in lacks {
            if self.text.contains(&variables.fill(text)?) {
                faults.push(format!("{text:?} is in the body and must not be"));
            }
        }
        Ok(())
    }

    /// Adds the body to the faults, so that the message alone says what happened.
    fn with_body(&self, mut faults: Vec<String>) -> Vec<String> {
        if !faults.is_empty() && !self.text.is_empty() {
            let mut end = self.text.len().min(SHOWN_BYTES_MAX);
            while !self.text.is_char_boundary(end) {
                end -= 1;
            }
            faults.push(format!("the answer was {}", &self.text[..end]));
        }
        faults
    }
}

fn check_lengths(lengths: &BTreeMap<String, usize>, document: &Value, faults: &mut Vec<String>) {
    for (place, expected) in lengths {
        let found = match document.pointer(place) {
            Some(Value::Array(items)) => Some(items.len()),
            Some(Value::Object(object)) => Some(object.len()),
            _ => None,
        };
        if found != Some(*expected) {
            faults.push(format!("{place} has {found:?} members instead of {expected}"));
        }
    }
}

fn pattern(expression: &str, variables: &Variables) -> Result<Regex, String> {
    // Braces belong to regular expressions as well: only what is a variable is filled in.
    let filled = variables.fill(expression)?;
    Regex::new(&filled).map_err(|error| format!("the expression {filled:?} is not regular: {error}"))
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn shown(value: Option<&Value>) -> String {
    value.map_or_else(|| "missing".to_owned(), Value::to_string)
}

/// Every member of `expected` is in `found`; when `whole`, nothing else is.
fn compare(place: &str, expected: &Value, found: &Value, whole: bool, faults: &mut Vec<String>) {
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => {
            for (key, expected) in expected {
                match found.get(key) {
                    Some(found) => compare(&format!("{place}/{key}"), expected, found, whole, faults),
                    None => faults.push(format!("{place}/{key} is missing, expected {expected}")),
                }
            }
            for key in found.keys().filter(|key| whole && !expected.contains_key(*key)) {
                faults.push(format!("{place}/{key} should not be there"));
            }
        }
        (Value::Array(expected), Value::Array(found)) => {
            let mut free: Vec<&Value> = found.iter().collect();
            for element in expected {
                let same = |found: &&Value| {
                    let mut differences = Vec::new();
                    compare(place, element, found, whole, &mut differences);
                    differences.is_empty()
                };
                match free.iter().position(same) {
                    Some(at) => drop(free.remove(at)),
                    None => faults.push(format!("{place} has no element {element}")),
                }
            }
            if whole && !free.is_empty() {
                faults.push(format!("{place} has {} further elements: {}", free.len(), free[0]));
            }
        }
        (expected, found) if expected == found => {}
        (expected, found) => faults.push(format!("{place} is {found} instead of {expected}")),
    }
}
