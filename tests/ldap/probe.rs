//! What a probe says of real servers, good and badly set up.

use std::fmt::Write as _;

use usher::ldap::probe::{Outcome, Place, ProbeReport, Verdict};
use usher::ldap::{ChangeMethod, Filter, Need, Needs, Query, ReadError, Scope, Secret, StableIdKind, Vendor, probe};

use crate::kit::directory_ldif::SUFFIX;
use crate::kit::faulty_ldap::{Fault, FaultyLdap, SLOW};
use crate::kit::real_directory::{Account, RealDirectory, ServerKind, on_one_server, on_real_servers};
use crate::kit::slapd::{LIMITED_DN, Slapd, Synchronisation};

on_real_servers!(
    a_good_connection_is_called_good,
    a_query_that_matches_nothing_is_a_failure_with_a_cure,
    a_wrong_password_is_the_only_finding,
);
on_one_server!(
    limits_of_ds389,
    Ds389,
    an_account_without_limits_is_told_from_one_with,
    a_stable_id_without_an_index_is_told_with_its_cure,
    an_attribute_of_members_without_an_index_is_told_with_its_cure,
    an_attribute_that_an_aci_hides_is_told
);
on_one_server!(tombstones_on_samba, Samba, hidden_tombstones_are_advice);

async fn a_good_connection_is_called_good(directory: RealDirectory) {
    directory.add_people(&["ada", "bob"]);
    directory.add_group("staff", &[directory.dn("ada")]);
    let (users, groups) = (people(&directory), groups(&directory));
    let report = probe(&directory.settings(), &users, Some(&groups), &Needs::default()).await;
    let expected = match directory.kind() {
        ServerKind::OpenLdap | ServerKind::Ds389 => ChangeMethod::ContentSync,
        ServerKind::Samba => ChangeMethod::UpdateSequence,
    };
    for (place, count) in [(Place::Users, 2), (Place::Groups, 1)] {
        let of = |outcome: &Outcome| matches!(outcome, Outcome::Reads { entries, .. } if *entries == count);
        assert!(has(&report, place, of), "{}", shown(&report));
        let of = |outcome: &Outcome| matches!(outcome, Outcome::Changes(method) if *method == expected);
        assert!(has(&report, place, of), "{}", shown(&report));
    }
    let is_encrypted =
        |outcome: &Outcome| matches!(outcome, Outcome::Encrypted { version } if version.starts_with("TLSv1"));
    assert!(has(&report, Place::Server, is_encrypted), "{}", shown(&report));
    // Samba's reader does not see tombstones, which is advice; a busy machine may look like a missing index.
    let worst = report
        .findings
        .iter()
        .filter(|finding| !matches!(finding.outcome, Outcome::MissesDeletions | Outcome::Unindexed { .. }))
        .map(|finding| finding.outcome.verdict())
        .max();
    assert_eq!(worst, Some(Verdict::Good), "{}", shown(&report));
    let vendor = report.capability.as_ref().map(|capability| capability.vendor);
    let expected = match directory.kind() {
        ServerKind::OpenLdap => Vendor::OpenLdap,
        ServerKind::Ds389 => Vendor::Ds389,
        ServerKind::Samba => Vendor::Samba,
    };
    assert_eq!(vendor, Some(expected));
}

async fn a_query_that_matches_nothing_is_a_failure_with_a_cure(directory: RealDirectory) {
    let nobody = Query {
        filter: Filter::parse("(cn=nobody at all)").expect("a good filter"),
        ..people(&directory)
    };
    let nowhere = Query {
        base: format!("ou=nowhere,{}", directory.base()),
        ..groups(&directory)
    };
    let report = probe(&directory.settings(), &nobody, Some(&nowhere), &Needs::default()).await;
    assert_eq!(report.verdict(), Verdict::Failure);
    let is_empty = |outcome: &Outcome| matches!(outcome, Outcome::MatchesNothing) && outcome.cure().is_some();
    assert!(has(&report, Place::Users, is_empty), "{}", shown(&report));
    let is_missing = |outcome: &Outcome| matches!(outcome, Outcome::Failed(ReadError::NoSuchObject { .. }));
    assert!(has(&report, Place::Groups, is_missing), "{}", shown(&report));
}

