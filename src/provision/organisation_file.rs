//! Organisation files: TOML with `[organisation]`, `[[roles]]`, `[[licences]]`, `[[cost_centres]]`, `[[connections]]`,
//! `[[permissions]]`, `[default_permissions]`, `[authority]`, `[[user_attributes]]`, `[[group_attributes]]`, `[[templates]]` and
//! `[[resource_types]]`. Every fault is reported at once, with its line and column.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::de::{DeserializeOwned, IntoDeserializer as _};
use serde::{Deserialize, Serialize};
use toml::Spanned;
use toml::de::{DeTable, DeValue, Error, ValueDeserializer};

use crate::model::authority::Authority;
use crate::model::connection::Connection;
use crate::model::cost_centre::CostCentre;
use crate::model::custom_attribute::{Bearer, CustomAttribute, CustomSchema, Defined};
use crate::model::declaration::{Declaration, DeclaredOrganisation};

use crate::model::group::GroupPolicy;
use crate::model::licence::Licence;
use crate::model::mail::template::MailTemplate;
use crate::model::password_policy::PasswordPolicy;
use crate::model::permission::definition::Definition;
use crate::model::position::{Position, one_line};
use crate::model::resource::ResourceType;
use crate::model::role::Role;
use crate::model::schema::ResourceSchemas;
use crate::model::slug::Slug;

use super::check;
use super::profile::{self, Profile};

/// Something in the file that must be put right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Where, when it is at one place.
    #[serde(flatten, default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    /// In which part: `connections.scim`.
    pub place: String,
    /// What is wrong and what would be right.
    pub reason: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(position) = self.position {
            write!(f, "{position}: ")?;
        }
        write!(f, "{}: {}", self.place, self.reason)
    }
}

/// A file that was understood.
#[derive(Debug, Clone, PartialEq)]
pub struct OrganisationFile {
    /// What it declares.
    pub declaration: Declaration,
    positions: BTreeMap<String, Position>,
}

impl OrganisationFile {
    /// A fault of a part that the file declares.
    #[must_use]
    pub fn fault(&self, place: String, reason: String) -> Fault {
        Fault {
            position: self.positions.get(&place).copied(),
            place,
            reason,
        }
    }
}

/// What everyone and every guest may do.
const DEFAULT_PERMISSIONS: &str = "default_permissions";

/// Whose value of an attribute counts.
const AUTHORITY: &str = "authority";

/// The parts that stand once.
const PARTS: [&str; 3] = ["organisation", DEFAULT_PERMISSIONS, AUTHORITY];

/// The lists of a file.
const LISTS: [&str; 9] = [
    "permissions",
    "roles",
    "licences",
    "cost_centres",
    "connections",
    Bearer::User.list(),
    Bearer::Group.list(),
    "templates",
    "resource_types",
];

/// Understands a file, laid over the profile that it names.
///
/// # Errors
/// Every [`Fault`] that can be told from the file alone.
pub fn parse(text: &str) -> Result<OrganisationFile, Vec<Fault>> {
    let file = read(text, None)?;
    let organisation = &file.declaration.organisation;
    let Some(name) = &organisation.profile else {
        return Ok(file);
    };
    let place = "organisation".to_owned();
    let Some(profile) = Profile::find(name.as_str()) else {
        let reason = format!(
            "profile: {:?} is not a profile: use one of {}",
            name.as_str(),
            profile::names()
        );
        return Err(vec![file.fault(place, reason)]);
    };
    // The gateway's own file, read anew because the names of custom attributes hold the organisation's.
    let profile = read(profile.text, Some(&organisation.slug)).map_err(|faults| {
        let reason = |fault: &Fault| format!("profile {:?}, {fault}", name.as_str());
        let faults = faults.iter().map(reason);
        faults
            .map(|reason| file.fault(place.clone(), reason))
            .collect::<Vec<_>>()
    })?;
    Ok(OrganisationFile {
        declaration: profile::lay_over(profile.declaration, file.declaration),
        positions: file.positions,
    })
}

