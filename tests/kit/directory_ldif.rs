//! A directory of people and groups, the same at every run, with the edge cases of real ones at known places.
//!
//! Its truth is Rust data: a test compares what it read with [`Directory`], never with a second parser.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use unicode_normalization::UnicodeNormalization;

pub(crate) const SUFFIX: &str = "dc=example,dc=com";
/// Groups of a special kind, which come first; see [`Directory::generate`].
pub(crate) const SPECIAL_GROUPS: usize = 22;

const PEOPLE: &str = "ou=people,dc=example,dc=com";
const GROUPS: &str = "ou=groups,dc=example,dc=com";
const PLACEHOLDER: &str = "cn=placeholder,ou=service,dc=example,dc=com";
const BIG_GROUP: usize = 10_000;

const GIVEN: [&str; 8] = ["Ada", "Brian", "Carol", "Dennis", "Edsger", "Frances", "Grace", "Hedy"];
const FAMILY: [&str; 7] = [
    "Lovelace",
    "Kernighan",
    "Shaw",
    "Ritchie",
    "Dijkstra",
    "Allen",
    "Hopper",
];
const UNICODE: [&str; 8] = [
    "Zoë Müller",
    "Łukasz Żółć",
    "李 小龍",
    "محمد علي",
    "Σωκράτης Παπαδόπουλος",
    "नेहा शर्मा",
    "Jörg 😀 Weiß",
    "İstanbul Işık",
];
const ESCAPED: [&str; 12] = [
    "Doe, Jane",
    "R+D Lead",
    " leading space",
    "#hash first",
    "quo\"ted",
    "back\\slash",
    "eq=uals",
    "less<more>",
    "semi;colon",
    "a,b+c\"d\\e<f>g;h",
    "star*paren(x)",
    "two  spaces",
];

/// A person as the directory holds it.
#[derive(Clone, Debug)]
pub(crate) struct User {
    pub(crate) uid: String,
    pub(crate) dn: String,
    pub(crate) cn: String,
    pub(crate) mails: Vec<String>,
    pub(crate) disabled: bool,
    pub(crate) entry_uuid: String,
    /// The same name written in another way.
    pub(crate) other_dn: String,
}

/// A group as the directory holds it. Members are indexes into [`Directory`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Group {
    pub(crate) cn: String,
    pub(crate) dn: String,
    pub(crate) entry_uuid: String,
    pub(crate) users: Vec<usize>,
    pub(crate) groups: Vec<usize>,
    /// A member that does not exist.
    pub(crate) dangling: Option<String>,
    /// `groupOfNames` needs a member, so an empty group holds the service entry.
    pub(crate) has_placeholder: bool,
    /// Members are written in another case and spacing than their entries.
    pub(crate) is_respelled: bool,
}

/// The truth.
#[derive(Clone, Debug)]
pub(crate) struct Directory {
    pub(crate) users: Vec<User>,
    pub(crate) groups: Vec<Group>,
}

impl Directory {
    /// People by index `i`: `i%20==3` disabled, `i%25==4` no mail, `i%30==5` three mails, `i%50==6` the mail of `i-1`, `i%50==7`
    /// the mail of `i-2` in other case, `i%40==8` unicode RDN, `i%20==9` RDN with escapes, `i%100==10` two-valued RDN,
    /// `i%33==11` decomposed RDN, `i%77==12` blank title, `i%10==0` photo.
    ///
    /// Groups: one of up to 10,000, a chain of 10, a cycle of 2, a self-member, a diamond of 4, one with a dangling
    /// member, an empty one, a respelled one, one whose name needs escapes; ordinary ones after that.
    pub(crate) fn generate(users: usize, groups: usize) -> Self {
        assert!(groups >= SPECIAL_GROUPS && users >= 20, "too small for its edge cases");
        let users: Vec<User> = (0..users).map(user).collect();
        let groups = all_groups(users.len(), groups);
        Self { users, groups }
    }

    /// LDIF for `slapadd`, which runs no overlays: `memberOf` is written out.
    pub(crate) fn ldif(&self) -> String {
        let mut member_of = vec![Vec::new(); self.users.len()];
        for group in &self.groups {
            group
                .users
                .iter()
                .for_each(|index| member_of[*index].push(group.dn.as_str()));
        }
        let mut ldif = String::new();
        for (index, user) in self.users.iter().enumerate() {
            write_user(&mut ldif, index, user, &member_of[index]);
        }
        for group in &self.groups {
            self.write_group(&mut ldif, group);
        }
        ldif
    }

    fn write_group(&self, ldif: &mut String, group: &Group) {
        line(ldif, "dn", &group.dn);
        line(ldif, "objectClass", "groupOfNames");
        line(ldif, "cn", &group.cn);
        line(ldif, "entryUUID", &group.entry_uuid);
        for user in group.users.iter().map(|index| &self.users[*index]) {
            line(
                ldif,
                "member",
                if group.is_respelled { &user.other_dn } else { &user.dn },
            );
        }
        for member in &group.groups {
            line(ldif, "member", &self.groups[*member].dn);
        }
        if let Some(dangling) = &group.dangling {
            line(ldif, "member", dangling);
        }
        if group.has_placeholder {
            line(ldif, "member", PLACEHOLDER);
        }
        ldif.push('\n');
    }
}

