//! Call tracking (Convirza, S004): three levels under a billing group, one home group a person, agents who roam where their access
//! list says, and a table that is filtered, kept, paged and downloaded.

use reqwest::Method;
use serde_json::{Value, json};

use super::actor::{act, escaped, look, names};
use super::{Door, Stage};
use crate::kit::custom_attributes::OWN;
use crate::kit::scim::{USER, USHER_USER};

const ROOT: &str = "Acme Ltd";
const CONNECTION: &str = "onboarding = \"active\"";

#[tokio::test]
async fn agents_move_roam_and_are_listed_by_the_identity_provider() {
    told(Door::Scim).await;
}

#[tokio::test]
async fn agents_move_roam_and_are_listed_by_the_admin_api() {
    told(Door::Api).await;
}

#[tokio::test]
async fn agents_move_roam_and_are_listed_by_the_command_line() {
    told(Door::Cli).await;
}

async fn told(door: Door) {
    let stage = Stage::of(door, "convirza", "", CONNECTION).await;
    three_levels(&stage).await;
    let ada = stage.person("ada", agent("7"), &["standard"]).await;
    one_agent_id_each(&stage).await;
    moved_with_calls(&stage, &ada).await;
    roaming(&stage, &ada).await;
    the_table(&stage).await;
    stage.verify().await;
}

fn agent(agent_id: &str) -> Value {
    json!({ "displayName": "Agent", OWN: { "agentId": agent_id } })
}

/// A group of the fourth level is refused (S004-4), the billing group is never deleted (S004-6); below it there may be any number
/// (S004-5).
async fn three_levels(stage: &Stage) {
    // What the identity provider brings has no parent, and comes right below the root.
    let north = stage.group("North").await;
    let shown = stage
        .admin
        .does(look(&["group", "show", "North"], "/groups/North"))
        .await;
    assert_eq!(
        (&shown["id"], &shown["level"], &shown["kind"]),
        (&json!(north), &json!(2), &json!("unit")),
        "{shown:#}"
    );
    for (name, parent) in [
        ("South", ROOT),
        ("Sales", "North"),
        ("Care", "North"),
        ("Night", "South"),
    ] {
        let command = ["group", "create", name, "--parent", parent];
        let body = json!({ "display_name": name, "parent": parent });
        stage.admin.does(act(&command, Method::POST, "/groups", body)).await;
    }
    let body = json!({ "display_name": "Deep", "parent": "Sales" });
    let command = ["group", "create", "Deep", "--parent", "Sales"];
    let reason = stage
        .admin
        .is_refused(act(&command, Method::POST, "/groups", body), 400)
        .await;
    assert!(reason.contains("level 4"), "{reason}");
    let root = stage
        .admin
        .does(look(&["group", "show", ROOT], "/groups/Acme%20Ltd"))
        .await;
    assert_eq!(
        (&root["level"], &root["is_billing_root"]),
        (&json!(1), &json!(true)),
        "{root:#}"
    );
    let command = ["group", "delete", ROOT, "--yes"];
    let delete = act(&command, Method::DELETE, "/groups/Acme%20Ltd", Value::Null);
    let reason = stage.admin.is_refused(delete, 403).await;
    assert!(reason.contains("billing root"), "{reason}");
    let path = format!("/Groups/{}", super::actor::id(&root));
    stage.scim(Method::DELETE, &path, None, 403).await;
    let groups = stage.admin.lists(look(&["group", "list"], "/groups")).await;
    assert_eq!(
        names(&groups, "display_name"),
        [ROOT, "North", "South", "Sales", "Care", "Night"]
    );
}

/// Two users cannot share an agent id (S004-31), by whatever door the second comes.
async fn one_agent_id_each(stage: &Stage) {
    let set = format!("--set={OWN}:agentId=7");
    let command = ["user", "create", "bob", &set];
    let body = json!({ "user_name": "bob", "attributes": agent("7") });
    let reason = stage
        .admin
        .is_refused(act(&command, Method::POST, "/users", body), 409)
        .await;
    assert!(reason.contains("agentId"), "{reason}");
    let body = json!({ "schemas": [USER, OWN], "userName": "bob", OWN: { "agentId": "7" } });
    let refused = stage.scim(Method::POST, "/Users", Some(body), 409).await;
    assert_eq!(refused["scimType"], "uniqueness", "{refused:#}");
    let bob = stage.person("bob", agent("8"), &[]).await;
    let set = json!({ "attributes": { OWN: { "agentId": "7" } } });
    let path = format!("/users/{bob}");
    let option = format!("--set={OWN}:agentId=7");
    let command = ["user", "update", &bob, &option];
    stage
        .admin
        .is_refused(act(&command, Method::PATCH, &path, set), 409)
        .await;
}

