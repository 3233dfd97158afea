//! Groups with roles inside (24sessions, S001): many are put into a group at once after a look at who they are, roles of members
//! outlive what an identity provider sends, and a manager of a group is nobody in another.

use reqwest::Method;
use serde_json::{Value, json};

use super::actor::{act, look, names};
use super::{Door, Stage};

const CONNECTION: &str = "onboarding = \"prepared\"";
/// The manager's login.
const MIA: &str = "mia@acme.example";

#[tokio::test]
async fn three_people_join_a_group_and_keep_their_roles_by_the_identity_provider() {
    told(Door::Scim).await;
}

#[tokio::test]
async fn three_people_join_a_group_and_keep_their_roles_by_the_admin_api() {
    told(Door::Api).await;
}

#[tokio::test]
async fn three_people_join_a_group_and_keep_their_roles_by_the_command_line() {
    told(Door::Cli).await;
}

async fn told(door: Door) {
    let stage = Stage::of(door, "24sessions", "", CONNECTION).await;
    let (north, south) = (stage.group("North").await, stage.group("South").await);
    let mut people = Vec::new();
    for name in ["ada", "bob", "cleo"] {
        people.push(
            stage
                .person(
                    &format!("{name}@acme.example"),
                    json!({ "displayName": name }),
                    &["user"],
                )
                .await,
        );
    }
    three_are_added(&stage, &north, &people).await;
    the_operator_stays_operator(&stage, &north, &people).await;
    the_manager_manages_one_group(&stage, (&north, &south), &people).await;
    stage.verify().await;
}

/// Select three users, add to a group: the preview names three; nothing happens before it is confirmed (S001-31, S001-33..35).
async fn three_are_added(stage: &Stage, north: &str, people: &[String]) {
    let plan = async || {
        let mut command = vec!["bulk", "plan", "add-to-group", "--group", north];
        command.extend(people.iter().map(String::as_str));
        let body = json!({ "operation": "add_to_group", "group": north, "users": people });
        stage.admin.does(act(&command, Method::POST, "/bulk", body)).await
    };
    let first = plan().await;
    let items = first["items"].as_array().expect("items");
    assert_eq!(
        names(items, "user_name"),
        ["ada@acme.example", "bob@acme.example", "cleo@acme.example"]
    );
    assert!(
        items.iter().all(|item| item["planned"]["outcome"] == "change"),
        "{first:#}"
    );
    // Cancelled: that plan does nothing any more, and nobody is in the group (S001-34).
    let (job, code) = (super::actor::id(&first), text(&first, "confirm"));
    let discard = format!("/bulk/{job}/discard");
    let command = ["bulk", "discard", &job];
    stage.admin.does(act(&command, Method::POST, &discard, json!({}))).await;
    let (confirm, body) = (format!("/bulk/{job}/confirm"), json!({ "confirm": code }));
    let command = ["bulk", "confirm", &job, &code];
    stage
        .admin
        .is_refused(act(&command, Method::POST, &confirm, body), 409)
        .await;
    assert!(stage.members(north).await.is_empty());

    let second = plan().await;
    let (job, code) = (super::actor::id(&second), text(&second, "confirm"));
    assert!(stage.members(north).await.is_empty());
    let (confirm, body) = (format!("/bulk/{job}/confirm"), json!({ "confirm": code }));
    let command = ["bulk", "confirm", &job, &code];
    let done = stage.admin.does(act(&command, Method::POST, &confirm, body)).await;
    assert_eq!(done["results"]["change"], 3, "{done:#}");
    let expected: Vec<(String, Value)> = people.iter().map(|user| (user.clone(), json!(["direct"]))).collect();
    assert_eq!(sorted(stage.members(north).await), sorted(expected));
}

/// Give one the operator role (S001-27); the identity provider sends members without roles, and the role is still there.
async fn the_operator_stays_operator(stage: &Stage, north: &str, people: &[String]) {
    let ada = &people[0];
    let command = ["group", "role", north, "group-operator", ada];
    let path = format!("/groups/{north}/roles/group-operator");
    stage
        .admin
        .does(act(&command, Method::POST, &path, json!({ "users": [ada] })))
        .await;
    assert_eq!(may_plan_for_others(stage, ada, north).await, [""; 0]);
    assert_eq!(may_plan_for_others(stage, &people[1], north).await, ["noRight"]);

    let all: Vec<Value> = people.iter().map(|user| json!({ "value": user })).collect();
    for value in [json!(all), json!(all[..2])] {
        let replace = json!({ "op": "replace", "path": "members", "value": value });
        stage.patch_group(north, replace).await;
        let asked =
            format!("/Groups/{north}?attributes=members,urn:usher:scim:schemas:extension:2.0:Group:memberRoles");
        let shown = stage.scim(Method::GET, &asked, None, 200).await;
        let roles = &shown["urn:usher:scim:schemas:extension:2.0:Group"]["memberRoles"];
        assert_eq!(*roles, json!([{ "value": ada, "role": "group-operator" }]), "{shown:#}");
        assert_eq!(may_plan_for_others(stage, ada, north).await, [""; 0]);
    }
    // Whoever the identity provider left out was put there by a person, and stays.
    let members = stage.members(north).await;
    let origins = |user: &String| {
        members
            .iter()
            .find(|(member, _)| member == user)
            .map(|(_, origins)| origins.clone())
    };
    assert_eq!(origins(ada), Some(json!(["direct", "connection:idp"])));
    assert_eq!(origins(&people[2]), Some(json!(["direct"])));
}

