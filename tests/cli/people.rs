//! Users, licences and guests on the command line.

use serde_json::json;

use crate::kit::gateway::Gateway;

const FILE: &str = "[organisation]\nslug = \"default\"\n[organisation.defaults]\ncountry_prefix = \"+49\"\n[[licences]]\nkey = \
                    \"pro\"\nname = \"Pro\"\nlimit = 2\n[[cost_centres]]\nkey = \"main\"\nname = \"Main\"\ndefault = \
                    true\n[[cost_centres]]\nkey = \"sales\"\nname = \"Sales\"\n";

#[test]
fn a_user_is_made_changed_given_a_licence_and_found_by_a_number() {
    let gateway = Gateway::start();
    let file = gateway.file("default.toml", FILE);
    gateway.command(&["apply", &file]).expect(0);
    let made = gateway.command(&[
        "user",
        "create",
        "ada@example.com",
        "--given-name=Ada",
        "--email=ada@example.com",
        "--set=name.familyName=Byron",
        "--set=urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department=Mathematics",
        "--set-json=phoneNumbers=[{\"value\":\"+49 30 1234\"}]",
        "--login=mobile:0151 23456789",
        "--nickname=Addie",
        "--label=vip",
        "--licence=pro",
        "--invite",
        "--json",
    ]);
    let made = made.expect(0).json();
    assert_eq!(made["state"], "invited");
    assert!(made["invitation"]["secret"].is_string(), "{made:#}");
    let enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    assert_eq!(made["attributes"][enterprise]["department"], "Mathematics");
    let change = [
        "user",
        "update",
        "+4915123456789",
        "--rename=ada",
        "--set=name.familyName=Lovelace",
    ];
    let change = [&change[..], &["--unset=phoneNumbers", "--json"]].concat();
    let after = gateway.command(&change).expect(0).json();
    assert_eq!(after["user_name"], "ada");
    assert_eq!(
        after["attributes"]["name"],
        json!({ "givenName": "Ada", "familyName": "Lovelace" })
    );
    assert!(after["attributes"].get("phoneNumbers").is_none(), "{after:#}");
    gateway
        .command(&["licence", "charge", "pro", "ada", "--cost-centre=sales"])
        .expect(0);
    let holders = gateway.command(&["licence", "holders", "pro"]).expect(0).out;
    assert!(holders.contains("sales"), "{holders}");
    let centres = gateway.command(&["licence", "cost-centres"]).expect(0).out;
    assert!(centres.contains("{\"pro\":1}"), "{centres}");
    gateway.command(&["licence", "free", "pro", "ada"]).expect(0);
    gateway.command(&["licence", "assign", "pro", "ada"]).expect(0);
    let forecast = gateway.command(&["licence", "forecast", "--json"]).expect(0).json();
    assert_eq!(forecast[0]["used"], 1);
    let careless = gateway.command(&["user", "update", "ada", "--set", "title"]).expect(2);
    assert!(careless.sentence().contains("NAME=VALUE"), "{careless:?}");
    gateway.command(&["verify"]).expect(0);
}

#[test]
fn guests_are_made_listed_and_shut_out_with_and_without_a_gateway() {
    let mut gateway = Gateway::start();
    let made = gateway
        .command(&[
            "guest",
            "create",
            "Grace",
            "--mobile=+4915123456789",
            "--channel=lobby",
            "--json",
        ])
        .expect(0)
        .json();
    let link = gateway
        .command(&["guest", "link", "create", "Open day", "--guests=5", "--json"])
        .expect(0)
        .json();
    gateway.terminate();
    let listed = gateway.command(&["guest", "list"]).expect(0).out;
    assert!(listed.contains("Grace") && listed.contains("true"), "{listed}");
    let id = |made: &serde_json::Value| made["id"].as_str().expect("an id").to_owned();
    gateway.command(&["guest", "disable", &id(&made)]).expect(0);
    gateway.command(&["guest", "link", "disable", &id(&link)]).expect(0);
    let links = gateway.command(&["guest", "link", "list", "--json"]).expect(0).json();
    assert_eq!(links[0]["enabled"], false);
    gateway.command(&["guest", "delete", &id(&made)]).expect(2);
    gateway.command(&["guest", "delete", &id(&made), "--yes"]).expect(0);
    assert_eq!(gateway.command(&["guest", "list"]).expect(0).out, "none\n");
    gateway.command(&["verify"]).expect(0);
}
