//! A directory on a real server, OpenLDAP, 389-DS or Samba, for one test alone, written to in the same words on each.
//!
//! OpenLDAP is started for the test; the others are shared by the test process, and the test gets a subtree with an
//! `ou=people` and an `ou=groups`. Write a test as `async fn name(directory: RealDirectory)` and list it in
//! [`on_real_servers`].

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use usher::ldap::{LdapSettings, Secret, StableIdKind};

use super::ds389::{self, Ds389};
use super::process::{Administrator, START_PATIENCE};
use super::samba::{self, Samba};
use super::slapd::{self, Slapd};

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ServerKind {
    OpenLdap,
    Ds389,
    Samba,
}

/// As whom to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Account {
    /// Reads everything without limits.
    Reader,
    /// Samba: may also use DirSync. The others have no such right, and it is the reader.
    Replicator,
    /// Under a limit: OpenLDAP's default of 500 entries, 15 at 389-DS.
    Limited,
    /// May bind and read nothing. 389-DS.
    Stranger,
}

/// One test's part of a real server.
#[derive(Debug)]
pub(crate) struct RealDirectory {
    server: Server,
    /// A word of this test alone, for names that a whole server has once.
    mark: String,
    base: String,
}

#[derive(Debug)]
enum Server {
    OpenLdap(Box<Slapd>),
    Ds389(&'static Ds389),
    Samba(&'static Samba),
}

impl RealDirectory {
    /// An empty directory. `None`, with a message, where the server is not installed; under CI that is a failure.
    pub(crate) fn open(kind: ServerKind) -> Option<Self> {
        static NUMBER: AtomicUsize = AtomicUsize::new(1);
        let mark = format!("t{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let (server, suffix) = match kind {
            ServerKind::OpenLdap => (
                Server::OpenLdap(Box::new(Slapd::start("")?)),
                super::directory_ldif::SUFFIX,
            ),
            ServerKind::Ds389 => (Server::Ds389(Ds389::shared()?), ds389::SUFFIX),
            ServerKind::Samba => (Server::Samba(Samba::shared()?), samba::DOMAIN),
        };
        let mut directory = Self {
            server,
            mark,
            base: suffix.to_owned(),
        };
        // slapd's own data has both units already.
        if kind != ServerKind::OpenLdap {
            directory.base = directory.add_unit(&directory.mark, suffix);
            directory.add_unit("people", &directory.base);
            directory.add_unit("groups", &directory.base);
        }
        Some(directory)
    }

    pub(crate) fn kind(&self) -> ServerKind {
        match self.server {
            Server::OpenLdap(_) => ServerKind::OpenLdap,
            Server::Ds389(_) => ServerKind::Ds389,
            Server::Samba(_) => ServerKind::Samba,
        }
    }

    /// The top of this test's part.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// Where the people are.
    pub(crate) fn people(&self) -> String {
        format!("ou=people,{}", self.base)
    }

    /// Where the groups are.
    pub(crate) fn groups(&self) -> String {
        format!("ou=groups,{}", self.base)
    }

    /// What identifies entries here.
    pub(crate) fn stable_id(&self) -> StableIdKind {
        match self.kind() {
            ServerKind::OpenLdap => StableIdKind::EntryUuid,
            ServerKind::Ds389 => StableIdKind::NsUniqueId,
            ServerKind::Samba => StableIdKind::ObjectGuid,
        }
    }

    /// The filter that takes the people and nobody else.
    pub(crate) fn user_filter(&self) -> &'static str {
        match self.kind() {
            ServerKind::OpenLdap | ServerKind::Ds389 => "(objectClass=inetOrgPerson)",
            ServerKind::Samba => "(&(objectCategory=person)(objectClass=user))",
        }
    }

    /// The filter that takes the groups.
    pub(crate) fn group_filter(&self) -> &'static str {
        match self.kind() {
            ServerKind::OpenLdap | ServerKind::Ds389 => "(objectClass=groupOfNames)",
            ServerKind::Samba => "(objectClass=group)",
        }
    }

    /// The login name of a person added as `name`: a Samba domain has each name once, so there it carries the test's mark.
    pub(crate) fn login(&self, name: &str) -> String {
        match self.kind() {
            ServerKind::OpenLdap | ServerKind::Ds389 => name.to_owned(),
            ServerKind::Samba => format!("{name}.{}", self.mark),
        }
    }

