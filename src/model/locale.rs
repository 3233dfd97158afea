//! Language, time zone and country prefix, inherited by a person from the home group and from the organisation (S003-14,
//! S003-19, S003-20, X03-6, X04-9).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::id::GroupId;
use super::user::User;

macro_rules! checked_text {
    ($(#[$doc:meta])* $name:ident, $is:expr, $error:ident, $message:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        /// The text is none.
        #[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
        #[error($message)]
        pub struct $error(String);

        impl $name {
            /// As text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = $error;

            fn try_from(text: String) -> Result<Self, $error> {
                let is: fn(&str) -> bool = $is;
                if is(&text) { Ok(Self(text)) } else { Err($error(text)) }
            }
        }

        impl From<$name> for String {
            fn from(checked: $name) -> Self {
                checked.0
            }
        }
    };
}

checked_text!(
    /// A country's calling code with its `+`, of one to three digits (ITU-T E.164 section 6.2.1).
    CountryPrefix,
    |text| {
        let digits = text.strip_prefix('+').unwrap_or_default();
        (1..=3).contains(&digits.len()) && !digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit())
    },
    NotACountryPrefix,
    "{0:?} is not a country prefix: write one such as \"+49\""
);

checked_text!(
    /// A language tag (RFC 5646), in form only: `de`, `de-CH`.
    Language,
    |text| {
        let mut parts = text.split('-');
        let first = parts.next().unwrap_or_default();
        let is_part = |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric());
        (2..=8).contains(&first.len()) && first.bytes().all(|b| b.is_ascii_alphabetic()) && parts.all(is_part)
    },
    NotALanguage,
    "{0:?} is not a language tag: write one such as \"de\" or \"de-CH\""
);

checked_text!(
    /// A time zone by its name in the IANA database (RFC 7643 section 4.1.1), in form only: `Europe/Berlin`.
    Timezone,
    |text| {
        let is_part = |part: &str| {
            part.starts_with(|c: char| c.is_ascii_alphabetic())
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'+'))
        };
        text.len() <= 64 && text.split('/').all(is_part)
    },
    NotATimezone,
    "{0:?} is not a time zone: write one such as \"Europe/Berlin\""
);

impl CountryPrefix {
    /// The calling code as a number.
    #[must_use]
    pub fn number(&self) -> u32 {
        // One to three digits behind the sign, by construction.
        self.0[1..].parse().unwrap_or_default()
    }
}

/// What people get who have no value of their own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Defaults {
    /// The language.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// The time zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<Timezone>,
    /// The country prefix of telephone numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country_prefix: Option<CountryPrefix>,
}

impl Defaults {
    /// Whether nothing is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Where a value in force comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The person.
    User,
    /// The home group, or the nearest group above it that has one.
    Group(GroupId),
    /// The organisation.
    Organisation,
}

/// A value in force, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inherited {
    /// The value.
    pub value: String,
    /// Whose it is.
    pub from: Source,
}

/// What is in force for one person.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Effective {
    /// SCIM `preferredLanguage`.
    pub language: Option<Inherited>,
    /// SCIM `timezone`.
    pub timezone: Option<Inherited>,
    /// The country prefix of telephone numbers.
    pub country_prefix: Option<Inherited>,
}

impl Effective {
    /// What is in force for a person whose home group and the groups above it, nearest first, and whose organisation have
    /// these defaults.
    #[must_use]
    pub fn of(user: &User, groups: &[(GroupId, Defaults)], organisation: &Defaults) -> Self {
        let own = |name: &str| user.attributes.get(name).and_then(Value::as_str).map(str::to_owned);
        let inherited = |own: Option<String>, of: fn(&Defaults) -> Option<String>| {
            let own = own.map(|value| (value, Source::User));
            let above = || {
                let mut groups = groups.iter();
                groups.find_map(|(id, defaults)| of(defaults).map(|value| (value, Source::Group(*id))))
            };
            let last = || of(organisation).map(|value| (value, Source::Organisation));
            let found = own.or_else(above).or_else(last);
            found.map(|(value, from)| Inherited { value, from })
        };
        let prefix = user.country_prefix.clone().map(String::from);
        Self {
            language: inherited(own("preferredLanguage"), |defaults| {
                defaults.language.clone().map(Into::into)
            }),
            timezone: inherited(own("timezone"), |defaults| defaults.timezone.clone().map(Into::into)),
            country_prefix: inherited(prefix, |defaults| defaults.country_prefix.clone().map(Into::into)),
        }
    }

    /// As JSON: `{"language": {"value": "de", "from": "group", "group": "..."}}`; what nobody set is left out.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut shown = json!({});
        let named = [
            ("language", &self.language),
            ("timezone", &self.timezone),
            ("country_prefix", &self.country_prefix),
        ];
        for (name, found) in named {
            let Some(Inherited { value, from }) = found else {
                continue;
            };
            shown[name] = match from {
                Source::User => json!({ "value": value, "from": "user" }),
                Source::Group(group) => json!({ "value": value, "from": "group", "group": group }),
                Source::Organisation => json!({ "value": value, "from": "organisation" }),
            };
        }
        shown
    }
}
