//! Random histories of a real directory: whichever way it is read, the model equals the directory in the end.
//!
//! After each step the gateway that lived through the history is compared with one that knows nothing and reads everything,
//! as far as the reading promises; in the end, all of it.

mod history;
mod state;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rand::Rng as _;
use rand::seq::IndexedRandom as _;
use serde_json::{Value, json};
use usher::directory::keys;
use usher::model::user::User;
use usher::provision::failure::Kind;
use usher::provision::reading::Reading;
use usher::provision::run::Outcome::Finished;
use usher::provision::run::RunReport;
use usher::store::{Batch, Key, Store as _};

use self::history::{GROUPS, History, PEOPLE, beginning};
use self::state::{State, differences, kinds};
use super::gateway::{Gateway, Source};
use crate::kit::slapd::{Integrity, Slapd, Synchronisation};

const HISTORIES: u64 = 6;
const STEPS: usize = 12;
/// What a reading by time stamps goes back behind the last one.
const OVERLAP_SECONDS: i64 = 5;

/// What the rules of a history look at.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Rules {
    Absent,
    People,
    Groups,
}

/// How a history is read, which differs from seed to seed.
#[derive(Clone, Copy, Debug)]
struct Variant {
    synchronisation: Synchronisation,
    integrity: Integrity,
    nesting: &'static str,
    rules: Rules,
    /// What happens when no seat is free.
    when_full: &'static str,
    /// Whether the directory says by an attribute of its own that somebody is off.
    maps_active: bool,
    /// Whether names are used again, in which case those who are gone are deleted at once.
    uses_names_again: bool,
}

impl Variant {
    fn of(synchronisation: Synchronisation, seed: u64) -> Self {
        let pick = |place: u32| seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(place * 7) >> 32;
        let integrities = [Integrity::KeptAtOnce, Integrity::NotKept];
        Self {
            synchronisation,
            integrity: integrities[seed as usize % 2],
            nesting: ["flatten", "keep"][(seed / 2) as usize % 2],
            rules: [Rules::Absent, Rules::People, Rules::Groups][seed as usize % 3],
            when_full: ["wait", "refuse"][(pick(1) % 2) as usize],
            maps_active: pick(2).is_multiple_of(2),
            uses_names_again: pick(3).is_multiple_of(2),
        }
    }

    fn settings(self) -> Value {
        let grants = match self.rules {
            Rules::Absent => json!([]),
            Rules::People => json!([
                { "when": "'lead' in source.employeeType", "roles": ["editor"], "teams": ["Leads"], "exclusive": true,
                  "set": "rank", "priority": 10 },
                { "when": "true", "roles": ["reader"], "teams": ["Everyone"], "exclusive": true, "set": "rank",
                  "priority": 20 },
                { "when": "'paid' in source.employeeType", "licences": ["pro"] },
            ]),
            Rules::Groups => json!([
                { "when": "groups.exists(g, g.startsWith('team'))", "roles": ["editor"], "teams": ["Editors"],
                  "licences": ["pro"], "exclusive": true, "set": "rank", "priority": 10 },
                { "when": "'steady' in groups", "roles": ["reader"], "teams": ["Readers"], "exclusive": true,
                  "set": "rank", "priority": 20 },
            ]),
        };
        let attribute = |to: &str, from: &str| json!({ "to": to, "from": from });
        let mapping = match self.maps_active {
            false => json!([]),
            true => json!([
                attribute("userName", "uid"), attribute("name.familyName", "sn"), attribute("displayName", "cn"),
                attribute("title", "title"), attribute("emails", "mail"),
                { "to": "active", "expression": "!('off' in source.employeeType)" },
            ]),
        };
        let days = if self.uses_names_again { json!(0) } else { Value::Null };
        let brake = json!({
            "deletions": 1000, "suspensions": 1000, "removals_per_group": 1000, "id_changes": 1000, "renames": 1000,
            "drop_percent": 100,
        });
        json!({
            "brake": brake,
            "leavers": { "suspend_after_runs": 1, "delete_after_days": days },
            "grants": grants,
            "grantable_roles": ["reader", "editor"],
            "mapping": mapping,
            "ldap": {
                "nesting": self.nesting,
                "users": { "base": PEOPLE, "filter": "(&(objectClass=inetOrgPerson)(!(description=hidden)))" },
                "groups": { "base": GROUPS, "filter": "(&(objectClass=groupOfNames)(!(description=hidden)))" },
            },
        })
    }

