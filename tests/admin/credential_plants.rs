//! Verification finds damage to credentials and sessions, planted past the directory into the store itself.

use serde_json::{Value, json};
use usher::directory::keys;
use usher::directory::keys::credential;
use usher::model::id::{OrganisationId, TokenId, UserId};
use usher::model::slug::Slug;
use usher::store::{Batch, Key};

use crate::kit::house::{House, PASSWORD};

/// A person with a session, in a store with damage to plant.
struct Plot {
    house: House,
    organisation: OrganisationId,
    user: UserId,
    session: TokenId,
}

impl Plot {
    async fn new() -> Self {
        let house = House::with(json!({})).await;
        house.enrolled("mia").await;
        let signed_in = house.sign_in("mia", PASSWORD).await.expect(201);
        let slug: Slug = "acme".parse().expect("a slug");
        let found = house.inside.directory.find_organisation(&slug).await;
        let id = |value: &Value| value.as_str().expect("an id").to_owned();
        Self {
            organisation: found.expect("a read").expect("acme").organisation.id,
            user: id(&signed_in["user"]).parse().expect("an id"),
            session: id(&signed_in["session"]).parse().expect("an id"),
            house,
        }
    }

    async fn commit(&self, batch: Batch) {
        let store = self.house.inside.directory.store();
        store.commit(batch).await.expect("planted");
    }

    async fn delete(&self, key: Key) {
        let mut batch = Batch::new();
        batch.delete(key);
        self.commit(batch).await;
    }

    /// Changes a JSON record where it is.
    async fn edit(&self, key: Key, change: impl FnOnce(&mut Value)) {
        let stored = self.house.inside.directory.store().get(key.clone()).await;
        let stored = stored.expect("a read").expect("a record");
        let mut record: Value = serde_json::from_slice(&stored.value).expect("JSON");
        change(&mut record);
        let mut batch = Batch::new();
        batch.put(key, record.to_string());
        self.commit(batch).await;
    }

    /// What is found, of the invariants named.
    async fn found(&self, invariant: &str) -> Vec<String> {
        let found = self.house.violations().await;
        let found = found.iter().filter(|violation| violation["invariant"] == invariant);
        found
            .map(|violation| violation["what"].as_str().expect("words").to_owned())
            .collect()
    }
}

#[tokio::test]
async fn a_session_that_nobody_can_see_is_found() {
    let plot = Plot::new().await;
    plot.delete(credential::session_of(plot.organisation, plot.user, plot.session))
        .await;
    assert_eq!(
        plot.found("credentials").await,
        ["is in no list: nobody can see or end it"]
    );
}

#[tokio::test]
async fn a_list_that_leads_to_no_session_is_found() {
    let plot = Plot::new().await;
    plot.delete(credential::session(plot.organisation, plot.session)).await;
    assert_eq!(
        plot.found("credentials").await,
        ["is in the list of a user, and there is no such session of theirs"]
    );
}

#[tokio::test]
async fn what_nobody_signs_in_with_is_found() {
    let plot = Plot::new().await;
    plot.delete(keys::user(plot.organisation, plot.user)).await;
    let found = plot.found("credentials").await;
    assert_eq!(
        found,
        ["is of a user who does not exist", "is of a user who does not exist"],
        "the credential, and the session"
    );
}

#[tokio::test]
async fn a_password_that_the_user_record_knows_nothing_of_is_found() {
    let plot = Plot::new().await;
    let key = credential::credential(plot.organisation, plot.user);
    plot.edit(key, |record| {
        record.as_object_mut().expect("an object").remove("hash");
    })
    .await;
    assert_eq!(
        plot.found("credentials").await,
        ["has a password that the user record knows nothing of, or the other way round"]
    );
}

#[tokio::test]
async fn records_at_anothers_place_and_wrong_counters_are_found() {
    let plot = Plot::new().await;
    let other = uuid::Uuid::now_v7().to_string();
    let key = credential::session(plot.organisation, plot.session);
    plot.edit(key, |record| record["id"] = json!(other)).await;
    let mut batch = Batch::new();
    batch.put(credential::decoy(plot.organisation, "x"), "many");
    plot.commit(batch).await;
    assert_eq!(plot.found("records").await.len(), 2);
}
