//! Roles inside a group, given to the members who are selected and taken from them (S001-27, S001-28).

use serde_json::{Value, json};

use super::{ORG, World, outcomes};
use crate::admin::verify::verify_ok;

#[tokio::test]
async fn a_role_in_a_group_is_taken_from_the_selected_members_and_from_no_others() {
    let world = World::new().await;
    for (group, people) in [("North", vec!["ada", "grace", "alan"]), ("Support", vec!["ada"])] {
        let path = format!("/groups/{group}");
        world.post(&format!("{path}/members"), json!({ "users": people })).await;
        let give = json!({ "operation": "give_role", "role": "operator", "group": group, "users": people });
        let job = world.plan(give).await;
        world.confirm(&job).await;
    }
    let holders = async |group: &str| {
        let members = world
            .acme
            .get(&format!("{ORG}/groups/{group}/members?sort=member"))
            .await
            .expect(200);
        let members = members["items"].as_array().expect("a list").iter();
        members
            .filter(|member| member["roles"].get("operator").is_some())
            .map(|member| member["member"].clone())
            .collect::<Vec<Value>>()
    };
    assert_eq!(holders("North").await, ["ada", "alan", "grace"]);
    let take = json!({ "operation": "withdraw_role", "role": "operator", "group": "North", "users": ["ada", "alan", "edsger"] });
    let job = world.plan(take).await;
    assert_eq!(
        outcomes(&job, "planned"),
        [("ada", "change"), ("alan", "change"), ("edsger", "nothing")]
    );
    assert_eq!(
        holders("North").await,
        ["ada", "alan", "grace"],
        "a plan changes nothing"
    );
    let done = world.confirm(&job).await;
    assert_eq!(done["results"], job["planned"]);
    assert_eq!(holders("North").await, ["grace"], "whoever was not selected keeps it");
    assert_eq!(holders("Support").await, ["ada"], "and so does the other group");
    assert_eq!(world.members("North").await, 3, "nobody left the group");
    verify_ok(&world.inside).await;
}