/// Moved with calls (S004-22, S004-27): a review is pending until the permissions are saved (S004-26); there is one home at a time
/// (S004-35).
async fn moved_with_calls(stage: &Stage, ada: &str) {
    let path = format!("/users/{ada}/move");
    for group in ["Sales", "Night"] {
        let command = ["user", "move", ada, "--to", group, "--take-history"];
        let body = json!({ "to": group, "take_history": true });
        stage.admin.does(act(&command, Method::POST, &path, body)).await;
        assert_eq!(in_groups(stage, ada).await, [group]);
    }
    let told = stage.admin.does(look(&[], "/events?limit=1000")).await;
    let moves = told["items"].as_array().expect("events").iter();
    let moves: Vec<&Value> = moves.filter(|event| event["kind"] == "user.moved").collect();
    assert_eq!(moves.len(), 2);
    assert!(
        moves.iter().all(|event| event["data"]["take_history"] == true),
        "{moves:#?}"
    );

    let review = |shown: &Value| shown[USHER_USER]["reviewPending"] == true;
    let scim = format!("/Users/{ada}");
    assert!(!stage.user(ada).await["review_pending"].is_null());
    assert!(review(&stage.scim(Method::GET, &scim, None, 200).await));
    access(stage, ada, &["Night"]).await;
    let command = ["user", "review-permissions", ada];
    let path = format!("/users/{ada}/review-permissions");
    stage.admin.does(act(&command, Method::POST, &path, json!({}))).await;
    assert!(stage.user(ada).await["review_pending"].is_null());
    assert!(!review(&stage.scim(Method::GET, &scim, None, 200).await));
}

/// What somebody sees of groups: these, and what lies below (S004-29).
async fn access(stage: &Stage, user: &str, groups: &[&str]) {
    let mut command = vec!["access", "set", user, "group", "list"];
    command.extend(groups.iter().flat_map(|group| ["--group", *group]));
    let path = format!("/users/{user}/access/group");
    let body = json!({ "mode": "list", "groups": groups });
    stage.admin.does(act(&command, Method::PUT, &path, body)).await;
}

/// A roaming agent is assignable in each group of the access list and nowhere else (S004-34).
async fn roaming(stage: &Stage, ada: &str) {
    // The person's own group is Night; the list names North, and so Sales and Care below it.
    access(stage, ada, &["North"]).await;
    assert_eq!(assignable(stage, ada).await, ["Night"]);
    roams(stage, ada, true).await;
    assert_eq!(assignable(stage, ada).await, ["North", "Sales", "Care", "Night"]);
    access(stage, ada, &["Care"]).await;
    assert_eq!(assignable(stage, ada).await, ["Care", "Night"]);
    roams(stage, ada, false).await;
    assert_eq!(assignable(stage, ada).await, ["Night"]);
}

async fn roams(stage: &Stage, user: &str, does: bool) {
    let option = format!("--set-json={OWN}:roamingAgent={does}");
    let command = ["user", "update", user, &option];
    let path = format!("/users/{user}");
    let body = json!({ "attributes": { OWN: { "roamingAgent": does } } });
    stage.admin.does(act(&command, Method::PATCH, &path, body)).await;
}

/// The groups whose conversations may be given to somebody.
async fn assignable(stage: &Stage, user: &str) -> Vec<&'static str> {
    let mut groups = Vec::new();
    for group in [ROOT, "North", "South", "Sales", "Care", "Night"] {
        let command = ["user", "eligibility", user, "call.take", "--group", group];
        let path = format!("/users/{user}/eligibility?action=call.take&group={}", escaped(group));
        let told = stage.admin.does(look(&command, &path)).await;
        let reasons = told["reasons"].as_array().expect("reasons");
        // Who was made by hand has not signed in yet, which is another story.
        if reasons.iter().all(|reason| reason == "notActivated") {
            groups.push(group);
        } else {
            assert!(reasons.contains(&json!("noGroup")), "{group}: {told:#}");
        }
    }
    groups
}

