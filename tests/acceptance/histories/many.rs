//! Many people at once: planned, confirmed, and confirmed when it is not any more what would happen; and people from files.

use axum::http::Method;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::act::Act;
use super::step::{LICENCES, ROLES};
use super::world::World;

pub(super) async fn take(act: &Act, world: &mut World) -> Result<(), TestCaseError> {
    match act.verb % 8 {
        0..=2 => {
            let body = task(act, world);
            let planned = world.ask(Method::POST, "bulk", Some(body)).await?;
            world.note_plan("bulk", &planned.body);
            if act.yes {
                confirm(world, act.who, false).await
            } else {
                Ok(())
            }
        }
        3 | 4 => {
            let planned = world.import(&rows(act)).await?;
            world.note_plan("imports", &planned);
            if act.yes {
                confirm(world, act.who, false).await
            } else {
                Ok(())
            }
        }
        // Whatever happened since: the plan may be old, done or discarded.
        5 => confirm(world, act.who, false).await,
        6 => confirm(world, act.who, true).await,
        _ => {
            let Some((kind, plan)) = world.plan(act.who) else {
                return Ok(());
            };
            let id = plan["id"].as_str().unwrap_or_default();
            match kind {
                "bulk" => world.admin(Method::POST, &format!("bulk/{id}/discard"), None).await,
                _ => world.admin(Method::DELETE, &format!("imports/{id}"), None).await,
            }
        }
    }
}

/// Confirms a plan; with the wrong word, nothing may be done.
async fn confirm(world: &mut World, pick: u8, wrongly: bool) -> Result<(), TestCaseError> {
    let Some((kind, plan)) = world.plan(pick) else {
        return Ok(());
    };
    let word = if wrongly {
        json!("another")
    } else {
        plan["confirm"].clone()
    };
    let path = format!("{kind}/{}/confirm", plan["id"].as_str().unwrap_or_default());
    let answer = world.ask(Method::POST, &path, Some(json!({ "confirm": word }))).await?;
    prop_assert!(
        !(wrongly && answer.status.is_success()),
        "{}: a wrong word was taken",
        path
    );
    Ok(())
}

fn task(act: &Act, world: &World) -> Value {
    let users = [act.who, act.what, act.verb].map(|pick| world.user_id(pick));
    let mut task = match act.what % 14 {
        0 => json!({ "operation": "add_to_group", "group": world.group_id(act.who) }),
        1 => json!({ "operation": "remove_from_group", "group": world.group_id(act.who) }),
        2 => json!({ "operation": "give_role", "role": act.one_of(&ROLES) }),
        3 => json!({ "operation": "give_role", "role": "operator", "group": world.group_id(act.who) }),
        4 => json!({ "operation": "withdraw_role", "role": act.one_of(&ROLES) }),
        5 => json!({ "operation": "assign_licence", "licence": LICENCES[usize::from(act.who) % 3] }),
        6 => json!({ "operation": "free_licence", "licence": LICENCES[usize::from(act.who) % 3] }),
        7 => json!({ "operation": "invite" }),
        8 => json!({ "operation": "revoke_invitation" }),
        9 => json!({ "operation": "suspend" }),
        10 => json!({ "operation": "reactivate" }),
        11 => json!({ "operation": "move", "group": world.group_id(act.who) }),
        12 => json!({ "operation": "assign_resource", "resource": world.thing("resources", act.who) }),
        _ => json!({ "operation": "delete" }),
    };
    task["users"] = json!(users);
    task
}

fn rows(act: &Act) -> String {
    let (one, other) = (act.who % 6, act.what % 6);
    let state = if act.verb % 16 > 7 { "yes" } else { "" };
    format!(
        "user_name,emails,login_ids,groups,roles,licences,floor,badge,invite\r\n\
         person{one},person{one}@acme.example,email:p{other}@acme.example,unit{one},agent,pro,3,b{other},{state}\r\n\
         Person{other},,,,,basic,,b{one},\r\n\
         new{one},,,unit{other},head,,,,{state}\r\n"
    )
}
