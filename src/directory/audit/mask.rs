//! What is secret in a record.

use serde_json::Value;

use crate::directory::settings::OrganisationSettings;
use crate::model::custom_attribute::Bearer;

/// Stands for a value that nobody may read.
pub const MASK: &str = "***";

/// Parts of names that only secrets have.
const SECRET: [&str; 5] = ["password", "secret", "hash", "otp", "recovery"];

/// Whether a member of a record is secret by its name.
#[must_use]
pub fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    // A policy about passwords is none, and when one was set is none.
    let is_told = name.ends_with("policy") || name.ends_with("_at");
    !is_told && SECRET.iter().any(|part| name.contains(part))
}

/// Masks what is secret anywhere in a value.
pub(in crate::directory) fn mask(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                if is_secret(name) && !member.is_null() {
                    *member = MASK.into();
                } else {
                    mask(member);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(mask),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Whether the organisation declared this attribute of its own extension to be secret. All are as long as the settings are not
/// known.
pub(super) fn is_secret_attribute(settings: Option<&OrganisationSettings>, urn: &str, name: &str) -> bool {
    let Some(settings) = settings else { return true };
    let own = Bearer::ALL.into_iter().filter_map(|bearer| settings.custom(bearer));
    let mut own = own.filter(|schema| schema.urn == urn);
    own.any(|schema| {
        let mut defined = schema.attributes.iter();
        defined.any(|defined| defined.attribute.name.eq_ignore_ascii_case(name) && defined.attribute.is_secret())
    })
}
