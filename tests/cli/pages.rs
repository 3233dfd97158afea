//! Pages on the command line, the lists that had no arguments of their own, and licences that go.

use serde_json::json;

use crate::kit::gateway::Gateway;

const FILE: &str = "[organisation]\nslug = \"default\"\n[[roles]]\nkey = \"agent\"\nname = \"Agent\"\n[[licences]]\nkey = \
                    \"pro\"\nname = \"Pro\"\n[[licences]]\nkey = \"basic\"\nname = \"Basic\"\n[[permissions]]\nkey = \
                    \"call.make\"\nname = \"Calls\"\n[[connections]]\nname = \"entra\"\nkind = \"scim\"\n";

#[test]
fn pages_are_turned_and_every_list_is_asked_with_the_same_arguments() {
    let gateway = Gateway::start();
    let file = gateway.file("default.toml", FILE);
    gateway.command(&["apply", &file]).expect(0);
    for name in ["ada", "bob", "cleo", "dora", "eve"] {
        gateway.command(&["user", "create", name]).expect(0);
    }
    let list = |more: &[&str]| {
        let command = [&["user", "list", "--columns=user_name", "--sort=user_name"][..], more].concat();
        gateway.command(&command).expect(0)
    };
    let last = list(&["--page", "--limit=2", "--last"]);
    assert!(
        last.out.starts_with("USER_NAME\ndora\neve\nprevious: --page --before "),
        "{}",
        last.out
    );
    let back: Vec<&str> = last.out.lines().last().expect("a line").split(' ').skip(1).collect();
    let middle = list(&[&back[..], &["--limit=2"]].concat());
    assert!(
        middle.out.starts_with("USER_NAME\nbob\ncleo\nprevious: "),
        "{}",
        middle.out
    );
    let answer = list(&["--page", "--limit=2", "--json"]).json();
    assert_eq!(answer["items"][1]["user_name"], "bob");
    let next = answer["next"].as_str().expect("a cursor");
    let second = list(&["--page", "--limit=2", "--after", next, "--json"]).json();
    assert_eq!(second["items"][0]["user_name"], "cleo");
    assert!(second["previous"].is_string());
    gateway.command(&["user", "list", "--last"]).expect(2);
    gateway
        .command(&["user", "list", "--page", "--last", "--before=x"])
        .expect(2);
    for (command, expected) in [
        (&["connection", "list", "--filter=kind eq \"ldap\""][..], "none\n"),
        (&["connection", "list", "--columns=name"], "NAME\nentra\nscim\n"),
        (
            &["permission", "list", "--filter=key eq \"call.make\"", "--columns=key"],
            "KEY\ncall.make\n",
        ),
        (
            &["licence", "forecast", "--sort=licence", "--columns=licence"],
            "LICENCE\nbasic\npro\n",
        ),
        (&["cost-centre", "list", "--filter=default eq true"], "none\n"),
        (
            &["template", "list", "--filter=name eq \"invitation\"", "--columns=name"],
            "NAME\ninvitation\n",
        ),
        (&["mail", "list", "--filter=attempts gt 3"], "none\n"),
        (&["bulk", "list", "--filter=state eq \"done\""], "none\n"),
        (&["import", "list", "--sort=created"], "none\n"),
        (&["review", "list", "entra", "--filter=kind eq \"user\""], "none\n"),
        (&["token", "list", "--filter=label eq \"none\""], "none\n"),
    ] {
        assert_eq!(gateway.command(command).expect(0).out, expected, "{command:?}");
    }
    let tokens = gateway
        .command(&["export", "licences", "--columns=key", "--filter=key sw \"p\""])
        .expect(0);
    assert_eq!(tokens.out.replace("\r\n", "\n"), "key\npro\n");
}

#[test]
fn a_licence_is_deleted_once_what_it_means_was_seen() {
    let gateway = Gateway::start();
    let file = gateway.file("default.toml", FILE);
    gateway.command(&["apply", &file]).expect(0);
    gateway.command(&["user", "create", "ada", "--licence=pro"]).expect(0);
    gateway.command(&["licence", "delete", "basic"]).expect(0);
    let shown = gateway
        .command(&["licence", "delete", "pro", "--holders=take", "--json"])
        .expect(0)
        .json();
    assert_eq!((&shown["users"], &shown["licence"]), (&json!(1), &json!("pro")));
    let told = gateway.command(&["licence", "delete", "pro"]).expect(0).out;
    assert!(told.contains("nothing was deleted"), "{told}");
    let code = shown["confirm"].as_str().expect("a code");
    let refused = gateway
        .command(&["licence", "delete", "pro", "--confirm", code])
        .expect(1);
    assert!(refused.sentence().contains("1 people"), "{refused:?}");
    gateway
        .command(&["licence", "delete", "pro", "--holders=take", "--confirm", code])
        .expect(0);
    assert_eq!(gateway.command(&["licence", "list"]).expect(0).out, "none\n");
    gateway.command(&["verify"]).expect(0);
}
