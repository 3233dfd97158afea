//! Per attribute, the first connection of the organisation's list that has a value has the say: an HR directory and an identity
//! provider feed the same people.

use serde_json::{Value, json};
use usher::directory::authority::PutAuthority;
use usher::model::user::User;
use usher::provision::plan::PersonAction;
use usher::provision::reading::{Reading, WhyWhole};

use super::gateway::{Gateway, person};
use super::two_sources::{ada, adopts, scim};
use crate::kit::scim::{Client, ENTERPRISE};

const MODIFY: &str = "dn: uid=ada,ou=people,dc=example,dc=com\nchangetype: modify\n";

/// What HR says of Ada, and what the identity provider does.
const HR: &str = "title: Analyst\ndepartmentNumber: Engines\n";

fn provider() -> Value {
    ada(json!({
        "title": "Boss",
        "emails": [{ "value": "ada@entra.example", "type": "work" }],
        ENTERPRISE: { "department": "Poetry", "costCenter": "C1" },
    }))
}

/// HR decides about title and department, the identity provider about addresses.
fn lists() -> Value {
    json!({
        "title": ["corporate", "scim"],
        format!("{ENTERPRISE}:department"): ["corporate", "scim"],
        "emails": ["scim", "corporate"],
    })
}

async fn put(gateway: &Gateway, lists: Value) {
    let lists = PutAuthority(serde_json::from_value(lists).expect("lists"));
    gateway.act(&lists).await.expect("good lists");
}

async fn known(gateway: &Gateway) -> User {
    gateway.users().await["ada"].clone()
}

/// Title, department and address.
fn shown(user: &User) -> [Value; 3] {
    let attributes = Value::Object(user.attributes.clone());
    [
        attributes["title"].clone(),
        attributes[ENTERPRISE]["department"].clone(),
        attributes["emails"][0]["value"].clone(),
    ]
}

/// Both know Ada; the directory came first, or the identity provider did.
async fn both(directory_first: bool) -> Option<(Gateway, Client, String)> {
    let gateway = Gateway::start(&person("ada", HR)).await?;
    let client = scim(&gateway, adopts()).await;
    gateway.connect(adopts()).await;
    put(&gateway, lists()).await;
    if directory_first {
        gateway.sync().await;
    }
    let id = client.post("/Users", provider()).await.id();
    if !directory_first {
        gateway.sync().await;
    }
    assert_eq!(known(&gateway).await.held_by().len(), 2);
    Some((gateway, client, id))
}

