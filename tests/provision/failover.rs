//! Several servers of one directory: which of them is read, and what becomes of a run when one goes away.

use serde_json::json;
use usher::provision::brake::HoldReason;
use usher::provision::history;
use usher::provision::reading::{Reading, WhyWhole};
use usher::provision::run::Outcome;

use super::gateway::{Gateway, group, people};
use crate::kit::faulty_proxy::{FaultyProxy, ProxyFault};
use crate::kit::slapd::Slapd;

const PEOPLE: usize = 25;

fn ldif() -> String {
    people("s", PEOPLE) + &group("crew", &["uid=s0000,ou=people", "uid=s0001,ou=people"])
}

/// Two servers with the same entries under the same ids, the first behind something that can fail.
struct Pair {
    gateway: Gateway,
    proxy: FaultyProxy,
    second: Slapd,
}

impl Pair {
    async fn start() -> Option<Self> {
        let (first, second) = (Slapd::start(&ldif())?, Slapd::start(&ldif())?);
        let proxy = FaultyProxy::start(first.address()).await;
        let gateway = Gateway::over(first).await;
        let pair = Self { gateway, proxy, second };
        pair.connect(json!({})).await;
        Some(pair)
    }

    fn urls(&self) -> [String; 2] {
        [self.proxy.address(), self.second.address()].map(|address| format!("ldap://{address}"))
    }

    async fn connect(&self, brake: serde_json::Value) {
        let ldap = json!({ "urls": self.urls(), "allow_plain": true, "page_size": 10, "entry_timeout_s": 3 });
        self.gateway.connect(json!({ "ldap": ldap, "brake": brake })).await;
    }

    /// The same on both servers.
    fn modify(&self, ldif: &str) {
        self.gateway.slapd.modify(ldif);
        self.second.modify(ldif);
    }
}

