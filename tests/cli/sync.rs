//! `usher sync` on the built program, against a real slapd.

use crate::kit::directory_ldif::Directory;
use crate::kit::gateway::Gateway;
use crate::kit::slapd::{PASSWORD, SYNC_DN, Slapd};

/// An organisation file whose connection `corporate` reads from this slapd.
fn file(slapd: &Slapd, gateway: &Gateway, filter: &str) -> String {
    let password = gateway.file("password", &format!("{PASSWORD}\n"));
    let text = format!(
        "[organisation]\nslug = \"acme\"\n\n[[licences]]\nkey = \"pro\"\nname = \"Pro\"\nlimit = 1000\n\n\
         [[connections]]\nname = \"corporate\"\nkind = \"ldap\"\nlicences = [\"pro\"]\n\n\
         [connections.ldap]\nurls = [\"ldap://{}\"]\nallow_plain = true\nbind_dn = \"{SYNC_DN}\"\n\
         bind_password_file = \"{password}\"\n\n\
         [connections.ldap.users]\nbase = \"ou=people,dc=example,dc=com\"\nfilter = \"{filter}\"\n\n\
         [connections.ldap.groups]\nbase = \"ou=groups,dc=example,dc=com\"\nfilter = \"(objectClass=groupOfNames)\"\n",
        slapd.address()
    );
    gateway.file("acme.toml", &text)
}

const SYNC: [&str; 4] = ["sync", "corporate", "--org", "acme"];

fn sync(gateway: &Gateway, more: &[&str]) -> crate::kit::gateway::Ran {
    gateway.command(&[&SYNC, more].concat())
}

#[test]
fn a_directory_is_planned_applied_and_then_has_nothing_new() {
    let directory = Directory::generate(60, 24);
    let Some(slapd) = Slapd::start(&directory.ldif()) else {
        return;
    };
    let mut gateway = Gateway::start();
    gateway
        .command(&["apply", &file(&slapd, &gateway, "(objectClass=inetOrgPerson)")])
        .expect(0);

    let planned = sync(&gateway, &["--dry-run", "--json"]).expect(0).json();
    assert_eq!(planned["outcome"], "planned");
    assert_eq!(planned["read"]["people"], 60);
    let differences = planned["differences"].as_array().expect("differences");
    let created = |difference: &&serde_json::Value| difference["kind"] == "user" && difference["action"] == "create";
    let steps = differences.iter().filter(created).count();
    assert!(steps >= 50, "{steps}");
    let first = differences.iter().find(created).expect("somebody");
    let place = |name: &str| format!("attribute {name}");
    let changes: Vec<String> = first["changes"]
        .as_array()
        .expect("changes")
        .iter()
        .map(|change| {
            format!(
                "{} {}",
                change["what"].as_str().unwrap_or("?"),
                change["name"].as_str().unwrap_or("")
            )
        })
        .collect();
    for expected in [place("emails"), place("displayName"), "licence pro".to_owned()] {
        assert!(changes.contains(&expected), "{expected} is not in {changes:?}");
    }
    let printed = sync(&gateway, &["--dry-run"]).expect(0);
    for part in [
        "holds 60 people",
        "people",
        "groups",
        "memberships",
        "pro",
        "licence pro: (none) -> ",
        "displayName: (none) -> ",
        "dry run: nothing was changed",
    ] {
        assert!(printed.out.contains(part), "{part} is not in:\n{}", printed.out);
    }
    assert_eq!(printed.err, "", "no bar without a terminal");
    let heads = printed.out.lines().filter(|line| line.starts_with("person  create"));
    assert_eq!(heads.count(), steps, "a file gets all of them");
    let nobody = gateway
        .command(&["user", "list", "--org", "acme", "--json"])
        .expect(0)
        .json();
    assert_eq!(nobody, serde_json::json!([]));

    let applied = sync(&gateway, &["--json"]).expect(0).json();
    assert_eq!(applied["outcome"], "finished");
    let people = gateway
        .command(&["user", "list", "--org", "acme", "--json"])
        .expect(0)
        .json();
    assert_eq!(people.as_array().expect("a list").len(), steps);
    gateway.command(&["verify"]).expect(0);

    // The second run, without a gateway.
    gateway.terminate();
    let again = sync(&gateway, &["--json"]).expect(0).json();
    assert_eq!(again["classes"]["people"], serde_json::json!({}), "{again:#}");
    assert_eq!(again["classes"]["members_removed"], 0);
}