async fn a_wrong_password_is_the_only_finding(directory: RealDirectory) {
    let mut settings = directory.settings();
    settings.bind_password = Secret::literal("certainly not");
    let report = probe(&settings, &people(&directory), None, &Needs::default()).await;
    assert!(
        matches!(report.findings.as_slice(), [only] if matches!(only.outcome, Outcome::Unreachable(_))),
        "{}",
        shown(&report)
    );
}

async fn an_account_without_limits_is_told_from_one_with(directory: RealDirectory) {
    // The lookthrough limit of an ordinary account counts what the server has to look at, not what it sends.
    let names: Vec<String> = (0..20).map(|number| format!("p{number:02}")).collect();
    directory.add_people(&names);
    let users = people(&directory);
    let report = probe(&directory.settings(), &users, None, &Needs::default()).await;
    assert!(!has(&report, Place::Users, |outcome| matches!(
        outcome,
        Outcome::SizeLimit { .. }
    )));
    let stranger = directory.settings_as(Account::Stranger, &directory.tls_url());
    let report = probe(&stranger, &users, None, &Needs::default()).await;
    assert_eq!(
        report.verdict(),
        Verdict::Failure,
        "an account without rights: {}",
        shown(&report)
    );
}

/// 389-DS has no index of entryUUID, so it looks at every entry, and stops at the account's limit.
async fn a_stable_id_without_an_index_is_told_with_its_cure(directory: RealDirectory) {
    let names: Vec<String> = (0..30).map(|number| format!("n{number:02}")).collect();
    directory.add_people(&names);
    let settings = directory.settings_as(Account::Limited, &directory.tls_url());
    let has_advice = |report: &ProbeReport| {
        let of = |outcome: &Outcome| matches!(outcome, Outcome::Unindexed { .. }) && outcome.cure().is_some();
        has(report, Place::Users, of)
    };
    let indexed = probe(&settings, &people(&directory), None, &Needs::default()).await;
    assert!(!has_advice(&indexed), "{}", shown(&indexed));
    let by_another = Query {
        stable_id: StableIdKind::EntryUuid,
        ..people(&directory)
    };
    let report = probe(&settings, &by_another, None, &Needs::default()).await;
    assert!(has_advice(&report), "{}", shown(&report));
}

/// What is made of people and of groups in these tests.
fn needs() -> Needs {
    let need = |what: &str, attribute: &str, is_required| Need {
        what: what.to_owned(),
        attributes: vec![attribute.to_owned()],
        is_required,
    };
    Needs {
        users: vec![need("userName", "uid", true), need("emails", "mail", false)],
        groups: vec![need("the members", "member", false)],
        members: vec!["member".to_owned()],
    }
}

/// The names of the attributes that the report misses.
fn not_shown(report: &ProbeReport) -> Vec<(Place, String, Verdict)> {
    let missed = report.findings.iter().filter_map(|finding| match &finding.outcome {
        Outcome::NotShown { attributes, .. } => {
            let cure = finding.outcome.cure().expect("a cure");
            assert!(cure.contains("let the account read"), "{cure}");
            Some((finding.place, attributes.join(" "), finding.outcome.verdict()))
        }
        _ => None,
    });
    missed.collect()
}

/// The attributes that have no index.
fn unindexed(report: &ProbeReport) -> Vec<(Place, &str)> {
    let found = report.findings.iter().filter_map(|finding| match &finding.outcome {
        Outcome::Unindexed { attribute, took: None } => {
            assert!(
                finding
                    .outcome
                    .cure()
                    .is_some_and(|cure| cure.contains("index the attribute"))
            );
            Some((finding.place, attribute.as_str()))
        }
        _ => None,
    });
    found.collect()
}

