//! Licences given and taken by administrators, cost centres, forecasts.

use serde_json::{Value, json};

use super::{acme, apply, assert_whole, events, get, post, put};

const FILE: &str = "[[roles]]\nkey = \"expert\"\nname = \"Expert\"\n[[licences]]\nkey = \"pro\"\nname = \"Pro\"\nlimit = \
                    2\nconsumes_from = \"invited\"\n[[licences]]\nkey = \"basic\"\nname = \"Basic\"\nfeatures = \
                    [\"chat\"]\n[[cost_centres]]\nkey = \"sales\"\nname = \"Sales\"\n[[cost_centres]]\nkey = \"main\"\nname = \
                    \"Main\"\ndefault = true\n";

#[tokio::test]
async fn a_licence_is_given_and_taken_directly_and_both_are_told() {
    let (_inside, acme, _) = acme(FILE).await;
    post(&acme, "/users", json!({ "user_name": "ada" })).await.expect(201);
    let given = post(&acme, "/users/ada/licences", json!({ "licence": "basic" }))
        .await
        .expect(200);
    assert_eq!(given["licences"]["basic"]["origins"], json!(["direct"]));
    assert_eq!(events(&acme, "licence.assigned").await.len(), 1);
    let path = format!("{}/users/ada/licences/basic", super::ACME);
    let freed = acme.delete(&path).await.expect(200);
    assert_eq!((&freed["licences"], &freed["staying"]), (&json!({}), &json!([])));
    assert_eq!(events(&acme, "seat.freed").await.len(), 1);
    assert_eq!(events(&acme, "licence.withdrawn").await.len(), 1);
    acme.delete(&path).await.expect(404);
    post(&acme, "/users/ada/licences", json!({ "licence": "gold" }))
        .await
        .expect(400);
    assert_whole(&acme).await;
}

#[tokio::test]
async fn a_licence_that_a_connection_gives_as_well_stays() {
    let from_connection = "[[licences]]\nkey = \"basic\"\nname = \"Basic\"\n[[connections]]\nname = \"okta\"\nkind = \
                           \"scim\"\nlicences = [\"basic\"]\n";
    let (_inside, acme, _) = acme(from_connection).await;
    let okta = acme.connection("acme", "okta").await;
    okta.scim_user("acme", "ada").await;
    post(&acme, "/users/ada/licences", json!({ "licence": "basic" }))
        .await
        .expect(200);
    let freed = acme
        .delete(&format!("{}/users/ada/licences/basic", super::ACME))
        .await
        .expect(200);
    assert_eq!(freed["staying"], json!(["connection:okta"]));
    assert!(freed["licences"]["basic"]["seat"]["held"].is_string(), "{freed:#}");
}

#[tokio::test]
async fn seats_are_paid_for_by_the_default_cost_centre_or_another() {
    let (_inside, acme, _) = acme(FILE).await;
    for (name, centre) in [("ada", json!("sales")), ("grace", json!(null)), ("edsger", json!(null))] {
        post(&acme, "/users", json!({ "user_name": name })).await.expect(201);
        let given = json!({ "licence": "basic", "cost_centre": centre });
        post(&acme, &format!("/users/{name}/licences"), given).await.expect(200);
    }
    let seats = |listed: &Value| {
        let all = listed["items"].as_array().expect("a list").iter();
        all.map(|centre| (centre["key"].clone(), centre["seats"]["basic"].clone()))
            .collect::<Vec<_>>()
    };
    let listed = get(&acme, "/cost-centres").await;
    assert_eq!(seats(&listed), [(json!("main"), json!(2)), (json!("sales"), json!(1))]);
    let path = "/users/grace/licences/basic/cost-centre";
    put(&acme, path, json!({ "cost_centre": "sales" })).await.expect(200);
    put(&acme, path, json!({ "cost_centre": "nowhere" })).await.expect(400);
    assert_eq!(events(&acme, "seat.charged").await.len(), 1);
    let holders = get(&acme, "/licences/basic/holders").await;
    let centres: Vec<&Value> = holders["items"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|h| &h["cost_centre"])
        .collect();
    assert_eq!(centres, [&json!("sales"), &json!("sales"), &json!("main")]);
    assert!(holders["items"][0]["since"].is_string(), "{holders:#}");
    assert_whole(&acme).await;
}

