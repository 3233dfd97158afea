//! Tables as files: what the list shows, read back as spreadsheets read it (S003-29, S003-30, S004-13).

use std::io::Cursor;

use axum::http::Method;
use calamine::{Reader as _, Xlsx};
use serde_json::{Value, json};

use crate::kit::access::{ACME, Acme};
use crate::kit::gateway::{Caller, Inside};

const FILE: &str = r#"
[organisation]
slug = "acme"
[[roles]]
key = "agent"
name = "Agent"
[[roles]]
key = "host"
name = "Host"
scope = "group"
[[licences]]
key = "pro"
name = "Pro"
limit = 9
consumes_from = "active"
[[user_attributes]]
name = "badge"
type = "string"
[[user_attributes]]
name = "pin"
type = "string"
returned = "never"
mutability = "writeOnly"
[[resource_types]]
key = "room"
name = "Room"
"#;

/// Ada, who is prepared and whose name is a formula; Grace, who is invited; Bob, whose data is left alone.
async fn acme() -> Caller {
    let inside = Inside::new();
    let acme = inside.administrator().await.organisation("acme").await;
    acme.apply("acme", FILE).await.expect(200);
    post(&acme, "/groups", json!({ "display_name": "North; East" })).await;
    let ada = json!({
        "user_name": "ada@acme.example",
        "attributes": {
            "name": { "givenName": "=1+1", "familyName": "Lovelace, \"Countess\"" },
            "emails": [{ "value": "ada@acme.example", "primary": true }, { "value": "a.l@acme.example" }],
            "urn:usher:scim:schemas:extension:acme:2.0:User": { "badge": "+7", "pin": "1815" },
        },
        "labels": ["vip"],
        "home_group": "North; East",
        "licences": ["pro"],
    });
    post(&acme, "/users", ada).await;
    post(&acme, "/users", json!({ "user_name": "grace", "invite": true })).await;
    post(&acme, "/users", json!({ "user_name": "bob" })).await;
    let put = |path: &'static str, body: Value| {
        let acme = acme.clone();
        async move { acme.put(&format!("{ACME}{path}"), body).await.expect(200) }
    };
    put("/users/grace/roles/agent", json!({})).await;
    let hosts = json!({ "users": ["ada@acme.example"] });
    let given = acme
        .post(
            &format!("{ACME}/groups/North; East/roles/host").replace(' ', "%20"),
            hosts,
        )
        .await;
    given.expect(200);
    post(
        &acme,
        "/resources",
        json!({ "type": "room", "name": "R1", "owner": "grace" }),
    )
    .await;
    let assign = json!({ "users": ["grace", "bob"], "groups": ["North; East"] });
    acme.post(&format!("{ACME}/resources/room:R1/assignments"), assign)
        .await
        .expect(200);
    post(
        &acme,
        "/guests",
        json!({ "name": "@visitor", "email": "v@acme.example" }),
    )
    .await;
    put("/users/bob/restriction", json!({ "restricted": true })).await;
    acme
}

async fn post(acme: &Caller, path: &str, body: Value) {
    acme.post(&format!("{ACME}{path}"), body).await.expect(201);
}

/// A file of a table, as bytes.
async fn file(acme: &Caller, asked: &str) -> Vec<u8> {
    let (status, bytes) = acme
        .bytes(Method::GET, &format!("{ACME}/export/{asked}"), Vec::new())
        .await;
    assert_eq!(status, 200, "{asked}: {}", String::from_utf8_lossy(&bytes));
    bytes
}

/// The rows of CSV, the names of its columns first.
fn read(bytes: &[u8], delimiter: u8) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .delimiter(delimiter)
        .from_reader(bytes);
    let rows = reader
        .records()
        .map(|row| row.expect("a row").iter().map(str::to_owned).collect());
    rows.collect()
}

async fn table(acme: &Caller, asked: &str) -> Vec<Vec<String>> {
    read(&file(acme, asked).await, b',')
}

/// Why an export is refused.
async fn refused(acme: &Caller, asked: &str) -> String {
    let problem = acme.get(&format!("{ACME}/export/{asked}")).await.expect(400);
    problem["detail"].as_str().expect("a detail").to_owned()
}

