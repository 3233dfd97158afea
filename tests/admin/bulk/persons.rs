//! Persons plan and confirm with their own rights, and only what is theirs.

use axum::http::Method;
use serde_json::json;

use super::{confirm, outcomes, path};
use crate::kit::access::{ACME, Acme};

const ROLES: &str = r#"
[[roles]]
key = "manager"
name = "Manager"
scope = "group"
permissions = ["user.view@group", "user.suspend@group", "group.members@group", "group.view@group"]
"#;

#[tokio::test]
async fn a_person_changes_whom_they_may_change_and_learns_of_nobody_else() {
    let acme = Acme::new(ROLES).await;
    let (north, south) = (acme.group("North", |_| {}).await, acme.group("South", |_| {}).await);
    for (name, group) in [("mia", north), ("ada", north), ("grace", south)] {
        let user = acme.user(name).await;
        acme.join(group, user).await.expect("a member");
        if name == "mia" {
            acme.group_role(north, user, "manager").await;
        }
    }
    let mia = acme.person("mia").await;
    let bulk = format!("{ACME}/bulk");
    let body = json!({ "operation": "suspend", "users": ["ada", "grace", "nobody"] });
    let job = mia.post(&bulk, body).await.expect(201);
    assert_eq!(
        outcomes(&job, "planned"),
        [("ada", "change"), ("grace", "refused"), ("nobody", "refused")]
    );
    let reason = |at: usize| job["items"][at]["planned"]["reason"].to_string();
    assert_eq!(
        reason(1).replace("grace", "nobody"),
        reason(2),
        "who may not be seen is as nobody"
    );
    assert_eq!(job["items"][1]["user"], json!(null));
    let delete = json!({ "operation": "delete", "users": ["ada"] });
    let refused = mia.post(&bulk, delete).await.expect(201);
    assert_eq!(outcomes(&refused, "planned"), [("ada", "refused")]);
    let south = json!({ "operation": "add_to_group", "group": "South", "users": ["ada"] });
    let elsewhere = mia.send(Method::POST, &bulk, Some(south)).await;
    if elsewhere.status == 201 {
        assert_eq!(outcomes(&elsewhere.body, "planned"), [("ada", "refused")]);
    } else {
        assert_eq!(elsewhere.status, 404);
    }
    // Nobody else confirms it; another person does not even learn of it.
    assert_eq!(confirm(&acme.admin, &job).await.status, 403);
    acme.admin.get(&path(&job, "")).await.expect(200);
    let ada = acme.person("ada").await;
    assert_eq!(
        ada.get(&bulk).await.status,
        403,
        "without any right there is nothing to plan"
    );
    let done = confirm(&mia, &job).await.expect(200);
    assert_eq!(
        outcomes(&done, "result"),
        [("ada", "change"), ("grace", "refused"), ("nobody", "refused")]
    );
    let own = mia.get(&bulk).await.expect(200);
    assert_eq!(
        own["items"].as_array().map(Vec::len),
        Some(2 + usize::from(elsewhere.status == 201))
    );
    let of_others = acme
        .post("/bulk", json!({ "operation": "reactivate", "users": ["ada"] }))
        .await
        .expect(201);
    mia.get(&path(&of_others, "")).await.expect(404);
    assert_eq!(confirm(&mia, &of_others).await.status, 404);
    let listed = mia.get(&bulk).await.expect(200);
    assert_eq!(listed["items"], own["items"]);
}

#[tokio::test]
async fn rights_that_are_lost_after_the_plan_are_missing_when_it_is_confirmed() {
    let acme = Acme::new(ROLES).await;
    let north = acme.group("North", |_| {}).await;
    let mia_id = acme.user("mia").await;
    let ada = acme.user("ada").await;
    acme.join(north, mia_id).await.expect("a member");
    acme.join(north, ada).await.expect("a member");
    acme.group_role(north, mia_id, "manager").await;
    let mia = acme.person("mia").await;
    let suspend = json!({ "operation": "suspend", "users": ["ada"] });
    let job = mia.post(&format!("{ACME}/bulk"), suspend).await.expect(201);
    assert_eq!(outcomes(&job, "planned"), [("ada", "change")]);
    acme.leave(north, ada).await;
    let done = confirm(&mia, &job).await.expect(200);
    assert_eq!(outcomes(&done, "result"), [("ada", "refused")]);
}
