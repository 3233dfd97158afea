//! Whose value of an attribute counts, when several connections have one (design.md section 5).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::attribute::AttributePath;
use super::custom_attribute::is_custom;
use super::schema::{Mutability, SchemaSet};
use super::slug::Slug;

/// For each attribute a list of connections: the first of them that has a value has the say. A connection that is not in the list
/// comes after those that are, by its `precedence`; an attribute without a list goes by that alone.
///
/// An entry stands for an attribute as a whole, as owners do: `name`, `emails`, `urn:...:User:department`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Authority(BTreeMap<String, Vec<Slug>>);

/// An entry that cannot be meant. Each message names the attribute and the cure.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AuthorityError {
    /// No such attribute of users.
    #[error(
        "{attribute:?} is no attribute of users; write userName, name, emails, or urn:...:User:department for one of an extension"
    )]
    Unknown {
        /// As it was written.
        attribute: String,
    },
    /// A part of a complex attribute: the connection that has the say writes all of it.
    #[error("{attribute:?} is a part of an attribute, and one connection writes the whole: write {whole:?}")]
    Part {
        /// As it was written.
        attribute: String,
        /// The attribute.
        whole: String,
    },
    /// `active`: no source may lift another one's block.
    #[error("\"active\" has no list: a person is active while no source says otherwise; take it out")]
    Active,
    /// What each connection has of its own, or none has.
    #[error("{attribute:?} has no list: no two connections write the same value of it; take it out")]
    Unshared {
        /// The attribute.
        attribute: String,
    },
    /// One attribute in two spellings: names are compared without case (RFC 7643 section 2.1).
    #[error("{attribute:?} is listed twice, in two spellings: keep one of them")]
    Twice {
        /// The attribute.
        attribute: String,
    },
    /// A list of nobody.
    #[error("{attribute:?} lists no connection: name one, or take it out")]
    Empty {
        /// The attribute.
        attribute: String,
    },
    /// A connection that stands in one list twice.
    #[error("{attribute:?} lists connection \"{connection}\" twice: keep the first")]
    Repeated {
        /// The attribute.
        attribute: String,
        /// The connection.
        connection: Slug,
    },
}

impl AuthorityError {
    /// Whether the fault may be no fault for whoever knows all of the organisation's own attributes.
    #[must_use]
    pub fn may_be_declared_elsewhere(&self) -> bool {
        let Self::Unknown { attribute } = self else {
            return false;
        };
        attribute.rsplit_once(':').is_some_and(|(urn, _)| is_custom(urn))
    }
}

/// What each connection grants by its own settings and rules, whatever the attribute shows.
pub const GRANTS: [&str; 2] = ["roles", "entitlements"];

/// Kept apart for each connection.
const OWN: [&str; 2] = ["externalId", "schemas"];

impl Authority {
    /// Whether precedence alone decides.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The connections of an attribute's list, the first with the most say. The attribute is spelled as the schema spells it.
    #[must_use]
    pub fn of(&self, attribute: &str) -> &[Slug] {
        self.0.get(attribute).map_or(&[], Vec::as_slice)
    }

    /// Every attribute with its list.
    pub fn lists(&self) -> impl Iterator<Item = (&str, &[Slug])> {
        self.0
            .iter()
            .map(|(attribute, list)| (attribute.as_str(), list.as_slice()))
    }

    /// The same with every attribute spelled as the schemas of users spell it, and what is wrong with the others.
    #[must_use]
    pub fn canonical(&self, users: &SchemaSet) -> (Self, Vec<AuthorityError>) {
        let (mut lists, mut faults) = (BTreeMap::new(), Vec::new());
        for (written, list) in &self.0 {
            let attribute = match name(written, users) {
                Ok(name) => name,
                Err(fault) => {
                    faults.push(fault);
                    continue;
                }
            };
            let mut seen = BTreeSet::new();
            let repeated = list.iter().filter(|connection| !seen.insert(*connection));
            faults.extend(repeated.map(|connection| AuthorityError::Repeated {
                attribute: attribute.clone(),
                connection: connection.clone(),
            }));
            if list.is_empty() {
                let attribute = attribute.clone();
                faults.push(AuthorityError::Empty { attribute });
            }
            if lists.insert(attribute.clone(), list.clone()).is_some() {
                faults.push(AuthorityError::Twice { attribute });
            }
        }
        (Self(lists), faults)
    }
}

/// The schema's spelling of an attribute that may have a list.
fn name(written: &str, users: &SchemaSet) -> Result<String, AuthorityError> {
    let unknown = || AuthorityError::Unknown {
        attribute: written.to_owned(),
    };
    let path: AttributePath = written.trim().parse().map_err(|_| unknown())?;
    let found = users.resolve(&path).ok_or_else(unknown)?;
    let whole = found.path().parent().to_string();
    if found.sub.is_some() {
        return Err(AuthorityError::Part {
            attribute: written.to_owned(),
            whole,
        });
    }
    if whole == "active" {
        return Err(AuthorityError::Active);
    }
    let is_shared = found.attribute.mutability != Mutability::ReadOnly
        && !found.attribute.is_secret()
        && !GRANTS.contains(&whole.as_str())
        && !OWN.contains(&whole.as_str());
    // A directory's mapping fills what SCIM clients may not write, so such an attribute of the organisation's own is shared.
    let is_own = found.extension.is_some_and(is_custom);
    if is_shared || is_own {
        Ok(whole)
    } else {
        Err(AuthorityError::Unshared { attribute: whole })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(lists: serde_json::Value) -> (Authority, Vec<AuthorityError>) {
        let lists: Authority = serde_json::from_value(lists).expect("lists of connections");
        lists.canonical(&SchemaSet::user())
    }

    #[test]
    fn names_are_read_in_any_case_and_kept_as_the_schema_spells_them() {
        let department = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department";
        let (authority, faults) = read(json!({
            "USERNAME": ["hr"], "Name": ["hr", "entra"], department.to_uppercase(): ["entra"],
            "urn:ietf:params:scim:schemas:core:2.0:User:Title": ["hr"],
        }));
        assert_eq!(faults, []);
        let names: Vec<&str> = authority.lists().map(|(name, _)| name).collect();
        assert_eq!(names, ["name", "title", department, "userName"]);
        assert_eq!(authority.of("name").len(), 2);
        assert_eq!(authority.of("emails"), []);
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_its_cure() {
        for (written, told) in [
            (json!({ "shoeSize": ["hr"] }), "\"shoeSize\" is no attribute of users"),
            (json!({ "name.givenName": ["hr"] }), "write \"name\""),
            (json!({ "active": ["hr"] }), "while no source says otherwise"),
            (json!({ "roles": ["hr"] }), "\"roles\" has no list"),
            (json!({ "externalId": ["hr"] }), "\"externalId\" has no list"),
            (json!({ "groups": ["hr"] }), "\"groups\" has no list"),
            (json!({ "password": ["hr"] }), "\"password\" has no list"),
            (json!({ "title": [] }), "lists no connection"),
            (
                json!({ "title": ["hr", "entra", "hr"] }),
                "lists connection \"hr\" twice",
            ),
            (json!({ "title": ["hr"], "TITLE": ["entra"] }), "in two spellings"),
        ] {
            let (_, faults) = read(written);
            let [fault] = &faults[..] else { panic!("{faults:?}") };
            assert!(fault.to_string().contains(told), "{fault}");
        }
    }
}