/// Understands one file by itself. A profile has no slug of its own: it gets this one.
fn read(text: &str, slug: Option<&Slug>) -> Result<OrganisationFile, Vec<Fault>> {
    let (document, errors) = DeTable::parse_recoverable(text);
    let mut reader = Reader {
        text,
        faults: Vec::new(),
        positions: BTreeMap::new(),
    };
    for error in &errors {
        reader.error("the file", error);
    }
    if !reader.faults.is_empty() {
        return Err(reader.faults);
    }
    let table = document.get_ref();
    reader.unknown_keys(table);
    let organisation = reader.organisation(table, slug);
    let permissions = reader.list(table, "permissions", |permission: &Definition| {
        permission.key.to_string()
    });
    let default_permissions = reader.part(table, DEFAULT_PERMISSIONS);
    let roles = reader.list(table, "roles", |role: &Role| role.key.to_string());
    let licences = reader.list(table, "licences", |licence: &Licence| licence.key.to_string());
    let cost_centres = reader.list(table, "cost_centres", |centre: &CostCentre| centre.key.to_string());
    let connections = reader.list(table, "connections", |connection: &Connection| {
        connection.name.to_string()
    });
    let user_attributes = reader.attributes(table, Bearer::User);
    let group_attributes = reader.attributes(table, Bearer::Group);
    let templates = reader.templates(table);
    let resource_types = reader.list(table, "resource_types", |type_: &ResourceType| type_.key.to_string());
    reader.resource_types(&resource_types);
    let own = organisation.as_ref().map(|organisation| {
        let mut own = CustomSchema::new(&organisation.slug, Bearer::User);
        own.attributes
            .extend(user_attributes.iter().cloned().map(Defined::from));
        own
    });
    for connection in &connections {
        reader.rules(connection, own.as_ref());
    }
    let authority = reader.authority(table, own.as_ref());
    let Reader { faults, positions, .. } = reader;
    match organisation {
        Some(organisation) if faults.is_empty() => Ok(OrganisationFile {
            declaration: Declaration {
                organisation,
                permissions,
                default_permissions,
                roles,
                licences,
                cost_centres,
                connections,
                authority,
                user_attributes,
                group_attributes,
                templates,
                resource_types,
            },
            positions,
        }),
        _ => Err(faults),
    }
}

fn template_place(template: &MailTemplate) -> String {
    format!("{}.{}", template.name, template.language)
}

struct Reader<'a> {
    text: &'a str,
    faults: Vec<Fault>,
    positions: BTreeMap<String, Position>,
}

