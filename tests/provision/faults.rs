//! Whatever a server does wrong, in whichever reading: nothing is changed, and the report says what happened. Or it does no
//! harm, and the run does what an honest server asks for.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use usher::provision::reading::{Reading, WhyWhole};
use usher::provision::run::{Outcome, RunError, RunMode, RunReport};

use super::gateway::{Gateway, group, people};
use crate::kit::faulty_proxy::{FaultyProxy, ProxyFault};
use crate::kit::slapd::Slapd;
use crate::kit::tcp_proxy::{Cut, TcpProxy};

/// Three pages of ten.
const PEOPLE: usize = 25;
/// How long any run may take: the longest fault waits for `entry_timeout_s`.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a fault ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// With an error or a held plan, and nothing changed.
    Stops,
    /// As if nothing had been wrong.
    DoesNoHarm,
    /// With a run over everything, which is right, and a report that says why.
    ReadsEverything,
    /// It cannot come about in this reading.
    Absent,
}

fn ending(fault: ProxyFault, reading: Reading) -> Ending {
    use ProxyFault::{
        CallsPeopleGone, Drips, ForgetsTheCookie, GivesACookieOfLongAgo, GivesACookieOfTheFuture, GivesAGarbageCookie,
        GivesAnEmptyCookie, GivesAnUnknownState, GivesNoCookie, GivesShortIds, GivesWrongIds, IsSlow,
        LiesAboutThePhase, RefusesTheCookie, RepeatsAnEntry, SendsGarbageAboutTheSynchronisation, SendsReferences,
        SpellsTheSyncStateWrongly, TellsEverythingTwice,
    };
    let in_a_synchronisation = match fault {
        Drips | IsSlow | RepeatsAnEntry | SendsReferences => return Ending::DoesNoHarm,
        GivesAnUnknownState | GivesShortIds | SendsGarbageAboutTheSynchronisation | SpellsTheSyncStateWrongly => {
            Ending::Stops
        }
        CallsPeopleGone | GivesACookieOfTheFuture | GivesNoCookie | LiesAboutThePhase | TellsEverythingTwice => {
            Ending::DoesNoHarm
        }
        ForgetsTheCookie
        | GivesACookieOfLongAgo
        | GivesAGarbageCookie
        | GivesAnEmptyCookie
        | GivesWrongIds
        | RefusesTheCookie => Ending::ReadsEverything,
        _ => return Ending::Stops,
    };
    match reading {
        Reading::Changes => in_a_synchronisation,
        Reading::Whole | Reading::Presence | Reading::Failures => Ending::Absent,
    }
}

/// Where "the middle" is: in the second page, and where an entry more is not one too many for its page in the last. What
/// changed are two people.
const fn middle(fault: ProxyFault, reading: Reading) -> u32 {
    match (reading, fault) {
        (Reading::Changes, _) => 2,
        (_, ProxyFault::RepeatsAnEntry) => 22,
        _ => 13,
    }
}

async fn attempt(gateway: &Gateway, reading: Reading) -> Result<RunReport, RunError> {
    let run = gateway.run_reading(RunMode::Apply, reading);
    tokio::time::timeout(PATIENCE, run)
        .await
        .expect("an end within a minute")
}

/// One sentence that says which connection, and nothing of how we are made.
fn assert_clear(error: &RunError, what: &str) {
    let text = error.to_string();
    assert!(text.starts_with("connection corporate: "), "{what}: {text}");
    let is_sentence = !text.contains('\n') && !text.ends_with('.') && text.len() < 500;
    assert!(is_sentence && !text.contains("panic"), "{what}: {text}");
}

/// A change of somebody, somebody new, and a member, told apart by a number.
fn news(number: usize) -> String {
    format!(
        "dn: uid=b0001,ou=people,dc=example,dc=com\nchangetype: modify\nreplace: title\ntitle: Captain {number}\n\n\
         dn: uid=new{number},ou=people,dc=example,dc=com\nchangetype: add\nobjectClass: inetOrgPerson\nuid: new{number}\n\
         cn: new{number}\nsn: New\n\n\
         dn: uid=new{number},ou=people,dc=example,dc=com\nchangetype: modify\nadd: title\ntitle: Cadet\n\n\
         dn: cn=crew,ou=groups,dc=example,dc=com\nchangetype: modify\nadd: member\n\
         member: uid=new{number},ou=people,dc=example,dc=com\n\n"
    )
}

