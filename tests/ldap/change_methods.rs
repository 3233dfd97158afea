//! That the servers of the kit offer their ways of telling changes, asked by OpenLDAP's own client: what later reads them
//! must not fail for want of a right or a plug-in.

use crate::kit::process::command;
use crate::kit::real_directory::{Account, RealDirectory, ServerKind};

#[test]
fn openldap_and_389_tell_what_changed_since_a_cookie() {
    for kind in [ServerKind::OpenLdap, ServerKind::Ds389] {
        let Some(directory) = RealDirectory::open(kind) else {
            continue;
        };
        directory.add_people(&["ada", "bob"]);
        let base = directory.people();
        let (succeeded, full) = search(&directory, Account::Reader, "!sync=ro", &base);
        assert!(
            succeeded && full.contains("uid: ada") && full.contains("uid: bob"),
            "{full}"
        );
        let cookie = full.lines().find_map(|line| line.strip_prefix("# cookie: "));
        let cookie = cookie.unwrap_or_else(|| panic!("{kind:?} gives no cookie: {full}"));

        directory.replace(&directory.dn("bob"), "title", "Captain");
        let (succeeded, changes) = search(&directory, Account::Reader, &format!("!sync=ro/{cookie}"), &base);
        assert!(succeeded && changes.contains("uid: bob"), "{kind:?}: {changes}");
        assert!(!changes.contains("uid: ada"), "{kind:?}: {changes}");
    }
}

/// LDAP_DIRSYNC_OBJECT_SECURITY, flag 1 (MS-ADTS section 3.1.1.3.4.1.3), is for every account.
#[test]
fn dirsync_of_everything_wants_a_right_and_of_what_one_sees_does_not() {
    let Some(directory) = RealDirectory::open(ServerKind::Samba) else {
        return;
    };
    let cases = [
        (Account::Replicator, "!dirSync=0/0", true),
        (Account::Replicator, "!dirSync=1/0", true),
        (Account::Reader, "!dirSync=0/0", false),
        (Account::Reader, "!dirSync=1/0", true),
    ];
    for (account, control, expected) in cases {
        let (succeeded, text) = search(&directory, account, control, "DC=lab,DC=test");
        assert_eq!(succeeded, expected, "{account:?} {control}: {text}");
    }
}

/// Whether a search with a control succeeds, and what it says.
fn search(directory: &RealDirectory, account: Account, control: &str, base: &str) -> (bool, String) {
    let (dn, password) = directory.account(account);
    let url = directory.url();
    let output = command("ldapsearch")
        .args(["-x", "-o", "ldif-wrap=no", "-H", &url, "-D", dn, "-w", password])
        .args(["-b", base, "-E", control, directory.user_filter(), "uid", "sn"])
        .output()
        .expect("ldapsearch starts");
    let texts = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    (output.status.success(), texts.concat())
}
