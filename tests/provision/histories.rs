//! Random histories of a real directory: whichever way it is read, the model equals the directory in the end.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use serde_json::{Value, json};
use usher::model::user::User;
use usher::provision::reading::Reading;
use usher::provision::run::Outcome::Finished;

use super::gateway::{Gateway, Source, group, people};

const HISTORIES: u64 = 10;
const STEPS: usize = 14;
const CHANGES: usize = 4;

const PEOPLE: &str = "ou=people,dc=example,dc=com";
const OUTSIDE: &str = "ou=service,dc=example,dc=com";
const GROUPS: &str = "ou=groups,dc=example,dc=com";

/// What the directory holds, as far as the next change needs to know.
struct History {
    random: StdRng,
    people: BTreeMap<String, bool>,
    groups: BTreeMap<String, BTreeSet<String>>,
    next: usize,
    ldif: String,
}

impl History {
    fn new(seed: u64) -> Self {
        Self {
            random: StdRng::seed_from_u64(seed),
            people: (0..8).map(|number| (format!("h{number:04}"), true)).collect(),
            groups: BTreeMap::new(),
            next: 0,
            ldif: String::new(),
        }
    }

    fn record(&mut self, dn: &str, lines: &str) {
        write!(self.ldif, "dn: {dn}\n{lines}\n\n").expect("text");
    }

    fn somebody(&mut self) -> Option<(String, bool)> {
        let people: Vec<_> = self.people.iter().map(|(uid, inside)| (uid.clone(), *inside)).collect();
        people.choose(&mut self.random).cloned()
    }

    fn some_group(&mut self) -> Option<String> {
        let groups: Vec<String> = self.groups.keys().cloned().collect();
        groups.choose(&mut self.random).cloned()
    }

    fn dn(&self, uid: &str) -> String {
        let parent = if self.people[uid] { PEOPLE } else { OUTSIDE };
        format!("uid={uid},{parent}")
    }

    fn fresh(&mut self, prefix: &str) -> String {
        self.next += 1;
        format!("{prefix}{}", self.next)
    }

    fn step(&mut self) -> String {
        for _ in 0..self.random.random_range(1..=CHANGES) {
            match self.random.random_range(0..13) {
                0 | 1 => self.join(),
                2 => self.leave(),
                3 => self.rename(),
                4 => self.cross(),
                5 => self.retitle(),
                6 => self.hide(),
                7 | 8 => self.found_group(),
                9 => self.drop_group(),
                10 => self.rename_group(),
                _ => self.change_members(),
            }
        }
        std::mem::take(&mut self.ldif)
    }

    fn join(&mut self) {
        let uid = self.fresh("new");
        self.people.insert(uid.clone(), true);
        let dn = self.dn(&uid);
        self.record(
            &dn,
            &format!("changetype: add\nobjectClass: inetOrgPerson\nuid: {uid}\ncn: {uid}\nsn: Of {uid}"),
        );
    }

    fn leave(&mut self) {
        let Some((uid, _)) = self.somebody() else { return };
        self.record(&self.dn(&uid), "changetype: delete");
        self.people.remove(&uid);
    }

    fn rename(&mut self) {
        let Some((uid, inside)) = self.somebody() else { return };
        let new = self.fresh("renamed");
        self.record(
            &self.dn(&uid),
            &format!("changetype: modrdn\nnewrdn: uid={new}\ndeleteoldrdn: 1"),
        );
        self.people.remove(&uid);
        self.people.insert(new, inside);
    }

    /// Out of the base, or back in.
    fn cross(&mut self) {
        let Some((uid, inside)) = self.somebody() else { return };
        let parent = if inside { OUTSIDE } else { PEOPLE };
        let lines = format!("changetype: modrdn\nnewrdn: uid={uid}\ndeleteoldrdn: 1\nnewsuperior: {parent}");
        self.record(&self.dn(&uid), &lines);
        self.people.insert(uid, !inside);
    }

    fn retitle(&mut self) {
        let Some((uid, _)) = self.somebody() else { return };
        let title = self.fresh("Captain ");
        self.record(
            &self.dn(&uid),
            &format!("changetype: modify\nreplace: title\ntitle: {title}\n-"),
        );
    }

    /// Out of the filter, or back in.
    fn hide(&mut self) {
        let Some((uid, _)) = self.somebody() else { return };
        let word = ["hidden", "shown"].choose(&mut self.random).expect("two words");
        self.record(
            &self.dn(&uid),
            &format!("changetype: modify\nreplace: description\ndescription: {word}\n-"),
        );
    }

    fn found_group(&mut self) {
        let (cn, Some((uid, _))) = (self.fresh("team"), self.somebody()) else {
            return;
        };
        let member = self.dn(&uid);
        let lines = format!(
            "changetype: add\nobjectClass: groupOfNames\ncn: {cn}\nmember: {member}\n\
                             member: cn=placeholder,{OUTSIDE}"
        );
        self.record(&format!("cn={cn},{GROUPS}"), &lines);
        self.groups.insert(cn, BTreeSet::from([member]));
    }

