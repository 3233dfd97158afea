//! A gateway with a directory behind it: slapd or another real server, the model in memory, a clock that only tests move.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::sync::Arc;

use chrono::TimeDelta;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tempfile::NamedTempFile;
use usher::directory::connection::PutConnection;
use usher::directory::role::PutRole;
use usher::directory::{Directory, DirectoryError, Operation, Permit, Principal, Unit, keys};
use usher::model::clock::{Clock, Timestamp};
use usher::model::connection::Connection;
use usher::model::event::EventKind;
use usher::model::group::Group;
use usher::model::id::{GroupId, OrganisationId};
use usher::model::licence::Licence;
use usher::model::membership::{Member, Membership};
use usher::model::record::{self, Record};
use usher::model::user::User;
use usher::provision::progress::silent;
use usher::provision::reading::Reading;
use usher::provision::run::{RunError, RunMode, RunReport, SyncRun};
use usher::store::memory::MemoryStore;
use usher::store::observed::Observed;
use usher::store::{Key, SCAN_ENTRIES_MAX, Scan, Store as _};

use crate::kit::real_directory::{Account, RealDirectory};
use crate::kit::slapd::{PASSWORD, SYNC_DN, Slapd};

/// Time that stands still until a test moves it.
pub(super) struct ManualClock(Mutex<Timestamp>);

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.0.lock()
    }

    fn uuid(&self) -> uuid::Uuid {
        uuid::Uuid::now_v7()
    }

    fn secret(&self) -> [u8; 32] {
        rand::random()
    }
}

impl ManualClock {
    pub(super) fn advance_days(&self, days: i64) {
        *self.0.lock() += TimeDelta::days(days);
    }
}

/// A directory that a gateway can be connected to.
pub(super) trait Source {
    /// The `ldap` section of a connection's settings, without the password.
    fn settings(&self) -> Value;

    /// The password of the account in it.
    fn password(&self) -> &'static str;
}

impl Source for Slapd {
    fn settings(&self) -> Value {
        json!({
            "urls": [format!("ldaps://{}", self.tls_address())],
            "ca_file": self.ca_file(),
            "bind_dn": SYNC_DN,
            "users": { "base": "ou=people,dc=example,dc=com", "filter": "(objectClass=inetOrgPerson)" },
            "groups": {
                "base": "ou=groups,dc=example,dc=com",
                "filter": "(|(objectClass=groupOfNames)(objectClass=posixGroup))",
            },
        })
    }

    fn password(&self) -> &'static str {
        PASSWORD
    }
}

impl Source for RealDirectory {
    fn settings(&self) -> Value {
        json!({
            "urls": [self.tls_url()],
            "ca_file": self.ca_file(),
            "bind_dn": self.account(Account::Reader).0,
            "users": { "base": self.people(), "filter": self.user_filter() },
            "groups": { "base": self.groups(), "filter": self.group_filter() },
        })
    }

    fn password(&self) -> &'static str {
        self.account(Account::Reader).1
    }
}

/// Everything that a test touches.
pub(super) struct Gateway<S = Slapd> {
    /// The directory: slapd, where a test does not say otherwise.
    pub(super) slapd: Arc<S>,
    pub(super) directory: Directory,
    pub(super) store: Arc<Observed<MemoryStore>>,
    pub(super) clock: Arc<ManualClock>,
    pub(super) organisation: OrganisationId,
    password: NamedTempFile,
}

impl Gateway {
    /// A gateway whose connection `corporate` reads people and groups of `ldif`. `None` where slapd is not installed.
    pub(super) async fn start(ldif: &str) -> Option<Self> {
        Some(Self::over(Slapd::start(ldif)?).await)
    }
}

impl Gateway<RealDirectory> {
    /// The directory, on whichever server.
    pub(super) fn real(&self) -> &RealDirectory {
        &self.slapd
    }
}

impl<S: Source> Gateway<S> {
    /// A gateway whose connection `corporate` reads people and groups of a directory.
    pub(super) async fn over(source: S) -> Self {
        Self::beside(Arc::new(source)).await
    }

    /// Another gateway that knows nothing yet, over the same directory.
    pub(super) async fn beside(source: Arc<S>) -> Self {
        let store = Arc::new(Observed::new(Arc::new(MemoryStore::new())));
        let start = "2026-01-01T00:00:00Z".parse().expect("a time");
        let clock = Arc::new(ManualClock(Mutex::new(start)));
        let directory = Directory::new(store.clone(), clock.clone());
        let slug = "acme".parse().expect("a slug");
        let made = directory
            .create_organisation(&Principal::system(), &slug, "Acme")
            .await
            .expect("an organisation");
        let mut password = NamedTempFile::new().expect("a temporary file");
        writeln!(password, "{}", source.password()).expect("the password file");
        let gateway = Self {
            organisation: made.id,
            slapd: source,
            directory,
            store,
            clock,
            password,
        };
        gateway.connect(json!({})).await;
        gateway
    }