/// 389-DS comes with an index of member, and with none of most others.
async fn an_attribute_of_members_without_an_index_is_told_with_its_cure(directory: RealDirectory) {
    directory.add_people(&["ada"]);
    for number in 0..30 {
        directory.add_group(&format!("g{number}"), &[directory.dn("ada")]);
    }
    let settings = directory.settings_as(Account::Limited, &directory.tls_url());
    let with = |members: &str| Needs {
        members: vec![members.to_owned()],
        ..Needs::default()
    };
    let (users, groups) = (people(&directory), groups(&directory));
    let report = probe(&settings, &users, Some(&groups), &with("member")).await;
    assert_eq!(unindexed(&report), [], "{}", shown(&report));
    let report = probe(&settings, &users, Some(&groups), &with("roleOccupant")).await;
    assert_eq!(
        unindexed(&report),
        [(Place::Groups, "roleOccupant")],
        "{}",
        shown(&report)
    );
}

async fn an_attribute_that_an_aci_hides_is_told(directory: RealDirectory) {
    directory.add_people(&["ada", "bob"]);
    directory.add_group("crew", &[directory.dn("ada")]);
    let (users, groups) = (people(&directory), groups(&directory));
    let report = probe(&directory.settings(), &users, Some(&groups), &needs()).await;
    assert_eq!(not_shown(&report), [], "{}", shown(&report));
    let (reader, _) = directory.account(Account::Reader);
    let deny = format!(
        "add: aci\naci: (targetattr = \"mail || member\")(version 3.0; acl \"hidden\"; deny (all) \
         userdn = \"ldap:///{reader}\";)\n"
    );
    directory.change(directory.base(), &deny);
    let report = probe(&directory.settings(), &users, Some(&groups), &needs()).await;
    let expected = [
        (Place::Users, "mail".to_owned(), Verdict::Advice),
        (Place::Groups, "member".to_owned(), Verdict::Advice),
    ];
    assert_eq!(not_shown(&report), expected, "{}", shown(&report));
}

#[tokio::test]
async fn attributes_that_an_acl_hides_are_told_and_what_nobody_can_do_without_is_a_failure() {
    let rule = |attributes: &str| format!("access to attrs={attributes} by * none\naccess to * by users read");
    let ldif: String = (0..3).map(person).collect();
    for (hidden, expected) in [
        ("description", &[][..]),
        ("mail", &[("mail", Verdict::Advice)]),
        ("uid", &[("uid", Verdict::Failure)]),
        ("uid,mail", &[("uid", Verdict::Failure), ("mail", Verdict::Advice)]),
    ] {
        let Some(slapd) =
            Slapd::start_configured(&ldif, |text| text.replace("access to * by users read", &rule(hidden)))
        else {
            return;
        };
        let report = probe(&slapd.settings(), &slapd_people(), None, &needs()).await;
        let expected = expected
            .iter()
            .map(|(name, verdict)| (Place::Users, (*name).to_owned(), *verdict));
        assert_eq!(
            not_shown(&report),
            expected.collect::<Vec<_>>(),
            "{hidden}: {}",
            shown(&report)
        );
    }
}

