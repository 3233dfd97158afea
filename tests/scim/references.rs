//! What resources say about others: the manager of a user, the parent of a group, members and groups, each with its address.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};
use usher::directory::{DirectoryError, Operation, Unit, keys};
use usher::model::id::GroupId;
use usher::model::organisation::Organisation;
use usher::scim::ScimSettings;
use usher::store::memory::MemoryStore;
use usher::store::observed::Observed;

use crate::kit::scim::{Client, ENTERPRISE, GROUP, Service, USER};

const USHER_GROUP: &str = "urn:usher:scim:schemas:extension:2.0:Group";
const BASE: &str = "https://usher.example/scim/acme/v2";

async fn report(client: &Client, name: &str, manager: Value) -> String {
    let body = json!({ "schemas": [USER, ENTERPRISE], "userName": name, ENTERPRISE: { "manager": manager } });
    client.post("/Users", body).await.id()
}

#[tokio::test]
async fn a_manager_is_shown_with_the_address_and_the_present_name_everywhere() {
    let client = Service::client().await;
    let body = json!({ "schemas": [USER], "userName": "boss", "displayName": "The Boss" });
    let boss = client.post("/Users", body).await.id();
    // The client's own address of the manager is not kept: it goes stale.
    let ada = report(
        &client,
        "ada",
        json!({ "value": boss, "$ref": "https://elsewhere.example/1" }),
    )
    .await;
    let expected = |name: &str| json!({ "value": boss, "$ref": format!("{BASE}/Users/{boss}"), "displayName": name });
    let path = format!("/Users/{ada}");
    let shown = client.get(&path).await.expect(200);
    assert_eq!(shown[ENTERPRISE]["manager"], expected("The Boss"));
    let rename = json!([{ "op": "replace", "path": "displayName", "value": "The Chief" }]);
    let _ = client.patch(&format!("/Users/{boss}"), rename).await.expect(200);
    let title = json!([{ "op": "replace", "path": "title", "value": "x" }]);
    let patched = client.patch(&path, title).await.expect(200);
    assert_eq!(patched[ENTERPRISE]["manager"], expected("The Chief"));
    let replaced = client.put(&path, patched).await.expect(200);
    assert_eq!(replaced[ENTERPRISE]["manager"], expected("The Chief"));
    for query in ["/Users?filter=userName+eq+%22ada%22", "?filter=userName+eq+%22ada%22"] {
        let list = client.get(query).await.expect(200);
        assert_eq!(
            list["Resources"][0][ENTERPRISE]["manager"],
            expected("The Chief"),
            "{query}"
        );
    }
    let _ = client.delete(&format!("/Users/{boss}")).await.expect(204);
    let left = client.get(&path).await.expect(200);
    assert!(
        left[ENTERPRISE]["manager"].get("displayName").is_none(),
        "nobody is there to be named"
    );
}

#[tokio::test]
async fn a_manager_who_is_an_employee_number_has_no_address_of_ours() {
    let client = Service::client().await;
    let ada = report(&client, "ada", json!({ "value": "E-1007" })).await;
    let shown = client.get(&format!("/Users/{ada}")).await.expect(200);
    assert_eq!(shown[ENTERPRISE]["manager"], json!({ "value": "E-1007" }));
}

#[tokio::test]
async fn the_managers_of_a_page_are_read_at_once_and_only_if_they_are_shown() {
    let store = Arc::new(Observed::new(Arc::new(MemoryStore::new())));
    let mut settings = ScimSettings::new("https://usher.example");
    settings.journal_entries_max = 0;
    let service = Service::with(Arc::clone(&store) as _, settings);
    let client = service.organisation("acme").await.client("scim").await;
    for n in 0..20 {
        let boss = client.user(&format!("boss{n}")).await;
        report(&client, &format!("report{n}"), json!({ "value": boss })).await;
    }
    let mut costs = Vec::new();
    for query in ["/Users?count=40&attributes=userName", "/Users?count=40"] {
        let before = store.report().round_trips();
        assert_eq!(client.get(query).await.expect(200)["itemsPerPage"], 40);
        costs.push(store.report().round_trips() - before);
    }
    assert!(
        costs[1] <= costs[0] + 2,
        "{costs:?}: groups and managers of all in one round trip each"
    );
}

#[tokio::test]
async fn every_reference_has_an_address_that_can_be_asked() {
    let client = Service::client().await;
    let ada = client.user("ada").await;
    let inner = client.group("inner").await;
    let members = json!([{ "value": ada }, { "value": inner, "type": "Group" }]);
    let body = json!({ "schemas": [GROUP], "displayName": "outer", "members": members });
    let outer = client.post("/Groups", body).await.id();
    let group = client.get(&format!("/Groups/{outer}")).await.expect(200);
    let user = client.get(&format!("/Users/{ada}")).await.expect(200);
    let mut addresses = Vec::new();
    for list in [&group["members"], &user["groups"]] {
        for element in list.as_array().expect("references") {
            addresses.push(element["$ref"].as_str().expect("an address").to_owned());
        }
    }
    assert_eq!(addresses.len(), 3);
    for address in addresses {
        let path = address.strip_prefix(BASE).expect("below the base URL");
        let found = client.get(path).await.expect(200);
        assert_eq!(found["meta"]["location"], address);
    }
}

/// What an administrator decides about a group.
struct PutUnder {
    group: GroupId,
    parent: GroupId,
}

#[async_trait]
impl Operation for PutUnder {
    type Outcome = ();

    async fn attempt(&self, unit: &mut Unit) -> Result<(), DirectoryError> {
        let key = keys::organisation(unit.organisation());
        let mut organisation: Organisation = unit.find(&key).await?.expect("an organisation");
        organisation.groups.depth = 2;
        unit.put(key, &organisation);
        let before = unit.load_group(self.group).await?;
        let mut after = before.clone();
        (after.parent, after.enabled) = (Some(self.parent), false);
        unit.update_group(&before, after).await.map(drop)
    }
}

#[tokio::test]
async fn the_place_of_a_group_is_shown_with_the_address_and_name_of_the_parent() {
    let client = Service::client().await;
    let (team, unit) = (client.group("Team").await, client.group("Unit").await);
    let id = |text: &str| text.parse::<GroupId>().expect("an id");
    let put = PutUnder {
        group: id(&team),
        parent: id(&unit),
    };
    let tenant = &client.tenant;
    tenant
        .service
        .directory
        .run(&tenant.permit, &put)
        .await
        .expect("put under");
    let parent = json!({ "value": unit, "$ref": format!("{BASE}/Groups/{unit}"), "display": "Unit" });
    for shown in [
        client.get(&format!("/Groups/{team}")).await.expect(200),
        client.get("/Groups?filter=displayName+eq+%22Team%22").await.expect(200)["Resources"][0].clone(),
    ] {
        assert_eq!(shown[USHER_GROUP]["parent"], parent);
        assert_eq!(shown[USHER_GROUP]["enabled"], false);
        // A client that sends back what it was shown changes nothing.
        let replaced = client.put(&format!("/Groups/{team}"), shown.clone()).await.expect(200);
        assert_eq!(replaced[USHER_GROUP], shown[USHER_GROUP]);
    }
    let filter = format!("{USHER_GROUP}:parent.value eq \"{unit}\"");
    assert_eq!(client.filter("/Groups", &filter).await.expect(200)["totalResults"], 1);
}