    pub(super) fn administrator(&self) -> Permit {
        let permit = Principal::system().administer(self.organisation);
        permit.expect("the gateway may do everything")
    }

    pub(super) async fn act<O: Operation>(&self, operation: &O) -> Result<O::Outcome, DirectoryError> {
        self.directory.run(&self.administrator(), operation).await
    }

    /// Replaces the connection's settings: the defaults with these laid over, `ldap` member by member.
    pub(super) async fn connect(&self, settings: Value) {
        let mut all = json!({ "name": "corporate", "kind": "ldap", "ldap": self.slapd.settings() });
        all["ldap"]["bind_password_file"] = json!(self.password.path());
        let Value::Object(settings) = settings else {
            panic!("settings are an object")
        };
        for (name, value) in settings {
            match (&mut all[&name], value) {
                (Value::Object(there), Value::Object(laid)) => there.extend(laid),
                (there, value) => *there = value,
            }
        }
        let connection: Connection = serde_json::from_value(all).expect("a connection");
        self.act(&PutConnection(connection)).await.expect("good settings");
    }

    pub(super) async fn declare_licence(&self, licence: Value) {
        let licence: Licence = serde_json::from_value(licence).expect("a licence");
        let administrator = self.administrator();
        let put = self.directory.put_licence(&administrator, licence);
        put.await.expect("a good licence");
    }

    pub(super) async fn declare_role(&self, key: &str) {
        let role = json!({ "key": key, "name": key });
        let role = serde_json::from_value(role).expect("a role");
        self.act(&PutRole(role)).await.expect("a good role");
    }

    pub(super) async fn run(&self, mode: RunMode) -> Result<RunReport, RunError> {
        self.run_reading(mode, Reading::Whole).await
    }

    pub(super) async fn run_reading(&self, mode: RunMode, reading: Reading) -> Result<RunReport, RunError> {
        let connection = "corporate".parse().expect("a slug");
        SyncRun::execute(&self.directory, self.organisation, &connection, mode, reading, silent()).await
    }

    /// An applied run of this reading.
    pub(super) async fn read(&self, reading: Reading) -> RunReport {
        self.run_reading(RunMode::Apply, reading).await.expect("a good run")
    }

    pub(super) async fn sync(&self) -> RunReport {
        self.run(RunMode::Apply).await.expect("a good run")
    }

    /// Everyone, by user name.
    pub(super) async fn users(&self) -> BTreeMap<String, User> {
        let users: Vec<User> = self.records(keys::table(self.organisation, keys::Table::User)).await;
        users.into_iter().map(|user| (user.user_name.clone(), user)).collect()
    }

    /// Every group with the names of its members, nested groups in brackets.
    pub(super) async fn groups(&self) -> BTreeMap<String, BTreeSet<String>> {
        let groups: Vec<Group> = self.records(keys::table(self.organisation, keys::Table::Group)).await;
        let users: BTreeMap<_, _> = self
            .users()
            .await
            .into_values()
            .map(|user| (user.id, user.user_name))
            .collect();
        let names: BTreeMap<_, _> = groups
            .iter()
            .map(|group| (group.id, group.display_name.clone()))
            .collect();
        let mut all = BTreeMap::new();
        for group in &groups {
            let edges = self.entries(keys::group_members(self.organisation, group.id)).await;
            let members = edges
                .iter()
                .filter_map(|(key, _)| keys::member_of(key))
                .map(|member| match member {
                    Member::User(id) => users[&id].clone(),
                    Member::Group(id) => format!("[{}]", names[&id]),
                });
            all.insert(group.display_name.clone(), members.collect());
        }
        all
    }

    /// Who is in a group, and why.
    pub(super) async fn edges(&self, group: GroupId) -> Vec<(Member, Membership)> {
        let edges = self.entries(keys::group_members(self.organisation, group)).await;
        let edge = |(key, value): (Key, Vec<u8>)| {
            let member = keys::member_of(&key)?;
            Some((member, record::decode(&value).expect("an edge")))
        };
        edges.into_iter().filter_map(edge).collect()
    }

    /// The edge from a group to a member.
    pub(super) async fn edge(&self, group: &str, user: &str) -> Option<Membership> {
        let groups: Vec<Group> = self.records(keys::table(self.organisation, keys::Table::Group)).await;
        let group = groups.iter().find(|found| found.display_name == group)?.id;
        let member = Member::User(self.users().await.get(user)?.id);
        let stored = self
            .store
            .get(keys::group_member(self.organisation, group, member))
            .await
            .expect("a read");
        stored.map(|stored| record::decode(&stored.value).expect("an edge"))
    }

    /// People, groups and edges as they are stored: equal before and after means that nothing was changed.
    pub(super) async fn model(&self) -> Vec<(Key, Vec<u8>)> {
        use keys::Table::{Group, GroupMember, Link, MemberGroup, Unique, User};
        let mut model = Vec::new();
        for table in [User, Group, GroupMember, MemberGroup, Unique, Link] {
            model.extend(self.entries(keys::table(self.organisation, table)).await);
        }
        model
    }

