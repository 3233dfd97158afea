//! People from files: planned row by row, confirmed, done once (X02-6).

use axum::http::Method;
use rust_xlsxwriter::Workbook;
use serde_json::{Value, json};

use super::verify::verify_ok;
use crate::kit::access::{ACME, Acme};
use crate::kit::custom_attributes::OWN;
use crate::kit::gateway::{Caller, Inside};

const FILE: &str = r#"
[organisation]
slug = "acme"
[[roles]]
key = "agent"
name = "Agent"
[[licences]]
key = "pro"
name = "Pro"
limit = 2
consumes_from = "prepared"
[[user_attributes]]
name = "floor"
type = "integer"
description = "where to sit"
[[user_attributes]]
name = "badge"
type = "string"
unique = true
"#;

async fn acme() -> (Inside, Caller) {
    let inside = Inside::new();
    let acme = inside.administrator().await.organisation("acme").await;
    acme.apply("acme", FILE).await.expect(200);
    acme.post(&format!("{ACME}/groups"), json!({ "display_name": "North; East" }))
        .await
        .expect(201);
    (inside, acme)
}

/// Sends a file and answers what came.
async fn send(acme: &Caller, query: &str, content: impl Into<Vec<u8>>) -> (u16, Value) {
    let (status, bytes) = acme
        .bytes(Method::POST, &format!("{ACME}/imports{query}"), content.into())
        .await;
    let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&bytes)));
    (status, body)
}

/// Plans a file.
async fn plan(acme: &Caller, query: &str, content: impl Into<Vec<u8>>) -> Value {
    let (status, planned) = send(acme, query, content).await;
    assert_eq!(status, 201, "{planned:#}");
    planned
}

async fn confirm(acme: &Caller, planned: &Value) -> Value {
    let path = format!("{ACME}/imports/{}/confirm", planned["id"].as_str().expect("an id"));
    acme.post(&path, json!({ "confirm": planned["confirm"] }))
        .await
        .expect(200)
}

/// Of each row: line, what is planned, what became of it, the column and the reason.
async fn rows(acme: &Caller, planned: &Value) -> Vec<[String; 5]> {
    let path = format!("{ACME}/imports/{}/rows", planned["id"].as_str().expect("an id"));
    let rows = acme.get(&path).await.expect(200);
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let row = |row: &Value| ["line", "planned", "result", "column", "reason"].map(|name| text(&row[name]));
    rows["items"].as_array().expect("rows").iter().map(row).collect()
}

async fn user(acme: &Caller, name: &str) -> Value {
    acme.get(&format!("{ACME}/users/{name}")).await.expect(200)
}

#[tokio::test]
async fn a_file_is_planned_looked_at_and_done_once() {
    let (inside, acme) = acme().await;
    let content = "user_name,Given name,family_name,emails,login_ids,labels,home_group,groups,roles,licences,floor,badge,invite,state\r\n\
                   ada,Ada,Lovelace,ada@acme.example; a.l@acme.example,mobile:+31612345678,vip;new,,\"\"\"North; East\"\"\",agent,pro,3,'+7,yes,\r\n\
                   # grace,Grace\r\n\
                   \r\n\
                   bob,Bob,,,,,,,,,,,,active\r\n";
    let planned = plan(&acme, "", content).await;
    assert_eq!(
        planned["planned"],
        json!({ "create": 2, "update": 0, "nothing": 0, "refused": 0 })
    );
    assert_eq!(planned["ignored_columns"], json!(["state"]));
    let seats = &planned["seats"][0];
    assert_eq!(
        (&seats["used"], &seats["used_after"], &seats["free"]),
        (&json!(0), &json!(1), &json!(2))
    );
    acme.get(&format!("{ACME}/users/ada")).await.expect(404);
    let path = format!("{ACME}/imports/{}/confirm", planned["id"].as_str().expect("an id"));
    let other = acme.post(&path, json!({ "confirm": "another" })).await.expect(409);
    assert_eq!(other["type"], "urn:usher:problem:another-plan");
    let done = confirm(&acme, &planned).await;
    assert_eq!(
        (&done["state"], &done["results"]["change"]),
        (&json!("done"), &json!(2))
    );
    let ada = user(&acme, "ada").await;
    assert_eq!(
        (&ada["state"], &ada["labels"]),
        (&json!("invited"), &json!(["new", "vip"]))
    );
    assert_eq!(
        ada["attributes"]["name"],
        json!({ "givenName": "Ada", "familyName": "Lovelace" })
    );
    assert_eq!(ada["emails"], json!(["ada@acme.example", "a.l@acme.example"]));
    assert_eq!(
        ada["attributes"]["urn:usher:scim:schemas:extension:acme:2.0:User"],
        json!({ "floor": 3, "badge": "+7" })
    );
    assert_eq!(ada["login_ids"], json!([{ "kind": "mobile", "value": "+31612345678" }]));
    assert_eq!(
        (&ada["roles"]["agent"], &ada["licences"]["pro"]["origins"]),
        (&json!(["direct"]), &json!(["direct"]))
    );
    let members = acme
        .get(&format!("{ACME}/groups/North;%20East/members"))
        .await
        .expect(200);
    assert_eq!(members["items"][0]["id"], ada["id"]);
    assert_eq!(user(&acme, "bob").await["state"], "prepared");
    let again = confirm(&acme, &planned).await;
    assert_eq!(again["results"], done["results"]);
    let listed = acme.get(&format!("{ACME}/users")).await.expect(200);
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(2));
    let mails = acme.get(&format!("{ACME}/outbox")).await.expect(200);
    assert_eq!(
        mails["items"].as_array().map(Vec::len),
        Some(1),
        "the invitation once: {mails:#}"
    );
    verify_ok(&inside).await;
}

