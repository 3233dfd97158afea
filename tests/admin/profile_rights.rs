//! What the roles of the profiles come to: read out of the files that come with the gateway, by people who hold them.

use axum::http::Method;
use serde_json::{Value, json};
use usher::model::group::{Group, Kind};

use super::profile_rules::profiled;
use crate::kit::access::{ACME, Acme};
use crate::kit::gateway::Caller;

pub(super) async fn ask(caller: &Caller, method: Method, path: &str, body: Value) -> u16 {
    let body = (!body.is_null()).then_some(body);
    let answer = caller.send(method, &format!("{ACME}{path}"), body).await;
    answer.status.as_u16()
}

/// Whether a user may do this, in this group when one is named.
pub(super) async fn may(acme: &Acme, user: &str, action: &str, group: Option<&str>) -> bool {
    reasons(acme, user, action, group).await.is_empty()
}

pub(super) async fn reasons(acme: &Acme, user: &str, action: &str, group: Option<&str>) -> Vec<String> {
    let group = group.map(|group| format!("&group={group}")).unwrap_or_default();
    let path = format!("/users/{user}/eligibility?action={action}{group}");
    let told = acme.get(&path).await.expect(200);
    let reasons = told["reasons"].as_array().expect("reasons").iter();
    reasons
        .map(|reason| reason.as_str().expect("a word").to_owned())
        .collect()
}

fn team(group: &mut Group) {
    group.kind = Kind::Team;
}

/// Two groups with a member each, and a third person with a role in the first.
pub(super) async fn two_groups(role: &str) -> Acme {
    let acme = Acme::new("profile = \"24sessions\"").await;
    let (north, south) = (acme.group("North", |_| {}).await, acme.group("South", |_| {}).await);
    for (name, group) in [("ada", north), ("grace", south), ("mia", north)] {
        let user = acme.user(name).await;
        acme.join(group, user).await.expect("a member");
        if name == "mia" {
            acme.group_role(group, user, role).await;
        }
    }
    acme
}

#[tokio::test]
async fn an_operator_of_a_group_sets_availability_and_sees_reports_and_recordings_of_that_group_only() {
    let acme = two_groups("group-operator").await;
    let roles = acme.get("/roles").await.expect(200);
    let of_groups = roles["items"].as_array().into_iter().flatten();
    let of_groups: Vec<_> = of_groups
        .filter(|role| role["scope"] == "group")
        .map(|role| &role["key"])
        .collect();
    assert_eq!(of_groups, ["group-manager", "group-operator"]);
    for action in ["avail.set", "report.view", "recording.view", "meeting.plan"] {
        assert!(may(&acme, "mia", action, Some("North")).await, "{action}");
        assert!(!may(&acme, "mia", action, Some("South")).await, "{action}");
        assert!(
            !may(&acme, "ada", action, Some("North")).await,
            "{action}: a mere member"
        );
    }
    for action in ["account.others", "user.invite"] {
        assert!(
            !may(&acme, "mia", action, Some("North")).await,
            "{action} is the manager's"
        );
    }
}

#[tokio::test]
async fn a_manager_of_a_group_changes_invites_and_gives_roles_to_its_people_and_to_no_others() {
    let acme = two_groups("group-manager").await;
    let mia = acme.person("mia").await;
    let title = json!({ "attributes": { "title": "Adviser" } });
    for (name, status) in [("ada", 200), ("grace", 403)] {
        assert_eq!(
            ask(&mia, Method::PATCH, &format!("/users/{name}"), title.clone()).await,
            status,
            "{name}"
        );
    }
    assert_eq!(
        acme.get("/users/ada").await.expect(200)["attributes"]["title"],
        "Adviser"
    );
    for (group, status) in [("North", 201), ("South", 403)] {
        let new = json!({ "user_name": format!("new-{group}"), "groups": [group], "invite": true });
        assert_eq!(ask(&mia, Method::POST, "/users", new).await, status, "{group}");
    }
    assert_eq!(acme.get("/users/new-North").await.expect(200)["state"], "invited");
    for (group, name, status) in [("North", "ada", 200), ("South", "grace", 403)] {
        let path = format!("/groups/{group}/roles/group-operator");
        let whom = json!({ "users": [name] });
        assert_eq!(ask(&mia, Method::POST, &path, whom).await, status, "{group}");
        let whom = json!({ "users": ["mia"] });
        let path = format!("/groups/{group}/members");
        assert_eq!(ask(&mia, Method::POST, &path, whom).await, status, "{group}");
    }
    assert!(may(&acme, "ada", "avail.set", Some("North")).await);
    let take = json!({ "users": ["ada"] });
    assert_eq!(
        ask(&mia, Method::DELETE, "/groups/North/roles/group-operator", take).await,
        200
    );
    assert_eq!(
        ask(&mia, Method::DELETE, "/groups/North/members/ada", Value::Null).await,
        200
    );
    assert_eq!(
        ask(&mia, Method::DELETE, "/groups/South/members/grace", Value::Null).await,
        403
    );
    acme.verify().await;
}

