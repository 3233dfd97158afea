//! A run that is broken off leaves whole entries behind it, and the next one goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use serde_json::json;
use usher::directory::Directory;
use usher::provision::check;
use usher::provision::progress::{Progress, silent};
use usher::provision::reading::Reading;
use usher::provision::run::{RunError, RunMode, SyncRun};
use usher::store::memory::MemoryStore;
use usher::store::observed::Observed;
use usher::store::{Batch, Committed, Found, Health, Read, Scrub, Store, StoreError};

use super::gateway::{Gateway, group, people};

/// A store that stops answering commits after so many.
struct Failing {
    engine: Arc<Observed<MemoryStore>>,
    commits_left: AtomicI64,
}

#[async_trait]
impl Store for Failing {
    fn engine(&self) -> &'static str {
        "failing"
    }

    async fn read(&self, reads: Vec<Read>) -> Result<Vec<Found>, StoreError> {
        self.engine.read(reads).await
    }

    async fn commit(&self, batch: Batch) -> Result<Committed, StoreError> {
        if self.commits_left.fetch_sub(1, Ordering::Relaxed) > 0 {
            return self.engine.commit(batch).await;
        }
        let (engine, reason) = ("failing", "the disk is gone".to_owned());
        Err(StoreError::Unavailable { engine, reason })
    }

    fn health(&self) -> Health {
        self.engine.health()
    }

    async fn scrub(&self) -> Result<Scrub, StoreError> {
        self.engine.scrub().await
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.engine.close().await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_loses_its_store_is_finished_by_the_next() {
    let names: Vec<String> = (0..300).map(|number| format!("uid=i{number:04},ou=people")).collect();
    let members: Vec<&str> = names.iter().map(String::as_str).collect();
    let Some(gateway) = Gateway::start(&(people("i", 300) + &group("all", &members))).await else {
        return;
    };
    let connection = "corporate".parse().expect("a slug");
    let mut changed = 0;
    for commits in [50, 150, 105] {
        let failing = Failing {
            engine: gateway.store.clone(),
            commits_left: AtomicI64::new(commits),
        };
        let directory = Directory::new(Arc::new(failing), gateway.clock.clone());
        let run = SyncRun::execute(
            &directory,
            gateway.organisation,
            &connection,
            RunMode::Apply,
            Reading::Whole,
            silent(),
        );
        let error = run.await.expect_err("a lost store");
        assert!(matches!(error, RunError::Interrupted(_)), "{error}");
        // The lease of the lost run could not be given back.
        gateway.clock.advance_days(1);
        let users = gateway.users().await;
        assert!(users.len() > changed && users.values().all(|user| user.external_ids.len() == 1));
        changed = users.len();
    }
    let last = gateway.sync().await;
    assert_eq!(last.failures, []);
    assert_eq!(
        (gateway.users().await.len(), gateway.groups().await["all"].len()),
        (300, 300)
    );
    assert_eq!(gateway.sync().await.changed, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_over_what_changed_that_loses_its_store_reads_the_same_changes_again() {
    let Some(gateway) = Gateway::start(&(people("i", 60) + &group("all", &["uid=i0000,ou=people"]))).await else {
        return;
    };
    gateway.sync().await;
    let before = gateway.cursor().await;
    let titles = (0..40).map(|number| {
        format!(
            "dn: uid=i{number:04},ou=people,dc=example,dc=com\nchangetype: modify\nreplace: title\ntitle: Captain\n\n"
        )
    });
    let members: String = (1..30)
        .map(|number| format!("member: uid=i{number:04},ou=people,dc=example,dc=com\n"))
        .collect();
    let group = format!("dn: cn=all,ou=groups,dc=example,dc=com\nchangetype: modify\nadd: member\n{members}\n");
    gateway.slapd.modify(&(titles.collect::<String>() + &group));
    let connection = "corporate".parse().expect("a slug");
    let captains = async || {
        let users = gateway.users().await;
        users
            .values()
            .filter(|user| user.attributes.get("title") == Some(&json!("Captain")))
            .count()
    };
    let mut done = 0;
    // In the middle of the people twice, then in the group and what follows it.
    for commits in [10, 15, 20] {
        let failing = Failing {
            engine: gateway.store.clone(),
            commits_left: AtomicI64::new(commits),
        };
        let directory = Directory::new(Arc::new(failing), gateway.clock.clone());
        let (mode, reading) = (RunMode::Apply, Reading::Changes);
        let run = SyncRun::execute(&directory, gateway.organisation, &connection, mode, reading, silent());
        let error = run.await.expect_err("a lost store");
        assert!(matches!(error, RunError::Interrupted(_)), "{error}");
        assert_eq!(gateway.cursor().await, before, "what was not done is read again");
        let captains = captains().await;
        assert!(captains > done, "{captains} after {commits} commits");
        done = captains;
        gateway.clock.advance_days(1);
    }
    let last = gateway.read(Reading::Changes).await;
    assert_eq!(
        (last.reading, &last.why_whole, &last.failures[..]),
        (Reading::Changes, &None, &[][..])
    );
    assert_ne!(gateway.cursor().await, before);
    assert_eq!((captains().await, gateway.groups().await["all"].len()), (40, 30));
    assert_eq!(gateway.sync().await.changed, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_tells_how_far_it_is() {
    let Some(gateway) = Gateway::start(&people("i", 600)).await else {
        return;
    };
    let told = Arc::new(parking_lot::Mutex::new(Vec::new()));
    let report = {
        let told = told.clone();
        Arc::new(move |progress| told.lock().push(progress))
    };
    let connection = "corporate".parse().expect("a slug");
    let run = SyncRun::execute(
        &gateway.directory,
        gateway.organisation,
        &connection,
        RunMode::Apply,
        Reading::Whole,
        report,
    );
    run.await.expect("a good run");
    let told = told.lock();
    assert_eq!(
        told[..2],
        [
            Progress::Reading { people: 500, groups: 0 },
            Progress::Reading { people: 600, groups: 0 }
        ]
    );
    assert_eq!(told[2], Progress::Planned { steps: 600 });
    assert_eq!(told.last(), Some(&Progress::Applying { done: 600, total: 600 }));
    assert_eq!(
        serde_json::to_value(told[2]).expect("JSON"),
        json!({ "phase": "planned", "steps": 600 })
    );
}

#[test]
fn settings_are_judged_before_they_are_stored() {
    let judge = |settings: serde_json::Value| {
        let mut all = json!({ "name": "corporate", "kind": "ldap" });
        let ldap = json!({
            "urls": ["ldaps://directory.example.com"], "bind_dn": "cn=sync", "bind_password_env": "PASSWORD",
            "users": { "base": "dc=example", "filter": "(uid=*)" },
        });
        all["ldap"] = ldap;
        for (name, value) in settings.as_object().expect("an object") {
            match all["ldap"].get(name) {
                Some(_) => all["ldap"][name] = value.clone(),
                None => all[name] = value.clone(),
            }
        }
        let connection = serde_json::from_value(all).expect("a connection");
        check::faults(&connection, None).first().map(ToString::to_string)
    };
    assert_eq!(judge(json!({})), None);
    for (settings, start) in [
        (json!({ "schedule": "often" }), "schedule \"often\": "),
        (json!({ "mapping": [{ "to": "title" }] }), "mapping[0] (to \"title\"): "),
        (json!({ "urls": ["http://x"] }), "ldap.urls: "),
        (json!({ "urls": ["ldap://x"] }), "ldap.urls: "),
        (
            json!({ "users": { "base": "nowhere", "filter": "(uid=*)" } }),
            "ldap.users.base: ",
        ),
        (
            json!({ "users": { "base": "dc=example", "filter": "(uid=*" } }),
            "ldap.users.filter: ",
        ),
        (
            json!({ "bind_password_env": null }),
            "ldap: set exactly one of bind_password_file",
        ),
    ] {
        let message = judge(settings.clone()).unwrap_or_default();
        assert!(message.starts_with(start), "{settings}: {message}");
    }
}
