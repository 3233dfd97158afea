//! `roles` and `entitlements` of a user: what a connection may grant is held, the rest is noted or refused.

use serde_json::{Value, json};
use usher::directory::Principal;
use usher::directory::role::PutRole;
use usher::model::connection::{Connection, ConnectionKind, GrantRule, UnknownGrants};
use usher::model::id::UserId;
use usher::model::licence::WhenFull;
use usher::model::role::{Role, Scope};
use usher::model::user::User;

use crate::kit::scim::{Client, Service, Tenant, USER, slug};

/// An organisation with roles `agent` and `planner` and the licence `pro`.
async fn tenant() -> Tenant {
    let tenant = Service::new().organisation("acme").await;
    let permit = Principal::system().administer(tenant.id).expect("the system may");
    for (key, scope) in [
        ("agent", Scope::Global),
        ("planner", Scope::Global),
        ("host", Scope::Group),
    ] {
        let role = Role {
            scope,
            ..Role::new(slug(key), key.to_owned())
        };
        tenant
            .service
            .directory
            .run(&permit, &PutRole(role))
            .await
            .expect("a role");
    }
    tenant.licence("pro", 9, WhenFull::Refuse).await;
    tenant
}

/// A client that may grant `agent` and `host`, the latter in groups only.
async fn client(tenant: &Tenant, policy: UnknownGrants) -> Client {
    let mut connection = Connection::new(slug("scim"), ConnectionKind::Scim);
    connection.grantable_roles.extend([slug("agent"), slug("host")]);
    connection.unknown_grants = policy;
    tenant.client_of(connection).await
}

async fn stored(client: &Client, id: &str) -> User {
    let id: UserId = id.parse().expect("an id");
    let user = client.tenant.service.directory.browse_user(client.tenant.id, id).await;
    user.expect("a store").expect("a user")
}

async fn held(client: &Client, id: &str) -> (Vec<String>, Vec<String>) {
    let user = stored(client, id).await;
    let names = |keys: Vec<&usher::model::slug::Slug>| keys.into_iter().map(ToString::to_string).collect();
    (
        names(user.roles.keys().collect()),
        names(user.licences.keys().collect()),
    )
}

/// The rules and counts that the last request met.
async fn noted(client: &Client) -> Vec<String> {
    let directory = &client.tenant.service.directory;
    directory.flush_journal().await.expect("written");
    let entries = directory.list_journal(client.tenant.id, &slug("scim"), None, 1).await;
    let rules = entries
        .expect("a journal")
        .into_iter()
        .flat_map(|(_, entry)| entry.normalised);
    rules.map(|rule| format!("{}: {}", rule.rule, rule.what)).collect()
}

fn named(values: &[&str]) -> Value {
    values.iter().map(|value| json!({ "value": value })).collect()
}

fn body(roles: &[&str], entitlements: &[&str]) -> Value {
    json!({ "schemas": [USER], "userName": "ada", "roles": named(roles), "entitlements": named(entitlements) })
}

#[tokio::test]
async fn what_the_connection_may_grant_is_held_and_the_rest_is_noted() {
    let client = client(&tenant().await, UnknownGrants::Ignore).await;
    let shown = client
        .post("/Users", body(&["Agent", "planner", "host", "x"], &["pro", "gold"]))
        .await
        .expect(201);
    let id = shown["id"].as_str().expect("an id");
    assert_eq!(
        held(&client, id).await,
        (vec!["agent".to_owned()], vec!["pro".to_owned()])
    );
    assert_eq!(shown["roles"][0]["value"], "Agent", "as it was sent");
    let rules = noted(&client).await;
    assert_eq!(
        rules,
        [
            "unknownGrants: granted nothing for 3 values of attribute \"roles\" that the connection cannot grant",
            "unknownGrants: granted nothing for 1 values of attribute \"entitlements\" that the connection cannot grant",
        ]
    );
    let path = format!("/Users/{id}");
    let title = json!([{ "op": "replace", "path": "title", "value": "T" }]);
    let _ = client.patch(&path, title).await.expect(200);
    assert!(noted(&client).await.is_empty(), "what was there is not named again");
    let gone =
        json!([{ "op": "remove", "path": "roles[value eq \"agent\"]" }, { "op": "remove", "path": "entitlements" }]);
    let _ = client.patch(&path, gone).await.expect(200);
    assert_eq!(held(&client, id).await, (vec![], vec![]), "withdrawn with the values");
}

