//! Guests and the links by which they join (S002-14..16, X03-12). A secret is shown once and stored as a hash.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use crate::model::clock::Timestamp;
use crate::model::event::EventKind;
use crate::model::guest::{Delivery, Guest, GuestLink};
use crate::model::id::{GuestId, GuestLinkId, MailId, OrganisationId};
use crate::model::login::{LoginId, LoginKind, LoginProblem};
use crate::model::mail::{self, Message, TemplateName};
use crate::model::organisation::Organisation;
use crate::model::record;

use super::error::Denial;
use super::keys::{self, Table};
use super::outbox::{self, About};
use super::stretch::Stretch;
use super::token::hash;
use super::{Directory, DirectoryError, Operation, Principal, Unit};

/// Channels of one guest or link at most.
const CHANNELS_MAX: usize = 100;
/// Characters of a name or of a channel's key.
const TEXT_CHARS_MAX: usize = 200;

/// Who a guest is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Visitor {
    /// What the guest is called.
    pub name: String,
    /// An e-mail address.
    pub email: Option<String>,
    /// A telephone number, with its country or of the organisation's.
    pub mobile: Option<String>,
}

/// Makes a guest with a link of their own.
pub struct CreateGuest {
    /// Who; with an e-mail address or a mobile number.
    pub visitor: Visitor,
    /// What the guest may enter.
    pub channels: BTreeSet<String>,
    /// How the link is to reach the guest.
    pub delivery: Delivery,
}

#[async_trait::async_trait]
impl Operation for CreateGuest {
    /// The guest, and the secret that lets the guest in.
    type Outcome = (Guest, String);

    async fn attempt(&self, unit: &mut Unit) -> Result<Self::Outcome, DirectoryError> {
        let mut guest = unit.new_guest(&self.visitor, &self.channels).await?;
        if guest.email.is_none() && guest.mobile.is_none() {
            let reason = "or mobile is required: somebody must be able to reach the guest";
            return Err(DirectoryError::invalid("email", reason));
        }
        let needed = match self.delivery {
            Delivery::Email => guest.email.is_some(),
            Delivery::Sms | Delivery::Whatsapp => guest.mobile.is_some(),
            Delivery::Link | Delivery::Qr => true,
        };
        if !needed {
            let reason = "needs an e-mail address for \"email\", a mobile number for \"sms\" and \"whatsapp\"";
            return Err(DirectoryError::invalid("delivery", reason));
        }
        let (secret, secret_hash) = unit.guest_secret(&format!("G {}", guest.id));
        guest.secret_hash = Some(secret_hash);
        if self.delivery == Delivery::Email {
            guest.mail = self.mail(unit, &guest, &secret).await?;
        }
        unit.put(keys::people::guest(unit.organisation(), guest.id), &guest);
        unit.event(EventKind::GuestCreated, guest.id, json!({ "delivery": self.delivery }));
        Ok((guest, secret))
    }
}

impl CreateGuest {
    /// Writes the mail that hands the link over; none where the organisation has no page that the link leads to.
    async fn mail(&self, unit: &mut Unit, guest: &Guest, secret: &str) -> Result<Option<MailId>, DirectoryError> {
        let key = keys::organisation(unit.organisation());
        let organisation: Option<Organisation> = unit.find_present(&key).await?;
        let (Some(organisation), Some(to)) = (organisation, &guest.email) else {
            return Ok(None);
        };
        let Some(link) = organisation.guest_link(secret) else {
            return Ok(None);
        };
        let inviter = match unit.actor().user {
            Some(id) => unit.find_user(id).await?,
            None => None,
        };
        let inviter = inviter
            .as_ref()
            .and_then(|user| user.display_name())
            .unwrap_or_default();
        let message = Message::new(to.as_str(), TemplateName::GuestInvitation)
            .with("organisation", organisation.name)
            .with("display_name", guest.name.as_str())
            .with(outbox::INVITER, inviter)
            .with(mail::LINK, link);
        let about = About {
            names: unit.actor().user,
            ..About::default()
        };
        outbox::enqueue_about(unit, about, message).map(Some)
    }
}

/// Makes a link by which many guests join.
pub struct CreateGuestLink {
    /// What it is for.
    pub name: String,
    /// What those who join by it may enter.
    pub channels: BTreeSet<String>,
    /// Guests who may join by it in all.
    pub limit: u32,
    /// From when on it opens nothing.
    pub expires: Option<Timestamp>,
}

#[async_trait::async_trait]
impl Operation for CreateGuestLink {
    /// The link, and its secret.
    type Outcome = (GuestLink, String);

