//! Passwords that administrators, identity providers and links set, under the policy (S002-22..27, S004-28, X02-8).

use axum::http::Method;
use serde_json::{Value, json};

use crate::kit::house::{House, PASSWORD, POLICY, USERS};
use crate::kit::scim::Answer;

async fn plain() -> House {
    House::with(json!({})).await
}

fn ticks(answer: &Value) -> Vec<(&str, bool)> {
    let criteria = answer["criteria"].as_array().expect("a list").iter();
    criteria
        .map(|criterion| {
            let key = criterion["key"].as_str().expect("a key");
            (key, criterion["met"].as_bool().expect("yes or no"))
        })
        .collect()
}

#[tokio::test]
async fn the_policy_is_put_as_a_whole_and_shown_with_its_criteria_in_words() {
    let house = plain().await;
    let shown = house.acme.get(POLICY).await.expect(200);
    assert_eq!((&shown["min_length"], &shown["mfa"]), (&json!(8), &json!("off")));
    let put = json!({ "min_length": 6, "digit": true, "history": 2 });
    let shown = house.acme.put(POLICY, put).await.expect(200);
    let texts: Vec<&str> = shown["criteria"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|criterion| criterion["text"].as_str().expect("a text"))
        .collect();
    assert_eq!(
        texts,
        [
            "have at least 6 characters",
            "have at most 1024 bytes",
            "have a digit",
            "not be one of the last 2 passwords"
        ]
    );
    let refused = house.acme.put(POLICY, json!({ "min_length": 0 })).await.expect(400);
    assert!(
        refused["detail"]
            .as_str()
            .is_some_and(|said| said.contains("min_length"))
    );
    house.acme.put(POLICY, json!({ "min_lenght": 9 })).await.expect(422);
    assert_eq!(house.acme.get(POLICY).await.expect(200)["min_length"], 6);
    assert!(house.events().await.contains(&"organisation.updated".to_owned()));
}

#[tokio::test]
async fn a_file_declares_the_policy_and_what_is_wrong_in_it_has_a_line() {
    let house = plain().await;
    let file = "[organisation]\nslug = \"acme\"\n[organisation.password_policy]\nmin_length = 6\nmfa = \
                \"administrators\"\nlock_out = { attempts = 3 }\n";
    let applied = house.acme.apply("acme", file).await.expect(200);
    assert!(applied.to_string().contains("password_policy"), "{applied:#}");
    let shown = house.acme.get(POLICY).await.expect(200);
    assert_eq!(
        (&shown["min_length"], &shown["mfa"], &shown["lock_out"]["attempts"]),
        (&json!(6), &json!("administrators"), &json!(3))
    );
    let again = house.acme.apply("acme", file).await.expect(200);
    assert!(again.to_string().contains("unchanged"), "{again:#}");
    let wrong = file.replace("min_length = 6", "min_length = 6000");
    let refused = house.acme.apply("acme", &wrong).await.expect(422);
    assert!(
        refused["errors"][0]["reason"]
            .as_str()
            .is_some_and(|said| said.contains("min_length"))
    );
}

#[tokio::test]
async fn a_password_of_five_characters_is_refused_naming_the_rule() {
    // Story 3: mia has no e-mail address.
    let house = House::with(json!({ "min_length": 6 })).await;
    let mia = json!({ "user_name": "mia", "attributes": { "displayName": "Mia" }, "password": "five5" });
    let refused = house.acme.post(USERS, mia.clone()).await.expect(400);
    assert_eq!(refused["attribute"], "password");
    assert_eq!(refused["detail"], "password: must have at least 6 characters");
    house.acme.get(&format!("{USERS}/mia")).await.expect(404);
    house.person("mia").await;
    let refused = house.set_password("mia", "five5").await.expect(400);
    assert_eq!(refused["detail"], "password: must have at least 6 characters");
    assert_eq!(house.user("mia").await["state"], "prepared");
    house.verify().await;
}

#[tokio::test]
async fn an_administrator_sets_a_password_and_a_prepared_person_is_enrolled() {
    let house = plain().await;
    house.person("mia").await;
    let set = json!({ "password": PASSWORD });
    let after = house.acme.post(&format!("{USERS}/mia/password"), set).await.expect(200);
    assert_eq!(after["state"], "enrolled");
    let known = house.credential("mia").await;
    assert_eq!(
        (&known["must_change"], &known["has_password"], &known["version"]),
        (&json!(true), &json!(true), &json!(1))
    );
    let shown = format!("{}{}", known, house.user("mia").await);
    assert!(!shown.contains("argon2") && !shown.contains("hash"), "{shown}");
    house.set_password("mia", "another good one").await.expect(200);
    assert_eq!(
        house.credential("mia").await["version"],
        2,
        "a login code of before is worth nothing (X02-7)"
    );
    house.verify().await;
}

