//! Erasing somebody who was called something else before, who was deleted before, or who was written to.

use std::path::Path;
use std::sync::Arc;

use axum::http::Method;
use serde_json::{Value, json};
use usher::delivery::folder::{self, MailFolder};
use usher::directory::Directory;
use usher::model::clock::SystemClock;
use usher::model::id::{MailId, UserId};
use usher::store::memory::MemoryStore;
use usher::store::{Key, SCAN_ENTRIES_MAX, Scan, Store};

use crate::kit::gateway::{Caller, Inside};

const ORG: &str = "/api/v1/organisations/acme";
const USERS: &str = "/api/v1/organisations/acme/users";

/// A gateway with one organisation, over a memory engine.
async fn acme(directory: impl FnOnce(Directory) -> Directory) -> (Arc<dyn Store>, Inside, Caller) {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let inside = Inside::of(directory(Directory::new(Arc::clone(&store), Arc::new(SystemClock))));
    let acme = inside.administrator().await.organisation("acme").await;
    (store, inside, acme)
}

async fn user(acme: &Caller, name: &str, attributes: Value) -> String {
    let body = json!({ "user_name": name, "attributes": attributes });
    acme.post(USERS, body).await.expect(201)["id"]
        .as_str()
        .expect("an id")
        .to_owned()
}

async fn patch(acme: &Caller, user: &str, body: Value) {
    acme.patch(&format!("{USERS}/{user}"), body).await.expect(200);
}

/// Every key and value that holds a text, in lower case.
async fn holding(store: &dyn Store, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut scan = Scan::prefix(&Key::new(Vec::<u8>::new()), SCAN_ENTRIES_MAX);
    loop {
        let entries = store.scan(scan.clone()).await.expect("a scan");
        for (key, stored) in &entries {
            let whole = format!("{key:?} {}", String::from_utf8_lossy(&stored.value));
            if whole.to_lowercase().contains(text) {
                found.push(whole);
            }
        }
        match entries.last() {
            Some((last, _)) => scan = scan.after(last.clone()),
            None => return found,
        }
    }
}

/// Plans something for somebody who is not found by this name any more: the plan keeps what was typed.
async fn plan(acme: &Caller, named: &str) {
    let body = json!({ "operation": "suspend", "users": [named] });
    acme.post(&format!("{ORG}/bulk"), body).await.expect(201);
}

async fn share_view(acme: &Caller, filter: &str) -> String {
    let view = json!({ "name": "One of them", "list": "users", "filter": filter });
    let view = acme.post(&format!("{ORG}/views"), view).await.expect(201);
    view["id"].as_str().expect("an id").to_owned()
}

fn left(erased: &Value) -> &[Value] {
    erased["left"].as_array().expect("a list")
}

#[tokio::test]
async fn what_a_person_was_called_before_is_erased_as_well() {
    let (store, _, acme) = acme(|directory| directory).await;
    let id = user(&acme, "ada.byron", json!({ "displayName": "Ada Byron" })).await;
    patch(
        &acme,
        &id,
        json!({ "user_name": "ada.lovelace", "attributes": { "displayName": "Ada Lovelace" } }),
    )
    .await;
    plan(&acme, "ada.byron").await;
    let view = share_view(&acme, "user_name eq \"ada.byron\"").await;
    acme.delete(&format!("{ORG}/views/{view}")).await.expect(204);
    assert!(
        holding(store.as_ref(), "byron").await.len() >= 3,
        "it is there to be found"
    );
    let erased = acme
        .post(&format!("{USERS}/{id}/erase"), json!({ "confirm": "ada.lovelace" }))
        .await
        .expect(200);
    assert_eq!(left(&erased), [] as [Value; 0]);
    assert_eq!(holding(store.as_ref(), "byron").await, Vec::<String>::new());
    assert_eq!(holding(store.as_ref(), "lovelace").await, Vec::<String>::new());
}