    /// Whether what a reading says is all that there is to say. Time stamps do not tell who is gone.
    fn sees_everything(self, report: &RunReport) -> bool {
        match report.reading {
            Reading::Whole => true,
            Reading::Changes => self.synchronisation != Synchronisation::Absent,
            Reading::Presence | Reading::Failures => false,
        }
    }
}

/// A gateway in the midst of a history.
struct Live {
    gateway: Gateway,
    variant: Variant,
    /// Seats of the licence; `None` for as many as wanted.
    seats: Option<u32>,
    /// The highest time stamps at the last reading of changes, where the server has nothing better.
    stamps: Option<BTreeMap<&'static str, i64>>,
    /// What happened so far, for whom it fails.
    told: String,
}

impl Live {
    async fn start(variant: Variant) -> Option<Self> {
        let slapd = Slapd::start_as(&beginning(), variant.synchronisation, variant.integrity)?;
        let live = Self {
            gateway: Gateway::over(slapd).await,
            variant,
            seats: None,
            stamps: None,
            told: format!("{variant:?}\n"),
        };
        live.settle(&live.gateway).await;
        live.gateway.sync().await;
        Some(live)
    }

    async fn settle(&self, gateway: &Gateway) {
        for role in ["reader", "editor"] {
            gateway.declare_role(role).await;
        }
        self.declare_seats(gateway).await;
        gateway.connect(self.variant.settings()).await;
    }

    async fn declare_seats(&self, gateway: &Gateway) {
        let (limit, when_full) = (self.seats, self.variant.when_full);
        gateway
            .declare_licence(json!({ "key": "pro", "name": "Pro", "limit": limit, "when_full": when_full }))
            .await;
    }

    /// Reads the directory, which may leave out only what it must.
    async fn read(&mut self, reading: Reading) -> RunReport {
        self.forget_the_overlap().await;
        let report = self.gateway.read(reading).await;
        self.told += &format!("# read: {reading}, whole because {:?}\n", report.why_whole);
        assert_eq!(report.outcome, Finished, "{}", self.told);
        let mut allowed: BTreeSet<(Kind, &str)> = BTreeSet::new();
        if self.variant.uses_names_again {
            allowed.extend([
                (Kind::User, "taken"),
                (Kind::Group, "taken"),
                (Kind::Group, "members_missing"),
            ]);
        }
        if self.seats.is_some() && self.variant.when_full == "refuse" {
            allowed.extend([(Kind::User, "no_seat"), (Kind::Group, "members_missing")]);
        }
        for (kind, reason) in kinds(&report.failures) {
            let is_allowed = allowed.contains(&(kind, reason.as_str()));
            assert!(is_allowed, "{:?} after\n{}", report.failures, self.told);
        }
        report
    }

    /// Makes time stamps tell as little as they do when readings are minutes apart: the seconds that a reading goes back
    /// are taken from its mark. The mark is that of a gateway which has just read everything, because the forged one is
    /// ahead of the directory.
    async fn forget_the_overlap(&self) {
        let (key, stored) = stored_cursors(&self.gateway).await;
        let (Some(mut cursors), Some(highest)) = (stored, &self.stamps) else {
            return;
        };
        for (part, highest) in highest {
            if let Some(place) = cursors.pointer_mut(&format!("/{part}/mark/ModifyTimestamp/highest")) {
                *place = json!(highest + OVERLAP_SECONDS);
            }
        }
        let mut batch = Batch::new();
        batch.put(key, cursors.to_string());
        self.gateway.store.commit(batch).await.expect("a commit");
    }

