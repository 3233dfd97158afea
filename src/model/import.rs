//! People from a file: planned as a job, row by row, and done the same way (X02-6).

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Object;
use super::id::UserId;
use super::locale::CountryPrefix;
use super::login::LoginId;
use super::record::Record;
use super::slug::Slug;

/// What is done with the rows of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportTask {
    /// Which rows are done.
    pub mode: ImportMode,
    /// Whether people are invited by mail unless their row says otherwise; they are prepared else.
    pub invite: bool,
    /// What an empty cell says.
    #[serde(default, skip_serializing_if = "EmptyCells::are_kept")]
    pub empty_cells: EmptyCells,
    /// Columns of the file that say what nobody writes, such as `state`: they were left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignored: Vec<String>,
    /// Rows that make somebody, as the plan says.
    pub creates: u32,
    /// Rows that change somebody who is there, as the plan says.
    pub updates: u32,
}

/// Which rows of a file are done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ImportMode {
    /// Those of people who are not there yet; a row of somebody who is, is refused.
    #[default]
    Create,
    /// All of them: who is there is changed.
    CreateAndUpdate,
}

/// What an empty cell says of somebody who is there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EmptyCells {
    /// Nothing: what the person has stays.
    #[default]
    Keep,
    /// That the person has none: what is there is taken away. Groups, the home group, roles, licences and the invitation stay.
    Clear,
}

impl EmptyCells {
    fn are_kept(&self) -> bool {
        *self == Self::Keep
    }
}

/// One row of a file, as it was understood: what its item of the job does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportRow {
    /// Its line in the file, or its row in the sheet, from 1.
    pub line: u64,
    /// How the row names the person.
    pub name: String,
    /// What it says; `None` when it could not be understood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draft: Option<PersonDraft>,
    /// The column that is at fault, where one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// Why it could not be understood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

impl Record for ImportRow {
    const KIND: &'static str = "import row";
}

/// What a row says of a person. What it does not say stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PersonDraft {
    /// The login name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_name: Option<String>,
    /// Who it is, when the row says so; the user name says it else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<UserId>,
    /// SCIM attributes, extensions under their URN: a merge patch (RFC 7396).
    pub attributes: Object,
    /// What the person may sign in by beside the user name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login_ids: Option<Vec<LoginId>>,
    /// What the person is to have no more, by the column that is empty: where it lies in the user's record (RFC 6901).
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub cleared: BTreeMap<String, String>,
    /// Other names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nicknames: Option<Vec<String>>,
    /// Words that people are sorted by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<BTreeSet<String>>,
    /// The country of telephone numbers that name none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country_prefix: Option<CountryPrefix>,
    /// The home group: its name or identifier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub home_group: Option<String>,
    /// Groups that the person comes into, by name or identifier. None is left.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Roles that the person is given for the whole organisation. None is taken.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<Slug>,
    /// Licences that the person is given. None is taken.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub licences: Vec<Slug>,
    /// Whether the person is invited; as the import says, when the row says nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invite: Option<bool>,
}