/// slapd refuses a search for an account that may look at fewer candidates than an index leaves.
#[tokio::test]
async fn searches_that_slapd_refuses_for_want_of_an_index_are_told_with_their_cure() {
    let members = (0..40).map(|number| {
        format!(
            "dn: cn=g{number},ou=groups,{SUFFIX}\nobjectClass: groupOfNames\ncn: g{number}\nmember: uid=u000001,ou=people,{SUFFIX}\n\n"
        )
    });
    let ldif: String = (0..40).map(person).chain(members).collect();
    let groups = Query {
        base: format!("ou=groups,{SUFFIX}"),
        filter: Filter::parse("(objectClass=groupOfNames)").expect("a good filter"),
        ..slapd_people()
    };
    let limited = |text: &str, index: &str| {
        let without = ["overlay syncprov", "syncprov-"];
        let lines = text
            .lines()
            .filter(|line| !without.iter().any(|start| line.starts_with(start)));
        let text: String = lines.map(|line| format!("{line}\n")).collect();
        let text = text.replace("size.pr=5000", "size.pr=5000 size.unchecked=60");
        text.replace(index, "")
    };
    for (index, expected) in [
        ("no such line", &[][..]),
        (
            "index modifyTimestamp eq",
            &[(Place::Users, "modifyTimestamp"), (Place::Groups, "modifyTimestamp")],
        ),
        (
            "entryUUID,",
            &[(Place::Users, "entryUUID"), (Place::Groups, "entryUUID")],
        ),
    ] {
        let Some(slapd) = Slapd::start_configured(&ldif, |text| limited(text, index)) else {
            return;
        };
        let report = probe(&slapd.settings(), &slapd_people(), Some(&groups), &needs()).await;
        assert_eq!(unindexed(&report), expected, "without {index:?}: {}", shown(&report));
    }
}

/// Active Directory has the index, and a replica of another make may not: a server that is slow to search for numbers, or
/// refuses, stands in for it.
#[tokio::test]
async fn update_sequence_numbers_without_an_index_are_told_with_their_cure() {
    let people = Query {
        base: "OU=people,DC=fake,DC=test".to_owned(),
        filter: Filter::parse("(objectClass=user)").expect("a good filter"),
        stable_id: StableIdKind::ObjectGuid,
        ..slapd_people()
    };
    let server = FaultyLdap::start(Fault::RefusesToSearchForChanges, 3).await;
    let report = probe(&server.settings(), &people, None, &Needs::default()).await;
    let by_number = |outcome: &Outcome| matches!(outcome, Outcome::Changes(ChangeMethod::UpdateSequence));
    assert!(has(&report, Place::Users, by_number), "{}", shown(&report));
    assert_eq!(unindexed(&report), [(Place::Users, "uSNChanged")], "{}", shown(&report));

    let server = FaultyLdap::start(Fault::SearchesSlowlyForChanges, 3).await;
    let report = probe(&server.settings(), &people, None, &Needs::default()).await;
    let slow = report.findings.iter().find(|finding| {
        matches!(&finding.outcome, Outcome::Unindexed { attribute, took: Some(took) }
            if attribute == "uSNChanged" && *took >= SLOW)
    });
    let slow = slow.unwrap_or_else(|| panic!("{}", shown(&report)));
    assert!(
        slow.outcome
            .cure()
            .is_some_and(|cure| cure.contains("index the attribute"))
    );
    assert_eq!(slow.outcome.verdict(), Verdict::Advice);
    assert!(
        slow.outcome.to_string().contains("a search for one uSNChanged takes"),
        "{}",
        slow.outcome
    );
}

async fn hidden_tombstones_are_advice(directory: RealDirectory) {
    directory.add_people(&["ada", "bob"]);
    directory.delete(&directory.dn("ada"));
    let users = people(&directory);
    let report = probe(&directory.settings(), &users, None, &Needs::default()).await;
    assert!(
        has(&report, Place::Server, |outcome| matches!(
            outcome,
            Outcome::MissesDeletions
        )),
        "{}",
        shown(&report)
    );
    let administrator = directory.administrator();
    let mut settings = directory.settings();
    settings.bind_dn = administrator.dn.to_owned();
    settings.bind_password = Secret::literal(administrator.password);
    let report = probe(&settings, &users, None, &Needs::default()).await;
    assert!(
        has(&report, Place::Server, |outcome| matches!(
            outcome,
            Outcome::SeesDeletions
        )),
        "{}",
        shown(&report)
    );
}

#[tokio::test]
async fn a_size_limit_is_found_with_where_it_stops() {
    let ldif: String = (0..600).map(person).collect();
    let Some(slapd) = Slapd::start(&ldif) else { return };
    let mut settings = slapd.settings();
    settings.bind_dn = LIMITED_DN.to_owned();
    let report = probe(&settings, &slapd_people(), None, &Needs::default()).await;
    let is_limit = |outcome: &Outcome| {
        matches!(
            outcome,
            Outcome::SizeLimit {
                entries: 1..=500,
                code: 4,
                ..
            }
        )
    };
    assert!(has(&report, Place::Users, is_limit), "{}", shown(&report));
    assert_eq!(report.verdict(), Verdict::Failure);
}

