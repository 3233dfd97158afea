//! kill -9 of the built gateway in the middle of an apply: the next start makes up for the rest by itself, and nothing is done
//! twice or half.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::gateway::{group, people};
use crate::kit::gateway::Gateway;
use crate::kit::slapd::{PASSWORD, SYNC_DN, Slapd};

const PEOPLE: usize = 2_000;
/// How many people are made, or changed, between two kills.
const BETWEEN: usize = 300;
const PATIENCE: Duration = Duration::from_secs(300);

/// The gateway and what its event feed has said so far.
struct Killed {
    gateway: Gateway,
    http: reqwest::Client,
    token: String,
    /// The last event's number.
    last: u64,
    /// How often each kind of event has come, for each subject.
    told: BTreeMap<String, BTreeMap<String, usize>>,
}

impl Killed {
    fn start(slapd: &Slapd) -> Self {
        let gateway = Gateway::start();
        let password = gateway.file("password", &format!("{PASSWORD}\n"));
        let text = format!(
            "[organisation]\nslug = \"acme\"\n\n[[connections]]\nname = \"corporate\"\nkind = \"ldap\"\n\n\
             [connections.brake]\nsuspensions = 5000\nremovals_per_group = 5000\n\n\
             [connections.ldap]\nurls = [\"ldap://{}\"]\nallow_plain = true\nbind_dn = \"{SYNC_DN}\"\n\
             bind_password_file = \"{password}\"\n\n\
             [connections.ldap.users]\nbase = \"ou=people,dc=example,dc=com\"\nfilter = \"(objectClass=inetOrgPerson)\"\n\n\
             [connections.ldap.groups]\nbase = \"ou=groups,dc=example,dc=com\"\nfilter = \"(objectClass=groupOfNames)\"\n",
            slapd.address()
        );
        gateway.command(&["apply", &gateway.file("acme.toml", &text)]).expect(0);
        let token = gateway.bootstrapped("admin_token");
        Self {
            gateway,
            http: reqwest::Client::builder().no_proxy().build().expect("a client"),
            token,
            last: 0,
            told: BTreeMap::new(),
        }
    }

    /// Starts a run and does not wait for it: its answer ends with the gateway.
    fn ask_for_a_run(&self, reading: &str) {
        let url = format!(
            "{}/api/v1/organisations/acme/connections/corporate/sync?dry_run=false&reading={reading}",
            self.gateway.url
        );
        let request = self.http.post(url).bearer_auth(&self.token);
        tokio::spawn(async move {
            if let Ok(answer) = request.send().await {
                let _ = answer.bytes().await;
            }
        });
    }

    /// Reads on in the event feed, which has no gaps whatever was killed.
    async fn listen(&mut self) {
        loop {
            let url = format!(
                "{}/api/v1/organisations/acme/events?after={}&limit=1000",
                self.gateway.url, self.last
            );
            let answer = self
                .http
                .get(url)
                .bearer_auth(&self.token)
                .send()
                .await
                .expect("an answer");
            let body: Value = serde_json::from_slice(&answer.bytes().await.expect("a body")).expect("JSON");
            let events = body["items"].as_array().expect("events");
            if events.is_empty() {
                return;
            }
            for event in events {
                self.last += 1;
                assert_eq!(event["number"], self.last, "the feed has a gap");
                let [kind, subject] = ["kind", "subject"].map(|name| event[name].as_str().expect("a text").to_owned());
                *self.told.entry(kind).or_default().entry(subject).or_default() += 1;
            }
        }
    }

    /// Of how many subjects the feed has told this.
    fn count(&self, kind: &str) -> usize {
        self.told.get(kind).map_or(0, BTreeMap::len)
    }

