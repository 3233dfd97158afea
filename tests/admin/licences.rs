//! Licences through the admin API: use, people who wait, and what a raised limit does.

use serde_json::json;

use crate::kit::gateway::Inside;

fn file(limit: u32) -> String {
    format!(
        "[organisation]\nslug = \"acme\"\n[[licences]]\nkey = \"pro\"\nname = \"Pro\"\nlimit = {limit}\nwhen_full = \
         \"wait\"\n[[connections]]\nname = \"entra\"\nkind = \"scim\"\nlicences = [\"pro\"]\n"
    )
}

#[tokio::test]
async fn a_raised_limit_gives_seats_to_those_who_wait_in_order() {
    let inside = Inside::new();
    let acme = inside.administrator().await.organisation("acme").await;
    acme.apply("acme", &file(1)).await.expect(200);
    let client = acme.connection("acme", "entra").await;
    for name in ["ada", "grace", "edsger"] {
        client.scim_user("acme", name).await;
    }
    let list = "/api/v1/organisations/acme/licences";
    let licence = acme.get(list).await.expect(200)["items"][0].clone();
    assert_eq!(
        (&licence["limit"], &licence["used"], &licence["waiting"]),
        (&json!(1), &json!(1), &json!(2))
    );
    acme.apply("acme", &file(2)).await.expect(200);
    let licence = acme.get(list).await.expect(200)["items"][0].clone();
    assert_eq!(
        (&licence["limit"], &licence["used"], &licence["waiting"]),
        (&json!(2), &json!(2), &json!(1))
    );
    let holders = acme.get(&format!("{list}/pro/holders")).await.expect(200);
    let states: Vec<_> = holders["items"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|holder| (holder["user_name"].as_str(), holder["state"].as_str()))
        .collect();
    assert_eq!(
        states,
        [
            (Some("ada"), Some("active")),
            (Some("grace"), Some("active")),
            (Some("edsger"), Some("waiting"))
        ]
    );
    acme.get(&format!("{list}/gold/holders")).await.expect(404);
}
