//! Attributes of an organisation in its file: what is refused with line and cure, and what a change may do to values.

use serde_json::{Value, json};

use crate::kit::custom_attributes::{ATTRIBUTES, OWN, client, create};
use crate::kit::gateway::Inside;

const ACME: &str = "[organisation]\nslug = \"acme\"\n";

/// A file with one attribute of users.
fn attribute(settings: &str) -> String {
    format!("{ACME}[[user_attributes]]\n{settings}\n")
}

#[tokio::test]
async fn a_file_with_faults_is_refused_with_place_line_and_cure() {
    let root = Inside::new().administrator().await;
    for (settings, place, reason) in [
        (
            "name = \"1st\"\ntype = \"string\"",
            "user_attributes.1st",
            "a name is a letter",
        ),
        (
            "name = \"a\"\ntype = \"text\"",
            "user_attributes[0]",
            "unknown variant `text`",
        ),
        ("name = \"a\"", "user_attributes[0]", "missing field `type`"),
        (
            "name = \"a\"\ntype = \"string\"\ncolour = 1",
            "user_attributes[0]",
            "unknown field `colour`",
        ),
        (
            "name = \"Emails\"\ntype = \"string\"",
            "user_attributes.Emails",
            "choose another name",
        ),
        (
            "name = \"manager\"\ntype = \"string\"",
            "user_attributes.manager",
            "choose another name",
        ),
        (
            "name = \"a\"\ntype = \"complex\"",
            "user_attributes.a",
            "a complex attribute has sub-attributes",
        ),
        (
            "name = \"a\"\ntype = \"boolean\"\nunique = true",
            "user_attributes.a",
            "unique: ",
        ),
        (
            "name = \"a\"\ntype = \"decimal\"\nsearchable = true",
            "user_attributes.a",
            "searchable: ",
        ),
        (
            "name = \"a\"\ntype = \"string\"\nunique = true\nreturned = \"never\"",
            "user_attributes.a",
            "unique: nobody may read",
        ),
        (
            "name = \"a\"\ntype = \"string\"\nreference_types = [\"User\"]",
            "user_attributes.a",
            "reference_types: ",
        ),
        (
            "name = \"a\"\ntype = \"integer\"\ncanonical_values = [\"1\"]",
            "user_attributes.a",
            "canonical_values: ",
        ),
        (
            "name = \"a\"\ntype = \"string\"\nrequired = true\nmutability = \"readOnly\"",
            "user_attributes.a",
            "cannot be required",
        ),
        (
            "name = \"a\"\ntype = \"string\"\n[[user_attributes]]\nname = \"A\"\ntype = \"string\"",
            "user_attributes.A",
            "declared twice",
        ),
        (
            "name = \"a\"\ntype = \"string\"\n[[user_attributes]]\nname = \"a\"\ntype = \"string\"",
            "user_attributes.a",
            "declared twice",
        ),
    ] {
        let refused = root.apply("acme", &attribute(settings)).await.expect(422);
        let fault = &refused["errors"][0];
        assert_eq!(fault["place"], place, "{settings}: {refused:#}");
        assert!(
            fault["line"].as_u64().is_some_and(|line| line >= 3),
            "{settings}: {refused:#}"
        );
        let told = fault["reason"].as_str().expect("a reason");
        assert!(told.contains(reason), "{settings}: {told}");
        assert_eq!(refused["errors"].as_array().map(Vec::len), Some(1), "{refused:#}");
    }
}

#[tokio::test]
async fn a_mapping_may_write_what_the_file_declares() {
    let root = Inside::new().administrator().await;
    let file = |to: &str| {
        format!(
            "{ACME}[[user_attributes]]\nname = \"badge\"\ntype = \"string\"\n[[connections]]\nname = \"corp\"\nkind = \"scim\"\n\
             [[connections.mapping]]\nto = \"userName\"\nfrom = \"uid\"\n[[connections.mapping]]\nto = \"{to}\"\nfrom = \"x\"\n"
        )
    };
    for (to, told) in [
        (format!("{OWN}:bagde"), "declare it under [[user_attributes]]"),
        (format!("{OWN}:badge.number"), "has no sub-attribute"),
        (
            OWN.replace("acme", "globex") + ":badge",
            "declare it under [[user_attributes]]",
        ),
    ] {
        let refused = root.apply("acme", &file(&to)).await.expect(422);
        let fault = &refused["errors"][0];
        assert_eq!(fault["place"], "connections.corp", "{refused:#}");
        assert!(
            fault["reason"].as_str().is_some_and(|reason| reason.contains(told)),
            "{to}: {refused:#}"
        );
    }
    root.apply("acme", &file(&format!("{OWN}:BADGE"))).await.expect(200);
    let retired = attribute("name = \"badge\"\ntype = \"string\"\nretired = true");
    let refused = root.apply("acme", &retired).await.expect(422);
    assert_eq!(refused["errors"][0]["place"], "user_attributes.badge");
    assert!(
        refused.to_string().contains("connection corp maps to it"),
        "{refused:#}"
    );
}