impl Reader<'_> {
    fn fault(&mut self, span: std::ops::Range<usize>, place: &str, reason: impl Into<String>) {
        self.faults.push(Fault {
            position: Some(Position::of(self.text, Some(span))),
            place: place.to_owned(),
            reason: reason.into(),
        });
    }

    fn error(&mut self, place: &str, error: &Error) {
        let span = error.span().unwrap_or_default();
        self.fault(span, place, one_line(error.message()));
    }

    fn unknown_keys(&mut self, table: &DeTable<'_>) {
        for (key, _) in table {
            let name = key.get_ref().as_ref();
            if !PARTS.contains(&name) && !LISTS.contains(&name) {
                let reason = "is not a part of an organisation file: use organisation, permissions, default_permissions, \
                              roles, licences, cost_centres, connections, authority, user_attributes, group_attributes, \
                              templates and resource_types";
                self.fault(key.span(), name, reason);
            }
        }
    }

    fn organisation(&mut self, table: &DeTable<'_>, slug: Option<&Slug>) -> Option<DeclaredOrganisation> {
        let Some(value) = table.get("organisation") else {
            self.fault(
                0..0,
                "organisation",
                "is missing: begin the file with [organisation] and slug = \"...\"",
            );
            return None;
        };
        let mut value = value.clone();
        if let (Some(slug), DeValue::Table(settings)) = (slug, value.get_mut()) {
            let text = DeValue::String(slug.to_string().into());
            settings.insert(Spanned::new(0..0, "slug".into()), Spanned::new(0..0, text));
        }
        let declared: DeclaredOrganisation = self.value("organisation", value.clone())?;
        self.positions
            .insert("organisation".to_owned(), Position::of(self.text, Some(value.span())));
        for domain in declared.verified_domains.iter().flatten() {
            let is_domain = domain.contains('.') && !domain.contains(['@', ' ']) && *domain == domain.to_lowercase();
            if !is_domain {
                let reason =
                    format!("verified_domains: {domain:?} is not a domain in lower case, such as \"example.com\"");
                self.fault(value.span(), "organisation", reason);
            }
        }
        if declared.audit_days == Some(0) {
            self.fault(value.span(), "organisation", "audit_days: is 0, use 1 or more");
        }
        if let Some(Err((setting, reason))) = declared.groups.as_ref().map(GroupPolicy::check) {
            self.fault(value.span(), "organisation", format!("groups.{setting}: {reason}"));
        }
        if let Some(Err(error)) = declared.password_policy.as_ref().map(PasswordPolicy::validate) {
            self.fault(value.span(), "organisation", format!("password_policy.{error}"));
        }
        if declared.login.as_ref().is_some_and(|login| login.kinds.is_empty()) {
            let reason = "login.kinds: is empty, use one or more of \"user_name\", \"email\" and \"mobile\"";
            self.fault(value.span(), "organisation", reason);
        }
        let is_page = |url: &String| url.starts_with("https://") && url.contains("{secret}");
        if declared.guest_url.as_ref().is_some_and(|url| !is_page(url)) {
            let reason = "guest_url: is not an https address with {secret} in it";
            self.fault(value.span(), "organisation", reason);
        }
        if declared.invitation_hours == Some(0) {
            self.fault(value.span(), "organisation", "invitation_hours: is 0, use 1 or more");
        }
        Some(declared)
    }

    /// A part that stands once, if the file has it.
    fn part<T: DeserializeOwned>(&mut self, table: &DeTable<'_>, name: &str) -> Option<T> {
        let value = table.get(name)?;
        let position = Position::of(self.text, Some(value.span()));
        self.positions.insert(name.to_owned(), position);
        self.value(name, value.clone())
    }

    /// Every item that can be understood; the others become faults, and so does a name that comes twice.
    fn list<T: DeserializeOwned>(&mut self, table: &DeTable<'_>, list: &str, name: impl Fn(&T) -> String) -> Vec<T> {
        let Some(value) = table.get(list) else {
            return Vec::new();
        };
        let Some(items) = value.get_ref().as_array() else {
            self.fault(
                value.span(),
                list,
                format!("is not a list: write [[{list}]] above each item"),
            );
            return Vec::new();
        };
        let mut understood = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let Some(parsed) = self.value::<T>(&format!("{list}[{index}]"), item.clone()) else {
                continue;
            };
            let place = format!("{list}.{}", name(&parsed));
            let position = Position::of(self.text, Some(item.span()));
            if self.positions.insert(place.clone(), position).is_some() {
                self.fault(item.span(), &place, "is declared twice: keep one of them");
            }
            understood.push(parsed);
        }
        understood
    }

    /// Rules are compiled, which finds what is wrong in an expression; so are a directory's settings and the schedule.
    fn rules(&mut self, connection: &Connection, own: Option<&CustomSchema>) {
        for reason in check::faults(connection, own) {
            let place = format!("connections.{}", connection.name);
            self.faults.push(Fault {
                position: self.positions.get(&place).copied(),
                place,
                reason: reason.to_string(),
            });
        }
    }

    /// Whose value counts. Which connections there are, and attributes of the organisation's own that the file leaves out, only
    /// the gateway knows.
    fn authority(&mut self, table: &DeTable<'_>, own: Option<&CustomSchema>) -> Option<Authority> {
        let authority: Authority = self.part(table, AUTHORITY)?;
        let (_, faults) = authority.canonical(&ResourceSchemas::new(own, None).users);
        for fault in faults.iter().filter(|fault| !fault.may_be_declared_elsewhere()) {
            self.faults.push(Fault {
                position: self.positions.get(AUTHORITY).copied(),
                place: AUTHORITY.to_owned(),
                reason: fault.to_string(),
            });
        }
        Some(authority)
    }

    /// Types of resources, each checked by itself.
    fn resource_types(&mut self, declared: &[ResourceType]) {
        for type_ in declared {
            if let Err((setting, reason)) = type_.check() {
                let place = format!("resource_types.{}", type_.key);
                self.faults.push(Fault {
                    position: self.positions.get(&place).copied(),
                    place,
                    reason: format!("{setting}: {reason}"),
                });
            }
        }
    }

    /// The organisation's own attributes of a resource type, each checked by itself.
    fn attributes(&mut self, table: &DeTable<'_>, bearer: Bearer) -> Vec<CustomAttribute> {
        let list = bearer.list();
        let declared = self.list(table, list, |attribute: &CustomAttribute| attribute.name.clone());
        let mut names = BTreeSet::new();
        for attribute in &declared {
            let is_new = names.insert(attribute.name.to_ascii_lowercase());
            let wrong = attribute.check(bearer).err().map(|error| error.to_string());
            // Two of exactly the same spelling are a fault of the list.
            let twice = declared.iter().filter(|other| other.name == attribute.name).count() == 1;
            let twice = (!is_new && twice).then(|| "is declared twice: names are compared without case".to_owned());
            for reason in wrong.into_iter().chain(twice) {
                let place = format!("{list}.{}", attribute.name);
                self.faults.push(Fault {
                    position: self.positions.get(&place).copied(),
                    place,
                    reason,
                });
            }
        }
        declared
    }

    /// Wordings of mails, each filled in with samples. Lines in a fault's reason count from the start of the part.
    fn templates(&mut self, table: &DeTable<'_>) -> Vec<MailTemplate> {
        let declared = self.list(table, "templates", template_place);
        for template in &declared {
            if let Err(error) = template.check() {
                let place = format!("templates.{}", template_place(template));
                self.faults.push(Fault {
                    position: self.positions.get(&place).copied(),
                    place,
                    reason: error.to_string(),
                });
            }
        }
        declared
    }

    fn value<T: DeserializeOwned>(&mut self, place: &str, value: Spanned<DeValue<'_>>) -> Option<T> {
        let span = value.span();
        let reader: ValueDeserializer<'_> = value.into_deserializer();
        match T::deserialize(reader) {
            Ok(parsed) => Some(parsed),
            Err(error) => {
                let span = error.span().unwrap_or(span);
                self.fault(span, place, one_line(error.message()));
                None
            }
        }
    }
}