async fn in_groups(stage: &Stage, user: &str) -> Vec<String> {
    let mut groups = Vec::new();
    for group in ["North", "South", "Sales", "Care", "Night"] {
        if stage.members(group).await.iter().any(|(member, _)| member == user) {
            groups.push(group.to_owned());
        }
    }
    groups
}

/// The table: twenty-five a page (S004-15, S004-16), a filter that is kept and reset (S004-9..12), and a CSV that says what it
/// shows (S004-13).
async fn the_table(stage: &Stage) {
    for number in 0..30 {
        let title = if number % 2 == 0 {
            "Agent, \"first\" line"
        } else {
            "Coach"
        };
        let body = json!({ "user_name": format!("p{number:02}"), "attributes": { "title": title } });
        stage.admin.does(act(&[], Method::POST, "/users", body)).await;
    }
    // Ten, twenty-five or fifty; a view keeps how many.
    for (size, first) in [(10, 10), (25, 25), (50, 32)] {
        let page = stage
            .admin
            .does(look(&[], &format!("/users?count=true&limit={size}")))
            .await;
        let shown = page["items"].as_array().map(Vec::len);
        assert_eq!((shown, &page["total"]), (Some(first), &json!(32)), "{size}");
    }
    let command = ["view", "save", "users", "Everyone", "--page-size=25"];
    let view = json!({ "name": "Everyone", "list": "users", "page_size": 25 });
    stage.admin.does(act(&command, Method::POST, "/views", view)).await;
    let page = stage.admin.does(look(&[], "/users?view=Everyone")).await;
    assert_eq!(page["items"].as_array().map(Vec::len), Some(25));
    let next = format!(
        "/users?view=Everyone&after={}",
        escaped(page["next"].as_str().expect("a next page"))
    );
    let rest = stage.admin.does(look(&[], &next)).await;
    assert_eq!(
        (rest["items"].as_array().map(Vec::len), rest.get("next")),
        (Some(7), None)
    );
    a_kept_filter(stage).await;
}

/// What is filtered is kept by a name, downloaded as it is shown, and dropped again.
async fn a_kept_filter(stage: &Stage) {
    let filter = "attributes.title sw \"agent\"";
    let command = [
        "view",
        "save",
        "users",
        "First line",
        "--filter",
        filter,
        "--sort=user_name",
        "--descending",
    ];
    let view =
        json!({ "name": "First line", "list": "users", "filter": filter, "sort": "user_name", "descending": true });
    stage.admin.does(act(&command, Method::POST, "/views", view)).await;
    let by_view = ["user", "list", "--view", "First line"];
    let shown = stage.admin.lists(look(&by_view, "/users?view=First%20line")).await;
    let mut expected: Vec<String> = (0..15).map(|number| format!("p{:02}", number * 2)).collect();
    expected.reverse();
    assert_eq!(names(&shown, "user_name"), expected);

    csv_equals(stage, &shown).await;
    stage
        .admin
        .does(act(
            &["view", "reset", "users"],
            Method::DELETE,
            "/views?list=users",
            Value::Null,
        ))
        .await;
    stage
        .admin
        .is_refused(look(&by_view, "/users?view=First%20line"), 404)
        .await;
    let all = stage.admin.lists(look(&["user", "list"], "/users")).await;
    assert_eq!(all.len(), 32);
}

async fn csv_equals(stage: &Stage, shown: &[Value]) {
    let columns = "user_name,state,attributes.title";
    let command = ["export", "users", "--view=First line", "--columns", columns];
    let path = format!("/export/users?view=First%20line&columns={columns}");
    let bytes = stage.admin.exports(&command, &path).await;
    let mut reader = csv::Reader::from_reader(bytes.as_slice());
    let heading: Vec<String> = reader.headers().expect("a heading").iter().map(str::to_owned).collect();
    assert_eq!(heading.len(), 3, "{heading:?}");
    let rows: Vec<Vec<String>> = reader
        .records()
        .map(|row| row.expect("a row").iter().map(str::to_owned).collect())
        .collect();
    let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("a text: {value}")).to_owned();
    let expected: Vec<Vec<String>> = shown
        .iter()
        .map(|user| {
            vec![
                text(&user["user_name"]),
                text(&user["state"]),
                text(&user["attributes"]["title"]),
            ]
        })
        .collect();
    assert_eq!(rows, expected);
    assert_eq!(rows.len(), 15);
}