#[tokio::test(flavor = "multi_thread")]
async fn each_source_has_the_say_over_its_own_attributes_whichever_comes_first_and_whoever_writes_last() {
    for directory_first in [true, false] {
        let Some((gateway, client, id)) = both(directory_first).await else {
            return;
        };
        let expected = ["Analyst", "Engines", "ada@entra.example"].map(Value::from);
        assert_eq!(shown(&known(&gateway).await), expected, "{directory_first}");
        let path = format!("/Users/{id}");
        let _ = client.put(&path, provider()).await.expect(200);
        gateway.sync().await;
        assert_eq!(shown(&known(&gateway).await), expected, "{directory_first}");

        let patch = json!([
            { "op": "replace", "path": "title", "value": "Chief" },
            { "op": "replace", "path": format!("{ENTERPRISE}:department"), "value": "Songs" },
            { "op": "replace", "path": format!("{ENTERPRISE}:costCenter"), "value": "C2" },
            { "op": "replace", "path": "emails[type eq \"work\"].value", "value": "countess@entra.example" },
        ]);
        let _ = client.patch(&path, patch).await.expect(200);
        gateway.slapd.modify(&format!(
            "{MODIFY}replace: mail\nmail: ada@hr.example\n-\nreplace: title\ntitle: Principal\n"
        ));
        gateway.sync().await;
        let user = known(&gateway).await;
        assert_eq!(
            shown(&user),
            ["Principal", "Engines", "countess@entra.example"].map(Value::from)
        );
        assert_eq!(
            user.attributes[ENTERPRISE]["costCenter"], "C2",
            "no list: the last writer"
        );
        let owner = |attribute: &str| user.owners[attribute].as_str();
        assert_eq!(
            [
                owner("title"),
                owner(&format!("{ENTERPRISE}:department")),
                owner("emails")
            ],
            ["corporate", "corporate", "scim"]
        );
        assert_eq!(gateway.sync().await.changed, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_is_given_up_leaves_the_say_to_the_next_of_the_list() {
    let Some((gateway, client, id)) = both(true).await else {
        return;
    };
    let path = format!("/Users/{id}");
    let mut without = provider();
    without.as_object_mut().expect("a user").remove("emails");
    let _ = client.put(&path, without).await.expect(200);
    assert_eq!(
        shown(&known(&gateway).await)[2],
        "ada@example.com",
        "the directory's own, at once"
    );
    gateway.sync().await;
    assert_eq!(shown(&known(&gateway).await)[2], "ada@example.com");
    let _ = client.put(&path, provider()).await.expect(200);
    assert_eq!(
        shown(&known(&gateway).await)[2],
        "ada@entra.example",
        "the first of the list is back"
    );

    gateway
        .slapd
        .modify(&format!("{MODIFY}delete: title\n-\ndelete: departmentNumber\n"));
    gateway.sync().await;
    // What the identity provider said once, it does not say again.
    assert_eq!(
        shown(&known(&gateway).await),
        ["Boss", "Poetry", "ada@entra.example"].map(Value::from)
    );
    gateway.slapd.modify(&format!(
        "{MODIFY}add: title\ntitle: Analyst\n-\nadd: departmentNumber\ndepartmentNumber: Engines\n"
    ));
    gateway.sync().await;
    assert_eq!(
        shown(&known(&gateway).await),
        ["Analyst", "Engines", "ada@entra.example"].map(Value::from)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_lists_are_followed_though_no_entry_has_changed() {
    let Some((gateway, _, _)) = both(true).await else {
        return;
    };
    assert_eq!(gateway.sync().await.changed, 0);
    put(&gateway, json!({ "emails": ["corporate"] })).await;
    let report = gateway.read(Reading::Changes).await;
    assert_eq!(report.why_whole, Some(WhyWhole::Settings));
    let actions: Vec<_> = report.plan.people.iter().map(|step| step.action).collect();
    assert_eq!(actions, [PersonAction::Update], "{}", report.plan);
    assert_eq!(shown(&known(&gateway).await)[2], "ada@example.com");
    assert_eq!(gateway.read(Reading::Changes).await.why_whole, None);

    // Without any list precedence alone decides, and the other connection's counts as well.
    let client = scim(
        &gateway,
        json!({ "matching": { "adoption": "adopt" }, "precedence": 50 }),
    )
    .await;
    let id = known(&gateway).await.id;
    put(&gateway, json!({})).await;
    let _ = client.put(&format!("/Users/{id}"), provider()).await.expect(200);
    gateway.sync().await;
    assert_eq!(shown(&known(&gateway).await)[0], "Boss");
    let _ = scim(
        &gateway,
        json!({ "matching": { "adoption": "adopt" }, "precedence": 150 }),
    )
    .await;
    gateway.sync().await;
    assert_eq!(shown(&known(&gateway).await)[0], "Analyst");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_leaves_takes_its_values_along_where_another_source_has_some() {
    let Some((gateway, client, id)) = both(true).await else {
        return;
    };
    assert_eq!(client.delete(&format!("/Users/{id}")).await.status, 204);
    let user = known(&gateway).await;
    assert_eq!(shown(&user), ["Analyst", "Engines", "ada@example.com"].map(Value::from));
    assert_eq!(user.owners["emails"].as_str(), "corporate");
    assert!(user.offers.is_empty(), "{:?}", user.offers);
    assert_eq!(user.attributes[ENTERPRISE]["costCenter"], "C1", "nobody else has one");
}
