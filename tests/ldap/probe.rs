//! What a probe says of real servers, good and badly set up.

use std::fmt::Write as _;

use usher::ldap::probe::{Outcome, Place, ProbeReport, Verdict};
use usher::ldap::{ChangeMethod, Filter, Query, ReadError, Scope, Secret, StableIdKind, Vendor, probe};

use crate::kit::directory_ldif::SUFFIX;
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
    a_stable_id_without_an_index_is_told_with_its_cure
);
on_one_server!(tombstones_on_samba, Samba, hidden_tombstones_are_advice);

async fn a_good_connection_is_called_good(directory: RealDirectory) {
    directory.add_people(&["ada", "bob"]);
    directory.add_group("staff", &[directory.dn("ada")]);
    let (users, groups) = (people(&directory), groups(&directory));
    let report = probe(&directory.settings(), &users, Some(&groups)).await;
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
    let report = probe(&directory.settings(), &nobody, Some(&nowhere)).await;
    assert_eq!(report.verdict(), Verdict::Failure);
    let is_empty = |outcome: &Outcome| matches!(outcome, Outcome::MatchesNothing) && outcome.cure().is_some();
    assert!(has(&report, Place::Users, is_empty), "{}", shown(&report));
    let is_missing = |outcome: &Outcome| matches!(outcome, Outcome::Failed(ReadError::NoSuchObject { .. }));
    assert!(has(&report, Place::Groups, is_missing), "{}", shown(&report));
}

async fn a_wrong_password_is_the_only_finding(directory: RealDirectory) {
    let mut settings = directory.settings();
    settings.bind_password = Secret::literal("certainly not");
    let report = probe(&settings, &people(&directory), None).await;
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
    let report = probe(&directory.settings(), &users, None).await;
    assert!(!has(&report, Place::Users, |outcome| matches!(
        outcome,
        Outcome::SizeLimit { .. }
    )));
    let stranger = directory.settings_as(Account::Stranger, &directory.tls_url());
    let report = probe(&stranger, &users, None).await;
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
    let indexed = probe(&settings, &people(&directory), None).await;
    assert!(!has_advice(&indexed), "{}", shown(&indexed));
    let by_another = Query {
        stable_id: StableIdKind::EntryUuid,
        ..people(&directory)
    };
    let report = probe(&settings, &by_another, None).await;
    assert!(has_advice(&report), "{}", shown(&report));
}

async fn hidden_tombstones_are_advice(directory: RealDirectory) {
    directory.add_people(&["ada", "bob"]);
    directory.delete(&directory.dn("ada"));
    let users = people(&directory);
    let report = probe(&directory.settings(), &users, None).await;
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
    let report = probe(&settings, &users, None).await;
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
    let report = probe(&settings, &slapd_people(), None).await;
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
    let report = probe(&settings, &slapd_people(), None).await;
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
    let report = probe(&slapd.settings(), &whole, None).await;
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
        attributes: vec!["cn".to_owned()],
        stable_id: directory.stable_id(),
    }
}

fn person(index: usize) -> String {
    let uid = format!("u{index:06}");
    format!("dn: uid={uid},ou=people,{SUFFIX}\nobjectClass: inetOrgPerson\nuid: {uid}\ncn: {uid}\nsn: {uid}\n\n")
}

fn slapd_people() -> Query {
    Query {
        base: format!("ou=people,{SUFFIX}"),
        scope: Scope::WholeSubtree,
        filter: Filter::parse("(objectClass=inetOrgPerson)").expect("a good filter"),
        attributes: vec!["uid".to_owned()],
        stable_id: StableIdKind::EntryUuid,
    }
}
