//! `usher template`, `usher invitation` and `usher mail`.

use serde_json::json;

use crate::kit::gateway::Gateway;

#[test]
fn a_wording_is_set_shown_previewed_and_removed() {
    let gateway = Gateway::start();
    let text = gateway.file("de.txt", "Guten Tag {{ display_name }}: {{ link }}\n");
    let faulty = gateway.file("faulty.txt", "Guten Tag\n{{ nobody }}\n");
    let set = |file: &str| {
        gateway.command(&[
            "template",
            "set",
            "invitation",
            "de",
            "--subject",
            "Willkommen",
            "--text",
            file,
        ])
    };
    let refused = set(&faulty).expect(1);
    assert!(
        refused.sentence().contains("line 2") && refused.err.contains("nobody"),
        "{refused:?}"
    );
    set(&text).expect(0);
    let listed = gateway.command(&["template", "list"]).expect(0).out;
    assert!(
        listed
            .lines()
            .any(|line| line.starts_with("invitation") && line.ends_with("de")),
        "{listed}"
    );
    let shown = gateway
        .command(&["template", "show", "invitation", "--language", "de-at"])
        .expect(0)
        .out;
    assert!(shown.contains("Guten Tag {{ display_name }}"), "{shown}");
    let preview = gateway
        .command(&["template", "preview", "invitation", "--language", "de"])
        .expect(0)
        .out;
    assert!(preview.contains("Guten Tag Ada Lovelace: https://"), "{preview}");
    gateway.command(&["template", "remove", "invitation", "de"]).expect(0);
    let variables = gateway.command(&["template", "variables", "invitation"]).expect(0).out;
    assert!(variables.contains("display_name"), "{variables}");
}

#[test]
fn whoever_cannot_be_invited_makes_the_exit_code_4() {
    let gateway = Gateway::start();
    let nobody = gateway.command(&["invitation", "send", "nobody"]).expect(4);
    assert!(nobody.out.contains("refused"), "{nobody:?}");
    let all = gateway
        .command(&["invitation", "send", "--all-prepared", "--json"])
        .expect(0);
    assert_eq!(all.json(), json!([]));
    let usage = gateway.command(&["invitation", "send"]).expect(2);
    assert!(usage.err.contains("<USERS>"), "{usage:?}");
    assert_eq!(gateway.command(&["mail", "list", "--json"]).expect(0).json(), json!([]));
    gateway
        .command(&["mail", "discard", "0197f0f0-0000-7000-8000-000000000000"])
        .expect(1);
}
