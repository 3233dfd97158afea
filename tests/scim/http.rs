//! HTTP details: HEAD, methods, media types, `/Me`.

use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::json;
use tower::ServiceExt as _;
use usher::config::Config;

use crate::kit::scim::{Service, USER};

#[tokio::test]
async fn head_answers_as_get_without_a_body() {
    let client = Service::client().await;
    let user = client.user("ada").await;
    let address = format!("/Users/{user}");
    let group = format!("/Groups/{}", client.group("crew").await);
    for path in [
        "",
        "/",
        "/Users",
        address.as_str(),
        "/Users/nobody",
        "/Groups",
        group.as_str(),
        "/ServiceProviderConfig",
        "/ResourceTypes",
        "/ResourceTypes/User",
        "/Roles",
        "/Roles/nothing",
        "/Licences",
        "/Licences/nothing",
        "/Schemas",
        "/Schemas/urn:ietf:params:scim:schemas:core:2.0:User",
        "/Me",
    ] {
        let get = client.get(path).await;
        let head = client.send(Method::HEAD, path, None, &[]).await;
        assert_eq!(head.status, get.status, "{path}");
        assert_eq!(
            head.headers.get("content-type"),
            get.headers.get("content-type"),
            "{path}"
        );
        assert_eq!(head.headers.get("etag"), get.headers.get("etag"), "{path}");
        assert!(head.body.is_null(), "{path}");
    }
    let shown = client.get(&address).await;
    assert_eq!(
        shown.headers["content-location"],
        format!("https://usher.example/scim/acme/v2{address}")
    );
}

#[tokio::test]
async fn a_method_that_an_endpoint_does_not_have_is_refused_with_those_that_it_has() {
    let client = Service::client().await;
    for (method, path, allowed) in [
        (Method::DELETE, "/Users", "GET,HEAD,POST"),
        (Method::POST, "/Users/x", "DELETE,GET,HEAD,PATCH,PUT"),
        (Method::GET, "/Users/.search", "POST"),
        (Method::GET, "/.search", "POST"),
        (Method::GET, "/Bulk", "POST"),
        (Method::POST, "/Roles", "GET,HEAD"),
        (Method::DELETE, "/Licences/pro", "GET,HEAD"),
        (Method::PUT, "/Schemas", "GET,HEAD"),
        (Method::PATCH, "/ServiceProviderConfig", "GET,HEAD"),
    ] {
        let answer = client.send(method.clone(), path, None, &[]).await;
        let mut allow: Vec<&str> = answer.headers["allow"].to_str().expect("text").split(',').collect();
        allow.sort_unstable();
        assert_eq!(allow.join(","), allowed, "{method} {path}");
        answer.refused(405, None);
    }
}

#[tokio::test]
async fn an_answer_that_the_client_does_not_take_is_refused() {
    let client = Service::client().await;
    for accept in ["text/html", "application/xml, text/*", "application/scim+json;q=0"] {
        client
            .send(Method::GET, "/Users", None, &[("accept", accept)])
            .await
            .refused(406, None);
    }
    for (accept, answered) in [
        ("", "application/scim+json"),
        ("*/*", "application/scim+json"),
        ("application/json", "application/json"),
        ("text/html, */*;q=0.1", "application/scim+json"),
        ("Application/SCIM+JSON; charset=utf-8", "application/scim+json"),
    ] {
        let answer = client.send(Method::GET, "/Users", None, &[("accept", accept)]).await;
        assert_eq!(answer.headers["content-type"], answered, "{accept}");
        let _ = answer.expect(200);
    }
}

#[tokio::test]
async fn nobody_is_me() {
    let client = Service::client().await;
    for method in [Method::GET, Method::PUT, Method::PATCH, Method::DELETE, Method::POST] {
        client.send(method, "/Me", None, &[]).await.refused(501, None);
    }
}

#[tokio::test]
async fn the_other_doors_of_the_gateway_answer_other_media_types() {
    let service = Service::new();
    let app = usher::server::app::router(&service.directory, &Config::default(), "https://usher.example");
    let request = Request::get("/healthz").header("accept", "text/plain");
    let answer = app.oneshot(request.body(Body::empty()).expect("a request")).await;
    assert_eq!(answer.expect("an answer").status(), 200);
}