    /// The first part of a person's name in the directory.
    pub(crate) fn rdn(&self, name: &str) -> String {
        match self.kind() {
            ServerKind::OpenLdap | ServerKind::Ds389 => format!("uid={name}"),
            ServerKind::Samba => format!("CN={name}"),
        }
    }

    /// Where a person added as `name` is.
    pub(crate) fn dn(&self, name: &str) -> String {
        format!("{},{}", self.rdn(name), self.people())
    }

    /// Where a group added as `name` is.
    pub(crate) fn group_dn(&self, name: &str) -> String {
        format!("cn={name},{}", self.groups())
    }

    /// Adds an organisational unit and gives its name.
    pub(crate) fn add_unit(&self, name: &str, above: &str) -> String {
        let dn = format!("ou={name},{above}");
        self.modify(&format!(
            "dn: {dn}\nchangetype: add\nobjectClass: organizationalUnit\nou: {name}\n"
        ));
        dn
    }

    /// Adds people with a mail address each, enabled, in one call.
    pub(crate) fn add_people<N: AsRef<str>>(&self, names: &[N]) {
        let records = names.iter().map(|name| self.person(name.as_ref(), ""));
        self.modify(&records.collect::<String>());
    }

    /// Adds one person; `more` are further LDIF lines.
    pub(crate) fn add_person(&self, name: &str, more: &str) {
        self.modify(&self.person(name, more));
    }

    fn person(&self, name: &str, more: &str) -> String {
        let (dn, login) = (self.dn(name), self.login(name));
        let specific = match self.kind() {
            ServerKind::OpenLdap | ServerKind::Ds389 => {
                format!("objectClass: inetOrgPerson\nuid: {name}\ncn: {name}\n")
            }
            // NORMAL_ACCOUNT; only over LDAP may it be made without a password.
            ServerKind::Samba => format!("objectClass: user\nsAMAccountName: {login}\nuserAccountControl: 512\n"),
        };
        format!("dn: {dn}\nchangetype: add\n{specific}sn: Of {name}\nmail: {name}@example.com\n{more}\n")
    }

    /// Adds a group with these members, each a whole DN that exists (OpenLDAP wants at least one).
    pub(crate) fn add_group(&self, name: &str, members: &[String]) {
        let dn = self.group_dn(name);
        let specific = match self.kind() {
            ServerKind::OpenLdap | ServerKind::Ds389 => "objectClass: groupOfNames\n".to_owned(),
            ServerKind::Samba => format!("objectClass: group\nsAMAccountName: {}\n", self.login(name)),
        };
        let mut record = format!("dn: {dn}\nchangetype: add\n{specific}cn: {name}\n");
        for member in members {
            writeln!(record, "member: {member}").expect("a text takes everything");
        }
        self.modify(&record);
    }

    pub(crate) fn add_member(&self, group: &str, member: &str) {
        self.change(&self.group_dn(group), &format!("add: member\nmember: {member}\n"));
    }

    pub(crate) fn remove_member(&self, group: &str, member: &str) {
        self.change(&self.group_dn(group), &format!("delete: member\nmember: {member}\n"));
    }

    /// Sets one attribute of an entry to one value.
    pub(crate) fn replace(&self, dn: &str, attribute: &str, value: &str) {
        self.change(dn, &format!("replace: {attribute}\n{attribute}: {value}\n"));
    }

    /// Modifies an entry; `changes` are the lines that follow `changetype: modify`.
    pub(crate) fn change(&self, dn: &str, changes: &str) {
        self.modify(&format!("dn: {dn}\nchangetype: modify\n{changes}"));
    }

    /// Switches a person's account off, by this server's own means.
    pub(crate) fn disable(&self, name: &str) {
        let (attribute, value) = match self.kind() {
            ServerKind::OpenLdap => ("pwdAccountLockedTime", "000001010000Z"),
            ServerKind::Ds389 => ("nsAccountLock", "true"),
            ServerKind::Samba => ("userAccountControl", "514"),
        };
        self.replace(&self.dn(name), attribute, value);
    }

    /// Switches it on again.
    pub(crate) fn enable(&self, name: &str) {
        match self.kind() {
            ServerKind::OpenLdap => self.change(&self.dn(name), "delete: pwdAccountLockedTime\n"),
            ServerKind::Ds389 => self.change(&self.dn(name), "delete: nsAccountLock\n"),
            ServerKind::Samba => self.replace(&self.dn(name), "userAccountControl", "512"),
        }
    }

    pub(crate) fn delete(&self, dn: &str) {
        self.modify(&format!("dn: {dn}\nchangetype: delete\n"));
    }

