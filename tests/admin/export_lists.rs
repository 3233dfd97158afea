//! Files of the lists that declare things: as filtered, with the columns that are chosen, and nothing that calculates or is secret
//! (S003-29, S004-13).

use axum::http::Method;
use serde_json::json;

use crate::kit::access::{ACME, Acme};
use crate::kit::gateway::Caller;

const FILE: &str = r#"
[[cost_centres]]
key = "main"
name = "Main"
default = true
[[cost_centres]]
key = "sales"
name = "=SUM(A1)"
[[roles]]
key = "agent"
name = "+Agent"
permissions = ["call.make@organisation"]
[[roles]]
key = "keeper"
name = "Keeper"
scope = "group"
permissions = ["user.view@group", "user.invite@group", "group.view@group"]
[[licences]]
key = "basic"
name = "Basic"
limit = 9
[[licences]]
key = "pro"
name = "@Pro"
limit = 2
when_full = { fallback = "basic" }
[[permissions]]
key = "call.make"
name = "-Calls"
"#;

async fn rows(caller: &Caller, asked: &str) -> Vec<Vec<String>> {
    let (status, bytes) = caller
        .bytes(Method::GET, &format!("{ACME}/export/{asked}"), Vec::new())
        .await;
    assert_eq!(status, 200, "{asked}: {}", String::from_utf8_lossy(&bytes));
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(bytes.as_slice());
    let rows = reader
        .records()
        .map(|row| row.expect("a row").iter().map(str::to_owned).collect());
    rows.collect()
}

#[tokio::test]
async fn what_is_declared_is_a_table_as_filtered_with_chosen_columns() {
    let acme = Acme::new(FILE).await;
    acme.user("ada").await;
    acme.assign("ada", "agent").await.expect(200);
    let given = json!({ "licence": "pro", "cost_centre": "sales" });
    acme.post("/users/ada/licences", given).await.expect(200);
    let link = json!({ "name": "=Open", "limit": 3 });
    let secret = acme.post("/guest-links", link).await.expect(201)["secret"].clone();
    let token = acme
        .post("/tokens", json!({ "label": "=Robot", "connection": "entra" }))
        .await;
    let token = token.expect(201)["token"].as_str().expect("a token").to_owned();
    for (asked, expected) in [
        (
            "licences?columns=key,name,limit,used,when_full&filter=key%20eq%20%22pro%22",
            [
                ["key", "name", "limit", "used", "when_full"].as_slice(),
                &["pro", "'@Pro", "2", "1", "fallback:basic"],
            ],
        ),
        (
            "roles?columns=key,name,permissions,holders&filter=holders%20gt%200&q=agent",
            [
                &["key", "name", "permissions", "holders"],
                &["agent", "'+Agent", "call.make@organisation", "1"],
            ],
        ),
        (
            "guest-links?columns=name,limit,joined",
            [&["name", "limit", "joined"], &["'=Open", "3", "0"]],
        ),
        (
            "cost-centres?columns=key,name,seats&filter=default%20eq%20false",
            [&["key", "name", "seats"], &["sales", "'=SUM(A1)", "pro:1"]],
        ),
        (
            "permissions?columns=key,name&filter=key%20eq%20%22call.make%22",
            [&["key", "name"], &["call.make", "'-Calls"]],
        ),
        (
            "connections?columns=name,kind,linked",
            [&["name", "kind", "linked"], &["entra", "scim", "1"]],
        ),
        (
            "tokens?columns=opens,connection,label&filter=label%20co%20%22Robot%22",
            [&["opens", "connection", "label"], &["connection", "entra", "'=Robot"]],
        ),
    ] {
        assert_eq!(rows(&acme.admin, asked).await, expected, "{asked}");
        let table = asked.split_once('?').expect("a question").0;
        let usual = rows(&acme.admin, table).await;
        assert!(usual.len() > 1, "{table}");
        let text = format!("{usual:?}");
        assert!(
            !text.contains(&token) && !text.contains(secret.as_str().expect("a secret")),
            "{table}"
        );
        let problem = acme
            .get(&format!("/export/{table}?columns=secret_hash"))
            .await
            .expect(400);
        assert!(
            problem["detail"].as_str().expect("words").contains("secret_hash"),
            "{table}"
        );
        let (status, book) = acme
            .admin
            .bytes(Method::GET, &format!("{ACME}/export/{table}?format=xlsx"), Vec::new())
            .await;
        assert!(status == 200 && book.starts_with(b"PK"), "{table}");
        let view = json!({ "name": "Mine", "list": table, "columns": [expected[0][0]] });
        acme.post("/views", view).await.expect(201);
        assert_eq!(
            rows(&acme.admin, &format!("{table}?view=Mine")).await[0],
            [expected[0][0]],
            "{table}"
        );
    }
    let sorted = rows(&acme.admin, "licences?columns=key&sort=key&descending=true").await;
    assert_eq!(sorted, [["key"], ["pro"], ["basic"]]);
}

#[tokio::test]
async fn an_administrator_of_some_groups_takes_the_invitations_of_those_along_and_no_others() {
    let acme = Acme::new(FILE).await;
    let mia = acme.user("mia").await;
    let (north, south) = (acme.group("North", |_| {}).await, acme.group("South", |_| {}).await);
    acme.join(north, mia).await.expect("a member");
    acme.group_role(north, mia, "keeper").await;
    for (name, group) in [("ada", north), ("grace", south)] {
        let made = acme
            .post("/users", json!({ "user_name": name, "invite": true }))
            .await
            .expect(201);
        let id = made["id"].as_str().expect("an id").parse().expect("an id");
        acme.join(group, id).await.expect("a member");
    }
    let mia = acme.person("mia").await;
    let found = rows(&mia, "invitations?columns=user_name,state").await;
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(found[1][0], "ada");
    assert_eq!(rows(&acme.admin, "invitations?columns=user_name").await.len(), 3);
    for closed in [
        "guest-links",
        "roles",
        "permissions",
        "licences",
        "cost-centres",
        "connections",
        "tokens",
    ] {
        mia.get(&format!("{ACME}/export/{closed}")).await.expect(403);
    }
}
