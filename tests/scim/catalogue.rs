//! `/Roles` and `/Licences`, as an entitlement discovery walks through them: types, schemas, endpoints.

use serde_json::json;
use usher::directory::Principal;
use usher::directory::role::PutRole;
use usher::model::connection::{Connection, ConnectionKind};
use usher::model::licence::WhenFull;
use usher::model::role::{Role, Scope};

use crate::kit::scim::{Client, Service, USER, slug};

fn role(key: &str, scope: Scope) -> Role {
    Role {
        scope,
        ..Role::new(slug(key), format!("Role {key}"))
    }
}

async fn client() -> Client {
    let tenant = Service::new().organisation("acme").await;
    let permit = Principal::system().administer(tenant.id).expect("the system may");
    for new in [
        role("planner", Scope::Global),
        role("agent", Scope::Global),
        role("moderator", Scope::Group),
    ] {
        tenant
            .service
            .directory
            .run(&permit, &PutRole(new))
            .await
            .expect("a role");
    }
    tenant.licence("pro", 3, WhenFull::Refuse).await;
    let mut connection = Connection::new(slug("okta"), ConnectionKind::Scim);
    connection.grantable_roles.insert(slug("agent"));
    tenant.client_of(connection).await
}

#[tokio::test]
async fn discovery_leads_from_types_over_schemas_to_the_values_that_a_user_takes() {
    let client = client().await;
    let types = client.get("/ResourceTypes").await.expect(200);
    for (name, schema) in [
        ("Role", "urn:okta:scim:schemas:core:1.0:Role"),
        ("Licence", "urn:okta:scim:schemas:core:1.0:Entitlement"),
    ] {
        let shown = client.get(&format!("/ResourceTypes/{name}")).await.expect(200);
        assert!(types["Resources"].as_array().expect("a list").contains(&shown));
        assert_eq!(shown["schema"], schema);
        assert_eq!(
            client.get(&format!("/Schemas/{schema}")).await.expect(200)["id"],
            schema
        );
        let endpoint = shown["endpoint"].as_str().expect("an endpoint");
        let list = client.get(endpoint).await.expect(200);
        for resource in list["Resources"].as_array().expect("a list") {
            assert_eq!(resource["schemas"][0], schema);
            assert_eq!(resource["meta"]["resourceType"], name);
            let location = resource["meta"]["location"].as_str().expect("a location");
            let path = location.trim_start_matches("https://usher.example/scim/acme/v2");
            assert_eq!(client.get(path).await.expect(200), *resource);
        }
    }
    let body = json!({ "schemas": [USER], "userName": "ada", "entitlements": [{ "value": "pro" }] });
    client.post("/Users", body).await.id();
    let pro = client.get("/Licences/pro").await.expect(200);
    assert_eq!(
        pro["urn:usher:scim:schemas:extension:2.0:Licence"],
        json!({ "limit": 3, "used": 1 })
    );
    client.get("/Licences/none").await.refused(404, None);
    client.get("/Roles/moderator").await.refused(404, None);
}

#[tokio::test]
async fn roles_are_filtered_sorted_and_paged_like_any_resource() {
    let client = client().await;
    let keys = |body: serde_json::Value| {
        let resources = body["Resources"].as_array().expect("a list").clone();
        let keys = resources
            .iter()
            .map(|role| role["id"].as_str().expect("an id").to_owned());
        keys.collect::<Vec<_>>()
    };
    for (query, expected) in [
        ("", vec!["agent", "planner"]),
        ("?sortBy=displayName&sortOrder=descending", vec!["planner", "agent"]),
        ("?filter=displayName+co+%22plan%22", vec!["planner"]),
        (
            "?filter=urn:usher:scim:schemas:extension:2.0:Role:grantable+eq+true",
            vec!["agent"],
        ),
        ("?startIndex=2&count=1", vec!["planner"]),
        ("?count=0", vec![]),
    ] {
        let body = client.get(&format!("/Roles{query}")).await.expect(200);
        assert_eq!(keys(body), expected, "{query}");
    }
    let first = client.get("/Roles?cursor&count=1&attributes=id").await.expect(200);
    assert_eq!(first["totalResults"], 2);
    let cursor = first["nextCursor"].as_str().expect("a cursor");
    let second = client
        .get(&format!("/Roles?cursor={cursor}&count=1&attributes=id"))
        .await
        .expect(200);
    assert!(second.get("nextCursor").is_none());
    assert_eq!(keys(second), ["planner"]);
    client
        .get("/Roles?filter=nope+pr")
        .await
        .refused(400, Some("invalidFilter"));
}
