//! `usher connection` and what `usher sync` remembers, on the built program against real servers.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::kit::gateway::{Gateway, Ran};
use crate::kit::real_directory::{Account, RealDirectory, on_one_server};
use crate::kit::slapd::{self, Slapd};

on_one_server!(good_openldap, OpenLdap, a_good_connection_is_shown_with_what_it_reads);
on_one_server!(good_ds389, Ds389, a_good_connection_is_shown_with_what_it_reads);
on_one_server!(good_samba, Samba, a_good_connection_is_shown_with_what_it_reads);
on_one_server!(rights, Ds389, an_account_without_rights_is_a_failure_with_a_cure);
on_one_server!(limits, OpenLdap, a_size_limit_is_a_failure_with_a_cure);
on_one_server!(base, OpenLdap, a_filter_that_matches_nothing_is_a_failure_with_a_cure);
on_one_server!(
    deletions,
    Samba,
    unseen_deletions_without_a_schedule_for_them_are_advice
);
on_one_server!(
    password,
    OpenLdap,
    a_password_that_cannot_be_had_is_a_failure_and_is_never_shown
);
on_one_server!(runs, OpenLdap, runs_failures_and_a_held_plan_are_shown);
on_one_server!(
    measured,
    OpenLdap,
    metrics_show_the_last_run_of_each_reading_and_its_entries
);
on_one_server!(kept, OpenLdap, the_oldest_runs_go_when_there_are_too_many);

/// A connection `corp` of the organisation `acme`. `top` and `ldap` are further lines of both sections.
struct Wanted<'a> {
    account: Account,
    users: Option<&'a str>,
    top: &'a str,
    ldap: &'a str,
}

const GOOD: Wanted<'static> = Wanted {
    account: Account::Reader,
    users: None,
    top: "schedule = \"15 3 * * *\"\n",
    ldap: "",
};

fn apply(gateway: &Gateway, directory: &RealDirectory, wanted: &Wanted<'_>) {
    let (dn, password) = directory.account(wanted.account);
    let password = gateway.file("password", &format!("{password}\n"));
    let mut text =
        "[organisation]\nslug = \"acme\"\n\n[[licences]]\nkey = \"pro\"\nname = \"Pro\"\nlimit = 2\n\n".to_owned();
    write!(
        text,
        "[[connections]]\nname = \"corp\"\nkind = \"ldap\"\nlicences = [\"pro\"]\n{}\n[connections.ldap]\nurls = [{:?}]\n\
         ca_file = {:?}\nbind_dn = {dn:?}\nbind_password_file = {password:?}\n{}\n[connections.ldap.users]\nbase = {:?}\n\
         filter = {:?}\n\n[connections.ldap.groups]\nbase = {:?}\nfilter = {:?}\n",
        wanted.top,
        directory.tls_url(),
        directory.ca_file(),
        wanted.ldap,
        directory.people(),
        wanted.users.unwrap_or_else(|| directory.user_filter()),
        directory.groups(),
        directory.group_filter(),
    )
    .expect("a text takes everything");
    gateway.command(&["apply", &gateway.file("acme.toml", &text)]).expect(0);
}

fn connection(gateway: &Gateway, arguments: &[&str]) -> Ran {
    gateway.command(&[&["connection"], arguments, &["--org", "acme"]].concat())
}

fn sync(gateway: &Gateway, arguments: &[&str]) -> Ran {
    gateway.command(&[&["sync", "corp", "--org", "acme"], arguments].concat())
}

/// The finding of this word, at this place.
#[track_caller]
fn finding<'a>(report: &'a Value, place: &str, word: &str) -> &'a Value {
    let mut findings = report["findings"].as_array().expect("findings").iter();
    let found = findings.find(|finding| finding["place"] == place && finding["finding"] == word);
    found.unwrap_or_else(|| panic!("no {word} of {place} in {report:#}"))
}

