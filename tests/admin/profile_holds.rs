//! What the products' own features come to here: a permission that says who may, an attribute or a mark that says on whom, a setting
//! with bounds, a link, an add-on without which a permission sleeps. The product does the rest.

use axum::http::Method;
use serde_json::{Value, json};

use super::profile_rights::{ask, may, reasons, two_groups};
use super::profile_rules::profiled;
use crate::kit::access::{ACME, Acme};
use crate::kit::custom_attributes::OWN;
use crate::kit::scim::USER;

/// Somebody with a role of the whole organisation.
async fn with_role(acme: &Acme, name: &str, role: &str) {
    acme.user(name).await;
    acme.assign(name, role).await.expect(200);
}

/// What stands in `member` of the items of a list.
async fn listed(acme: &Acme, path: &str, member: &str) -> Vec<Value> {
    let answer = acme.get(path).await.expect(200);
    let items = answer["items"].as_array().expect("items").iter();
    items.map(|item| item[member].clone()).collect()
}

/// Where a right comes from, in the words of `explain`.
async fn because(acme: &Acme, user: &str, permission: &str) -> Value {
    let path = format!("/users/{user}/explain?permission={permission}");
    acme.get(&path).await.expect(200)["because"].clone()
}

#[tokio::test]
async fn groups_have_a_region_by_which_they_are_found_and_their_reports_are_opened_one_by_one() {
    let acme = two_groups("group-operator").await;
    for (group, region) in [("North", "coast"), ("South", "hills")] {
        let set = json!({ "attributes": { "urn:usher:scim:schemas:extension:acme:2.0:Group": { "region": region } } });
        acme.admin
            .send(Method::PATCH, &format!("{ACME}/groups/{group}"), Some(set))
            .await
            .expect(200);
    }
    let found = listed(
        &acme,
        "/groups?filter=attributes.region%20eq%20%22coast%22",
        "display_name",
    )
    .await;
    assert_eq!(found, ["North"]);
    assert!(may(&acme, "mia", "report.view", Some("North")).await);
    assert!(!may(&acme, "mia", "report.view", Some("South")).await);
    let without = Acme::new("").await;
    without.get("/groups?filter=attributes.region%20pr").await.expect(400);
}

#[tokio::test]
async fn a_group_manager_sees_the_results_of_the_own_group_and_of_no_other() {
    let acme = two_groups("group-manager").await;
    for action in ["report.view", "recording.view"] {
        assert!(may(&acme, "mia", action, Some("North")).await, "{action}");
        assert_eq!(
            reasons(&acme, "mia", action, Some("South")).await,
            ["noRight"],
            "{action}"
        );
        let told = because(&acme, "mia", action).await.to_string();
        assert!(
            told.contains("group-manager") && told.contains("group-operator"),
            "{action}: {told}"
        );
    }
}

#[tokio::test]
async fn each_of_the_three_jobs_of_administrators_is_opened_by_rights_of_its_own() {
    let acme = Acme::new("profile = \"24sessions\"").await;
    for (name, role) in [("boss", "admin"), ("mia", "manager"), ("ada", "user")] {
        with_role(&acme, name, role).await;
    }
    // What a console asks to know which entries to show, and what each then counts.
    for (name, opened) in [
        ("boss", [true, true, true]),
        ("mia", [true, true, false]),
        ("ada", [false; 3]),
    ] {
        let person = acme.person(name).await;
        let new = [
            ("/users", json!({ "user_name": format!("new-{name}") })),
            ("/groups", json!({ "display_name": format!("Group of {name}") })),
            ("/roles", json!({ "key": format!("role-{name}"), "name": "Role" })),
        ];
        for ((path, body), is_open) in new.into_iter().zip(opened) {
            let status = ask(&person, Method::POST, path, body).await;
            assert_eq!(status, if is_open { 201 } else { 403 }, "{name}: {path}");
        }
    }
    let boss = acme.person("boss").await;
    for (path, total) in [("users", 5), ("groups", 2), ("roles", 7)] {
        let shown = boss.get(&format!("{ACME}/{path}?count=true&limit=1")).await.expect(200);
        assert_eq!(shown["total"], total, "{path}");
    }
}

