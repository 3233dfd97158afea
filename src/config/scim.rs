//! `[scim]`: the bounds that ServiceProviderConfig shows and the service keeps to.

use serde::{Deserialize, Serialize};

use super::ConfigError;

/// The section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScimConfig {
    /// Bytes of a request body.
    pub body_bytes_max: usize,
    /// Results on one page at most. Okta steps by 100 whatever it is given: fewer would lose users.
    pub page_max: usize,
    /// Results on one page when the client does not say.
    pub page_default: usize,
    /// Bytes of a filter.
    pub filter_bytes_max: usize,
    /// How deep a filter may nest.
    pub filter_depth_max: usize,
    /// Operations in one PATCH.
    pub patch_operations_max: usize,
    /// Members named in one request. Okta sends up to 256.
    pub members_max: usize,
    /// Records that one query may read before it is answered `tooMany`.
    pub query_records_max: usize,
    /// Seconds after which a cursor ends (RFC 9865).
    pub cursor_timeout_s: usize,
    /// Operations in one bulk request.
    pub bulk_operations_max: usize,
    /// Bytes of a bulk request.
    pub bulk_bytes_max: usize,
    /// Requests that the journal of each connection keeps; 0 for no journal.
    pub journal_entries_max: usize,
    /// Requests a second that one connection may send in the long run; 0 for no limit. Entra needs 25.
    pub requests_per_second: usize,
    /// Requests that one connection may send at once.
    pub requests_burst: usize,
}

impl Default for ScimConfig {
    fn default() -> Self {
        Self {
            body_bytes_max: 4 << 20,
            page_max: 200,
            page_default: 100,
            filter_bytes_max: 16 << 10,
            filter_depth_max: 40,
            patch_operations_max: 1_000,
            members_max: 5_000,
            query_records_max: 200_000,
            cursor_timeout_s: 3_600,
            bulk_operations_max: 1_000,
            bulk_bytes_max: 4 << 20,
            journal_entries_max: 1_000,
            requests_per_second: 200,
            requests_burst: 400,
        }
    }
}

impl ScimConfig {
    /// Checks the section.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`].
    pub fn validate(&self) -> Result<(), ConfigError> {
        for (field, value, least, most) in [
            ("scim.body_bytes_max", self.body_bytes_max, 1 << 10, 1 << 30),
            ("scim.page_max", self.page_max, 100, 10_000),
            ("scim.page_default", self.page_default, 1, self.page_max),
            ("scim.filter_bytes_max", self.filter_bytes_max, 256, 1 << 20),
            ("scim.filter_depth_max", self.filter_depth_max, 1, 200),
            ("scim.patch_operations_max", self.patch_operations_max, 1, 100_000),
            ("scim.members_max", self.members_max, 256, 10_000),
            ("scim.query_records_max", self.query_records_max, 1_000, 100_000_000),
            ("scim.cursor_timeout_s", self.cursor_timeout_s, 60, 86_400),
            ("scim.bulk_operations_max", self.bulk_operations_max, 1, 10_000),
            ("scim.bulk_bytes_max", self.bulk_bytes_max, 1 << 10, 1 << 30),
            ("scim.journal_entries_max", self.journal_entries_max, 0, 100_000),
            ("scim.requests_per_second", self.requests_per_second, 0, 1_000_000),
            ("scim.requests_burst", self.requests_burst, 1, 1_000_000),
        ] {
            if !(least..=most).contains(&value) {
                return Err(ConfigError::invalid(
                    field,
                    format!("{value} is not between {least} and {most}"),
                ));
            }
        }
        Ok(())
    }
}
