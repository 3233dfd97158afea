//! The page behind an invitation's link, as a browser without JavaScript sees it.

use reqwest::{Method, Response};
use serde_json::json;
use usher::config::Config;
use usher::directory::Permit;
use usher::directory::invitation::InviteUser;
use usher::directory::user::administer::UpdateUser;
use usher::model::connection::Onboarding;
use usher::model::id::UserId;
use usher::model::invitation::{Channel, InvitationState};

use crate::kit::served::Served;

struct House {
    served: Served,
    permit: Permit,
    user: UserId,
}

impl House {
    async fn new() -> Self {
        Self::with(Config::default()).await
    }

    async fn with(config: Config) -> Self {
        let served = Served::with(config).await;
        let permit = served.organisation("acme").await;
        served
            .connect(&permit, "entra", |connection| {
                connection.onboarding = Onboarding::Prepared
            })
            .await;
        let token = served.lasting(&permit, "entra").await.text;
        let person = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "userName": "ada",
            "displayName": "<script>alert('Ada')</script>",
            "emails": [{ "value": "ada@acme.example" }],
        });
        let made = served
            .http
            .post(format!("{}/scim/acme/v2/Users", served.url))
            .bearer_auth(token)
            .header("content-type", "application/scim+json")
            .body(person.to_string())
            .send()
            .await
            .expect("an answer");
        let made: serde_json::Value = made.json().await.expect("JSON");
        let user = made["id"].as_str().expect("an id").parse().expect("an id");
        Self { served, permit, user }
    }

    async fn invite(&self) -> String {
        let invite = InviteUser {
            user: self.user,
            channel: Some(Channel::Link),
        };
        let issued = self.served.directory.run(&self.permit, &invite).await;
        issued.expect("an invitation").secret
    }

    async fn settings(&self) -> std::sync::Arc<usher::directory::settings::OrganisationSettings> {
        let organisation = self.permit.organisation();
        let settings = self.served.directory.load_organisation(organisation).await;
        settings.expect("an organisation")
    }

    fn link(&self, secret: &str) -> String {
        format!("{}/invitations/{secret}", self.served.url)
    }

    async fn get(&self, secret: &str) -> Response {
        self.served.http.get(self.link(secret)).send().await.expect("a page")
    }

    async fn choose(&self, secret: &str, password: &str, repeated: &str) -> (u16, String) {
        let form = [("password", password), ("repeated", repeated)];
        let answer = self
            .served
            .http
            .post(self.link(secret))
            .form(&form)
            .send()
            .await
            .expect("a page");
        (answer.status().as_u16(), answer.text().await.expect("HTML"))
    }

    async fn states(&self) -> Vec<InvitationState> {
        let found = self
            .served
            .directory
            .browse_invitations(self.permit.organisation(), None, None, 10)
            .await
            .expect("invitations");
        found.into_iter().map(|(invitation, _)| invitation.state).collect()
    }
}

#[tokio::test]
async fn looking_does_not_use_an_invitation_up() {
    let house = House::new().await;
    let secret = house.invite().await;
    let head = house
        .served
        .http
        .request(Method::HEAD, house.link(&secret))
        .send()
        .await;
    assert_eq!(head.expect("an answer").status(), 200);
    assert_eq!(house.states().await, [InvitationState::Sent], "HEAD opens nothing");
    for _ in 0..3 {
        assert_eq!(house.get(&secret).await.status(), 200);
    }
    assert_eq!(house.states().await, [InvitationState::Opened]);
    assert_eq!(house.choose(&secret, "correct horse", "correct horse").await.0, 200);
    assert_eq!(house.states().await, [InvitationState::Accepted]);
}

