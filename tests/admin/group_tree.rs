//! The tree of groups: levels, codes, the billing root (S004-4..6, X04-3, X04-12).

use serde_json::{Value, json};

use super::groups::{GROUPS, acme_with, group};
use super::verify::verify_ok;
use crate::kit::gateway::{Caller, Inside};

const TREE: &str = "[organisation]\nslug = \"acme\"\nname = \"Acme Ltd\"\n[organisation.groups]\nkinds = [\"unit\"]\n\
                    default_kind = \"unit\"\ndepth = 3\nbilling_root = true\n[[connections]]\nname = \"entra\"\nkind = \"scim\"\n";

async fn tree() -> (Inside, Caller) {
    acme_with(TREE).await
}

/// `name code` of every node, in the order of the tree.
async fn shape(acme: &Caller, query: &str) -> Vec<String> {
    fn walk(nodes: &Value, lines: &mut Vec<String>) {
        for node in nodes.as_array().expect("a list") {
            let text = |name: &str| node[name].as_str().unwrap_or("-").to_owned();
            lines.push(format!("{} {}", text("display_name"), text("code")));
            walk(&node["children"], lines);
        }
    }
    let tree = acme.get(&format!("{GROUPS}/tree{query}")).await.expect(200);
    let mut lines = Vec::new();
    walk(&tree["items"], &mut lines);
    lines
}

async fn below(acme: &Caller, name: &str, parent: &str) -> String {
    group(acme, json!({ "display_name": name, "parent": parent })).await
}

#[tokio::test]
async fn an_organisation_with_a_billing_root_has_exactly_one_group_of_level_one() {
    let (inside, acme) = tree().await;
    assert_eq!(shape(&acme, "").await, ["Acme Ltd 1"]);
    let north = acme.post(GROUPS, json!({ "display_name": "North" })).await.expect(201);
    assert_eq!((&north["level"], &north["code"]), (&json!(2), &json!("1.1")));
    assert_eq!(north["kind"], "unit");
    // A connection names no parent: its groups come right below the root.
    let client = acme.connection("acme", "entra").await;
    let pushed = json!({ "schemas": [crate::kit::scim::GROUP], "displayName": "Pushed" });
    let pushed = client.post("/scim/acme/v2/Groups", pushed).await.expect(201);
    let extension = &pushed["urn:usher:scim:schemas:extension:2.0:Group"];
    assert_eq!(
        (&extension["parent"]["display"], &extension["kind"]),
        (&json!("Acme Ltd"), &json!("unit"))
    );
    below(&acme, "Sales", "North").await;
    assert_eq!(
        shape(&acme, "").await,
        ["Acme Ltd 1", "North 1.1", "Sales 1.1.1", "Pushed 1.2"]
    );
    assert_eq!(shape(&acme, "?below=North").await, ["North 1.1", "Sales 1.1.1"]);
    // Applying again changes nothing, and another root is never made.
    acme.apply("acme", TREE).await.expect(200);
    assert_eq!(shape(&acme, "").await.len(), 4);
    verify_ok(&inside).await;
}

#[tokio::test]
async fn the_billing_root_is_never_deleted_moved_or_disabled() {
    let (inside, acme) = tree().await;
    below(&acme, "North", "Acme Ltd").await;
    let root = format!("{GROUPS}/Acme%20Ltd");
    let refused = acme.delete(&root).await.expect(403);
    assert!(
        refused["detail"].as_str().expect("a detail").contains("billing root"),
        "{refused:#}"
    );
    acme.post(&format!("{root}/disable"), json!(null)).await.expect(403);
    acme.patch(&root, json!({ "parent": "North" })).await.expect(403);
    acme.patch(&root, json!({ "display_name": "Acme Holding" }))
        .await
        .expect(200);
    // Over SCIM neither.
    let client = acme.connection("acme", "entra").await;
    let id = acme.get(&format!("{GROUPS}/Acme%20Holding")).await.expect(200)["id"].clone();
    client
        .delete(&format!("/scim/acme/v2/Groups/{}", id.as_str().expect("an id")))
        .await
        .expect(403);
    verify_ok(&inside).await;
}