#[tokio::test]
async fn each_row_says_what_is_wrong_with_it_and_stops_no_other() {
    let (inside, acme) = acme().await;
    acme.post(
        &format!("{ACME}/users"),
        json!({ "user_name": "there", "licences": ["pro"] }),
    )
    .await
    .expect(201);
    let content = "user_name;floor;groups;roles;licences;badge;invite;id\n\
                   there;1;;;;;;\n\
                   ;1;;;;;;\n\
                   a;high;;;;;;\n\
                   b;;Nowhere;;;;;\n\
                   c;;;boss;;;;\n\
                   d;;;;;x;;\n\
                   D ;;;;;;;\n\
                   e;;;;;;perhaps;\n\
                   f;;;;;X;;\n\
                   g;;;;pro;;;\n\
                   h;;;;pro;;;\n\
                   i;;;;;;;not-an-id\n\
                   j;;;;;;;;more\n\
                   k;2;;;;;;\n";
    let planned = plan(&acme, "", content).await;
    assert_eq!(
        planned["planned"],
        json!({ "create": 3, "update": 0, "nothing": 0, "refused": 11 })
    );
    let told = rows(&acme, &planned).await;
    for (line, column, words) in [
        (2, "user_name", "is there already"),
        (3, "user_name", "is required"),
        (4, "floor", "\"high\" is not a whole number"),
        (5, "groups", "group \"Nowhere\" does not exist"),
        (6, "roles", "boss"),
        (8, "user_name", "is in line 7 as well"),
        (9, "invite", "neither yes nor no"),
        (12, "licences", "no free seat of licence pro: 2 of 2"),
        (13, "id", "is no identifier"),
        (14, "null", "more cells than there are columns"),
    ] {
        let row = &told[line - 2];
        assert_eq!(
            (&row[0], &*row[1], &*row[3]),
            (&line.to_string(), "refused", column),
            "{row:?}"
        );
        assert!(row[4].contains(words), "{row:?}");
    }
    assert_eq!(&told[8][1], "refused", "a unique attribute, in another case: {told:?}");
    let seats = &planned["seats"][0];
    assert_eq!(
        (&seats["used"], &seats["used_after"], &seats["refused"]),
        (&json!(1), &json!(2), &json!(1))
    );
    assert_eq!(planned["refused"].as_array().map(Vec::len), Some(11));
    let done = confirm(&acme, &planned).await;
    assert_eq!(
        done["results"],
        json!({ "change": 3, "nothing": 0, "refused": 11, "stale": 0 })
    );
    for (name, status) in [("d", 200), ("g", 200), ("k", 200), ("a", 404), ("h", 404)] {
        acme.get(&format!("{ACME}/users/{name}")).await.expect(status);
    }
    let path = format!("{ACME}/imports/{}/result", planned["id"].as_str().expect("an id"));
    let (_, result) = acme.bytes(Method::GET, &path, Vec::new()).await;
    let result = String::from_utf8(result).expect("UTF-8");
    assert!(result.starts_with("line,user_name,planned,result,column,reason,id\r\n2,there,refused,refused,user_name,"));
    assert_eq!(result.lines().count(), 15);
    verify_ok(&inside).await;
}