/// A group manager invites a user into the own group, and is refused in another (S001-24, S001-15).
async fn the_manager_manages_one_group(stage: &Stage, (north, south): (&str, &str), people: &[String]) {
    let mia = stage.person(MIA, json!({ "displayName": "Mia" }), &["user"]).await;
    let zoe = stage
        .person("zoe@acme.example", json!({ "displayName": "Zoe" }), &["user"])
        .await;
    stage.member(north, &mia, true).await;
    stage.member(south, &zoe, true).await;
    let command = ["group", "role", north, "group-manager", &mia];
    let path = format!("/groups/{north}/roles/group-manager");
    stage
        .admin
        .does(act(&command, Method::POST, &path, json!({ "users": [mia] })))
        .await;
    let manager = stage.comes_in(&mia, MIA).await;

    // Somebody new, straight into the group.
    let new = |name: &str, group: &str| json!({ "user_name": name, "groups": [group], "invite": true });
    let command = ["user", "create", "new@acme.example", "--group", north, "--invite"];
    let body = new("new@acme.example", north);
    let made = manager.does(act(&command, Method::POST, "/users", body)).await;
    assert_eq!(made["state"], "invited");
    assert!(made["invitation"]["secret"].is_string(), "{made:#}");
    let inside: Vec<String> = stage
        .members(north)
        .await
        .into_iter()
        .map(|(member, _)| member)
        .collect();
    assert!(inside.contains(&super::actor::id(&made)), "{inside:?}");
    let command = ["user", "create", "other@acme.example", "--group", south, "--invite"];
    let body = new("other@acme.example", south);
    manager
        .is_refused(act(&command, Method::POST, "/users", body), 403)
        .await;

    // Somebody who is there already: in the own group, and in another.
    let (ours, theirs) = (format!("/users/{}/invite", people[1]), format!("/users/{zoe}/invite"));
    let sent = manager
        .does(act(&["user", "invite", &people[1]], Method::POST, &ours, json!({})))
        .await;
    assert_eq!(sent["user"], people[1], "{sent:#}");
    manager
        .is_refused(act(&["user", "invite", &zoe], Method::POST, &theirs, json!({})), 403)
        .await;
    assert_eq!(stage.user(&zoe).await["state"], "prepared");
    // The same for the roles of members (S001-25), and what the manager sees at all (S000-13).
    for (group, user, refused) in [(north, &people[2], false), (south, &zoe, true)] {
        let command = ["group", "role", group, "group-operator", user];
        let path = format!("/groups/{group}/roles/group-operator");
        let give = act(&command, Method::POST, &path, json!({ "users": [user] }));
        if refused {
            manager.is_refused(give, 403).await;
        } else {
            manager.does(give).await;
        }
    }
    let seen = manager.lists(look(&["user", "list"], "/users")).await;
    let mut seen = names(&seen, "user_name");
    seen.sort_unstable();
    let expected = ["ada", "bob", "cleo", "mia", "new"].map(|name| format!("{name}@acme.example"));
    assert_eq!(seen, expected);
}

/// Why somebody cannot plan meetings of a group for others.
async fn may_plan_for_others(stage: &Stage, user: &str, group: &str) -> Vec<String> {
    let command = ["user", "eligibility", user, "meeting.plan", "--group", group];
    let path = format!("/users/{user}/eligibility?action=meeting.plan&group={group}");
    let told = stage.admin.does(look(&command, &path)).await;
    let reasons = told["reasons"].as_array().expect("reasons").iter();
    // Nobody of them has signed in yet, which is another story.
    let reasons = reasons.filter(|reason| *reason != "notActivated");
    reasons
        .map(|reason| reason.as_str().expect("a word").to_owned())
        .collect()
}

fn text(shown: &Value, name: &str) -> String {
    shown[name]
        .as_str()
        .unwrap_or_else(|| panic!("{name}: {shown:#}"))
        .to_owned()
}

fn sorted(mut members: Vec<(String, Value)>) -> Vec<(String, Value)> {
    members.sort_by(|one, other| one.0.cmp(&other.0));
    members
}