    /// Where the last reading ended, as it is stored.
    pub(super) async fn cursor(&self) -> Option<Vec<u8>> {
        let key = keys::run(self.organisation, &"corporate".parse().expect("a slug"), "cursor");
        let stored = self.store.get(key).await.expect("a read");
        stored.map(|stored| stored.value.to_vec())
    }

    /// How many events of a kind there are.
    pub(super) async fn events(&self, kind: EventKind) -> usize {
        let (mut count, mut after) = (0, 0);
        loop {
            let events = self
                .directory
                .events_after(self.organisation, after, 5_000)
                .await
                .expect("events");
            let Some(last) = events.last() else { return count };
            after = last.number;
            count += events.iter().filter(|event| event.event.kind == kind).count();
        }
    }

    pub(super) async fn records<R: Record>(&self, prefix: Key) -> Vec<R> {
        let entries = self.entries(prefix).await;
        entries
            .iter()
            .map(|(_, value)| record::decode(value).expect("a record"))
            .collect()
    }

    /// What is stored under a prefix.
    pub(super) async fn stored(&self, prefix: Key) -> Vec<Key> {
        self.entries(prefix).await.into_iter().map(|(key, _)| key).collect()
    }

    async fn entries(&self, prefix: Key) -> Vec<(Key, Vec<u8>)> {
        let mut all = Vec::new();
        let mut scan = Scan::prefix(&prefix, SCAN_ENTRIES_MAX);
        loop {
            let found = self.store.scan(scan.clone()).await.expect("a scan");
            let Some((last, _)) = found.last() else { return all };
            scan = scan.after(last.clone());
            all.extend(found.into_iter().map(|(key, stored)| (key, stored.value.to_vec())));
        }
    }
}

/// Changes a user's record as an administrator would.
pub(super) struct EditUser<'a> {
    pub(super) user: &'a User,
    pub(super) edit: fn(&mut User),
}

#[async_trait::async_trait]
impl Operation for EditUser<'_> {
    type Outcome = User;

    async fn attempt(&self, unit: &mut Unit) -> Result<User, DirectoryError> {
        let before = unit.load_user(self.user.id).await?;
        let mut after = before.clone();
        (self.edit)(&mut after);
        unit.update_user(&before, after).await
    }
}

/// Makes a user by hand.
pub(super) struct MakeUser {
    pub(super) user_name: &'static str,
    pub(super) attributes: Value,
}

#[async_trait::async_trait]
impl Operation for MakeUser {
    type Outcome = User;

    async fn attempt(&self, unit: &mut Unit) -> Result<User, DirectoryError> {
        let now = unit.now();
        let user = json!({
            "id": unit.clock().uuid(), "user_name": self.user_name, "attributes": self.attributes,
            "created": now, "last_modified": now, "revision": 0,
        });
        unit.create_user(serde_json::from_value(user).expect("a user")).await
    }
}

/// One inetOrgPerson. `more` are further LDIF lines.
pub(super) fn person(uid: &str, more: &str) -> String {
    let id = uuid_of(uid);
    format!(
        "dn: uid={uid},ou=people,dc=example,dc=com\nobjectClass: inetOrgPerson\nuid: {uid}\ncn: {uid}\nsn: Of {uid}\n\
         mail: {uid}@example.com\nentryUUID: {id}\n{more}\n"
    )
}

/// People `prefix0000`, `prefix0001`, ...
pub(super) fn people(prefix: &str, count: usize) -> String {
    (0..count)
        .map(|number| person(&format!("{prefix}{number:04}"), ""))
        .collect()
}

/// One groupOfNames with these members, each an RDN such as `uid=ada,ou=people`.
pub(super) fn group(cn: &str, members: &[&str]) -> String {
    let id = uuid_of(&format!("group {cn}"));
    let members: String = members
        .iter()
        .map(|member| format!("member: {member},dc=example,dc=com\n"))
        .collect();
    format!(
        "dn: cn={cn},ou=groups,dc=example,dc=com\nobjectClass: groupOfNames\ncn: {cn}\nentryUUID: {id}\n{members}\n"
    )
}

fn uuid_of(text: &str) -> uuid::Uuid {
    let mut bytes = [0; 16];
    for (place, byte) in text.bytes().enumerate() {
        bytes[place % 16] ^= byte.rotate_left((place / 16) as u32);
    }
    uuid::Builder::from_random_bytes(bytes).into_uuid()
}

/// Makes a group by hand that gives these licences.
pub(super) struct MakeGroup {
    pub(super) name: &'static str,
    pub(super) licences: &'static [&'static str],
}

#[async_trait::async_trait]
impl Operation for MakeGroup {
    type Outcome = Group;

    async fn attempt(&self, unit: &mut Unit) -> Result<Group, DirectoryError> {
        let now = unit.now();
        let group = json!({
            "id": unit.clock().uuid(), "display_name": self.name, "enabled": true, "grants_licences": self.licences,
            "created": now, "last_modified": now, "revision": 0,
        });
        unit.create_group(serde_json::from_value(group).expect("a group")).await
    }
}