#[tokio::test]
async fn what_was_exported_changes_nothing_and_a_changed_cell_changes_its_person() {
    let (inside, acme) = acme().await;
    let ada = json!({
        "user_name": "ada", "home_group": "North; East", "licences": ["pro"], "nicknames": ["=Addie"],
        "attributes": { "emails": [{ "value": "ada@acme.example", "type": "work", "primary": true }], "displayName": "Ada" },
    });
    acme.post(&format!("{ACME}/users"), ada).await.expect(201);
    let (_, exported) = acme
        .bytes(Method::GET, &format!("{ACME}/export/users"), Vec::new())
        .await;
    let same = plan(&acme, "?mode=create_and_update", exported.clone()).await;
    assert_eq!(
        same["planned"],
        json!({ "create": 0, "update": 0, "nothing": 1, "refused": 0 }),
        "{:?}",
        rows(&acme, &same).await
    );
    let (_, workbook) = acme
        .bytes(Method::GET, &format!("{ACME}/export/users?format=xlsx"), Vec::new())
        .await;
    let same = plan(&acme, "?mode=create_and_update", workbook).await;
    assert_eq!(same["planned"]["nothing"], 1, "{:?}", rows(&acme, &same).await);
    let changed = String::from_utf8(exported)
        .expect("UTF-8")
        .replace(",Ada,", ",Countess,");
    let planned = plan(&acme, "?mode=create_and_update", changed.clone()).await;
    assert_eq!(planned["planned"]["update"], 1, "{:?}", rows(&acme, &planned).await);
    confirm(&acme, &planned).await;
    let after = user(&acme, "ada").await;
    assert_eq!(after["display_name"], "Countess");
    assert_eq!(
        after["attributes"]["emails"][0]["type"], "work",
        "what a cell cannot tell stays"
    );
    assert_eq!(after["nicknames"], json!(["=Addie"]));
    // Somebody else was quicker: the row is left, and says so.
    let planned = plan(&acme, "?mode=create_and_update", changed.replace("Countess", "Augusta")).await;
    acme.patch(&format!("{ACME}/users/ada"), json!({ "labels": ["new"] }))
        .await
        .expect(200);
    let done = confirm(&acme, &planned).await;
    assert_eq!(done["results"]["stale"], 1);
    assert_eq!(user(&acme, "ada").await["display_name"], "Countess");
    verify_ok(&inside).await;
}