#[tokio::test]
async fn a_shared_view_that_names_an_erased_person_is_told_by_its_own_identifier() {
    let (_, _, acme) = acme(|directory| directory).await;
    let id = user(&acme, "ada.lovelace", json!({})).await;
    share_view(&acme, "user_name eq \"bob\"").await;
    let body = json!({ "name": "Ada", "list": "users", "filter": "user_name eq \"ada.lovelace\"" });
    let view = acme.post(&format!("{ORG}/views"), body).await.expect(201);
    let role = json!({ "key": "helper-of-somebody-else", "name": "Helper of ada.lovelace" });
    acme.post(&format!("{ORG}/roles"), role).await.expect(201);
    let erased = acme
        .post(&format!("{USERS}/{id}/erase"), json!({ "confirm": "ada.lovelace" }))
        .await
        .expect(200);
    let told: Vec<&Value> = left(&erased).iter().filter(|left| left["table"] == "View").collect();
    assert_eq!(told, [&json!({ "table": "View", "id": view["id"] })], "{erased:#}");
    let role = json!({ "table": "Role", "id": null, "name": "helper-of-somebody-else" });
    assert!(left(&erased).contains(&role), "{erased:#}");
}

#[tokio::test]
async fn who_was_deleted_before_is_erased_by_what_the_audit_log_knows() {
    let (store, _, acme) = acme(|directory| directory).await;
    let id = user(&acme, "ada.lovelace", json!({ "displayName": "Ada Lovelace" })).await;
    let bob = user(&acme, "bob", json!({ "title": "Assistant of Ada Lovelace" })).await;
    patch(
        &acme,
        &bob,
        json!({ "attributes": { "title": "Friend of Ada Lovelace" } }),
    )
    .await;
    acme.delete(&format!("{USERS}/{id}")).await.expect(204);
    plan(&acme, "ada.lovelace").await;
    let erase = format!("{USERS}/{id}/erase");
    let erased = acme.post(&erase, json!({ "confirm": id })).await.expect(200);
    assert_eq!(left(&erased), [json!({ "table": "User", "id": bob })], "{erased:#}");
    assert!(
        erased["looked_for"].as_u64().is_some_and(|many| many >= 2),
        "{erased:#}"
    );
    let held = holding(store.as_ref(), "lovelace").await;
    assert_eq!(held.len(), 1, "only the other person's own record: {held:#?}");
    // Once more: the log does not know the names any more, and the answer says so; whoever knows them gives them.
    let again = acme.post(&erase, json!({ "confirm": id })).await.expect(200);
    assert_eq!(
        (&again["looked_for"], &again["left"]),
        (&json!(0), &json!([])),
        "{again:#}"
    );
    let named = json!({ "confirm": id, "names": ["Ada Lovelace"] });
    let again = acme.post(&erase, named).await.expect(200);
    assert_eq!(left(&again), [json!({ "table": "User", "id": bob })]);
}

fn mail(folder: &Path, about: &[UserId], to: &str) -> MailId {
    let id = MailId::new(uuid::Uuid::new_v4());
    let text = format!("From: usher@acme.example\r\nTo: {to}\r\nSubject: Welcome\r\n\r\nDear Ada Lovelace\r\n");
    folder::write(folder, id, about, text.as_bytes()).expect("a file");
    id
}

#[tokio::test]
async fn the_files_of_mails_to_or_about_an_erased_person_are_deleted() {
    let data = tempfile::tempdir().expect("a folder");
    let mails = data.path().join("mail");
    folder::make(&mails).expect("a folder");
    let kept = Arc::new(MailFolder::of(data.path()));
    let (_, _, acme) = acme(|directory| directory.with_kept_mails(kept)).await;
    let emails = json!([{ "value": "ada@acme.example" }]);
    let id = user(&acme, "ada.lovelace", json!({ "emails": emails })).await;
    let bob = user(&acme, "bob", json!({})).await;
    let person = |id: &str| id.parse::<UserId>().expect("an id");
    mail(&mails, &[person(&id)], "an.old.address@acme.example");
    // An earlier release did not note whom a mail is about.
    mail(&mails, &[], "Ada@acme.example");
    let others = mail(&mails, &[person(&bob)], "bob@acme.example");
    // To somebody else, and with the name of who invites.
    mail(&mails, &[person(&bob), person(&id)], "bob@acme.example");
    let erased = acme
        .post(&format!("{USERS}/{id}/erase"), json!({ "confirm": "ada.lovelace" }))
        .await
        .expect(200);
    assert_eq!(erased["records"]["MailFile"], 3, "{erased:#}");
    let left: Vec<_> = std::fs::read_dir(&mails)
        .expect("a folder")
        .map(|file| file.expect("a file").file_name())
        .collect();
    assert_eq!(left, [format!("{others}.eml").as_str()]);
}