async fn a_good_connection_is_shown_with_what_it_reads(directory: RealDirectory) {
    directory.add_people(&["ada", "bob"]);
    directory.add_group("crew", &[directory.dn("ada")]);
    let gateway = Gateway::start();
    apply(&gateway, &directory, &GOOD);
    let report = connection(&gateway, &["test", "corp", "--json"]).expect(0).json();
    assert_ne!(report["verdict"], "failure");
    for word in ["bound", "encrypted", "server"] {
        assert_eq!(finding(&report, "server", word)["verdict"], "good");
    }
    assert_eq!(finding(&report, "users", "changes")["verdict"], "good");
    let next = finding(&report, "schedules", "next")["text"].as_str().expect("a text");
    assert!(next.contains("03:15:00 UTC"), "{next}");
    let (users, groups) = (&report["reads"][0], &report["reads"][1]);
    assert_eq!((&users["entries"], &groups["entries"]), (&json!(2), &json!(1)));
    assert_eq!(users["base"], directory.people());
    let attributes: Vec<&str> = users["attributes"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    assert!(
        attributes.iter().any(|name| name.eq_ignore_ascii_case("mail")),
        "{attributes:?}"
    );

    let shown = connection(&gateway, &["test", "corp"]).expect(0);
    for part in [
        "ok       server",
        "accepts",
        "TLSv1",
        "changes are read by",
        "attributes: ",
    ] {
        assert!(shown.out.contains(part), "{part} is not in:\n{}", shown.out);
    }
    let (_, password) = directory.account(Account::Reader);
    for text in [&shown.out, &gateway.read_log()] {
        assert!(!text.contains(password), "the password is in {text}");
    }
    for name in ["ada", "bob"] {
        assert!(
            !gateway.read_log().contains(&directory.dn(name)),
            "a person is in the log"
        );
    }
    let listed = connection(&gateway, &["list"]).expect(0);
    assert!(
        listed.out.contains("corp") && listed.out.contains("ldap"),
        "{}",
        listed.out
    );
    let settings = connection(&gateway, &["show", "corp", "--json"]).expect(0).json();
    assert_eq!(settings["schedule"], "15 3 * * *");
    connection(&gateway, &["test", "nobody"]).expect(1);
}

async fn an_account_without_rights_is_a_failure_with_a_cure(directory: RealDirectory) {
    directory.add_people(&["ada", "bob"]);
    let gateway = Gateway::start();
    let account = Account::Stranger;
    apply(&gateway, &directory, &Wanted { account, ..GOOD });
    let failed = connection(&gateway, &["test", "corp"]).expect(1);
    assert!(failed.out.contains("FAILURE"), "{}", failed.out);
    assert!(failed.sentence().contains("corp does not work"), "{failed:?}");
    let report = connection(&gateway, &["test", "corp", "--json"]).expect(1).json();
    let nothing = finding(&report, "users", "matches_nothing");
    let cure = nothing["cure"].as_str().expect("a cure");
    assert!(cure.contains("the account may read them"), "{cure}");
}

async fn a_size_limit_is_a_failure_with_a_cure(directory: RealDirectory) {
    let names: Vec<String> = (0..520).map(|number| format!("p{number:03}")).collect();
    directory.add_people(&names);
    let gateway = Gateway::start();
    let account = Account::Limited;
    apply(&gateway, &directory, &Wanted { account, ..GOOD });
    let report = connection(&gateway, &["test", "corp", "--json"]).expect(1).json();
    let limit = finding(&report, "users", "size_limit");
    assert_eq!(limit["verdict"], "failure");
    assert!(
        limit["cure"].as_str().expect("a cure").contains("size.prtotal"),
        "{limit:#}"
    );
    // And a run of it changes nothing.
    sync(&gateway, &[]).expect(1);
    let run = &sync(&gateway, &["--history", "--json"]).expect(0).json()[0];
    assert_eq!(run["outcome"], "failed");
    assert!(run["error"].as_str().expect("a reason").contains("limit"), "{run:#}");
}

async fn a_filter_that_matches_nothing_is_a_failure_with_a_cure(directory: RealDirectory) {
    directory.add_people(&["ada"]);
    let gateway = Gateway::start();
    let users = Some("(objectClass=inetOrgPersom)");
    apply(&gateway, &directory, &Wanted { users, ..GOOD });
    let report = connection(&gateway, &["test", "corp", "--json"]).expect(1).json();
    let nothing = finding(&report, "users", "matches_nothing");
    assert!(
        nothing["cure"].as_str().expect("a cure").contains("spelling"),
        "{nothing:#}"
    );
    assert_eq!(report["reads"][0]["entries"], 0);
}

async fn unseen_deletions_without_a_schedule_for_them_are_advice(directory: RealDirectory) {
    directory.add_people(&["ada", "bob"]);
    directory.add_group("crew", &[directory.dn("ada")]);
    let gateway = Gateway::start();
    let (top, ldap) = (
        "schedule = \"15 3 * * *\"\nchanges_schedule = \"*/5 * * * *\"\n",
        "stay_connected = true\n",
    );
    apply(&gateway, &directory, &Wanted { top, ldap, ..GOOD });
    let report = connection(&gateway, &["test", "corp", "--json"]).expect(0).json();
    let hidden = finding(&report, "server", "misses_deletions");
    assert!(
        hidden["cure"].as_str().expect("a cure").contains("Deleted Objects"),
        "{hidden:#}"
    );
    let schedule = finding(&report, "schedules", "no_presence_schedule");
    assert!(
        schedule["cure"].as_str().expect("a cure").contains("presence_schedule"),
        "{schedule:#}"
    );
    finding(&report, "schedules", "cannot_stay_connected");
    assert_eq!(report["verdict"], "advice");
}

async fn a_password_that_cannot_be_had_is_a_failure_and_is_never_shown(directory: RealDirectory) {
    let gateway = Gateway::start();
    apply(&gateway, &directory, &GOOD);
    gateway.file("password", "certainly-not-it\n");
    let wrong = connection(&gateway, &["test", "corp"]).expect(1);
    assert!(wrong.out.contains("invalidCredentials"), "{}", wrong.out);
    assert!(!wrong.out.contains("certainly-not-it"), "{}", wrong.out);
    std::fs::remove_file(gateway.data.with_file_name("password")).expect("the password goes");
    let report = connection(&gateway, &["test", "corp", "--json"]).expect(1).json();
    assert_eq!(finding(&report, "settings", "setting")["verdict"], "failure");
}

async fn runs_failures_and_a_held_plan_are_shown(directory: RealDirectory) {
    directory.add_people(&["ada", "bob", "cat"]);
    let gateway = Gateway::start();
    apply(&gateway, &directory, &GOOD);
    assert!(sync(&gateway, &["--history"]).expect(0).out.contains("none"));
    sync(&gateway, &[]).expect(0);
    let first = &sync(&gateway, &["--history", "--json"]).expect(0).json()[0];
    assert_eq!(
        (&first["outcome"], &first["reading"]),
        (&json!("finished"), &json!("whole"))
    );
    assert_eq!(
        (&first["read"]["people"], &first["classes"]["people"]["create"]),
        (&json!(3), &json!(2)),
        "{first:#}"
    );
    assert_eq!(
        (&first["failed"]["people"], &first["referrals"]),
        (&json!(1), &json!(0))
    );

    let listed = sync(&gateway, &["--failures"]).expect(0);
    assert!(listed.out.contains("no free seat of licence pro"), "{}", listed.out);
    // One leaves, and the seat is there: the same entry is tried again, though it did not change.
    directory.delete(&directory.dn("ada"));
    let retried = sync(&gateway, &["--retry", "--json"]).expect(0).json();
    assert_eq!(
        (&retried["reading"], &retried["failures"]),
        (&json!("changes"), &json!([])),
        "{retried:#}"
    );
    let listed = sync(&gateway, &["--failures"]).expect(0);
    assert!(listed.out.starts_with("none"), "{}", listed.out);

    assert!(sync(&gateway, &["--held"]).expect(0).out.contains("no plan is held"));
    let users = Some("(uid=nobody)");
    apply(&gateway, &directory, &Wanted { users, ..GOOD });
    let held = sync(&gateway, &["--json"]).expect(4).json();
    let shown = sync(&gateway, &["--held"]).expect(0);
    let hash = held["plan_hash"].as_str().expect("a hash");
    for part in [hash, "since", "no people at all"] {
        assert!(shown.out.contains(part), "{part} is not in:\n{}", shown.out);
    }
    let runs = sync(&gateway, &["--history", "--json"]).expect(0).json();
    let outcomes: Vec<&str> = runs
        .as_array()
        .expect("runs")
        .iter()
        .filter_map(|run| run["outcome"].as_str())
        .collect();
    assert_eq!(outcomes, ["held", "finished", "finished"]);
    assert_eq!(runs[0]["held"][0]["class"], "empty");
    let table = sync(&gateway, &["--history"]).expect(0);
    assert!(
        table.out.contains("held") && table.out.contains("no people at all"),
        "{}",
        table.out
    );
    gateway.command(&["verify"]).expect(0);
}

async fn metrics_show_the_last_run_of_each_reading_and_its_entries(directory: RealDirectory) {
    directory.add_people(&["ada", "bob", "cat"]);
    let gateway = Gateway::start();
    apply(&gateway, &directory, &GOOD);
    sync(&gateway, &[]).expect(0);
    sync(&gateway, &["--changes"]).expect(0);
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let request = http.get(format!("{}/metrics", gateway.url));
    let answer = request.bearer_auth(gateway.bootstrapped("admin_token")).send().await;
    let text = answer.expect("an answer").text().await.expect("a text");
    let labels = "organisation=\"acme\",connection=\"corp\"";
    for line in [
        format!("usher_sync_last_read{{{labels},class=\"people\"}} 3"),
        format!("usher_sync_failures{{{labels}}} 1"),
        format!("usher_sync_held{{{labels}}} 0"),
        format!("usher_sync_failing{{{labels}}} 0"),
        format!("usher_sync_runs_total{{{labels},reading=\"whole\",outcome=\"finished\"}} 1"),
        format!("usher_sync_runs_total{{{labels},reading=\"changes\",outcome=\"finished\"}} 1"),
        format!("usher_sync_entries_total{{{labels},class=\"people\",result=\"planned\"}} 2"),
        format!("usher_sync_steps_total{{{labels},class=\"people\",action=\"create\"}} 2"),
        format!("usher_sync_entries_total{{{labels},class=\"people\",result=\"changed\"}} 2"),
        format!("usher_sync_phase_seconds_count{{{labels},phase=\"reading\"}} 2"),
        format!("usher_sync_class_seconds_count{{{labels},class=\"memberships\"}} 2"),
        "usher_seats_used{organisation=\"acme\",licence=\"pro\"} 2".to_owned(),
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }
    let age = format!("usher_sync_last_complete_run_age_seconds{{{labels}}} ");
    let age = text
        .lines()
        .find_map(|line| line.strip_prefix(&age)?.parse::<f64>().ok());
    assert!(age.is_some_and(|age| (0.0..600.0).contains(&age)), "{age:?} in\n{text}");
    for reading in ["whole", "changes"] {
        let start = format!("usher_sync_last_run_timestamp_seconds{{{labels},reading=\"{reading}\"}} ");
        assert!(text.contains(&start), "{start} is not in\n{text}");
    }
    assert!(!text.contains("ada"), "somebody is named in\n{text}");
}

async fn the_oldest_runs_go_when_there_are_too_many(directory: RealDirectory) {
    directory.add_people(&["ada"]);
    let gateway = Gateway::start();
    let top = "runs_kept = 2\n";
    apply(&gateway, &directory, &Wanted { top, ..GOOD });
    let runs: Vec<Value> = (0..3)
        .map(|_| sync(&gateway, &["--json"]).expect(0).json()["run"].clone())
        .collect();
    let kept = sync(&gateway, &["--history", "--json"]).expect(0).json();
    let kept: Vec<&Value> = kept.as_array().expect("runs").iter().map(|run| &run["run"]).collect();
    assert_eq!(kept, [&runs[2], &runs[1]]);
}

#[test]
fn a_scim_connection_is_shown_with_its_address_its_tokens_and_its_last_request() {
    let gateway = Gateway::start();
    let scim = "[organisation]\nslug = \"acme\"\n\n[[connections]]\nname = \"entra\"\nkind = \"scim\"\n";
    gateway.command(&["apply", &gateway.file("acme.toml", scim)]).expect(0);
    let report = connection(&gateway, &["test", "entra", "--json"]).expect(1).json();
    let none = finding(&report, "client", "no_token");
    assert!(
        none["cure"]
            .as_str()
            .expect("a cure")
            .contains("usher token issue --org acme --connection entra"),
        "{none:#}"
    );
    let issued = gateway
        .command(&["token", "issue", "--org", "acme", "--connection", "entra", "--json"])
        .expect(0)
        .json();
    let report = connection(&gateway, &["test", "entra", "--json"]).expect(0).json();
    let url = finding(&report, "client", "base_url")["text"].as_str().expect("a text");
    assert!(url.ends_with(&format!("{}/scim/acme/v2", gateway.url)), "{url}");
    finding(&report, "client", "no_request");
    let secret = issued["token"].as_str().expect("a token");
    assert!(!report.to_string().contains(secret), "the token is in {report:#}");
}

#[test]
fn an_attribute_that_the_account_may_not_see_is_named_where_the_connection_is_tried_out() {
    let people = "dn: uid=ada,ou=people,dc=example,dc=com\nobjectClass: inetOrgPerson\nuid: ada\ncn: ada\nsn: A\n\
                  mail: ada@example.com\n\n";
    let hide = |text: &str| {
        let hidden = "access to attrs=mail by * none\naccess to * by users read";
        text.replace("access to * by users read", hidden)
    };
    let Some(slapd) = Slapd::start_configured(people, hide) else {
        return;
    };
    let gateway = Gateway::start();
    let password = gateway.file("password", slapd::PASSWORD);
    let text = format!(
        "[organisation]\nslug = \"acme\"\n\n[[connections]]\nname = \"corp\"\nkind = \"ldap\"\n\n[connections.ldap]\n\
         urls = [\"ldaps://{}\"]\nca_file = {:?}\nbind_dn = \"{}\"\nbind_password_file = {password:?}\n\
         users = {{ base = \"ou=people,dc=example,dc=com\", filter = \"(objectClass=inetOrgPerson)\" }}\n",
        slapd.tls_address(),
        slapd.ca_file(),
        slapd::SYNC_DN,
    );
    gateway.command(&["apply", &gateway.file("acme.toml", &text)]).expect(0);
    let report = connection(&gateway, &["test", "corp", "--json"]).expect(0).json();
    let hidden = finding(&report, "users", "not_shown");
    assert_eq!(hidden["verdict"], "advice");
    assert_eq!(
        hidden["text"],
        "no entry of 1 that were looked at shows mail, for emails"
    );
    let shown = connection(&gateway, &["test", "corp"]).expect(0);
    assert!(
        shown.out.contains("let the account read the attribute"),
        "{}",
        shown.out
    );
}