#[tokio::test]
async fn workbooks_are_read_as_people_fill_them_in() {
    let (_, acme) = acme().await;
    let (status, template) = acme
        .bytes(Method::GET, &format!("{ACME}/imports/template?format=xlsx"), Vec::new())
        .await;
    assert_eq!(status, 200);
    let (_, told) = send(&acme, "", template).await;
    assert!(
        told["detail"].as_str().is_some_and(|detail| detail.contains("no row")),
        "{told:#}"
    );
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    for (column, name) in (0u16..).zip(["user_name", "floor", "country_prefix", "invite"]) {
        sheet.write_string(0, column, name).expect("a cell");
    }
    sheet.write_string(3, 0, "ada").expect("a cell");
    sheet.write_number(3, 1, 4).expect("a cell");
    sheet.write_number(3, 2, 31).expect("a cell");
    sheet.write_boolean(3, 3, false).expect("a cell");
    let planned = plan(&acme, "?invite=true", workbook.save_to_buffer().expect("a workbook")).await;
    assert_eq!(rows(&acme, &planned).await[0][..2], ["4", "create"]);
    confirm(&acme, &planned).await;
    let ada = user(&acme, "ada").await;
    assert_eq!(
        (&ada["state"], &ada["country_prefix"]),
        (&json!("prepared"), &json!("+31"))
    );
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_refused_with_the_cure() {
    let (_, acme) = acme().await;
    let (_, template) = acme
        .bytes(Method::GET, &format!("{ACME}/imports/template"), Vec::new())
        .await;
    let template = String::from_utf8(template).expect("UTF-8");
    assert!(
        template.starts_with("user_name,given_name,") && template.contains(",floor,badge\r\n# ada@"),
        "{template}"
    );
    let mut far = Workbook::new();
    far.add_worksheet().write_string(0, 0, "user_name").expect("a cell");
    let sheet = far.worksheet_from_index(0).expect("a sheet");
    sheet.write_string(1_000_000, 16_000, "far").expect("a cell");
    let many = format!("user_name\n{}", "x\n".repeat(6_000));
    let limit = format!(
        "user_name\n{}",
        (0..1001).map(|n| format!("u{n}\n")).collect::<String>()
    );
    for (content, words) in [
        (b"\xff\xfeu\0s\0".to_vec(), "UTF-16"),
        (b"user_name,given_name\nada,Z\xfcrich\n".to_vec(), "line 2 is not UTF-8"),
        (b"\xd0\xcf\x11\xe0".to_vec(), "XLSX"),
        (b"PK\x03\x04nonsense".to_vec(), "not a workbook"),
        (b"".to_vec(), "must name the columns"),
        (b"user_name,shoe\nada,1\n".to_vec(), "\"shoe\" is no column"),
        (b"given_name\nAda\n".to_vec(), "who is meant"),
        (b"user_name,User_Name\nada,ada\n".to_vec(), "twice"),
        (b"user_name,emails,email\nada,,\n".to_vec(), "says the same"),
        (b"user_name,attributes.addresses\nada,\n".to_vec(), "one cell"),
        (far.save_to_buffer().expect("a workbook"), "columns"),
        (many.into_bytes(), "more than 5000 rows"),
        (limit.into_bytes(), "1001 rows are too many, at most 1000"),
    ] {
        let (status, told) = send(&acme, "", content).await;
        assert_eq!(status, 400, "{words}: {told:#}");
        assert!(
            told["detail"].as_str().is_some_and(|detail| detail.contains(words)),
            "{words}: {told:#}"
        );
    }
    let nothing = acme.get(&format!("{ACME}/imports")).await.expect(200);
    assert_eq!(nothing["items"], json!([]));
}

#[tokio::test]
async fn a_workbook_that_unpacks_without_end_is_not_unpacked() {
    let (_, acme) = acme().await;
    let mut bytes = std::io::Cursor::new(Vec::new());
    let mut bomb = zip::ZipWriter::new(&mut bytes);
    bomb.start_file("xl/sharedStrings.xml", zip::write::SimpleFileOptions::default())
        .expect("a part");
    let zeros = vec![b' '; 1 << 20];
    for _ in 0..80 {
        std::io::Write::write_all(&mut bomb, &zeros).expect("room");
    }
    bomb.finish().expect("an archive");
    let (status, told) = send(&acme, "", bytes.into_inner()).await;
    assert_eq!(status, 400);
    assert!(
        told["detail"]
            .as_str()
            .is_some_and(|detail| detail.contains("unpacks to more than")),
        "{told:#}"
    );
}

#[tokio::test]
async fn a_row_that_is_too_long_is_refused_alone() {
    let (_, acme) = acme().await;
    let long = "x".repeat(40_000);
    let content = format!("user_name,given_name,floor\nada,{long},\nbob,,{long}\ngrace,,\n");
    let planned = plan(&acme, "", content).await;
    assert_eq!(
        planned["planned"],
        json!({ "create": 1, "update": 0, "nothing": 0, "refused": 2 })
    );
    let told = rows(&acme, &planned).await;
    assert!(told[0][4].contains("says more than 32768 bytes"), "{}", told[0][4]);
    assert_eq!(told[1][3], "floor");
    assert!(told[1][4].len() < 400, "{}", told[1][4]);
}

#[tokio::test]
async fn a_person_imports_what_they_may_do_one_by_one() {
    let acme = Acme::new(
        "[[roles]]\nkey = \"agent\"\nname = \"Agent\"\n[[roles]]\nkey = \"clerk\"\nname = \"Clerk\"\npermissions = \
         [\"user.create@organisation\", \"user.view@organisation\"]\n",
    )
    .await;
    for name in ["ada", "bob"] {
        acme.user(name).await;
    }
    acme.post("/groups", json!({ "display_name": "North" }))
        .await
        .expect(201);
    acme.assign("ada", "clerk").await.expect(200);
    let ada = acme.person("ada").await;
    let content = "user_name,roles,groups,given_name\nnew,,,\nother,agent,,\nthird,,North,\nbob,,,Bob\n";
    let planned = plan(&ada, "?mode=create_and_update", content).await;
    let told: Vec<String> = rows(&ada, &planned)
        .await
        .into_iter()
        .map(|row| row[1].clone())
        .collect();
    assert_eq!(told, ["create", "refused", "refused", "refused"]);
    let done = confirm(&ada, &planned).await;
    assert_eq!(done["results"]["change"], 1);
    let bob = acme.person("bob").await;
    bob.get(&format!("{ACME}/imports")).await.expect(403);
    let path = format!("{ACME}/imports/{}", planned["id"].as_str().expect("an id"));
    acme.admin.get(&path).await.expect(200);
    acme.admin
        .post(&format!("{path}/confirm"), json!({ "confirm": "whatever" }))
        .await
        .expect(403);
}

#[tokio::test]
async fn a_plan_is_given_up_and_holds_nobody_who_is_erased() {
    let (inside, acme) = acme().await;
    let planned = plan(&acme, "", "user_name,given_name\nada,Ada\n").await;
    let path = format!("{ACME}/imports/{}", planned["id"].as_str().expect("an id"));
    acme.delete(&path).await.expect(204);
    let told = acme
        .post(&format!("{path}/confirm"), json!({ "confirm": planned["confirm"] }))
        .await
        .expect(409);
    assert_eq!(told["type"], "urn:usher:problem:job-discarded");
    acme.post(
        &format!("{ACME}/users"),
        json!({ "user_name": "countess@acme.example" }),
    )
    .await
    .expect(201);
    let content = "user_name,nicknames\ncountess@acme.example,Augusta\nbob,\n";
    let planned = plan(&acme, "?mode=create_and_update", content).await;
    acme.post(
        &format!("{ACME}/users/countess@acme.example/erase"),
        json!({ "confirm": "countess@acme.example" }),
    )
    .await
    .expect(200);
    let done = confirm(&acme, &planned).await;
    assert_eq!(
        (&done["results"]["change"], &done["results"]["refused"]),
        (&json!(1), &json!(1))
    );
    let shown = acme
        .get(&format!(
            "{ACME}/imports/{}/rows",
            planned["id"].as_str().expect("an id")
        ))
        .await
        .expect(200);
    assert!(!shown.to_string().contains("countess"), "{shown:#}");
    verify_ok(&inside).await;
}

#[tokio::test]
async fn an_empty_cell_says_nothing_or_takes_away_what_the_person_has() {
    let (_inside, acme) = acme().await;
    let content = "user_name,given_name,family_name,display_name,emails,nicknames,labels,country_prefix,floor,badge,licences,home_group\r\n\
                   ada,Ada,Lovelace,Ada Lovelace,ada@acme.example,Addie,vip,+31,3,B7,pro,\"North; East\"\r\n\
                   bob,Bob,,,,,,,,,,\r\n";
    let planned = plan(&acme, "", content).await;
    confirm(&acme, &planned).await;
    let before = user(&acme, "ada").await;
    let emptied = "user_name,given_name,family_name,display_name,emails,nicknames,labels,country_prefix,floor,badge,licences,home_group\r\n\
                   ada,,Byron,,,,,,,,,\r\n\
                   bob,Bob,,,,,,,,,,\r\n";
    let kept = plan(&acme, "?mode=create_and_update", emptied).await;
    assert_eq!(
        (&kept["empty_cells"], &kept["planned"]["update"]),
        (&json!("keep"), &json!(1))
    );
    confirm(&acme, &kept).await;
    let ada = user(&acme, "ada").await;
    assert_eq!(
        ada["attributes"]["name"],
        json!({ "givenName": "Ada", "familyName": "Byron" })
    );
    assert_eq!(ada["attributes"]["displayName"], before["attributes"]["displayName"]);
    let cleared = plan(&acme, "?mode=create_and_update&empty_cells=clear", emptied).await;
    assert_eq!(cleared["empty_cells"], "clear");
    assert_eq!(
        (&cleared["planned"]["update"], &cleared["planned"]["nothing"]),
        (&json!(1), &json!(1)),
        "who has nothing loses nothing"
    );
    let path = format!("{ACME}/imports/{}/rows", cleared["id"].as_str().expect("an id"));
    let shown = acme.get(&path).await.expect(200);
    let clears = &shown["items"][0]["effect"]["clears"];
    let columns = [
        "badge",
        "country_prefix",
        "display_name",
        "emails",
        "floor",
        "given_name",
        "labels",
        "nicknames",
    ];
    assert_eq!(*clears, json!(columns), "the plan says it");
    assert_eq!(user(&acme, "ada").await, ada, "and does nothing yet");
    let done = confirm(&acme, &cleared).await;
    assert_eq!(done["results"]["change"], 1);
    let ada = user(&acme, "ada").await;
    assert_eq!(ada["attributes"]["name"], json!({ "familyName": "Byron" }));
    for name in ["displayName", "emails", OWN] {
        assert_eq!(ada["attributes"].get(name), None, "{name}: {ada:#}");
    }
    assert_eq!(
        (&ada["nicknames"], &ada["labels"], &ada["country_prefix"]),
        (&json!([]), &json!([]), &Value::Null)
    );
    assert_eq!(
        (&ada["home_group"], &ada["licences"]),
        (&before["home_group"], &before["licences"]),
        "these stay"
    );
    assert_eq!(ada["user_name"], "ada");
    let (status, refused) = send(&acme, "?empty_cells=forget", emptied).await;
    assert_eq!(status, 400, "{refused:#}");
}