#[tokio::test]
async fn one_person_has_another_role_in_each_group() {
    let acme = two_groups("group-operator").await;
    let mia = acme.get("/users/mia").await.expect(200);
    let mia = mia["id"].as_str().expect("an id").parse().expect("an id");
    let south = acme.get("/groups/South").await.expect(200);
    let south = south["id"].as_str().expect("an id").parse().expect("an id");
    acme.join(south, mia).await.expect("a member");
    let give = json!({ "users": ["mia"] });
    acme.post("/groups/South/roles/group-manager", give).await.expect(200);
    for (group, invites) in [("North", false), ("South", true)] {
        assert!(may(&acme, "mia", "avail.set", Some(group)).await, "{group}");
        assert_eq!(may(&acme, "mia", "user.invite", Some(group)).await, invites, "{group}");
    }
}

#[tokio::test]
async fn nobody_calls_without_a_meeting_type_of_their_own_or_of_a_group() {
    let acme = Acme::new("profile = \"24sessions\"").await;
    let north = acme.group("North", |_| {}).await;
    for name in ["ada", "grace"] {
        acme.user(name).await;
        acme.assign(name, "user").await.expect(200);
    }
    for name in ["Intake", "Review"] {
        let made = acme
            .post("/resources", json!({ "type": "meeting-type", "name": name }))
            .await;
        made.expect(201);
    }
    for name in ["ada", "grace"] {
        assert_eq!(reasons(&acme, name, "meeting.hold", None).await, ["noResource"]);
    }
    let assign = async |resource: &str, whom: Value| {
        let path = format!("/resources/meeting-type:{resource}/assignments");
        acme.post(&path, whom).await.expect(200);
    };
    assign("Intake", json!({ "users": ["ada"] })).await;
    assign("Review", json!({ "groups": ["North"] })).await;
    assert_eq!(reasons(&acme, "ada", "meeting.hold", None).await, [""; 0]);
    assert_eq!(reasons(&acme, "grace", "meeting.hold", None).await, ["noResource"]);
    acme.post("/groups/North/members", json!({ "users": ["grace"] }))
        .await
        .expect(200);
    assert_eq!(reasons(&acme, "grace", "meeting.hold", None).await, [""; 0]);
    acme.edit_group(north, |group| group.enabled = false).await;
    assert_eq!(
        reasons(&acme, "grace", "meeting.hold", None).await,
        ["noResource"],
        "what it gives sleeps"
    );
    acme.delete("/resources/meeting-type:Intake/assignments/users/ada")
        .await
        .expect(204);
    assert_eq!(reasons(&acme, "ada", "meeting.hold", None).await, ["noResource"]);
}

#[tokio::test]
async fn nobody_is_planned_for_before_a_password_is_set_and_the_person_has_signed_in() {
    let acme = Acme::new("profile = \"24sessions\"").await;
    let made = json!({ "user_name": "ada", "roles": ["user"], "invite": true });
    let made = acme.post("/users", made).await.expect(201);
    acme.post("/resources", json!({ "type": "meeting-type", "name": "Intake" }))
        .await
        .expect(201);
    let path = "/resources/meeting-type:Intake/assignments";
    acme.post(path, json!({ "users": ["ada"] })).await.expect(200);
    assert_eq!(reasons(&acme, "ada", "meeting.hold", None).await, ["notActivated"]);
    let nobody = acme.inside.caller("");
    let accept = json!({ "secret": made["invitation"]["secret"], "password": "long enough 1!" });
    nobody.post("/api/v1/invitations/accept", accept).await.expect(200);
    assert_eq!(
        reasons(&acme, "ada", "meeting.hold", None).await,
        ["notActivated"],
        "a password alone"
    );
    let sign_in = json!({ "organisation": "acme", "login": "ada", "password": "long enough 1!" });
    nobody.post("/api/v1/sign-in", sign_in).await.expect(201);
    assert_eq!(reasons(&acme, "ada", "meeting.hold", None).await, [""; 0]);
}

