//! What each profile says is a rule: whatever it forbids is refused, with words that name it.

mod convirza;
mod lynes;
mod vsight;

use axum::http::Method;
use serde_json::{Value, json};
use usher::provision::profile::PROFILES;

use crate::kit::access::{ACME, Acme};

/// What every profile says something of, be it that its product's documents say nothing.
const SUBJECTS: [&str; 9] = [
    "groups",
    "roles",
    "group roles",
    "licences",
    "passwords",
    "login ids",
    "onboarding",
    "attributes",
    "resources",
];

/// An organisation of this profile with an identity provider that may give its people these roles.
pub(super) async fn profiled(profile: &str, grantable: &[&str]) -> Acme {
    let acme = Acme::new(&format!("profile = \"{profile}\"")).await;
    let file = format!(
        "[organisation]\nslug = \"acme\"\n[[connections]]\nname = \"entra\"\nkind = \"scim\"\ngrantable_roles = {grantable:?}\n"
    );
    acme.admin.apply("acme", &file).await.expect(200);
    acme
}

/// Asks for each of these in turn: method, path, body, and the status; of a refusal a part of its words as well.
async fn ask_all(acme: &Acme, asked: &[(Method, &str, Value, u16, &str)]) {
    for (method, path, body, status, words) in asked {
        let body = (!body.is_null()).then(|| body.clone());
        let answer = acme.admin.send(method.clone(), &format!("{ACME}{path}"), body).await;
        let told = answer.expect(*status);
        if *status >= 400 {
            let text = told.to_string();
            assert!(text.contains(words), "{method} {path}: {words:?} is not in {told:#}");
        }
    }
}

fn said<'a>(text: &'a str, subject: &str) -> Option<&'a str> {
    let start = format!("# {subject}:");
    let mut lines = text.lines().take_while(|line| line.starts_with('#'));
    lines.find_map(|line| line.strip_prefix(&start)).map(str::trim)
}

#[test]
fn every_profile_says_something_of_every_subject_at_its_head() {
    for profile in PROFILES {
        for subject in SUBJECTS {
            let words = said(profile.text, subject).unwrap_or_default();
            assert!(!words.is_empty(), "{} says nothing of {subject}", profile.name);
        }
    }
}

#[tokio::test]
async fn a_meeting_organisation_invites_whom_it_makes_and_has_groups_with_roles_of_their_own() {
    let acme = profiled("24sessions", &[]).await;
    let post = Method::POST;
    ask_all(
        &acme,
        &[
            // Onboarding: invited at once, or prepared when that is said.
            (
                post.clone(),
                "/users",
                json!({ "user_name": "ada", "roles": ["user", "operator"] }),
                201,
                "",
            ),
            (
                post.clone(),
                "/users",
                json!({ "user_name": "grace", "invite": false }),
                201,
                "",
            ),
            (
                post.clone(),
                "/users/ada/password",
                json!({ "password": "s3cr7t-" }),
                400,
                "at least 8 characters",
            ),
            // Group roles count in a group and nowhere else.
            (
                Method::PUT,
                "/users/ada/roles/group-manager",
                json!({}),
                400,
                "held in a group",
            ),
            (
                post.clone(),
                "/groups",
                json!({ "display_name": "North", "users": ["ada"] }),
                201,
                "",
            ),
            (
                post.clone(),
                "/groups/North/roles/group-manager",
                json!({ "users": ["ada"] }),
                200,
                "",
            ),
            (
                post.clone(),
                "/groups/North/roles/manager",
                json!({ "users": ["ada"] }),
                400,
                "manager",
            ),
            // Groups: of one kind, side by side, with a region.
            (
                post.clone(),
                "/groups",
                json!({ "display_name": "Team", "kind": "team" }),
                400,
                "kind",
            ),
            (
                post.clone(),
                "/groups",
                json!({ "display_name": "Coast", "parent": "North" }),
                400,
                "set depth",
            ),
            // Licences: nobody needs one.
            (
                post.clone(),
                "/users/ada/licences",
                json!({ "licence": "seat" }),
                400,
                "seat",
            ),
            // Resources: meeting types, within their bounds.
            (
                post,
                "/resources",
                json!({ "type": "meeting-type", "name": "Intake", "settings": { "maxAttendees": 1 } }),
                400,
                "maxAttendees",
            ),
        ],
    )
    .await;
    for (name, state) in [("ada", "invited"), ("grace", "prepared")] {
        assert_eq!(
            acme.get(&format!("/users/{name}")).await.expect(200)["state"],
            state,
            "{name}"
        );
    }
    assert_eq!(acme.get("/groups/North").await.expect(200)["kind"], "group");
    assert_eq!(acme.get("/licences").await.expect(200)["items"], json!([]));
    acme.verify().await;
}

#[tokio::test]
async fn the_default_has_plain_groups_any_login_id_and_seats_for_everyone() {
    let acme = profiled("default", &[]).await;
    let post = Method::POST;
    let several =
        json!([{ "kind": "email", "value": "ada@acme.example" }, { "kind": "mobile", "value": "+31612345678" }]);
    ask_all(
        &acme,
        &[
            (
                post.clone(),
                "/users",
                json!({ "user_name": "ada", "login_ids": several, "roles": ["administrator"] }),
                201,
                "",
            ),
            (
                post.clone(),
                "/users/ada/password",
                json!({ "password": "s3cr7t-" }),
                400,
                "at least 8 characters",
            ),
            (
                post.clone(),
                "/users/ada/licences",
                json!({ "licence": "seat" }),
                200,
                "",
            ),
            (
                post.clone(),
                "/groups",
                json!({ "display_name": "North", "kind": "team" }),
                201,
                "",
            ),
            (
                post.clone(),
                "/groups",
                json!({ "display_name": "Sales", "parent": "North" }),
                400,
                "set depth",
            ),
            (
                post,
                "/resources",
                json!({ "type": "room", "name": "Blue" }),
                400,
                "room",
            ),
        ],
    )
    .await;
    let ada = acme.get("/users/ada").await.expect(200);
    assert_eq!(ada["state"], "prepared");
    let told = acme
        .get("/users/ada/explain?permission=account.own")
        .await
        .expect(200)
        .to_string();
    assert!(told.contains("member"), "the administrator includes the member: {told}");
    acme.verify().await;
}