#[tokio::test]
async fn settings_add_ons_and_meetings_of_others_are_each_a_permission_that_some_roles_have() {
    let acme = Acme::new("profile = \"24sessions\"").await;
    for role in ["user", "operator", "manager", "admin"] {
        with_role(&acme, &format!("the-{role}"), role).await;
    }
    // Account, languages, logo, widgets (S000-26); branding, domain, dial-in (S000-33); meetings of others (S000-34).
    for (action, allowed) in [
        ("settings.manage", vec!["admin"]),
        ("addon.manage", vec!["admin"]),
        ("meeting.assign-other", vec!["operator", "manager", "admin"]),
    ] {
        for role in ["user", "operator", "manager", "admin"] {
            let shown = acme
                .get(&format!("/users/the-{role}/explain?permission={action}"))
                .await
                .expect(200);
            assert_eq!(shown["allowed"], allowed.contains(&role), "{role}: {action}");
        }
    }
}

#[tokio::test]
async fn availability_of_others_is_set_by_operators_in_their_groups_and_by_managers_everywhere() {
    let acme = two_groups("group-operator").await;
    with_role(&acme, "boss", "manager").await;
    acme.assign("ada", "user").await.expect(200);
    for (who, whom, allowed) in [
        ("ada", "ada", true),
        ("ada", "mia", false),
        ("mia", "ada", true),
        ("mia", "grace", false),
        ("boss", "grace", true),
    ] {
        let path = format!("/users/{who}/eligibility?action=avail.set&to={whom}");
        let told = acme.get(&path).await.expect(200);
        let refused = told["reasons"].as_array().expect("reasons").contains(&json!("noRight"));
        assert_eq!(!refused, allowed, "{who} for {whom}: {told:#}");
    }
}

#[tokio::test]
async fn a_meeting_type_keeps_how_many_attend_how_its_room_looks_and_how_it_is_booked_within_bounds() {
    let acme = Acme::new("profile = \"24sessions\"").await;
    let settings = json!({
        "maxAttendees": 12, "background": "library", "grid": true, "imageCapture": false, "screenSharing": true, "overlay": "logo",
        "questions": ["What is it about?"], "reviewQuestions": ["How was it?"], "booking": "live-now",
        "downloadRecordings": false, "waitingRoom": true,
    });
    let made = json!({ "type": "meeting-type", "name": "Intake", "settings": settings });
    let made = acme.post("/resources", made).await.expect(201);
    assert_eq!(made["settings"], settings);
    for (setting, value, cure) in [
        ("maxAttendees", json!(1), "integer from 2 to 500"),
        ("maxAttendees", json!(501), "integer from 2 to 500"),
        ("maxAttendees", json!("many"), "integer from 2 to 500"),
        ("booking", json!("never"), "one of live-now, scheduled, booked"),
        ("waitingRoom", json!("yes"), "boolean"),
        ("questions", json!("one"), "a list"),
        ("lobby", json!(true), "it has maxAttendees"),
    ] {
        let change = json!({ "settings": { setting: value } });
        let refused = acme
            .admin
            .send(
                Method::PATCH,
                &format!("{ACME}/resources/meeting-type:Intake"),
                Some(change),
            )
            .await
            .expect(400);
        let detail = refused["detail"].as_str().expect("a detail");
        assert!(detail.contains(setting) && detail.contains(cure), "{setting}: {detail}");
    }
    let change = json!({ "settings": { "maxAttendees": 500 } });
    let path = format!("{ACME}/resources/meeting-type:Intake");
    let changed = acme.admin.send(Method::PATCH, &path, Some(change)).await.expect(200);
    assert_eq!(
        (&changed["settings"]["maxAttendees"], &changed["settings"]["grid"]),
        (&json!(500), &json!(true))
    );
}