    async fn attempt(&self, unit: &mut Unit) -> Result<Self::Outcome, DirectoryError> {
        check_text("name", &self.name)?;
        check_channels(&self.channels)?;
        if self.limit == 0 {
            return Err(DirectoryError::invalid("limit", "is 0, use 1 or more"));
        }
        if self.expires.is_some_and(|expires| expires <= unit.now()) {
            return Err(DirectoryError::invalid("expires", "has passed already"));
        }
        let id = GuestLinkId::new(unit.clock().uuid());
        let (secret, secret_hash) = unit.guest_secret(&format!("K {id}"));
        let link = GuestLink {
            id,
            name: self.name.clone(),
            secret_hash,
            channels: self.channels.clone(),
            enabled: true,
            limit: self.limit,
            joined: 0,
            expires: self.expires,
            created: unit.now(),
        };
        unit.put(keys::people::guest_link(unit.organisation(), id), &link);
        unit.event(EventKind::GuestLinkCreated, id, json!({}));
        Ok((link, secret))
    }
}

/// Shuts a guest out, or deletes the guest's record for good.
pub struct EndGuest {
    /// Whom.
    pub guest: GuestId,
    /// Whether nothing of the guest stays.
    pub delete: bool,
}

#[async_trait::async_trait]
impl Operation for EndGuest {
    /// The guest as it is, or last was.
    type Outcome = Guest;

    async fn attempt(&self, unit: &mut Unit) -> Result<Guest, DirectoryError> {
        let key = keys::people::guest(unit.organisation(), self.guest);
        let mut guest: Guest = unit
            .find(&key)
            .await?
            .ok_or_else(|| DirectoryError::not_found("guest", self.guest))?;
        if let Some(secret_hash) = guest.secret_hash.take() {
            unit.delete(keys::people::guest_secret(&secret_hash));
        }
        if let Some(mail) = guest.mail.take() {
            unit.cancel_mail(mail).await?;
        }
        if self.delete {
            unit.delete(key);
            unit.event(EventKind::GuestDeleted, self.guest, json!({}));
        } else if guest.enabled {
            guest.enabled = false;
            unit.put(key, &guest);
            unit.event(EventKind::GuestDisabled, self.guest, json!({}));
        }
        Ok(guest)
    }
}

/// Closes a link. Who joined by it stays.
pub struct DisableGuestLink(
    /// Which.
    pub GuestLinkId,
);

#[async_trait::async_trait]
impl Operation for DisableGuestLink {
    type Outcome = GuestLink;

    async fn attempt(&self, unit: &mut Unit) -> Result<GuestLink, DirectoryError> {
        let key = keys::people::guest_link(unit.organisation(), self.0);
        let mut link: GuestLink = unit
            .find(&key)
            .await?
            .ok_or_else(|| DirectoryError::not_found("guest link", self.0))?;
        if link.enabled {
            link.enabled = false;
            unit.delete(keys::people::guest_secret(&link.secret_hash));
            unit.put(key, &link);
            unit.event(EventKind::GuestLinkDisabled, self.0, json!({}));
        }
        Ok(link)
    }
}

/// Comes in by a secret: somebody new by a link, the guest whom it was made for by a guest's own.
struct Join<'a> {
    target: Target,
    visitor: &'a Visitor,
}

/// What a secret opens.
#[derive(Clone, Copy)]
enum Target {
    Guest(GuestId),
    Link(GuestLinkId),
}

#[async_trait::async_trait]
impl Operation for Join<'_> {
    type Outcome = Guest;

    async fn attempt(&self, unit: &mut Unit) -> Result<Guest, DirectoryError> {
        let closed = || DirectoryError::Denied(Denial::GuestLinkClosed);
        let organisation = unit.organisation();
        match self.target {
            Target::Guest(id) => {
                let guest: Option<Guest> = unit.find(&keys::people::guest(organisation, id)).await?;
                guest.filter(|guest| guest.enabled).ok_or_else(closed)
            }
            Target::Link(id) => {
                let key = keys::people::guest_link(organisation, id);
                let mut link: GuestLink = unit.find(&key).await?.ok_or_else(closed)?;
                if !link.is_open(unit.now()) {
                    return Err(closed());
                }
                link.joined += 1;
                let mut guest = unit.new_guest(self.visitor, &link.channels).await?;
                guest.link = Some(id);
                unit.put(key, &link);
                unit.put(keys::people::guest(organisation, guest.id), &guest);
                unit.event(EventKind::GuestJoined, guest.id, json!({ "link": id }));
                Ok(guest)
            }
        }
    }
}