#[tokio::test]
async fn a_connection_that_refuses_names_the_value_and_changes_nothing() {
    let client = client(&tenant().await, UnknownGrants::Refuse).await;
    for (roles, entitlements, at_fault) in [
        (&["agent", "planner"][..], &[][..], "planner"),
        (&["host"], &[], "host"),
        (&["x"], &[], "x"),
        (&[], &["pro", "gold"], "gold"),
    ] {
        let detail = client
            .post("/Users", body(roles, entitlements))
            .await
            .refused(400, Some("invalidValue"));
        assert!(detail.contains(&format!("{at_fault:?}")), "{detail}");
    }
    let id = client.post("/Users", body(&["agent"], &["pro"])).await.id();
    let path = format!("/Users/{id}");
    let before = client.get(&path).await.expect(200);
    let more = json!([{ "op": "replace", "path": "title", "value": "T" }, { "op": "add", "path": "roles", "value": named(&["x"]) }]);
    client.patch(&path, more).await.refused(400, Some("invalidValue"));
    client
        .put(&path, body(&["agent", "x"], &["pro"]))
        .await
        .refused(400, Some("invalidValue"));
    assert_eq!(client.get(&path).await.expect(200), before);
    let _ = client.put(&path, body(&[], &[])).await.expect(200);
    assert_eq!(held(&client, &id).await, (vec![], vec![]));
}

#[tokio::test]
async fn app_roles_as_entra_writes_them_are_granted() {
    let client = client(&tenant().await, UnknownGrants::Refuse).await;
    let role = json!({ "primary": "True", "type": "WindowsAzureActiveDirectoryRole", "value": "agent" });
    let body = json!({ "schemas": [USER], "userName": "ada", "roles": [role] });
    let ada = client.post("/Users", body).await.id();
    assert_eq!(held(&client, &ada).await.0, ["agent"]);
    let text = json!({ "id": "1", "value": "agent", "displayName": "Agent" }).to_string();
    for operation in [
        json!({ "op": "Add", "path": "roles[primary eq \"True\"].value", "value": "agent" }),
        json!({ "op": "Add", "path": "roles", "value": [{ "value": text }] }),
        json!({ "op": "Replace", "path": "roles", "value": [{ "value": text }] }),
    ] {
        let id = client.user(&format!("u{}", operation.to_string().len())).await;
        let _ = client
            .patch(&format!("/Users/{id}"), json!([operation.clone()]))
            .await
            .expect(200);
        assert_eq!(held(&client, &id).await.0, ["agent"], "{operation}");
    }
}

#[tokio::test]
async fn what_others_gave_is_shown_and_sending_it_back_claims_nothing() {
    let tenant = tenant().await;
    let client = client(&tenant, UnknownGrants::Refuse).await;
    let mut other = Connection::new(slug("other"), ConnectionKind::Scim);
    other.roles.insert(slug("planner"));
    other.licences.insert(slug("pro"));
    other.matching.adoption = usher::model::connection::Adoption::Adopt;
    let other = tenant.client_of(other).await;
    let id = client.user("ada").await;
    let adopted = json!({ "schemas": [USER], "userName": "ada" });
    assert_eq!(other.post("/Users", adopted).await.expect(201)["id"], id.as_str());
    let path = format!("/Users/{id}");
    let shown = client.get(&path).await.expect(200);
    assert_eq!(shown["roles"], named(&["planner"]));
    assert_eq!(shown["entitlements"], named(&["pro"]));
    let found = client.filter("/Users", "roles.value eq \"planner\"").await.expect(200);
    assert_eq!(found["totalResults"], 1, "a filter finds what is shown");
    assert_eq!(
        client.put(&path, shown.clone()).await.expect(200)["roles"],
        shown["roles"]
    );
    let user = stored(&client, &id).await;
    assert_eq!(user.roles[&slug("planner")].len(), 1, "{:?}", user.roles);
    let _ = other.delete(&path).await.expect(204);
    assert_eq!(held(&client, &id).await, (vec![], vec![]));
    assert!(client.get(&path).await.expect(200).get("roles").is_none());
}

