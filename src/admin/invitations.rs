//! Invitations: listed, sent, sent again, withdrawn; and accepted, the only place of the admin API that needs no token but the
//! invitation's own secret.

use async_trait::async_trait;
use axum::Json;
use axum::extract::{Extension, State};
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::directory::invitation::browse::{ResendInvitation, WithdrawInvitation};
use crate::directory::invitation::{InviteUser, IssuedInvitation, PATH};
use crate::directory::stretch::Stretch;
use crate::directory::{Directory, DirectoryError};
use crate::model::bulk::BulkTask;
use crate::model::clock::Timestamp;
use crate::model::id::{InvitationId, OrganisationId, UserId};
use crate::model::invitation::{Channel, Invitation, InvitationState};
use crate::model::list::List;
use crate::model::selection::{Selection, SelectionError};
use crate::model::user::User;

use super::caller::{Administrator, Body, Parameters, Place};
use super::connections::PublicUrl;
use super::listing::{Browse, Listing};
use super::problem::Problem;
use super::users;

/// People that one request invites.
const USERS_MAX: usize = 1000;

/// What an invited person sends.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Acceptance {
    secret: String,
    password: String,
}

/// `POST /invitations/accept`: sets the first password; the person is enrolled.
pub async fn accept(
    State(directory): State<Directory>,
    Body(acceptance): Body<Acceptance>,
) -> Result<Json<Value>, Problem> {
    let (organisation, user) = directory
        .accept_invitation(&acceptance.secret, &acceptance.password)
        .await?;
    let settings = directory.load_organisation(organisation).await?;
    Ok(Json(json!({
        "organisation": settings.organisation.slug,
        "user": user.id,
        "user_name": user.user_name,
        "state": user.state(),
    })))
}

/// Invitations, or those of a state, each with the user name of its person.
pub(super) struct Listed {
    pub(super) organisation: OrganisationId,
    pub(super) state: Option<InvitationState>,
}

#[async_trait]
impl Browse for Listed {
    type Name = InvitationId;

    async fn browse(
        &self,
        directory: &Directory,
        along: Stretch<InvitationId>,
        limit: usize,
    ) -> Result<Vec<Value>, DirectoryError> {
        let found = directory
            .browse_invitations(self.organisation, self.state, along, limit)
            .await?;
        let now = directory.clock().now();
        let shown = |(invitation, user_name): &(Invitation, Option<String>)| {
            let mut shown = view(invitation, now);
            shown["user_name"] = json!(user_name);
            shown
        };
        Ok(found.iter().map(shown).collect())
    }

    async fn reaches(
        &self,
        directory: &Directory,
        item: &Value,
        selection: &Selection,
    ) -> Result<bool, DirectoryError> {
        let Some(reach) = selection.reach() else {
            return Ok(true);
        };
        let invited: Option<UserId> = item["user"].as_str().and_then(|user| user.parse().ok());
        match invited {
            Some(user) => {
                let right = (reach.rights.as_ref(), reach.action);
                directory.reaches_user(self.organisation, right, user).await
            }
            None => Ok(false),
        }
    }
}

/// `GET .../invitations`: all in the order in which they were made, or those that are asked for.
pub async fn list(
    State(directory): State<Directory>,
    caller: Administrator,
    Parameters(mut listing): Parameters<Listing>,
) -> Result<Json<Value>, Problem> {
    // A state is looked up in an index rather than in every invitation.
    let word = listing.state.take();
    let state = word.as_deref().map(|word| {
        let mut states = InvitationState::ALL.into_iter();
        states
            .find(|state| state.as_str() == word)
            .ok_or_else(|| SelectionError::UnknownState {
                state: word.to_owned(),
                list: List::Invitations,
            })
    });
    let state = state.transpose().map_err(DirectoryError::from)?;
    let question = listing
        .read(&directory, &caller, List::Invitations)
        .await?
        .within(&caller, "user.invite");
    let rows = Listed {
        organisation: caller.organisation(),
        state,
    };
    Ok(Json(question.answer(&directory, rows).await?))
}

