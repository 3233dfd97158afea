//! Runs over what changed and over who is there against three real servers: each ends where a whole run by a gateway that
//! knows nothing yet ends.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use serde_json::{Value, json};
use usher::provision::reading::Reading;
use usher::provision::run::Outcome;

use super::gateway::Gateway;
use super::histories::outcome;
use crate::kit::real_directory::{RealDirectory, ServerKind, on_real_servers};

/// Rounds of a random history, and changes in one: these servers are slow.
const ROUNDS: usize = 4;
const CHANGES: usize = 3;
/// A member of every group, because some servers want one.
const KEEPER: &str = "keeper";

on_real_servers!(
    every_kind_of_change_arrives_without_reading_everything,
    random_histories_end_where_the_directory_is,
);

/// Everything passes the brake, and `description: hidden` is outside the filter.
fn settings(directory: &RealDirectory) -> Value {
    json!({
        "brake": { "deletions": 1000, "suspensions": 1000, "removals_per_group": 1000 },
        "ldap": {
            "users": {
                "base": directory.people(),
                "filter": format!("(&{}(!(description=hidden)))", directory.user_filter()),
            },
        },
    })
}

async fn start(directory: RealDirectory, names: &[&str]) -> Gateway<RealDirectory> {
    directory.add_people(&[KEEPER]);
    directory.add_people(names);
    let settings = settings(&directory);
    let gateway = Gateway::over(directory).await;
    gateway.connect(settings).await;
    gateway
}

/// Reads what changed. An account of Active Directory that may not see tombstones is not told who is gone, so there who is
/// there is asked as well.
async fn follow(gateway: &Gateway<RealDirectory>, what: &str) {
    let mut readings = vec![Reading::Changes];
    readings.extend((gateway.real().kind() == ServerKind::Samba).then_some(Reading::Presence));
    for reading in readings {
        let report = gateway.read(reading).await;
        assert_eq!(
            (report.outcome, &report.failures[..]),
            (Outcome::Finished, &[][..]),
            "{what}"
        );
        assert_eq!((report.reading, report.why_whole), (reading, None), "{what}");
    }
    let fresh = Gateway::beside(Arc::clone(&gateway.slapd)).await;
    fresh.connect(settings(gateway.real())).await;
    fresh.sync().await;
    assert_eq!(outcome(gateway).await, outcome(&fresh).await, "{what}");
}

async fn every_kind_of_change_arrives_without_reading_everything(directory: RealDirectory) {
    let gateway = start(directory, &["ada", "bob", "cat", "dan", "eve", "fay"]).await;
    let real = gateway.real();
    real.add_group("crew", &[real.dn(KEEPER), real.dn("ada"), real.dn("bob")]);
    gateway.sync().await;
    real.add_people(&["gus"]);
    follow(&gateway, "somebody new").await;
    real.replace(&real.dn("ada"), "title", "Captain");
    follow(&gateway, "a new value").await;
    real.disable("bob");
    follow(&gateway, "an account that is switched off").await;
    real.enable("bob");
    follow(&gateway, "an account that is switched on").await;
    real.add_member("crew", &real.dn("gus"));
    real.remove_member("crew", &real.dn("ada"));
    follow(&gateway, "members").await;
    real.rename(&real.dn("bob"), &real.rdn("zoe"), None);
    follow(&gateway, "another name").await;
    let outside = real.add_unit("outside", real.base());
    real.rename(&real.dn("cat"), &real.rdn("cat"), Some(&outside));
    follow(&gateway, "out of the base").await;
    real.replace(&real.dn("dan"), "description", "hidden");
    follow(&gateway, "out of the filter").await;
    real.replace(&real.dn("dan"), "description", "shown");
    let back = format!("{},{outside}", real.rdn("cat"));
    real.rename(&back, &real.rdn("cat"), Some(&real.people()));
    follow(&gateway, "back again").await;
    real.delete(&real.dn("gus"));
    follow(&gateway, "a member who is deleted").await;
    real.add_group("fleet", &[real.dn("eve"), real.group_dn("crew")]);
    follow(&gateway, "a group with a group inside").await;
    real.delete(&real.group_dn("crew"));
    follow(&gateway, "a group that is deleted").await;
    assert_eq!(
        gateway.sync().await.changed,
        0,
        "a run over everything finds nothing left"
    );
}

/// What the next change needs to know of the directory.
struct History {
    random: StdRng,
    people: BTreeSet<String>,
    outside: BTreeSet<String>,
    groups: BTreeSet<String>,
    unit: String,
    next: usize,
}

impl History {
    fn fresh(&mut self, prefix: &str) -> String {
        self.next += 1;
        format!("{prefix}{}", self.next)
    }

    fn somebody(&mut self) -> Option<String> {
        let all: Vec<&String> = self.people.iter().collect();
        all.choose(&mut self.random).map(ToString::to_string)
    }

    fn some_group(&mut self) -> Option<String> {
        let all: Vec<&String> = self.groups.iter().collect();
        all.choose(&mut self.random).map(ToString::to_string)
    }

