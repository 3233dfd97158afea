//! A directory feeds the same organisation: runs of a connection over other people and groups each time, which are those that the
//! identity provider and the administrators know as well.

use axum::http::Method;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::act::Act;
use super::world::World;
use crate::kit::plain_ldap::HeldEntry;

const SYNC: &str = "connections/directory/sync";

pub(super) async fn take(act: &Act, world: &mut World) -> Result<(), TestCaseError> {
    // An answer that comes line by line is not kept to be given again.
    world.begin(act.own, false);
    match act.verb % 8 {
        // What a dry run says is what the run then does.
        0..=2 => {
            put(act, world);
            if !act.yes {
                return run(world, "").await.map(|_| ());
            }
            let dry = run(world, "?dry_run=true").await?;
            let done = run(world, "").await?;
            // Whoever has no right to run it learns nothing.
            let (Some(dry), Some(done)) = (dry, done) else {
                return Ok(());
            };
            prop_assert_eq!(&done["plan_hash"], &dry["plan_hash"], "a dry run and a run after it");
            if done["outcome"] == "finished" {
                prop_assert_eq!(failed(&done), failed(&dry), "what a dry run says of failures");
            }
            Ok(())
        }
        3..=6 => {
            let Some(held) = world
                .ask(Method::GET, "connections/directory/runs", None)
                .await?
                .body
                .get("held")
                .cloned()
            else {
                return Ok(());
            };
            let approval = json!({ "hash": held["hash"] });
            world
                .admin(Method::POST, "connections/directory/held/approve", Some(approval))
                .await
        }
        _ => {
            world
                .admin(Method::POST, "connections/directory/failures/retry", Some(json!({})))
                .await
        }
    }
}

/// Runs the connection. Answers the report, if there is one.
async fn run(world: &mut World, how: &str) -> Result<Option<Value>, TestCaseError> {
    let answer = world
        .ask(Method::POST, &format!("{SYNC}{how}"), Some(json!({})))
        .await?;
    let last = match answer.body {
        Value::Array(mut lines) => lines.pop().unwrap_or_default(),
        one => one,
    };
    let done = last.get("done").cloned();
    if answer.status.is_success() {
        prop_assert!(done.is_some(), "a run of the directory: {:#}", last);
        look_for_people(world).await;
    }
    Ok(done)
}

/// Steps that follow happen to whomever the directory has brought.
async fn look_for_people(world: &mut World) {
    let path = format!("{}/users?limit=100", world.path);
    let page = world.administrator.get(&path).await;
    for user in page.body["items"].as_array().into_iter().flatten() {
        world.note_user(user);
    }
}

/// Failures, without identifiers that a dry run cannot know.
fn failed(report: &Value) -> Vec<String> {
    let failures = report["failures"].as_array().into_iter().flatten();
    // The word of the reason stands beside the entry, or in the reason.
    let word = |failure: &Value| {
        failure["reason"]
            .get("reason")
            .unwrap_or_else(|| &failure["reason"])
            .clone()
    };
    let mut failed: Vec<String> = failures
        .map(|failure| format!("{} {}", failure["name"], word(failure)))
        .collect();
    failed.sort();
    failed
}

/// What the directory holds from now on.
fn put(act: &Act, world: &World) {
    let bits = |byte: u8| (0..6_u8).filter(move |place| byte & (1 << place) != 0);
    // Nobody at all is for the brake; one person is always there.
    let mut people: Vec<u8> = bits(act.who).collect();
    people.push(7);
    let of_people = people.iter().map(|name| person(world, *name, act)).collect();
    let groups = bits(act.what).filter(|name| *name < 3);
    let groups = groups.map(|name| group(world, name, &people, act)).collect();
    world.directory.put(&base(&world.slug, "people"), of_people);
    world.directory.put(&base(&world.slug, "groups"), groups);
}

fn person(world: &World, name: u8, act: &Act) -> HeldEntry {
    let mut attributes = vec![
        ("uid", vec![format!("person{name}")]),
        ("cn", vec![format!("Person {name}")]),
        ("sn", vec![format!("Person {name}")]),
        ("mail", vec![format!("person{name}@acme.example")]),
        ("entryUUID", vec![format!("0000000{name}-0000-4000-8000-000000000000")]),
    ];
    if act.what & 8 != 0 {
        // Few badges for many: some are taken, by people of this reading and by others.
        attributes.push(("employeeType", vec![format!("b{}", name % 3)]));
    }
    if act.what & 16 != 0 && name == 2 {
        attributes.push(("pwdAccountLockedTime", vec!["000001010000Z".to_owned()]));
    }
    HeldEntry {
        dn: format!("uid=person{name},{}", base(&world.slug, "people")),
        attributes,
    }
}

fn group(world: &World, name: u8, people: &[u8], act: &Act) -> HeldEntry {
    let cn = ["leads", "staff", "paid"][usize::from(name) % 3];
    let members = people.iter().filter(|person| (*person ^ act.who >> 6) % 3 != name);
    let member = members.map(|person| format!("uid=person{person},{}", base(&world.slug, "people")));
    HeldEntry {
        dn: format!("cn={cn},{}", base(&world.slug, "groups")),
        attributes: vec![
            ("cn", vec![cn.to_owned()]),
            ("member", member.collect()),
            ("entryUUID", vec![format!("0000000{name}-0000-4000-9000-000000000000")]),
        ],
    }
}

/// The connection, as the organisation's file has it.
pub(super) fn connection(slug: &str, url: &str, password_file: &str) -> String {
    let base = |what: &str| base(slug, what);
    format!(
        "[[connections]]\nname = \"directory\"\nkind = \"ldap\"\nlicences = [\"pro\"]\ngrantable_roles = [\"agent\"]\n\
         matching = {{ by = [\"user_name\", \"email\"], adoption = \"adopt\" }}\n\
         leavers = {{ suspend_after_runs = 1, delete_after_days = 0 }}\n\
         brake = {{ deletions = 3, suspensions = 3, removals_per_group = 100, renames = 100, id_changes = 100, drop_percent = 100 }}\n\
         mapping = [\n\
           {{ to = \"userName\", from = \"uid\" }}, {{ to = \"displayName\", from = \"cn\" }}, {{ to = \"emails\", from = \"mail\" }},\n\
           {{ to = \"urn:usher:scim:schemas:extension:{slug}:2.0:User:badge\", from = \"employeeType\" }},\n\
         ]\n\
         [[connections.grants]]\nwhen = \"'paid' in groups\"\nroles = [\"agent\"]\nteams = [\"Payers\"]\n\
         [connections.ldap]\nurls = [\"{url}\"]\nallow_plain = true\nbind_dn = \"cn=sync\"\nbind_password_file = \"{password_file}\"\n\
         stable_id = \"entryUUID\"\nchanges = \"off\"\n\
         users = {{ base = \"{people}\", filter = \"(uid=*)\" }}\ngroups = {{ base = \"{groups}\", filter = \"(cn=*)\" }}\n",
        people = base("people"),
        groups = base("groups"),
    )
}

/// Where the entries of an organisation are, in a directory that many share.
pub(super) fn base(slug: &str, what: &str) -> String {
    format!("ou={what},dc={slug}")
}