fn user(index: usize) -> User {
    let (given, family) = (GIVEN[index % GIVEN.len()], FAMILY[index / GIVEN.len() % FAMILY.len()]);
    let uid = format!("u{index:06}");
    let mut cn = format!("{given} {family} {index}");
    let mut named_by_cn = true;
    match index {
        _ if index % 33 == 11 => cn = format!("Renée Façade {index}").nfd().collect(),
        _ if index % 40 == 8 => cn = format!("{} {index}", UNICODE[index / 40 % UNICODE.len()]),
        _ if index % 20 == 9 => cn = format!("{}{index}", ESCAPED[index / 20 % ESCAPED.len()]),
        _ => named_by_cn = index % 100 == 10,
    }
    let (rdn, other) = if index % 100 == 10 {
        let rdn = format!("cn={}+uid={uid}", escape(&cn));
        (rdn, format!("UID={}+2.5.4.3 = {}", uid.to_uppercase(), escape_hex(&cn)))
    } else if named_by_cn {
        (
            format!("cn={}", escape(&cn)),
            format!("CommonName= {}", escape_hex(&cn)),
        )
    } else {
        (format!("uid={uid}"), format!("UID = {}", uid.to_uppercase()))
    };
    let mails = match index {
        _ if index % 25 == 4 => vec![],
        _ if index % 30 == 5 => vec![
            mail(index),
            format!("{given}.{index}@example.com"),
            format!("{uid}@alias.example.org"),
        ],
        _ if index % 50 == 6 => vec![mail(index - 1)],
        _ if index % 50 == 7 => vec![mail(index - 2).to_uppercase()],
        _ => vec![mail(index)],
    };
    User {
        dn: format!("{rdn},{PEOPLE}"),
        other_dn: format!("{other} , OU=People, DC=EXAMPLE,dc=Com"),
        uid,
        cn,
        mails,
        disabled: index % 20 == 3,
        entry_uuid: format!("00000000-0000-4000-8000-{index:012x}"),
    }
}

fn mail(index: usize) -> String {
    format!("u{index:06}@example.com")
}

fn all_groups(users: usize, count: usize) -> Vec<Group> {
    // Spread over the people, and each at most once.
    let some = |seed: usize, size: usize| -> Vec<usize> {
        let mut picked: Vec<usize> = (0..size).map(|step| (seed * 31 + step * 7) % users).collect();
        picked.sort_unstable();
        picked.dedup();
        picked
    };
    let mut groups: Vec<Group> = (0..count)
        .map(|index| {
            let cn = if index == 21 {
                "R&D, Ops + Sécurité".to_owned()
            } else {
                format!("group {index:05}")
            };
            let dn = format!("cn={},{GROUPS}", escape(&cn));
            let entry_uuid = format!("00000000-0000-4000-9000-{index:012x}");
            Group {
                cn,
                dn,
                entry_uuid,
                users: some(index, 3 + index % 40),
                ..Group::default()
            }
        })
        .collect();
    groups[0].users = (0..users.min(BIG_GROUP)).collect();
    (1..10).for_each(|index| groups[index].groups.push(index + 1));
    groups[11].groups.push(12);
    groups[12].groups.push(11);
    groups[13].groups.push(13);
    groups[14].groups.extend([15, 16]);
    groups[15].groups.push(17);
    groups[16].groups.push(17);
    groups[18].dangling = Some(format!("uid=ghost,{PEOPLE}"));
    groups[19].users.clear();
    groups[19].has_placeholder = true;
    groups[20].users = (0..users.min(200)).collect();
    groups[20].is_respelled = true;
    groups
}

fn write_user(ldif: &mut String, index: usize, user: &User, member_of: &[&str]) {
    line(ldif, "dn", &user.dn);
    line(ldif, "objectClass", "inetOrgPerson");
    line(ldif, "uid", &user.uid);
    line(ldif, "cn", &user.cn);
    line(ldif, "sn", FAMILY[index / GIVEN.len() % FAMILY.len()]);
    line(ldif, "givenName", GIVEN[index % GIVEN.len()]);
    line(ldif, "displayName", &user.cn);
    user.mails.iter().for_each(|mail| line(ldif, "mail", mail));
    line(
        ldif,
        "title",
        &if index % 77 == 12 {
            " ".to_owned()
        } else {
            format!("Engineer {}", index % 17)
        },
    );
    line(ldif, "entryUUID", &user.entry_uuid);
    if index.is_multiple_of(10) {
        let photo: Vec<u8> = (0..512_usize).map(|byte| (byte * 7 + index) as u8 | 0x80).collect();
        let _ = writeln!(ldif, "jpegPhoto:: {}", STANDARD.encode(photo));
    }
    if user.disabled {
        line(ldif, "pwdAccountLockedTime", "000001010000Z");
    }
    member_of.iter().for_each(|dn| line(ldif, "memberOf", dn));
    ldif.push('\n');
}

/// RFC 2849: what is not safe as it stands goes in base64.
fn line(ldif: &mut String, name: &str, value: &str) {
    let is_safe = value.bytes().all(|byte| (b' '..=b'~').contains(&byte))
        && !value.starts_with([' ', ':', '<'])
        && !value.ends_with(' ');
    let _ = match is_safe {
        true => writeln!(ldif, "{name}: {value}"),
        false => writeln!(ldif, "{name}:: {}", STANDARD.encode(value)),
    };
}

/// RFC 4514 escapes with a backslash before the character itself.
fn escape(value: &str) -> String {
    let mut escaped = String::new();
    for (index, character) in value.chars().enumerate() {
        if ",+\"\\<>;=".contains(character) || (index == 0 && " #".contains(character)) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

/// The same value with every special character and every third other one as hexadecimal pairs.
fn escape_hex(value: &str) -> String {
    let mut escaped = String::new();
    for (index, character) in value.chars().enumerate() {
        if ",+\"\\<>;= #".contains(character) || index % 3 == 0 {
            let mut buffer = [0; 4];
            for byte in character.encode_utf8(&mut buffer).bytes() {
                let _ = write!(escaped, "\\{byte:02X}");
            }
        } else {
            escaped.push(character);
        }
    }
    escaped
}