    /// Gives an entry another first part and, if `above` is one, another place.
    pub(crate) fn rename(&self, dn: &str, rdn: &str, above: Option<&str>) {
        let above = above.map_or_else(String::new, |above| format!("newsuperior: {above}\n"));
        self.modify(&format!(
            "dn: {dn}\nchangetype: modrdn\nnewrdn: {rdn}\ndeleteoldrdn: 1\n{above}"
        ));
    }

    /// Applies LDIF change records as the administrator.
    pub(crate) fn modify(&self, ldif: &str) {
        self.administrator().modify(ldif);
    }

    pub(crate) fn administrator(&self) -> Administrator {
        match &self.server {
            Server::OpenLdap(slapd) => slapd.administrator(),
            Server::Ds389(server) => server.administrator(),
            Server::Samba(server) => server.administrator(),
        }
    }

    /// The address without TLS, which StartTLS upgrades.
    pub(crate) fn url(&self) -> String {
        match &self.server {
            Server::OpenLdap(slapd) => format!("ldap://{}", slapd.address()),
            Server::Ds389(server) => server.url(),
            Server::Samba(server) => server.url(),
        }
    }

    /// The address with TLS.
    pub(crate) fn tls_url(&self) -> String {
        match &self.server {
            Server::OpenLdap(slapd) => format!("ldaps://{}", slapd.tls_address()),
            Server::Ds389(server) => server.tls_url(),
            Server::Samba(server) => server.tls_url(),
        }
    }

    /// The authority to trust.
    pub(crate) fn ca_file(&self) -> PathBuf {
        match &self.server {
            Server::OpenLdap(slapd) => slapd.ca_file(),
            Server::Ds389(server) => server.ca_file(),
            Server::Samba(server) => server.ca_file(),
        }
    }

    /// Settings of the account that reads everything, over `ldaps`.
    pub(crate) fn settings(&self) -> LdapSettings {
        self.settings_as(Account::Reader, &self.tls_url())
    }

    /// Settings of an account, at [`Self::url`], [`Self::tls_url`] or a proxy before them.
    pub(crate) fn settings_as(&self, account: Account, url: &str) -> LdapSettings {
        let urls = vec![url.parse().expect("a good url")];
        let (dn, password) = self.account(account);
        let mut settings = LdapSettings::new(urls, dn, Secret::literal(password));
        settings.ca_file = Some(self.ca_file());
        // Patience for a busy machine.
        settings.connect_timeout = START_PATIENCE;
        settings
    }

    /// Name and password of an account.
    pub(crate) fn account(&self, account: Account) -> (&'static str, &'static str) {
        match (self.kind(), account) {
            (ServerKind::OpenLdap, Account::Reader | Account::Replicator) => (slapd::SYNC_DN, slapd::PASSWORD),
            (ServerKind::OpenLdap, Account::Limited) => (slapd::LIMITED_DN, slapd::PASSWORD),
            (ServerKind::Ds389, Account::Reader | Account::Replicator) => (ds389::SYNC_DN, ds389::PASSWORD),
            (ServerKind::Ds389, Account::Limited) => (ds389::LIMITED_DN, ds389::PASSWORD),
            (ServerKind::Ds389, Account::Stranger) => (ds389::STRANGER_DN, ds389::PASSWORD),
            (ServerKind::Samba, Account::Reader) => (samba::SYNC_DN, samba::PASSWORD),
            (ServerKind::Samba, Account::Replicator) => (samba::REPLICATOR_DN, samba::PASSWORD),
            (kind, account) => panic!("{kind:?} has no {account:?}"),
        }
    }
}

/// Makes a test for each real server of each function listed: `async fn name(directory: RealDirectory)`.
macro_rules! on_real_servers {
    ($($test:ident),+ $(,)?) => {
        $crate::kit::real_directory::on_one_server!(openldap, OpenLdap, $($test),+);
        $crate::kit::real_directory::on_one_server!(ds389, Ds389, $($test),+);
        $crate::kit::real_directory::on_one_server!(samba, Samba, $($test),+);
    };
}

macro_rules! on_one_server {
    ($module:ident, $kind:ident, $($test:ident),+) => {
        mod $module {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $test() {
                    use $crate::kit::real_directory::{RealDirectory, ServerKind};
                    if let Some(directory) = RealDirectory::open(ServerKind::$kind) {
                        super::$test(directory).await;
                    }
                }
            )+
        }
    };
}

pub(crate) use {on_one_server, on_real_servers};
