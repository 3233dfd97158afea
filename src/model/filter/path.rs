//! The path of a PATCH operation (RFC 7644 section 3.5.2, figure 7).

use std::fmt;

use super::{Filter, FilterError, FilterLimits, parser};
use crate::model::attribute::AttributePath;

/// `attribute`, `attribute.sub`, `attribute[filter]` or `attribute[filter].sub`, as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValuePath {
    /// The attribute; with its sub-attribute when no filter stands between them.
    pub path: AttributePath,
    /// Which elements.
    pub filter: Option<Filter>,
    /// The sub-attribute after the filter.
    pub sub: Option<String>,
}

impl ValuePath {
    /// Reads a path.
    ///
    /// # Errors
    ///
    /// [`FilterError`] with the position of the fault.
    pub fn parse(text: &str, limits: FilterLimits) -> Result<Self, FilterError> {
        parser::value_path(text, limits)
    }
}

impl fmt::Display for ValuePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path)?;
        if let Some(filter) = &self.filter {
            write!(f, "[{filter}]")?;
        }
        if let Some(sub) = &self.sub {
            write!(f, ".{sub}")?;
        }
        Ok(())
    }
}
