//! Random changes of a directory, as LDIF change records that the server takes one after the other.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};

use crate::provision::gateway::{group, people, person};

pub(super) const PEOPLE: &str = "ou=people,dc=example,dc=com";
pub(super) const GROUPS: &str = "ou=groups,dc=example,dc=com";
/// Outside both bases.
const OUTSIDE: &str = "ou=service,dc=example,dc=com";
const PLACEHOLDER: &str = "cn=placeholder,ou=service,dc=example,dc=com";

/// Where an entry stands. The branch and the squad are organisational units with entries of their own below them, which are renamed
/// and moved with all that they hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    People,
    Branch,
    Groups,
    Squad,
    Outside,
}

/// Changes in one step, at most.
const CHANGES: usize = 5;
/// People and groups who are named as members before they come, if they ever do.
const STRANGERS: usize = 3;

/// What every history begins with. One person and one group are never touched: a directory that suddenly holds nobody is
/// for the brake.
pub(super) fn beginning() -> String {
    let unit =
        |name: &str, above: &str| format!("dn: ou={name},{above}\nobjectClass: organizationalUnit\nou: {name}\n\n");
    unit("branch", PEOPLE)
        + &unit("squad", GROUPS)
        + &people("h", 8)
        + &person("steady", "")
        + &group("steady", &["uid=steady,ou=people", "uid=h0001,ou=people"])
}

/// What the directory holds, as far as the next change needs to know.
pub(super) struct History {
    pub(super) random: StdRng,
    /// Where each person is.
    people: BTreeMap<String, Place>,
    /// Where each group is.
    groups: BTreeMap<String, Place>,
    /// The names of the units, as they are now.
    branch: String,
    squad: String,
    /// Names that nobody has any more; empty where names are used only once.
    given_up: BTreeSet<String>,
    uses_names_again: bool,
    next: usize,
    ldif: String,
}

impl History {
    pub(super) fn new(seed: u64, uses_names_again: bool) -> Self {
        Self {
            random: StdRng::seed_from_u64(seed),
            people: (0..8).map(|number| (format!("h{number:04}"), Place::People)).collect(),
            groups: BTreeMap::new(),
            branch: format!("ou=branch,{PEOPLE}"),
            squad: format!("ou=squad,{GROUPS}"),
            given_up: BTreeSet::new(),
            uses_names_again,
            next: 0,
            ldif: String::new(),
        }
    }

    /// The next change records.
    pub(super) fn step(&mut self) -> String {
        for _ in 0..self.random.random_range(1..=CHANGES) {
            match self.random.random_range(0..28) {
                0..=2 => self.join(),
                3 => self.leave(),
                4 => self.recreate(),
                5 => self.rename(),
                6 | 7 => self.wander(),
                8 => self.swap_names(),
                9 | 10 => self.retitle(),
                11 => self.empty(),
                12 => self.hide(),
                13 => self.lock(),
                14 | 15 => self.mark(),
                16 | 17 => self.found_group(),
                18 => self.drop_group(),
                19 => self.rename_group(),
                20 => self.move_group(),
                21 => self.hide_group(),
                22 => self.move_branch(),
                23 => self.move_squad(),
                _ => self.change_members(),
            }
        }
        std::mem::take(&mut self.ldif)
    }

    fn record(&mut self, dn: &str, lines: &str) {
        write!(self.ldif, "dn: {dn}\n{lines}\n\n").expect("text");
    }

    fn replace(&mut self, dn: &str, attribute: &str, values: &[&str]) {
        let values: String = values.iter().map(|value| format!("{attribute}: {value}\n")).collect();
        self.record(dn, &format!("changetype: modify\nreplace: {attribute}\n{values}-"));
    }

    fn somebody(&mut self) -> Option<String> {
        let people: Vec<&String> = self.people.keys().collect();
        people.choose(&mut self.random).map(|uid| (*uid).clone())
    }

    fn some_group(&mut self) -> Option<String> {
        let groups: Vec<&String> = self.groups.keys().collect();
        groups.choose(&mut self.random).map(|cn| (*cn).clone())
    }

    fn dn(&self, uid: &str) -> String {
        format!("uid={uid},{}", self.below(self.people[uid]))
    }

    fn group_dn(&self, cn: &str) -> String {
        format!("cn={cn},{}", self.below(self.groups[cn]))
    }

    fn below(&self, place: Place) -> &str {
        match place {
            Place::People => PEOPLE,
            Place::Branch => &self.branch,
            Place::Groups => GROUPS,
            Place::Squad => &self.squad,
            Place::Outside => OUTSIDE,
        }
    }

    fn fresh(&mut self, prefix: &str) -> String {
        self.next += 1;
        format!("{prefix}{}", self.next)
    }

