//! Who may ask: tokens, organisations, and the same answer for everything that is not one's own.

use axum::body::Body;
use axum::http::Request;

use crate::kit::scim::Service;

#[tokio::test]
async fn a_missing_wrong_or_revoked_token_gets_401_with_a_challenge() {
    let client = Service::client().await;
    let mut flipped = client.token.clone().into_bytes();
    let last = flipped.len() - 12;
    flipped[last] = if flipped[last] == b'A' { b'B' } else { b'A' };
    let flipped = String::from_utf8(flipped).expect("text");
    for header in ["", "Bearer", "Bearer x", "Basic eDp5", &format!("Bearer {flipped}")] {
        let request = Request::get("/scim/acme/v2/Users").header("authorization", header);
        let answer = client.raw(request.body(Body::empty()).expect("request")).await;
        let challenge = answer.headers["www-authenticate"].to_str().expect("a text").to_owned();
        assert!(challenge.starts_with("Bearer realm=\"scim\""), "{header}: {challenge}");
        // RFC 6750 s3.1: only whoever showed a token is told that it is wrong.
        let is_shown = header.starts_with("Bearer ");
        assert_eq!(challenge.contains("invalid_token"), is_shown, "{header}: {challenge}");
        answer.refused(401, None);
    }
    let id = client
        .tenant
        .service
        .directory
        .list_tokens(client.tenant.id)
        .await
        .expect("tokens")[0]
        .id;
    let _ = client.get("/Users").await.expect(200);
    let revoke = usher::directory::token::RevokeToken(id);
    client
        .tenant
        .service
        .directory
        .run(&client.tenant.permit, &revoke)
        .await
        .expect("revoked");
    client.get("/Users").await.refused(401, None);
}

#[tokio::test]
async fn another_organisations_token_gets_the_answer_of_an_organisation_that_does_not_exist() {
    let service = Service::new();
    let ours = service.organisation("ours").await.client("scim").await;
    service.organisation("theirs").await;
    let ask = |organisation: &str| {
        Request::get(format!("/scim/{organisation}/v2/Users"))
            .header("authorization", format!("Bearer {}", ours.token))
            .body(Body::empty())
            .expect("request")
    };
    let theirs = ours.raw(ask("theirs")).await;
    let nobody = ours.raw(ask("nobody")).await;
    assert_eq!((theirs.status, &theirs.body), (nobody.status, &nobody.body));
    theirs.refused(401, None);
}

#[tokio::test]
async fn another_organisations_identifier_is_not_found_by_any_verb() {
    let service = Service::new();
    let ours = service.organisation("ours").await.client("scim").await;
    let theirs = service.organisation("theirs").await.client("scim").await;
    let (user, group) = (theirs.user("victim").await, theirs.group("Secret").await);
    for path in [format!("/Users/{user}"), format!("/Groups/{group}")] {
        ours.get(&path).await.refused(404, None);
        ours.delete(&path).await.refused(404, None);
        ours.patch(
            &path,
            serde_json::json!([{ "op": "replace", "path": "displayName", "value": "x" }]),
        )
        .await
        .refused(404, None);
    }
    assert_eq!(
        ours.filter("/Users", "userName eq \"victim\"").await.expect(200)["totalResults"],
        0
    );
    let own = ours.group("Mine").await;
    let add = serde_json::json!([{ "op": "add", "path": "members", "value": [{ "value": user }] }]);
    let _ = ours.patch(&format!("/Groups/{own}"), add).await.expect(204);
    assert!(
        ours.get(&format!("/Groups/{own}"))
            .await
            .expect(200)
            .get("members")
            .is_none()
    );
    assert_eq!(
        theirs.get(&format!("/Users/{user}")).await.expect(200)["userName"],
        "victim"
    );
}

#[tokio::test]
async fn every_spelling_of_a_path_without_a_token_is_refused() {
    let client = Service::client().await;
    for path in [
        "/scim/acme/v2/Users",
        "/scim/acme/v2/%55sers",
        "/scim/acme/v2//Users",
        "/scim/acme/v2/./Users",
        "/scim/acme/v2/Users/",
        "/scim/acme/v2/users",
        "/scim/acme/v2/Users;x",
        "/scim//acme/v2/Users",
        "/scim/acme%2Fv2/Users",
        "/scim/acme/v2/Users%00",
        "/scim/acme/v2/Schemas",
        "/scim/acme/v2/ServiceProviderConfig",
    ] {
        let request = Request::get(path).body(Body::empty()).expect("request");
        let answer = client.raw(request).await;
        assert!(
            [400, 401, 404].contains(&answer.status.as_u16()),
            "{path}: {}",
            answer.status
        );
    }
}

#[tokio::test]
async fn a_wrong_method_names_the_right_ones() {
    let client = Service::client().await;
    let answer = client.put("/Users", serde_json::json!({})).await;
    let allow = answer.headers["allow"].to_str().expect("text").to_owned();
    answer.refused(405, None);
    assert!(allow.contains("GET") && allow.contains("POST"), "{allow}");
    client.get("/Nothing").await.refused(404, None);
}

#[tokio::test]
async fn discovery_shows_what_is_there_and_takes_no_filter() {
    let client = Service::client().await;
    let config = client.get("/ServiceProviderConfig").await.expect(200);
    assert_eq!(config["patch"]["supported"], true);
    assert_eq!(config["bulk"]["supported"], true);
    assert_eq!(config["sort"]["supported"], true);
    assert_eq!(config["pagination"]["cursor"], true);
    assert_eq!(config["pagination"]["defaultPaginationMethod"], "index");
    let types = client.get("/ResourceTypes").await.expect(200);
    assert_eq!(types["totalResults"], 4);
    assert_eq!(
        client.get("/ResourceTypes/Group").await.expect(200)["endpoint"],
        "/Groups"
    );
    let schemas = client.get("/Schemas").await.expect(200);
    for schema in schemas["Resources"].as_array().expect("Resources") {
        let id = schema["id"].as_str().expect("id");
        assert_eq!(client.get(&format!("/Schemas/{id}")).await.expect(200), *schema);
    }
    client.get("/Schemas/urn:nope").await.refused(404, None);
    client.get("/Schemas?filter=id+pr").await.refused(403, None);
}
