//! Roles, permissions and who may see whom.

use axum::http::Method;
use proptest::prelude::*;
use serde_json::json;

use super::act::Act;
use super::step::ROLES;
use super::world::World;

const PERMISSIONS: [&str; 4] = ["call.make", "call.listen", "user.view@group", "user.suspend"];

pub(super) async fn take(act: &Act, world: &mut World) -> Result<(), TestCaseError> {
    let user = world.user_id(act.who);
    let group = world.group_id(act.who);
    let role = act.one_of(&["member", "agent", "head", "boss", "extra"]);
    let permission = act.one_of(&PERMISSIONS);
    match act.verb % 14 {
        0 => {
            let implies = if act.yes { json!(["call.listen"]) } else { json!([]) };
            let body = json!({ "key": "call.make", "name": "Call", "implies": implies });
            world.admin(Method::PUT, "permissions/call.make", Some(body)).await
        }
        1 => world.admin(Method::DELETE, "permissions/call.listen", None).await,
        2 => {
            let body = json!({ "permission": permission });
            world
                .admin(Method::POST, &format!("users/{user}/permissions"), Some(body))
                .await
        }
        3 => {
            let path = format!("users/{user}/permissions?permission={permission}");
            world.admin(Method::DELETE, &path, None).await
        }
        4 => {
            let body = json!({ "everyone": if act.yes { json!(["call.listen"]) } else { json!([]) }, "guests": [] });
            world.admin(Method::PUT, "default-permissions", Some(body)).await
        }
        5 => {
            let role = json!({ "key": "extra", "name": "Extra", "permissions": ["call.make"], "users": [user] });
            world.admin(Method::POST, "roles", Some(role)).await
        }
        6 => {
            let max = act.yes.then_some(2);
            let role = json!({ "key": "extra", "name": "Other", "includes": ["member"], "max_holders": max });
            world.admin(Method::PUT, "roles/extra", Some(role)).await
        }
        7 => delete_role(act, world).await,
        8 => {
            let path = format!("roles/{role}/given-by/{group}");
            world.admin(put_or_delete(act.yes), &path, None).await
        }
        9 => {
            let path = format!("groups/{group}/linked-roles/{role}");
            world.admin(put_or_delete(act.yes), &path, None).await
        }
        10 => {
            let method = if act.yes { Method::POST } else { Method::DELETE };
            let body = json!({ "users": [world.user_id(act.what)] });
            world
                .admin(method, &format!("groups/{group}/roles/operator"), Some(body))
                .await
        }
        11 => {
            let area = act.one_of(&["group", "report"]);
            let body = json!({ "mode": if act.yes { "list" } else { "all" }, "groups": if act.yes { json!([group]) } else { json!([]) } });
            world
                .admin(Method::PUT, &format!("users/{user}/access/{area}"), Some(body))
                .await
        }
        12 => world.let_in(&user).await,
        _ => {
            let role = act.one_of(&[ROLES[0], ROLES[1], ROLES[2], "seated"]);
            let path = format!("users/{user}/roles/{role}?in_place={}", act.yes);
            world.admin(Method::PUT, &path, None).await?;
            world
                .admin(Method::PUT, &format!("users/{user}/roles/boss"), None)
                .await
        }
    }
}

/// A role goes, with one of the policies for its groups; now and then what was confirmed is not what would happen any more.
async fn delete_role(act: &Act, world: &mut World) -> Result<(), TestCaseError> {
    let role = act.one_of(&["extra", "head", "agent", "boss"]);
    let policy = ["drop-memberships", "disable-groups", "delete-groups"][usize::from(act.who) % 3];
    let path = format!("roles/{role}/impact?linked_groups={policy}");
    let impact = world.ask(Method::GET, &path, None).await?;
    if act.yes {
        let assign = format!("users/{}/roles/{role}", world.user_id(act.who));
        world.admin(Method::PUT, &assign, None).await?;
    }
    let confirm = impact.body["confirm"].as_str().unwrap_or("none").to_owned();
    let path = format!("roles/{role}?linked_groups={policy}&confirm={confirm}");
    world.admin(Method::DELETE, &path, None).await
}

pub(super) fn put_or_delete(puts: bool) -> Method {
    if puts { Method::PUT } else { Method::DELETE }
}