impl Unit {
    async fn new_guest(&mut self, visitor: &Visitor, channels: &BTreeSet<String>) -> Result<Guest, DirectoryError> {
        check_text("name", &visitor.name)?;
        check_channels(channels)?;
        let key = keys::organisation(self.organisation());
        let organisation: Option<Organisation> = self.find_present(&key).await?;
        let prefix = organisation.and_then(|organisation| organisation.defaults.country_prefix);
        let read = |place: &str, kind, text: &Option<String>| -> Result<Option<String>, DirectoryError> {
            let parsed = text.as_ref().map(|text| LoginId::parse(kind, text, prefix.as_ref()));
            let refuse = |problem: LoginProblem| DirectoryError::invalid(place, problem.to_string());
            Ok(parsed.transpose().map_err(refuse)?.map(|read| read.value))
        };
        Ok(Guest {
            id: GuestId::new(self.clock().uuid()),
            name: visitor.name.trim().to_owned(),
            email: read("email", LoginKind::Email, &visitor.email)?,
            mobile: read("mobile", LoginKind::Mobile, &visitor.mobile)?,
            channels: channels.clone(),
            link: None,
            secret_hash: None,
            enabled: true,
            mail: None,
            created: self.now(),
        })
    }

    /// A new secret and its hash; it opens `target` of this organisation.
    fn guest_secret(&mut self, target: &str) -> (String, String) {
        let secret = URL_SAFE_NO_PAD.encode(self.clock().secret());
        let secret_hash = hash(secret.as_bytes());
        let opens = format!("{} {target}", self.organisation());
        self.put_bytes(keys::people::guest_secret(&secret_hash), opens);
        (secret, secret_hash)
    }
}

fn check_text(place: &str, text: &str) -> Result<(), DirectoryError> {
    let is_good =
        !text.trim().is_empty() && text.chars().count() <= TEXT_CHARS_MAX && !text.chars().any(char::is_control);
    if is_good {
        return Ok(());
    }
    let reason = format!("must have 1 to {TEXT_CHARS_MAX} characters, and no control characters");
    Err(DirectoryError::invalid(place, reason))
}

fn check_channels(channels: &BTreeSet<String>) -> Result<(), DirectoryError> {
    if channels.len() > CHANNELS_MAX {
        return Err(DirectoryError::invalid(
            "channels",
            format!("are more than {CHANNELS_MAX}"),
        ));
    }
    channels.iter().try_for_each(|channel| check_text("channels", channel))
}

/// What stands behind a secret's key.
pub(super) fn parse_target(value: &[u8]) -> Option<(OrganisationId, crate::store::Key)> {
    let (organisation, target) = parse(value)?;
    let key = match target {
        Target::Guest(id) => keys::people::guest(organisation, id),
        Target::Link(id) => keys::people::guest_link(organisation, id),
    };
    Some((organisation, key))
}

fn parse(value: &[u8]) -> Option<(OrganisationId, Target)> {
    let mut parts = std::str::from_utf8(value).ok()?.split(' ');
    let organisation = parts.next()?.parse().ok()?;
    let target = match (parts.next()?, parts.next()?) {
        ("G", id) => Target::Guest(id.parse().ok()?),
        ("K", id) => Target::Link(id.parse().ok()?),
        _ => return None,
    };
    Some((organisation, target))
}

impl Directory {
    /// Lets a guest in by a secret. A link makes a new guest of the visitor; a guest's own secret answers that guest.
    ///
    /// # Errors
    /// [`DirectoryError::Denied`] for a secret that opens nothing (any more); [`DirectoryError::InvalidValue`] for a name or an
    /// address that cannot be kept.
    pub async fn join_as_guest(
        &self,
        secret: &str,
        visitor: &Visitor,
    ) -> Result<(OrganisationId, Guest), DirectoryError> {
        let closed = || DirectoryError::Denied(Denial::GuestLinkClosed);
        let key = keys::people::guest_secret(&hash(secret.as_bytes()));
        let stored = self.store.get(key).await?.ok_or_else(closed)?;
        let (organisation, target) = parse(&stored.value).ok_or_else(closed)?;
        let permit = Principal::guest(organisation).join(organisation)?;
        Ok((organisation, self.run(&permit, &Join { target, visitor }).await?))
    }

    /// Guests in the order in which they came, after this one.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn browse_guests(
        &self,
        organisation: OrganisationId,
        along: impl Into<Stretch<GuestId>> + Send,
        limit: usize,
    ) -> Result<Vec<Guest>, DirectoryError> {
        let prefix = keys::table(organisation, Table::Guest);
        let scan = along.into().scan(&prefix, limit, |id| keys::people::guest(organisation, id));
        let found = self.store.scan(scan).await?;
        found
            .iter()
            .map(|(_, stored)| Ok(record::decode(&stored.value)?))
            .collect()
    }

    /// Links in the order in which they were made, behind one or in front of it.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn browse_guest_links(
        &self,
        organisation: OrganisationId,
        along: impl Into<Stretch<GuestLinkId>> + Send,
        limit: usize,
    ) -> Result<Vec<GuestLink>, DirectoryError> {
        let prefix = keys::table(organisation, Table::GuestLink);
        let scan = along.into().scan(&prefix, limit, |id| keys::people::guest_link(organisation, id));
        let found = self.store.scan(scan).await?;
        found
            .iter()
            .map(|(_, stored)| Ok(record::decode(&stored.value)?))
            .collect()
    }
}