#[tokio::test]
async fn applying_twice_changes_nothing_and_the_settings_are_shown() {
    let root = Inside::new().administrator().await;
    let first = root.apply("acme", ATTRIBUTES).await.expect(200);
    let created = json!({ "place": "user_attributes.badge", "outcome": "created" });
    assert!(
        first["changes"].as_array().expect("a list").contains(&created),
        "{first:#}"
    );
    let again = root.apply("acme", ATTRIBUTES).await.expect(200);
    let outcomes = again["changes"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|change| &change["outcome"]);
    assert!(outcomes.into_iter().all(|outcome| outcome == "unchanged"), "{again:#}");
    let changed = attribute("name = \"badge\"\ntype = \"string\"\nunique = true\ndescription = \"Doors\"");
    let changed = root.apply("acme", &changed).await.expect(200);
    let expected = json!({ "place": "user_attributes.badge", "outcome": "updated", "fields": ["description"] });
    assert!(
        changed["changes"].as_array().expect("a list").contains(&expected),
        "{changed:#}"
    );
    let shown = root.get("/api/v1/organisations/acme").await.expect(200);
    let badge = &shown["user_attributes"][0];
    assert_eq!(badge["urn"], format!("{OWN}:badge"));
    assert_eq!(
        (&badge["unique"], &badge["used"], &badge["type"]),
        (&json!(true), &json!(0), &json!("string"))
    );
    assert_eq!(shown["group_attributes"][0]["name"], "floor");
}

#[tokio::test]
async fn the_admin_api_shows_values_but_no_secret_ones() {
    let inside = Inside::new();
    let root = inside.administrator().await;
    root.apply("acme", ATTRIBUTES).await.expect(200);
    root.apply(
        "acme",
        &format!("{ACME}[[connections]]\nname = \"scim\"\nkind = \"scim\"\n"),
    )
    .await
    .expect(200);
    let client = root.connection("acme", "scim").await;
    let user = json!({ "schemas": [crate::kit::scim::USER], "userName": "ada", OWN: { "badge": "B1", "pin": "1234" } });
    client.post("/scim/acme/v2/Users", user).await.expect(201);
    let shown = root.get("/api/v1/organisations/acme/users/ada").await.expect(200);
    assert_eq!(shown["attributes"][OWN], json!({ "badge": "B1" }));
    let organisation = root.get("/api/v1/organisations/acme").await.expect(200);
    assert_eq!(organisation["user_attributes"][0]["used"], 1);
}

#[tokio::test]
async fn a_change_that_would_spoil_values_is_refused() {
    let client = client().await;
    let own = json!({ "badge": "B1", "rate": 1.5, "site": "north", "tags": ["x"], "desk": { "room": "R", "row": 1 } });
    let id = create(&client, "ada", own.clone()).await.id();
    let tags = "name = \"tags\"\nmulti_valued = true\n";
    for (settings, told) in [
        (
            "name = \"rate\"\ntype = \"string\"".to_owned(),
            "type: is decimal and has values",
        ),
        ("name = \"tags\"\ntype = \"string\"".to_owned(), "multi_valued: is true"),
        (
            "name = \"Rate\"\ntype = \"decimal\"".to_owned(),
            "name: is spelled \"rate\"",
        ),
        (
            "name = \"site\"\ntype = \"string\"\nsearchable = true\ncase_exact = true".to_owned(),
            "case_exact: ",
        ),
        (
            "name = \"desk\"\ntype = \"complex\"\nsub_attributes = [{ name = \"room\", type = \"string\" }]".to_owned(),
            "\"row\" has values",
        ),
        (format!("{tags}type = \"boolean\""), "type: is string"),
    ] {
        let error = client
            .tenant
            .declare(&attribute(&settings))
            .await
            .expect_err(&settings)
            .to_string();
        assert!(error.contains(told), "{settings}: {error}");
    }
    assert_eq!(client.get(&format!("/Users/{id}")).await.expect(200)[OWN], own);
    // Without values everything can change.
    let _ = client.delete(&format!("/Users/{id}")).await.expect(204);
    let _ = client
        .tenant
        .declare(&attribute("name = \"Rate\"\ntype = \"string\"\nunique = true"))
        .await
        .expect("changed");
    let _ = create(&client, "eve", json!({ "rate": "high" })).await.id();
    assert_eq!(client.violations().await, "");
}