/// A title for one of them.
fn title(number: usize, title: &str) -> String {
    let dn = format!("dn: uid=s{number:04},ou=people,dc=example,dc=com");
    format!("{dn}\nchangetype: modify\nreplace: title\ntitle: {title}\n\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_down_is_left_out_and_the_report_names_the_one_that_answered() {
    let Some(mut pair) = Pair::start().await else { return };
    let [first, second] = pair.urls();
    let report = pair.gateway.sync().await;
    assert_eq!(
        (report.server.as_str(), report.changed),
        (first.as_str(), PEOPLE as u64 + 1)
    );

    pair.modify(&title(1, "Captain"));
    pair.proxy.fail(ProxyFault::AnswersTheBindWithGarbage, 1);
    let report = pair.gateway.read(Reading::Changes).await;
    assert_eq!(
        (report.server.as_str(), report.reading),
        (second.as_str(), Reading::Whole)
    );
    assert!(
        matches!(report.why_whole, Some(WhyWhole::Server { .. })),
        "{:?}",
        report.why_whole
    );
    assert_eq!(report.changed, 1);
    assert_eq!(
        pair.gateway.users().await["s0001"].attributes["title"],
        json!("Captain")
    );

    // The marks are now those of the second server, and good there.
    pair.modify(&title(2, "Captain"));
    let report = pair.gateway.read(Reading::Changes).await;
    assert_eq!(
        (report.server.as_str(), report.reading),
        (second.as_str(), Reading::Changes)
    );
    assert_eq!(report.changed, 1);

    // The first comes back, and is asked first again.
    pair.proxy.heal();
    pair.modify(&title(3, "Captain"));
    let report = pair.gateway.read(Reading::Changes).await;
    assert_eq!(
        (report.server.as_str(), report.reading),
        (first.as_str(), Reading::Whole)
    );
    assert_eq!((report.changed, report.failures.len()), (1, 0));
    let connection = "corporate".parse().expect("a slug");
    let kept = history::load(&pair.gateway.directory, pair.gateway.organisation, &connection).await;
    let servers: Vec<_> = kept.expect("a history").into_iter().map(|run| run.server).collect();
    assert_eq!(servers, [&first, &second, &second, &first].map(|url| Some(url.clone())));

    // Neither answers: nothing is changed, and both are named.
    pair.second.kill();
    pair.proxy.fail(ProxyFault::AnswersTheBindWithGarbage, 1);
    let error = pair
        .gateway
        .run(usher::provision::run::RunMode::Apply)
        .await
        .expect_err("no server");
    let text = error.to_string();
    assert!(text.contains(&first) && text.contains(&second), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_in_the_middle_of_a_run_is_replaced_by_the_next_from_the_start() {
    for fault in [
        ProxyFault::ClosesInTheMiddle,
        ProxyFault::ResetsInTheMiddle,
        ProxyFault::HangsInTheMiddle,
        ProxyFault::EndsInTheMiddleBusy,
        ProxyFault::ClosesInTheGroups,
        ProxyFault::GoesAwayInTheGroups,
    ] {
        let Some(pair) = Pair::start().await else { return };
        let [_, second] = pair.urls();
        // The second server is ahead: what is read is all of one server, and not people of one and groups of the other.
        pair.second.modify(
            "dn: cn=crew,ou=groups,dc=example,dc=com\nchangetype: modify\nadd: member\n\
             member: uid=late,ou=people,dc=example,dc=com\n\n\
             dn: uid=late,ou=people,dc=example,dc=com\nchangetype: add\nobjectClass: inetOrgPerson\nuid: late\ncn: late\n\
             sn: Late\n\n",
        );
        pair.proxy.fail(fault, 13);
        let report = pair.gateway.sync().await;
        assert!(pair.proxy.hits() > 0, "{fault:?} came about");
        assert_eq!(
            (report.server.as_str(), report.outcome),
            (second.as_str(), Outcome::Finished),
            "{fault:?}"
        );
        assert_eq!(
            (report.read.people, report.dangling, report.failures.len()),
            (PEOPLE as u64 + 1, 0, 0),
            "{fault:?}"
        );
        let crew = &pair.gateway.groups().await["crew"];
        assert_eq!(crew.iter().collect::<Vec<_>>(), ["late", "s0000", "s0001"], "{fault:?}");
        pair.proxy.heal();
        // Marks of one server are never used at the other.
        let next = pair.gateway.read(Reading::Changes).await;
        assert_eq!(next.reading, Reading::Whole, "{fault:?}: {:?}", next.why_whole);
    }
}

/// At the other server the mark is worth nothing, so everything is read there, under the brake.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_while_changes_are_read_is_replaced_by_the_next_in_the_same_run() {
    for fault in [
        ProxyFault::ClosesInTheMiddle,
        ProxyFault::ResetsInTheMiddle,
        ProxyFault::HangsInTheMiddle,
        ProxyFault::EndsInTheMiddleBusy,
        ProxyFault::ClosesInTheGroups,
        ProxyFault::GoesAwayInTheGroups,
    ] {
        let Some(pair) = Pair::start().await else { return };
        let [first, second] = pair.urls();
        pair.gateway.sync().await;
        let titles: String = (1..5).map(|number| title(number, "Captain")).collect();
        pair.modify(&(titles + "dn: uid=s0009,ou=people,dc=example,dc=com\nchangetype: delete\n\n"));
        pair.proxy.fail(fault, 2);
        let report = pair.gateway.read(Reading::Changes).await;
        assert!(pair.proxy.hits() > 0, "{fault:?} came about");
        assert_eq!(
            (report.server.as_str(), report.outcome, report.reading),
            (second.as_str(), Outcome::Finished, Reading::Whole),
            "{fault:?}"
        );
        assert!(
            matches!(report.why_whole, Some(WhyWhole::Server { .. })),
            "{fault:?}: {:?}",
            report.why_whole
        );
        assert_eq!((report.changed, report.failures.len()), (5, 0), "{fault:?}");
        let users = pair.gateway.users().await;
        assert_eq!(users["s0004"].attributes["title"], json!("Captain"), "{fault:?}");
        assert!(!users["s0009"].is_active(), "{fault:?}");
        // The marks are those of the server that was read.
        pair.modify(&title(7, "Mate"));
        pair.proxy.fail(ProxyFault::AnswersTheBindWithGarbage, 1);
        let next = pair.gateway.read(Reading::Changes).await;
        assert_eq!(
            (next.reading, next.changed),
            (Reading::Changes, 1),
            "{fault:?}: {:?}",
            next.why_whole
        );
        // With nobody left, what happened to the first counts.
        pair.proxy.fail(fault, 2);
        pair.gateway
            .connect(json!({ "ldap": { "urls": [first], "allow_plain": true, "page_size": 10, "entry_timeout_s": 3 } }))
            .await;
        pair.gateway
            .run_reading(usher::provision::run::RunMode::Apply, Reading::Changes)
            .await
            .expect_err("no server");
    }
}

/// Who is there is told by any server.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_while_it_says_who_is_there_is_replaced_by_the_next_in_the_same_run() {
    let Some(pair) = Pair::start().await else { return };
    let [_, second] = pair.urls();
    pair.gateway.sync().await;
    pair.modify("dn: uid=s0009,ou=people,dc=example,dc=com\nchangetype: delete\n\n");
    pair.proxy.fail(ProxyFault::ClosesInTheMiddle, 13);
    let report = pair.gateway.read(Reading::Presence).await;
    assert!(pair.proxy.hits() > 0);
    assert_eq!(
        (report.server.as_str(), report.reading, report.changed),
        (second.as_str(), Reading::Presence, 1)
    );
    assert!(!pair.gateway.users().await["s0009"].is_active());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_misses_people_is_held_by_the_brake_when_it_takes_over() {
    let Some(pair) = Pair::start().await else { return };
    pair.connect(json!({ "suspensions": 3, "percent": 5 })).await;
    pair.gateway.sync().await;
    let model = pair.gateway.model().await;
    let gone = |number: usize| format!("dn: uid=s{number:04},ou=people,dc=example,dc=com\nchangetype: delete\n\n");
    pair.second.modify(&(5..10).map(gone).collect::<String>());
    pair.proxy.fail(ProxyFault::AnswersTheBindWithGarbage, 1);
    let held = pair.gateway.read(Reading::Changes).await;
    assert_eq!((held.outcome, held.reading), (Outcome::Held, Reading::Whole));
    assert!(
        matches!(held.held[..], [HoldReason::Suspensions { count: 5, .. }]),
        "{:?}",
        held.held
    );
    assert_eq!(pair.gateway.model().await, model);
    // The first server knows better, and nothing waits any more.
    pair.proxy.heal();
    let report = pair.gateway.read(Reading::Changes).await;
    assert_eq!((report.outcome, report.changed), (Outcome::Finished, 0));
    assert_eq!(pair.gateway.model().await, model);
}
