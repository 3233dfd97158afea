//! `usher apply`: idempotent, all or nothing, every fault at once.

use crate::kit::gateway::{Gateway, Ran, usher};

const ACME: &str = r#"
[organisation]
slug = "acme"
name = "Acme Ltd"

[[roles]]
key = "lead"
name = "Lead"
includes = ["member"]

[[roles]]
key = "member"
name = "Member"
permissions = ["meeting.plan@self"]

[[licences]]
key = "pro"
name = "Pro"
limit = 2
when_full = { fallback = "basic" }

[[licences]]
key = "basic"
name = "Basic"

[[connections]]
name = "entra"
kind = "scim"
licences = ["pro"]
roles = ["member"]
"#;

#[test]
fn applying_twice_changes_nothing_the_second_time() {
    let gateway = Gateway::start();
    let file = gateway.file("acme.toml", ACME);
    let first = gateway.command(&["apply", &file]).expect(0).out;
    for place in [
        "organisation",
        "roles.lead",
        "roles.member",
        "licences.pro",
        "licences.basic",
        "connections.entra",
    ] {
        assert!(first.contains(&format!("created    {place}\n")), "{first}");
    }
    assert!(first.ends_with("applied: 6 changed\n"), "{first}");
    let second = gateway.command(&["apply", &file]).expect(0).out;
    assert_eq!(second.matches("unchanged").count(), 6, "{second}");
    assert!(
        second.ends_with("nothing to do: everything is as declared\n"),
        "{second}"
    );
}

#[test]
fn a_changed_setting_is_named() {
    let gateway = Gateway::start();
    gateway.command(&["apply", &gateway.file("acme.toml", ACME)]).expect(0);
    let changed = gateway.file("more.toml", &ACME.replace("limit = 2", "limit = 3"));
    let answer = gateway.command(&["apply", &changed, "--json"]).expect(0).json();
    let changes = answer["changes"].as_array().expect("a list");
    let updated: Vec<_> = changes.iter().filter(|change| change["outcome"] == "updated").collect();
    assert_eq!(updated.len(), 1, "{answer:#}");
    assert_eq!(updated[0]["place"], "licences.pro");
    assert_eq!(updated[0]["fields"], serde_json::json!(["limit"]));
}

