//! Guests and the links by which they join.

use std::collections::BTreeSet;

use async_trait::async_trait;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::directory::guest::{CreateGuest, CreateGuestLink, DisableGuestLink, EndGuest, Visitor};
use crate::directory::stretch::Stretch;
use crate::directory::{Directory, DirectoryError};
use crate::model::guest::{Delivery, Guest, GuestLink};
use crate::model::id::{GuestId, GuestLinkId, OrganisationId};
use crate::model::list::List;
use crate::model::organisation::Organisation;

use super::caller::{Administrator, Body, Parameters, Place};
use super::listing::{Browse, Listing};
use super::problem::Problem;

/// A guest to be made.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewGuest {
    name: String,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    mobile: Option<String>,
    #[serde(default)]
    channels: BTreeSet<String>,
    #[serde(default)]
    delivery: Delivery,
}

/// A link to be made.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewLink {
    name: String,
    #[serde(default)]
    channels: BTreeSet<String>,
    /// Guests who may join by it in all.
    #[serde(default = "limit")]
    #[schemars(range(min = 1))]
    limit: u32,
    #[serde(default)]
    expires: Option<DateTime<Utc>>,
}

const fn limit() -> u32 {
    1000
}

/// Somebody at the door.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Joining {
    secret: String,
    /// Needed with the secret of a link.
    #[serde(default)]
    name: String,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    mobile: Option<String>,
}

/// Guests, in the order in which they came.
pub(super) struct Guests(pub(super) OrganisationId);

#[async_trait]
impl Browse for Guests {
    type Name = GuestId;

    async fn browse(
        &self,
        directory: &Directory,
        along: Stretch<GuestId>,
        limit: usize,
    ) -> Result<Vec<Value>, DirectoryError> {
        let guests = directory.browse_guests(self.0, along, limit).await?;
        Ok(guests.iter().map(view).collect())
    }
}

/// Links, in the order in which they were made.
pub(super) struct Links(pub(super) OrganisationId);

#[async_trait]
impl Browse for Links {
    type Name = GuestLinkId;

    async fn browse(
        &self,
        directory: &Directory,
        along: Stretch<GuestLinkId>,
        limit: usize,
    ) -> Result<Vec<Value>, DirectoryError> {
        let links = directory.browse_guest_links(self.0, along, limit).await?;
        Ok(links.iter().map(view_link).collect())
    }
}

/// `GET .../guests`: all, in the order in which they came, or those that are asked for.
pub async fn list(
    State(directory): State<Directory>,
    caller: Administrator,
    Parameters(listing): Parameters<Listing>,
) -> Result<Json<Value>, Problem> {
    let question = listing.read(&directory, &caller, List::Guests).await?;
    Ok(Json(question.answer(&directory, Guests(caller.organisation())).await?))
}

/// `POST .../guests`: makes a guest; the link is shown once, and mailed to the guest where that was asked for.
pub async fn create(
    State(directory): State<Directory>,
    caller: Administrator,
    Body(new): Body<NewGuest>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let create = CreateGuest {
        visitor: Visitor {
            name: new.name,
            email: new.email,
            mobile: new.mobile,
        },
        channels: new.channels,
        delivery: new.delivery,
    };
    let (guest, secret) = directory.run(&caller.permit, &create).await?;
    let mut shown = view(&guest);
    shown["delivery"] = json!(new.delivery);
    shown["mail"] = json!(guest.mail);
    shown["to_do"] = json!(to_do(new.delivery, &guest));
    show_secret(&mut shown, &caller.settings.organisation, &secret);
    Ok((StatusCode::CREATED, Json(shown)))
}

/// `POST .../guests/{guest}/disable`: the guest may no longer come in.
pub async fn disable(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, guest)): Place<(String, String)>,
) -> Result<Json<Value>, Problem> {
    let guest = guest_id(&guest)?;
    let end = EndGuest { guest, delete: false };
    Ok(Json(view(&directory.run(&caller.permit, &end).await?)))
}

