//! Organisations whose users and groups are changed by their connections only (IPSIE AL1 s3.2.1).

use axum::http::Method;
use serde_json::json;
use usher::directory::membership::{Leaving, MemberChanges};
use usher::directory::{DirectoryError, Operation, Principal, Unit};
use usher::model::group::Group;
use usher::model::id::{GroupId, UserId};
use usher::model::membership::Member;
use usher::model::origin::Origin;

use crate::kit::gateway::{Caller, Inside};

const ADA: &str = "/api/v1/organisations/acme/users/ada";

fn file(local_changes: &str) -> String {
    format!(
        "[organisation]\nslug = \"acme\"\nlocal_changes = \"{local_changes}\"\n[[connections]]\nname = \"entra\"\nkind = \
         \"scim\"\nonboarding = \"prepared\"\n"
    )
}

async fn refusing() -> (Inside, Caller, String) {
    let inside = Inside::new();
    let acme = inside.administrator().await.organisation("acme").await;
    acme.apply("acme", &file("refused")).await.expect(200);
    let id = acme.connection("acme", "entra").await.scim_user("acme", "ada").await;
    (inside, acme, id)
}

#[tokio::test]
async fn a_managed_user_is_not_deleted_locally_where_that_is_refused() {
    let (_inside, acme, id) = refusing().await;
    let shown = acme.get("/api/v1/organisations/acme").await.expect(200);
    assert_eq!(shown["local_changes"], "refused");
    let refused = acme.delete(ADA).await.expect(403);
    let detail = refused["detail"].as_str().expect("a detail");
    assert!(detail.contains("local_changes = \"allowed\""), "{detail}");
    let client = acme.connection("acme", "entra").await;
    let path = format!("/scim/acme/v2/Users/{id}");
    client.get(&path).await.expect(200);
    client.delete(&path).await.expect(204);
}

#[tokio::test]
async fn what_scim_cannot_express_stays_possible() {
    let (_inside, acme, _) = refusing().await;
    acme.post(&format!("{ADA}/invite"), json!(null)).await.expect(201);
    acme.post(&format!("{ADA}/revoke-invitation"), json!(null))
        .await
        .expect(200);
    let suspended = acme.post(&format!("{ADA}/suspend"), json!(null)).await.expect(200);
    assert_eq!(suspended["state"], "suspended");
    acme.post(&format!("{ADA}/reactivate"), json!(null)).await.expect(200);
    acme.connection("acme", "entra").await;
}

#[tokio::test]
async fn local_changes_are_possible_again_when_the_file_says_so() {
    let (_inside, acme, _) = refusing().await;
    // What a file leaves out stays as it is.
    acme.apply("acme", "[organisation]\nslug = \"acme\"\nname = \"Acme\"\n")
        .await
        .expect(200);
    acme.delete(ADA).await.expect(403);
    acme.apply("acme", &file("allowed")).await.expect(200);
    acme.delete(ADA).await.expect(204);
}

/// What no door does today is refused as well: the rule is not a door's.
enum Local<'a> {
    Create(&'a Group),
    Rename(GroupId),
    Delete(GroupId),
    Add(GroupId, UserId),
    Remove(GroupId, UserId),
    Edit(UserId),
}

#[async_trait::async_trait]
impl Operation for Local<'_> {
    type Outcome = ();

    async fn attempt(&self, unit: &mut Unit) -> Result<(), DirectoryError> {
        let mut changes = MemberChanges::default();
        match self {
            Self::Create(group) => unit.create_group((*group).clone()).await.map(|_| ()),
            Self::Rename(id) => {
                let before = unit.load_group(*id).await?;
                let mut after = before.clone();
                after.display_name = "Renamed".to_owned();
                unit.update_group(&before, after).await.map(|_| ())
            }
            Self::Delete(id) => {
                let group = unit.load_group(*id).await?;
                unit.delete_group(&group).await
            }
            Self::Add(id, user) => {
                let group = unit.load_group(*id).await?;
                let members = [Member::User(*user)];
                unit.add_members(&group, &members, &Origin::Direct, &mut changes).await
            }
            Self::Remove(id, user) => {
                let group = unit.load_group(*id).await?;
                let leaving = Leaving::These(vec![Member::User(*user)]);
                unit.remove_members(&group, &leaving, &Origin::Direct, true, &mut changes)
                    .await
            }
            Self::Edit(id) => {
                let before = unit.load_user(*id).await?;
                let mut after = before.clone();
                after.attributes.insert("title".to_owned(), json!("Countess"));
                unit.update_user(&before, after).await.map(|_| ())
            }
        }
    }
}

#[tokio::test]
async fn every_local_change_of_a_managed_user_group_or_membership_is_refused() {
    let (inside, acme, id) = refusing().await;
    let client = acme.connection("acme", "entra").await;
    let group = json!({
        "schemas": [crate::kit::scim::GROUP],
        "displayName": "Engineering",
        "externalId": "eng",
        "members": [{ "value": id }],
    });
    let group: GroupId = client
        .post("/scim/acme/v2/Groups", group)
        .await
        .id()
        .parse()
        .expect("an id");
    let user: UserId = id.parse().expect("an id");
    let slug = "acme".parse().expect("a slug");
    let settings = inside
        .directory
        .find_organisation(&slug)
        .await
        .expect("a read")
        .expect("acme");
    let organisation = settings.organisation.id;
    let stored = inside
        .directory
        .browse_group(organisation, group)
        .await
        .expect("a read")
        .expect("the group");
    let mut new = stored.clone();
    new.id = GroupId::new(uuid::Uuid::now_v7());
    new.display_name = "Local".to_owned();
    new.external_ids.clear();
    new.sources.clear();
    let permit = Principal::system().administer(organisation).expect("the system may");
    let changes = [
        Local::Create(&new),
        Local::Rename(group),
        Local::Delete(group),
        Local::Add(group, user),
        Local::Remove(group, user),
        Local::Edit(user),
    ];
    for (at, change) in changes.iter().enumerate() {
        let refused = inside.directory.run(&permit, change).await;
        assert!(matches!(refused, Err(DirectoryError::Denied(_))), "{at}: {refused:?}");
    }
    // The connection itself goes on as ever.
    let path = format!("/scim/acme/v2/Groups/{group}");
    let operations = json!([{ "op": "replace", "path": "displayName", "value": "Engineers" }]);
    let body = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations });
    let patched = client.send(Method::PATCH, &path, Some(body)).await;
    assert!(patched.status.is_success(), "{:#}", patched.body);
}
