//! The same for many people: the plan says what happens, and confirming does just that (story 001 of seeds.md section 7).

mod between;
mod group_roles;
mod kept;
mod persons;

use std::sync::Arc;

use serde_json::{Value, json};
use usher::store::Store;
use usher::store::memory::MemoryStore;

use super::verify::verify_ok;
use crate::kit::gateway::{Caller, Inside};

pub(super) const ORG: &str = "/api/v1/organisations/acme";
const BULK: &str = "/api/v1/organisations/acme/bulk";

const FILE: &str = r#"
[organisation]
slug = "acme"
[[roles]]
key = "operator"
name = "Operator"
scope = "group"
[[roles]]
key = "agent"
name = "Agent"
[[roles]]
key = "caller"
name = "Caller"
[[licences]]
key = "pro"
name = "Pro"
limit = 2
[[licences]]
key = "queue"
name = "Queue"
limit = 1
when_full = "wait"
[[resource_types]]
key = "room"
name = "Room"
[[connections]]
name = "entra"
kind = "scim"
"#;

/// The organisation, with a group that roles lead to, a group to put people into, and prepared people.
pub(super) struct World {
    pub(super) inside: Inside,
    pub(super) root: Caller,
    pub(super) acme: Caller,
}

pub(super) const PEOPLE: [&str; 4] = ["ada", "grace", "alan", "edsger"];

impl World {
    pub(super) async fn new() -> Self {
        Self::over(Arc::new(MemoryStore::new())).await
    }

    pub(super) async fn over(store: Arc<dyn Store>) -> Self {
        Self::of(Inside::over(store)).await
    }

    pub(super) async fn of(inside: Inside) -> Self {
        let root = inside.administrator().await;
        let acme = root.organisation("acme").await;
        let world = Self { inside, root, acme };
        world.post("/groups", json!({ "display_name": "Support" })).await;
        world.acme.apply("acme", FILE).await.expect(200);
        let link = format!("{ORG}/roles/agent/groups/Support");
        assert!(world.acme.put(&link, json!({})).await.status.is_success());
        world.post("/groups", json!({ "display_name": "North" })).await;
        for name in PEOPLE {
            let email = [json!({ "value": format!("{name}@acme.example") })];
            let user = json!({ "user_name": name, "attributes": { "emails": email } });
            world.post("/users", user).await;
        }
        world
    }

    /// Makes something.
    pub(super) async fn post(&self, path: &str, body: Value) -> Value {
        let answer = self.acme.post(&format!("{ORG}{path}"), body).await;
        assert!(answer.status.is_success(), "{path}: {}", answer.body);
        answer.body
    }

    pub(super) async fn plan(&self, body: Value) -> Value {
        self.acme.post(BULK, body).await.expect(201)
    }

    pub(super) async fn confirm(&self, job: &Value) -> Value {
        confirm(&self.acme, job).await.expect(200)
    }

    pub(super) async fn members(&self, group: &str) -> usize {
        let members = self
            .acme
            .get(&format!("{ORG}/groups/{group}/members"))
            .await
            .expect(200);
        members["items"].as_array().expect("a list").len()
    }

    pub(super) async fn user(&self, name: &str) -> Value {
        self.acme.get(&format!("{ORG}/users/{name}")).await.expect(200)
    }
}

pub(super) fn path(job: &Value, then: &str) -> String {
    format!("{BULK}/{}{then}", job["id"].as_str().expect("an id"))
}

pub(super) async fn confirm(caller: &Caller, job: &Value) -> crate::kit::scim::Answer {
    caller
        .post(&path(job, "/confirm"), json!({ "confirm": job["confirm"] }))
        .await
}

/// Person and outcome of each item, as `planned` or `result`.
pub(super) fn outcomes<'a>(job: &'a Value, which: &str) -> Vec<(&'a str, &'a str)> {
    let items = job["items"].as_array().expect("items").iter();
    items
        .map(|item| {
            let name = item["user_name"].as_str().or_else(|| item["named"].as_str());
            (name.unwrap_or("-"), item[which]["outcome"].as_str().unwrap_or("-"))
        })
        .collect()
}