/// `DELETE .../guests/{guest}`: nothing of the guest stays.
pub async fn delete(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, guest)): Place<(String, String)>,
) -> Result<StatusCode, Problem> {
    let guest = guest_id(&guest)?;
    directory.run(&caller.permit, &EndGuest { guest, delete: true }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET .../guest-links`: all, in the order in which they were made, or those that are asked for; without their secrets.
pub async fn list_links(
    State(directory): State<Directory>,
    caller: Administrator,
    Parameters(listing): Parameters<Listing>,
) -> Result<Json<Value>, Problem> {
    let question = listing.read(&directory, &caller, List::GuestLinks).await?;
    Ok(Json(question.answer(&directory, Links(caller.organisation())).await?))
}

/// `POST .../guest-links`: makes a link for many; it is shown once.
pub async fn create_link(
    State(directory): State<Directory>,
    caller: Administrator,
    Body(new): Body<NewLink>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let create = CreateGuestLink {
        name: new.name,
        channels: new.channels,
        limit: new.limit,
        expires: new.expires,
    };
    let (link, secret) = directory.run(&caller.permit, &create).await?;
    let mut shown = view_link(&link);
    show_secret(&mut shown, &caller.settings.organisation, &secret);
    Ok((StatusCode::CREATED, Json(shown)))
}

/// `POST .../guest-links/{link}/disable`: nobody joins by it any more; who has joined stays.
pub async fn disable_link(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, link)): Place<(String, String)>,
) -> Result<Json<Value>, Problem> {
    let missing = |_| DirectoryError::not_found("guest link", &link);
    let id: GuestLinkId = link.parse().map_err(missing)?;
    let link = directory.run(&caller.permit, &DisableGuestLink(id)).await?;
    Ok(Json(view_link(&link)))
}

/// `POST /guests/join`: needs no token but a secret, as accepting an invitation does. Answers who the guest is and what may be
/// entered.
pub async fn join(State(directory): State<Directory>, Body(joining): Body<Joining>) -> Result<Json<Value>, Problem> {
    let visitor = Visitor {
        name: joining.name,
        email: joining.email,
        mobile: joining.mobile,
    };
    let (organisation, guest) = directory.join_as_guest(&joining.secret, &visitor).await?;
    let settings = directory.load_organisation(organisation).await?;
    Ok(Json(json!({
        "organisation": settings.organisation.slug,
        "guest": guest.id,
        "name": guest.name,
        "channels": guest.channels,
    })))
}

/// What is left to do for whoever made the guest, so that the link reaches the guest; nothing when a mail does it.
fn to_do(delivery: Delivery, guest: &Guest) -> Option<&'static str> {
    match delivery {
        Delivery::Email if guest.mail.is_some() => None,
        Delivery::Email => Some("no mail is sent, because the organisation has no guest_url: hand the secret over"),
        Delivery::Sms | Delivery::Whatsapp => {
            Some("the gateway sends no text messages: hand the link over, or have the product send it")
        }
        Delivery::Link | Delivery::Qr => Some("hand the link over"),
    }
}

fn guest_id(text: &str) -> Result<GuestId, DirectoryError> {
    text.parse().map_err(|_| DirectoryError::not_found("guest", text))
}

/// The secret, and the address of the product's page that holds it, where the organisation has one: what a QR code is made of.
fn show_secret(shown: &mut Value, organisation: &Organisation, secret: &str) {
    shown["secret"] = json!(secret);
    if let Some(link) = organisation.guest_link(secret) {
        shown["url"] = json!(link);
    }
}

pub(super) fn view(guest: &Guest) -> Value {
    json!({
        "id": guest.id,
        "name": guest.name,
        "email": guest.email,
        "mobile": guest.mobile,
        "channels": guest.channels,
        "link": guest.link,
        "enabled": guest.enabled,
        "created": guest.created,
    })
}

fn view_link(link: &GuestLink) -> Value {
    json!({
        "id": link.id,
        "name": link.name,
        "channels": link.channels,
        "enabled": link.enabled,
        "limit": link.limit,
        "joined": link.joined,
        "expires": link.expires,
        "created": link.created,
    })
}
