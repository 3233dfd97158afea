//! Users, groups and roles that are made with everything they are to have: in one request, all of it or nothing.

use serde_json::{Value, json};

use super::{assert_whole, events};
use crate::kit::access::{ACME, Acme};
use crate::kit::gateway::Caller;

const FILE: &str = r#"
[[roles]]
key = "agent"
name = "Agent"
permissions = ["call.make@self"]
[[roles]]
key = "only-one"
name = "Only one"
max_holders = 1
[[roles]]
key = "group-manager"
name = "Manager of a group"
scope = "group"
permissions = ["user.create@group", "user.invite@group", "group.members@group", "user.view@group", "call.make@self"]
[[roles]]
key = "desk"
name = "Front desk"
permissions = ["user.create", "user.view"]
[[licences]]
key = "pro"
name = "Pro"
limit = 1
consumes_from = "prepared"
[[resource_types]]
key = "meeting-type"
name = "Meeting type"
[[resource_types]]
key = "number"
name = "Telephone number"
assignable = ["user"]
exclusive = true
"#;

async fn resource(acme: &Acme, type_: &str, name: &str) {
    let made = acme.post("/resources", json!({ "type": type_, "name": name })).await;
    made.expect(201);
}

async fn names(acme: &Caller, path: &str, member: &str) -> Vec<String> {
    let listed = acme.get(&format!("{ACME}{path}")).await.expect(200);
    let items = listed["items"].as_array().expect("a list").iter();
    items
        .map(|item| item[member].as_str().expect("a text").to_owned())
        .collect()
}

#[tokio::test]
async fn a_user_is_made_with_groups_roles_licences_resources_and_an_invitation_at_once() {
    let acme = Acme::new(FILE).await;
    let (north, south) = (acme.group("North", |_| {}).await, acme.group("South", |_| {}).await);
    for (type_, name) in [("meeting-type", "Intake"), ("number", "4930123")] {
        resource(&acme, type_, name).await;
    }
    let body = json!({
        "user_name": "ada",
        "home_group": "North",
        "groups": ["South", north],
        "roles": ["agent"],
        "licences": ["pro"],
        "resources": ["meeting-type:Intake", "number:4930123"],
        "invite": true,
    });
    let made = acme.post("/users", body).await.expect(201);
    assert_eq!(made["state"], "invited");
    assert!(made["invitation"]["secret"].is_string(), "{made:#}");
    assert_eq!(made["roles"], json!({ "agent": ["direct"] }));
    assert_eq!(made["licences"]["pro"]["origins"], json!(["direct"]));
    assert_eq!(made["home_group"], json!(north));
    let id = made["id"].as_str().expect("an id").parse().expect("an id");
    assert_eq!(acme.membership(north, id).await, json!(["direct", "home"]));
    assert_eq!(acme.membership(south, id).await, json!(["direct"]));
    assert_eq!(
        names(&acme.admin, "/users/ada/resources", "name").await,
        ["Intake", "4930123"]
    );
    for (kind, count) in [
        ("user.created", 1),
        ("role.assigned", 1),
        ("licence.assigned", 1),
        ("invitation.created", 1),
        ("membership.added", 2),
        ("resource.assigned", 2),
    ] {
        assert_eq!(events(&acme.admin, kind).await.len(), count, "{kind}");
    }
    assert_whole(&acme.admin).await;
}

#[tokio::test]
async fn one_part_that_is_refused_is_named_and_nothing_of_the_user_is_there() {
    let acme = Acme::new(FILE).await;
    acme.group("North", |_| {}).await;
    resource(&acme, "number", "1").await;
    let first = json!({ "user_name": "first", "licences": ["pro"], "roles": ["only-one"], "resources": ["number:1"] });
    acme.post("/users", first).await.expect(201);
    for (part, value, status, word) in [
        (
            "groups",
            json!(["North", "Nowhere"]),
            400,
            "groups: group \"Nowhere\" does not exist",
        ),
        (
            "roles",
            json!(["agent", "nothing"]),
            400,
            "roles: role \"nothing\" does not exist",
        ),
        ("roles", json!(["group-manager"]), 400, "held in a group"),
        ("roles", json!(["only-one"]), 403, "1 hold this role already"),
        ("licences", json!(["pro"]), 403, "no free seat of licence pro"),
        ("licences", json!(["gold"]), 400, "gold"),
        (
            "resources",
            json!(["number:2"]),
            400,
            "resources: resource \"number:2\" does not exist",
        ),
        ("resources", json!(["number:1"]), 409, "\"1\" is already taken"),
        ("groups", json!(vec!["North"; 101]), 400, "101 are too many"),
    ] {
        let mut body = json!({ "user_name": "ada", "groups": ["North"], "invite": true });
        body[part] = value;
        let refused = acme.post("/users", body.clone()).await.expect(status);
        let detail = refused["detail"].as_str().unwrap_or_default();
        assert!(detail.contains(word), "{body}: {detail}");
    }
    acme.get("/users/ada").await.expect(404);
    assert_eq!(names(&acme.admin, "/groups/North/members", "id").await, [""; 0]);
    assert_eq!(names(&acme.admin, "/invitations", "id").await, [""; 0]);
    assert_eq!(events(&acme.admin, "user.created").await.len(), 1);
    assert_whole(&acme.admin).await;
}