#[tokio::test]
async fn a_person_is_made_with_a_first_password() {
    let house = House::with(json!({ "change_after_set": false })).await;
    let mia = json!({ "user_name": "mia", "password": PASSWORD });
    assert_eq!(house.acme.post(USERS, mia).await.expect(201)["state"], "enrolled");
    house.sign_in("mia", PASSWORD).await.expect(201);
    house.verify().await;
}

#[tokio::test]
async fn criteria_are_ticked_off_one_by_one() {
    let house = House::with(json!({ "digit": true, "not_user_name": true, "history": 1 })).await;
    house.enrolled("mia").await;
    let check = async |password: &str| {
        let body = json!({ "password": password, "user": "mia" });
        house.acme.post(&format!("{POLICY}/check"), body).await.expect(200)
    };
    let answer = check("mia").await;
    assert_eq!(
        ticks(&answer),
        [
            ("length", false),
            ("bytes", true),
            ("digit", false),
            ("not_user_name", false),
            ("history", false)
        ]
    );
    assert_eq!(answer["met"], false);
    let answer = check(PASSWORD).await;
    assert_eq!(ticks(&answer).last(), Some(&("history", false)));
    assert_eq!(check("some other one 8").await["met"], true);
}

#[tokio::test]
async fn earlier_passwords_are_not_taken_again_until_they_are_forgotten() {
    let house = House::with(json!({ "history": 2 })).await;
    house.enrolled("mia").await;
    let refused = house.set_password("mia", PASSWORD).await.expect(400);
    assert_eq!(refused["detail"], "password: must not be one of the last 2 passwords");
    house.set_password("mia", "second password").await.expect(200);
    house.set_password("mia", PASSWORD).await.expect(400);
    house.set_password("mia", "third password").await.expect(200);
    house.set_password("mia", PASSWORD).await.expect(200);
    house.verify().await;
}

#[tokio::test]
async fn an_identity_provider_is_held_to_the_policy_too() {
    let house = House::with(json!({ "digit": true, "history": 2 })).await;
    let file = "[organisation]\nslug = \"acme\"\n[[connections]]\nname = \"entra\"\nkind = \"scim\"\n";
    house.acme.apply("acme", file).await.expect(200);
    let client = house.acme.connection("acme", "entra").await;
    let user = |password: &str| {
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "userName": "mia", "externalId": "m1", "password": password,
        })
    };
    let refused = client.post("/scim/acme/v2/Users", user("no-digit-here")).await;
    let said = refused.refused(400, Some("invalidValue"));
    assert_eq!(said, "password: must have a digit");
    let id = client.post("/scim/acme/v2/Users", user("digit-number-1")).await.id();
    let path = format!("/scim/acme/v2/Users/{id}");
    let patch = |password: &str| {
        json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{ "op": "replace", "path": "password", "value": password }],
        })
    };
    let send = async |method: Method, body: Value| -> Answer { client.send(method, &path, Some(body)).await };
    let said = send(Method::PATCH, patch("digit-number-1"))
        .await
        .refused(400, Some("invalidValue"));
    assert_eq!(said, "password: must not be one of the last 2 passwords");
    send(Method::PUT, user("short1"))
        .await
        .refused(400, Some("invalidValue"));
    assert!(send(Method::PATCH, patch("digit-number-2")).await.status.is_success());
    house.sign_in("mia", "digit-number-1").await.expect(401);
    let session = house.session(house.sign_in("mia", "digit-number-2").await);
    assert_eq!(session.get("/api/v1/session").await.expect(200)["duties"], json!([]));
    house.verify().await;
}

