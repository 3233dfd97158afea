//! Settings of a connection that cannot be meant are refused before they are stored, with the place and the cure.

use usher::provision::organisation_file;

/// A connection of kind `ldap`; `top` are further lines of it, `ldap` of its directory.
fn faults(top: &str, ldap: &str) -> Vec<String> {
    let text = format!(
        "[organisation]\nslug = \"acme\"\n[[connections]]\nname = \"corp\"\nkind = \"ldap\"\n{top}\n\
         [connections.ldap]\nurls = [\"ldaps://127.0.0.1:1\"]\nbind_dn = \"cn=reader,dc=example\"\n\
         bind_password_env = \"USHER_TEST_PASSWORD\"\nusers = {{ base = \"dc=example\", filter = \"(cn=*)\" }}\n\
         groups = {{ base = \"dc=example\", filter = \"(cn=*)\" }}\n{ldap}\n"
    );
    match organisation_file::parse(&text) {
        Ok(_) => Vec::new(),
        Err(faults) => faults
            .iter()
            .map(|fault| format!("{}: {}", fault.place, fault.reason))
            .collect(),
    }
}

#[test]
fn numbers_that_cannot_be_meant_are_named_with_their_cure() {
    let table = [
        (
            "brake = { percent = 101 }",
            "",
            "brake.percent: 101 is more than 100; it is a part in per cent, so write 0 to 100",
        ),
        (
            "brake = { drop_percent = 1000 }",
            "",
            "brake.drop_percent: 1000 is more than 100; it is a part in per cent, so write 0 to 100",
        ),
        (
            "leavers = { suspend_after_runs = 0 }",
            "",
            "leavers.suspend_after_runs: is 0; write 1",
        ),
        (
            "leavers = { delete_after_days = 4000000000 }",
            "",
            "leavers.delete_after_days: 4000000000 is more than 36500",
        ),
        ("runs_kept = 501", "", "runs_kept: 501 is more than 500"),
        (
            "failures_listed = 100001",
            "",
            "failures_listed: 100001 is more than 100000",
        ),
        ("schedule = \"whenever\"", "", "schedule \"whenever\": "),
        ("", "page_size = 0", "ldap.page_size"),
        ("", "changes_max = 0", "ldap.changes_max"),
        ("", "entry_timeout_s = 0", "ldap.entry_timeout"),
        ("", "member_attributes = []", "ldap.member_attributes: is empty"),
        (
            "",
            "member_attributes = [\"member \"]",
            "ldap.member_attributes: \"member \" is not the name of an attribute",
        ),
        (
            "",
            "member_attributes = [\"member;range=0-9\"]",
            "ldap.member_attributes: \"member;range=0-9\" is not",
        ),
    ];
    for (top, ldap, expected) in table {
        let found = faults(top, ldap);
        let [fault] = found.as_slice() else {
            panic!("{top}{ldap}: {found:?}")
        };
        assert!(
            fault.starts_with(&format!("connections.corp: {expected}")),
            "{top}{ldap}: {fault}"
        );
    }
    for class in [
        "deletions",
        "suspensions",
        "removals_per_group",
        "losses",
        "id_changes",
        "renames",
    ] {
        let found = faults(&format!("brake = {{ {class}_percent = 101 }}"), "");
        let [fault] = found.as_slice() else {
            panic!("{class}: {found:?}")
        };
        let expected = format!("connections.corp: brake.{class}_percent: 101 is more than 100");
        assert!(fault.starts_with(&expected), "{fault}");
    }
    for (top, ldap) in [
        ("", ""),
        (
            "brake = { percent = 100, drop_percent = 100 }",
            "member_attributes = [\"uniqueMember\"]",
        ),
        (
            "leavers = { suspend_after_runs = 1, delete_after_days = 36500 }",
            "page_size = 1",
        ),
        ("brake = { percent = 0, drop_percent = 0 }", ""),
    ] {
        assert_eq!(faults(top, ldap), Vec::<String>::new());
    }
}

#[test]
fn several_faults_are_told_at_once() {
    let found = faults("brake = { percent = 300, drop_percent = 200 }\nruns_kept = 900", "");
    assert_eq!(found.len(), 3, "{found:?}");
}

#[test]
fn a_scim_connection_has_no_schedule() {
    let text = "[organisation]\nslug = \"acme\"\n[[connections]]\nname = \"entra\"\nkind = \"scim\"\n\
                schedule = \"0 3 * * *\"\n";
    let faults = organisation_file::parse(text).expect_err("a fault");
    assert_eq!(faults.len(), 1);
    assert!(
        faults[0].reason.starts_with("schedule: a connection of kind \"scim\""),
        "{}",
        faults[0]
    );
}