    /// A name for somebody who comes: a new one, one that groups have named all along, or one that was given up.
    fn free_name(&mut self) -> String {
        let stranger = format!("stranger{}", self.random.random_range(0..STRANGERS));
        let given_up: Vec<&String> = self.given_up.iter().collect();
        let old = given_up.choose(&mut self.random).map(|name| (*name).clone());
        let name = match (self.random.random_range(0..4), old) {
            (0, _) if self.uses_names_again || !self.given_up.contains(&stranger) => stranger,
            (1, Some(old)) if self.uses_names_again => old,
            _ => self.fresh("new"),
        };
        if self.people.contains_key(&name) {
            return self.fresh("new");
        }
        self.given_up.remove(&name);
        name
    }

    fn add(&mut self, uid: &str) {
        let dn = self.dn(uid);
        let lines = format!(
            "changetype: add\nobjectClass: inetOrgPerson\nuid: {uid}\ncn: {uid}\nsn: Of {uid}\nmail: {uid}@example.com"
        );
        self.record(&dn, &lines);
    }

    fn join(&mut self) {
        let uid = self.free_name();
        let places = [Place::People, Place::People, Place::Branch, Place::Outside];
        let place = *places.choose(&mut self.random).expect("places");
        self.people.insert(uid.clone(), place);
        self.add(&uid);
    }

    fn leave(&mut self) {
        let Some(uid) = self.somebody() else { return };
        self.record(&self.dn(&uid), "changetype: delete");
        self.people.remove(&uid);
        self.given_up.insert(uid);
    }

    /// The same name and another stable id.
    fn recreate(&mut self) {
        let Some(uid) = self.somebody().filter(|_| self.uses_names_again) else {
            return;
        };
        self.record(&self.dn(&uid), "changetype: delete");
        self.add(&uid);
    }

    fn rename(&mut self) {
        let Some(uid) = self.somebody() else { return };
        let new = self.free_name();
        let place = self.people[&uid];
        self.move_person(&uid, &new, place);
        self.given_up.insert(uid);
    }

    /// Out of the base, back in, or inside it; now and then under another name.
    fn wander(&mut self) {
        let Some(uid) = self.somebody() else { return };
        let places = [Place::People, Place::Branch, Place::Outside];
        let place = *places.choose(&mut self.random).expect("places");
        let new = if self.random.random_range(0..3) == 0 {
            self.free_name()
        } else {
            uid.clone()
        };
        if uid != new {
            self.given_up.insert(uid.clone());
        }
        self.move_person(&uid, &new, place);
    }

    fn move_person(&mut self, uid: &str, new: &str, place: Place) {
        let above = self.below(place);
        let lines = format!("changetype: modrdn\nnewrdn: uid={new}\ndeleteoldrdn: 1\nnewsuperior: {above}");
        self.record(&self.dn(uid), &lines);
        self.people.remove(uid);
        self.people.insert(new.to_owned(), place);
    }

    /// Only where names are used again: whose name it was may be gone as far as Usher knows.
    fn swap_names(&mut self) {
        if !self.uses_names_again {
            return;
        }
        let (Some(one), Some(other)) = (self.somebody(), self.somebody()) else {
            return;
        };
        if one == other {
            return;
        }
        let (here, there, between) = (self.people[&one], self.people[&other], self.fresh("between"));
        self.move_person(&one, &between, here);
        self.move_person(&other, &one, there);
        self.move_person(&between, &other, here);
    }

    fn retitle(&mut self) {
        let Some(uid) = self.somebody() else { return };
        let title = self.fresh("Captain ");
        self.replace(&self.dn(&uid), "title", &[&title]);
    }

    fn empty(&mut self) {
        let Some(uid) = self.somebody() else { return };
        let attribute = *["title", "mail", "employeeType"]
            .choose(&mut self.random)
            .expect("attributes");
        self.replace(&self.dn(&uid), attribute, &[]);
    }

    /// Out of the filter, or back in.
    fn hide(&mut self) {
        let Some(uid) = self.somebody() else { return };
        let word = *["hidden", "shown"].choose(&mut self.random).expect("two words");
        self.replace(&self.dn(&uid), "description", &[word]);
    }

    /// For ever, for a while, or not at all.
    fn lock(&mut self) {
        let Some(uid) = self.somebody() else { return };
        let times: [&[&str]; 3] = [&["000001010000Z"], &["20260101120000Z"], &[]];
        let time = *times.choose(&mut self.random).expect("times");
        self.replace(&self.dn(&uid), "pwdAccountLockedTime", time);
    }

    /// What the rules look at.
    fn mark(&mut self) {
        let Some(uid) = self.somebody() else { return };
        let words: Vec<&str> = ["paid", "lead", "off"]
            .into_iter()
            .filter(|_| self.random.random())
            .collect();
        self.replace(&self.dn(&uid), "employeeType", &words);
    }