#[tokio::test]
async fn a_fourth_level_a_circle_and_a_parent_that_cannot_be_one_are_refused() {
    let (inside, acme) = tree().await;
    below(&acme, "North", "Acme Ltd").await;
    below(&acme, "Sales", "North").await;
    let refused = |answer: Value| answer["attribute"] == "parent";
    let fourth = acme
        .post(GROUPS, json!({ "display_name": "Deep", "parent": "Sales" }))
        .await
        .expect(400);
    assert!(refused(fourth.clone()), "{fourth:#}");
    assert!(
        fourth["detail"].as_str().expect("a detail").contains("level 4"),
        "{fourth:#}"
    );
    for parent in ["Sales", "North", "Nowhere"] {
        let circle = acme
            .patch(&format!("{GROUPS}/North"), json!({ "parent": parent }))
            .await
            .expect(400);
        assert!(refused(circle.clone()), "{parent}: {circle:#}");
    }
    acme.post(&format!("{GROUPS}/North/disable"), json!(null))
        .await
        .expect(200);
    let asleep = acme
        .post(GROUPS, json!({ "display_name": "Late", "parent": "North" }))
        .await
        .expect(400);
    assert!(refused(asleep.clone()), "{asleep:#}");
    acme.post(GROUPS, json!({ "display_name": "A team", "kind": "team" }))
        .await
        .expect(400);
    // Disabled groups are shown on request only.
    assert_eq!(shape(&acme, "").await, ["Acme Ltd 1"]);
    assert_eq!(
        shape(&acme, "?inactive=true").await,
        ["Acme Ltd 1", "North 1.1", "Sales 1.1.1"]
    );
    verify_ok(&inside).await;
}

#[tokio::test]
async fn a_moved_group_takes_what_lies_below_along_and_codes_are_never_given_twice() {
    let file = TREE.replace("billing_root = true", "billing_root = false");
    let (inside, acme) = acme_with(&file).await;
    for name in ["East", "West"] {
        group(&acme, json!({ "display_name": name })).await;
    }
    below(&acme, "Sales", "West").await;
    below(&acme, "Care", "West").await;
    let moved = acme
        .patch(&format!("{GROUPS}/West"), json!({ "parent": "East" }))
        .await
        .expect(200);
    assert_eq!((&moved["code"], &moved["level"]), (&json!("1.1"), &json!(2)));
    assert_eq!(
        shape(&acme, "").await,
        ["East 1", "West 1.1", "Sales 1.1.1", "Care 1.1.2"]
    );
    // East now has two levels below it, and fits below nothing.
    group(&acme, json!({ "display_name": "World" })).await;
    let refused = acme
        .patch(&format!("{GROUPS}/East"), json!({ "parent": "World" }))
        .await
        .expect(400);
    assert!(
        refused["detail"].as_str().expect("a detail").contains("level 4"),
        "{refused:#}"
    );
    // The number of a group that is gone is not given again.
    acme.delete(&format!("{GROUPS}/Care")).await.expect(204);
    below(&acme, "Help", "West").await;
    acme.patch(&format!("{GROUPS}/West"), json!({ "parent": null }))
        .await
        .expect(200);
    assert_eq!(
        shape(&acme, "").await,
        ["East 1", "World 3", "West 4", "Sales 4.1", "Help 4.3"]
    );
    let refused = acme.delete(&format!("{GROUPS}/West")).await.expect(403);
    assert!(
        refused["detail"].as_str().expect("a detail").contains("below"),
        "{refused:#}"
    );
    verify_ok(&inside).await;
}

