//! Trying out what a request would make, step by step as a form is filled in (S004-18), without making it.

use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::directory::Directory;

/// Whether something is only tried out.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Trial {
    /// Judge it as a whole and answer what would be made, or what is wrong with it. Nothing is made.
    #[serde(default)]
    dry_run: bool,
}

impl Trial {
    /// The directory in which it is done, and the status that says what became of it.
    pub(super) fn place(&self, directory: Directory) -> (Directory, StatusCode) {
        if self.dry_run {
            (directory.rehearse(), StatusCode::OK)
        } else {
            (directory, StatusCode::CREATED)
        }
    }
}
