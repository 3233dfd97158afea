//! Attributes of the organisation's own, filled by a directory.

use serde_json::{Value, json};
use usher::model::custom_attribute::{Bearer, urn};
use usher::provision::failure::FailureReason;
use usher::provision::organisation_file;

use super::gateway::{Gateway, person};

const FILE: &str = r#"
[organisation]
slug = "acme"

[[user_attributes]]
name = "badge"
type = "string"
unique = true

[[user_attributes]]
name = "floor"
type = "integer"
mutability = "readOnly"

[[user_attributes]]
name = "old"
type = "string"
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_fills_them_in_their_type_and_a_value_that_is_taken_fails_alone() {
    let ldif = person("ada", "employeeType: B1\nroomNumber: 3\n")
        + &person("bob", "employeeType: b1\nroomNumber: 4\n")
        + &person("eve", "employeeType: B3\nroomNumber: cellar\n");
    let Some(gateway) = Gateway::start(&ldif).await else {
        return;
    };
    let own = urn(&"acme".parse().expect("a slug"), Bearer::User);
    let file = organisation_file::parse(FILE).expect("a good file");
    let declared = gateway
        .directory
        .declare(&gateway.administrator(), &file.declaration)
        .await;
    assert_eq!(declared.expect("declared").len(), 4);
    let rule = |to: &str, from: &str| json!({ "to": to, "from": from });
    let mapping = json!([
        rule("userName", "uid"),
        rule(&format!("{own}:badge"), "employeeType"),
        rule(&format!("{own}:floor"), "roomNumber"),
    ]);
    gateway.connect(json!({ "mapping": mapping })).await;

    let report = gateway.sync().await;
    let users = gateway.users().await;
    assert_eq!(users["ada"].attributes[&own], json!({ "badge": "B1", "floor": 3 }));
    assert_eq!((users.len(), report.failures.len()), (1, 2), "{:?}", report.failures);
    let reasons: Vec<&FailureReason> = report.failures.iter().map(|failure| &failure.reason).collect();
    let badge = format!("{own}:badge");
    let is_taken =
        |reason: &&FailureReason| matches!(reason, FailureReason::Duplicate { attribute, .. } if *attribute == badge);
    assert!(reasons.iter().any(is_taken), "{reasons:?}");
    let told: Vec<String> = reasons.iter().map(ToString::to_string).collect();
    assert!(
        told.iter().any(|told| told.contains("floor\" must be of type integer")),
        "{told:?}"
    );

    gateway.slapd.modify(
        "dn: uid=bob,ou=people,dc=example,dc=com\nchangetype: modify\nreplace: employeeType\nemployeeType: B2\n",
    );
    gateway.sync().await;
    let users = gateway.users().await;
    assert_eq!(users["bob"].attributes[&own], json!({ "badge": "B2", "floor": 4 }));
    let again = gateway.sync().await;
    assert_eq!((again.changed, Value::from(gateway.users().await.len())), (0, json!(2)));
}