#[tokio::test]
async fn three_people_are_shown_before_they_are_added_to_a_group() {
    let world = World::new().await;
    let job = world
        .plan(json!({ "operation": "add_to_group", "group": "north", "users": ["ada", "grace", "alan", "ADA"] }))
        .await;
    let three = [("ada", "change"), ("grace", "change"), ("alan", "change")];
    assert_eq!(outcomes(&job, "planned"), three);
    assert_eq!(
        job["planned"],
        json!({ "change": 3, "nothing": 0, "refused": 0, "stale": 0 })
    );
    assert_eq!(job["warnings"], json!(["1 were named more than once"]));
    assert_eq!(job["items"][0]["effect"]["joins"].as_array().map(Vec::len), Some(1));
    assert_eq!(world.members("North").await, 0, "a plan changes nothing");
    let seen = world.acme.get(&path(&job, "")).await.expect(200);
    assert_eq!(seen, job);
    let done = world.confirm(&job).await;
    assert_eq!(
        (done["state"].as_str(), outcomes(&done, "result")),
        (Some("done"), three.to_vec())
    );
    assert_eq!(done["results"], job["planned"]);
    assert_eq!(world.members("North").await, 3);
    // One of them is given the operator's role in the group, as the same kind of work.
    let give = json!({ "operation": "give_role", "role": "operator", "group": "North", "users": ["ada", "edsger"] });
    let job = world.plan(give).await;
    assert_eq!(outcomes(&job, "planned"), [("ada", "change"), ("edsger", "refused")]);
    assert!(
        job["items"][1]["planned"]["reason"].to_string().contains("member"),
        "{job:#}"
    );
    let done = world.confirm(&job).await;
    assert_eq!(outcomes(&done, "result"), [("ada", "change"), ("edsger", "refused")]);
    let again = world
        .plan(json!({ "operation": "remove_from_group", "group": "North", "users": ["ada", "edsger"] }))
        .await;
    assert_eq!(outcomes(&again, "planned"), [("ada", "change"), ("edsger", "nothing")]);
    world.confirm(&again).await;
    assert_eq!(world.members("North").await, 2);
    verify_ok(&world.inside).await;
}

#[tokio::test]
async fn people_are_selected_as_the_list_selects_them() {
    let world = World::new().await;
    let suspend = json!({ "operation": "suspend", "users": ["grace"] });
    world.confirm(&world.plan(suspend).await).await;
    let by_filter = json!({ "operation": "add_to_group", "group": "North", "filter": "user_name sw \"a\"" });
    let job = world.plan(by_filter).await;
    assert_eq!(outcomes(&job, "planned"), [("ada", "change"), ("alan", "change")]);
    let by_state = world
        .plan(json!({ "operation": "reactivate", "state": "suspended" }))
        .await;
    assert_eq!(outcomes(&by_state, "planned"), [("grace", "change")]);
    let nobody = json!({ "operation": "suspend", "filter": "user_name eq \"nobody\"" });
    world.acme.post(BULK, nobody).await.expect(400);
    let odd = json!({ "operation": "suspend", "filter": "shoe_size gt 40" });
    let detail = world.acme.post(BULK, odd).await.expect(400)["detail"].to_string();
    assert!(detail.contains("shoe_size"), "{detail}");
    let both = json!({ "operation": "suspend", "users": ["ada"], "state": "prepared" });
    world.acme.post(BULK, both).await.expect(400);
}

#[tokio::test]
async fn a_plan_that_is_confirmed_twice_is_done_once() {
    let world = World::new().await;
    let job = world
        .plan(json!({ "operation": "suspend", "users": ["ada", "grace"] }))
        .await;
    let first = world.confirm(&job).await;
    let events = |answer: Value| answer["items"].as_array().map(Vec::len);
    let before = events(world.acme.get(&format!("{ORG}/events?limit=1000")).await.expect(200));
    world
        .acme
        .post(&format!("{ORG}/users/ada/reactivate"), json!(null))
        .await
        .expect(200);
    assert_eq!(world.confirm(&job).await, first);
    assert_eq!(world.user("ada").await["active"], true, "nothing is done again");
    let after = events(world.acme.get(&format!("{ORG}/events?limit=1000")).await.expect(200));
    assert_eq!(after.map(|count| count - 1), before, "only the reactivation itself");
}