    /// A gateway that knows nothing and reads everything, and the time stamps that its marks have.
    async fn fresh(&self) -> (State, BTreeMap<&'static str, i64>) {
        let fresh = Gateway::beside(Arc::clone(&self.gateway.slapd)).await;
        self.settle(&fresh).await;
        fresh.sync().await;
        let cursors = stored_cursors(&fresh).await.1.unwrap_or_default();
        let highest = |part: &'static str| {
            let highest = cursors.pointer(&format!("/{part}/mark/ModifyTimestamp/highest"))?;
            Some((part, highest.as_i64()?))
        };
        let stamps = ["users", "groups"].into_iter().filter_map(highest).collect();
        (State::of(&fresh).await, stamps)
    }

    /// Compares as far as the last reading promises.
    async fn compare(&mut self, report: &RunReport) {
        let (wanted, stamps) = self.fresh().await;
        let found = State::of(&self.gateway).await;
        if report.reading != Reading::Presence {
            self.stamps = Some(stamps);
        }
        let failing: BTreeSet<String> = found.failing.union(&wanted.failing).cloned().collect();
        let told = &self.told;
        if report.reading == Reading::Presence {
            let mut there = wanted.only(&wanted, &failing).people;
            there.retain(|id, _| !found.people.contains_key(id));
            assert_eq!(there, BTreeMap::new(), "nobody is missed after\n{told}");
        }
        if report.reading == Reading::Presence || self.variant.sees_everything(report) {
            let active = found.active().into_iter();
            let gone: Vec<_> = active
                .filter(|id| !wanted.people.contains_key(*id) && !failing.contains(*id))
                .collect();
            assert!(
                gone.iter().all(|id| id.starts_with("team ")),
                "{gone:?} are gone after\n{told}"
            );
        }
        if report.reading == Reading::Presence {
            return;
        }
        let (held, claimed) = found.seats();
        let is_short = self.seats.is_some_and(|seats| claimed > seats as usize);
        if is_short && self.variant.when_full == "wait" {
            assert!(
                held >= self.seats.unwrap_or_default() as usize,
                "{held} of {claimed} after\n{told}"
            );
        }
        let (mut one, mut other) = (found.only(&wanted, &failing), wanted.only(&wanted, &failing));
        if is_short {
            (one, other) = (one.without_seats(), other.without_seats());
        }
        // A group that is gone unseen still gives what the rules say.
        if !self.variant.sees_everything(report) && self.variant.rules == Rules::Groups {
            (one, other) = (one.without_grants(), other.without_grants());
        }
        assert_alike(&one, &other, told);
        if !self.variant.sees_everything(report) {
            return;
        }
        // Who is gone is in no group of the directory, and nobody is in groups that are gone, until they are deleted.
        let nobody = BTreeMap::new();
        for (group, members) in found
            .members
            .iter()
            .filter(|(id, _)| !id.starts_with("team ") && !failing.contains(*id))
        {
            let wanted = wanted.members.get(group).unwrap_or(&nobody);
            let more = members
                .keys()
                .filter(|id| !wanted.contains_key(*id) && !failing.contains(*id));
            assert_eq!(
                more.collect::<Vec<_>>(),
                Vec::<&String>::new(),
                "in {group} after\n{told}"
            );
        }
    }

    /// One step of the history and one reading of it.
    async fn live(&mut self, history: &mut History) -> RunReport {
        let ldif = history.step();
        if !ldif.is_empty() {
            self.gateway.slapd.modify(&ldif);
            self.told += &ldif;
        }
        if self.variant.rules != Rules::Absent && history.random.random_range(0..3) == 0 {
            self.seats = [Some(0), Some(1), Some(3), None]
                .choose(&mut history.random)
                .copied()
                .flatten();
            self.declare_seats(&self.gateway).await;
            self.told += &format!("# seats: {:?}\n", self.seats);
        }
        let (changes, presence, whole) = (Reading::Changes, Reading::Presence, Reading::Whole);
        let readings = [changes, changes, changes, presence, whole];
        let reading = *readings.choose(&mut history.random).expect("readings");
        let report = self.read(reading).await;
        self.compare(&report).await;
        report
    }

    /// Whatever was read last, what the schedules would bring next leaves nothing open.
    async fn end(&mut self, last: Reading) {
        self.seats = None;
        self.declare_seats(&self.gateway).await;
        self.told += "# the end\n";
        // Who is there says nothing of who is in which group. Those without a seat are tried again by any reading.
        let mut report = self.read(Reading::Changes).await;
        if self.variant.synchronisation == Synchronisation::Absent && last != Reading::Whole {
            self.read(Reading::Presence).await;
            // Together they have told everything.
            report.reading = Reading::Whole;
        }
        self.compare(&report).await;
        if self.variant.uses_names_again {
            // One run deletes those who are gone, and the next gives their names to others, whom groups then name.
            for _ in 0..3 {
                self.read(Reading::Whole).await;
            }
            let (found, wanted) = (State::of(&self.gateway).await, self.fresh().await.0);
            assert_alike(&found, &wanted, &self.told);
            assert!(found.failing.is_empty(), "{:?} after\n{}", found.failing, self.told);
        }
        let last = self.read(Reading::Whole).await;
        assert_eq!(
            (last.changed, last.failures.len()),
            (0, 0),
            "{:?} is left after\n{}",
            last.plan,
            self.told
        );
        let (findings, _listening) = tokio::sync::mpsc::channel(1_000);
        let mut report = usher::directory::verify::Report::new(findings);
        let summary = self
            .gateway
            .directory
            .verify(&mut report)
            .await
            .expect("a verification");
        assert_eq!(summary.violations, 0, "{}", self.told);
    }
}