/// `GET .../invitations/{id}`.
pub async fn retrieve(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, id)): Place<(String, String)>,
) -> Result<Json<Value>, Problem> {
    let missing = || DirectoryError::not_found("invitation", &id);
    let parsed: InvitationId = id.parse().map_err(|_| missing())?;
    let found = directory.browse_invitation(caller.organisation(), parsed).await?;
    let found = found.ok_or_else(missing)?;
    Ok(Json(view(&found, directory.clock().now())))
}

/// Whom to invite, and how.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sending {
    /// Identifiers or user names.
    #[serde(default)]
    users: Vec<String>,
    /// Everybody who is prepared, instead of `users`.
    #[serde(default)]
    all_prepared: bool,
    /// With `all_prepared`: the `next` of the answer before.
    after: Option<String>,
    #[serde(default = "by_mail")]
    channel: Channel,
}

const fn by_mail() -> Channel {
    Channel::Email
}

/// `POST .../invitations/send`: invites people, one by one. Each item says what became of it; an earlier invitation is revoked.
pub async fn send(
    State(directory): State<Directory>,
    caller: Administrator,
    public: Option<Extension<PublicUrl>>,
    Body(sending): Body<Sending>,
) -> Result<Json<Value>, Problem> {
    let organisation = caller.organisation();
    let mut next = None;
    let mut people: Vec<Result<(User, Option<&String>), Value>> = Vec::new();
    if sending.all_prepared != sending.users.is_empty() {
        return Err(Problem::bad_request("give either users or all_prepared"));
    } else if sending.all_prepared {
        let after = sending.after.as_deref().map(str::parse).transpose();
        let after = after.map_err(|_| Problem::bad_request("after: is not the next of an answer before"))?;
        let (prepared, more) = directory.browse_prepared(organisation, after, USERS_MAX).await?;
        people.extend(prepared.into_iter().map(|user| Ok((user, None))));
        next = more;
    } else if sending.users.len() > USERS_MAX {
        let many = format!("users: {} are too many, send {USERS_MAX} or fewer", sending.users.len());
        return Err(Problem::bad_request(many));
    }
    for named in &sending.users {
        people.push(match users::find(&directory, organisation, named).await {
            Ok(user) => Ok((user, Some(named))),
            Err(error @ DirectoryError::NotFound { .. }) => Err(json!({ "user": named, "refused": error.to_string() })),
            Err(error) => return Err(error.into()),
        });
    }
    let mut items = Vec::with_capacity(people.len());
    for person in people {
        let (user, named) = match person {
            Ok(found) => found,
            Err(item) => {
                items.push(item);
                continue;
            }
        };
        match may_send(&directory, &caller, &user, named).await? {
            Reached::Yes => {}
            Reached::Unseen => continue,
            Reached::Refused(item) => {
                items.push(item);
                continue;
            }
        }
        let invite = InviteUser {
            user: user.id,
            channel: Some(sending.channel),
        };
        let mut item = match directory.run(&caller.permit, &invite).await {
            Ok(issued) => issued_view(&directory, &issued, public.as_deref()),
            Err(error @ (DirectoryError::Unavailable(_) | DirectoryError::Corrupt(_))) => return Err(error.into()),
            Err(error) => json!({ "user": user.id, "refused": error.to_string() }),
        };
        item["user_name"] = json!(user.user_name);
        items.push(item);
    }
    let mut answer = json!({ "items": items });
    if let Some(next) = next {
        answer["next"] = json!(next);
    }
    Ok(Json(answer))
}

/// Whether somebody may be invited by whoever asks.
enum Reached {
    Yes,
    /// Among everybody who is prepared, people out of reach are not there.
    Unseen,
    /// What is told of somebody who was named.
    Refused(Value),
}