#[tokio::test]
async fn a_plan_says_for_whom_the_seats_run_out() {
    let world = World::new().await;
    let assign = |licence: &str| json!({ "operation": "assign_licence", "licence": licence, "users": PEOPLE });
    let job = world.plan(assign("pro")).await;
    let planned = [
        ("ada", "change"),
        ("grace", "change"),
        ("alan", "refused"),
        ("edsger", "refused"),
    ];
    assert_eq!(outcomes(&job, "planned"), planned);
    let seats = json!([{
        "licence": "pro", "limit": 2, "used": 0, "used_after": 2, "free": 2, "waiting": 0, "waiting_after": 0, "refused": 2,
    }]);
    assert_eq!(job["seats"], seats);
    assert_eq!(
        job["warnings"],
        json!(["licence pro has too few seats: 2 people are left out"])
    );
    assert_eq!(job["items"][0]["effect"]["takes_seats"], json!(["pro"]));
    let forecast = world.acme.get(&format!("{ORG}/licences")).await.expect(200);
    assert_eq!(forecast["items"][0]["used"], 0, "a plan takes no seat");
    let done = world.confirm(&job).await;
    assert_eq!(outcomes(&done, "result"), planned);
    // Where people wait, the plan says who.
    let job = world.plan(assign("queue")).await;
    let items = job["items"].as_array().expect("items").iter();
    let waits: Vec<bool> = items
        .map(|item| item["effect"]["waits_for"] == json!(["queue"]))
        .collect();
    assert_eq!(waits, [false, true, true, true]);
    assert_eq!(job["seats"][0]["waiting_after"], 3);
    world.confirm(&job).await;
    // A seat that one item frees goes to another before it is its turn: the plan has seen that.
    let free = world
        .plan(json!({ "operation": "free_licence", "licence": "queue", "users": ["ada", "grace", "alan"] }))
        .await;
    let freed = world.confirm(&free).await;
    assert_eq!(
        outcomes(&freed, "result"),
        [("ada", "change"), ("grace", "change"), ("alan", "change")]
    );
    let held = &world.user("edsger").await["licences"]["queue"];
    assert!(held.to_string().contains("held"), "{held}");
    verify_ok(&world.inside).await;
}

#[tokio::test]
async fn the_result_is_what_the_plan_said_for_every_operation() {
    let world = World::new().await;
    world
        .post("/resources", json!({ "type": "room", "name": "Blue" }))
        .await;
    world
        .acme
        .post(&format!("{ORG}/users/alan/suspend"), json!(null))
        .await
        .expect(200);
    let work = [
        json!({ "operation": "assign_resource", "resource": "room:Blue" }),
        json!({ "operation": "invite" }),
        json!({ "operation": "resend" }),
        json!({ "operation": "revoke_invitation" }),
        json!({ "operation": "give_role", "role": "agent" }),
        json!({ "operation": "give_role", "role": "caller" }),
        json!({ "operation": "assign_licence", "licence": "pro" }),
        json!({ "operation": "suspend" }),
        json!({ "operation": "reactivate" }),
        json!({ "operation": "move", "group": "North", "take_history": true }),
        json!({ "operation": "move", "group": "Support" }),
        json!({ "operation": "withdraw_role", "role": "agent" }),
        json!({ "operation": "remove_from_group", "group": "Support" }),
        json!({ "operation": "free_licence", "licence": "pro" }),
        json!({ "operation": "withdraw_resource", "resource": "room:Blue" }),
        json!({ "operation": "delete" }),
    ];
    for mut body in work {
        body["users"] = json!(["ada", "grace", "alan", "nobody"]);
        let job = world.plan(body.clone()).await;
        let done = world.confirm(&job).await;
        let planned: Vec<_> = job["items"]
            .as_array()
            .expect("items")
            .iter()
            .map(|i| &i["planned"])
            .collect();
        let result: Vec<_> = done["items"]
            .as_array()
            .expect("items")
            .iter()
            .map(|i| &i["result"])
            .collect();
        assert_eq!(planned, result, "{body}");
        assert_eq!(outcomes(&job, "planned")[3], ("nobody", "refused"), "{body}");
        // What was done is done: planned again there is nothing to do, but that an invitation can always be made anew.
        if !["invite", "resend", "delete"].contains(&body["operation"].as_str().expect("an operation")) {
            let again = world.plan(body.clone()).await;
            assert_eq!(again["planned"]["change"], 0, "{body}: {again:#}");
        }
    }
    verify_ok(&world.inside).await;
}