#[tokio::test]
async fn the_rules_of_groups_do_not_change_against_the_groups_that_are_there() {
    let flat = "[organisation]\nslug = \"acme\"\n";
    let (inside, acme) = acme_with(flat).await;
    for name in ["East", "West"] {
        group(&acme, json!({ "display_name": name })).await;
    }
    let side_by_side = acme
        .post(GROUPS, json!({ "display_name": "South", "parent": "East" }))
        .await
        .expect(400);
    assert!(
        side_by_side["detail"].as_str().expect("a detail").contains("depth"),
        "{side_by_side:#}"
    );
    let refused = acme.apply("acme", TREE).await;
    assert!(refused.status.is_client_error(), "{:#}", refused.body);
    assert!(refused.body.to_string().contains("billing_root"), "{:#}", refused.body);
    // Groups from before get their codes; then one is the root.
    let deep = TREE.replace("billing_root = true", "billing_root = false");
    acme.apply("acme", &deep).await.expect(200);
    assert_eq!(shape(&acme, "").await, ["East 1", "West 2"]);
    acme.patch(&format!("{GROUPS}/West"), json!({ "parent": "East" }))
        .await
        .expect(200);
    acme.apply("acme", TREE).await.expect(200);
    acme.delete(&format!("{GROUPS}/East")).await.expect(403);
    // A level that is in use cannot be taken away, and a root that is released is a group like any other.
    let shallow = deep.replace("depth = 3", "depth = 1");
    let refused = acme.apply("acme", &shallow).await;
    assert!(refused.body.to_string().contains("level 2"), "{:#}", refused.body);
    for wrong in [
        ("depth = 3", "depth = 4", "depth"),
        ("kinds = [\"unit\"]", "kinds = []", "kinds"),
        ("default_kind = \"unit\"", "default_kind = \"room\"", "default_kind"),
        ("depth = 3", "depth = 1", "billing_root"),
    ] {
        let refused = acme.apply("acme", &TREE.replace(wrong.0, wrong.1)).await;
        assert!(refused.status.is_client_error(), "{:#}", refused.body);
        assert!(
            refused.body.to_string().contains(wrong.2),
            "{wrong:?}: {:#}",
            refused.body
        );
    }
    acme.apply("acme", &deep).await.expect(200);
    acme.delete(&format!("{GROUPS}/West")).await.expect(204);
    acme.delete(&format!("{GROUPS}/East")).await.expect(204);
    verify_ok(&inside).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_moves_and_one_that_comes_below_it_never_make_a_fourth_level() {
    let (inside, acme) = acme_with(&TREE.replace("billing_root = true", "billing_root = false")).await;
    for round in 0..10 {
        let top = group(&acme, json!({ "display_name": format!("Top {round}") })).await;
        let middle = below(&acme, &format!("Middle {round}"), &top).await;
        let mover = group(&acme, json!({ "display_name": format!("Mover {round}") })).await;
        // Either the mover comes to level 3 and takes no child, or it takes a child and stays.
        let (one, two, target) = (acme.clone(), acme.clone(), mover.clone());
        let moving = tokio::spawn(async move {
            let path = format!("{GROUPS}/{target}");
            one.patch(&path, json!({ "parent": middle })).await.status.as_u16()
        });
        let target = mover.clone();
        let coming = tokio::spawn(async move {
            let child = json!({ "display_name": format!("Child {round}"), "parent": target });
            two.post(GROUPS, child).await.status.as_u16()
        });
        let (moved, came) = (moving.await.expect("an answer"), coming.await.expect("an answer"));
        assert!(matches!((moved, came), (200, 400) | (400, 201)), "{moved} {came}");
    }
    verify_ok(&inside).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_that_come_at_once_have_codes_of_their_own_and_none_is_lost_below_a_deleted_parent() {
    let (inside, acme) = tree().await;
    let parent = below(&acme, "North", "Acme Ltd").await;
    let mut makers = Vec::new();
    for n in 0..12 {
        let (acme, parent) = (acme.clone(), parent.clone());
        makers.push(tokio::spawn(async move {
            let document = json!({ "display_name": format!("Unit {n}"), "parent": parent });
            acme.post(GROUPS, document).await.status.as_u16()
        }));
    }
    let gone = {
        let acme = acme.clone();
        tokio::spawn(async move { acme.delete(&format!("{GROUPS}/{parent}")).await.status.as_u16() })
    };
    let mut made = 0;
    for maker in makers {
        made += usize::from(maker.await.expect("an answer") == 201);
    }
    let gone = gone.await.expect("an answer");
    assert!(
        (gone == 204 && made == 0) || (gone == 403 && made == 12),
        "{gone} {made}"
    );
    assert_eq!(shape(&acme, "").await.len(), if gone == 204 { 1 } else { 14 });
    verify_ok(&inside).await;
}

#[tokio::test]
async fn the_ids_below_a_group_are_its_scope() {
    let (inside, acme) = tree().await;
    let north = below(&acme, "North", "Acme Ltd").await;
    let sales = below(&acme, "Sales", "North").await;
    below(&acme, "South", "Acme Ltd").await;
    let settings = inside
        .directory
        .find_organisation(&"acme".parse().expect("a slug"))
        .await;
    let organisation = settings.expect("a read").expect("acme").organisation.id;
    let scope = inside
        .directory
        .subtree(organisation, north.parse().expect("an id"))
        .await
        .expect("a scope");
    let scope: Vec<String> = scope.iter().map(ToString::to_string).collect();
    assert_eq!(scope, [north, sales]);
}
