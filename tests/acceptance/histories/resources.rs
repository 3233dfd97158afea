//! Resources, and who has them.

use axum::http::Method;
use proptest::prelude::*;
use serde_json::json;

use super::act::Act;
use super::world::World;

pub(super) async fn take(act: &Act, world: &mut World) -> Result<(), TestCaseError> {
    let resource = world.thing("resources", act.what);
    let user = world.user_id(act.who);
    match act.verb % 8 {
        0 | 1 => {
            let type_ = if act.yes { "room" } else { "number" };
            let owner = act.what.is_multiple_of(2).then_some(user);
            let body = json!({ "type": type_, "name": format!("thing{}", act.what % 4), "owner": owner });
            let made = world.ask(Method::POST, "resources", Some(body)).await?;
            world.note_thing("resources", &made.body);
            Ok(())
        }
        2 | 3 => {
            let body = if act.yes {
                json!({ "users": [user, world.user_id(act.what)] })
            } else {
                json!({ "groups": [world.group_id(act.who)] })
            };
            world
                .admin(Method::POST, &format!("resources/{resource}/assignments"), Some(body))
                .await
        }
        4 => {
            let subject = if act.yes {
                format!("users/{user}")
            } else {
                format!("groups/{}", world.group_id(act.who))
            };
            let path = format!("resources/{resource}/assignments/{subject}");
            world.admin(Method::DELETE, &path, None).await
        }
        5 => {
            let body = json!({ "name": format!("thing{}", act.who % 4), "enabled": act.yes });
            world
                .admin(Method::PATCH, &format!("resources/{resource}"), Some(body))
                .await
        }
        6 => {
            let body = json!({ "expires": "2001-01-01T00:00:00Z" });
            world
                .admin(Method::PATCH, &format!("resources/{resource}"), Some(body))
                .await?;
            world.close_resources().await
        }
        _ => {
            world
                .admin(Method::DELETE, &format!("resources/{resource}"), None)
                .await
        }
    }
}
