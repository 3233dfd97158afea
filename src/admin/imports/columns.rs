//! What the cells of a file mean: the columns of an export, read the other way.

use std::collections::BTreeSet;

use serde_json::{Number, Value, json};

use crate::admin::export::table::{Table, visible};
use crate::directory::settings::OrganisationSettings;
use crate::model::Object;
use crate::model::import::{EmptyCells, ImportRow, PersonDraft};
use crate::model::locale::CountryPrefix;
use crate::model::login::{LoginId, LoginKind};
use crate::model::merge_patch::merge;
use crate::model::schema::{Attribute, AttributeType, Mutability, Resolved};
use crate::model::slug::Slug;
use crate::sheet::list;
use crate::sheet::reading::{Row, Table as Sheet};

/// What a column says.
#[derive(Debug, Clone, PartialEq)]
enum Field {
    UserName,
    Id,
    LoginIds,
    Nicknames,
    Labels,
    CountryPrefix,
    HomeGroup,
    Groups,
    Roles,
    Licences,
    Invite,
    Attribute(Box<Place>),
    /// What nobody writes.
    Ignored,
}

/// Where an attribute lies, and what its values are.
#[derive(Debug, Clone, PartialEq)]
struct Place {
    extension: Option<String>,
    attribute: Attribute,
    sub: Option<Attribute>,
}

/// The columns of a file that people fill in, each with what it means and an example.
pub const WRITTEN: [(&str, &str, &str); 14] = [
    (
        "user_name",
        "the login name; it says who is meant, and is needed unless id is there",
        "ada@example.com",
    ),
    ("given_name", "the first name", "Ada"),
    ("family_name", "the last name", "Lovelace"),
    ("display_name", "the name that is shown", "Ada Lovelace"),
    (
        "emails",
        "e-mail addresses, the first one is the main one; several with ; between them",
        "ada@example.com",
    ),
    (
        "login_ids",
        "what the person may sign in by as well: user_name:, email: or mobile: before each",
        "mobile:+31612345678",
    ),
    ("nicknames", "other names", "Addie"),
    ("labels", "words that people are sorted by", "vip"),
    (
        "country_prefix",
        "the country of telephone numbers that name none",
        "+31",
    ),
    ("home_group", "the home group, by name or identifier", ""),
    ("groups", "groups to come into; none is left", ""),
    (
        "roles",
        "keys of roles to be given for the whole organisation; none is taken",
        "",
    ),
    ("licences", "keys of licences to be given; none is taken", ""),
    (
        "invite",
        "yes: is invited by mail; no: is prepared; empty: as the import says",
        "no",
    ),
];

/// A file whose columns are known.
pub struct Columns {
    fields: Vec<(String, Field)>,
}

impl Columns {
    /// Reads the names of the columns: those that exports have, in any case.
    ///
    /// # Errors
    /// A sentence that names the column that is not known, or that there is none that says who is meant.
    pub fn read(sheet: &Sheet, settings: &OrganisationSettings) -> Result<Self, String> {
        let mut fields = Vec::with_capacity(sheet.heading.len());
        for name in &sheet.heading {
            let field = field(name, settings)?;
            if field != Field::Ignored && fields.iter().any(|(_, known)| *known == field) {
                return Err(format!("{name:?} says the same as another column: leave one of them"));
            }
            fields.push((name.clone(), field));
        }
        if !fields
            .iter()
            .any(|(_, field)| matches!(field, Field::UserName | Field::Id))
        {
            return Err("no column says who is meant: add user_name, and see the template".to_owned());
        }
        Ok(Self { fields })
    }

    /// The columns that are left out.
    #[must_use]
    pub fn ignored(&self) -> Vec<String> {
        let ignored = self.fields.iter().filter(|(_, field)| *field == Field::Ignored);
        ignored.map(|(name, _)| name.clone()).collect()
    }

    /// Reads a row. What cannot be understood becomes a fault of the row and stops no other.
    #[must_use]
    pub fn row(&self, row: &Row, empty: EmptyCells) -> ImportRow {
        let mut draft = PersonDraft::default();
        let mut fault = None;
        if row.is_longer {
            let reason = "has more cells than there are columns: is a text with a separator without quotes?".to_owned();
            fault = Some((None, reason));
        }
        for ((name, field), text) in self.fields.iter().zip(&row.cells) {
            if fault.is_some() {
                continue;
            }
            if text.is_empty() {
                // An empty cell says nothing, unless it is to clear.
                if let (EmptyCells::Clear, Some(pointer)) = (empty, field.pointer()) {
                    draft.cleared.insert(name.clone(), pointer);
                }
                continue;
            }
            if let Err(reason) = field.write(text, &mut draft) {
                fault = Some((Some(name.clone()), reason));
            }
        }
        if fault.is_none() && draft.id.is_none() && draft.user_name.is_none() {
            fault = Some((Some("user_name".to_owned()), "is required".to_owned()));
        }
        let id = draft.id.map(|id| id.to_string());
        let name = shortened(&draft.user_name.clone().or(id).unwrap_or_default());
        let (column, reason) = fault.map_or((None, None), |(column, reason)| (column, Some(shortened(&reason))));
        ImportRow {
            line: row.number,
            name,
            draft: reason.is_none().then_some(draft),
            column,
            fault: reason,
        }
    }
}

