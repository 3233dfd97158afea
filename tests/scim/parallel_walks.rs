//! Two walks of one token over one query, side by side, while others write; and walks that turn round (RFC 9865).

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::paging::{By, QUERIES, Walker, ids, people, write, writes};
use crate::kit::scim::{Client, GROUP, Service, USER};

/// Which of two walkers goes on, and what is written before.
type Turn = (bool, Vec<super::paging::Write>);

fn turns() -> impl Strategy<Value = Vec<Turn>> {
    (prop::collection::vec(any::<bool>(), 40), writes()).prop_map(|(turns, writes)| {
        let writes = writes.into_iter().chain(std::iter::repeat(Vec::new()));
        turns.into_iter().zip(writes).collect()
    })
}

async fn two_walks(by: [By; 2], query: &str, count: usize, turns: Vec<Turn>) -> Result<(), TestCaseError> {
    let client = people(20).await;
    let mut there = ids(&client.get(&format!("/Users?{query}")).await.expect(200));
    let (mut gone, mut number) = (BTreeSet::new(), 0);
    // Two clients of one token that ask for pages of different sizes.
    let mut counts = [count, count + 1].into_iter();
    let mut walkers = by.map(|by| Walker::new(&client, query, by, counts.next().unwrap_or(count)));
    for (is_first, writes) in turns {
        for change in writes {
            write(&client, change, &mut number, &mut gone, &mut there).await;
        }
        let _ = walkers[usize::from(is_first)].step().await;
    }
    for walker in &mut walkers {
        while walker.step().await {}
        let seen: BTreeSet<&String> = walker.seen.iter().collect();
        prop_assert_eq!(seen.len(), walker.seen.len(), "an entry is doubled");
        for id in &there {
            prop_assert!(seen.contains(id), "an entry that stayed is missed");
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn two_walks_of_one_token_both_show_every_entry_that_stays_once(
        turns in turns(),
        query in prop::sample::select(QUERIES.to_vec()),
        by in prop::sample::select(vec![[By::Index, By::Index], [By::Cursor, By::Cursor], [By::Index, By::Cursor]]),
        count in 2_usize..7,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(two_walks(by, query, count, turns))?;
    }
}

#[tokio::test]
async fn a_page_is_as_long_as_was_asked_for_whoever_else_walks() {
    let client = people(12).await;
    let all = ids(&client.get("/Users").await.expect(200));
    let mut early = Walker::new(&client, "", By::Index, 5);
    assert!(early.step().await);
    let _ = client.delete(&format!("/Users/{}", all[1])).await.expect(204);
    let mut late = Walker::new(&client, "", By::Index, 5);
    assert!(late.step().await);
    assert_eq!(late.seen.len(), 5, "there are clients that step by what they asked for");
    let left: Vec<&String> = all.iter().filter(|id| **id != all[1]).collect();
    // Nothing tells the two apart but their turns.
    while early.step().await && late.step().await {}
    assert_eq!(early.seen, all, "its first page was read before");
    assert_eq!(late.seen.iter().collect::<Vec<_>>(), left);
}

#[tokio::test]
async fn a_client_that_steps_by_the_size_it_asked_for_meets_everyone_who_stays() {
    let client = people(23).await;
    let all = ids(&client.get("/Users").await.expect(200));
    let mut other = Walker::new(&client, "", By::Index, 4);
    assert!(other.step().await);
    let mut seen = Vec::new();
    for start in (1..=23).step_by(5) {
        let page = client
            .get(&format!("/Users?startIndex={start}&count=5"))
            .await
            .expect(200);
        seen.extend(ids(&page));
        let _ = client.delete(&format!("/Users/{}", seen[0])).await;
        other.step().await;
    }
    seen.sort_unstable();
    let mut whole = all;
    whole.sort_unstable();
    assert_eq!(seen, whole, "nobody is missed or doubled");
}

/// Walks to the end by cursor, and back again: the pages in the order in which they were read.
async fn there_and_back(client: &Client, endpoint: &str, query: &str, count: usize) -> [Vec<Vec<String>>; 2] {
    let path = |cursor: &str| format!("{endpoint}?{query}&count={count}&cursor={cursor}");
    let (mut there, mut back) = (Vec::new(), Vec::new());
    let mut page = client.get(&path("")).await.expect(200);
    assert!(page.get("previousCursor").is_none(), "{page:#}");
    there.push(ids(&page));
    while let Some(next) = page["nextCursor"].as_str() {
        page = client.get(&path(next)).await.expect(200);
        there.push(ids(&page));
    }
    while let Some(previous) = page["previousCursor"].as_str() {
        page = client.get(&path(previous)).await.expect(200);
        assert!(page["nextCursor"].is_string(), "{page:#}");
        back.push(ids(&page));
    }
    [there, back]
}

#[tokio::test]
async fn a_walk_by_cursor_can_turn_round_at_the_end_and_come_back_to_the_first_page() {
    let client = people(23).await;
    for n in 0..7 {
        client.group(&format!("group {n}")).await;
    }
    let sorted = "filter=displayName+sw+%22group%22&sortBy=displayName&sortOrder=descending";
    let mut walks: Vec<(&str, &str)> = QUERIES.iter().map(|query| ("/Users", *query)).collect();
    walks.extend([
        ("/Groups", ""),
        ("/Groups", sorted),
        ("", ""),
        ("", "sortBy=displayName"),
        ("/Roles", ""),
    ]);
    for (endpoint, query) in walks {
        let [mut there, back] = there_and_back(&client, endpoint, query, 4).await;
        let last = there.pop().expect("a page");
        there.reverse();
        assert_eq!(back, there, "{endpoint} {query}");
        assert!(!last.is_empty() || there.is_empty());
    }
}

#[tokio::test]
async fn walking_back_passes_over_what_has_gone_and_shows_what_has_come() {
    let client = people(9).await;
    for query in ["", "sortBy=id"] {
        let path = |cursor: &str| format!("/Users?{query}&count=3&cursor={cursor}");
        let first = client.get(&path("")).await.expect(200);
        let next = first["nextCursor"].as_str().expect("a cursor");
        let second = client.get(&path(next)).await.expect(200);
        let gone = ids(&first)[2].clone();
        let _ = client.delete(&format!("/Users/{gone}")).await.expect(204);
        let previous = second["previousCursor"].as_str().expect("a cursor");
        let again = client.get(&path(previous)).await.expect(200);
        assert_eq!(ids(&again), ids(&first)[..2], "{query}");
        assert!(again.get("previousCursor").is_none());
        let forward = again["nextCursor"].as_str().expect("a cursor");
        assert_eq!(ids(&client.get(&path(forward)).await.expect(200)), ids(&second));
        for id in ids(&again) {
            let _ = client.delete(&format!("/Users/{id}")).await.expect(204);
        }
        let front = client.get(&path(previous)).await.expect(200);
        assert_eq!(
            ids(&front),
            ids(&second),
            "nothing is in front any more: the first page"
        );
        assert!(front.get("previousCursor").is_none());
    }
}

#[tokio::test]
async fn a_search_walks_by_cursor_in_both_directions_at_every_level() {
    let client = Service::client().await;
    for n in 0..5 {
        let body = json!({ "schemas": [USER], "userName": format!("u{n}"), "displayName": format!("D{n}") });
        client.post("/Users", body).await.id();
        let body = json!({ "schemas": [GROUP], "displayName": format!("D{n} crew") });
        client.post("/Groups", body).await.id();
    }
    for (endpoint, total) in [("/Users", 5), ("/Groups", 5), ("", 10)] {
        let search = |cursor: &Value| {
            json!({
                "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": "displayName sw \"D\"",
                "sortBy": "displayName", "sortOrder": "descending", "count": 3, "cursor": cursor,
            })
        };
        let path = format!("{endpoint}/.search");
        let mut pages = vec![client.post(&path, search(&json!(""))).await.expect(200)];
        while let Some(next) = pages.last().and_then(|page| page.get("nextCursor")) {
            let next = client.post(&path, search(next)).await.expect(200);
            pages.push(next);
        }
        let names: Vec<&str> = pages
            .iter()
            .flat_map(|page| page["Resources"].as_array().expect("Resources"))
            .map(|resource| resource["displayName"].as_str().expect("a name"))
            .collect();
        assert_eq!(names.len(), total, "{endpoint}");
        assert!(names.is_sorted_by(|left, right| left >= right), "{endpoint} {names:?}");
        let back = client
            .post(&path, search(&pages[1]["previousCursor"]))
            .await
            .expect(200);
        assert_eq!(back["Resources"], pages[0]["Resources"], "{endpoint}");
    }
}
