//! Guests: people from outside, who come in by a link, are no users and take no seat (S002-14..16, X03-12).

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::clock::Timestamp;
use super::id::{GuestId, GuestLinkId, MailId};
use super::record::Record;

/// A guest. All guests of an organisation have the same rights.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guest {
    /// Made by the server.
    pub id: GuestId,
    /// What the guest is called.
    pub name: String,
    /// An e-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// A telephone number in E.164.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mobile: Option<String>,
    /// Keys of the channels, rooms or sessions that the guest may enter; the product knows them.
    #[serde(default)]
    pub channels: BTreeSet<String>,
    /// The link by which the guest joined; `None` for one whom an administrator made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<GuestLinkId>,
    /// SHA-256 of the guest's own secret, hexadecimal; a guest who joined by a link has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_hash: Option<String>,
    /// Whether the guest may come in.
    pub enabled: bool,
    /// The mail that hands the link over, or did: it is in the outbox until it has gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail: Option<MailId>,
    /// When the record was made.
    pub created: Timestamp,
}

impl Record for Guest {
    const KIND: &'static str = "guest";
}

/// A link by which many guests join.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuestLink {
    /// Made by the server.
    pub id: GuestLinkId,
    /// What it is for, for people.
    pub name: String,
    /// SHA-256 of its secret, hexadecimal.
    pub secret_hash: String,
    /// What those who join by it may enter.
    #[serde(default)]
    pub channels: BTreeSet<String>,
    /// Whether it still opens anything. Disabling it keeps those who joined.
    pub enabled: bool,
    /// Guests who may join by it in all.
    pub limit: u32,
    /// Guests who have joined by it.
    pub joined: u32,
    /// From this instant on it opens nothing; `None` for never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    /// When it was made.
    pub created: Timestamp,
}

impl Record for GuestLink {
    const KIND: &'static str = "guest link";
}

impl GuestLink {
    /// Whether another guest may join at `now`.
    #[must_use]
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.enabled && self.joined < self.limit && self.expires.is_none_or(|expires| now < expires)
    }
}

/// How a guest's link reaches the guest (S002-15, S002-16). The gateway mails it where the organisation says what page it leads to;
/// it knows no way to send text messages. It always answers with the link, and the event tells the product what was asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Delivery {
    /// Whoever asked hands it over.
    #[default]
    Link,
    /// As a QR code that holds the link.
    Qr,
    /// By e-mail.
    Email,
    /// By WhatsApp.
    Whatsapp,
    /// By text message.
    Sms,
}