#[track_caller]
fn assert_alike(found: &State, wanted: &State, told: &str) {
    let none = Vec::<String>::new();
    assert_eq!(differences(&found.people, &wanted.people), none, "people after\n{told}");
    assert_eq!(differences(&found.groups, &wanted.groups), none, "groups after\n{told}");
    assert_eq!(
        differences(&found.members, &wanted.members),
        none,
        "members after\n{told}"
    );
}

/// Where the last reading of changes ended, as it is stored.
async fn stored_cursors(gateway: &Gateway) -> (Key, Option<Value>) {
    let key = keys::run(gateway.organisation, &"corporate".parse().expect("a slug"), "cursor");
    let stored = gateway.cursor().await;
    (key, stored.map(|bytes| serde_json::from_slice(&bytes).expect("JSON")))
}

async fn histories(synchronisation: Synchronisation, first: u64) {
    let setting = std::env::var("USHER_HISTORIES").ok();
    let count = setting.map_or(HISTORIES, |text| text.parse().expect("a number"));
    for seed in first..first + count {
        let variant = Variant::of(synchronisation, seed);
        let Some(mut live) = Live::start(variant).await else {
            return;
        };
        live.told = format!("seed {seed}, {variant:?}\n");
        let mut history = History::new(seed, variant.uses_names_again);
        let mut last = Reading::Whole;
        for _ in 0..STEPS {
            last = live.live(&mut history).await.reading;
        }
        live.end(last).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn any_reading_of_a_server_that_remembers_what_was_deleted_ends_where_the_directory_is() {
    histories(Synchronisation::WithSessionLog, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn any_reading_of_a_server_that_says_who_is_still_there_ends_where_the_directory_is() {
    histories(Synchronisation::WithoutSessionLog, 1000).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn any_reading_of_a_server_that_has_only_time_stamps_ends_where_the_directory_is() {
    histories(Synchronisation::Absent, 2000).await;
}

/// What a directory is to make of the model, by names.
#[derive(Debug, PartialEq)]
pub(super) struct Named {
    people: BTreeMap<String, Value>,
    groups: BTreeMap<String, BTreeSet<String>>,
}

pub(super) async fn outcome<S: Source>(gateway: &Gateway<S>) -> Named {
    let active = |user: &User| user.is_active();
    let users = gateway.users().await.into_values().filter(active);
    Named {
        people: users
            .map(|user| (user.user_name, Value::Object(user.attributes)))
            .collect(),
        groups: gateway.groups().await,
    }
}
