//! The tree of groups, and what groups say about themselves.

use axum::http::Method;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::act::Act;
use super::world::World;

pub(super) async fn take(act: &Act, world: &mut World) -> Result<(), TestCaseError> {
    let group = world.group_id(act.who);
    let other = world.group_id(act.what);
    match act.verb % 10 {
        0 | 1 => {
            let body = json!({
                "display_name": format!("unit{}", act.what % 4),
                "parent": act.yes.then_some(&other),
                "users": [world.user_id(act.what)],
                "link": (act.verb % 20 > 9).then(|| format!("link{}", act.what % 3)),
            });
            let made = world.ask(Method::POST, "groups", Some(body)).await?;
            world.note_group(&made.body);
            Ok(())
        }
        2 => {
            let parent = if act.yes { json!(other) } else { Value::Null };
            world
                .admin(
                    Method::PATCH,
                    &format!("groups/{group}"),
                    Some(json!({ "parent": parent })),
                )
                .await
        }
        3 => {
            let kind = act.one_of(&["group", "team", "unit", "room"]);
            world
                .admin(Method::PATCH, &format!("groups/{group}"), Some(json!({ "kind": kind })))
                .await
        }
        4 => {
            let link = if act.yes {
                json!(format!("link{}", act.what % 3))
            } else {
                Value::Null
            };
            world
                .admin(Method::PATCH, &format!("groups/{group}"), Some(json!({ "link": link })))
                .await
        }
        5 => {
            let body = json!({ "is_default": act.yes });
            world.admin(Method::PATCH, &format!("groups/{group}"), Some(body)).await
        }
        6 => {
            let body = json!({ "attributes": { "floor": if act.yes { json!(act.what % 3) } else { Value::Null } } });
            world.admin(Method::PATCH, &format!("groups/{group}"), Some(body)).await
        }
        7 => world.admin(Method::DELETE, &format!("groups/{group}"), None).await,
        8 => {
            let body = json!({ "groups": [other] });
            world
                .admin(Method::POST, &format!("groups/{group}/members"), Some(body))
                .await
        }
        _ => {
            let body = if act.yes {
                json!({ "language": "nl", "timezone": "Europe/Amsterdam" })
            } else {
                json!({})
            };
            world
                .admin(Method::PUT, &format!("groups/{group}/defaults"), Some(body))
                .await
        }
    }
}