#[tokio::test]
async fn the_page_keeps_its_address_and_its_content_to_itself() {
    let house = House::new().await;
    let secret = house.invite().await;
    for address in [secret.as_str(), "never-made"] {
        let page = house.get(address).await;
        let header = |name: &str| page.headers()[name].to_str().expect("text").to_owned();
        assert_eq!(header("referrer-policy"), "no-referrer");
        assert_eq!(header("cache-control"), "no-store");
        assert_eq!(header("x-content-type-options"), "nosniff");
        let policy = header("content-security-policy");
        for wanted in ["default-src 'none'", "form-action 'self'", "frame-ancestors 'none'"] {
            assert!(policy.contains(wanted), "{policy}");
        }
    }
    let html = house.get(&secret).await.text().await.expect("HTML");
    assert!(html.contains("&lt;script&gt;alert("), "{html}");
    assert!(!html.contains("<script>alert"), "{html}");
    assert!(
        html.contains("have at least 8 characters"),
        "the criteria are shown: {html}"
    );
    assert!(!html.contains("(met)"), "nothing is judged yet: {html}");
    for asset in ["page.css", "page.js"] {
        let asset = house.get(&format!("assets/{asset}")).await;
        assert_eq!(asset.status(), 200);
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_password_is_said_on_the_same_page_and_spends_nothing() {
    let house = House::new().await;
    let secret = house.invite().await;
    let (status, html) = house.choose(&secret, "short", "short").await;
    assert_eq!(status, 422);
    assert!(
        html.contains("have at least 8 characters<span class=\"state\"> (not met)"),
        "{html}"
    );
    assert!(html.contains("(met)"), "the other criterion is met: {html}");
    assert!(
        !html.contains("value=\"short\""),
        "the password is not sent back: {html}"
    );
    let (status, html) = house.choose(&secret, "correct horse", "correct house").await;
    assert_eq!(status, 422);
    assert!(html.contains("not the same"), "{html}");
    let (status, html) = house.choose(&secret, "correct horse", "correct horse").await;
    assert_eq!(status, 200);
    assert!(
        html.contains("Welcome to acme") && html.contains("<strong>ada</strong>"),
        "{html}"
    );
}

#[tokio::test]
async fn a_secret_that_opens_nothing_gets_one_page_whatever_the_reason() {
    let house = House::new().await;
    let replaced = house.invite().await;
    let expired = house.invite().await;
    house.served.pass(8 * 24 * 3600);
    let expired_page = house.get(&expired).await.text().await.expect("HTML");
    let used = house.invite().await;
    assert_eq!(house.choose(&used, "correct horse", "correct horse").await.0, 200);
    for secret in [replaced.as_str(), expired.as_str(), used.as_str(), "never-made"] {
        let page = house.get(secret).await;
        assert_eq!(page.status(), 404);
        assert_eq!(page.text().await.expect("HTML"), expired_page);
        let (status, html) = house.choose(secret, "correct horse", "correct horse").await;
        assert_eq!((status, html.as_str()), (404, expired_page.as_str()));
    }
    assert!(
        expired_page.contains("ask the person who invited you"),
        "{expired_page}"
    );
}

#[tokio::test]
async fn an_address_that_asks_too_often_is_told_to_wait() {
    let mut config = Config::default();
    config.server.page_requests_per_minute = 3;
    let house = House::with(config).await;
    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(house.get("never-made").await.status().as_u16());
    }
    assert_eq!(statuses, [404, 404, 404, 429, 429]);
    let waits = house.get("never-made").await;
    assert!(waits.headers().contains_key("retry-after"));
    assert!(waits.text().await.expect("HTML").contains("Too many requests"));
}

#[tokio::test]
async fn the_page_speaks_the_persons_language_or_the_browsers() {
    let house = House::new().await;
    let secret = house.invite().await;
    let page = async |secret: &str, accept: &str| {
        let asked = house
            .served
            .http
            .get(house.link(secret))
            .header("accept-language", accept);
        let answer = asked.send().await.expect("a page");
        let language = answer.headers()["content-language"].to_str().expect("a tag").to_owned();
        (language, answer.text().await.expect("HTML"))
    };
    for (accept, language, said) in [
        ("nl-BE, en;q=0.5", "nl", "Het wachtwoord moet"),
        ("fr, de;q=0.3", "de", "mindestens 8 Zeichen haben"),
        ("fr", "en", "have at least 8 characters"),
    ] {
        let (told, html) = page(&secret, accept).await;
        assert_eq!(told, language);
        assert!(
            html.contains(&format!("<html lang=\"{language}\">")) && html.contains(said),
            "{html}"
        );
        assert!(!html.contains("{}"), "{html}");
    }
    let (_, closed) = page("never-made", "de").await;
    assert!(
        closed.contains("Diese Einladung kann nicht verwendet werden"),
        "{closed}"
    );
    let form = [("password", "correct horse"), ("repeated", "other horse")];
    let wrong = house
        .served
        .http
        .post(house.link(&secret))
        .header("accept-language", "nl")
        .form(&form);
    let wrong = wrong.send().await.expect("a page").text().await.expect("HTML");
    assert!(wrong.contains("De twee wachtwoorden zijn niet gelijk."), "{wrong}");
    let patch = json!({ "attributes": { "preferredLanguage": "de-AT" } });
    let update = UpdateUser {
        schemas: &house.settings().await.schemas.users,
        user: house.user,
        patch: patch.as_object().expect("an object"),
    };
    house
        .served
        .directory
        .run(&house.permit, &update)
        .await
        .expect("a change");
    assert_eq!(
        page(&secret, "nl").await.0,
        "de",
        "what the person says counts more than the browser"
    );
}
