//! Two organisations do not see each other, and no token reaches further than it says.

use axum::http::Method;
use serde_json::{Value, json};

use crate::kit::gateway::{Caller, Inside};

const CONNECTION: &str = "[organisation]\nslug = \"SLUG\"\n[[licences]]\nkey = \"pro\"\nname = \"Pro\"\n[[connections]]\nname = \"entra\"\nkind = \
     \"scim\"\nlicences = [\"pro\"]\n";

async fn two() -> (Inside, Caller, Caller) {
    let inside = Inside::new();
    let root = inside.administrator().await;
    let (acme, globex) = (root.organisation("acme").await, root.organisation("globex").await);
    for (slug, caller) in [("acme", &acme), ("globex", &globex)] {
        caller.apply(slug, &CONNECTION.replace("SLUG", slug)).await.expect(200);
        let client = caller.connection(slug, "entra").await;
        client.scim_user(slug, "ada").await;
    }
    (inside, acme, globex)
}

/// Every address of an organisation, with a method and a body that would be good.
fn addresses() -> Vec<(Method, &'static str, Option<Value>)> {
    vec![
        (Method::GET, "", None),
        (
            Method::POST,
            "/apply",
            Some(json!("[organisation]\nslug = \"globex\"\n")),
        ),
        (Method::GET, "/connections", None),
        (Method::GET, "/connections/entra", None),
        (Method::POST, "/connections/entra/sync", None),
        (Method::POST, "/connections/entra/test", None),
        (Method::GET, "/connections/entra/runs", None),
        (
            Method::POST,
            "/connections/entra/held/approve",
            Some(json!({ "hash": "x" })),
        ),
        (Method::DELETE, "/connections/entra/held", None),
        (Method::GET, "/events", None),
        (Method::GET, "/groups", None),
        (Method::GET, "/licences", None),
        (Method::GET, "/licences/pro/holders", None),
        (Method::GET, "/roles", None),
        (Method::GET, "/tokens", None),
        (Method::POST, "/tokens", Some(json!({}))),
        (Method::GET, "/users", None),
        (Method::GET, "/users/ada", None),
        (Method::DELETE, "/users/ada", None),
        (Method::POST, "/users/ada/suspend", None),
        (Method::POST, "/users/ada/reactivate", None),
        (Method::POST, "/users/ada/invite", None),
        (Method::POST, "/users/ada/revoke-invitation", None),
        (Method::POST, "/users", Some(json!({ "user_name": "eve" }))),
        (Method::PATCH, "/users/ada", Some(json!({ "labels": ["x"] }))),
        (Method::POST, "/users/ada/licences", Some(json!({ "licence": "pro" }))),
        (Method::DELETE, "/users/ada/licences/pro", None),
        (
            Method::PUT,
            "/users/ada/licences/pro/cost-centre",
            Some(json!({ "cost_centre": null })),
        ),
        (Method::POST, "/users/ada/move", Some(json!({ "to": "north" }))),
        (Method::POST, "/users/ada/review-permissions", None),
        (Method::PUT, "/groups/north/defaults", Some(json!({}))),
        (Method::GET, "/licences/forecast", None),
        (Method::GET, "/cost-centres", None),
        (Method::PUT, "/cost-centres/x", Some(json!({ "name": "x" }))),
        (Method::DELETE, "/cost-centres/x", None),
        (Method::PUT, "/licences/pro", Some(json!({ "name": "Pro" }))),
        (Method::GET, "/guests", None),
        (
            Method::POST,
            "/guests",
            Some(json!({ "name": "x", "email": "x@example.org" })),
        ),
        (Method::POST, "/guests/x/disable", None),
        (Method::DELETE, "/guests/x", None),
        (Method::GET, "/guest-links", None),
        (Method::POST, "/guest-links", Some(json!({ "name": "x" }))),
        (Method::POST, "/guest-links/x/disable", None),
        (Method::GET, "/views", None),
        (Method::POST, "/views", Some(json!({ "name": "x", "list": "users" }))),
        (Method::DELETE, "/views?list=users", None),
        (Method::GET, "/views/x", None),
        (Method::DELETE, "/views/x", None),
        (Method::GET, "/bulk", None),
        (
            Method::POST,
            "/bulk",
            Some(json!({ "operation": "delete", "users": ["ada"] })),
        ),
        (Method::GET, "/verify", None),
    ]
}