#[tokio::test]
async fn the_link_of_a_group_leads_to_one_group_and_to_those_of_its_users_who_can_be_booked() {
    let acme = Acme::new("profile = \"24sessions\"").await;
    let sales = json!({ "display_name": "Sales", "link": "sales" });
    acme.post("/groups", sales).await.expect(201);
    let other = json!({ "display_name": "Other", "link": "sales" });
    acme.post("/groups", other).await.expect(409);
    for name in ["ada", "grace"] {
        with_role(&acme, name, "user").await;
    }
    acme.post("/groups/Sales/members", json!({ "users": ["ada", "grace"] }))
        .await
        .expect(200);
    assert_eq!(
        listed(&acme, "/groups?filter=link%20eq%20%22sales%22", "display_name").await,
        ["Sales"]
    );
    let members = listed(&acme, "/groups/Sales/members?sort=member", "member").await;
    assert_eq!(members, ["ada", "grace"]);
    acme.post("/resources", json!({ "type": "meeting-type", "name": "Intake" }))
        .await
        .expect(201);
    acme.post(
        "/resources/meeting-type:Intake/assignments",
        json!({ "users": ["ada"] }),
    )
    .await
    .expect(200);
    assert!(may(&acme, "ada", "meeting.hold", None).await);
    assert_eq!(reasons(&acme, "grace", "meeting.hold", None).await, ["noResource"]);
}

#[tokio::test]
async fn recording_is_ticked_for_one_person_and_nobody_has_it_by_a_role() {
    let acme = profiled("vsight", &["subscriber"]).await;
    for name in ["ada", "grace"] {
        named_user(&acme, name).await;
    }
    acme.post("/users/ada/permissions", json!({ "permission": "recording.make" }))
        .await
        .expect(200);
    assert!(may(&acme, "ada", "recording.make", None).await);
    assert_eq!(reasons(&acme, "grace", "recording.make", None).await, ["noRight"]);
    let told = because(&acme, "ada", "recording.make").await;
    assert_eq!(told[0]["from"], "grant", "{told}");
    acme.post("/users/ada/permissions", json!({ "permission": "recording.unknown" }))
        .await
        .expect(400);
}

#[tokio::test]
async fn that_everyone_is_asked_before_a_recording_is_a_mark_on_one_person() {
    let acme = profiled("vsight", &["subscriber"]).await;
    for name in ["ada", "grace"] {
        named_user(&acme, name).await;
    }
    let shown = acme.get("/permissions").await.expect(200);
    let marks = shown["items"].as_array().expect("items").iter();
    let marks: Vec<&Value> = marks
        .filter(|item| item["flag"] == true)
        .map(|item| &item["key"])
        .collect();
    assert_eq!(marks, ["recording.consent"]);
    acme.post("/users/ada/permissions", json!({ "permission": "recording.consent" }))
        .await
        .expect(200);
    let marked = async |name: &str| because(&acme, name, "recording.consent").await != json!([]);
    assert!(marked("ada").await);
    assert!(!marked("grace").await);
}

#[tokio::test]
async fn who_has_an_address_is_found_and_mailed_and_who_has_none_says_so() {
    let acme = profiled("vsight", &["subscriber"]).await;
    let stored = json!({ "displayName": "Ada", "emails": [{ "value": "ada@acme.example" }] });
    for (name, attributes) in [("ada", stored), ("grace", json!({ "displayName": "Grace" }))] {
        let new = json!({ "user_name": name, "attributes": attributes, "roles": ["subscriber"] });
        acme.post("/users", new).await.expect(201);
    }
    assert_eq!(listed(&acme, "/users?filter=emails%20pr", "user_name").await, ["ada"]);
    acme.post("/users/ada/invite", json!({ "channel": "email" }))
        .await
        .expect(201);
    let mails = acme.get("/outbox").await.expect(200);
    assert_eq!(mails["items"].as_array().map(Vec::len), Some(1), "{mails:#}");
    let waits = acme
        .post("/users/grace/invite", json!({ "channel": "email" }))
        .await
        .expect(201);
    assert_eq!(waits["obstacle"], "no-email", "{waits:#}");
}

