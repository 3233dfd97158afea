//! kill -9 between a commit and the delivery of its mail loses nothing.

use std::collections::BTreeSet;

use serde_json::json;

use super::{create, inviting, person, plain, wait_until};
use crate::kit::mail_server::{MailServer, Protection};

#[tokio::test]
async fn what_was_committed_before_a_crash_is_mailed_after_it() {
    let Some(mut server) = MailServer::start(Protection::Plain) else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let mut gateway = inviting(folder.path(), &plain(server.port));
    // The mail server is away, so that every mail is between its commit and its delivery when the gateway is killed.
    server.stop();
    let names: Vec<String> = (0..5).map(|number| format!("person{number}")).collect();
    for name in &names {
        create(&gateway, person(name)).await;
    }
    gateway.kill();
    gateway.command(&["verify"]).expect(0);
    server.start_again();
    gateway.start_again();
    let mails = server.wait_for(names.len());
    let reached: BTreeSet<String> = mails.iter().map(|mail| mail["to"][0].to_string()).collect();
    let wanted: BTreeSet<String> = names
        .iter()
        .map(|name| json!(format!("{name}@acme.example")).to_string())
        .collect();
    assert_eq!(reached, wanted);
    // A second copy has the identifier of the first.
    let identifiers: BTreeSet<String> = mails.iter().map(|mail| mail["message_id"].to_string()).collect();
    assert_eq!(identifiers.len(), names.len());
    wait_until(&gateway, &["mail", "list", "--json"], |list| list == &json!([]));
    gateway.command(&["verify"]).expect(0);
}