#[tokio::test]
async fn another_organisation_answers_as_one_that_does_not_exist() {
    let (_inside, acme, globex) = two().await;
    for (method, address, body) in addresses() {
        let ask = |slug: &str| {
            let body = match (&body, address) {
                (Some(_), "/apply") => Some(json!(format!("[organisation]\nslug = \"{slug}\"\n"))),
                _ => body.clone(),
            };
            let path = format!("/api/v1/organisations/{slug}{address}");
            let (acme, method) = (acme.clone(), method.clone());
            async move { acme.send(method, &path, body).await }
        };
        let foreign = ask("globex").await.expect(404);
        let missing = ask("nowhere").await.expect(404);
        assert_eq!(
            foreign.to_string().replace("globex", "nowhere"),
            missing.to_string(),
            "{method} {address} tells which exists"
        );
    }
    let users = globex.get("/api/v1/organisations/globex/users").await.expect(200);
    assert_eq!(
        users["items"][0]["active"], true,
        "nothing happened to the other one: {users:#}"
    );
}

#[tokio::test]
async fn an_organisation_administrator_lists_only_their_own() {
    let (_inside, acme, _) = two().await;
    let listed = acme.get("/api/v1/organisations").await.expect(200);
    assert_eq!(listed["items"].as_array().expect("a list").len(), 1);
    assert_eq!(listed["items"][0]["slug"], "acme");
}

#[tokio::test]
async fn only_the_gateway_administrator_makes_organisations_and_gateway_tokens() {
    let (_inside, acme, _) = two().await;
    acme.post("/api/v1/organisations", json!({ "slug": "third" }))
        .await
        .expect(403);
    acme.apply("third", "[organisation]\nslug = \"third\"\n")
        .await
        .expect(404);
    acme.get("/api/v1/tokens").await.expect(403);
    acme.post("/api/v1/tokens", json!({})).await.expect(403);
    acme.get("/api/v1/verify").await.expect(403);
}

#[tokio::test]
async fn a_connections_token_opens_nothing_of_the_admin_api() {
    let (_inside, acme, _) = two().await;
    let client = acme.connection("acme", "entra").await;
    for (method, address, body) in addresses() {
        let body = if address == "/apply" {
            Some(json!("[organisation]\nslug = \"acme\"\n"))
        } else {
            body
        };
        let path = format!("/api/v1/organisations/acme{address}");
        let answer = client.send(method.clone(), &path, body).await;
        assert_eq!(answer.status, 403, "{method} {address}: {:#}", answer.body);
    }
    client.get("/api/v1/organisations").await.expect(403);
}

#[tokio::test]
async fn nobody_gets_in_without_a_token() {
    let (inside, _, _) = two().await;
    for token in ["", "ush_wrong", "Basic"] {
        let answer = inside.caller(token).get("/api/v1/organisations").await;
        assert_eq!(answer.headers["www-authenticate"], "Bearer realm=\"usher\"");
        assert_eq!(answer.headers["content-type"], "application/problem+json");
        let problem = answer.expect(401);
        assert_eq!(problem["type"], "urn:usher:problem:unauthenticated");
        assert_eq!(problem["status"], 401);
    }
}

#[tokio::test]
async fn an_address_without_anything_is_a_problem_document() {
    let (_inside, acme, _) = two().await;
    for path in ["/api/v1/nothing", "/nothing", "/"] {
        let answer = acme.get(path).await;
        assert_eq!(answer.headers["content-type"], "application/problem+json", "{path}");
        assert_eq!(answer.expect(404)["type"], "urn:usher:problem:not-found");
    }
    acme.delete("/api/v1/organisations/acme/users").await.expect(405);
}