/// What the request for the one person would demand.
async fn may_send(
    directory: &Directory,
    caller: &Administrator,
    user: &User,
    named: Option<&String>,
) -> Result<Reached, DirectoryError> {
    let text = named.cloned().unwrap_or_else(|| user.id.to_string());
    let asked = directory
        .authorise_item(
            &caller.principal,
            caller.organisation(),
            &BulkTask::Invite,
            (user.id, &text),
        )
        .await;
    match asked {
        Ok(_) => Ok(Reached::Yes),
        Err(DirectoryError::NotFound { .. }) if named.is_none() => Ok(Reached::Unseen),
        Err(error @ (DirectoryError::NotFound { .. } | DirectoryError::Denied(_))) => {
            Ok(Reached::Refused(json!({ "user": text, "refused": error.to_string() })))
        }
        Err(error) => Err(error),
    }
}

/// What may be said when inviting.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Way {
    /// How it is handed over.
    channel: Option<Channel>,
}

/// A body that may be missing.
pub type Optional<T> = Option<Body<Option<T>>>;

/// `POST .../users/{user}/invite`: a new invitation; an earlier one is revoked. Without a channel it goes by mail where the person has
/// an e-mail address, and else as a link. The secret is shown once, unless it goes by mail.
pub async fn invite(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, user)): Place<(String, String)>,
    public: Option<Extension<PublicUrl>>,
    way: Optional<Way>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let user = users::find(&directory, caller.organisation(), &user).await?;
    let invite = InviteUser {
        user: user.id,
        channel: channel(way),
    };
    let issued = directory.run(&caller.permit, &invite).await?;
    let shown = issued_view(&directory, &issued, public.as_deref());
    Ok((StatusCode::CREATED, Json(shown)))
}

fn channel(way: Optional<Way>) -> Option<Channel> {
    way.and_then(|Body(way)| way).and_then(|way| way.channel)
}

/// `POST .../invitations/{id}/resend`: a new invitation for the same person; the earlier one is revoked.
pub async fn resend(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, id)): Place<(String, String)>,
    public: Option<Extension<PublicUrl>>,
    way: Optional<Way>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let resend = ResendInvitation {
        id: parse(&id)?,
        channel: channel(way),
    };
    let issued = directory.run(&caller.permit, &resend).await?;
    let shown = issued_view(&directory, &issued, public.as_deref());
    Ok((StatusCode::CREATED, Json(shown)))
}

/// `POST .../invitations/{id}/revoke`: whether it was out.
pub async fn revoke(
    State(directory): State<Directory>,
    caller: Administrator,
    Place((_, id)): Place<(String, String)>,
) -> Result<Json<Value>, Problem> {
    let revoked = directory.run(&caller.permit, &WithdrawInvitation(parse(&id)?)).await?;
    Ok(Json(json!({ "revoked": revoked })))
}

fn parse(id: &str) -> Result<InvitationId, DirectoryError> {
    id.parse().map_err(|_| DirectoryError::not_found("invitation", id))
}

/// An invitation as it is issued. Whoever asked sees the secret, unless it goes by mail to the person alone.
pub(super) fn issued_view(directory: &Directory, issued: &IssuedInvitation, public: Option<&PublicUrl>) -> Value {
    let mut shown = view(&issued.invitation, directory.clock().now());
    if issued.invitation.channel != Channel::Email {
        shown["secret"] = json!(issued.secret);
        if let Some(PublicUrl(url)) = public {
            shown["link"] = json!(format!("{url}{PATH}{}", issued.secret));
        }
        if matches!(issued.invitation.channel, Channel::Sms | Channel::Whatsapp) {
            shown["to_do"] =
                json!("the gateway sends no text messages: hand the link over, or have the product send it");
        }
    }
    shown
}

/// An invitation as administrators see it. Never its secret's hash.
pub(super) fn view(invitation: &Invitation, now: Timestamp) -> Value {
    json!({
        "id": invitation.id,
        "user": invitation.user,
        "state": invitation.state_at(now),
        "channel": invitation.channel,
        "obstacle": invitation.obstacle,
        "mail": invitation.mail,
        "created": invitation.created,
        "sent": invitation.sent,
        "opened": invitation.opened,
        "closed": invitation.closed,
        "expires": invitation.expires,
    })
}