    fn drop_group(&mut self) {
        let Some(cn) = self.some_group() else { return };
        self.record(&format!("cn={cn},{GROUPS}"), "changetype: delete");
        self.groups.remove(&cn);
    }

    fn rename_group(&mut self) {
        let Some(cn) = self.some_group() else { return };
        let new = self.fresh("squad");
        self.record(
            &format!("cn={cn},{GROUPS}"),
            &format!("changetype: modrdn\nnewrdn: cn={new}\ndeleteoldrdn: 1"),
        );
        let members = self.groups.remove(&cn).expect("it is known");
        self.groups.insert(new, members);
    }

    /// People and groups, some of them dangling, some in a cycle. The whole list is replaced, because referential integrity
    /// has changed it behind our back.
    fn change_members(&mut self) {
        let Some(cn) = self.some_group() else { return };
        let mut members = BTreeSet::from([format!("cn=placeholder,{OUTSIDE}")]);
        for _ in 0..self.random.random_range(0..4) {
            match self.random.random_range(0..6) {
                0 => drop(members.insert(format!("uid=nobody{},{PEOPLE}", self.random.random_range(0..3)))),
                1 | 2 => members.extend(self.some_group().map(|other| format!("cn={other},{GROUPS}"))),
                _ => members.extend(self.somebody().map(|(uid, _)| self.dn(&uid))),
            }
        }
        let lines: String = members.iter().map(|member| format!("member: {member}\n")).collect();
        self.record(
            &format!("cn={cn},{GROUPS}"),
            &format!("changetype: modify\nreplace: member\n{lines}-"),
        );
    }
}

/// What a directory is to make of the model.
#[derive(Debug, PartialEq)]
pub(super) struct Outcome {
    people: BTreeMap<String, Value>,
    groups: BTreeMap<String, BTreeSet<String>>,
}

pub(super) async fn outcome<S: Source>(gateway: &Gateway<S>) -> Outcome {
    let active = |user: &User| user.is_active();
    let users = gateway.users().await.into_values().filter(active);
    Outcome {
        people: users
            .map(|user| (user.user_name, Value::Object(user.attributes)))
            .collect(),
        groups: gateway.groups().await,
    }
}

async fn settle(gateway: &Gateway, settings: &Value) {
    gateway.connect(settings.clone()).await;
}

async fn live(seed: u64, nesting: &str) {
    // One group stays: a directory without any group at all would be held by the brake.
    let ldif = people("h", 8) + &group("steady", &["cn=placeholder,ou=service"]);
    let Some(gateway) = Gateway::start(&ldif).await else {
        return;
    };
    let settings = json!({
        "brake": { "deletions": 1000, "suspensions": 1000, "removals_per_group": 1000 },
        "ldap": {
            "nesting": nesting,
            "users": { "base": PEOPLE, "filter": "(&(objectClass=inetOrgPerson)(!(description=hidden)))" },
        },
    });
    settle(&gateway, &settings).await;
    gateway.sync().await;
    let mut history = History::new(seed);
    let mut told = Vec::new();
    for _ in 0..STEPS {
        let ldif = history.step();
        if !ldif.is_empty() {
            gateway.slapd.modify(&ldif);
        }
        let reading = [
            Reading::Changes,
            Reading::Changes,
            Reading::Changes,
            Reading::Presence,
            Reading::Whole,
        ];
        let reading = *reading.choose(&mut history.random).expect("readings");
        let report = gateway.read(reading).await;
        assert_eq!(
            (report.outcome, report.failures.as_slice()),
            (Finished, [].as_slice()),
            "seed {seed}, after\n{ldif}"
        );
        told.push(format!("{ldif}# read: {reading}, whole because {:?}", report.why_whole));
        if reading == Reading::Presence {
            continue;
        }
        let fresh = Gateway::beside(Arc::clone(&gateway.slapd)).await;
        settle(&fresh, &settings).await;
        fresh.sync().await;
        let (found, wanted) = (outcome(&gateway).await, outcome(&fresh).await);
        assert_eq!(
            found,
            wanted,
            "seed {seed}, nesting {nesting}, after\n{}",
            told.join("\n")
        );
    }
    // Who is there says nothing of who is in which group, so the last word has a reading of changes.
    gateway.read(Reading::Changes).await;
    let last = gateway.sync().await;
    assert_eq!(
        last.changed, 0,
        "seed {seed}: a run over everything finds something left: {:?}",
        last.plan
    );
    let (findings, _listening) = tokio::sync::mpsc::channel(1_000);
    let mut report = usher::directory::verify::Report::new(findings);
    let summary = gateway.directory.verify(&mut report).await.expect("a verification");
    assert_eq!(summary.violations, 0, "seed {seed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn any_reading_of_any_history_ends_where_the_directory_is() {
    for seed in 0..HISTORIES {
        live(seed, "flatten").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nested_groups_that_are_kept_end_where_the_directory_is() {
    for seed in 100..100 + HISTORIES {
        live(seed, "keep").await;
    }
}