#[tokio::test]
async fn a_deletion_shows_what_goes_with_each_person() {
    let world = World::new().await;
    world.post("/users/ada/licences", json!({ "licence": "pro" })).await;
    world
        .acme
        .put(&format!("{ORG}/users/ada/roles/agent"), json!({}))
        .await
        .expect(200);
    let job = world
        .plan(json!({ "operation": "delete", "users": ["ada", "grace"] }))
        .await;
    let effect = &job["items"][0]["effect"];
    assert_eq!(effect["deleted"], true);
    assert_eq!(
        (&effect["loses_roles"], &effect["frees_seats"]),
        (&json!(["agent"]), &json!(["pro"]))
    );
    assert_eq!(
        effect["leaves"].as_array().map(Vec::len),
        Some(1),
        "the group that the role leads to"
    );
    assert_eq!(
        job["warnings"],
        json!(["2 people are deleted for good: this cannot be taken back"])
    );
    assert_eq!(job["seats"][0]["used_after"], 0);
    world.user("ada").await;
    world.confirm(&job).await;
    world.acme.get(&format!("{ORG}/users/ada")).await.expect(404);
    let shown = world.acme.get(&path(&job, "")).await.expect(200);
    assert_eq!(
        shown["items"][0]["user_name"],
        json!(null),
        "a deleted person is a number"
    );
    verify_ok(&world.inside).await;
}

#[tokio::test]
async fn an_invitation_that_cannot_be_mailed_is_foreseen() {
    let world = World::new().await;
    world.post("/users", json!({ "user_name": "mute" })).await;
    let job = world
        .plan(json!({ "operation": "invite", "users": ["ada", "mute"] }))
        .await;
    assert_eq!(job["items"][0]["effect"], json!({ "becomes": "invited" }));
    assert_eq!(job["items"][1]["effect"]["obstacle"], "no-email");
    let outbox = world.acme.get(&format!("{ORG}/outbox")).await.expect(200);
    assert_eq!(outbox["items"], json!([]), "a plan sends nothing");
    world.confirm(&job).await;
    let outbox = world.acme.get(&format!("{ORG}/outbox")).await.expect(200);
    assert_eq!(outbox["items"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn what_a_plan_needs_and_what_it_has_no_use_for_is_said() {
    let world = World::new().await;
    for (body, word) in [
        (json!({ "operation": "add_to_group", "users": ["ada"] }), "group"),
        (
            json!({ "operation": "suspend", "group": "North", "users": ["ada"] }),
            "group",
        ),
        (json!({ "operation": "suspend", "users": [] }), "users"),
        (json!({ "operation": "fly", "users": ["ada"] }), "fly"),
        (json!({ "operation": "suspend", "users": vec!["ada"; 1001] }), "1001"),
    ] {
        let refused = world.acme.post(BULK, body.clone()).await;
        assert!(refused.status.is_client_error(), "{body}");
        let detail = refused.body["detail"].as_str().expect("a detail");
        assert!(detail.contains(word), "{body}: {detail}");
    }
    for body in [
        json!({ "operation": "add_to_group", "group": "South", "users": ["ada"] }),
        json!({ "operation": "give_role", "role": "pilot", "users": ["ada"] }),
        json!({ "operation": "free_licence", "licence": "gold", "users": ["ada"] }),
        json!({ "operation": "assign_resource", "resource": "room:Green", "users": ["ada"] }),
    ] {
        world.acme.post(BULK, body).await.expect(404);
    }
}