#[tokio::test]
async fn rules_that_read_the_user_decide_what_a_value_means() {
    let tenant = tenant().await;
    let mut connection = Connection::new(slug("scim"), ConnectionKind::Scim);
    connection.grantable_roles.insert(slug("agent"));
    connection.unknown_grants = UnknownGrants::Refuse;
    connection.grants.push(GrantRule {
        licences: [slug("pro")].into(),
        roles: [slug("agent")].into(),
        ..GrantRule::new("user.roles.exists(role, role.value == \"Task.Write\")")
    });
    let client = tenant.client_of(connection).await;
    let id = client.post("/Users", body(&["Task.Write"], &[])).await.id();
    assert_eq!(
        held(&client, &id).await,
        (vec!["agent".to_owned()], vec!["pro".to_owned()])
    );
    let gone = json!([{ "op": "remove", "path": "roles[value eq \"Task.Write\"]" }]);
    let _ = client.patch(&format!("/Users/{id}"), gone).await.expect(200);
    assert_eq!(held(&client, &id).await, (vec![], vec![]));
}

#[tokio::test]
async fn a_value_that_one_connection_may_not_grant_is_not_granted_by_the_next_request_of_one_that_may() {
    let tenant = tenant().await;
    let weak = tenant.client("weak").await;
    let ada = weak.post("/Users", body(&["agent"], &[])).await.expect(201);
    let id = ada["id"].as_str().expect("an id");
    assert!(held(&weak, id).await.0.is_empty(), "only written down");
    let mut connection = Connection::new(slug("strong"), ConnectionKind::Scim);
    connection.grantable_roles.extend([slug("agent"), slug("planner")]);
    connection.matching.adoption = usher::model::connection::Adoption::Adopt;
    let strong = tenant.client_of(connection).await;
    let adopted = strong
        .post("/Users", json!({ "schemas": [USER], "userName": "ada" }))
        .await;
    assert_eq!(adopted.expect(201)["id"], id);
    let path = format!("/Users/{id}");
    let title = json!([{ "op": "replace", "path": "title", "value": "T" }]);
    let _ = strong.patch(&path, title).await.expect(200);
    assert!(held(&weak, id).await.0.is_empty(), "a PATCH of something else");
    let shown = strong.get(&path).await.expect(200);
    assert_eq!(shown["roles"], named(&["agent"]), "it is shown as it was written");
    let _ = strong.put(&path, shown).await.expect(200);
    assert!(held(&weak, id).await.0.is_empty(), "a PUT of what was shown");
    let own = json!([{ "op": "add", "path": "roles", "value": named(&["planner"]) }]);
    let _ = strong.patch(&path, own).await.expect(200);
    assert_eq!(
        held(&weak, id).await.0,
        ["planner"],
        "its own word counts, and nothing else"
    );
    let gone = json!([{ "op": "remove", "path": "roles" }]);
    let _ = strong.patch(&path, gone).await.expect(200);
    let both = json!([{ "op": "add", "path": "roles", "value": named(&["agent", "planner"]) }]);
    let _ = strong.patch(&path, both).await.expect(200);
    assert_eq!(held(&weak, id).await.0, ["agent", "planner"]);
}
