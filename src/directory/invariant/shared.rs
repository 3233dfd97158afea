//! What organisations share: slugs, tokens and invitation secrets lead to what they should, and nothing lies outside the known
//! tables.

use std::collections::BTreeSet;
use std::ops::Bound;

use crate::directory::DirectoryError;
use crate::directory::keys::{self, exchange};
use crate::directory::oauth::AccessToken;
use crate::directory::verify::{Report, Violation};
use crate::model::id::{InvitationId, MailId, OrganisationId};
use crate::model::invitation::Invitation;
use crate::model::mail::{MailState, QueuedMail};
use crate::model::organisation::Organisation;
use crate::model::record;
use crate::model::token::{Token, TokenGrant};
use crate::store::{Direction, Key, Scan, Store, Versioned};

use super::{CHUNK, View, readable};

/// Verifies it, and answers every organisation that has records.
///
/// # Errors
/// As the store's read, when it cannot go on.
pub async fn verify(store: &dyn Store, report: &mut Report) -> Result<Vec<OrganisationId>, DirectoryError> {
    let named = slugs(store, report).await?;
    tokens(store, report).await?;
    access_tokens(store, report).await?;
    invitation_secrets(store, report).await?;
    times(store, report).await?;
    super::guests::verify_secrets(store, report).await?;
    outside(store, report).await?;
    let present = organisations(store).await?;
    for organisation in &present {
        if !named.contains(organisation) && *organisation != keys::GATEWAY {
            let key = keys::organisation(*organisation);
            broken(report, "shared", &key, "has records, and no slug leads to it").await;
        }
    }
    Ok(present)
}

/// Slugs lead to organisations that bear them.
async fn slugs(store: &dyn Store, report: &mut Report) -> Result<BTreeSet<OrganisationId>, DirectoryError> {
    let view = View::new(store, keys::GATEWAY);
    let mut named = BTreeSet::new();
    let mut pages = view.under(&keys::slugs());
    while let Some(entries) = pages.next(report).await? {
        let organisation = |_: &Key, stored: &Versioned| {
            text(stored)
                .parse()
                .map_or_else(|_| Vec::new(), |id| vec![keys::organisation(id)])
        };
        for entry in view.together(entries, organisation).await? {
            let organisation = readable::<Organisation>(entry.others.first().and_then(Option::as_ref));
            match organisation.filter(|organisation| keys::slug(&organisation.slug) == entry.key) {
                Some(organisation) => {
                    named.insert(organisation.id);
                }
                None => {
                    broken(
                        report,
                        "shared",
                        &entry.key,
                        "leads to no organisation that bears this slug",
                    )
                    .await
                }
            }
        }
    }
    Ok(named)
}

/// Tokens can be read and are in a list, so that somebody can see and revoke them.
async fn tokens(store: &dyn Store, report: &mut Report) -> Result<(), DirectoryError> {
    let view = View::new(store, keys::GATEWAY);
    let mut pages = view.under(&keys::tokens());
    while let Some(entries) = pages.next(report).await? {
        let list = |_: &Key, stored: &Versioned| {
            readable::<Token>(Some(stored)).map_or_else(Vec::new, |token| {
                let owner = match token.grant {
                    TokenGrant::Connection { organisation, .. }
                    | TokenGrant::Organisation { organisation }
                    | TokenGrant::Person { organisation, .. } => organisation,
                    TokenGrant::Organisations { .. } | TokenGrant::Gateway => keys::GATEWAY,
                };
                vec![keys::token_entry(owner, token.id)]
            })
        };
        for entry in view.together(entries, list).await? {
            match record::decode::<Token>(&entry.value.value) {
                Err(error) => broken(report, "records", &entry.key, error.to_string()).await,
                Ok(token) if keys::token(token.id) != entry.key => {
                    broken(report, "records", &entry.key, "holds another token's record").await;
                }
                Ok(_) if entry.others.iter().all(Option::is_none) => {
                    broken(
                        report,
                        "tokens",
                        &entry.key,
                        "is in no list: nobody can see or revoke it",
                    )
                    .await;
                }
                Ok(_) => {}
            }
        }
    }
    Ok(())
}

/// Access tokens can be read, and open a connection that exists.
async fn access_tokens(store: &dyn Store, report: &mut Report) -> Result<(), DirectoryError> {
    let view = View::new(store, keys::GATEWAY);
    let mut pages = view.under(&exchange::access_tokens());
    while let Some(entries) = pages.next(report).await? {
        let connection = |_: &Key, stored: &Versioned| {
            readable::<AccessToken>(Some(stored)).map_or_else(Vec::new, |token| {
                vec![keys::named(
                    token.organisation,
                    keys::Table::Connection,
                    &token.connection,
                )]
            })
        };
        for entry in view.together(entries, connection).await? {
            match record::decode::<AccessToken>(&entry.value.value) {
                Err(error) => broken(report, "records", &entry.key, error.to_string()).await,
                Ok(token) if exchange::access_token(token.id) != entry.key => {
                    broken(report, "records", &entry.key, "holds another access token's record").await;
                }
                Ok(_) if entry.others.iter().all(Option::is_none) => {
                    broken(report, "tokens", &entry.key, "opens a connection that does not exist").await;
                }
                Ok(_) => {}
            }
        }
    }
    Ok(())
}