    /// One change, and what it was; `None` when there is nobody to change.
    fn change(&mut self, real: &RealDirectory) -> Option<String> {
        let what = self.random.random_range(0..10);
        Some(match what {
            0 => {
                let name = self.fresh("new");
                real.add_people(&[&name]);
                let told = format!("{name} comes");
                self.people.insert(name);
                told
            }
            1 => {
                let name = self.somebody()?;
                real.delete(&real.dn(&name));
                self.people.remove(&name);
                format!("{name} goes")
            }
            2 => {
                let (name, new) = (self.somebody()?, self.fresh("renamed"));
                real.rename(&real.dn(&name), &real.rdn(&new), None);
                self.people.remove(&name);
                self.people.insert(new.clone());
                format!("{name} becomes {new}")
            }
            3 => {
                let name = self.somebody()?;
                real.rename(&real.dn(&name), &real.rdn(&name), Some(&self.unit));
                self.people.remove(&name);
                self.outside.insert(name.clone());
                format!("{name} moves out")
            }
            4 => {
                let name = self.outside.pop_first()?;
                let dn = format!("{},{}", real.rdn(&name), self.unit);
                real.rename(&dn, &real.rdn(&name), Some(&real.people()));
                self.people.insert(name.clone());
                format!("{name} moves in")
            }
            5 | 6 => {
                let (name, title) = (self.somebody()?, self.fresh("Captain "));
                real.replace(&real.dn(&name), "title", &title);
                format!("{name} is {title}")
            }
            7 => {
                let (name, word) = (self.somebody()?, ["hidden", "shown"].choose(&mut self.random)?);
                real.replace(&real.dn(&name), "description", word);
                format!("{name} is {word}")
            }
            8 => {
                let (group, name) = (self.fresh("team"), self.somebody()?);
                real.add_group(&group, &[real.dn(KEEPER), real.dn(&name)]);
                self.groups.insert(group.clone());
                format!("{group} of {name}")
            }
            _ => {
                let group = self.some_group()?;
                real.delete(&real.group_dn(&group));
                self.groups.remove(&group);
                format!("{group} goes")
            }
        })
    }
}

async fn random_histories_end_where_the_directory_is(directory: RealDirectory) {
    let names = ["ada", "bob", "cat", "dan", "eve"];
    let gateway = start(directory, &names).await;
    let real = gateway.real();
    let mut history = History {
        random: StdRng::seed_from_u64(7),
        people: names.map(str::to_owned).into(),
        outside: BTreeSet::new(),
        groups: BTreeSet::new(),
        unit: real.add_unit("outside", real.base()),
        next: 0,
    };
    gateway.sync().await;
    let mut told = Vec::new();
    for _ in 0..ROUNDS {
        for _ in 0..CHANGES {
            told.extend(history.change(real));
        }
        follow(&gateway, &told.join(", ")).await;
    }
    assert_eq!(gateway.sync().await.changed, 0, "{told:?}");
}

/// Where a domain has its groups.
const USERS: &str = "CN=Users,DC=lab,DC=test";

/// Puts a group there, so that no base holds the units of other tests, which come and go. Answers its name.
fn beside_domain_users(real: &RealDirectory, group: &str) -> String {
    let rdn = format!("cn={}", real.login(group));
    real.rename(&real.group_dn(group), &rdn, Some(USERS));
    format!("{rdn},{USERS}")
}

/// Nobody is a `member` of the group that is everybody's primary one (MS-ADTS, attribute primaryGroupID): who came or left is
/// told by the people alone.
#[tokio::test(flavor = "multi_thread")]
async fn the_primary_group_of_a_domain_follows_without_reading_everything() {
    let Some(directory) = RealDirectory::open(ServerKind::Samba) else {
        return;
    };
    directory.add_people(&["ada", "bob", "cat"]);
    directory.add_group("crew", &[directory.dn("ada"), directory.dn("bob")]);
    let crew = beside_domain_users(&directory, "crew");
    let filter = format!(
        "(&(objectClass=group)(|(cn=Domain Users)(sAMAccountName={})))",
        directory.login("crew")
    );
    let groups = json!({ "base": USERS, "filter": filter });
    let mut settings = settings(&directory);
    settings["ldap"]["groups"] = groups;
    let gateway = Gateway::over(directory).await;
    gateway.connect(settings.clone()).await;
    gateway.sync().await;
    let real = gateway.real();
    let follow = async |reading: Reading, what: &str| {
        let report = gateway.read(reading).await;
        assert_eq!(
            (report.outcome, &report.failures[..]),
            (Outcome::Finished, &[][..]),
            "{what}"
        );
        assert_eq!((report.reading, report.why_whole), (reading, None), "{what}");
        let fresh = Gateway::beside(Arc::clone(&gateway.slapd)).await;
        fresh.connect(settings.clone()).await;
        fresh.sync().await;
        assert_eq!(outcome(&gateway).await, outcome(&fresh).await, "{what}");
    };
    real.add_people(&["dan"]);
    follow(Reading::Changes, "somebody new").await;
    assert!(gateway.groups().await["Domain Users"].contains(&real.login("dan")));
    real.rename(&real.dn("bob"), &real.rdn("zoe"), None);
    follow(Reading::Changes, "another name").await;
    real.replace(&real.dn("cat"), "description", "hidden");
    follow(Reading::Changes, "out of the filter").await;
    real.replace(&real.dn("cat"), "description", "shown");
    follow(Reading::Changes, "back again").await;
    real.change(&crew, &format!("delete: member\nmember: {}\n", real.dn("ada")));
    follow(Reading::Changes, "a member of another group").await;
    real.delete(&real.dn("dan"));
    follow(Reading::Presence, "somebody deleted").await;
    // Whoever is in it otherwise still is.
    let users = "CN=Domain Users,CN=Users,DC=lab,DC=test";
    let crew = format!("member\nmember: {crew}\n");
    real.change(users, &format!("add: {crew}"));
    follow(Reading::Changes, "a group inside").await;
    real.change(users, &format!("delete: {crew}"));
    follow(Reading::Changes, "a group that is not inside any more").await;
    gateway.sync().await;
    assert_eq!(
        gateway.sync().await.changed,
        0,
        "a run over everything finds nothing left"
    );
}

