//! Walking all pages by index and by cursor (RFC 9865): stable while others write, and linear in all.

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};
use usher::directory::Directory;
use usher::model::clock::{Clock, SystemClock, Timestamp};
use usher::scim::ScimSettings;
use usher::store::observed::Observed;
use usher::store::{MemoryStore, Store};

use crate::kit::scim::{Client, Service, USER};

pub(super) fn ids(body: &Value) -> Vec<String> {
    let resources = body["Resources"].as_array().expect("Resources");
    assert_eq!(body["itemsPerPage"], resources.len());
    resources
        .iter()
        .map(|user| user["id"].as_str().expect("id").to_owned())
        .collect()
}

/// How a client walks.
#[derive(Debug, Clone, Copy)]
pub(super) enum By {
    Index,
    Cursor,
}

/// One client on its way through all pages.
pub(super) struct Walker<'a> {
    client: &'a Client,
    query: &'a str,
    by: By,
    count: usize,
    next: Option<String>,
    pub(super) seen: Vec<String>,
}

impl<'a> Walker<'a> {
    pub(super) fn new(client: &'a Client, query: &'a str, by: By, count: usize) -> Self {
        let next = match by {
            By::Index => "startIndex=1".to_owned(),
            By::Cursor => "cursor".to_owned(),
        };
        Self {
            client,
            query,
            by,
            count,
            next: Some(next),
            seen: Vec::new(),
        }
    }

    /// Reads the next page; whether there was one.
    pub(super) async fn step(&mut self) -> bool {
        let Some(next) = self.next.take() else { return false };
        let path = format!("/Users?{}&count={}&{next}", self.query, self.count);
        let body = self.client.get(&path).await.expect(200);
        self.seen.extend(ids(&body));
        match self.by {
            By::Index => {
                let index = self.seen.len() as u64 + 1;
                let more = index <= body["totalResults"].as_u64().expect("a total");
                self.next = more.then(|| format!("startIndex={index}"));
            }
            By::Cursor => {
                assert!(body.get("startIndex").is_none(), "{body:#}");
                self.next = body["nextCursor"].as_str().map(|cursor| format!("cursor={cursor}"));
            }
        }
        true
    }
}

pub(super) async fn people(number: usize) -> Client {
    let client = Service::client().await;
    for n in 0..number {
        let title = if n % 3 == 0 { "odd" } else { "even" };
        let body = json!({ "schemas": [USER], "userName": format!("user{n}"), "title": title });
        client.post("/Users", body).await.id();
    }
    client
}

pub(super) const QUERIES: [&str; 5] = [
    "",
    "filter=title+eq+%22even%22",
    "sortBy=title",
    "sortBy=userName&sortOrder=descending",
    "filter=userName+sw+%22user%22&sortBy=meta.created",
];

#[tokio::test]
async fn every_walk_shows_every_match_once() {
    let client = people(23).await;
    for query in QUERIES {
        let whole = ids(&client.get(&format!("/Users?{query}")).await.expect(200));
        for by in [By::Index, By::Cursor] {
            let mut walker = Walker::new(&client, query, by, 4);
            while walker.step().await {}
            assert_eq!(walker.seen, whole, "{by:?} {query}");
        }
    }
}

/// What others do between two pages.
#[derive(Debug, Clone, Copy)]
pub(super) enum Write {
    Create,
    Delete(prop::sample::Index),
}

pub(super) fn writes() -> impl Strategy<Value = Vec<Vec<Write>>> {
    let write = prop_oneof![
        Just(Write::Create),
        any::<prop::sample::Index>().prop_map(Write::Delete)
    ];
    prop::collection::vec(prop::collection::vec(write, 0..4), 0..12)
}

pub(super) async fn write(
    client: &Client,
    write: Write,
    number: &mut usize,
    gone: &mut BTreeSet<String>,
    there: &mut Vec<String>,
) {
    match write {
        Write::Create => {
            *number += 1;
            // A name in the middle, so that sorted walks meet it too.
            let body = json!({ "schemas": [USER], "userName": format!("user1-{number}"), "title": "even" });
            client.post("/Users", body).await.id();
        }
        Write::Delete(index) if !there.is_empty() => {
            let id = there.remove(index.index(there.len()));
            let _ = client.delete(&format!("/Users/{id}")).await.expect(204);
            gone.insert(id);
        }
        Write::Delete(_) => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn no_entry_that_stays_is_missed_or_doubled(
        rounds in writes(),
        query in prop::sample::select(QUERIES.to_vec()),
        by_cursor in any::<bool>(),
        count in 1_usize..6,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let client = people(20).await;
            let mut there = ids(&client.get(&format!("/Users?{query}")).await.expect(200));
            let (mut gone, mut number) = (BTreeSet::new(), 0);
            let by = if by_cursor { By::Cursor } else { By::Index };
            let mut walker = Walker::new(&client, query, by, count);
            let mut rounds = rounds.into_iter();
            while walker.step().await {
                for change in rounds.next().unwrap_or_default() {
                    write(&client, change, &mut number, &mut gone, &mut there).await;
                }
            }
            let seen: BTreeSet<&String> = walker.seen.iter().collect();
            prop_assert_eq!(seen.len(), walker.seen.len(), "an entry is doubled");
            for id in &there {
                prop_assert!(seen.contains(id), "an entry that stayed is missed");
            }
            Ok(())
        })?;
    }
}

