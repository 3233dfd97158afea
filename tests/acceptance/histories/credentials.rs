//! What people sign in with, and invitations.

use axum::http::Method;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::act::Act;
use super::world::{PASSWORD, World};

const PASSWORDS: [&str; 3] = [PASSWORD, "Another-horse-8", "short"];

pub(super) async fn take(act: &Act, world: &mut World) -> Result<(), TestCaseError> {
    let user = world.user_id(act.who);
    let password = act.one_of(&PASSWORDS);
    match act.verb % 18 {
        0 | 1 => {
            let body = json!({ "password": password, "must_change": act.yes });
            world
                .admin(Method::POST, &format!("users/{user}/password"), Some(body))
                .await
        }
        2 => {
            let length = if act.yes { 14 } else { 8 };
            let body = json!({ "min_length": length, "history": act.what % 3, "lock_out": { "attempts": 2 } });
            world.admin(Method::PUT, "password-policy", Some(body)).await
        }
        3..=5 => world.sign_in(&user, password).await,
        6 => {
            for _ in 0..3 {
                world.sign_in(&user, "wrong").await?;
            }
            Ok(())
        }
        7 => world.admin(Method::POST, &format!("users/{user}/unlock"), None).await,
        8 => {
            let given = world
                .ask(Method::POST, &format!("users/{user}/reset-link"), Some(json!({})))
                .await?;
            let secret = given.body["secret"].clone();
            let body = json!({ "secret": secret, "password": password });
            world.knock("/api/v1/password/reset", body).await
        }
        9 => {
            let body = json!({ "organisation": world.slug, "login": world.user_name(&user).await });
            world.knock("/api/v1/password/forgot", body).await
        }
        10 => {
            let body = json!({ "current": PASSWORDS[usize::from(act.who) % 3], "password": password });
            world
                .in_session(Method::POST, "/api/v1/session/password", Some(body))
                .await
                .map(|_| ())
        }
        11 | 12 => world.second_factor(act.yes).await,
        13 => {
            world
                .admin(Method::DELETE, &format!("users/{user}/second-factor"), None)
                .await
        }
        14 => {
            if act.yes {
                world
                    .in_session(Method::POST, "/api/v1/sign-out", None)
                    .await
                    .map(|_| ())
            } else {
                world
                    .admin(Method::DELETE, &format!("users/{user}/sessions"), None)
                    .await
            }
        }
        15 => world.pass(if act.yes { 60 } else { 9 * 24 * 60 * 60 }).await,
        16 => {
            let body =
                json!({ "users": [user, world.user_id(act.what)], "channel": if act.yes { "email" } else { "link" } });
            world.admin(Method::POST, "invitations/send", Some(body)).await
        }
        _ => invitation(act, world).await,
    }
}

/// One of the invitations that are listed is sent again, or revoked.
async fn invitation(act: &Act, world: &mut World) -> Result<(), TestCaseError> {
    let listed = world.ask(Method::GET, "invitations", None).await?;
    let items = listed.body["items"].as_array().cloned().unwrap_or_default();
    let Some(id) = items
        .get(usize::from(act.what) % items.len().max(1))
        .and_then(|item| item["id"].as_str())
    else {
        return Ok(());
    };
    let verb = if act.yes { "resend" } else { "revoke" };
    let answer = world
        .ask(Method::POST, &format!("invitations/{id}/{verb}"), Some(Value::Null))
        .await?;
    world.note_secret(&answer.body);
    Ok(())
}