#[test]
fn a_dry_run_shows_the_same_and_changes_nothing() {
    let gateway = Gateway::start();
    let file = gateway.file("acme.toml", ACME);
    let dry = gateway.command(&["apply", &file, "--dry-run"]).expect(0).out;
    assert!(dry.ends_with("dry run: 6 would change, nothing was changed\n"), "{dry}");
    gateway.command(&["org", "show", "acme"]).expect(1);
    let wet = gateway.command(&["apply", &file]).expect(0).out;
    let steps = |text: &str| {
        text.lines()
            .filter(|line| line.starts_with("created"))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(steps(&dry), steps(&wet));
}

#[test]
fn every_fault_of_a_file_is_told_at_once_with_line_and_cure() {
    let gateway = Gateway::start();
    let file = gateway.file(
        "broken.toml",
        "[organisation]\nslug = \"acme\"\nnam = \"x\"\n\n[[roles]]\nkey = \"A b\"\nname = \"x\"\n\n[[licences]]\nkey = \
         \"pro\"\nname = \"x\"\nlimit = -1\n\n[[licences]]\nkey = \"basic\"\nname = \"x\"\n\n[[licences]]\nkey = \
         \"basic\"\nname = \"x\"\n\n[[connections]]\nname = \"e\"\nkind = \"carrier-pigeon\"\n\n[extra]\n",
    );
    let told = gateway.command(&["apply", &file]).expect(2).err;
    for fault in [
        "line 3, column 1: organisation: unknown field `nam`",
        "line 6, column 7: roles[0]: \"A b\" is not a short name",
        "line 12, column 9: licences[0]:",
        "line 18, column 1: licences.basic: is declared twice",
        "line 24, column 8: connections[0]: unknown variant `carrier-pigeon`, expected `scim` or `ldap`",
        "line 26, column 2: extra: is not a part of an organisation file",
    ] {
        assert!(told.contains(fault), "{fault} is not in:\n{told}");
    }
    assert_eq!(told.lines().count(), 6, "{told}");
}

#[test]
fn rules_schedules_and_directories_are_checked_before_anything_is_stored() {
    let gateway = Gateway::start();
    let directory = |more: &str| {
        format!(
            "[organisation]\nslug = \"acme\"\n\n[[connections]]\nname = \"ad\"\nkind = \"ldap\"\n{more}\n\
             [connections.ldap]\nurls = [\"ldaps://ad.acme.example\"]\nbind_dn = \"cn=usher\"\nbind_password_env = \"P\"\n\
             [connections.ldap.users]\nbase = \"dc=acme\"\nfilter = \"(objectClass=person)\"\n"
        )
    };
    Ran::of(usher().args(["check", "--org-file", &gateway.file("good.toml", &directory(""))])).expect(0);
    for (fault, part) in [
        (directory("schedule = \"every day\""), "schedule \"every day\""),
        (directory("grants = [{ when = \"source.\" }]"), "grants[0] when"),
        (directory("").replace("ldaps://", "ldap://"), "ldap."),
        (
            directory("").replace("(objectClass=person)", "(objectClass=person"),
            "ldap.users.filter",
        ),
        (
            directory("").replace("bind_password_env = \"P\"", ""),
            "bind_password_file",
        ),
    ] {
        let file = gateway.file("bad.toml", &fault);
        let told = Ran::of(usher().args(["check", "--org-file", &file])).expect(2);
        assert!(told.sentence().contains(part), "{part}: {}", told.err);
        assert!(told.err.contains("line 4, column 1: connections.ad"), "{}", told.err);
    }
}

#[test]
fn lists_of_authority_are_checked_before_and_while_they_are_applied() {
    let gateway = Gateway::start();
    let list = |entries: &str| gateway.file("lists.toml", &format!("{ACME}\n[authority]\n{entries}\n"));
    let told = gateway
        .command(&[
            "apply",
            &list("shoe = [\"entra\"]\n\"name.givenName\" = [\"entra\"]\nactive = [\"entra\"]\ntitle = []"),
        ])
        .expect(2)
        .err;
    for fault in [
        "line 32, column 1: authority: \"active\" has no list: a person is active while no source says otherwise",
        "\"name.givenName\" is a part of an attribute, and one connection writes the whole: write \"name\"",
        "\"shoe\" is no attribute of users",
        "\"title\" lists no connection",
    ] {
        assert!(told.contains(fault), "{fault} is not in:\n{told}");
    }
    let unknown = gateway.command(&["apply", &list("title = [\"hr\"]")]).expect(1).err;
    assert!(
        unknown.contains("line 32, column 1: authority: ")
            && unknown.contains("lists connection \"hr\", which does not exist"),
        "{unknown}"
    );
    // The organisation's own attribute is known to the gateway only once it is declared.
    let own = "\"urn:usher:scim:schemas:extension:acme:2.0:User:Badge\" = [\"entra\"]";
    let undeclared = gateway.command(&["apply", &list(own)]).expect(1).err;
    assert!(undeclared.contains("is no attribute of users"), "{undeclared}");
    let declared = list(&format!(
        "{own}\nTITLE = [\"entra\"]\n[[user_attributes]]\nname = \"badge\"\ntype = \"string\""
    ));
    let first = gateway.command(&["apply", &declared]).expect(0).out;
    assert!(first.contains("updated    authority"), "{first}");
    let again = gateway.command(&["apply", &declared]).expect(0).out;
    assert!(again.ends_with("nothing to do: everything is as declared\n"), "{again}");
    let shown = gateway.command(&["org", "show", "acme", "--json"]).expect(0).json();
    assert_eq!(
        shown["authority"],
        serde_json::json!({ "title": ["entra"], "urn:usher:scim:schemas:extension:acme:2.0:User:badge": ["entra"] })
    );
}

#[test]
fn refusals_are_told_together_and_nothing_is_applied() {
    let gateway = Gateway::start();
    let file = gateway.file(
        "refused.toml",
        "[organisation]\nslug = \"acme\"\n[[licences]]\nkey = \"pro\"\nname = \"Pro\"\n[[connections]]\nname = \"a\"\nkind = \
         \"scim\"\nlicences = [\"gold\"]\n[[connections]]\nname = \"b\"\nkind = \"scim\"\nroles = [\"chief\"]\n",
    );
    let told = gateway.command(&["apply", &file]).expect(1).err;
    assert!(
        told.contains("line 6, column 1: connections.a") && told.contains("\"gold\""),
        "{told}"
    );
    assert!(
        told.contains("line 10, column 1: connections.b") && told.contains("\"chief\""),
        "{told}"
    );
    gateway.command(&["org", "show", "acme"]).expect(1);
}

#[test]
fn a_file_that_is_not_there_is_wrong_usage() {
    let ran = Ran::of(usher().args(["apply", "/nowhere/acme.toml"])).expect(2);
    assert!(ran.sentence().contains("/nowhere/acme.toml"), "{ran:?}");
}
