//! Telephony (lynes, S003): nobody is prepared without a seat, roles put people into teams and take them out again, disabled teams
//! are invisible, and the list of people becomes a workbook.

use std::io::Cursor;

use calamine::{Reader as _, Xlsx};
use reqwest::Method;
use serde_json::{Value, json};

use super::actor::{Actor, act, look, names};
use super::{Door, Stage};
use crate::kit::scim::{USER, USHER_USER};

/// Whoever the identity provider brings is prepared with a seat, as the form of the product does it.
const CONNECTION: &str = "onboarding = \"prepared\"\nlicences = [\"survey\"]";
const ROLE: &str = "telephony-administrator";
/// The direct member of the team.
const BOB: &str = "bob@acme.example";

#[tokio::test]
async fn seats_teams_and_the_workbook_by_the_identity_provider() {
    told(Door::Scim).await;
}

#[tokio::test]
async fn seats_teams_and_the_workbook_by_the_admin_api() {
    told(Door::Api).await;
}

#[tokio::test]
async fn seats_teams_and_the_workbook_by_the_command_line() {
    told(Door::Cli).await;
}

async fn told(door: Door) {
    let stage = Stage::of(door, "lynes", "", CONNECTION).await;
    let (bob, ada) = the_last_seat(&stage, door).await;
    let support = stage.group("Support").await;
    stage.member(&support, &bob, true).await;
    a_role_with_a_team(&stage, &support, (&bob, &ada)).await;
    let session = stage.comes_in(&bob, BOB).await;
    let sales = stage.group("Sales").await;
    stage.member(&sales, &bob, true).await;
    a_disabled_team(&stage, &support, &session).await;
    a_workbook_of_both(&stage).await;
    stage.verify().await;
}

/// Of the three seats for surveys two are taken. With one free seat, two users are prepared: the second is refused (S003-3), and
/// nobody is there without a seat.
async fn the_last_seat(stage: &Stage, door: Door) -> (String, String) {
    let ada = prepared(stage, door, "ada@acme.example").await.expect("the first seat");
    prepared(stage, door, "+31612345678").await.expect("the second seat");
    let bob = prepared(stage, door, BOB).await.expect("the last seat");
    let reason = prepared(stage, door, "late@acme.example").await.expect_err("no seat");
    assert!(
        reason.contains("no free seat of licence survey") && reason.contains("3 of 3"),
        "{reason}"
    );
    // The identity provider hears it as well: 403, and no scimType that it would take for something else.
    let body = json!({ "schemas": [USER], "userName": "late@acme.example" });
    let refused = stage.scim(Method::POST, "/Users", Some(body), 403).await;
    assert_eq!(refused.get("scimType"), None, "{refused:#}");
    let people = stage.admin.lists(look(&["user", "list"], "/users")).await;
    assert_eq!(names(&people, "user_name"), ["ada@acme.example", "+31612345678", BOB]);
    assert_eq!(names(&people, "state"), ["prepared"; 3]);
    (bob, ada)
}

/// Prepares somebody who is to have a seat; answers the identifier, or why not.
async fn prepared(stage: &Stage, door: Door, name: &str) -> Result<String, String> {
    if door == Door::Scim {
        let body = json!({ "schemas": [USER], "userName": name });
        let (status, answer) = stage
            .idp
            .send(Method::POST, "/Users", Some(body))
            .await
            .expect("an answer");
        return match status.as_u16() {
            201 => {
                assert_eq!(answer[USHER_USER]["licences"][0]["state"], "held", "{answer:#}");
                Ok(super::actor::id(&answer))
            }
            _ => Err(answer["detail"].as_str().expect("a detail").to_owned()),
        };
    }
    let command = ["user", "create", name, "--prepared", "--licence=survey"];
    let body = json!({ "user_name": name, "invite": false, "licences": ["survey"] });
    let made = stage.admin.tries(act(&command, Method::POST, "/users", body)).await?;
    Ok(super::actor::id(&made))
}

