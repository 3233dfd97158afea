//! The second factor (RFC 6238): set up, asked for, used once, lost and taken away (S002-27).

use serde_json::{Value, json};
use totp_rs::Totp;

use crate::kit::gateway::Caller;
use crate::kit::house::{House, PASSWORD, POLICY, USERS};
use usher::model::clock::Clock as _;

const FACTOR: &str = "/api/v1/session/second-factor";

/// What the app of a person shows.
struct Device(Totp);

impl Device {
    /// The code of the present step, or one so many steps away.
    fn code(&self, house: &House, steps: i64) -> String {
        let now = house.clock.now().timestamp() + steps * 30;
        self.0.generate(u64::try_from(now).expect("a time")).to_string()
    }
}

/// Sets up a device, and answers it with the recovery codes.
async fn device(house: &House, session: &Caller) -> (Device, Vec<String>) {
    let given = session.post(FACTOR, json!(null)).await.expect(201);
    let url = given["url"].as_str().expect("a URL");
    assert!(
        url.starts_with("otpauth://totp/acme:") && url.contains("secret="),
        "{url}"
    );
    let device = Device(Totp::from_url(url).expect("a URL that apps read"));
    let code = device.code(house, 0);
    let confirm = format!("{FACTOR}/confirm");
    let confirmed = session.post(&confirm, json!({ "totp": code })).await.expect(200);
    let codes = confirmed["recovery_codes"].as_array().expect("a list").iter();
    let codes: Vec<String> = codes.map(|code| code.as_str().expect("a code").to_owned()).collect();
    assert_eq!(codes.len(), 10);
    (device, codes)
}

async fn mia() -> (House, Caller, Device, Vec<String>) {
    let house = House::with(json!({ "lock_out": { "attempts": 4 } })).await;
    house.enrolled("mia").await;
    let session = house.session(house.sign_in("mia", PASSWORD).await);
    let (device, codes) = device(&house, &session).await;
    (house, session, device, codes)
}

#[tokio::test]
async fn nothing_is_asked_for_before_a_code_has_confirmed_the_device() {
    let house = House::with(json!({})).await;
    house.enrolled("mia").await;
    let session = house.session(house.sign_in("mia", PASSWORD).await);
    session.post(FACTOR, json!(null)).await.expect(201);
    house.sign_in("mia", PASSWORD).await.expect(201);
    let confirm = format!("{FACTOR}/confirm");
    session.post(&confirm, json!({ "totp": "000000" })).await.expect(400);
    device(&house, &session).await;
    session.post(FACTOR, json!(null)).await.expect(400);
    let needed = house.sign_in("mia", PASSWORD).await.expect(403);
    assert_eq!(needed["type"], "urn:usher:problem:code-needed");
    let events = house.events().await;
    assert!(events.contains(&"second_factor.confirmed".to_owned()));
    house.verify().await;
}

#[tokio::test]
async fn a_code_opens_once_and_an_earlier_one_never_after_a_later_one() {
    let (house, _, device, _) = mia().await;
    let sign_in = async |code: String| house.sign_in_with("mia", PASSWORD, json!({ "totp": code })).await;
    // The code that confirmed the device is used up.
    sign_in(device.code(&house, 0)).await.expect(401);
    house.clock.pass(60);
    let code = device.code(&house, 0);
    sign_in(code.clone()).await.expect(201);
    sign_in(code).await.expect(401);
    // One step of skew to both sides, but never backwards.
    sign_in(device.code(&house, -1)).await.expect(401);
    sign_in(device.code(&house, 1)).await.expect(201);
    house.clock.pass(120);
    sign_in(device.code(&house, 2)).await.expect(401);
    sign_in(device.code(&house, -2)).await.expect(401);
    house.verify().await;
}

#[tokio::test]
async fn a_wrong_code_is_a_wrong_sign_in_and_locks_out_in_the_end() {
    let (house, _, device, _) = mia().await;
    house.clock.pass(60);
    let wrong = house.sign_in("mia", "wrong").await.expect(401);
    for known_password in [403, 403, 401] {
        let code = json!({ "totp": "000000" });
        let answer = house.sign_in_with("mia", PASSWORD, code).await.expect(401);
        assert_eq!(answer, wrong, "nobody learns that the password was right");
        // Who knows the password and shows no code forgives nothing; in the end nobody is let in.
        house.sign_in("mia", PASSWORD).await.expect(known_password);
    }
    let right = json!({ "totp": device.code(&house, 0) });
    house.sign_in_with("mia", PASSWORD, right).await.expect(401);
    house.clock.pass(61);
    let right = json!({ "totp": device.code(&house, 0) });
    house.sign_in_with("mia", PASSWORD, right).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_sign_ins_with_one_code_one_is_refused() {
    let (house, _, device, codes) = mia().await;
    for (round, recovery) in codes.iter().enumerate().take(6) {
        house.clock.pass(60);
        let shown = if round % 2 == 0 {
            json!({ "totp": device.code(&house, 0) })
        } else {
            json!({ "recovery_code": recovery })
        };
        let all: Vec<_> = (0..2)
            .map(|_| {
                let mut body = json!({ "organisation": "acme", "login": "mia", "password": PASSWORD });
                for (name, value) in shown.as_object().expect("an object") {
                    body[name] = value.clone();
                }
                let anyone = house.inside.caller("");
                tokio::spawn(async move { anyone.post("/api/v1/sign-in", body).await.status.as_u16() })
            })
            .collect();
        let mut statuses = Vec::new();
        for signed_in in all {
            statuses.push(signed_in.await.expect("an answer"));
        }
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 401], "round {round}");
    }
    house.verify().await;
}