#[tokio::test]
async fn a_walk_costs_the_same_for_each_page_however_far_it_is() {
    let store = Arc::new(Observed::new(Arc::new(MemoryStore::new())));
    let mut settings = ScimSettings::new("https://usher.example");
    settings.page_max = 20;
    settings.journal_entries_max = 0;
    let service = Service::with(Arc::clone(&store) as _, settings);
    let client = service.organisation("acme").await.client("scim").await;
    for n in 0..640 {
        client.user(&format!("user{n:04}")).await;
    }
    for query in ["", "filter=userName+sw+%22user%22", "sortBy=userName"] {
        for by in [By::Index, By::Cursor] {
            let mut walker = Walker::new(&client, query, by, 20);
            assert!(walker.step().await);
            let mut costs = BTreeSet::new();
            for _ in 0..30 {
                let before = store.report().round_trips();
                assert!(walker.step().await);
                costs.insert(store.report().round_trips() - before);
            }
            assert!(
                costs.iter().all(|cost| *cost <= 2),
                "{by:?} {query}: {costs:?} round trips a page"
            );
        }
    }
}

#[tokio::test]
async fn a_cursor_is_good_at_every_node() {
    let here = people(17).await;
    let mut there = here.clone();
    let settings = ScimSettings::new("https://usher.example");
    there.tenant.service.router = usher::scim::router(here.tenant.service.directory.clone(), settings);
    for query in QUERIES {
        let whole = ids(&here.get(&format!("/Users?{query}")).await.expect(200));
        let mut walker = Walker::new(&here, query, By::Cursor, 2);
        while walker.step().await {
            walker.client = if std::ptr::eq(walker.client, &here) {
                &there
            } else {
                &here
            };
        }
        assert_eq!(walker.seen, whole, "{query}");
    }
    for query in ["?cursor&count=3", "?cursor&count=3&sortBy=displayName"] {
        let first = here.get(query).await.expect(200);
        let cursor = first["nextCursor"].as_str().expect("a cursor");
        let next = query.replace("cursor", &format!("cursor={cursor}"));
        let (one, other) = (here.get(&next).await.expect(200), there.get(&next).await.expect(200));
        assert_eq!(one["Resources"], other["Resources"], "over all types");
    }
}

#[tokio::test]
async fn a_cursor_belongs_to_its_query_and_ends() {
    let client = people(5).await;
    let first = client.get("/Users?cursor&count=2").await.expect(200);
    assert_eq!(first["totalResults"], 5);
    let cursor = first["nextCursor"].as_str().expect("a cursor").to_owned();
    assert!(
        cursor.chars().all(|c| c.is_ascii_alphanumeric() || "-._~".contains(c)),
        "{cursor}"
    );
    let again = client.get(&format!("/Users?count=2&cursor={cursor}")).await.expect(200);
    let body =
        json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "cursor": cursor, "count": 2 });
    let searched = client.post("/Users/.search", body).await.expect(200);
    assert_eq!(searched["Resources"], again["Resources"]);
    let mut broken = cursor.clone();
    broken.replace_range(3..4, if &cursor[3..4] == "A" { "B" } else { "A" });
    for query in [
        format!("/Users?count=3&cursor={cursor}"),
        format!("/Users?count=2&filter=title+pr&cursor={cursor}"),
        format!("/Users?count=2&sortBy=userName&cursor={cursor}"),
        format!("/Groups?count=2&cursor={cursor}"),
        format!("/Users?count=2&cursor={broken}"),
        "/Users?count=2&cursor=x".to_owned(),
    ] {
        client.get(&query).await.refused(400, Some("invalidCursor"));
    }
    let other = client.tenant.client("other").await;
    other
        .get(&format!("/Users?count=2&cursor={cursor}"))
        .await
        .refused(400, Some("invalidCursor"));
    for count in ["0", "-1", "many"] {
        client
            .get(&format!("/Users?cursor&count={count}"))
            .await
            .refused(400, Some("invalidCount"));
    }
    let one_page = client.get("/Users?cursor=&count=5").await.expect(200);
    assert!(one_page.get("nextCursor").is_none());
}

/// The machine's clock, two hours ahead.
struct TwoHoursLater;

impl Clock for TwoHoursLater {
    fn now(&self) -> Timestamp {
        SystemClock.now() + chrono::TimeDelta::hours(2)
    }

    fn uuid(&self) -> uuid::Uuid {
        SystemClock.uuid()
    }

    fn secret(&self) -> [u8; 32] {
        SystemClock.secret()
    }
}

#[tokio::test]
async fn a_cursor_that_is_too_old_is_refused_as_expired() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let mut client = Service::over(Arc::clone(&store))
        .organisation("acme")
        .await
        .client("scim")
        .await;
    for name in ["ada", "bob", "cleo"] {
        client.user(name).await;
    }
    let first = client.get("/Users?cursor&count=1").await.expect(200);
    let next = format!(
        "/Users?cursor={}&count=1",
        first["nextCursor"].as_str().expect("a cursor")
    );
    let _ = client.get(&next).await.expect(200);
    let later = Directory::new(store, Arc::new(TwoHoursLater));
    client.tenant.service.router = usher::scim::router(later, ScimSettings::new("https://usher.example"));
    client.get(&next).await.refused(400, Some("expiredCursor"));
}