/// A role that is linked to a team puts its holders there (S003-18, S003-45); deleted, it takes them out again and nobody else
/// (S003-50..52).
async fn a_role_with_a_team(stage: &Stage, support: &str, (bob, ada): (&str, &str)) {
    let link = format!("/roles/{ROLE}/groups/{support}");
    stage
        .admin
        .does(act(&["role", "link", ROLE, support], Method::PUT, &link, json!({})))
        .await;
    let assign = format!("/users/{ada}/roles/{ROLE}");
    stage
        .admin
        .does(act(&["role", "assign", ROLE, ada], Method::PUT, &assign, json!({})))
        .await;
    let direct = (bob.to_owned(), json!([stage.origin()]));
    let by_role = (ada.to_owned(), json!([format!("role:{ROLE}")]));
    let mut members = stage.members(support).await;
    members.sort_by_key(|(member, _)| member != bob);
    assert_eq!(members, [direct.clone(), by_role]);
    let shown = stage.scim(Method::GET, &format!("/Users/{ada}"), None, 200).await;
    assert_eq!(shown["groups"][0]["value"], support, "{shown:#}");

    // What that would mean comes first, and nothing happens (S003-51).
    let impact = format!("/roles/{ROLE}/impact");
    let impact = stage.admin.does(look(&["role", "delete", ROLE], &impact)).await;
    assert_eq!(
        (&impact["users"], &impact["memberships"]),
        (&json!(1), &json!(1)),
        "{impact:#}"
    );
    // The team is not among what goes: only who is in it because of the role.
    assert_eq!(
        (
            &impact["first_users"][0]["id"],
            &impact["groups"][0]["id"],
            &impact["groups"][0]["becomes"]
        ),
        (&json!(ada), &json!(support), &json!("stays")),
        "{impact:#}"
    );
    assert_eq!(stage.members(support).await.len(), 2);
    let code = impact["confirm"].as_str().expect("a code");
    let command = ["role", "delete", ROLE, "--confirm", code];
    let path = format!("/roles/{ROLE}?confirm={code}");
    stage
        .admin
        .does(act(&command, Method::DELETE, &path, Value::Null))
        .await;
    assert_eq!(stage.members(support).await, [direct]);
    assert_eq!(stage.user(ada).await["roles"].get(ROLE), None);
    let roles = stage.admin.lists(look(&["role", "list"], "/roles")).await;
    assert!(!names(&roles, "key").iter().any(|key| key == ROLE));
    let team = stage
        .admin
        .does(look(&["group", "show", support], &format!("/groups/{support}")))
        .await;
    assert_eq!(team["enabled"], true, "the team itself is still there");
}

/// A disabled team is invisible to users and shown to administrators, until it is put in force again (S003-40..42).
async fn a_disabled_team(stage: &Stage, support: &str, bob: &Actor) {
    // Everyone sees the own teams: a setting of the organisation (X03-4).
    let defaults = json!({ "everyone": ["group.view@group"], "guests": [] });
    let file = stage.file("defaults.json", &defaults.to_string());
    let command = ["permission", "set-defaults", &file];
    stage
        .admin
        .does(act(&command, Method::PUT, "/default-permissions", defaults))
        .await;
    let seen = async |who: &Actor| names(&who.lists(look(&["group", "list"], "/groups")).await, "display_name");
    let one = format!("/groups/{support}");
    assert_eq!(seen(bob).await, ["Support", "Sales"]);

    let disable = format!("{one}/disable");
    let off = stage
        .admin
        .does(act(&["group", "disable", support], Method::POST, &disable, json!({})))
        .await;
    assert_eq!(off["enabled"], false);
    assert_eq!(seen(bob).await, ["Sales"]);
    bob.is_refused(look(&["group", "show", support], &one), 403).await;
    assert_eq!(seen(&stage.admin).await, ["Support", "Sales"]);
    let shown = stage.scim(Method::GET, &format!("/Groups/{support}"), None, 200).await;
    assert_eq!(
        shown["urn:usher:scim:schemas:extension:2.0:Group"]["enabled"], false,
        "{shown:#}"
    );

    let enable = format!("{one}/enable");
    stage
        .admin
        .does(act(&["group", "enable", support], Method::POST, &enable, json!({})))
        .await;
    assert_eq!(seen(bob).await, ["Support", "Sales"]);
}

/// One workbook with a sheet for the active and one for the prepared (S003-29, S003-30).
async fn a_workbook_of_both(stage: &Stage) {
    // Who is not invited yet is a list of its own (S003-27).
    let command = ["user", "list", "--state=prepared"];
    let waiting = stage.admin.lists(look(&command, "/users?state=prepared")).await;
    assert_eq!(names(&waiting, "user_name"), ["ada@acme.example", "+31612345678"]);
    let columns = "user_name,state";
    let command = [
        "export",
        "users",
        "--format=xlsx",
        "--state=active,prepared",
        "--columns",
        columns,
    ];
    let path = format!("/export/users?format=xlsx&state=active,prepared&columns={columns}");
    let bytes = stage.admin.exports(&command, &path).await;
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).expect("a workbook");
    assert_eq!(book.sheet_names(), ["active", "prepared"]);
    let mut sheet = |name: &str| -> Vec<Vec<String>> {
        let range = book.worksheet_range(name).expect("a sheet");
        range
            .rows()
            .map(|row| row.iter().map(ToString::to_string).collect())
            .collect()
    };
    let heading = vec!["user_name".to_owned(), "state".to_owned()];
    let row = |name: &str, state: &str| vec![name.to_owned(), state.to_owned()];
    assert_eq!(sheet("active"), [heading.clone(), row(BOB, "active")]);
    assert_eq!(
        sheet("prepared"),
        [
            heading,
            row("ada@acme.example", "prepared"),
            row("+31612345678", "prepared")
        ]
    );
}
