//! Two doors racing for one user name or for the last seat: exactly one wins, on the running binary.

use reqwest::StatusCode;

use super::scim_http::ScimHttp;
use crate::kit::gateway::Gateway;

async fn race(client: &ScimHttp, names: impl Iterator<Item = String>) -> Vec<StatusCode> {
    let tasks: Vec<_> = names
        .map(|name| {
            let client = client.clone();
            tokio::spawn(async move { client.create(&name).await.expect("an answer").0 })
        })
        .collect();
    let mut statuses = Vec::new();
    for task in tasks {
        statuses.push(task.await.expect("no panic"));
    }
    statuses
}

fn how_many(statuses: &[StatusCode], status: StatusCode) -> usize {
    statuses.iter().filter(|answered| **answered == status).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_creates_with_one_user_name_wins() {
    let gateway = Gateway::start();
    let client = ScimHttp::of(&gateway);
    let names = (0..32).map(|n| {
        if n % 2 == 0 {
            "Ada@Example.com"
        } else {
            "ada@example.COM"
        }
        .to_owned()
    });
    let statuses = race(&client, names).await;
    assert_eq!(how_many(&statuses, StatusCode::CREATED), 1, "{statuses:?}");
    assert_eq!(how_many(&statuses, StatusCode::CONFLICT), 31, "{statuses:?}");
    assert_eq!(client.count("userName eq \"ada@example.com\"").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_seats_are_taken_once_each_and_the_others_are_told() {
    let gateway = Gateway::start();
    let file = gateway.file(
        "acme.toml",
        "[organisation]\nslug = \"acme\"\nname = \"Acme\"\n\n[[licences]]\nkey = \"pro\"\nname = \"Pro\"\nlimit = 7\n\n\
         [[connections]]\nname = \"scim\"\nkind = \"scim\"\nlicences = [\"pro\"]\n",
    );
    gateway.command(&["apply", &file]).expect(0);
    let issued = gateway
        .command(&["token", "issue", "--org", "acme", "--connection", "scim", "--json"])
        .expect(0);
    let token = issued.json()["token"].as_str().expect("a token").to_owned();
    let client = ScimHttp::with(&gateway, "acme", token);
    let statuses = race(&client, (0..48).map(|n| format!("racer{n}"))).await;
    assert_eq!(how_many(&statuses, StatusCode::CREATED), 7, "{statuses:?}");
    assert_eq!(how_many(&statuses, StatusCode::FORBIDDEN), 41, "{statuses:?}");
    assert_eq!(client.count("active eq true").await, 7);
    gateway.command(&["verify"]).expect(0);
}