/// Takes the news back, so that every fault meets three pages.
fn old_news(number: usize) -> String {
    format!("dn: uid=new{number},ou=people,dc=example,dc=com\nchangetype: delete\n\n")
}

fn through(address: SocketAddr, number: usize) -> Value {
    json!({
        "ldap": {
            "urls": [format!("ldap://{address}")], "allow_plain": true, "page_size": 10, "entry_timeout_s": 3,
            "run_timeout_s": 1_000 + number,
        },
    })
}

async fn start() -> Option<Gateway> {
    let members: Vec<String> = (0..3).map(|number| format!("uid=b{number:04},ou=people")).collect();
    let members: Vec<&str> = members.iter().map(String::as_str).collect();
    let ldif = people("b", PEOPLE) + &group("crew", &members);
    Gateway::start(&ldif).await
}

async fn every_fault_in(reading: Reading) {
    let Some(gateway) = start().await else { return };
    let proxy = FaultyProxy::start(gateway.slapd.address()).await;
    gateway.connect(through(proxy.address(), 0)).await;
    gateway.sync().await;
    assert_eq!(proxy.people(), PEOPLE);
    for (number, fault) in ProxyFault::ALL.iter().copied().enumerate() {
        let (what, ending) = (format!("{fault:?} in {reading}"), ending(fault, reading));
        if ending == Ending::Absent {
            continue;
        }
        // Other settings make the next run take its marks anew: those of a whole run under a fault may be time stamps.
        gateway.connect(through(proxy.address(), number + 1)).await;
        gateway.sync().await;
        gateway.slapd.modify(&news(number));
        let before = (gateway.model().await, gateway.cursor().await);
        proxy.fail(fault, middle(fault, reading));
        let outcome = attempt(&gateway, reading).await;
        assert!(proxy.hits() > 0, "{what} did not come about: {outcome:?}");
        proxy.heal();
        let users = gateway.users().await;
        let is_lost = |number: usize| !users[&format!("b{number:04}")].is_active();
        assert!(!(0..PEOPLE).any(is_lost), "{what}: nobody is lost");
        match (ending, outcome) {
            (Ending::DoesNoHarm, Ok(report)) => assert_eq!(report.outcome, Outcome::Finished, "{what}"),
            (Ending::Stops, Err(error)) => {
                assert_clear(&error, &what);
                assert_eq!((gateway.model().await, gateway.cursor().await), before, "{what}");
            }
            (Ending::Stops, Ok(report)) => {
                assert_eq!(report.outcome, Outcome::Held, "{what}: {:?}", report.plan);
                assert_ne!(report.held, [], "{what} says why");
                assert_eq!((gateway.model().await, gateway.cursor().await), before, "{what}");
            }
            (Ending::ReadsEverything, Ok(report)) => {
                assert_eq!(
                    (report.outcome, report.reading),
                    (Outcome::Finished, Reading::Whole),
                    "{what}"
                );
                assert!(
                    matches!(report.why_whole, Some(WhyWhole::Server { .. })),
                    "{what}: {report:?}"
                );
            }
            (_, outcome) => panic!("{what}: {outcome:?}"),
        }
        // The same again from an honest server: nothing is missed, and nothing stands in the way.
        let report = attempt(&gateway, reading).await.expect("a good run");
        assert_eq!(
            (report.outcome, report.failures.len()),
            (Outcome::Finished, 0),
            "after {what}"
        );
        let users = gateway.users().await;
        assert!(users[&format!("new{number}")].is_active(), "after {what}");
        if reading != Reading::Presence {
            assert_eq!(
                users["b0001"].attributes["title"],
                json!(format!("Captain {number}")),
                "after {what}"
            );
        }
        gateway.slapd.modify(&old_news(number));
        attempt(&gateway, reading).await.expect("a good run");
    }
    gateway.sync().await;
    let names: BTreeSet<String> = (0..PEOPLE).map(|number| format!("b{number:04}")).collect();
    let users = gateway.users().await;
    let active = users.iter().filter(|(_, user)| user.is_active());
    assert_eq!(active.map(|(name, _)| name.clone()).collect::<BTreeSet<_>>(), names);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_fault_changes_anything_in_a_run_over_everything() {
    every_fault_in(Reading::Whole).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_fault_changes_anything_in_a_run_over_what_changed() {
    every_fault_in(Reading::Changes).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_fault_changes_anything_in_a_run_over_who_is_there() {
    every_fault_in(Reading::Presence).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_that_drip_for_longer_than_a_run_may_take_change_nothing() {
    let Some(gateway) = start().await else { return };
    let proxy = FaultyProxy::start(gateway.slapd.address()).await;
    gateway.connect(through(proxy.address(), 0)).await;
    gateway.sync().await;
    gateway.slapd.modify(&news(0));
    let before = (gateway.model().await, gateway.cursor().await);
    // Each of them comes in good time, and all of them together do not.
    let mut impatient = through(proxy.address(), 0);
    impatient["ldap"]["entry_timeout_s"] = json!(1);
    impatient["ldap"]["run_timeout_s"] = json!(1);
    gateway.connect(impatient).await;
    proxy.fail(ProxyFault::Drips, 1);
    for reading in [Reading::Whole, Reading::Presence] {
        let error = attempt(&gateway, reading).await.expect_err("a run without an end");
        assert_clear(&error, reading.as_str());
        assert!(error.to_string().contains("took more than 1 s"), "{error}");
        assert_eq!((gateway.model().await, gateway.cursor().await), before, "{reading}");
    }
    proxy.heal();
    let report = attempt(&gateway, Reading::Whole).await.expect("a good run");
    assert_eq!((report.outcome, report.failures.len()), (Outcome::Finished, 0));
}

/// Passes the first connection on to one server and all others to another.
async fn switching(first: SocketAddr, then: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let address = listener.local_addr().expect("its address");
    tokio::spawn(async move {
        let mut target = first;
        while let Ok((mut client, _)) = listener.accept().await {
            let mut server = TcpStream::connect(std::mem::replace(&mut target, then))
                .await
                .expect("a server");
            // Whichever side ends it, it is over.
            tokio::spawn(async move { drop(tokio::io::copy_bidirectional(&mut client, &mut server).await) });
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn another_certificate_in_the_middle_of_a_run_changes_nothing() {
    let Some(gateway) = start().await else { return };
    gateway.sync().await;
    gateway.slapd.modify(&news(0));
    let before = (gateway.model().await, gateway.cursor().await);
    // The same people under a certificate of another authority.
    let Some(other) = Slapd::start(&people("b", PEOPLE)) else {
        return;
    };
    let address = switching(gateway.slapd.tls_address(), other.tls_address()).await;
    gateway
        .connect(json!({ "ldap": { "urls": [format!("ldaps://{address}")] } }))
        .await;
    let error = attempt(&gateway, Reading::Whole).await.expect_err("a stranger");
    assert_clear(&error, "another certificate");
    assert!(error.to_string().contains("certificate"), "{error}");
    assert_eq!((gateway.model().await, gateway.cursor().await), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_that_breaks_at_any_byte_changes_nothing() {
    let Some(gateway) = start().await else { return };
    gateway.sync().await;
    gateway.slapd.modify(&news(0));
    let before = gateway.model().await;
    for cut in [200, 1_500, 2_400, 3_500, 5_000] {
        for cut in [Cut::CloseAfter(cut), Cut::ResetAfter(cut)] {
            let target = gateway.slapd.tls_address();
            let proxy = TcpProxy::start([127, 0, 0, 1].into(), target, cut).await;
            gateway
                .connect(json!({ "ldap": { "urls": [format!("ldaps://{}", proxy.address())] } }))
                .await;
            let error = attempt(&gateway, Reading::Whole).await.expect_err("a lost connection");
            assert_clear(&error, &format!("{cut:?}"));
            assert_eq!(gateway.model().await, before, "{cut:?}");
        }
    }
}