#[tokio::test]
async fn an_attribute_becomes_unique_only_when_its_values_are() {
    let client = client().await;
    let mut people = Vec::new();
    for n in 0..450 {
        people.push(
            create(&client, &format!("u{n}"), json!({ "code": format!("c{}", n % 449) }))
                .await
                .id(),
        );
    }
    let unique = attribute("name = \"code\"\ntype = \"string\"\ncase_exact = true\nunique = true");
    let error = client
        .tenant
        .declare(&unique)
        .await
        .expect_err("two are the same")
        .to_string();
    assert!(
        error.contains("unique: ") && error.contains(&people[0]) && error.contains(&people[449]),
        "{error}"
    );
    let change = json!([{ "op": "replace", "path": format!("{OWN}:code"), "value": "C0" }]);
    let _ = client
        .patch(&format!("/Users/{}", people[449]), change)
        .await
        .expect(200);
    let _ = client.tenant.declare(&unique).await.expect("unique now");
    create(&client, "late", json!({ "code": "c7" }))
        .await
        .refused(409, Some("uniqueness"));
    let found = client
        .filter("/Users", &format!("{OWN}:code eq \"c7\""))
        .await
        .expect(200);
    assert_eq!(found["Resources"][0]["userName"], "u7");
    assert_eq!(client.violations().await, "");
    // And back again, with an index that only searches.
    let search = attribute("name = \"code\"\ntype = \"string\"\ncase_exact = true\nsearchable = true");
    let _ = client.tenant.declare(&search).await.expect("no longer unique");
    let _ = create(&client, "late", json!({ "code": "c7" })).await.id();
    let found = client
        .filter("/Users", &format!("{OWN}:code eq \"c7\""))
        .await
        .expect(200);
    assert_eq!(found["totalResults"], 2);
    assert_eq!(client.violations().await, "");
    let none = attribute("name = \"code\"\ntype = \"string\"\ncase_exact = true");
    let _ = client.tenant.declare(&none).await.expect("no index");
    assert_eq!(client.violations().await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_that_come_while_an_index_is_built_are_in_it() {
    let client = client().await;
    for n in 0..250 {
        let _ = create(&client, &format!("u{n}"), json!({ "code": format!("c{n}") }))
            .await
            .id();
    }
    let writer = {
        let client = client.clone();
        tokio::spawn(async move {
            for n in 0..60 {
                let path = format!("{OWN}:code eq \"c{n}\"");
                let found = client.filter("/Users", &path).await.expect(200);
                let id = found["Resources"][0]["id"].as_str().expect("an id").to_owned();
                let change = json!([{ "op": "replace", "path": format!("{OWN}:code"), "value": format!("d{n}") }]);
                let _ = client.patch(&format!("/Users/{id}"), change).await.expect(200);
                let _ = create(&client, &format!("new{n}"), json!({ "code": format!("e{n}") }))
                    .await
                    .id();
            }
        })
    };
    for kind in ["unique", "searchable", "unique"] {
        let file = attribute(&format!(
            "name = \"code\"\ntype = \"string\"\ncase_exact = true\n{kind} = true"
        ));
        let _ = client.tenant.declare(&file).await.expect("declared");
    }
    writer.await.expect("written");
    assert_eq!(client.violations().await, "");
    for code in ["c200", "d7", "e7"] {
        let found = client
            .filter("/Users", &format!("{OWN}:code eq \"{code}\""))
            .await
            .expect(200);
        assert_eq!(found["totalResults"], 1, "{code}");
        create(&client, "again", json!({ "code": code }))
            .await
            .refused(409, Some("uniqueness"));
    }
}

#[tokio::test]
async fn damage_to_the_indexes_and_counters_is_found() {
    use usher::directory::keys::{self, Count};
    use usher::model::custom_attribute::Bearer;
    use usher::store::Batch;

    let client = client().await;
    let id = create(&client, "ada", json!({ "badge": "B1", "site": "north" }))
        .await
        .id();
    let organisation = client.tenant.id;
    let store = client.tenant.service.directory.store();
    let unique = |text: &str| keys::custom_unique(organisation, Bearer::User, "badge", text);
    let uuid = id.parse().expect("an id");
    let entry = |text: &str| keys::custom_entry(organisation, Bearer::User, "site", text, Some(uuid));
    let count = keys::count(organisation, &Count::Values(Bearer::User, "badge".to_owned()));
    for (delete, put, told) in [
        (Some(unique("b1")), None, "is not found by 1 of 2 values"),
        (Some(entry("north")), None, "is not found by 1 of 2 values"),
        (
            None,
            Some((unique("b9"), id.clone())),
            "leads to nothing that has this value",
        ),
        (
            None,
            Some((entry("south"), String::new())),
            "leads to nothing that has this value",
        ),
        (None, Some((count, "7".to_owned())), "says 7 and there are 1"),
    ] {
        let mut undo = Batch::new();
        let mut plant = Batch::new();
        for key in delete.iter().chain(put.as_ref().map(|(key, _)| key)) {
            match store.get(key.clone()).await.expect("a read") {
                Some(stored) => undo.put(key.clone(), stored.value),
                None => undo.delete(key.clone()),
            };
        }
        if let Some(key) = delete {
            plant.delete(key);
        }
        if let Some((key, value)) = put {
            plant.put(key, value);
        }
        store.commit(plant).await.expect("planted");
        let found = client.violations().await;
        assert!(found.contains(told) && found.lines().count() == 1, "{told}: {found}");
        store.commit(undo).await.expect("undone");
        assert_eq!(client.violations().await, Value::Null.as_str().unwrap_or_default());
    }
}