#[tokio::test]
async fn the_export_of_a_session_is_for_experts_with_an_address_and_sleeps_without_the_add_on() {
    let acme = profiled("vsight", &["subscriber", "expert"]).await;
    for (name, role, emails) in [
        ("ada", "expert", json!([{ "value": "ada@acme.example" }])),
        ("edsger", "expert", json!([])),
        ("grace", "subscriber", json!([{ "value": "grace@acme.example" }])),
    ] {
        let roles = [json!({ "value": role })];
        let new = json!({ "schemas": [USER], "userName": name, "displayName": name, "roles": roles, "emails": emails });
        acme.client().post("/scim/acme/v2/Users", new).await.expect(201);
    }
    assert!(!may(&acme, "ada", "export.receive", None).await);
    let told = because(&acme, "ada", "export.receive").await;
    assert!(
        told.to_string().contains("{\"no_feature\":\"export\"}"),
        "the add-on is missing, and nothing else: {told}"
    );
    let file = "[organisation]\nslug = \"acme\"\nfeatures = [\"export\"]\n";
    acme.admin.apply("acme", file).await.expect(200);
    assert!(may(&acme, "ada", "export.receive", None).await);
    assert_eq!(reasons(&acme, "grace", "export.receive", None).await, ["noRight"]);
    // To whom the product mails it, and where.
    let filter = usher::cli::gateway::escaped("roles eq \"expert\" and emails pr");
    let found = listed(&acme, &format!("/users?filter={filter}"), "user_name").await;
    assert_eq!(found, ["ada"]);
    // Given to a single person, it comes without the role.
    acme.post("/users/grace/permissions", json!({ "permission": "export.receive" }))
        .await
        .expect(200);
    assert!(may(&acme, "grace", "export.receive", None).await);
    let file = "[organisation]\nslug = \"acme\"\nfeatures = []\n";
    acme.admin.apply("acme", file).await.expect(200);
    assert!(!may(&acme, "grace", "export.receive", None).await);
    acme.verify().await;
}

#[tokio::test]
async fn users_and_the_settings_of_the_organisation_are_opened_apart() {
    let acme = profiled("vsight", &["subscriber"]).await;
    for (key, permissions) in [
        ("people", json!(["user.manage", "user.view"])),
        ("setup", json!(["settings.manage", "organisation.view"])),
    ] {
        acme.role(json!({ "key": key, "name": key, "permissions": permissions }))
            .await;
        named_user(&acme, key).await;
        acme.assign(key, key).await.expect(200);
    }
    for (name, users, settings) in [("people", true, false), ("setup", false, true)] {
        assert_eq!(may(&acme, name, "user.manage", None).await, users, "{name}");
        assert_eq!(may(&acme, name, "settings.manage", None).await, settings, "{name}");
        let person = acme.person(name).await;
        let word = |is_open: bool| if is_open { 200 } else { 403 };
        assert_eq!(
            ask(&person, Method::GET, "/users?count=true", Value::Null).await,
            word(users),
            "{name}"
        );
        assert_eq!(
            ask(&person, Method::GET, "", Value::Null).await,
            word(settings),
            "{name}"
        );
    }
}

#[tokio::test]
async fn the_tables_criteria_include_tracking_numbers_and_are_kept_and_paged_as_the_profile_says() {
    let acme = Acme::new("profile = \"convirza\"").await;
    acme.user("ada").await;
    for number in 0..26 {
        let made = json!({ "type": "tracking-number", "name": format!("+3120000{number:02}"), "owner": "ada" });
        acme.post("/resources", made).await.expect(201);
    }
    acme.post("/resources", json!({ "type": "campaign", "name": "+3120 spring" }))
        .await
        .expect(201);
    let filter = "type eq \"tracking-number\" and name sw \"+31200000\"";
    let path = format!("/resources?filter={}", usher::cli::gateway::escaped(filter));
    assert_eq!(listed(&acme, &path, "name").await.len(), 10);
    let view =
        json!({ "name": "Numbers", "list": "resources", "filter": "type eq \"tracking-number\"", "page_size": 10 });
    acme.post("/views", view).await.expect(201);
    // 25 rows by the profile (S004-15); what a view or the reader says goes first.
    for (path, rows) in [
        ("/resources", 25),
        ("/resources?view=Numbers", 10),
        ("/resources?view=Numbers&limit=50", 26),
        ("/resources?limit=50", 27),
    ] {
        assert_eq!(listed(&acme, path, "name").await.len(), rows, "{path}");
    }
    assert_eq!(acme.get("").await.expect(200)["page_size"], 25);
    let file = "[organisation]\nslug = \"acme\"\npage_size = 10\n";
    acme.admin.apply("acme", file).await.expect(200);
    assert_eq!(listed(&acme, "/resources", "name").await.len(), 10);
    for size in [0, 1001] {
        let file = format!("[organisation]\nslug = \"acme\"\npage_size = {size}\n");
        acme.admin.apply("acme", &file).await.expect(422);
    }
}