    fn found_group(&mut self) {
        let cn = match self.random.random_range(0..4) {
            0 => format!("ghost{}", self.random.random_range(0..STRANGERS)),
            _ => self.fresh("team"),
        };
        // A name is free again only where that is wanted.
        let was_there = !cn.starts_with("team") && self.given_up.contains(&cn) && !self.uses_names_again;
        if self.groups.contains_key(&cn) || was_there {
            return;
        }
        let members = self.members();
        let place = *[Place::Groups, Place::Groups, Place::Squad]
            .choose(&mut self.random)
            .expect("places");
        self.groups.insert(cn.clone(), place);
        let lines = format!("changetype: add\nobjectClass: groupOfNames\ncn: {cn}\n{members}");
        self.record(&self.group_dn(&cn), lines.trim_end());
    }

    fn drop_group(&mut self) {
        let Some(cn) = self.some_group() else { return };
        self.record(&self.group_dn(&cn), "changetype: delete");
        self.groups.remove(&cn);
        self.given_up.insert(cn.clone());
        if self.uses_names_again && self.random.random() {
            let members = self.members();
            self.groups.insert(cn.clone(), Place::Groups);
            let lines = format!("changetype: add\nobjectClass: groupOfNames\ncn: {cn}\n{members}");
            self.record(&self.group_dn(&cn), lines.trim_end());
        }
    }

    fn rename_group(&mut self) {
        let Some(cn) = self.some_group() else { return };
        let new = self.fresh("squad");
        let lines = format!("changetype: modrdn\nnewrdn: cn={new}\ndeleteoldrdn: 1");
        self.record(&self.group_dn(&cn), &lines);
        let place = self.groups.remove(&cn).expect("it is known");
        self.groups.insert(new, place);
        self.given_up.insert(cn);
    }

    fn move_group(&mut self) {
        let Some(cn) = self.some_group() else { return };
        let others = [Place::Groups, Place::Squad, Place::Outside].into_iter();
        let others: Vec<Place> = others.filter(|place| *place != self.groups[&cn]).collect();
        let place = *others.choose(&mut self.random).expect("places");
        let above = self.below(place);
        let lines = format!("changetype: modrdn\nnewrdn: cn={cn}\ndeleteoldrdn: 1\nnewsuperior: {above}");
        self.record(&self.group_dn(&cn), &lines);
        self.groups.insert(cn, place);
    }

    /// Everybody in the branch at once: under another name, out of the base, or back in. Nothing of their entries changes.
    fn move_branch(&mut self) {
        let name = self.fresh("branch");
        let above = *[PEOPLE, PEOPLE, OUTSIDE].choose(&mut self.random).expect("places");
        let from = std::mem::replace(&mut self.branch, format!("ou={name},{above}"));
        self.move_unit(&from, &name, above);
    }

    /// The same with groups.
    fn move_squad(&mut self) {
        let name = self.fresh("squad");
        let above = *[GROUPS, GROUPS, OUTSIDE].choose(&mut self.random).expect("places");
        let from = std::mem::replace(&mut self.squad, format!("ou={name},{above}"));
        self.move_unit(&from, &name, above);
    }

    fn move_unit(&mut self, from: &str, name: &str, above: &str) {
        let lines = format!("changetype: modrdn\nnewrdn: ou={name}\ndeleteoldrdn: 1\nnewsuperior: {above}");
        self.record(from, &lines);
    }

    fn hide_group(&mut self) {
        let Some(cn) = self.some_group() else { return };
        let word = *["hidden", "shown"].choose(&mut self.random).expect("two words");
        self.replace(&self.group_dn(&cn), "description", &[word]);
    }

    /// The whole list is replaced, because referential integrity may have changed it behind our back.
    fn change_members(&mut self) {
        let Some(cn) = self.some_group() else { return };
        let members = self.members();
        let lines = format!("changetype: modify\nreplace: member\n{members}-");
        self.record(&self.group_dn(&cn), &lines);
    }

    /// People and groups, some of them dangling, some in a cycle or in the group itself.
    fn members(&mut self) -> String {
        let mut members = BTreeSet::from([PLACEHOLDER.to_owned()]);
        for _ in 0..self.random.random_range(0..5) {
            let number = self.random.random_range(0..STRANGERS);
            match self.random.random_range(0..8) {
                0 => drop(members.insert(format!("uid=stranger{number},{PEOPLE}"))),
                1 => drop(members.insert(format!("cn=ghost{number},{GROUPS}"))),
                2..=4 => members.extend(self.some_group().map(|other| self.group_dn(&other))),
                _ => members.extend(self.somebody().map(|uid| self.dn(&uid))),
            }
        }
        members.iter().map(|member| format!("member: {member}\n")).collect()
    }
}