#[tokio::test]
async fn the_csv_of_users_says_what_the_list_says_and_calculates_nothing() {
    let acme = acme().await;
    let rows = table(&acme, "users").await;
    let column = |name: &str| rows[0].iter().position(|column| column == name).expect("a column");
    assert!(!rows[0].iter().any(|column| column == "pin"), "{:?}", rows[0]);
    let names: Vec<&str> = rows[1..].iter().map(|row| row[column("user_name")].as_str()).collect();
    assert_eq!(names, ["ada@acme.example", "grace"], "nobody who is restricted");
    let ada = &rows[1];
    for (name, cell) in [
        ("given_name", "'=1+1"),
        ("family_name", "Lovelace, \"Countess\""),
        ("emails", "ada@acme.example; a.l@acme.example"),
        ("badge", "'+7"),
        ("labels", "vip"),
        ("home_group", "North; East"),
        ("groups", "\"North; East\""),
        ("licences", "pro"),
        ("state", "prepared"),
    ] {
        assert_eq!(ada[column(name)], cell, "{name}");
    }
    let listed = acme.get(&format!("{ACME}/users")).await.expect(200);
    assert_eq!(ada[column("id")], listed["items"][0]["id"].as_str().expect("an id"));
    assert_eq!(rows[2][column("roles")], "agent");
}

#[tokio::test]
async fn columns_are_chosen_and_rows_are_asked_for_as_the_list_is() {
    let acme = acme().await;
    let chosen = "users?columns=emails.value,attributes.badge,State&filter=user_name%20sw%20%22ada%22";
    assert_eq!(
        table(&acme, chosen).await,
        [
            vec!["emails.value", "attributes.badge", "state"],
            vec!["ada@acme.example; a.l@acme.example", "'+7", "prepared"],
        ]
    );
    let invited = "users?columns=user_name&state=invited,active&separator=semicolon&bom=true";
    let bytes = file(&acme, invited).await;
    assert_eq!(bytes, b"\xef\xbb\xbfuser_name\r\ngrace\r\n");
    let sorted = table(&acme, "users?columns=user_name&sort=user_name&descending=true").await;
    assert_eq!(sorted, [["user_name"], ["grace"], ["ada@acme.example"]]);
    let view = json!({ "name": "Invited", "list": "users", "filter": "state eq \"invited\"", "columns": ["user_name", "roles"] });
    post(&acme, "/views", view).await;
    assert_eq!(
        table(&acme, "users?view=Invited").await,
        [["user_name", "roles"], ["grace", "agent"]]
    );
    for (asked, words) in [
        (
            "users?columns=user_name,shoe",
            "columns: \"shoe\" is no column of users",
        ),
        ("users?columns=pin", "columns: \"pin\""),
        ("users?columns=password", "columns: \"password\""),
        ("users?state=asleep", "state: \"asleep\" is not known"),
        ("users?filter=shoe%20pr", "shoe"),
        ("groups?state=active", "state: groups have none"),
        (
            "memberships?filter=user_name%20pr",
            "\"user_name\" is not shown by the list of members: use one of id, kind, member",
        ),
        ("memberships?state=active", "state: memberships have none"),
        (
            "role-holders?sort=shoe",
            "\"shoe\" is not shown by the list of role-holders",
        ),
    ] {
        let told = refused(&acme, asked).await;
        assert!(told.contains(words), "{asked}: {told}");
    }
}

#[tokio::test]
async fn a_workbook_has_a_sheet_for_each_state_and_texts_stay_texts() {
    let acme = acme().await;
    let bytes = file(
        &acme,
        "users?format=xlsx&state=invited,prepared&columns=user_name,given_name,badge",
    )
    .await;
    let mut workbook = Xlsx::new(Cursor::new(bytes)).expect("a workbook");
    assert_eq!(workbook.sheet_names(), ["invited", "prepared"]);
    let mut rows = |sheet: &str| -> Vec<Vec<String>> {
        let range = workbook.worksheet_range(sheet).expect("a sheet");
        range
            .rows()
            .map(|row| row.iter().map(ToString::to_string).collect())
            .collect()
    };
    assert_eq!(
        rows("invited"),
        [["user_name", "given_name", "badge"], ["grace", "", ""]]
    );
    assert_eq!(
        rows("prepared"),
        [["user_name", "given_name", "badge"], ["ada@acme.example", "=1+1", "+7"]]
    );
    let formulas = workbook.worksheet_formula("prepared").expect("a sheet");
    assert!(formulas.rows().flatten().all(String::is_empty), "{formulas:?}");
}