#[test]
fn a_plan_that_removes_everybody_is_held_until_it_is_approved_or_discarded() {
    let directory = Directory::generate(60, 24);
    let Some(mut slapd) = Slapd::start(&directory.ldif()) else {
        return;
    };
    let gateway = Gateway::start();
    gateway
        .command(&["apply", &file(&slapd, &gateway, "(objectClass=inetOrgPerson)")])
        .expect(0);
    sync(&gateway, &[]).expect(0);
    gateway
        .command(&["apply", &file(&slapd, &gateway, "(uid=nobody)")])
        .expect(0);

    let held = sync(&gateway, &[]).expect(4);
    assert!(held.sentence().contains("--approve"), "{held:?}");
    let active = |gateway: &Gateway| {
        let people = gateway
            .command(&["user", "list", "--org", "acme", "--json"])
            .expect(0)
            .json();
        let people = people.as_array().expect("a list").clone();
        people.iter().filter(|user| user["active"] == true).count()
    };
    assert!(active(&gateway) > 40, "nothing was changed");
    let discarded = sync(&gateway, &["--discard", "--json"]).expect(0).json();
    assert_eq!(discarded, serde_json::json!({ "discarded": true }));
    sync(&gateway, &["--approve", "another"]).expect(1);

    let report = sync(&gateway, &["--json"]).expect(4).json();
    let hash = report["plan_hash"].as_str().expect("a hash").to_owned();
    let listed = gateway.command(&["connection", "list", "--org", "acme"]).expect(0);
    assert!(listed.out.contains(&hash), "{listed:?}");
    let shown = sync(&gateway, &["--held"]).expect(0);
    assert!(
        shown.out.contains(&hash) && shown.out.contains("no people at all"),
        "{shown:?}"
    );
    let (rows, document) = (gateway.file("plan.csv", ""), gateway.file("plan.json", ""));
    let exported = sync(&gateway, &["--export", &rows]).expect(0);
    assert!(
        exported
            .out
            .contains(&format!("plan {hash}: this is the plan that is held")),
        "{exported:?}"
    );
    let rows = std::fs::read_to_string(rows).expect("the file");
    let suspended = rows.lines().filter(|line| line.starts_with("person,suspend_missing,"));
    assert_eq!(
        suspended.count(),
        report["classes"]["people"]["suspend_missing"],
        "every step:\n{rows}"
    );
    sync(&gateway, &["--export", &document]).expect(0);
    let document = crate::kit::gateway::read_json(document.as_ref());
    assert_eq!(document["hash"], hash.as_str());
    let output = sync(&gateway, &["--export", "-"]).expect(0);
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&output.out).expect("JSON"),
        document
    );
    sync(&gateway, &["--export", "/no/such/folder/plan.json"]).expect(1);

    // What was held is shown as it was, also when nobody could read it again.
    slapd.kill();
    let unreachable = sync(&gateway, &["--export", "-"]).expect(0);
    assert_eq!(unreachable.out, output.out);
    sync(&gateway, &["--export", "-", "--dry-run"]).expect(1);
    slapd.restart();
    gateway
        .command(&["apply", &file(&slapd, &gateway, "(uid=nobody)")])
        .expect(0);
    sync(&gateway, &["--approve", &hash]).expect(0);
    assert_eq!(active(&gateway), 0);
    gateway.command(&["verify"]).expect(0);
}

#[test]
fn a_directory_that_does_not_answer_fails_with_the_reason_and_changes_nothing() {
    let directory = Directory::generate(20, 22);
    let Some(mut slapd) = Slapd::start(&directory.ldif()) else {
        return;
    };
    let gateway = Gateway::start();
    gateway
        .command(&["apply", &file(&slapd, &gateway, "(objectClass=inetOrgPerson)")])
        .expect(0);
    slapd.kill();
    let failed = sync(&gateway, &[]).expect(1);
    assert!(failed.sentence().contains("corporate"), "{failed:?}");
    let nobody = gateway
        .command(&["user", "list", "--org", "acme", "--json"])
        .expect(0)
        .json();
    assert_eq!(nobody, serde_json::json!([]));
}
