//! `usher bulk`, with a gateway and on the store itself.

use serde_json::json;

use crate::kit::gateway::Gateway;

const FILE: &str = r#"
[organisation]
slug = "default"
[[licences]]
key = "pro"
name = "Pro"
limit = 1
"#;

fn gateway() -> Gateway {
    let gateway = Gateway::start();
    let file = gateway.file("default.toml", FILE);
    gateway.command(&["apply", &file]).expect(0);
    for user in ["ada", "grace", "alan"] {
        gateway.command(&["user", "create", user]).expect(0);
    }
    gateway.command(&["group", "create", "North"]).expect(0);
    gateway
}

#[test]
fn a_plan_names_everybody_and_is_done_when_it_is_confirmed() {
    let gateway = gateway();
    let plan = [
        "bulk",
        "plan",
        "add-to-group",
        "--group",
        "North",
        "ada",
        "grace",
        "alan",
    ];
    let shown = gateway.command(&plan).expect(0).out;
    for name in ["ada", "grace", "alan"] {
        assert!(shown.contains(name), "{shown}");
    }
    assert!(
        shown.contains("nothing was changed; do it with: usher bulk confirm "),
        "{shown}"
    );
    assert!(
        !gateway
            .command(&["group", "members", "North"])
            .expect(0)
            .out
            .contains("direct")
    );
    // The last line is the command to type.
    let line = shown.lines().last().expect("a line");
    let typed: Vec<&str> = line.rsplit(' ').take(2).collect();
    let done = gateway.command(&["bulk", "confirm", typed[1], typed[0]]).expect(0).out;
    assert!(done.contains("3 change"), "{done}");
    let members = gateway.command(&["group", "members", "North"]).expect(0).out;
    assert_eq!(members.matches("direct").count(), 3, "{members}");
    let wrong = gateway.command(&["bulk", "confirm", typed[1], "0000"]).expect(1);
    assert!(wrong.sentence().contains("the one of this plan"), "{wrong:?}");
    let listed = gateway.command(&["bulk", "list", "--json"]).expect(0).json();
    assert_eq!((&listed[0]["state"], &listed[0]["count"]), (&json!("done"), &json!(3)));
    gateway.command(&["verify"]).expect(0);
}

#[test]
fn what_went_another_way_ends_with_code_4_and_a_discarded_plan_is_over() {
    let mut gateway = gateway();
    let plan = ["bulk", "plan", "assign-licence", "--licence", "pro", "ada", "--json"];
    let (first, second) = (
        gateway.command(&plan).expect(0).json(),
        gateway.command(&plan).expect(0).json(),
    );
    let text = |job: &serde_json::Value, name: &str| job[name].as_str().expect("a text").to_owned();
    let (id, confirm) = (text(&first, "id"), text(&first, "confirm"));
    gateway.command(&["licence", "assign", "pro", "grace"]).expect(0);
    let done = gateway.command(&["bulk", "confirm", &id, &confirm]).expect(4);
    assert!(done.out.contains("no free seat"), "{done:?}");
    let shown = gateway.command(&["bulk", "show", &id]).expect(0).out;
    assert!(shown.contains("refused"), "{shown}");
    let other = text(&second, "id");
    gateway.command(&["bulk", "discard", &other]).expect(0);
    let late = gateway
        .command(&["bulk", "confirm", &other, &text(&second, "confirm")])
        .expect(1);
    assert!(late.sentence().contains("discarded"), "{late:?}");
    // Without a gateway, the store itself is worked on; the jobs are there as well.
    gateway.terminate();
    let plan = ["bulk", "plan", "suspend", "alan", "--json"];
    let job = gateway.command(&plan).expect(0).json();
    gateway
        .command(&["bulk", "confirm", &text(&job, "id"), &text(&job, "confirm")])
        .expect(0);
    let listed = gateway.command(&["bulk", "list"]).expect(0).out;
    assert_eq!(listed.lines().count(), 4, "{listed}");
}