#[tokio::test]
async fn every_other_table_is_a_file_too() {
    let acme = acme().await;
    let groups = table(&acme, "groups?columns=display_name,members,enabled").await;
    assert_eq!(
        groups,
        [["display_name", "members", "enabled"], ["North; East", "1", "true"]]
    );
    for (asked, rows) in [
        (
            "memberships?columns=group,kind,member,origins,roles",
            vec![vec!["North; East", "user", "ada@acme.example", "home", "host"]],
        ),
        (
            "role-holders?columns=role,user_name,group",
            vec![
                vec!["agent", "grace", ""],
                vec!["host", "ada@acme.example", "North; East"],
            ],
        ),
        (
            "resources?columns=type,name,owner,users",
            vec![vec!["room", "R1", "grace", "2"]],
        ),
        (
            "resource-assignments?columns=resource,kind,subject",
            vec![vec!["R1", "group", "North; East"], vec!["R1", "user", "grace"]],
        ),
        (
            "licence-holders?columns=licence,user_name,seat",
            vec![vec!["pro", "ada@acme.example", "unneeded"]],
        ),
        ("invitations?columns=user_name,state", vec![vec!["grace", "sent"]]),
        ("invitations?columns=user_name&state=accepted", vec![]),
        ("guests?columns=name,enabled", vec![vec!["'@visitor", "true"]]),
    ] {
        assert_eq!(table(&acme, asked).await[1..], rows, "{asked}");
        let workbook = file(&acme, &format!("{asked}&format=xlsx")).await;
        assert!(workbook.starts_with(b"PK"), "{asked}");
    }
}

#[tokio::test]
async fn a_person_exports_what_they_may_see_and_nothing_else() {
    let acme = Acme::new(
        "[[roles]]\nkey = \"operator\"\nname = \"Operator\"\nscope = \"group\"\npermissions = [\"user.view@group\", \
         \"group.view@group\"]\n",
    )
    .await;
    for name in ["ada", "grace", "bob"] {
        acme.user(name).await;
    }
    for (group, members) in [("North", json!(["ada", "grace"])), ("South", json!(["bob"]))] {
        acme.post("/groups", json!({ "display_name": group })).await.expect(201);
        acme.post(&format!("/groups/{group}/members"), json!({ "users": members }))
            .await
            .expect(200);
    }
    acme.post("/groups/North/roles/operator", json!({ "users": ["ada"] }))
        .await
        .expect(200);
    let ada = acme.person("ada").await;
    assert_eq!(
        table(&ada, "users?columns=user_name").await,
        [["user_name"], ["ada"], ["grace"]]
    );
    assert_eq!(
        table(&ada, "memberships?columns=group,member").await,
        [["group", "member"], ["North", "ada"], ["North", "grace"]]
    );
    let agents = json!({ "key": "agent", "name": "Agent" });
    acme.post("/roles", agents).await.expect(201);
    for name in ["grace", "bob"] {
        acme.assign(name, "agent").await.expect(200);
    }
    assert_eq!(
        table(&ada, "role-holders?columns=role,user_name,group").await,
        [
            vec!["role", "user_name", "group"],
            vec!["agent", "grace", ""],
            vec!["operator", "ada", "North"],
        ]
    );
    for table in [
        "licence-holders",
        "invitations",
        "guests",
        "resources",
        "resource-assignments",
    ] {
        ada.get(&format!("{ACME}/export/{table}")).await.expect(403);
    }
    let bob = acme.person("bob").await;
    bob.get(&format!("{ACME}/export/users")).await.expect(403);
}

#[tokio::test]
async fn who_may_see_the_licences_and_resources_of_one_group_exports_those_of_its_people() {
    let acme = Acme::new(
        "[[roles]]\nkey = \"keeper\"\nname = \"Keeper\"\nscope = \"group\"\npermissions = [\"licence.view@group\", \
         \"resource.view@group\"]\n[[licences]]\nkey = \"pro\"\nname = \"Pro\"\n[[resource_types]]\nkey = \"room\"\n\
         name = \"Room\"\n",
    )
    .await;
    for name in ["ada", "grace", "bob"] {
        acme.user(name).await;
    }
    for (group, members) in [("North", json!(["ada", "grace"])), ("South", json!(["bob"]))] {
        acme.post("/groups", json!({ "display_name": group })).await.expect(201);
        acme.post(&format!("/groups/{group}/members"), json!({ "users": members }))
            .await
            .expect(200);
    }
    acme.post("/groups/North/roles/keeper", json!({ "users": ["ada"] }))
        .await
        .expect(200);
    for name in ["grace", "bob"] {
        let given = json!({ "licence": "pro" });
        acme.post(&format!("/users/{name}/licences"), given).await.expect(200);
    }
    acme.post("/resources", json!({ "type": "room", "name": "R1" }))
        .await
        .expect(201);
    let assigned = json!({ "users": ["grace", "bob"], "groups": ["North", "South"] });
    acme.post("/resources/room:R1/assignments", assigned).await.expect(200);
    let ada = acme.person("ada").await;
    assert_eq!(
        table(
            &ada,
            "licence-holders?columns=user_name&filter=licence%20eq%20%22pro%22"
        )
        .await,
        [["user_name"], ["grace"]]
    );
    assert_eq!(
        table(&ada, "resource-assignments?columns=subject").await,
        [["subject"], ["North"], ["grace"]]
    );
    let all = table(&acme.admin, "resource-assignments?columns=subject").await;
    assert_eq!(all.len(), 5, "an administrator has all of them: {all:?}");
}