/// Secrets lead to invitations that they open.
async fn invitation_secrets(store: &dyn Store, report: &mut Report) -> Result<(), DirectoryError> {
    let view = View::new(store, keys::GATEWAY);
    let mut pages = view.under(&keys::invitation_secret_all());
    while let Some(entries) = pages.next(report).await? {
        let invitation = |_: &Key, stored: &Versioned| {
            target(stored).map_or_else(Vec::new, |(organisation, id)| vec![keys::invitation(organisation, id)])
        };
        for entry in view.together(entries, invitation).await? {
            let invitation = readable::<Invitation>(entry.others.first().and_then(Option::as_ref));
            let opens = |invitation: &Invitation| keys::invitation_secret(&invitation.secret_hash) == entry.key;
            if !invitation.as_ref().is_some_and(opens) {
                broken(
                    report,
                    "invitations",
                    &entry.key,
                    "leads to no invitation that it opens",
                )
                .await;
            }
        }
    }
    Ok(())
}

/// What is to be done at some time is about a mail or an invitation that is there and says the same time.
async fn times(store: &dyn Store, report: &mut Report) -> Result<(), DirectoryError> {
    let view = View::new(store, keys::GATEWAY);
    let mut pages = view.under(&keys::mail::dues());
    while let Some(entries) = pages.next(report).await? {
        let mail = |key: &Key, _: &Versioned| {
            let timed = keys::mail::timed(key).into_iter();
            timed
                .map(|(_, organisation, id)| keys::mail::mail(organisation, MailState::Queued, MailId::new(id)))
                .collect()
        };
        for entry in view.together(entries, mail).await? {
            let mail = readable::<QueuedMail>(entry.others.first().and_then(Option::as_ref));
            let due_ms = keys::mail::timed(&entry.key).map(|(due_ms, ..)| due_ms);
            if mail.map(|mail| mail.due_ms()) != due_ms {
                broken(report, "mail", &entry.key, "is due, and no mail is queued for then").await;
            }
        }
    }
    let mut pages = view.under(&keys::mail::all_ends());
    while let Some(entries) = pages.next(report).await? {
        let invitation = |key: &Key, _: &Versioned| {
            let timed = keys::mail::timed(key).into_iter();
            timed
                .map(|(_, organisation, id)| keys::invitation(organisation, InvitationId::new(id)))
                .collect()
        };
        for entry in view.together(entries, invitation).await? {
            let invitation = readable::<Invitation>(entry.others.first().and_then(Option::as_ref));
            let end_ms = keys::mail::timed(&entry.key).map(|(end_ms, ..)| end_ms);
            if invitation.map(|invitation| invitation.expires_ms()) != end_ms {
                broken(report, "invitations", &entry.key, "ends then, and no invitation does").await;
            }
        }
    }
    Ok(())
}

/// Keys that belong to no table: the gaps between the known prefixes.
async fn outside(store: &dyn Store, report: &mut Report) -> Result<(), DirectoryError> {
    let mut known = [
        exchange::access_tokens(),
        keys::mail::all_ends(),
        keys::name_form(),
        keys::invitation_secret_all(),
        keys::mail::dues(),
        keys::people::guest_secrets(),
        keys::slugs(),
        keys::tokens(),
        Key::new(&b"o"[..]),
    ];
    known.sort();
    let mut start = Bound::Unbounded;
    let ends = known.iter().cloned().map(Bound::Excluded).chain([Bound::Unbounded]);
    let afters = known
        .iter()
        .map(|key| key.prefix_end().map_or(Bound::Unbounded, Bound::Included));
    for (end, after) in ends.zip(afters.chain([Bound::Unbounded])) {
        let scan = Scan {
            start,
            end,
            direction: Direction::Forward,
            limit: CHUNK,
        };
        for (key, _) in store.scan(scan).await? {
            broken(report, "records", &key, "is in no table that this release knows").await;
        }
        start = after;
    }
    Ok(())
}

/// Every organisation that has a record, found by leaps: one read each.
async fn organisations(store: &dyn Store) -> Result<Vec<OrganisationId>, DirectoryError> {
    let mut found = Vec::new();
    let all = Scan::prefix(&Key::new(&b"o"[..]), 1);
    let mut start = all.start.clone();
    loop {
        let scan = Scan { start, ..all.clone() };
        let entries = store.scan(scan).await?;
        let Some((key, _)) = entries.first() else {
            return Ok(found);
        };
        let id = key.as_bytes().get(1..17).and_then(|id| uuid::Uuid::from_slice(id).ok());
        let next = match id.map(OrganisationId::new) {
            Some(id) => {
                found.push(id);
                keys::organisation_all(id).prefix_end()
            }
            None => None,
        };
        // A key too short for an organisation is left behind by itself.
        start = next.map_or_else(|| Bound::Excluded(key.clone()), Bound::Included);
    }
}

fn text(stored: &Versioned) -> &str {
    std::str::from_utf8(&stored.value).unwrap_or_default()
}

fn target(stored: &Versioned) -> Option<(OrganisationId, InvitationId)> {
    let (organisation, id) = text(stored).split_once(' ')?;
    Some((organisation.parse().ok()?, id.parse().ok()?))
}

async fn broken(report: &mut Report, invariant: &'static str, key: &Key, what: impl Into<String>) {
    let violation = Violation {
        invariant,
        organisation: None,
        place: key.to_string(),
        what: what.into(),
    };
    report.violation(violation).await;
}