#[tokio::test]
async fn one_permission_opens_one_area_to_view_and_to_edit() {
    let acme = Acme::new("profile = \"lynes\"").await;
    acme.group("Support", team).await;
    for (key, permission) in [
        ("people", "area.users-and-teams"),
        ("telephony", "area.telephony-system"),
    ] {
        acme.role(json!({ "key": key, "name": key, "permissions": [permission] }))
            .await;
        let name = format!("{key}@acme.example");
        acme.user(&name).await;
        acme.assign(&name, key).await.expect(200);
    }
    let people = acme.person("people@acme.example").await;
    let telephony = acme.person("telephony@acme.example").await;
    let user = json!({ "user_name": "ada@acme.example", "groups": ["Support"], "invite": false });
    let number = json!({ "type": "number", "name": "+31201234567" });
    let title = json!({ "attributes": { "title": "Agent" } });
    for (method, path, body, of_people, of_telephony) in [
        (Method::GET, "/users", Value::Null, 200, 403),
        (Method::POST, "/users", user, 201, 403),
        (Method::PATCH, "/users/ada@acme.example", title, 200, 403),
        (Method::POST, "/groups", json!({ "display_name": "Sales" }), 201, 403),
        (
            Method::PATCH,
            "/groups/Sales",
            json!({ "display_name": "Selling" }),
            200,
            403,
        ),
        (Method::DELETE, "/groups/Selling", Value::Null, 204, 403),
        (Method::GET, "/resources", Value::Null, 403, 200),
        (Method::POST, "/resources", number, 403, 201),
        (Method::GET, "/roles", Value::Null, 403, 403),
        (Method::GET, "/guests", Value::Null, 403, 403),
        (Method::GET, "/audit", Value::Null, 403, 403),
    ] {
        let told = ask(&telephony, method.clone(), path, body.clone()).await;
        assert_eq!(told, of_telephony, "{method} {path}, telephony");
        assert_eq!(
            ask(&people, method.clone(), path, body).await,
            of_people,
            "{method} {path}, people"
        );
    }
    acme.verify().await;
}

#[tokio::test]
async fn a_linked_number_is_said_of_the_assignment_and_a_teams_channels_say_whether_they_are_public() {
    let acme = Acme::new("profile = \"lynes\"").await;
    acme.group("Support", team).await;
    let ada = json!({ "user_name": "ada@acme.example", "invite": false });
    acme.post("/users", ada).await.expect(201);
    acme.post("/resources", json!({ "type": "number", "name": "+31612345678" }))
        .await
        .expect(201);
    let linked = json!({
        "users": ["ada@acme.example"],
        "attributes": { "kind": "mobile", "linkedNumber": "+31201234567" },
    });
    acme.post("/resources/number:+31612345678/assignments", linked)
        .await
        .expect(200);
    let held = acme.get("/users/ada@acme.example/resources").await.expect(200);
    assert_eq!(
        held["items"][0]["attributes"]["linkedNumber"], "+31201234567",
        "{held:#}"
    );
    for (name, is_public) in [("Announcements", true), ("Escalations", false)] {
        let channel = json!({ "type": "channel", "name": name, "settings": { "public": is_public } });
        acme.post("/resources", channel).await.expect(201);
        let path = format!("/resources/channel:{name}/assignments");
        acme.post(&path, json!({ "groups": ["Support"] })).await.expect(200);
    }
    let channels = acme.get("/groups/Support/resources").await.expect(200);
    let channels = channels["items"].as_array().expect("a list").iter();
    let channels: Vec<_> = channels
        .map(|channel| (&channel["name"], &channel["settings"]["public"]))
        .collect();
    assert_eq!(
        channels,
        [
            (&json!("Announcements"), &json!(true)),
            (&json!("Escalations"), &json!(false))
        ]
    );
}