#[tokio::test]
async fn exactly_one_cost_centre_is_the_default() {
    let (_inside, acme, _) = acme("").await;
    let declare = |sales: bool, main: bool| {
        format!(
            "[[cost_centres]]\nkey = \"sales\"\nname = \"Sales\"\ndefault = {sales}\n[[cost_centres]]\nkey = \
             \"main\"\nname = \"Main\"\ndefault = {main}\n"
        )
    };
    apply(&acme, &declare(false, false)).await.expect(422);
    apply(&acme, &declare(false, true)).await.expect(200);
    apply(&acme, &declare(true, false)).await.expect(200);
    let listed = get(&acme, "/cost-centres").await;
    let defaults: Vec<&Value> = listed["items"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|c| &c["default"])
        .collect();
    assert_eq!(defaults, [&json!(false), &json!(true)]);
    let again = apply(&acme, &declare(true, false)).await.expect(200);
    assert!(!again.to_string().contains("updated"), "{again:#}");
    apply(&acme, &declare(false, false)).await.expect(422);
    assert_whole(&acme).await;
}

#[tokio::test]
async fn a_forecast_tells_how_many_prepared_people_need_seats() {
    let (_inside, acme, _) = acme(FILE).await;
    for name in ["ada", "grace", "edsger", "barbara"] {
        let body = json!({ "user_name": name, "licences": ["pro"] });
        post(&acme, "/users", body).await.expect(201);
    }
    post(&acme, "/users/ada/invite", json!(null)).await.expect(201);
    post(&acme, "/users/barbara/suspend", json!(null)).await.expect(200);
    let forecast = get(&acme, "/licences/forecast").await;
    let pro = forecast["items"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|item| item["licence"] == "pro");
    assert_eq!(
        pro.expect("pro"),
        &json!({
            "licence": "pro", "limit": 2, "used": 1, "free": 1, "prepared": 2, "waiting": 0, "refused": 0, "suspended": 1,
            "short": 1,
        })
    );
}

#[tokio::test]
async fn some_roles_take_no_seat() {
    let for_experts = "[[roles]]\nkey = \"expert\"\nname = \"Expert\"\n[[licences]]\nkey = \"pro\"\nname = \"Pro\"\nlimit = \
                       1\nrequired_for_roles = [\"expert\"]\n[[connections]]\nname = \"staff\"\nkind = \
                       \"scim\"\nlicences = [\"pro\"]\n[[connections]]\nname = \"experts\"\nkind = \"scim\"\nlicences = \
                       [\"pro\"]\nroles = [\"expert\"]\n";
    let (_inside, acme, _) = acme(for_experts).await;
    let staff = acme.connection("acme", "staff").await;
    let experts = acme.connection("acme", "experts").await;
    for name in ["sam", "sue", "sid"] {
        staff.scim_user("acme", name).await;
    }
    experts.scim_user("acme", "ada").await;
    let licence = get(&acme, "/licences").await["items"][0].clone();
    assert_eq!((&licence["used"], &licence["limit"]), (&json!(1), &json!(1)));
    let user = json!({ "schemas": [crate::kit::scim::USER], "userName": "grace" });
    experts.post("/scim/acme/v2/Users", user).await.refused(403, None);
    let changed = for_experts.replace("required_for_roles = [\"expert\"]\n", "");
    apply(&acme, &changed).await.expect(422);
    apply(
        &acme,
        &for_experts.replace("[\"expert\"]\n[[con", "[\"nobody\"]\n[[con"),
    )
    .await
    .expect(422);
    assert_whole(&acme).await;
}