/// Characters of a name or a reason that are shown of a row.
const SHOWN_CHARS_MAX: usize = 300;

fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

fn field(name: &str, settings: &OrganisationSettings) -> Result<Field, String> {
    let plain = name.trim().to_lowercase().replace([' ', '-'], "_");
    let attribute = match plain.as_str() {
        "user_name" | "username" => return Ok(Field::UserName),
        "id" => return Ok(Field::Id),
        "login_ids" => return Ok(Field::LoginIds),
        "nicknames" => return Ok(Field::Nicknames),
        "labels" => return Ok(Field::Labels),
        "country_prefix" => return Ok(Field::CountryPrefix),
        "home_group" => return Ok(Field::HomeGroup),
        "groups" => return Ok(Field::Groups),
        "roles" => return Ok(Field::Roles),
        "licences" => return Ok(Field::Licences),
        "invite" => return Ok(Field::Invite),
        "given_name" => "name.givenName",
        "family_name" => "name.familyName",
        "display_name" => "displayName",
        "email" | "e_mail" => "emails",
        _ => name,
    };
    let (usual, others) = Table::Users.fields();
    let Some(found) = visible(&settings.schemas.users, attribute) else {
        return match usual.iter().chain(others).any(|known| *known == plain) {
            true => Ok(Field::Ignored),
            false => Err(format!(
                "{name:?} is no column of users: see the template for those that there are"
            )),
        };
    };
    place(name, found)
}

fn place(name: &str, found: Resolved<'_>) -> Result<Field, String> {
    let Resolved {
        extension,
        attribute,
        sub,
    } = found;
    if attribute.mutability == Mutability::ReadOnly || sub.is_some_and(|sub| sub.mutability == Mutability::ReadOnly) {
        return Ok(Field::Ignored);
    }
    let is_complex = attribute.type_ == AttributeType::Complex;
    let fits = match (attribute.multi_valued, sub) {
        // Lists of values with parts: the values alone can be told in one cell.
        (true, None) => !is_complex || attribute.sub_attribute("value").is_some(),
        (true, Some(_)) => false,
        (false, None) => !is_complex,
        (false, Some(sub)) => !sub.multi_valued && sub.type_ != AttributeType::Complex,
    };
    if !fits {
        return Err(format!(
            "{name:?} cannot be told in one cell: change it through the API"
        ));
    }
    Ok(Field::Attribute(Box::new(Place {
        extension: extension.map(str::to_owned),
        attribute: attribute.clone(),
        sub: sub.cloned(),
    })))
}

impl Field {
    /// Where the value lies in the user's record (RFC 6901), of what an empty cell may clear. Who it is, what is given and never taken,
    /// and the invitation are not cleared.
    fn pointer(&self) -> Option<String> {
        let pointer = match self {
            Self::LoginIds => "/login_ids".to_owned(),
            Self::Nicknames => "/nicknames".to_owned(),
            Self::Labels => "/labels".to_owned(),
            Self::CountryPrefix => "/country_prefix".to_owned(),
            Self::Attribute(place) => place.pointer(),
            Self::UserName
            | Self::Id
            | Self::HomeGroup
            | Self::Groups
            | Self::Roles
            | Self::Licences
            | Self::Invite
            | Self::Ignored => return None,
        };
        Some(pointer)
    }

    fn write(&self, text: &str, draft: &mut PersonDraft) -> Result<(), String> {
        match self {
            Self::Ignored => {}
            Self::UserName => draft.user_name = Some(text.to_owned()),
            Self::Id => {
                let id = text.to_lowercase().parse();
                draft.id =
                    Some(id.map_err(|_| "is no identifier of a user: leave it empty for somebody new".to_owned())?);
            }
            Self::LoginIds => {
                let logins: Result<_, String> = list::split(text).iter().map(|one| login(one)).collect();
                draft.login_ids = Some(logins?);
            }
            Self::Nicknames => draft.nicknames = Some(list::split(text)),
            Self::Labels => draft.labels = Some(list::split(text).into_iter().collect::<BTreeSet<_>>()),
            Self::CountryPrefix => {
                // A spreadsheet takes the plus for a sign and drops it.
                let text = if text.starts_with('+') {
                    text.to_owned()
                } else {
                    format!("+{text}")
                };
                let prefix = serde_json::from_value::<CountryPrefix>(json!(text));
                draft.country_prefix = Some(prefix.map_err(|error| error.to_string())?);
            }
            Self::HomeGroup => draft.home_group = Some(text.to_owned()),
            Self::Groups => draft.groups = list::split(text),
            Self::Roles => draft.roles = slugs(text, "role")?,
            Self::Licences => draft.licences = slugs(text, "licence")?,
            Self::Invite => draft.invite = Some(flag(text)?),
            Self::Attribute(place) => place.write(text, &mut draft.attributes)?,
        }
        Ok(())
    }
}

