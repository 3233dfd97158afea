//! Without a mail server mails are files, and the log says where.

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
