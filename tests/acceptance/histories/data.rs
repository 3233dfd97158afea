//! What is known of a person: attributes, login ids, labels, who pays, what is withheld, moves and their review.

use axum::http::Method;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::act::Act;
use super::step::LICENCES;
use super::world::World;

pub(super) async fn take(act: &Act, world: &mut World) -> Result<(), TestCaseError> {
    let user = world.user_id(act.who);
    let path = format!("users/{user}");
    let name = act.what % 6;
    match act.verb % 11 {
        0 | 1 => {
            // Login ids meet the user names and each other.
            let body = json!({ "login_ids": [{ "kind": "email", "value": format!("P{name}@acme.example") }] });
            world.admin(Method::PATCH, &path, Some(body)).await
        }
        2 => {
            let value = if act.yes {
                format!("person{name}")
            } else {
                format!("p{name}@acme.example")
            };
            world
                .admin(Method::PATCH, &path, Some(json!({ "user_name": value })))
                .await
        }
        3 => {
            let urn = format!("urn:usher:scim:schemas:extension:{}:2.0:User", world.slug);
            let badge = if act.yes {
                json!(format!("b{name}"))
            } else {
                Value::Null
            };
            let body = json!({ "attributes": { urn: { "badge": badge, "floor": name } } });
            world.admin(Method::PATCH, &path, Some(body)).await
        }
        4 => {
            let body = json!({ "labels": ["vip"], "nicknames": ["Nick"], "country_prefix": act.yes.then_some("+31") });
            world.admin(Method::PATCH, &path, Some(body)).await
        }
        5 => {
            let licence = LICENCES[usize::from(act.what) % 3];
            let body = json!({ "cost_centre": if act.yes { json!("north") } else { Value::Null } });
            world
                .admin(
                    Method::PUT,
                    &format!("{path}/licences/{licence}/cost-centre"),
                    Some(body),
                )
                .await
        }
        6 => {
            world
                .admin(
                    Method::PUT,
                    &format!("{path}/restriction"),
                    Some(json!({ "restricted": act.yes })),
                )
                .await
        }
        7 => {
            world
                .admin(Method::POST, &format!("{path}/review-permissions"), Some(json!({})))
                .await
        }
        8 => {
            let body = json!({
                "user_name": format!("new{name}"),
                "password": act.yes.then_some(super::world::PASSWORD),
                "home_group": world.group_id(act.what),
                "roles": ["agent"],
                "licences": [LICENCES[usize::from(act.what) % 3]],
            });
            let made = world.ask(Method::POST, "users", Some(body)).await?;
            world.note_user(&made.body);
            Ok(())
        }
        9 => world.admin(Method::GET, &format!("{path}/export"), None).await,
        _ => {
            let body = json!({ "subject": "Come, {{ user.name }}", "text": "{{ link }}" });
            if act.yes {
                world.admin(Method::PUT, "templates/invitation/nl", Some(body)).await
            } else {
                world.admin(Method::DELETE, "templates/invitation/nl", None).await
            }
        }
    }
}
