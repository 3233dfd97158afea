//! Lists and saved views on the command line.

use serde_json::json;

use crate::kit::gateway::Gateway;

const FILE: &str = "[organisation]\nslug = \"default\"\n[[roles]]\nkey = \"agent\"\nname = \"Agent\"\n[[roles]]\nkey = \
                    \"boss\"\nname = \"Boss\"\n";

#[test]
fn people_are_filtered_sorted_and_shown_by_a_view_with_and_without_a_gateway() {
    let mut gateway = Gateway::start();
    let file = gateway.file("default.toml", FILE);
    gateway.command(&["apply", &file]).expect(0);
    for (name, title) in [("ada", "Countess"), ("grace", "Admiral"), ("alan", "Fellow")] {
        let title = format!("--set=title={title}");
        gateway.command(&["user", "create", name, &title]).expect(0);
    }
    gateway.command(&["user", "suspend", "alan"]).expect(0);
    gateway.command(&["role", "assign", "agent", "ada"]).expect(0);
    let view = [
        "view",
        "save",
        "users",
        "By title",
        "--state=prepared",
        "--sort=attributes.title",
    ];
    let view = [&view[..], &["--columns=user_name,title", "--json"]].concat();
    let kept = gateway.command(&view).expect(0).json();
    assert_eq!((&kept["name"], &kept["shared"]), (&json!("By title"), &json!(true)));
    let again = gateway.command(&view).expect(0).json();
    assert_eq!(again["id"], kept["id"], "the one of that name is replaced");
    let commands: &[(&[&str], &str)] = &[
        (
            &["user", "list", "--view=by title"],
            "USER_NAME  TITLE\ngrace      Admiral\nada        Countess\n",
        ),
        (
            &[
                "user",
                "list",
                "--filter=roles eq \"agent\"",
                "--columns=user_name,roles",
            ],
            "USER_NAME  ROLES\nada        agent\n",
        ),
        (
            &["user", "list", "--state=suspended", "--columns=user_name"],
            "USER_NAME\nalan\n",
        ),
        (
            &[
                "user",
                "list",
                "--sort=user_name",
                "--descending",
                "--limit=2",
                "--columns=user_name",
            ],
            "USER_NAME\ngrace\nalan\n",
        ),
        (&["role", "list", "--find=bos", "--columns=key"], "KEY\nboss\n"),
        (&["group", "list", "--filter=members gt 3"], "none\n"),
        (&["licence", "list", "--sort=name"], "none\n"),
        (&["guest", "list", "--find=x"], "none\n"),
        (&["invitation", "list", "--state=sent", "--sort=created"], "none\n"),
        (&["resource", "list", "--filter=enabled eq true"], "none\n"),
        (
            &["view", "list", "users"],
            "LIST   VIEW      SHARED  FILTER  STATE     SORT\nusers  By title  true    -       prepared  attributes.title\n",
        ),
    ];
    for (command, expected) in commands {
        assert_eq!(gateway.command(command).expect(0).out, *expected, "{command:?}");
    }
    let refused = gateway.command(&["user", "list", "--filter=shoe_size eq 42"]).expect(1);
    assert!(refused.sentence().contains("shoe_size"), "{refused:?}");
    gateway.terminate();
    for (command, expected) in commands {
        assert_eq!(gateway.command(command).expect(0).out, *expected, "{command:?}");
    }
    gateway.command(&["view", "delete", "users", "By title"]).expect(0);
    gateway.command(&["view", "show", "users", "By title"]).expect(1);
    let reset = gateway.command(&["view", "reset", "users", "--json"]).expect(0).json();
    assert_eq!(reset, json!({ "deleted": 0 }));
    gateway.command(&["verify"]).expect(0);
}
