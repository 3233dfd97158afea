//! Secrets of guests and of their links lead to those that they open; whoever joined by a link names one that is there; exactly
//! the cost centre that the organisation names is the default.

use async_trait::async_trait;

use crate::directory::DirectoryError;
use crate::directory::guest::parse_target;
use crate::directory::keys::{self, Table};
use crate::directory::verify::{Report, Violation};
use crate::model::cost_centre::CostCentre;
use crate::model::guest::{Guest, GuestLink};
use crate::model::organisation::Organisation;
use crate::store::{Key, Store, Versioned};

use super::{Invariant, View, readable};

/// The invariant.
pub struct Guests;

#[async_trait]
impl Invariant for Guests {
    fn name(&self) -> &'static str {
        "guests"
    }

    async fn verify(&self, view: &View<'_>, report: &mut Report) -> Result<(), DirectoryError> {
        self.guests(view, report).await?;
        self.links(view, report).await?;
        self.cost_centres(view, report).await
    }
}

impl Guests {
    async fn guests(&self, view: &View<'_>, report: &mut Report) -> Result<(), DirectoryError> {
        let organisation = view.organisation;
        let mut pages = view.under(&keys::table(organisation, Table::Guest));
        while let Some(entries) = pages.next(report).await? {
            let rests_on = |_: &Key, stored: &Versioned| {
                readable::<Guest>(Some(stored)).map_or_else(Vec::new, |guest| {
                    let link = guest.link.map(|link| keys::people::guest_link(organisation, link));
                    let secret = guest.secret_hash.map(|hash| keys::people::guest_secret(&hash));
                    link.into_iter().chain(secret).collect()
                })
            };
            for entry in view.together(entries, rests_on).await? {
                if entry.others.iter().any(Option::is_none) {
                    let what = "came by a link that is not there, or has a secret that opens nothing";
                    view.broken(report, self.name(), &entry.key, what).await;
                }
            }
        }
        Ok(())
    }

    async fn links(&self, view: &View<'_>, report: &mut Report) -> Result<(), DirectoryError> {
        let mut pages = view.under(&keys::table(view.organisation, Table::GuestLink));
        while let Some(entries) = pages.next(report).await? {
            let secret = |_: &Key, stored: &Versioned| {
                let link = readable::<GuestLink>(Some(stored)).filter(|link| link.enabled);
                link.map_or_else(Vec::new, |link| vec![keys::people::guest_secret(&link.secret_hash)])
            };
            for entry in view.together(entries, secret).await? {
                if entry.others.iter().any(Option::is_none) {
                    let what = "is open and its secret opens nothing";
                    view.broken(report, self.name(), &entry.key, what).await;
                }
            }
        }
        Ok(())
    }

    async fn cost_centres(&self, view: &View<'_>, report: &mut Report) -> Result<(), DirectoryError> {
        let organisation = view.organisation;
        let mut pages = view.under(&keys::table(organisation, Table::CostCentre));
        while let Some(entries) = pages.next(report).await? {
            let owner = |_: &Key, _: &Versioned| vec![keys::organisation(organisation)];
            for entry in view.together(entries, owner).await? {
                let owner = readable::<Organisation>(entry.others.first().and_then(Option::as_ref));
                let Some((centre, owner)) = readable::<CostCentre>(Some(&entry.value)).zip(owner) else {
                    continue;
                };
                if centre.default != (owner.default_cost_centre.as_ref() == Some(&centre.key)) {
                    let what = "does not agree with the organisation on which cost centre is the default";
                    view.broken(report, self.name(), &entry.key, what).await;
                }
            }
        }
        Ok(())
    }
}

/// Every secret leads to a guest or a link that it opens.
pub(super) async fn verify_secrets(store: &dyn Store, report: &mut Report) -> Result<(), DirectoryError> {
    let view = View::new(store, keys::GATEWAY);
    let mut pages = view.under(&keys::people::guest_secrets());
    while let Some(entries) = pages.next(report).await? {
        let target =
            |_: &Key, stored: &Versioned| parse_target(&stored.value).map_or_else(Vec::new, |(_, target)| vec![target]);
        for entry in view.together(entries, target).await? {
            let target = entry.others.first().and_then(Option::as_ref);
            let opened = match readable::<Guest>(target) {
                Some(guest) => guest.secret_hash,
                None => readable::<GuestLink>(target).map(|link| link.secret_hash),
            };
            if opened.map(|hash| keys::people::guest_secret(&hash)).as_ref() != Some(&entry.key) {
                let violation = Violation {
                    invariant: "guests",
                    organisation: None,
                    place: entry.key.to_string(),
                    what: "leads to no guest and no link that it opens".to_owned(),
                };
                report.violation(violation).await;
            }
        }
    }
    Ok(())
}