#[tokio::test]
async fn a_link_sets_a_forgotten_password_once_before_its_end() {
    let house = House::with(json!({ "reset_hours": 2 })).await;
    house.enrolled("mia").await;
    let reset = async |secret: &str, password: &str| {
        let body = json!({ "secret": secret, "password": password });
        house.inside.caller("").post("/api/v1/password/reset", body).await
    };
    let link = async || {
        let made = house.acme.post(&format!("{USERS}/mia/reset-link"), json!(null)).await;
        made.expect(201)["secret"].as_str().expect("a secret").to_owned()
    };
    let (first, second) = (link().await, link().await);
    reset(&first, "a new password").await.expect(403);
    let refused = reset(&second, "short").await.expect(400);
    assert_eq!(refused["attribute"], "password");
    let body = json!({ "secret": second, "password": "short" });
    let criteria = house
        .inside
        .caller("")
        .post("/api/v1/password/criteria", body)
        .await
        .expect(200);
    assert_eq!(ticks(&criteria)[0], ("length", false));
    reset(&second, "a new password").await.expect(200);
    reset(&second, "another password").await.expect(403);
    house.sign_in("mia", PASSWORD).await.expect(401);
    house.sign_in("mia", "a new password").await.expect(201);
    let late = link().await;
    house.clock.pass(2 * 3600);
    reset(&late, "another password").await.expect(403);
    reset("ushr_nonsense", "another password").await.expect(403);
    house.person("noa").await;
    house
        .acme
        .post(&format!("{USERS}/noa/reset-link"), json!(null))
        .await
        .expect(400);
    assert!(house.events().await.contains(&"password.reset_requested".to_owned()));
    house.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_uses_of_one_link_never_both_win() {
    let house = plain().await;
    house.enrolled("mia").await;
    for round in 0..8 {
        let made = house.acme.post(&format!("{USERS}/mia/reset-link"), json!(null)).await;
        let secret = made.expect(201)["secret"].as_str().expect("a secret").to_owned();
        let uses: Vec<_> = (0..3)
            .map(|number| {
                let (anyone, secret) = (house.inside.caller(""), secret.clone());
                let password = format!("password {round} of {number}");
                let body = json!({ "secret": secret, "password": password });
                tokio::spawn(async move { anyone.post("/api/v1/password/reset", body).await.status.as_u16() })
            })
            .collect();
        let mut statuses = Vec::new();
        for used in uses {
            statuses.push(used.await.expect("an answer"));
        }
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 403, 403]);
    }
    assert_eq!(house.credential("mia").await["version"], 9);
}

#[tokio::test]
async fn the_impact_of_a_policy_counts_people_and_says_what_nobody_can_tell() {
    let house = plain().await;
    house.enrolled("old").await;
    house.clock.pass(40 * 86_400);
    house.enrolled("new").await;
    house.person("none").await;
    let impact = async |query: &str| house.acme.get(&format!("{POLICY}/impact?{query}")).await.expect(200);
    let now = impact("").await;
    assert_eq!((&now["people"], &now["without_password"]), (&json!(3), &json!(1)));
    assert_eq!((&now["meets"], &now["unknown"]), (&json!(2), &json!(0)));
    let stricter = impact("min_length=12&max_age_days=30&mfa=all").await;
    assert_eq!((&stricter["meets"], &stricter["unknown"]), (&json!(0), &json!(2)));
    assert_eq!((&stricter["too_old"], &stricter["must_change"]), (&json!(1), &json!(1)));
    assert_eq!(stricter["without_second_factor"], 2);
    assert_eq!(impact("mfa=administrators").await["without_second_factor"], 0);
    house
        .acme
        .get(&format!("{POLICY}/impact?min_length=0"))
        .await
        .expect(400);
    house.acme.get(&format!("{POLICY}/impact?colour=red")).await.expect(400);
}

#[tokio::test]
async fn nothing_of_a_deleted_person_is_left() {
    let house = plain().await;
    house.enrolled("mia").await;
    let session = house.session(house.sign_in("mia", PASSWORD).await);
    let link = house
        .acme
        .post(&format!("{USERS}/mia/reset-link"), json!(null))
        .await
        .expect(201);
    house.acme.delete(&format!("{USERS}/mia")).await.expect(204);
    session.get("/api/v1/session").await.expect(401);
    let body = json!({ "secret": link["secret"], "password": "a new password" });
    house
        .inside
        .caller("")
        .post("/api/v1/password/reset", body)
        .await
        .expect(403);
    house.sign_in("mia", PASSWORD).await.expect(401);
    house.verify().await;
}

#[tokio::test]
async fn who_has_forgotten_a_password_is_mailed_a_link_and_nobody_learns_who_exists() {
    let house = plain().await;
    let mia = json!({
        "user_name": "mia", "password": PASSWORD,
        "attributes": { "emails": [{ "value": "mia@acme.example", "primary": true }] },
    });
    house.acme.post(USERS, mia).await.expect(201);
    house.enrolled("noa").await;
    let forgot = async |organisation: &str, login: &str| {
        let body = json!({ "organisation": organisation, "login": login });
        let answer = house.inside.caller("").post("/api/v1/password/forgot", body).await;
        (answer.status.as_u16(), answer.body)
    };
    let mails = async || {
        let outbox = house.acme.get("/api/v1/organisations/acme/outbox").await.expect(200);
        outbox["items"].as_array().expect("a list").len()
    };
    let first = forgot("acme", "mia").await;
    assert_eq!(first.0, 202);
    for (organisation, login) in [("acme", "noa"), ("acme", "nobody"), ("nowhere", "mia"), ("acme", "mia")] {
        assert_eq!(forgot(organisation, login).await, first, "{organisation} {login}");
    }
    assert_eq!(mails().await, 1, "nobody fills another's mailbox");
    house.clock.pass(600);
    forgot("acme", "MIA").await;
    assert_eq!(mails().await, 2);
    house.verify().await;
}
