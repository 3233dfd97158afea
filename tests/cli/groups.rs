//! `usher group` and `usher resource`.

use serde_json::json;

use crate::kit::gateway::Gateway;

const FILE: &str = r#"
[organisation]
slug = "default"
[[roles]]
key = "operator"
name = "Operator"
scope = "group"
[[roles]]
key = "agent"
name = "Agent"
[[group_attributes]]
name = "floor"
type = "integer"
[[resource_types]]
key = "meeting-type"
name = "Meeting type"
attributes = [{ name = "host", type = "boolean" }]
"#;

fn gateway() -> Gateway {
    let gateway = Gateway::start();
    let file = gateway.file("default.toml", FILE);
    gateway.command(&["apply", &file]).expect(0);
    for user in ["ada", "grace"] {
        gateway.command(&["user", "create", user]).expect(0);
    }
    gateway
}

#[test]
fn a_group_is_made_filled_changed_and_deleted() {
    let gateway = gateway();
    let made = gateway
        .command(&[
            "group", "create", "Support", "--kind", "team", "--link", "support", "--set", "floor=3", "--json",
        ])
        .expect(0)
        .json();
    assert_eq!((&made["kind"], &made["link"]), (&json!("team"), &json!("support")));
    gateway.command(&["group", "add", "Support", "ada", "grace"]).expect(0);
    gateway
        .command(&["group", "role", "Support", "operator", "ada"])
        .expect(0);
    let listed = gateway.command(&["group", "members", "Support"]).expect(0).out;
    assert_eq!(listed.matches("operator").count(), 1, "{listed}");
    assert_eq!(listed.matches("direct").count(), 2, "{listed}");
    let given = gateway
        .command(&["group", "give", "Support", "--role", "agent", "--json"])
        .expect(0)
        .json();
    assert_eq!(given["changed"], 2);
    let changed = gateway
        .command(&[
            "group", "update", "Support", "--name", "Service", "--unset", "link", "--unset", "floor", "--json",
        ])
        .expect(0)
        .json();
    assert_eq!(changed["display_name"], "Service");
    assert_eq!((&changed["link"], &changed["attributes"]), (&json!(null), &json!({})));
    gateway.command(&["group", "remove", "Service", "grace"]).expect(0);
    gateway.command(&["group", "disable", "Service"]).expect(0);
    let tree = gateway.command(&["group", "tree"]).expect(0).out;
    assert!(!tree.contains("Service"), "{tree}");
    let tree = gateway.command(&["group", "tree", "--inactive"]).expect(0).out;
    assert!(tree.contains("Service"), "{tree}");
    let careful = gateway.command(&["group", "delete", "Service"]).expect(2);
    assert!(careful.sentence().contains("--yes"), "{careful:?}");
    gateway.command(&["group", "delete", "Service", "--yes"]).expect(0);
    gateway.command(&["group", "show", "Service"]).expect(1);
    gateway.command(&["verify"]).expect(0);
}

#[test]
fn a_resource_is_made_assigned_and_deleted() {
    let gateway = gateway();
    gateway.command(&["group", "create", "North"]).expect(0);
    gateway.command(&["group", "add", "North", "ada"]).expect(0);
    gateway
        .command(&[
            "resource",
            "create",
            "meeting-type",
            "Intake",
            "--owner",
            "ada",
            "--setting",
            "minutes=30",
        ])
        .expect(0);
    gateway
        .command(&[
            "resource",
            "assign",
            "meeting-type:Intake",
            "--group",
            "North",
            "--user",
            "grace",
            "--set",
            "host=true",
        ])
        .expect(0);
    let has = gateway.command(&["resource", "of", "ada", "--json"]).expect(0).json();
    assert_eq!(has[0]["attributes"], json!({ "host": true }));
    let origin = has[0]["origins"][0].as_str().expect("an origin");
    assert!(origin.starts_with("group:"), "{origin}");
    let assigned = gateway
        .command(&["resource", "assignments", "meeting-type:Intake"])
        .expect(0)
        .out;
    assert!(assigned.contains("group") && assigned.contains("user"), "{assigned}");
    gateway
        .command(&["resource", "unassign", "meeting-type:Intake", "--group", "North"])
        .expect(0);
    let has = gateway.command(&["resource", "of", "ada"]).expect(0).out;
    assert_eq!(has, "none\n");
    let types = gateway.command(&["resource", "types", "--json"]).expect(0).json();
    assert_eq!(types[0]["resources"], 1);
    gateway
        .command(&["resource", "delete", "meeting-type:Intake", "--yes"])
        .expect(0);
    let listed = gateway.command(&["resource", "list"]).expect(0).out;
    assert_eq!(listed, "none\n");
    gateway.command(&["verify"]).expect(0);
}

#[test]
fn several_resources_are_taken_from_a_group_at_once() {
    let gateway = gateway();
    gateway.command(&["group", "create", "North"]).expect(0);
    gateway.command(&["group", "add", "North", "ada"]).expect(0);
    for name in ["Intake", "Review", "Demo"] {
        gateway.command(&["resource", "create", "meeting-type", name]).expect(0);
        let resource = format!("meeting-type:{name}");
        gateway
            .command(&["resource", "assign", &resource, "--group", "North"])
            .expect(0);
    }
    let two = ["meeting-type:Intake", "meeting-type:Review"];
    let withdraw = ["resource", "withdraw", "--group", "North", two[0], two[1]];
    let shown = gateway.command(&[&withdraw[..], &["--preview"]].concat()).expect(0).out;
    assert!(shown.contains("would take meeting-type:Intake from North"), "{shown}");
    let held = || {
        let held = gateway.command(&["resource", "of", "ada", "--json"]).expect(0).json();
        held.as_array().expect("a list").len()
    };
    assert_eq!(held(), 3);
    let done = gateway.command(&withdraw).expect(0).out;
    assert!(done.contains("took meeting-type:Review from North"), "{done}");
    assert_eq!(held(), 1);
    gateway.command(&withdraw).expect(1);
    let sheet = gateway
        .command(&[
            "export",
            "resource-assignments",
            "--filter",
            "subject eq \"North\"",
            "--columns",
            "resource",
        ])
        .expect(0)
        .out;
    assert_eq!(sheet, "resource\r\nDemo\r\n");
    let log = [
        "audit",
        "export",
        "--format",
        "csv",
        "--kind",
        "assignment",
        "--columns",
        "outcome",
    ];
    let log = gateway.command(&log).expect(0).out;
    assert_eq!(log.matches("deleted").count(), 2, "{log}");
    gateway.command(&["verify"]).expect(0);
}