#[tokio::test]
async fn what_no_single_list_shows_is_filtered_and_sorted_as_those_lists_are() {
    let acme = acme().await;
    acme.put(&format!("{ACME}/users/ada@acme.example/roles/agent"), json!({}))
        .await
        .expect(200);
    post(&acme, "/groups", json!({ "display_name": "West" })).await;
    acme.post(&format!("{ACME}/groups/West/members"), json!({ "users": ["grace"] }))
        .await
        .expect(200);
    for (asked, rows) in [
        (
            "memberships?columns=group,member&filter=roles%20eq%20%22host%22",
            vec![vec!["North; East", "ada@acme.example"]],
        ),
        (
            "memberships?columns=group,member&filter=member%20sw%20%22GR%22",
            vec![vec!["West", "grace"]],
        ),
        (
            "memberships?columns=group&sort=group&descending=true",
            vec![vec!["West"], vec!["North; East"]],
        ),
        (
            "role-holders?columns=role,user_name&filter=group%20pr",
            vec![vec!["host", "ada@acme.example"]],
        ),
        (
            "role-holders?columns=role,user_name&filter=role%20eq%20%22agent%22&sort=user_name&descending=true",
            vec![vec!["agent", "grace"], vec!["agent", "ada@acme.example"]],
        ),
        (
            "role-holders?columns=role,user_name&state=invited",
            vec![vec!["agent", "grace"]],
        ),
        (
            "licence-holders?columns=user_name&filter=seat%20eq%20%22held%22",
            vec![],
        ),
        (
            "licence-holders?columns=user_name&filter=licence%20eq%20%22pro%22%20and%20seat%20eq%20%22unneeded%22",
            vec![vec!["ada@acme.example"]],
        ),
        (
            "resource-assignments?columns=subject&filter=kind%20eq%20%22user%22%20and%20type%20eq%20%22room%22",
            vec![vec!["grace"]],
        ),
        (
            "resource-assignments?columns=subject&q=north",
            vec![vec!["North; East"]],
        ),
    ] {
        assert_eq!(table(&acme, asked).await[1..], rows, "{asked}");
    }
    let view = json!({
        "name": "Hosts", "list": "role-holders", "filter": "role eq \"host\"", "columns": ["user_name", "group"],
    });
    post(&acme, "/views", view).await;
    assert_eq!(
        table(&acme, "role-holders?view=Hosts").await,
        [["user_name", "group"], ["ada@acme.example", "North; East"]]
    );
    let sheets = file(
        &acme,
        "role-holders?format=xlsx&state=invited,prepared&columns=user_name",
    )
    .await;
    let mut workbook = Xlsx::new(Cursor::new(sheets)).expect("a workbook");
    assert_eq!(workbook.sheet_names(), ["invited", "prepared"]);
    assert_eq!(workbook.worksheet_range("prepared").expect("a sheet").height(), 3);
}

#[tokio::test]
async fn the_lists_of_one_group_or_resource_answer_the_same_filters() {
    let acme = acme().await;
    let listed = async |path: &str| {
        let answer = acme.get(&format!("{ACME}{path}")).await.expect(200);
        answer["items"].as_array().expect("items").clone()
    };
    let group = "/groups/North;%20East/members";
    let hosts = listed(&format!("{group}?filter=roles%20eq%20%22host%22")).await;
    assert_eq!((hosts.len(), &hosts[0]["member"]), (1, &json!("ada@acme.example")));
    assert!(
        listed(&format!("{group}?filter=roles%20eq%20%22agent%22"))
            .await
            .is_empty()
    );
    let assigned = "/resources/room:R1/assignments";
    let people = listed(&format!("{assigned}?filter=kind%20eq%20%22user%22&sort=subject")).await;
    let people: Vec<&Value> = people.iter().map(|item| &item["subject"]).collect();
    assert_eq!(people, ["bob", "grace"]);
    let first = acme.get(&format!("{ACME}{assigned}?limit=2")).await.expect(200);
    let after = first["next"].as_str().expect("more");
    assert_eq!(listed(&format!("{assigned}?limit=2&after={after}")).await.len(), 1);
}

