//! A form that is judged at each of its steps: everything up to there is tried out as a whole, and nobody is there before the last.

use serde_json::{Value, json};

use crate::kit::access::{ACME, Acme};

const FILE: &str = r#"
[organisation.groups]
depth = 2
[[roles]]
key = "agent"
name = "Agent"
[[licences]]
key = "pro"
name = "Pro"
limit = 1
[[user_attributes]]
name = "badge"
type = "string"
unique = true
required = true
"#;

/// What the organisation's log holds by now.
async fn events(acme: &Acme) -> usize {
    let events = acme.get("/events?limit=1000").await.expect(200);
    events["items"].as_array().expect("a list").len()
}

#[tokio::test]
async fn each_step_of_a_form_for_a_user_is_judged_and_the_last_one_makes_the_user() {
    let acme = Acme::new(FILE).await;
    acme.group("North", |_| {}).await;
    let badge = |badge: &str| json!({ "urn:usher:scim:schemas:extension:acme:2.0:User": { "badge": badge } });
    acme.post("/users", json!({ "user_name": "grace", "attributes": badge("1") }))
        .await
        .expect(201);
    let before = events(&acme).await;
    let mut form = json!({ "user_name": "Grace" });
    let next = async |form: &Value| acme.post("/users?dry_run=true", form.clone()).await;
    assert_eq!(
        next(&form).await.expect(400)["attribute"],
        "urn:usher:scim:schemas:extension:acme:2.0:User:badge",
        "what is mandatory is named"
    );
    form["attributes"] = badge("2");
    assert_eq!(next(&form).await.expect(409)["attribute"], "userName");
    form["user_name"] = json!("ada");
    assert_eq!(next(&form).await.expect(200)["state"], "prepared");
    form["licences"] = json!(["pro"]);
    let told = next(&form).await.expect(200);
    assert!(told["licences"]["pro"].to_string().contains("held"), "{told:#}");
    for (part, wrong, right) in [
        ("roles", json!(["chief"]), json!(["agent"])),
        ("groups", json!(["South"]), json!(["North"])),
    ] {
        form[part] = wrong;
        assert_eq!(next(&form).await.expect(400)["attribute"], part);
        form[part] = right;
        next(&form).await.expect(200);
    }
    form["invite"] = json!(true);
    let told = next(&form).await.expect(200);
    assert_eq!(
        (&told["state"], told.get("invitation")),
        (&json!("invited"), None),
        "no secret of nobody"
    );
    assert_eq!(events(&acme).await, before, "nothing happened");
    acme.get("/users/ada").await.expect(404);
    let licences = acme.get("/licences").await.expect(200);
    assert_eq!(licences["items"][0]["used"], 0);
    let made = acme.post("/users", form.clone()).await.expect(201);
    assert!(made["invitation"]["secret"].is_string(), "{made:#}");
    assert_eq!(made["roles"], told["roles"]);
    form["user_name"] = json!("edsger");
    form["attributes"] = badge("3");
    let refused = next(&form).await.expect(403);
    assert!(
        refused.to_string().contains("no free seat of licence pro"),
        "{refused:#}"
    );
    acme.verify().await;
}

#[tokio::test]
async fn a_form_for_a_group_is_judged_too_and_by_the_same_rights() {
    let acme = Acme::new(FILE).await;
    let north = json!({ "display_name": "North" });
    acme.post("/groups", north.clone()).await.expect(201);
    let next = async |form: Value| acme.post("/groups?dry_run=true", form).await;
    next(json!({})).await.expect(400);
    next(north).await.expect(409);
    next(json!({ "display_name": "Sales", "parent": "South" }))
        .await
        .expect(400);
    let told = next(json!({ "display_name": "Sales", "parent": "North" }))
        .await
        .expect(200);
    assert_eq!(told["level"], 2, "{told:#}");
    acme.get("/groups/Sales").await.expect(404);
    let badge = json!({ "urn:usher:scim:schemas:extension:acme:2.0:User": { "badge": "1" } });
    acme.post("/users", json!({ "user_name": "ada", "attributes": badge }))
        .await
        .expect(201);
    let ada = acme.person("ada").await;
    for (path, form) in [
        ("/groups", json!({ "display_name": "Sales" })),
        ("/users", json!({ "user_name": "new" })),
    ] {
        ada.post(&format!("{ACME}{path}?dry_run=true"), form).await.expect(403);
    }
    acme.verify().await;
}