#[tokio::test]
async fn a_database_without_syncprov_is_advice_and_falls_back_to_time_stamps() {
    let ldif: String = (0..3).map(person).collect();
    let Some(slapd) = Slapd::start_with(&ldif, Synchronisation::Absent) else {
        return;
    };
    let mut settings = slapd.settings_for(&format!("ldap://{}", slapd.address()));
    settings.allow_plain = true;
    let report = probe(&settings, &slapd_people(), None, &Needs::default()).await;
    let lacks_syncprov = |outcome: &Outcome| {
        matches!(
            outcome,
            Outcome::NoChanges {
                method: ChangeMethod::ContentSync,
                ..
            }
        ) && outcome.cure().is_some_and(|cure| cure.contains("syncprov"))
    };
    assert!(has(&report, Place::Users, lacks_syncprov), "{}", shown(&report));
    let falls_back = |outcome: &Outcome| matches!(outcome, Outcome::Changes(ChangeMethod::ModifyTimestamp));
    assert!(has(&report, Place::Users, falls_back), "{}", shown(&report));
    assert!(has(&report, Place::Server, |outcome| matches!(outcome, Outcome::Plain)));
    assert_eq!(report.verdict(), Verdict::Advice);
}

#[tokio::test]
async fn references_to_other_servers_are_advice() {
    let Some(slapd) = Slapd::start(&person(1)) else { return };
    let whole = Query {
        base: SUFFIX.to_owned(),
        ..slapd_people()
    };
    let report = probe(&slapd.settings(), &whole, None, &Needs::default()).await;
    let refers = |outcome: &Outcome| matches!(outcome, Outcome::Referrals { references: 1, .. });
    assert!(has(&report, Place::Users, refers), "{}", shown(&report));
}

fn has(report: &ProbeReport, place: Place, of: impl Fn(&Outcome) -> bool) -> bool {
    let mut findings = report.findings.iter().filter(|finding| finding.place == place);
    findings.any(|finding| of(&finding.outcome))
}

/// The report as people read it, for the message of a failed test.
fn shown(report: &ProbeReport) -> String {
    let mut text = String::new();
    for finding in &report.findings {
        let cure = finding.outcome.cure().unwrap_or_default();
        writeln!(text, "{}: {}; {cure}", finding.place, finding.outcome).expect("a text takes everything");
    }
    text
}

fn people(directory: &RealDirectory) -> Query {
    query(directory, directory.people(), directory.user_filter())
}

fn groups(directory: &RealDirectory) -> Query {
    query(directory, directory.groups(), directory.group_filter())
}

fn query(directory: &RealDirectory, base: String, filter: &str) -> Query {
    Query {
        base,
        scope: Scope::WholeSubtree,
        filter: Filter::parse(filter).expect("a good filter"),
        attributes: ["cn", "uid", "mail", "member"].map(str::to_owned).to_vec(),
        stable_id: directory.stable_id(),
    }
}

fn person(index: usize) -> String {
    let uid = format!("u{index:06}");
    format!(
        "dn: uid={uid},ou=people,{SUFFIX}\nobjectClass: inetOrgPerson\nuid: {uid}\ncn: {uid}\nsn: {uid}\nmail: {uid}@example.com\n\n"
    )
}

fn slapd_people() -> Query {
    Query {
        base: format!("ou=people,{SUFFIX}"),
        scope: Scope::WholeSubtree,
        filter: Filter::parse("(objectClass=inetOrgPerson)").expect("a good filter"),
        attributes: ["uid", "mail", "member"].map(str::to_owned).to_vec(),
        stable_id: StableIdKind::EntryUuid,
    }
}
