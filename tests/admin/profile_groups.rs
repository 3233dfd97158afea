//! What the roles inside a group come to for meetings (S000-23, S000-24, S001-17, S001-22).

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::profile_rights::{may, reasons, two_groups};

/// The cells of one role in the matrix, as `action@reach`.
fn cells(matrix: &Value, role: &str) -> BTreeSet<String> {
    let mut roles = matrix["roles"].as_array().expect("roles").iter();
    let role = roles.find(|column| column["key"] == role).expect("the role");
    let cells = role["cells"].as_object().expect("cells").iter();
    cells
        .flat_map(|(action, reaches)| {
            let reaches = reaches.as_array().expect("reaches").iter();
            reaches.map(move |reach| format!("{action}@{}", reach.as_str().expect("a word")))
        })
        .collect()
}

#[tokio::test]
async fn meetings_are_handed_over_by_operators_within_a_group_and_by_nobody_outside_of_one() {
    let acme = two_groups("group-operator").await;
    let hand_over = "meeting.assign-other";
    for name in ["ada", "grace"] {
        acme.assign(name, "user").await.expect(200);
    }
    assert_eq!(reasons(&acme, "mia", hand_over, Some("North")).await, [""; 0]);
    assert_eq!(
        reasons(&acme, "ada", hand_over, Some("North")).await,
        ["noRight"],
        "a member without the right"
    );
    assert_eq!(
        reasons(&acme, "mia", hand_over, Some("South")).await,
        ["noGroup", "noRight"],
        "neither in the group nor with a right there"
    );
    for (whom, told) in [("ada", json!([])), ("grace", json!(["noRight"]))] {
        let path = format!("/users/mia/eligibility?action={hand_over}&to={whom}");
        assert_eq!(acme.get(&path).await.expect(200)["reasons"], told, "to {whom}");
    }
    // Whoever holds the right everywhere and is in no group has to come into one first.
    acme.user("edsger").await;
    acme.assign("edsger", "operator").await.expect(200);
    assert_eq!(reasons(&acme, "edsger", hand_over, None).await, ["noGroup"]);
    acme.post("/groups/South/members", json!({ "users": ["edsger"] }))
        .await
        .expect(200);
    assert_eq!(reasons(&acme, "edsger", hand_over, None).await, [""; 0]);
    // Out of the group, the operator's right is gone with the membership.
    acme.delete("/groups/North/members/mia").await.expect(200);
    assert_eq!(
        reasons(&acme, "mia", hand_over, Some("North")).await,
        ["noGroup", "noRight"]
    );
}

#[tokio::test]
async fn a_manager_of_a_group_may_all_that_an_operator_may_and_an_operator_more_than_a_user() {
    let acme = two_groups("group-manager").await;
    let matrix = acme.get("/roles/matrix").await.expect(200);
    let (user, operator, manager) = (
        cells(&matrix, "user"),
        cells(&matrix, "group-operator"),
        cells(&matrix, "group-manager"),
    );
    assert!(user.is_subset(&operator) && operator.is_subset(&manager));
    let more: Vec<&String> = operator.difference(&user).collect();
    for action in [
        "meeting.plan@group",
        "avail.set@group",
        "report.view@group",
        "recording.view@group",
        "meeting.assign-other@group",
    ] {
        assert!(more.iter().any(|more| *more == action), "{action}: {more:?}");
    }
    let managers = ["account.others@group", "user.invite@group", "group.roles@group"];
    for action in managers {
        assert!(manager.contains(action) && !operator.contains(action), "{action}");
    }
    // What the matrix says is what a manager may do, because of the operator's role inside.
    for action in more.iter().filter_map(|cell| cell.strip_suffix("@group")) {
        assert!(may(&acme, "mia", action, Some("North")).await, "{action}");
        assert!(!may(&acme, "mia", action, Some("South")).await, "{action}");
    }
    let told = acme
        .get("/users/mia/explain?permission=recording.view")
        .await
        .expect(200)
        .to_string();
    assert!(
        told.contains("group-manager") && told.contains("group-operator"),
        "{told}"
    );
}
