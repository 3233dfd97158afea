//! `usher audit`: the log for people, as JSON and for spreadsheets.

use crate::kit::gateway::Gateway;

#[test]
fn the_log_is_listed_and_exported() {
    let mut gateway = Gateway::start();
    gateway.command(&["token", "issue", "--label", "=evil()"]).expect(0);
    let listed = gateway.command(&["audit", "list", "--kind", "token"]).expect(0);
    let heading = listed.out.lines().next().expect("a heading");
    assert!(
        heading.starts_with("AT") && heading.contains("SUBJECT"),
        "{}",
        listed.out
    );
    assert!(
        listed.out.contains("token created") && listed.out.contains("=evil()"),
        "{}",
        listed.out
    );
    let items = gateway
        .command(&["audit", "list", "--limit", "1", "--json"])
        .expect(0)
        .json();
    assert_eq!(items[0]["changes"][0]["kind"], "token");
    let csv = gateway.command(&["audit", "export", "--format", "csv"]).expect(0).out;
    assert!(csv.starts_with("at,door,connection,token,request,kind,subject,outcome,field,before,after\r\n"));
    assert!(csv.contains(",'=evil()\r\n"), "{csv}");
    let lines = gateway.command(&["audit", "export"]).expect(0).out;
    let last: serde_json::Value = serde_json::from_str(lines.lines().last().expect("a line")).expect("JSON");
    assert_eq!(last["actor"]["door"], "system", "the first start is told too");
    assert!(
        gateway
            .command(&["audit", "list", "--kind", "shoe"])
            .expect(1)
            .sentence()
            .contains("kind")
    );
    // The same without a gateway.
    gateway.terminate();
    let listed = gateway
        .command(&["audit", "list", "--kind", "token", "--json"])
        .expect(0)
        .json();
    assert_eq!(listed[0], items[0]);
}
