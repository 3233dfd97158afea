//! What is handed over to a person is all that is held: with what it is about, and with what nobody is shown otherwise.

use serde_json::{Value, json};

use crate::kit::custom_attributes::OWN;
use crate::kit::gateway::Inside;

const ORG: &str = "/api/v1/organisations/acme";

const FILE: &str = r#"
[organisation]
slug = "acme"
[[resource_types]]
key = "number"
name = "Telephone number"
[[user_attributes]]
name = "nationality"
type = "string"
returned = "never"
[[user_attributes]]
name = "shoeSize"
type = "string"
[[user_attributes]]
name = "pin"
type = "string"
mutability = "writeOnly"
returned = "never"
"#;

#[tokio::test]
async fn assignments_hidden_attributes_and_instants_are_handed_over_and_secrets_are_not() {
    let acme = Inside::new().administrator().await.organisation("acme").await;
    acme.apply("acme", FILE).await.expect(200);
    let own = json!({ "nationality": "Utopian", "shoeSize": "42", "pin": "1815" });
    let ada = json!({
        "user_name": "ada",
        "attributes": { OWN: own },
        "password": "a long first password 1815!",
    });
    acme.post(&format!("{ORG}/users"), ada).await.expect(201);
    let number = json!({ "type": "number", "name": "+31 20 5550 1815" });
    let number = acme.post(&format!("{ORG}/resources"), number).await.expect(201);
    let assign = format!("{ORG}/resources/{}/assignments", number["id"].as_str().expect("an id"));
    acme.post(&assign, json!({ "users": ["ada"] })).await.expect(200);
    let room = json!({ "type": "number", "name": "owned by ada", "owner": "ada" });
    let room = acme.post(&format!("{ORG}/resources"), room).await.expect(201);
    // Retired: unknown to everybody, and stored.
    let retired = FILE.replace("name = \"shoeSize\"", "name = \"shoeSize\"\nretired = true");
    acme.apply("acme", &retired).await.expect(200);
    let held = acme.get(&format!("{ORG}/users/ada/export")).await.expect(200);
    let wanted = json!({ "nationality": "Utopian", "shoeSize": "42", "pin": "***" });
    assert_eq!(held["user"]["attributes"][OWN], wanted);
    let set_at = held["user"]["facts"]["password_set_at"].as_str().expect("an instant");
    assert!(set_at.starts_with("20"), "{set_at}");
    assert!(!held.to_string().contains("$argon2"), "a hash is handed over");
    let named = |id: &Value, name: &str| json!({ "id": id, "type": "number", "name": name });
    let assigned = &held["held"]["Assignment"];
    assert_eq!(
        assigned[0]["resource"],
        named(&number["id"], "+31 20 5550 1815"),
        "{assigned:#}"
    );
    let of_person = held["held"]["SubjectAssignment"].as_array().expect("a list");
    let told: Vec<(&Value, &Value)> = of_person
        .iter()
        .map(|item| (&item["resource"], &item["is_owner"]))
        .collect();
    let number = named(&number["id"], "+31 20 5550 1815");
    let room = named(&room["id"], "owned by ada");
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told.contains(&(&number, &json!(false))), "{told:?}");
    assert!(told.contains(&(&room, &json!(true))), "{told:?}");
}