#[tokio::test]
async fn a_recovery_code_opens_once_however_it_is_typed() {
    let (house, _, _, codes) = mia().await;
    let sign_in = async |code: &str| {
        let shown = json!({ "recovery_code": code });
        house.sign_in_with("mia", PASSWORD, shown).await
    };
    sign_in(&codes[0].to_uppercase().replace('-', " ")).await.expect(201);
    sign_in(&codes[0]).await.expect(401);
    sign_in(&codes[1]).await.expect(201);
    assert_eq!(house.credential("mia").await["recovery_codes_left"], 8);
}

#[tokio::test]
async fn new_recovery_codes_and_the_end_of_a_factor_need_a_code() {
    let (house, session, device, codes) = mia().await;
    house.clock.pass(60);
    let renew = format!("{FACTOR}/recovery-codes");
    session.post(&renew, json!({ "totp": "000000" })).await.expect(400);
    session.post(&renew, json!({})).await.expect(400);
    let code = json!({ "totp": device.code(&house, 0) });
    let renewed = session.post(&renew, code).await.expect(200);
    let old = json!({ "recovery_code": codes[0] });
    house.sign_in_with("mia", PASSWORD, old).await.expect(401);
    let remove = format!("{FACTOR}/remove");
    let new = json!({ "recovery_code": renewed["recovery_codes"][0] });
    house.acme.put(POLICY, json!({ "mfa": "all" })).await.expect(200);
    session.post(&remove, new.clone()).await.expect(400);
    house.acme.put(POLICY, json!({})).await.expect(200);
    session.post(&remove, new).await.expect(204);
    house.sign_in("mia", PASSWORD).await.expect(201);
    house.verify().await;
}

#[tokio::test]
async fn an_administrator_takes_the_factor_of_a_lost_device_away() {
    let (house, _, _, _) = mia().await;
    let path = format!("{USERS}/mia/second-factor");
    house.acme.delete(&path).await.expect(204);
    house.acme.delete(&path).await.expect(404);
    house.sign_in("mia", PASSWORD).await.expect(201);
    assert!(house.events().await.contains(&"second_factor.removed".to_owned()));
}

#[tokio::test]
async fn whoever_needs_a_factor_and_has_none_can_set_one_up_and_nothing_else() {
    let house = House::with(json!({ "mfa": "administrators" })).await;
    let file = "[organisation]\nslug = \"acme\"\n[[roles]]\nkey = \"boss\"\nname = \"Boss\"\nincludes = \
                [\"admin\"]\n[[roles]]\nkey = \"admin\"\nname = \"Admin\"\nadministers = true\n[[connections]]\nname = \
                \"entra\"\nkind = \"scim\"\nroles = [\"boss\"]\ngrantable_roles = [\"boss\", \"admin\"]\n";
    house.acme.apply("acme", file).await.expect(200);
    let client = house.acme.connection("acme", "entra").await;
    client.scim_user("acme", "mia").await;
    house.set_password("mia", PASSWORD).await.expect(200);
    house.enrolled("noa").await;
    assert_eq!(house.sign_in("noa", PASSWORD).await.expect(201)["duties"], json!([]));
    let signed_in = house.sign_in("mia", PASSWORD).await;
    assert_eq!(signed_in.body["duties"], json!(["set_up_second_factor"]));
    let session = house.session(signed_in);
    session.get("/api/v1/sessions").await.expect(403);
    session.get(USERS).await.expect(403);
    device(&house, &session).await;
    session.get("/api/v1/sessions").await.expect(200);
    let known: Value = house.credential("mia").await;
    assert_eq!(
        (&known["second_factor"], &known["second_factor_needed"]),
        (&json!(true), &json!(true))
    );
}

#[tokio::test]
async fn the_secret_lies_in_the_store_encrypted() {
    let (house, _, device, codes) = mia().await;
    let store = house.inside.directory.store();
    let all = usher::store::Scan::prefix(&usher::store::Key::new(&b"o"[..]), 1000);
    let secret = device.0.secret().to_base32();
    let mut seen = 0;
    for (_, stored) in store.scan(all).await.expect("a read") {
        let text = String::from_utf8_lossy(&stored.value).into_owned();
        assert!(!text.contains(&secret) && !text.contains(&codes[0]), "{text}");
        seen += usize::from(text.contains("sealed"));
    }
    assert_eq!(seen, 1);
}