#[tokio::test]
async fn the_log_is_a_table_with_the_filters_of_its_list() {
    let acme = acme().await;
    let rename = json!({ "display_name": "=HYPERLINK(1)" });
    let path = format!("{ACME}/groups/North;%20East");
    acme.send(Method::PATCH, &path, Some(rename)).await.expect(200);
    let asked =
        "audit/export?format=csv&columns=kind,field,before,after&filter=changes.kind%20eq%20%22group%22&kind=group";
    let (status, bytes) = acme.bytes(Method::GET, &format!("{ACME}/{asked}"), Vec::new()).await;
    assert_eq!(status, 200);
    let rows = read(&bytes, b',');
    assert_eq!(rows[0], ["kind", "field", "before", "after"]);
    assert!(
        rows.contains(
            &["group", "display_name", "North; East", "'=HYPERLINK(1)"]
                .map(str::to_owned)
                .to_vec()
        ),
        "{rows:?}"
    );
    assert!(rows[1..].iter().all(|row| row[0] == "group"), "{rows:?}");
    let none = "audit/export?format=csv&filter=changes.kind%20eq%20%22token%22%20and%20changes.kind%20eq%20%22group%22";
    let (_, bytes) = acme.bytes(Method::GET, &format!("{ACME}/{none}"), Vec::new()).await;
    assert_eq!(read(&bytes, b',').len(), 1, "its heading alone");
    let workbook = "audit/export?format=xlsx&kind=group";
    let (_, bytes) = acme.bytes(Method::GET, &format!("{ACME}/{workbook}"), Vec::new()).await;
    let mut workbook = Xlsx::new(Cursor::new(bytes)).expect("a workbook");
    let range = workbook.worksheet_range("audit").expect("a sheet");
    assert!(range.rows().flatten().any(|cell| *cell == "=HYPERLINK(1)"));
    let formulas = workbook.worksheet_formula("audit").expect("a sheet");
    assert!(formulas.rows().flatten().all(String::is_empty), "{formulas:?}");
    let view = json!({ "name": "Groups", "list": "audit", "filter": "changes.kind eq \"group\"" });
    post(&acme, "/views", view).await;
    let (_, bytes) = acme
        .bytes(Method::GET, &format!("{ACME}/audit/export?view=Groups"), Vec::new())
        .await;
    let lines = String::from_utf8(bytes).expect("text");
    assert!(lines.lines().count() > 1);
    assert!(lines.lines().all(|line| line.contains("\"kind\":\"group\"")), "{lines}");
    let refused = acme.get(&format!("{ACME}/audit/export?columns=at")).await.expect(400);
    assert!(refused["detail"].as_str().expect("a detail").contains("columns"));
}

#[tokio::test]
async fn people_who_are_active_prepared_or_both_are_one_sheet_each() {
    let acme = Acme::new("").await;
    acme.user("ada").await;
    acme.post("/users", json!({ "user_name": "grace" })).await.expect(201);
    acme.post("/users", json!({ "user_name": "bob", "invite": true }))
        .await
        .expect(201);
    // The two toggles, and what is chosen by them: never who is neither.
    for (states, sheets) in [
        ("active", vec![("active", "ada")]),
        ("prepared", vec![("prepared", "grace")]),
        ("active,prepared", vec![("active", "ada"), ("prepared", "grace")]),
    ] {
        let asked = format!("users?format=xlsx&columns=user_name&state={states}");
        let bytes = file(&acme.admin, &asked).await;
        let mut workbook = Xlsx::new(Cursor::new(bytes)).expect("a workbook");
        let names: Vec<&str> = sheets.iter().map(|(name, _)| *name).collect();
        assert_eq!(workbook.sheet_names(), names, "{states}");
        for (name, person) in sheets {
            let range = workbook.worksheet_range(name).expect("a sheet");
            let cells: Vec<String> = range.rows().flatten().map(ToString::to_string).collect();
            assert_eq!(cells, ["user_name", person], "{states}");
        }
    }
}
