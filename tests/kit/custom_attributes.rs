//! An organisation that defines attributes of its own.

use serde_json::{Value, json};
use usher::directory::DirectoryError;
use usher::directory::declare::Change;
use usher::directory::keys;
use usher::directory::verify::Report;
use usher::provision::organisation_file;

use super::scim::{Answer, Client, Service, Tenant, USER};

/// The extension of the users of `acme`.
pub(crate) const OWN: &str = "urn:usher:scim:schemas:extension:acme:2.0:User";
/// The extension of its groups.
pub(crate) const OWN_GROUP: &str = "urn:usher:scim:schemas:extension:acme:2.0:Group";

/// Attributes of every type and characteristic.
pub(crate) const ATTRIBUTES: &str = r#"
[organisation]
slug = "acme"

[[user_attributes]]
name = "badge"
type = "string"
description = "What opens the doors"
unique = true

[[user_attributes]]
name = "locker"
type = "integer"
unique = true

[[user_attributes]]
name = "site"
type = "string"
searchable = true
canonical_values = ["north", "south"]

[[user_attributes]]
name = "code"
type = "string"
case_exact = true

[[user_attributes]]
name = "rate"
type = "decimal"

[[user_attributes]]
name = "remote"
type = "boolean"

[[user_attributes]]
name = "hired"
type = "dateTime"
mutability = "immutable"
searchable = true

[[user_attributes]]
name = "keyring"
type = "binary"

[[user_attributes]]
name = "homepage"
type = "reference"

[[user_attributes]]
name = "tags"
type = "string"
multi_valued = true
searchable = true

[[user_attributes]]
name = "desk"
type = "complex"
sub_attributes = [{ name = "room", type = "string", required = true }, { name = "row", type = "integer" }]

[[user_attributes]]
name = "certificates"
type = "complex"
multi_valued = true
sub_attributes = [
  { name = "value", type = "string" }, { name = "type", type = "string" }, { name = "level", type = "integer" },
]

[[user_attributes]]
name = "pin"
type = "string"
mutability = "writeOnly"
returned = "never"

[[user_attributes]]
name = "grade"
type = "string"
mutability = "readOnly"

[[user_attributes]]
name = "notes"
type = "string"
returned = "request"

[[user_attributes]]
name = "rank"
type = "string"
returned = "always"

[[group_attributes]]
name = "floor"
type = "integer"

[[group_attributes]]
name = "ticket"
type = "string"
unique = true
"#;

impl Tenant {
    /// Applies an organisation file.
    pub(crate) async fn declare(&self, file: &str) -> Result<Vec<Change>, DirectoryError> {
        let file = organisation_file::parse(file).expect("a good file");
        self.service.directory.declare(&self.permit, &file.declaration).await
    }
}

/// A client of `acme` with [`ATTRIBUTES`].
pub(crate) async fn client() -> Client {
    let tenant = Service::new().organisation("acme").await;
    let _ = tenant.declare(ATTRIBUTES).await.expect("declared");
    tenant.client("scim").await
}

/// Creates a user of `acme` with these attributes of its own.
pub(crate) async fn create(client: &Client, name: &str, own: Value) -> Answer {
    let body = json!({ "schemas": [USER, OWN], "userName": name, OWN: own });
    client.post("/Users", body).await
}

impl Client {
    /// What verification finds wrong in the organisation; empty when nothing is.
    pub(crate) async fn violations(&self) -> String {
        let (findings, mut heard) = tokio::sync::mpsc::channel(100);
        let mut report = Report::new(findings);
        let summary = self
            .tenant
            .service
            .directory
            .verify(&mut report)
            .await
            .expect("verified");
        drop(report);
        let mut found = String::new();
        while let Some(finding) = heard.recv().await {
            found.push_str(&format!("{finding:?}\n"));
        }
        assert_eq!(summary.violations == 0, found.is_empty(), "{found}");
        found
    }

    /// A user's record as it is stored.
    pub(crate) async fn stored(&self, id: &str) -> Value {
        let key = keys::user(self.tenant.id, id.parse().expect("an id"));
        let stored = self.tenant.service.directory.store().get(key).await.expect("a read");
        serde_json::from_slice(&stored.expect("a record").value).expect("JSON")
    }
}
