//! Teams by rule, for a client that pushes: made, joined, left, and never fed by one another.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use usher::model::connection::{Connection, ConnectionKind, GrantRule, MissingTeams};

use crate::kit::scim::{Client, Service, USER, slug};

fn rule(when: &str, teams: &[&str]) -> GrantRule {
    GrantRule {
        teams: teams.iter().map(|team| (*team).to_owned()).collect(),
        ..GrantRule::new(when)
    }
}

async fn ruled(rules: Vec<GrantRule>, missing_teams: MissingTeams) -> Client {
    let mut connection = Connection::new(slug("scim"), ConnectionKind::Scim);
    connection.grants = rules;
    connection.missing_teams = missing_teams;
    let tenant = Service::new().organisation("acme").await;
    tenant.client_of(connection).await
}

/// The names of the groups that a user is in.
async fn teams(client: &Client, id: &str) -> BTreeSet<String> {
    let shown = client.get(&format!("/Users/{id}?attributes=groups")).await.expect(200);
    let groups = shown["groups"].as_array().cloned().unwrap_or_default();
    let names = groups.iter().filter_map(|group| group["display"].as_str());
    names.map(str::to_owned).collect()
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn body(title: &str) -> Value {
    json!({ "schemas": [USER], "userName": "ada", "title": title })
}

#[tokio::test]
async fn a_person_moves_between_teams_as_the_rules_say_and_a_client_cannot_take_them_out() {
    let mut first = rule("user.title.startsWith('Chief')", &["Board"]);
    (first.priority, first.exclusive) = (1, true);
    let mut second = rule("true", &["Staff"]);
    second.exclusive = true;
    let client = ruled(vec![second, first], MissingTeams::Create).await;
    let id = client.post("/Users", body("Chief of all")).await.id();
    assert_eq!(teams(&client, &id).await, names(&["Board"]));
    let path = format!("/Users/{id}");
    client.put(&path, body("Clerk")).await.expect(200);
    assert_eq!(teams(&client, &id).await, names(&["Staff"]));

    let found = client.filter("/Groups", "displayName eq \"Staff\"").await.expect(200);
    let staff = format!("/Groups/{}", found["Resources"][0]["id"].as_str().expect("an id"));
    let empty = json!([{ "op": "replace", "path": "members", "value": [] }]);
    client.patch(&staff, empty).await.expect(204);
    assert_eq!(
        teams(&client, &id).await,
        names(&["Staff"]),
        "the rule is another reason"
    );
    assert_eq!(client.delete(&path).await.status, 204);
    let shown = client.get(&staff).await.expect(200);
    assert!(shown["members"].as_array().is_none_or(Vec::is_empty), "{shown:#}");
}

#[tokio::test]
async fn teams_by_rule_feed_no_rules() {
    let circle = vec![
        rule("'Start' in groups", &["A"]),
        rule("'A' in groups", &["B"]),
        rule("'B' in groups", &["A"]),
    ];
    let client = ruled(circle, MissingTeams::Create).await;
    let (id, start) = (client.user("ada").await, client.group("Start").await);
    let path = format!("/Groups/{start}");
    let members = |op: &str| json!([{ "op": op, "path": "members", "value": [{ "value": id }] }]);
    client.patch(&path, members("add")).await.expect(204);
    assert_eq!(teams(&client, &id).await, names(&["A", "Start"]));
    client.put(&format!("/Users/{id}"), body("Clerk")).await.expect(200);
    assert_eq!(teams(&client, &id).await, names(&["A", "Start"]));
    client.patch(&path, members("remove")).await.expect(204);
    assert_eq!(teams(&client, &id).await, names(&[]));
}

#[tokio::test]
async fn a_missing_team_is_refused_where_the_connection_says_so() {
    let client = ruled(vec![rule("true", &["Nowhere"])], MissingTeams::Refuse).await;
    let detail = client
        .post("/Users", body("Clerk"))
        .await
        .refused(400, Some("invalidValue"));
    assert!(detail.contains("there is no team \"Nowhere\""), "{detail}");
    client.group("Nowhere").await;
    let id = client.post("/Users", body("Clerk")).await.id();
    assert_eq!(teams(&client, &id).await, names(&["Nowhere"]));
}
