//! Sessions: how long they last, what ends them, and what they open while something must be done first.

use serde_json::json;

use crate::kit::house::{House, PASSWORD, POLICY, USERS};

const SESSION: &str = "/api/v1/session";

#[tokio::test]
async fn a_session_ends_when_it_is_not_used_and_at_its_end_in_any_case() {
    let house = House::with(json!({ "session": { "idle_minutes": 10, "lifetime_hours": 1 } })).await;
    house.enrolled("mia").await;
    let used = house.session(house.sign_in("mia", PASSWORD).await);
    let left = house.session(house.sign_in("mia", PASSWORD).await);
    for _ in 0..6 {
        house.clock.pass(9 * 60);
        used.get(SESSION).await.expect(200);
    }
    left.get(SESSION).await.expect(401);
    let listed = house.acme.get(&format!("{USERS}/mia/sessions")).await.expect(200);
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(1));
    house.clock.pass(6 * 60);
    used.get(SESSION).await.expect(401);
    house.verify().await;
}

#[tokio::test]
async fn whoever_signs_out_or_is_signed_out_is_out() {
    let house = House::with(json!({})).await;
    house.enrolled("mia").await;
    let first = house.session(house.sign_in("mia", PASSWORD).await);
    let second = house.session(house.sign_in("mia", PASSWORD).await);
    let third = house.session(house.sign_in("mia", PASSWORD).await);
    first.post("/api/v1/sign-out", json!(null)).await.expect(204);
    first.get(SESSION).await.expect(401);
    let listed = second.get("/api/v1/sessions").await.expect(200);
    let items = listed["items"].as_array().expect("a list");
    assert_eq!(items.len(), 2);
    let own = second.get(SESSION).await.expect(200)["id"].clone();
    let other = items.iter().find(|item| item["id"] != own).expect("the third");
    let other = other["id"].as_str().expect("an id");
    second.delete(&format!("/api/v1/sessions/{other}")).await.expect(204);
    second.delete(&format!("/api/v1/sessions/{other}")).await.expect(404);
    third.get(SESSION).await.expect(401);
    let ended = house.acme.delete(&format!("{USERS}/mia/sessions")).await.expect(200);
    assert_eq!(ended, json!({ "ended": 1 }));
    second.get(SESSION).await.expect(401);
    house.verify().await;
}

#[tokio::test]
async fn a_block_and_a_new_password_end_every_session() {
    let house = House::with(json!({})).await;
    house.enrolled("mia").await;
    let session = house.session(house.sign_in("mia", PASSWORD).await);
    house
        .acme
        .post(&format!("{USERS}/mia/suspend"), json!(null))
        .await
        .expect(200);
    session.get(SESSION).await.expect(401);
    house
        .acme
        .post(&format!("{USERS}/mia/reactivate"), json!(null))
        .await
        .expect(200);
    let session = house.session(house.sign_in("mia", PASSWORD).await);
    house.set_password("mia", "another password").await.expect(200);
    session.get(SESSION).await.expect(401);
    house.verify().await;
}

#[tokio::test]
async fn a_person_changes_the_password_for_the_present_one_and_stays_in() {
    let house = House::with(json!({ "lock_out": { "attempts": 2 } })).await;
    house.enrolled("mia").await;
    let here = house.session(house.sign_in("mia", PASSWORD).await);
    let elsewhere = house.session(house.sign_in("mia", PASSWORD).await);
    let change = async |current: &str, password: &str| {
        let body = json!({ "current": current, "password": password });
        here.post("/api/v1/session/password", body).await
    };
    assert_eq!(
        change("wrong", "a new password").await.expect(400)["attribute"],
        "current"
    );
    assert_eq!(change(PASSWORD, "short").await.expect(400)["attribute"], "password");
    change(PASSWORD, "a new password").await.expect(204);
    here.get(SESSION).await.expect(200);
    elsewhere.get(SESSION).await.expect(401);
    house.sign_in("mia", "a new password").await.expect(201);
    // A stolen session is no way to guess the password without end.
    change("wrong", "yet another one").await.expect(400);
    change("wrong", "yet another one").await.expect(400);
    change("a new password", "yet another one").await.expect(400);
    house.sign_in("mia", "a new password").await.expect(401);
    house.verify().await;
}