#[tokio::test]
async fn people_of_a_telephone_system_sign_in_by_address_or_number_and_are_invited_when_they_are_made() {
    let acme = Acme::new("profile = \"lynes\"").await;
    let refused = acme.post("/users", json!({ "user_name": "ada" })).await.expect(400);
    assert_eq!(refused["attribute"], "userName", "{refused:#}");
    for (name, more, state) in [
        ("ada@acme.example", json!({}), "invited"),
        ("+31612345678", json!({ "invite": false }), "prepared"),
    ] {
        let mut body = json!({ "user_name": name });
        body.as_object_mut()
            .expect("an object")
            .extend(more.as_object().expect("an object").clone());
        assert_eq!(acme.post("/users", body).await.expect(201)["state"], state, "{name}");
    }
}

#[tokio::test]
async fn everyone_has_a_real_name_where_it_is_shown_in_sessions() {
    let acme = profiled("vsight", &["subscriber"]).await;
    let refused = acme
        .post("/users", json!({ "user_name": "ada", "roles": ["subscriber"] }))
        .await
        .expect(400);
    assert_eq!(refused["attribute"], "displayName", "{refused:#}");
    let scim = json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "grace", "roles": [{ "value": "subscriber" }] });
    let refused = acme.client().post("/scim/acme/v2/Users", scim).await.expect(400);
    assert!(refused.to_string().contains("displayName"), "{refused:#}");
    for (name, attributes) in [
        ("ada", json!({ "displayName": "Ada Lovelace" })),
        (
            "edsger",
            json!({ "name": { "givenName": "Edsger", "familyName": "Dijkstra" } }),
        ),
    ] {
        let body = json!({ "user_name": name, "attributes": attributes, "roles": ["subscriber"] });
        acme.post("/users", body).await.expect(201);
    }
    let patch = async |attributes: Value| {
        let body = Some(json!({ "attributes": attributes }));
        acme.admin.send(Method::PATCH, &format!("{ACME}/users/ada"), body).await
    };
    patch(json!({ "displayName": null })).await.expect(400);
    patch(json!({ "displayName": " ", "title": "Countess" }))
        .await
        .expect(400);
    patch(json!({ "displayName": null, "name": { "formatted": "Ada" } }))
        .await
        .expect(200);
    acme.verify().await;
}

#[tokio::test]
async fn the_right_to_manage_guests_lets_one_person_make_them_and_nothing_else() {
    let acme = Acme::new("profile = \"24sessions\"").await;
    for name in ["ada", "grace"] {
        acme.user(name).await;
    }
    let grant = json!({ "permission": "guest.manage" });
    acme.post("/users/ada/permissions", grant).await.expect(200);
    let (ada, grace) = (acme.person("ada").await, acme.person("grace").await);
    let guest = json!({ "name": "Guest", "email": "guest@acme.example" });
    let made = ada.post(&format!("{ACME}/guests"), guest.clone()).await.expect(201);
    assert!(made["secret"].is_string(), "{made:#}");
    assert_eq!(ask(&grace, Method::POST, "/guests", guest).await, 403);
    assert_eq!(ask(&ada, Method::GET, "/users", Value::Null).await, 403);
}