#[tokio::test]
async fn a_mail_to_an_erased_person_as_a_guest_is_not_sent_any_more() {
    let (store, _, acme) = acme(|directory| directory).await;
    acme.apply(
        "acme",
        "[organisation]\nslug = \"acme\"\nguest_url = \"https://acme.example/guest?key={secret}\"\n",
    )
    .await
    .expect(200);
    let emails = json!([{ "value": "ada@acme.example" }]);
    let id = user(&acme, "ada.lovelace", json!({ "emails": emails })).await;
    let guest = json!({ "name": "A. L.", "email": "ada@acme.example", "delivery": "email" });
    let guest = acme.post(&format!("{ORG}/guests"), guest).await.expect(201);
    let erased = acme
        .post(&format!("{USERS}/{id}/erase"), json!({ "confirm": "ada.lovelace" }))
        .await
        .expect(200);
    assert_eq!(erased["records"]["Outbox"], 1, "{erased:#}");
    // The guest is somebody's decision, and told.
    assert_eq!(
        left(&erased),
        [json!({ "table": "Guest", "id": guest["id"] })],
        "{erased:#}"
    );
    assert_eq!(holding(store.as_ref(), "ada@acme.example").await.len(), 1);
    let answer = acme.send(Method::GET, &format!("{ORG}/verify"), None).await.expect(200);
    assert_eq!(answer["done"]["violations"], 0, "{answer:#}");
}

#[tokio::test]
async fn a_mail_to_a_guest_goes_without_the_name_of_whoever_invited_and_was_erased() {
    let (store, inside, acme) = acme(|directory| directory).await;
    acme.apply(
        "acme",
        "[organisation]\nslug = \"acme\"\nguest_url = \"https://acme.example/guest?key={secret}\"\n",
    )
    .await
    .expect(200);
    let id = user(&acme, "ada.lovelace", json!({ "displayName": "Augusta King" })).await;
    let permission = json!({ "permission": "guest.manage" });
    acme.post(&format!("{USERS}/{id}/permissions"), permission)
        .await
        .expect(200);
    acme.post(&format!("{USERS}/{id}/invite"), json!({ "channel": "link" }))
        .await
        .expect(201);
    acme.post(
        &format!("{USERS}/{id}/password"),
        json!({ "password": "Long enough 1!" }),
    )
    .await
    .expect(200);
    let token = acme
        .post(&format!("{ORG}/tokens"), json!({ "user": id }))
        .await
        .expect(201);
    let ada = inside.caller(token["token"].as_str().expect("a token"));
    let guest = json!({ "name": "Charles", "email": "charles@acme.example", "delivery": "email" });
    ada.post(&format!("{ORG}/guests"), guest).await.expect(201);
    assert_eq!(mails_with(store.as_ref(), "augusta king").await, 1);
    let erased = acme
        .post(&format!("{USERS}/{id}/erase"), json!({ "confirm": "ada.lovelace" }))
        .await
        .expect(200);
    assert_eq!(
        (&erased["records"]["Outbox"], &erased["left"]),
        (&json!(1), &json!([])),
        "{erased:#}"
    );
    assert_eq!(holding(store.as_ref(), "augusta king").await, [""; 0]);
    assert_eq!(
        mails_with(store.as_ref(), "charles@acme.example").await,
        1,
        "it goes all the same"
    );
    let answer = acme.send(Method::GET, &format!("{ORG}/verify"), None).await.expect(200);
    assert_eq!(answer["done"]["violations"], 0, "{answer:#}");
}

/// Mails in the outbox that hold a text.
async fn mails_with(store: &dyn Store, text: &str) -> usize {
    let held = holding(store, text).await;
    held.iter().filter(|record| record.contains("guest-invitation")).count()
}