#[tokio::test]
async fn a_manager_of_a_group_makes_and_invites_people_into_it_and_into_no_other() {
    let acme = Acme::new(FILE).await;
    let (north, south) = (acme.group("North", |_| {}).await, acme.group("South", |_| {}).await);
    let mia = acme.user("mia").await;
    acme.join(north, mia).await.expect("a member");
    acme.group_role(north, mia, "group-manager").await;
    let person = acme.person("mia").await;
    let users = format!("{ACME}/users");
    let invited = json!({ "user_name": "ada", "groups": ["North"], "invite": true });
    let made = person.post(&users, invited).await.expect(201);
    assert_eq!(made["state"], "invited");
    let id = made["id"].as_str().expect("an id").parse().expect("an id");
    assert_eq!(acme.membership(north, id).await, json!(["direct"]));
    for more in [
        json!({}),
        json!({ "groups": ["South"] }),
        json!({ "groups": ["North", "South"] }),
        json!({ "groups": ["North"], "home_group": "South" }),
        json!({ "groups": ["North"], "roles": ["agent"] }),
        json!({ "groups": ["North"], "licences": ["pro"] }),
        json!({ "groups": ["North"], "password": "long enough 1!" }),
    ] {
        let mut body = json!({ "user_name": "grace", "invite": false });
        body.as_object_mut()
            .expect("an object")
            .extend(more.as_object().expect("an object").clone());
        person.post(&users, body.clone()).await.expect(403);
    }
    acme.get("/users/grace").await.expect(404);
    // Who creates in the whole organisation puts nobody into groups without the right to.
    acme.user("kim").await;
    acme.assign("kim", "desk").await.expect(200);
    let kim = acme.person("kim").await;
    kim.post(&users, json!({ "user_name": "edsger", "groups": ["North"] }))
        .await
        .expect(403);
    kim.post(&users, json!({ "user_name": "edsger" })).await.expect(201);
    assert_eq!(
        names(&acme.admin, &format!("/groups/{south}/members"), "id").await,
        [""; 0]
    );
    assert_whole(&acme.admin).await;
}

#[tokio::test]
async fn whoever_is_made_is_invited_when_the_organisation_says_so_and_the_request_nothing_else() {
    let acme = Acme::new("invite_new_users = true").await;
    for (name, more, state) in [
        ("ada", json!({ "channel": "link" }), "invited"),
        ("alan", json!({}), "invited"),
        ("grace", json!({ "invite": false }), "prepared"),
        ("edsger", json!({ "password": "long enough 1!" }), "enrolled"),
        ("kim", json!({ "invite": true, "channel": "email" }), "invited"),
    ] {
        let mut body =
            json!({ "user_name": name, "attributes": { "emails": [{ "value": format!("{name}@acme.example") }] } });
        body.as_object_mut()
            .expect("an object")
            .extend(more.as_object().expect("an object").clone());
        let made = acme.post("/users", body).await.expect(201);
        assert_eq!(made["state"], state, "{made:#}");
        let is_shown = made["invitation"]["secret"].is_string();
        assert_eq!(
            is_shown,
            name == "ada",
            "a secret that goes by mail is shown to nobody else: {made:#}"
        );
    }
    let told = acme.get("").await.expect(200);
    assert_eq!(told["invite_new_users"], true);
    assert_whole(&acme.admin).await;
}

#[tokio::test]
async fn a_group_is_made_with_its_first_members_and_resources_or_not_at_all() {
    let acme = Acme::new(FILE).await;
    acme.user("ada").await;
    resource(&acme, "meeting-type", "Intake").await;
    resource(&acme, "number", "1").await;
    let body = |resource: &str| json!({ "display_name": "North", "users": ["ada"], "resources": [resource] });
    for (resource, word) in [
        ("meeting-type:Review", "does not exist"),
        ("number:1", "not assigned to groups"),
    ] {
        let refused = acme.post("/groups", body(resource)).await.expect(400);
        assert!(refused["detail"].to_string().contains(word), "{refused:#}");
        acme.get("/groups/North").await.expect(404);
    }
    let made = acme.post("/groups", body("meeting-type:Intake")).await.expect(201);
    assert_eq!(made["members"], 1, "{made:#}");
    assert_eq!(names(&acme.admin, "/groups/North/resources", "name").await, ["Intake"]);
    assert_eq!(names(&acme.admin, "/users/ada/resources", "name").await, ["Intake"]);
    assert_whole(&acme.admin).await;
}

#[tokio::test]
async fn a_role_is_made_and_given_to_people_in_one_commit() {
    let acme = Acme::new(FILE).await;
    for name in ["ada", "grace"] {
        acme.user(name).await;
    }
    let role = |users: Value| json!({ "key": "clerk", "name": "Clerk", "max_holders": 2, "users": users });
    acme.post("/roles", role(json!(["ada", "nobody"]))).await.expect(400);
    acme.get("/roles/clerk").await.expect(404);
    let made = acme.post("/roles", role(json!(["ada", "grace"]))).await.expect(201);
    assert_eq!(made["holders"], 2);
    assert_eq!(
        names(&acme.admin, "/roles/clerk/holders", "user_name").await,
        ["ada", "grace"]
    );
    let mut full = role(json!(["ada", "grace"]));
    full["key"] = json!("porter");
    full["max_holders"] = json!(1);
    acme.post("/roles", full).await.expect(403);
    acme.get("/roles/porter").await.expect(404);
    assert_whole(&acme.admin).await;
}