/// Somebody's primary group becomes another one: the one lists the person from then on, and the other no longer (MS-SAMR section
/// 3.1.1.8.2). Rules look at both.
#[tokio::test(flavor = "multi_thread")]
async fn another_primary_group_is_followed_with_what_rules_give_for_it() {
    let Some(directory) = RealDirectory::open(ServerKind::Samba) else {
        return;
    };
    directory.add_people(&["ada", "bob", "cat"]);
    directory.add_group("crew", &[directory.dn("ada")]);
    let crew = beside_domain_users(&directory, "crew");
    let filter = format!(
        "(&(objectClass=group)(|(cn=Domain Users)(cn=Domain Guests)(sAMAccountName={})))",
        directory.login("crew")
    );
    let mut settings = settings(&directory);
    settings["ldap"]["groups"] = json!({ "base": USERS, "filter": filter });
    settings["ldap"]["nesting"] = json!("keep");
    settings["grants"] = json!([
        { "when": "'Domain Users' in groups", "roles": ["user"] },
        { "when": "'Domain Guests' in groups", "roles": ["guest"] },
    ]);
    settings["grantable_roles"] = json!(["user", "guest"]);
    let gateway = Gateway::over(directory).await;
    let settle = async |gateway: &Gateway<RealDirectory>| {
        for role in ["user", "guest"] {
            gateway.declare_role(role).await;
        }
        gateway.connect(settings.clone()).await;
        gateway.sync().await;
    };
    settle(&gateway).await;
    let real = gateway.real();
    let roles = async |gateway: &Gateway<RealDirectory>| {
        let users = gateway.users().await.into_iter();
        let roles = users.map(|(name, user)| (name, user.roles.into_keys().map(|key| key.to_string()).collect()));
        roles.collect::<BTreeMap<String, BTreeSet<String>>>()
    };
    let follow = async |what: &str, read: u64| {
        let report = gateway.read(Reading::Changes).await;
        assert_eq!((report.reading, report.why_whole), (Reading::Changes, None), "{what}");
        assert_eq!(report.read.people, read, "{what}");
        let fresh = Gateway::beside(Arc::clone(&gateway.slapd)).await;
        settle(&fresh).await;
        assert_eq!(outcome(&gateway).await, outcome(&fresh).await, "{what}");
        assert_eq!(roles(&gateway).await, roles(&fresh).await, "{what}");
    };
    let has = async |name: &str, expected: [&str; 2]| {
        let expected: BTreeSet<String> = expected
            .map(str::to_owned)
            .into_iter()
            .filter(|role| !role.is_empty())
            .collect();
        assert_eq!(roles(&gateway).await[&real.login(name)], expected);
    };
    has("bob", ["user", ""]).await;
    let guests = "CN=Domain Guests,CN=Users,DC=lab,DC=test";
    real.change(guests, &format!("add: member\nmember: {}\n", real.dn("ada")));
    follow("a member of another group", 1).await;
    has("ada", ["guest", "user"]).await;
    real.replace(&real.dn("ada"), "primaryGroupID", "514");
    follow("another primary group", 1).await;
    real.change(
        "CN=Domain Users,CN=Users,DC=lab,DC=test",
        &format!("delete: member\nmember: {}\n", real.dn("ada")),
    );
    follow("out of the former one", 1).await;
    has("ada", ["guest", ""]).await;
    real.change(guests, &format!("add: member\nmember: {crew}\n"));
    follow("a group inside the new one", 1).await;
    real.change(
        "CN=Domain Users,CN=Users,DC=lab,DC=test",
        &format!("add: member\nmember: {}\n", real.dn("ada")),
    );
    real.replace(&real.dn("ada"), "primaryGroupID", "513");
    follow("back again", 1).await;
    has("ada", ["guest", "user"]).await;
}