#[tokio::test]
async fn a_disabled_team_is_invisible_to_the_people_in_it() {
    let acme = Acme::new("profile = \"lynes\"").await;
    let (support, sales) = (acme.group("Support", team).await, acme.group("Sales", team).await);
    let ada = acme.user("ada@acme.example").await;
    for team in [support, sales] {
        acme.join(team, ada).await.expect("a member");
    }
    acme.assign("ada@acme.example", "member").await.expect(200);
    let person = acme.person("ada@acme.example").await;
    let seen = async || {
        let listed = person.get(&format!("{ACME}/groups")).await.expect(200);
        let items = listed["items"].as_array().expect("a list").iter();
        items.map(|team| team["display_name"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(seen().await, ["Support", "Sales"]);
    acme.post("/groups/Sales/disable", json!({})).await.expect(200);
    assert_eq!(seen().await, ["Support"]);
    assert_eq!(ask(&person, Method::GET, "/groups/Sales", Value::Null).await, 403);
    acme.post("/groups/Sales/enable", json!({})).await.expect(200);
    assert_eq!(ask(&person, Method::GET, "/groups/Sales", Value::Null).await, 200);
}

#[tokio::test]
async fn whose_only_team_is_disabled_sees_an_empty_list_and_whoever_has_no_right_is_refused() {
    let acme = Acme::new("profile = \"lynes\"").await;
    acme.role(json!({ "key": "lead", "name": "Lead", "scope": "group", "permissions": ["group.view@group", "group.members@group"] }))
        .await;
    let sales = acme.group("Sales", team).await;
    for (name, role) in [
        ("ada@acme.example", Some("member")),
        ("mia@acme.example", None),
        ("bob@acme.example", None),
    ] {
        let user = acme.user(name).await;
        acme.join(sales, user).await.expect("a member");
        match role {
            Some(role) => drop(acme.assign(name, role).await.expect(200)),
            None if name.starts_with("mia") => acme.group_role(sales, user, "lead").await,
            None => {}
        }
    }
    acme.post("/groups/Sales/disable", json!({})).await.expect(200);
    for name in ["ada@acme.example", "mia@acme.example"] {
        let person = acme.person(name).await;
        for path in ["/groups", "/groups?count=true"] {
            let listed = person.get(&format!("{ACME}{path}")).await.expect(200);
            assert_eq!(listed["items"], json!([]), "{name}: {path}");
        }
        assert_eq!(
            ask(&person, Method::GET, "/groups/Sales", Value::Null).await,
            403,
            "{name}"
        );
        // What sleeps lets nobody do anything.
        let add = json!({ "users": ["bob@acme.example"] });
        assert_eq!(
            ask(&person, Method::POST, "/groups/Sales/members", add).await,
            403,
            "{name}"
        );
    }
    let bob = acme.person("bob@acme.example").await;
    assert_eq!(ask(&bob, Method::GET, "/groups", Value::Null).await, 403);
}

#[tokio::test]
async fn there_are_four_types_of_users_and_scorers_who_come_through_the_interface_only() {
    let acme = Acme::new("profile = \"convirza\"").await;
    let roles = acme.get("/roles").await.expect(200);
    let offered = roles["items"].as_array().into_iter().flatten();
    let offered: Vec<_> = offered
        .filter(|role| role["assignable"] == "everywhere")
        .map(|role| &role["key"])
        .collect();
    assert_eq!(offered, ["admin", "identified-only", "read-only", "standard"]);
    acme.user("ada").await;
    for (role, action, allowed) in [
        ("standard", "campaign.manage", true),
        ("read-only", "campaign.manage", false),
        ("read-only", "call.view", true),
        ("identified-only", "scorecard.fill", true),
        ("identified-only", "call.score", false),
    ] {
        acme.assign("ada", role).await.expect(200);
        assert_eq!(may(&acme, "ada", action, None).await, allowed, "{role}: {action}");
        acme.withdraw("ada", role).await.expect(200);
    }
}

#[tokio::test]
async fn a_manager_of_a_group_takes_meeting_types_from_it_and_from_no_other() {
    let acme = two_groups("group-manager").await;
    for name in ["Intake", "Review"] {
        let made = json!({ "type": "meeting-type", "name": name });
        acme.post("/resources", made).await.expect(201);
        let path = format!("/resources/meeting-type:{name}/assignments");
        acme.post(&path, json!({ "groups": ["North", "South"] }))
            .await
            .expect(200);
    }
    let (mia, ada) = (acme.person("mia").await, acme.person("ada").await);
    let both = json!({ "resources": ["meeting-type:Intake", "meeting-type:Review"] });
    for (person, group, status) in [(&mia, "South", 403), (&ada, "North", 403), (&mia, "North", 200)] {
        let path = format!("/groups/{group}/resources");
        assert_eq!(
            ask(person, Method::DELETE, &path, both.clone()).await,
            status,
            "{group}"
        );
    }
    for (group, left) in [("North", 0), ("South", 2)] {
        let held = acme.get(&format!("/groups/{group}/resources")).await.expect(200);
        assert_eq!(held["items"].as_array().map(Vec::len), Some(left), "{group}");
    }
    // What the right in a group does not reach: the meeting types themselves.
    let path = "/resources/meeting-type:Intake";
    assert_eq!(ask(&mia, Method::DELETE, path, Value::Null).await, 403);
    acme.verify().await;
}
