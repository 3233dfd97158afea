//! Organisation files through the admin API.

use serde_json::json;

use crate::kit::gateway::Inside;

#[tokio::test]
async fn a_file_for_another_organisation_than_the_addresss_is_refused() {
    let inside = Inside::new();
    let root = inside.administrator().await;
    let refused = root
        .apply("acme", "[organisation]\nslug = \"globex\"\n")
        .await
        .expect(422);
    assert!(
        refused["errors"][0]["reason"]
            .as_str()
            .is_some_and(|reason| reason.starts_with("slug: ")),
        "{refused:#}"
    );
}

#[tokio::test]
async fn faults_come_as_a_list_with_places() {
    let inside = Inside::new();
    let root = inside.administrator().await;
    let refused = root
        .apply("acme", "[organisation]\nslug = \"acme\"\n[[roles]]\nkey = 1\n[what]\n")
        .await
        .expect(422);
    assert_eq!(refused["type"], "urn:usher:problem:refused-file");
    let mut lines: Vec<_> = refused["errors"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|fault| {
            (
                fault["line"].as_u64(),
                fault["place"].as_str().expect("a place").to_owned(),
            )
        })
        .collect();
    lines.sort();
    assert_eq!(lines, [(Some(4), "roles[0]".to_owned()), (Some(5), "what".to_owned())]);
}

#[tokio::test]
async fn an_organisations_administrator_applies_to_their_own() {
    let inside = Inside::new();
    let acme = inside.administrator().await.organisation("acme").await;
    let file = "[organisation]\nslug = \"acme\"\nname = \"Acme Ltd\"\n";
    let applied = acme.apply("acme", file).await.expect(200);
    assert_eq!(
        applied["changes"],
        json!([{ "place": "organisation", "outcome": "updated", "fields": ["name"] }])
    );
    assert_eq!(
        acme.get("/api/v1/organisations/acme").await.expect(200)["name"],
        "Acme Ltd"
    );
}

#[tokio::test]
async fn roles_that_include_each_other_are_refused_by_name() {
    let inside = Inside::new();
    let root = inside.administrator().await;
    let file = "[organisation]\nslug = \"acme\"\n[[roles]]\nkey = \"a\"\nname = \"A\"\nincludes = [\"b\"]\n[[roles]]\nkey = \
                \"b\"\nname = \"B\"\nincludes = [\"a\"]\n";
    let refused = root.apply("acme", file).await.expect(422);
    assert_eq!(refused["errors"][0]["place"], "roles.a");
    root.get("/api/v1/organisations/acme").await.expect(404);
}

#[tokio::test]
async fn a_text_that_is_not_utf_8_or_too_large_is_refused() {
    let inside = Inside::new();
    let root = inside.administrator().await;
    root.apply("acme", &"#".repeat(5 << 20)).await.expect(413);
}

#[tokio::test]
async fn a_permission_is_opened_by_an_attribute_only_where_users_can_have_it() {
    let inside = Inside::new();
    let acme = inside.administrator().await.organisation("acme").await;
    let file = |more: &str| {
        format!(
            "[organisation]\nslug = \"acme\"\n[[permissions]]\nkey = \"call.take\"\nrequires_group = true\nroams_with = \
             \"roaming\"\n{more}"
        )
    };
    let attribute = |name: &str, type_: &str| format!("[[user_attributes]]\nname = \"{name}\"\ntype = \"{type_}\"\n");
    for more in [
        String::new(),
        attribute("roaming", "string"),
        attribute("Roaming", "boolean"),
        "[[group_attributes]]\nname = \"roaming\"\ntype = \"boolean\"\n".to_owned(),
    ] {
        let refused = acme.apply("acme", &file(&more)).await.expect(422);
        assert_eq!(
            refused["errors"][0]["place"], "permissions.call.take",
            "{more}: {refused:#}"
        );
        let reason = refused["errors"][0]["reason"].as_str().expect("a reason");
        assert!(
            reason.contains("\"roaming\"") && reason.contains("user_attributes"),
            "{reason}"
        );
    }
    acme.apply("acme", &file(&attribute("roaming", "boolean")))
        .await
        .expect(200);
    let path = "/api/v1/organisations/acme/permissions/call.score";
    let wrong = json!({ "key": "call.score", "roams_with": "nothing" });
    acme.put(path, wrong).await.expect(400);
    let right = json!({ "key": "call.score", "roams_with": "roaming" });
    acme.put(path, right).await.expect(200);
    let retired = format!(
        "[organisation]\nslug = \"acme\"\n{}retired = true\n",
        attribute("roaming", "boolean")
    );
    let refused = acme.apply("acme", &retired).await.expect(422);
    assert!(refused["errors"].to_string().contains("call.take"), "{refused:#}");
}