#[tokio::test]
async fn every_answer_that_shows_a_resource_says_its_address() {
    let client = Service::client().await;
    let body = json!({ "schemas": [USER], "userName": "ada" });
    let created = client.post("/Users", body.clone()).await;
    let id = created.body["id"].as_str().expect("an id").to_owned();
    let path = format!("/Users/{id}");
    let rename = json!([{ "op": "replace", "path": "title", "value": "x" }]);
    let answers = [
        created,
        client.get(&path).await,
        client.get(&format!("{path}?attributes=userName")).await,
        client.put(&path, body).await,
        client.patch(&path, rename).await,
    ];
    for answer in answers {
        let location = format!("https://usher.example/scim/acme/v2{path}");
        assert_eq!(answer.headers["location"], location.as_str());
        assert_eq!(answer.headers["content-location"], location.as_str());
        assert!(answer.headers.contains_key("etag"));
    }
    for path in [
        "/ServiceProviderConfig",
        "/ResourceTypes/User",
        "/Schemas/urn:ietf:params:scim:schemas:core:2.0:User",
    ] {
        let answer = client.get(path).await;
        assert_eq!(
            answer.body["meta"]["location"],
            answer.headers["content-location"].to_str().expect("text")
        );
    }
}

#[tokio::test]
async fn a_change_may_depend_on_the_version_in_every_way_of_http() {
    let client = Service::client().await;
    let user = format!("/Users/{}", client.user("ada").await);
    let group = format!("/Groups/{}", client.group("crew").await);
    for path in [&user, &group] {
        let shown = client.get(path).await;
        let tag = shown.headers["etag"].to_str().expect("text").to_owned();
        let strong = tag.trim_start_matches("W/").to_owned();
        let list = format!("\"x\", {tag} , \"y\"");
        for (name, value, status) in [
            ("if-none-match", tag.as_str(), 304),
            ("if-none-match", strong.as_str(), 304),
            ("if-none-match", "*", 304),
            ("if-none-match", list.as_str(), 304),
            ("if-none-match", "W/\"999\"", 200),
        ] {
            let answer = client.send(Method::GET, path, None, &[(name, value)]).await;
            assert_eq!(answer.status, status, "{path} {name}: {value}");
            assert_eq!(answer.headers["etag"], tag.as_str());
            assert!(answer.headers.contains_key("content-location"));
        }
        for (name, value, is_refused) in [
            ("if-match", "W/\"999\"", true),
            ("if-match", "", true),
            ("if-none-match", tag.as_str(), true),
            ("if-none-match", "*", true),
            ("if-none-match", "W/\"999\"", false),
            ("if-match", "*", false),
            ("if-match", tag.as_str(), false),
            ("if-match", strong.as_str(), false),
            ("if-match", list.as_str(), false),
        ] {
            // Sends back what was shown: nothing changes, and the version stays.
            let answer = client
                .send(Method::PUT, path, Some(shown.body.clone()), &[(name, value)])
                .await;
            if is_refused {
                answer.refused(412, None);
                client
                    .send(Method::DELETE, path, None, &[(name, value)])
                    .await
                    .refused(412, None);
            } else {
                let _ = answer.expect(200);
            }
        }
    }
}

#[tokio::test]
async fn a_body_that_is_not_scim_is_refused_wherever_one_is_taken() {
    let client = Service::client().await;
    let path = format!("/Users/{}", client.user("ada").await);
    for (method, path) in [
        (Method::POST, "/Users"),
        (Method::PUT, path.as_str()),
        (Method::PATCH, path.as_str()),
        (Method::POST, "/.search"),
        (Method::POST, "/Bulk"),
    ] {
        for (name, value) in [
            ("content-type", "text/plain"),
            ("content-type", "application/x-www-form-urlencoded"),
            ("content-type", "application/json-patch+json"),
            ("content-encoding", "gzip"),
        ] {
            let request = Request::builder()
                .method(method.clone())
                .uri(format!("/scim/acme/v2{path}"))
                .header("authorization", format!("Bearer {}", client.token))
                .header(name, value);
            let answer = client.raw(request.body(Body::from("{}")).expect("a request")).await;
            answer.refused(415, None);
        }
    }
}

#[tokio::test]
async fn every_endpoint_says_what_it_does_not_do_in_scims_form() {
    let client = Service::client().await;
    for path in ["", "/"] {
        let answer = client.send(Method::PUT, path, None, &[]).await;
        assert!(answer.headers.contains_key("allow"), "{path}");
        answer.refused(405, None);
    }
    for path in [
        "/Nothing",
        "/Users/a/b",
        "/Schemas/x",
        "/ResourceTypes/x",
        "/Roles/x",
        "/Users/x",
        "/.search/x",
    ] {
        client.get(path).await.refused(404, None);
    }
}
