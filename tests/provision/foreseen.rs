//! A dry run lists exactly what the run then does: its differences are those between what the admin API shows before and after.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use usher::model::licence::{Seat, SeatClaim};

use super::gateway::{Gateway, MakeGroup, group, people};
use crate::kit::gateway::{Caller, Inside};

/// Everything that a difference speaks of, as the API shows it: by kind and identifier, with the name.
type State = BTreeMap<(String, String), Shown>;

/// A person or a group: its name, and its facts by `what name`.
#[derive(Debug, Clone)]
struct Shown {
    name: String,
    facts: BTreeMap<String, Value>,
}

/// Changes by who and what: before and after.
type Changes = BTreeMap<(String, String), (Value, Value)>;

const ACME: &str = "/api/v1/organisations/acme";

async fn items(acme: &Caller, path: &str) -> Vec<Value> {
    let page = acme.get(&format!("{ACME}/{path}?limit=1000")).await.expect(200);
    assert!(page.get("next").is_none(), "one page");
    page["items"].as_array().expect("a list").clone()
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

fn seat(claim: &Value) -> Value {
    let claim: SeatClaim = serde_json::from_value(claim.clone()).expect("a claim");
    json!(match claim.seat {
        Seat::Unneeded => "not needed yet".to_owned(),
        Seat::Held(_) => "held".to_owned(),
        Seat::Waiting(_) => "waiting".to_owned(),
        Seat::Refused(_) => "refused".to_owned(),
        Seat::Fallback { licence, .. } => format!("fallback {licence}"),
    })
}

fn facts_of_user(user: &Value) -> BTreeMap<String, Value> {
    let mut facts = BTreeMap::from([
        ("user_name".to_owned(), user["user_name"].clone()),
        ("active".to_owned(), user["active"].clone()),
        ("state".to_owned(), user["state"].clone()),
    ]);
    for (name, value) in user["attributes"].as_object().expect("attributes") {
        match value.as_object().filter(|_| name.starts_with("urn:")) {
            Some(members) => facts.extend(
                members
                    .iter()
                    .map(|(member, value)| (format!("attribute {name}:{member}"), value.clone())),
            ),
            None => drop(facts.insert(format!("attribute {name}"), value.clone())),
        }
    }
    for role in user["roles"].as_object().expect("roles").keys() {
        facts.insert(format!("role {role}"), json!(true));
    }
    for (licence, claim) in user["licences"].as_object().expect("licences") {
        facts.insert(format!("licence {licence}"), seat(claim));
    }
    if let Some(link) = user["external_ids"].get("corporate") {
        facts.insert("link".to_owned(), link.clone());
    }
    facts
}

async fn observe(acme: &Caller) -> State {
    let mut state = State::new();
    for listed in items(acme, "users").await {
        let id = text(&listed["id"]);
        let user = acme.get(&format!("{ACME}/users/{id}")).await.expect(200);
        let shown = Shown {
            name: text(&user["user_name"]),
            facts: facts_of_user(&user),
        };
        state.insert(("user".to_owned(), id), shown);
    }
    for group in items(acme, "groups").await {
        let id = text(&group["id"]);
        let mut facts = BTreeMap::from([("display_name".to_owned(), group["display_name"].clone())]);
        if let Some(link) = group["external_ids"].get("corporate") {
            facts.insert("link".to_owned(), link.clone());
        }
        for member in items(acme, &format!("groups/{id}/members")).await {
            let word = if member["kind"] == "group" {
                "member_group"
            } else {
                "member"
            };
            facts.insert(format!("{word} {}", text(&member["id"])), json!(true));
        }
        let name = text(&group["display_name"]);
        state.insert(("group".to_owned(), id), Shown { name, facts });
    }
    state
}

/// Who is meant: whoever was there by identifier, a newcomer by name.
fn who(kind: &str, id: Option<&str>, name: &str) -> String {
    match id {
        Some(id) => format!("{kind} {id}"),
        None => format!("new {kind} {name}"),
    }
}

/// A fact as a dry run words it: members by the names that they have in the end.
fn worded(what: &str, before: &State, after: &State) -> String {
    let (kind, id) = match what.split_once(' ') {
        Some(("member", id)) => ("user", id),
        Some(("member_group", id)) => ("group", id),
        _ => return what.to_owned(),
    };
    let key = (kind.to_owned(), id.to_owned());
    let shown = after
        .get(&key)
        .or_else(|| before.get(&key))
        .expect("a member that is listed");
    what.replace(id, &shown.name)
}

/// What lies between two states. Of somebody who is gone, only that, and what was given back.
fn between(before: &State, after: &State) -> Changes {
    let mut changes = Changes::new();
    let states = (before, after);
    let keys: BTreeSet<&(String, String)> = before.keys().chain(after.keys()).collect();
    for key in keys {
        let (old, new) = (before.get(key), after.get(key));
        let name = &old.or(new).expect("one of them").name;
        let who = who(&key.0, old.map(|_| key.1.as_str()), name);
        let none = BTreeMap::new();
        let (was, will) = (
            old.map_or(&none, |shown| &shown.facts),
            new.map_or(&none, |shown| &shown.facts),
        );
        let whats: BTreeSet<&String> = was.keys().chain(will.keys()).collect();
        for what in whats {
            let is_given = ["role ", "licence ", "member"]
                .iter()
                .any(|given| what.starts_with(given));
            if new.is_none() && !is_given {
                continue;
            }
            let value = |facts: &BTreeMap<String, Value>| facts.get(what).cloned().unwrap_or_default();
            let (before, after) = (value(was), value(will));
            if before != after {
                changes.insert((who.clone(), worded(what, states.0, states.1)), (before, after));
            }
        }
        if new.is_none() {
            changes.insert((who, "gone".to_owned()), (json!(true), Value::Null));
        }
    }
    changes
}

/// What a dry run says, with what follows from the steps of others added to each.
fn said(differences: &[Value]) -> Changes {
    let mut changes = Changes::new();
    for difference in differences {
        assert_eq!(difference.get("failure"), None, "{difference:#}");
        let kind = difference["kind"].as_str().expect("a kind");
        let name = difference["name"].as_str().expect("a name");
        let who = who(kind, difference["id"].as_str(), name);
        if difference["action"] == "delete" {
            changes.insert((who.clone(), "gone".to_owned()), (json!(true), Value::Null));
        }
        for change in difference["changes"].as_array().expect("changes") {
            let what = [change["what"].as_str(), change["name"].as_str()];
            let what = what.into_iter().flatten().collect::<Vec<_>>().join(" ");
            // Teams show as members of their groups.
            if what.starts_with("team ") {
                continue;
            }
            let value = |name: &str| change.get(name).cloned().unwrap_or_default();
            let (before, after) = (value("before"), value("after"));
            let said = changes.entry((who.clone(), what)).or_insert((before, Value::Null));
            said.1 = after;
        }
    }
    changes.retain(|_, (before, after)| before != after);
    changes
}

struct Door {
    own: Caller,
    /// The same gateway, whose rehearsals pack everything at once: as they do with plans of very many people.
    packing: Caller,
}

async fn run(acme: &Caller, query: &str) -> (Vec<Value>, Value) {
    let path = format!("{ACME}/connections/corporate/sync{query}");
    let answer = acme.post(&path, json!({})).await.expect(200);
    let lines = match answer {
        Value::Array(lines) => lines,
        one => vec![one],
    };
    let done = lines.last().expect("a last line")["done"].clone();
    assert!(done.is_object(), "{lines:#?}");
    let differences = lines.into_iter().filter_map(|line| line.get("difference").cloned());
    (differences.collect(), done)
}

/// In an order that does not depend on the identifiers that newcomers would get.
fn in_order(differences: &[Value]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for difference in differences {
        let mut difference = difference.clone();
        if let Some(changes) = difference["changes"].as_array_mut() {
            changes.sort_by_key(Value::to_string);
        }
        lines.push(difference.to_string());
    }
    lines.sort();
    lines
}

impl Door {
    /// A run that does what the dry run before it said, and nothing else.
    async fn foreseen(&self, what: &str) -> Changes {
        let before = observe(&self.own).await;
        let (differences, dry) = run(&self.own, "?dry_run=true").await;
        let (packed, _) = run(&self.packing, "?dry_run=true").await;
        assert_eq!(in_order(&packed), in_order(&differences), "{what}: packed");
        assert_eq!(
            between(&before, &observe(&self.own).await),
            Changes::new(),
            "{what}: a dry run"
        );
        let (_, done) = run(&self.own, "").await;
        assert_eq!(done["outcome"], "finished", "{what}: {done:#}");
        assert_eq!(done["plan_hash"], dry["plan_hash"], "{what}");
        assert_eq!(done["failures"], dry["failures"], "{what}");
        let seen = between(&before, &observe(&self.own).await);
        assert_eq!(said(&differences), seen, "{what}");
        for left_out in 0..differences.len() {
            let mut others = differences.clone();
            let one = others.remove(left_out);
            let is_empty = one["changes"] == json!([]) && one["action"] != "delete";
            assert!(is_empty || said(&others) != seen, "{what}: nobody would miss {one:#}");
        }
        seen
    }
}

fn change(rdn: &str, lines: &str) -> String {
    format!("dn: {rdn},dc=example,dc=com\nchangetype: modify\n{lines}\n")
}

fn member(group: &str, how: &str, uid: &str) -> String {
    let lines = format!("{how}: member\nmember: uid={uid},ou=people,dc=example,dc=com\n");
    change(&format!("cn={group},ou=groups"), &lines)
}

fn settings(licences: &[&str], nesting: &str) -> Value {
    json!({
        "licences": licences,
        "matching": { "by": ["user_name"], "adoption": "adopt" },
        "leavers": { "suspend_after_runs": 1, "delete_after_days": 30 },
        "brake": { "suspensions": 100, "removals_per_group": 100, "deletions": 100, "renames": 100 },
        "grantable_roles": ["reader", "payer"],
        "ldap": { "nesting": nesting },
        "grants": [
            { "when": "true", "roles": ["reader"] },
            { "when": "'paid' in groups", "teams": ["Payers"], "roles": ["payer"] },
        ],
    })
}

/// A gateway over eight people and three groups, one of them nested, with a licence for five.
async fn start(when_full: Value, nesting: &str) -> Option<(Gateway, Door)> {
    let ldif = people("s", 8)
        + &group("crew", &["uid=s0000,ou=people", "uid=s0005,ou=people"])
        + &group("fleet", &["cn=crew,ou=groups", "uid=s0001,ou=people"])
        + &group("paid", &["uid=s0002,ou=people"]);
    let gateway = Gateway::start(&ldif).await?;
    let basic = json!({ "key": "basic", "name": "Basic", "limit": 2, "when_full": "refuse" });
    gateway.declare_licence(basic).await;
    let pro = json!({ "key": "pro", "name": "Pro", "limit": 5, "when_full": when_full });
    gateway.declare_licence(pro).await;
    for role in ["reader", "payer"] {
        gateway.declare_role(role).await;
    }
    let packing = gateway.directory.clone().with_rehearsals(0);
    let door = Door {
        own: Inside::of(gateway.directory.clone()).administrator().await,
        packing: Inside::of(packing).administrator().await,
    };
    gateway.connect(settings(&["pro"], nesting)).await;
    Some((gateway, door))
}

/// A life of a directory: what happens next, and what must be among the differences at least.
fn life() -> Vec<(&'static str, String, &'static str)> {
    let lock = "add: pwdAccountLockedTime\npwdAccountLockedTime: 000001010000Z\n";
    vec![
        (
            "attributes change",
            change("uid=s0000,ou=people", "add: title\ntitle: Head\n-\nreplace: mail\nmail: head@example.com\n"),
            "attribute title",
        ),
        (
            "a name changes",
            "dn: uid=s0001,ou=people,dc=example,dc=com\nchangetype: modrdn\nnewrdn: uid=renamed\ndeleteoldrdn: 1\n".to_owned(),
            "user_name",
        ),
        ("somebody is locked", change("uid=s0002,ou=people", lock), "active"),
        (
            "members come and go",
            member("paid", "add", "s0003") + &member("crew", "delete", "s0000") + &member("crew", "add", "s0006"),
            "member s0003",
        ),
        (
            "somebody and a group are missing",
            "dn: uid=s0004,ou=people,dc=example,dc=com\nchangetype: delete\n\n\
             dn: cn=fleet,ou=groups,dc=example,dc=com\nchangetype: delete\n"
                .to_owned(),
            "active",
        ),
        (
            "somebody comes and somebody is back",
            "dn: uid=s0100,ou=people,dc=example,dc=com\nchangetype: add\nobjectClass: inetOrgPerson\nuid: s0100\ncn: New\n\
             sn: New\ntitle: New\n\n"
                .to_owned()
                + &change("uid=s0002,ou=people", "delete: pwdAccountLockedTime\n"),
            "attribute title",
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_happens_the_dry_run_lists_what_the_run_then_does() {
    for (when_full, nesting) in [
        (json!("refuse"), "flatten"),
        (json!("wait"), "flatten"),
        (json!({ "fallback": "basic" }), "keep"),
    ] {
        let Some((gateway, door)) = start(when_full.clone(), nesting).await else {
            return;
        };
        let seen = door.foreseen(&format!("{when_full}: the first run")).await;
        assert!(seen.len() > 40, "{seen:#?}");
        for (what, ldif, among) in life() {
            gateway.slapd.modify(&ldif);
            let seen = door.foreseen(&format!("{when_full}: {what}")).await;
            // Where no seat is left, whoever comes is refused; who waits for one comes all the same.
            let is_refused = when_full != "wait" && among == "attribute title";
            let is_there = seen.keys().any(|(_, place)| place == among);
            assert!(is_there || is_refused, "{what}: {seen:#?}");
        }
        gateway.clock.advance_days(31);
        let seen = door.foreseen(&format!("{when_full}: the grace is over")).await;
        assert!(seen.keys().any(|(_, what)| what == "gone"), "{seen:#?}");
        gateway.connect(settings(&[], nesting)).await;
        let seen = door.foreseen(&format!("{when_full}: a licence less")).await;
        assert!(seen.keys().any(|(_, what)| what == "licence pro"), "{seen:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_gets_a_seat_that_another_gives_up_and_what_a_group_gives_is_listed() {
    let Some((gateway, door)) = start(json!("wait"), "flatten").await else {
        return;
    };
    let crew = MakeGroup {
        name: "crew",
        licences: &["basic"],
    };
    gateway.act(&crew).await.expect("a group");
    let seen = door.foreseen("a group of ours is adopted").await;
    let of = |seen: &Changes, what: &str, after: &str| -> usize {
        let found = seen.iter().filter(|((_, place), (_, to))| place == what && to == after);
        found.count()
    };
    assert_eq!(of(&seen, "licence basic", "held"), 2, "{seen:#?}");
    assert_eq!(of(&seen, "licence pro", "waiting"), 3);
    let lock = "add: pwdAccountLockedTime\npwdAccountLockedTime: 000001010000Z\n";
    gateway.slapd.modify(&change("uid=s0000,ou=people", lock));
    let seen = door.foreseen("a seat passes on").await;
    assert_eq!(of(&seen, "licence pro", "held"), 1, "somebody who waited: {seen:#?}");
}
