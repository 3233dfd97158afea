//! Saved views, guests and the links by which they come.

use axum::http::Method;
use proptest::prelude::*;
use serde_json::json;

use super::act::Act;
use super::world::World;

pub(super) async fn take(act: &Act, world: &mut World) -> Result<(), TestCaseError> {
    match act.verb % 11 {
        0 | 1 => {
            let made = world.ask(Method::POST, "views", Some(view(act))).await?;
            world.note_thing("views", &made.body);
            Ok(())
        }
        2 => {
            let path = format!("views/{}", world.thing("views", act.who));
            world.admin(Method::PUT, &path, Some(view(act))).await
        }
        3 => {
            let path = if act.yes {
                format!("views/{}", world.thing("views", act.who))
            } else {
                "views?list=users".to_owned()
            };
            world.admin(Method::DELETE, &path, None).await
        }
        4 => {
            let path = format!("users?view=view{}&count=true", act.what % 3);
            world.admin(Method::GET, &path, None).await
        }
        5 | 6 => {
            let body =
                json!({ "name": "Guest", "email": format!("guest{}@example.org", act.what % 3), "delivery": "email" });
            let made = world.ask(Method::POST, "guests", Some(body)).await?;
            world.note_thing("guests", &made.body);
            Ok(())
        }
        7 => {
            let body = json!({ "name": "Open day", "limit": 1 + act.what % 2 });
            let made = world.ask(Method::POST, "guest-links", Some(body)).await?;
            world.note_thing("guest-links", &made.body);
            Ok(())
        }
        8 => {
            let body =
                json!({ "secret": world.thing("secrets", act.who), "name": "Late", "email": "late@example.org" });
            world.knock("/api/v1/guests/join", body).await
        }
        9 => {
            let kind = if act.yes { "guests" } else { "guest-links" };
            let path = format!("{kind}/{}/disable", world.thing(kind, act.who));
            world.admin(Method::POST, &path, None).await
        }
        _ => {
            let path = format!("guests/{}", world.thing("guests", act.who));
            world.admin(Method::DELETE, &path, None).await
        }
    }
}

fn view(act: &Act) -> serde_json::Value {
    let filter = act.one_of(&[
        "active eq true",
        "state eq \"prepared\"",
        "licences.seat eq \"refused\"",
    ]);
    json!({ "name": format!("view{}", act.what % 3), "list": "users", "filter": filter, "shared": act.yes })
}