#[tokio::test]
async fn a_password_that_must_be_changed_opens_nothing_else() {
    let house = House::with(json!({})).await;
    house.person("mia").await;
    let set = json!({ "password": PASSWORD, "must_change": true });
    house.acme.post(&format!("{USERS}/mia/password"), set).await.expect(200);
    let signed_in = house.sign_in("mia", PASSWORD).await;
    assert_eq!(signed_in.body["duties"], json!(["change_password"]));
    let session = house.session(signed_in);
    assert_eq!(
        session.get(SESSION).await.expect(200)["duties"],
        json!(["change_password"])
    );
    for path in ["/api/v1/sessions", "/api/v1/organisations/acme/users"] {
        session.get(path).await.expect(403);
    }
    session
        .post("/api/v1/session/second-factor", json!(null))
        .await
        .expect(403);
    let body = json!({ "password": "short" });
    let criteria = session
        .post("/api/v1/session/password/criteria", body)
        .await
        .expect(200);
    assert_eq!(criteria["met"], false);
    let body = json!({ "current": PASSWORD, "password": "a new password" });
    session.post("/api/v1/session/password", body).await.expect(204);
    session.get("/api/v1/sessions").await.expect(200);
    assert_eq!(house.credential("mia").await["must_change"], false);
}

#[tokio::test]
async fn a_password_that_is_too_old_must_be_changed_in_the_midst_of_a_session() {
    let house =
        House::with(json!({ "max_age_days": 30, "session": { "idle_minutes": 600, "lifetime_hours": 8000 } })).await;
    house.enrolled("mia").await;
    house.clock.pass(30 * 86_400 - 60);
    let session = house.session(house.sign_in("mia", PASSWORD).await);
    session.get("/api/v1/sessions").await.expect(200);
    house.clock.pass(120);
    session.get("/api/v1/sessions").await.expect(403);
    house.acme.put(POLICY, json!({ "max_age_days": 60 })).await.expect(200);
    session.get("/api/v1/sessions").await.expect(200);
}

#[tokio::test]
async fn a_session_opens_neither_another_organisation_nor_administration() {
    let house = House::with(json!({})).await;
    house.enrolled("mia").await;
    let session = house.session(house.sign_in("mia", PASSWORD).await);
    session.get(USERS).await.expect(403);
    session.get("/api/v1/organisations/other/users").await.expect(404);
    session.get("/api/v1/tokens").await.expect(403);
    session.get("/scim/acme/v2/Users").await.expect(403);
    let token = "ushs_AAAA_00000000";
    house.inside.caller(token).get(SESSION).await.expect(401);
    house.inside.caller(token).get(USERS).await.expect(401);
}

#[tokio::test]
async fn whoever_may_set_passwords_sets_neither_their_own_nor_an_administrators() {
    let house = House::with(json!({})).await;
    let file = "[organisation]\nslug = \"acme\"\n[[roles]]\nkey = \"desk\"\nname = \"Help desk\"\npermissions = \
                [\"user.password\"]\n[[roles]]\nkey = \"admin\"\nname = \"Admin\"\nadministers = true\n";
    house.acme.apply("acme", file).await.expect(200);
    for name in ["desk", "boss", "mia"] {
        house.enrolled(name).await;
    }
    let give = async |user: &str, role: &str| {
        let path = format!("{USERS}/{user}/roles/{role}");
        let given = house.acme.put(&path, json!({})).await;
        assert!(given.status.is_success(), "{:#}", given.body);
    };
    give("desk", "desk").await;
    give("boss", "admin").await;
    let desk = house.session(house.sign_in("desk", PASSWORD).await);
    let set = async |user: &str| {
        let body = json!({ "password": "a new password" });
        desk.post(&format!("{USERS}/{user}/password"), body)
            .await
            .status
            .as_u16()
    };
    assert_eq!(set("mia").await, 200);
    assert_eq!(set("boss").await, 403);
    assert_eq!(set("desk").await, 400, "the present password is asked for");
    desk.delete(&format!("{USERS}/mia/sessions")).await.expect(200);
    desk.put(POLICY, json!({})).await.expect(403);
}