impl Place {
    fn pointer(&self) -> String {
        let own = Some(&self.attribute.name);
        let parts = self
            .extension
            .iter()
            .chain(own)
            .chain(self.sub.as_ref().map(|sub| &sub.name));
        let parts = parts.map(|part| part.replace('~', "~0").replace('/', "~1"));
        parts.fold("/attributes".to_owned(), |pointer, part| format!("{pointer}/{part}"))
    }

    fn write(&self, text: &str, attributes: &mut Object) -> Result<(), String> {
        let mut value = self.value(text)?;
        // From the inside out; what another column said of the same object stays.
        if let Some(sub) = &self.sub {
            value = json!({ sub.name.as_str(): value });
        }
        let mut said = json!({ self.attribute.name.as_str(): value });
        if let Some(urn) = &self.extension {
            said = json!({ urn.as_str(): said });
        }
        let mut whole = Value::Object(std::mem::take(attributes));
        merge(&mut whole, &said);
        if let Value::Object(whole) = whole {
            *attributes = whole;
        }
        Ok(())
    }

    fn value(&self, text: &str) -> Result<Value, String> {
        let leaf = self.sub.as_ref().unwrap_or(&self.attribute);
        if !leaf.multi_valued {
            return scalar(leaf.type_, text);
        }
        let items = list::split(text);
        if leaf.type_ != AttributeType::Complex {
            return items.iter().map(|item| scalar(leaf.type_, item)).collect();
        }
        let value_type = leaf
            .sub_attribute("value")
            .map_or(AttributeType::String, |value| value.type_);
        let has_primary = leaf.sub_attribute("primary").is_some();
        let items = items.iter().enumerate().map(|(at, item)| {
            let mut one = json!({ "value": scalar(value_type, item)? });
            // The first one is the main one (RFC 7643 s2.4).
            if has_primary && at == 0 {
                one["primary"] = json!(true);
            }
            Ok(one)
        });
        items.collect()
    }
}

fn scalar(type_: AttributeType, text: &str) -> Result<Value, String> {
    let wrong = |what: &str| format!("{text:?} is not {what}");
    match type_ {
        AttributeType::Boolean => flag(text).map(Value::Bool),
        AttributeType::Integer => text
            .parse::<i64>()
            .map(Value::from)
            .map_err(|_| wrong("a whole number")),
        AttributeType::Decimal => {
            let number = text.replace(',', ".").parse::<f64>().ok().and_then(Number::from_f64);
            number.map(Value::Number).ok_or_else(|| wrong("a number"))
        }
        // What they must look like is the schema's own affair.
        AttributeType::String
        | AttributeType::DateTime
        | AttributeType::Binary
        | AttributeType::Reference
        | AttributeType::Complex => Ok(Value::String(text.to_owned())),
    }
}

fn flag(text: &str) -> Result<bool, String> {
    match text.to_lowercase().as_str() {
        "true" | "yes" | "1" => Ok(true),
        "false" | "no" | "0" => Ok(false),
        _ => Err(format!("{text:?} is neither yes nor no")),
    }
}

fn slugs(text: &str, what: &str) -> Result<Vec<Slug>, String> {
    let keys = list::split(text);
    let read = |key: String| {
        let slug = key.parse();
        slug.map_err(|_| format!("{key:?} is no key of a {what}"))
    };
    keys.into_iter().map(read).collect()
}

/// A login id with its kind in front, or of the kind that it looks like.
fn login(text: &str) -> Result<LoginId, String> {
    let kinds = [LoginKind::UserName, LoginKind::Email, LoginKind::Mobile];
    let named = kinds.iter().find_map(|kind| {
        let rest = text.strip_prefix(kind.as_str())?.strip_prefix(':')?;
        Some((*kind, rest.trim()))
    });
    let (kind, value) = named.unwrap_or_else(|| {
        let is_number = |c: char| c.is_ascii_digit() || "+ -()/.".contains(c);
        let kind = if text.contains('@') {
            LoginKind::Email
        } else if text.chars().all(is_number) {
            LoginKind::Mobile
        } else {
            LoginKind::UserName
        };
        (kind, text)
    });
    if value.is_empty() {
        return Err(format!("{text:?} names no login id"));
    }
    Ok(LoginId {
        kind,
        value: value.to_owned(),
    })
}
