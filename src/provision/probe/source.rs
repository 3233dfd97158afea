//! Trying out a directory: its settings, the server, both searches, the schedules.

use crate::directory::settings::OrganisationSettings;
use crate::ldap::probe::{Outcome, Place, ProbeReport, Verdict};
use crate::ldap::{
    Capability, ChangeMethod, Connection as LdapConnection, LdapSettings, Need, Needs, Query, StableIdKind,
};
use crate::model::clock::Timestamp;
use crate::model::connection::{AttributeRule, Connection, LdapSource};
use crate::model::custom_attribute::Bearer;
use crate::provision::advice::Advice;
use crate::provision::check;
use crate::provision::mapping::{Mapping, MappingError, defaults};
use crate::provision::reading::Reading;
use crate::provision::schedule;
use crate::provision::source::{self, GROUP_NAMES, SourceError};

use super::{Findings, Search};

/// Why nothing could be sent.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error("the connection has no ldap section")]
    NoDirectory,
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error(transparent)]
    Mapping(#[from] MappingError),
}

/// Tries everything; answers with the searches that a run would make.
pub(super) async fn probe(
    organisation: &OrganisationSettings,
    connection: &Connection,
    now: Timestamp,
    findings: &mut Findings,
) -> Vec<Search> {
    let faults = check::faults(connection, organisation.custom(Bearer::User));
    let is_sound = faults.is_empty();
    for fault in faults {
        findings.note("settings", "setting", Verdict::Failure, fault.to_string(), None);
    }
    if !is_sound {
        return Vec::new();
    }
    match try_directory(organisation, connection, findings).await {
        Ok((reads, report)) => {
            schedules(connection, &report, now, findings);
            reads
        }
        Err(unusable) => {
            findings.note("settings", "setting", Verdict::Failure, unusable.to_string(), None);
            Vec::new()
        }
    }
}

async fn try_directory(
    organisation: &OrganisationSettings,
    connection: &Connection,
    findings: &mut Findings,
) -> Result<(Vec<Search>, ProbeReport), Unusable> {
    let directory = connection.ldap.as_ref().ok_or(Unusable::NoDirectory)?;
    let settings = source::settings(directory)?;
    let mapping = Mapping::compile(connection, organisation.custom(Bearer::User))?;
    let kind = match source::stable_id(directory)? {
        Some(kind) => kind,
        // Where the server cannot be asked, the trial says why.
        None => found_stable_id(&settings).await.unwrap_or(StableIdKind::EntryUuid),
    };
    let users = source::users(directory, &mapping, kind)?;
    let groups = directory.groups.as_ref();
    let groups = groups.map(|searched| source::groups(directory, searched, kind));
    let groups = groups.transpose()?;
    let report = crate::ldap::probe(&settings, &users, groups.as_ref(), &needs(connection, kind)).await;
    for finding in &report.findings {
        let outcome = &finding.outcome;
        let cure = outcome.cure().map(str::to_owned);
        findings.note(
            word(finding.place),
            outcome.word(),
            outcome.verdict(),
            outcome.to_string(),
            cure,
        );
    }
    Ok((searches(directory, users, groups, &report), report))
}

/// What is to be made of entries, and of what. An attribute that the settings name is looked for wherever it goes; of the
/// defaults, which name more than any one directory has, only what hardly anybody lacks.
fn needs(connection: &Connection, kind: StableIdKind) -> Needs {
    const HARDLY_LACKED: [&str; 3] = ["userName", "displayName", "emails"];
    let is_default = connection.mapping.is_empty();
    let rules = if is_default {
        defaults::ldap()
    } else {
        connection.mapping.clone()
    };
    let mut users: Vec<Need> = Vec::new();
    for rule in rules {
        let Some(from) = rule
            .from
            .filter(|_| !is_default || HARDLY_LACKED.contains(&rule.to.as_str()))
        else {
            continue;
        };
        match users.iter_mut().find(|need| need.what == rule.to) {
            Some(need) => need.attributes.push(from),
            None => users.push(Need {
                is_required: rule.to == "userName",
                what: rule.to,
                attributes: vec![from],
            }),
        }
    }
    // A user name that an expression or a fixed value may give as well can be had without these.
    let is_given = |rule: &AttributeRule| rule.to == "userName" && rule.from.is_none();
    let is_certain = connection.mapping.iter().any(is_given);
    users.iter_mut().for_each(|need| need.is_required &= !is_certain);
    if kind == StableIdKind::ObjectGuid {
        users.push(Need {
            what: "whether somebody is disabled".to_owned(),
            attributes: vec!["userAccountControl".to_owned()],
            is_required: false,
        });
    }
    let members = connection
        .ldap
        .as_ref()
        .map(|directory| directory.member_attributes.clone());
    let members = members.unwrap_or_default();
    let group = |what: &str, attributes: Vec<String>, is_required| Need {
        what: what.to_owned(),
        attributes,
        is_required,
    };
    Needs {
        users,
        groups: vec![
            group("the name", GROUP_NAMES.map(str::to_owned).to_vec(), true),
            group("the members", members.clone(), false),
        ],
        members,
    }
}