#[tokio::test]
async fn whose_conversations_are_scored_is_an_attribute_and_who_scores_is_a_role() {
    let acme = Acme::new("profile = \"convirza\"").await;
    for name in ["ada", "grace"] {
        acme.user(name).await;
    }
    let set = async |value: Value| {
        let body = json!({ "attributes": { OWN: { "scoringEnabled": value } } });
        acme.admin
            .send(Method::PATCH, &format!("{ACME}/users/ada"), Some(body))
            .await
    };
    set(json!("yes")).await.expect(400);
    set(json!(true)).await.expect(200);
    let found = listed(
        &acme,
        "/users?filter=attributes.scoringEnabled%20eq%20true",
        "user_name",
    )
    .await;
    assert_eq!(found, ["ada"]);
    assert_eq!(reasons(&acme, "grace", "call.score", None).await, ["noRight"]);
    acme.assign("grace", "scorer").await.expect(200);
    assert!(may(&acme, "grace", "call.score", None).await);
    let without = Acme::new("").await;
    without.user("ada").await;
    without
        .get("/users?filter=attributes.scoringEnabled%20pr")
        .await
        .expect(400);
}

#[tokio::test]
async fn an_admin_of_call_tracking_acts_on_the_own_level_and_below() {
    let acme = Acme::new("profile = \"convirza\"").await;
    let root = listed(&acme, "/groups?filter=is_billing_root%20eq%20true", "display_name").await;
    for (name, parent) in [("North", &root[0]), ("South", &root[0]), ("Sales", &json!("North"))] {
        let group = json!({ "display_name": name, "parent": parent });
        acme.post("/groups", group).await.expect(201);
    }
    for (name, home) in [("mia", "North"), ("below", "Sales"), ("beside", "South"), ("above", "")] {
        acme.user(name).await;
        if !home.is_empty() {
            let moved = json!({ "to": home });
            acme.post(&format!("/users/{name}/move"), moved).await.expect(200);
        }
    }
    acme.assign("mia", "admin").await.expect(200);
    let mia = acme.person("mia").await;
    let seen = mia.get(&format!("{ACME}/users")).await.expect(200);
    let seen = seen["items"].as_array().expect("items").iter();
    assert_eq!(
        seen.map(|user| &user["user_name"]).collect::<Vec<_>>(),
        ["mia", "below"]
    );
    let seen = mia.get(&format!("{ACME}/groups")).await.expect(200);
    let seen = seen["items"].as_array().expect("items").iter();
    assert_eq!(
        seen.map(|group| &group["display_name"]).collect::<Vec<_>>(),
        ["North", "Sales"]
    );
    for (name, status) in [("below", 200), ("beside", 403), ("above", 403)] {
        assert_eq!(
            ask(&mia, Method::POST, &format!("/users/{name}/suspend"), json!({})).await,
            status,
            "{name}"
        );
        let title = json!({ "attributes": { "title": "Agent" } });
        assert_eq!(
            ask(&mia, Method::PATCH, &format!("/users/{name}"), title).await,
            status,
            "{name}"
        );
    }
    let rename = |group: &str| {
        (
            format!("/groups/{group}"),
            json!({ "display_name": format!("{group}!") }),
        )
    };
    let (path, body) = rename("South");
    assert_eq!(ask(&mia, Method::PATCH, &path, body).await, 403);
    let (path, body) = rename("Sales");
    assert_eq!(ask(&mia, Method::PATCH, &path, body).await, 200);
    for (name, status) in [("below", 200), ("beside", 403)] {
        let path = format!("/users/{name}/roles/standard");
        assert_eq!(ask(&mia, Method::PUT, &path, json!({})).await, status, "{name}");
    }
    assert_eq!(
        ask(&mia, Method::PUT, "/users/mia/roles/account-administrator", json!({})).await,
        403
    );
    assert_eq!(ask(&mia, Method::DELETE, "/roles/standard", Value::Null).await, 403);
    acme.verify().await;
}

/// Somebody active with the real name and the role that the profile asks for.
async fn named_user(acme: &Acme, name: &str) {
    let roles = [json!({ "value": "subscriber" })];
    let new = json!({ "schemas": [USER], "userName": name, "displayName": name, "roles": roles });
    acme.client().post("/scim/acme/v2/Users", new).await.expect(201);
}
