//! Without a mail server mails are files, and the log says where.

use usher::store::sled::{SledSettings, SledStore};
use usher::store::{Key, SCAN_ENTRIES_MAX, Scan, Store as _};

use super::{create, inviting, person, wait_until};

#[tokio::test]
async fn without_a_mail_server_mails_are_files_and_the_log_says_where() {
    let folder = tempfile::tempdir().expect("a folder");
    let gateway = inviting(folder.path(), "");
    create(&gateway, person("ada")).await;
    wait_until(&gateway, &["invitation", "list", "--state", "sent", "--json"], |list| {
        list[0]["user_name"] == "ada"
    });
    let mails = gateway.data.join("mail");
    let files: Vec<_> = std::fs::read_dir(&mails)
        .expect("the folder")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    assert_eq!(files.len(), 1, "{files:?}");
    let mail = std::fs::read_to_string(&files[0]).expect("a mail");
    for wanted in [
        "To: ada@acme.example",
        "Message-ID: <",
        "Auto-Submitted: auto-generated",
        "multipart/alternative",
    ] {
        assert!(mail.contains(wanted), "{wanted}: {mail}");
    }
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(&files[0]).expect("a file").permissions().mode();
    assert_eq!(mode & 0o077, 0, "only the gateway's user may read it");
    let log = gateway.read_log();
    assert!(log.contains(mails.to_str().expect("UTF-8")), "{log}");
    assert!(
        log.contains(files[0].file_name().expect("a name").to_str().expect("UTF-8")),
        "{log}"
    );
    assert!(!log.contains("ada@"), "{log}");
}

/// Every file below a folder that is not the store's, and holds a text.
fn files_with(folder: &std::path::Path, text: &str) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() && path.ends_with("store") {
            continue;
        }
        if path.is_dir() {
            found.extend(files_with(&path, text));
        } else if String::from_utf8_lossy(&std::fs::read(&path).expect("a file")).contains(text) {
            found.push(path);
        }
    }
    found
}

#[tokio::test]
async fn an_erased_person_is_nowhere_in_the_data_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut gateway = inviting(folder.path(), "");
    create(&gateway, person("ada")).await;
    let sent = ["invitation", "list", "--state", "sent", "--json"];
    wait_until(&gateway, &sent, |list| list[0]["user_name"] == "ada");
    assert_eq!(files_with(&gateway.data, "ada@acme.example").len(), 1);
    gateway
        .command(&["privacy", "erase", "ada", "--confirm", "ada"])
        .expect(0);
    let none: Vec<std::path::PathBuf> = Vec::new();
    assert_eq!(files_with(&gateway.data, "ada@acme.example"), none);
    gateway.terminate();
    let store = SledStore::open(&gateway.data.join("store"), SledSettings::default()).expect("the store");
    let mut scan = Scan::prefix(&Key::new(Vec::<u8>::new()), SCAN_ENTRIES_MAX);
    loop {
        let entries = store.scan(scan.clone()).await.expect("a scan");
        for (key, stored) in &entries {
            let text = format!("{key:?} {}", String::from_utf8_lossy(&stored.value));
            for trace in ["ada@acme.example", "home@example.com", "alert(1)"] {
                assert!(!text.contains(trace), "{trace}: {text}");
            }
        }
        match entries.last() {
            Some((last, _)) => scan = scan.after(last.clone()),
            None => break,
        }
    }
    store.close().await.expect("an end");
}