async fn found_stable_id(settings: &LdapSettings) -> Option<StableIdKind> {
    let mut ldap = LdapConnection::open(settings).await.ok()?;
    let capability = Capability::read(&mut ldap).await.ok()?;
    ldap.close().await;
    Some(capability.stable_id())
}

fn searches(directory: &LdapSource, users: Query, groups: Option<Query>, report: &ProbeReport) -> Vec<Search> {
    let filters = [Some(&directory.users), directory.groups.as_ref()];
    let queries = [(Place::Users, Some(users)), (Place::Groups, groups)];
    let both = queries.into_iter().zip(filters);
    both.filter_map(|((place, query), searched)| {
        let (query, searched) = (query?, searched?);
        Some(Search {
            place: word(place),
            base: query.base,
            scope: searched.scope,
            filter: searched.filter.clone(),
            stable_id: query.stable_id.attribute(),
            attributes: query.attributes,
            entries: entries(report, place),
        })
    })
    .collect()
}

fn entries(report: &ProbeReport, place: Place) -> Option<u64> {
    let mut here = report.findings.iter().filter(|finding| finding.place == place);
    here.find_map(|finding| match finding.outcome {
        Outcome::Reads { entries, .. } => Some(entries),
        Outcome::MatchesNothing => Some(0),
        _ => None,
    })
}

/// When each reading comes next, and what they leave open.
fn schedules(connection: &Connection, report: &ProbeReport, now: Timestamp, findings: &mut Findings) {
    let times = [
        (Reading::Whole, "schedule", &connection.schedule),
        (Reading::Changes, "changes_schedule", &connection.changes_schedule),
        (Reading::Presence, "presence_schedule", &connection.presence_schedule),
    ];
    for (reading, setting, text) in times {
        let Some(text) = text else { continue };
        // The expressions were judged with the other settings.
        let next = schedule::next(text, now).ok().flatten();
        let next = next.map_or_else(
            || "never again".to_owned(),
            |next| next.format("next at %F %T UTC").to_string(),
        );
        findings.good(
            "schedules",
            "next",
            format!("{setting} = {text:?} reads {}, {next}", what(reading)),
        );
    }
    let of = |wanted: fn(&Outcome) -> bool| report.findings.iter().any(|finding| wanted(&finding.outcome));
    let by = |method: ChangeMethod| {
        let mut findings = report.findings.iter();
        findings.any(|finding| matches!(finding.outcome, Outcome::Changes(found) if found == method))
    };
    let syncs = by(ChangeMethod::ContentSync);
    let sees_deletions =
        if by(ChangeMethod::ModifyTimestamp) || of(|outcome| matches!(outcome, Outcome::MissesDeletions)) {
            Some(false)
        } else {
            (syncs || by(ChangeMethod::UpdateSequence)).then_some(true)
        };
    for advice in Advice::on_schedules(connection, sees_deletions) {
        findings.advise("schedules", &advice);
    }
    let stays = connection
        .ldap
        .as_ref()
        .is_some_and(|directory| directory.stay_connected);
    if stays && sees_deletions.is_some() && !syncs {
        findings.advise("schedules", &Advice::CannotStayConnected);
    } else if stays && syncs {
        let text = "stay_connected = true reads changes as soon as the server says that there are some";
        findings.good("schedules", "stays_connected", text.to_owned());
    }
}

const fn what(reading: Reading) -> &'static str {
    match reading {
        Reading::Whole => "everything",
        Reading::Changes => "what changed",
        Reading::Presence => "who is there",
        Reading::Failures => "what failed",
    }
}

const fn word(place: Place) -> &'static str {
    match place {
        Place::Server => "server",
        Place::Users => "users",
        Place::Groups => "groups",
    }
}
