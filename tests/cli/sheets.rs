//! Exports and imports on the command line, with real files.

use serde_json::json;

use crate::kit::gateway::Gateway;

const FILE: &str = "[organisation]\nslug = \"default\"\n[[licences]]\nkey = \"pro\"\nname = \"Pro\"\nlimit = 1\nconsumes_from = \
                    \"prepared\"\n";

#[test]
fn people_come_from_a_file_and_go_into_one() {
    let mut gateway = Gateway::start();
    let file = gateway.file("default.toml", FILE);
    gateway.command(&["apply", &file]).expect(0);
    let template = gateway
        .command(&["import", "template", "--separator=semicolon"])
        .expect(0);
    assert!(template.out.starts_with("user_name;given_name;"), "{}", template.out);
    let people = gateway.file(
        "people.csv",
        "user_name;given_name;licences\nada;Ada;pro\ngrace;Grace;pro\nbob;=Bob;\n",
    );
    let planned = gateway.command(&["import", &people, "--dry-run"]).expect(4);
    for words in [
        "3     grace",
        "no free seat of licence pro: 1 of 1",
        "2 to create, 0 to update, 0 as they are, 1 refused",
        "seats of pro: 0 in use, 1 afterwards, limit 1, rows without a seat 1",
        "usher import confirm ",
    ] {
        assert!(planned.out.contains(words), "{words}: {}", planned.out);
    }
    // Rows that are refused hold the whole file back, unless told otherwise.
    let held = gateway.command(&["import", &people]).expect(4);
    assert!(held.sentence().contains("1 rows are refused"), "{held:?}");
    assert_eq!(gateway.command(&["user", "list"]).expect(0).out, "none\n");
    let done = gateway
        .command(&["import", &people, "--partly", "--json"])
        .expect(4)
        .json();
    assert_eq!(
        done["results"],
        json!({ "change": 2, "nothing": 0, "refused": 1, "stale": 0 })
    );
    let id = done["id"].as_str().expect("an id");
    let result = gateway.command(&["import", "result", id]).expect(0).out;
    assert!(result.contains("\r\n3,grace,refused,refused,licences,"), "{result}");
    gateway.terminate();
    // The store itself, without a gateway.
    let exported = gateway
        .command(&["export", "users", "--columns=user_name,given_name,licences"])
        .expect(0);
    assert_eq!(
        exported.out,
        "user_name,given_name,licences\r\nada,Ada,pro\r\nbob,'=Bob,\r\n"
    );
    let workbook = gateway.file("users.xlsx", "");
    gateway
        .command(&[
            "export",
            "users",
            "--format=xlsx",
            "--state=active,prepared",
            "--output",
            &workbook,
        ])
        .expect(0);
    let bytes = std::fs::read(&workbook).expect("a workbook");
    assert!(bytes.starts_with(b"PK"), "{} bytes", bytes.len());
    let same = gateway.command(&["import", &workbook, "--update", "--dry-run", "--json"]);
    // The first sheet holds those who are active: nobody.
    assert!(same.expect(1).err.contains("no row"));
    let unknown = gateway
        .command(&["export", "users", "--columns=shoe", "--output", &workbook])
        .expect(1);
    assert!(
        unknown.sentence().contains("\"shoe\" is no column of users"),
        "{unknown:?}"
    );
    assert_eq!(
        std::fs::read(&workbook).expect("a workbook"),
        bytes,
        "a refusal replaces no file"
    );
    gateway.command(&["verify"]).expect(0);
}