    /// Listens until the feed has told this of so many.
    async fn wait_for(&mut self, kind: &str, count: usize) {
        let begun = Instant::now();
        while self.count(kind) < count {
            assert!(
                begun.elapsed() < PATIENCE,
                "{} {kind} of {count}: {}",
                self.count(kind),
                self.gateway.read_log()
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
            self.listen().await;
        }
    }

    /// Waits until so many runs have finished.
    async fn wait_for_runs(&mut self, count: usize) {
        let begun = Instant::now();
        let finished = |told: &Self| {
            let told = told.told.get("sync.finished");
            told.map_or(0, |subjects| subjects.values().sum::<usize>())
        };
        while finished(self) < count {
            assert!(
                begun.elapsed() < PATIENCE,
                "no run has finished: {}",
                self.gateway.read_log()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
            self.listen().await;
        }
    }

    /// SIGKILL, a look at what is left, and another start.
    fn kill(&mut self) {
        self.gateway.kill();
        let verified = self.gateway.command(&["verify", "--json"]);
        assert_eq!(verified.code, 0, "{} {}", verified.out, verified.err);
        self.gateway.start_again();
    }

    fn users(&self) -> Vec<Value> {
        let listed = self
            .gateway
            .command(&["user", "list", "--org", "acme", "--json"])
            .expect(0)
            .json();
        listed.as_array().expect("a list").clone()
    }

    fn members(&self, group: &str) -> usize {
        let arguments = ["group", "members", group, "--org", "acme", "--json"];
        let listed = self.gateway.command(&arguments).expect(0).json();
        listed
            .as_array()
            .map_or_else(|| listed["items"].as_array().expect("a list").len(), Vec::len)
    }
}

fn names() -> BTreeSet<String> {
    (0..PEOPLE).map(|number| format!("k{number:04}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_is_killed_in_mid_apply_makes_up_for_the_rest_when_it_is_started_again() {
    let members: Vec<String> = names().iter().map(|name| format!("uid={name},ou=people")).collect();
    let members: Vec<&str> = members.iter().map(String::as_str).collect();
    let ldif = people("k", PEOPLE) + &group("all", &members) + &group("few", &members[..5]);
    let Some(slapd) = Slapd::start(&ldif) else { return };
    let mut killed = Killed::start(&slapd);
    killed.ask_for_a_run("whole");
    // The run that was asked for, and twice the one that nobody asked for.
    for round in 1..=3 {
        killed.wait_for("user.created", round * BETWEEN).await;
        killed.kill();
        let made = killed.users().len();
        assert!(made >= round * BETWEEN, "{made} are there after {round} kills");
        assert_eq!(killed.told.get("sync.finished"), None, "in the middle of the apply");
    }
    killed.wait_for_runs(1).await;
    assert_eq!(names_of(&killed.users()), names());
    assert_eq!((killed.members("all"), killed.members("few")), (PEOPLE, 5));
    let created = &killed.told["user.created"];
    assert_eq!(created.len(), PEOPLE);
    assert!(created.values().all(|times| *times == 1), "nobody is made twice");
    assert_eq!(killed.told["group.created"].len(), 2);

    // The same in a run over what changed.
    let titles = names().into_iter().fold(String::new(), |mut ldif, name| {
        let dn = format!("dn: uid={name},ou=people,dc=example,dc=com");
        write!(ldif, "{dn}\nchangetype: modify\nreplace: title\ntitle: Captain\n\n").expect("text");
        ldif
    });
    slapd.modify(&titles);
    let before = killed.count("user.updated");
    killed.ask_for_a_run("changes");
    killed.wait_for("user.updated", before + BETWEEN).await;
    killed.kill();
    assert_eq!(
        killed.told["sync.finished"].values().sum::<usize>(),
        1,
        "in the middle of the apply"
    );
    killed.wait_for_runs(2).await;
    let users = killed.users();
    let captains = users.iter().filter(|user| user.to_string().contains("Captain")).count();
    assert_eq!((captains, users.len()), (PEOPLE, PEOPLE));
    let updated = &killed.told["user.updated"];
    assert!(updated.values().all(|times| *times == 1), "nothing is done twice");

    let again = killed
        .gateway
        .command(&["sync", "corporate", "--org", "acme", "--json"])
        .expect(0)
        .json();
    assert_eq!(
        (&again["changed"], &again["failures"]),
        (&0.into(), &Value::Array(Vec::new())),
        "{again:#}"
    );
    killed.gateway.command(&["verify"]).expect(0);
}

fn names_of(users: &[Value]) -> BTreeSet<String> {
    users
        .iter()
        .map(|user| user["user_name"].as_str().expect("a name").to_owned())
        .collect()
}
