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
    // Whoever has an address is written to, and nobody else sees the secret.
    assert_eq!(made["invitation"]["channel"], "email");
    assert!(made["invitation"].get("secret").is_none(), "{made:#}");
    let shown = gateway.command(&["user", "invite", "ada@example.com", "--channel=link", "--json"]);
    let shown = shown.expect(0).json();
    assert!(shown["secret"].is_string() && shown["channel"] == "link", "{shown:#}");
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
    let set = ["cost-centre", "set", "research", "--name=Research"];
    assert!(gateway.command(&set).expect(0).out.contains("research"));
    let listed = gateway.command(&["cost-centre", "list"]).expect(0).out;
    assert!(
        listed.contains("Research") && listed.contains("{\"pro\":1}"),
        "{listed}"
    );
    gateway.command(&["cost-centre", "delete", "research"]).expect(0);
    let set = [
        "licence",
        "set",
        "pro",
        "--limit=7",
        "--when-full=overage=9",
        "--threshold=80",
        "--json",
    ];
    let licence = gateway.command(&set).expect(0).json();
    assert_eq!((&licence["limit"], &licence["used"]), (&json!(7), &json!(1)));
    assert_eq!(licence["when_full"], json!({ "overage": 9 }));
    let set = [
        "licence",
        "set",
        "pro",
        "--limit=none",
        "--threshold=none",
        "--when-full=refuse",
        "--json",
    ];
    let licence = gateway.command(&set).expect(0).json();
    assert_eq!((&licence["limit"], &licence["thresholds"]), (&json!(null), &json!([])));
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

#[test]
fn what_a_user_sees_what_a_group_hands_down_and_what_comes_with_a_new_user_is_said_on_the_command_line() {
    let gateway = Gateway::start();
    let file = gateway.file(
        "default.toml",
        "[organisation]\nslug = \"default\"\n[[resource_types]]\nkey = \"number\"\nname = \"Number\"\nassignable = \
         [\"user\"]\n",
    );
    gateway.command(&["apply", &file]).expect(0);
    let role = gateway.file("role.json", "{ \"key\": \"agent\", \"name\": \"Agent\" }");
    gateway.command(&["role", "put", &role]).expect(0);
    gateway.command(&["resource", "create", "number", "4930123"]).expect(0);
    gateway.command(&["user", "create", "grace", "--prepared"]).expect(0);
    let made = gateway
        .command(&["group", "create", "North", "--member=grace", "--json"])
        .expect(0)
        .json();
    assert_eq!(made["members"], 1);
    let made = [
        "user",
        "create",
        "ada",
        "--group=North",
        "--role=agent",
        "--resource=number:4930123",
        "--invite",
        "--json",
    ];
    let made = gateway.command(&made).expect(0).json();
    assert_eq!(
        (&made["state"], &made["roles"]),
        (&json!("invited"), &json!({ "agent": ["direct"] }))
    );
    assert!(
        gateway
            .command(&["resource", "of", "ada"])
            .expect(0)
            .out
            .contains("4930123")
    );
    let seen = gateway
        .command(&["access", "set", "ada", "report", "list", "--group=North"])
        .expect(0)
        .out;
    assert!(seen.contains("list"), "{seen}");
    let seen = gateway.command(&["access", "show", "ada", "--json"]).expect(0).json();
    assert_eq!(
        (&seen["report"]["mode"], &seen["audio"]["mode"]),
        (&json!("list"), &json!("none"))
    );
    let set = [
        "group",
        "defaults",
        "North",
        "--language=de",
        "--country-prefix=+49",
        "--json",
    ];
    let set = gateway.command(&set).expect(0).json();
    assert_eq!(set["defaults"], json!({ "language": "de", "country_prefix": "+49" }));
    let linked = gateway
        .command(&["group", "link", "North", "agent", "--json"])
        .expect(0)
        .json();
    assert_eq!(linked["linked_roles"], json!(["agent"]));
    gateway.command(&["group", "unlink", "North", "agent"]).expect(0);
    gateway.command(&["role", "give-by", "agent", "North"]).expect(0);
    let effect = gateway
        .command(&["role", "effect", "agent", "ada", "--json"])
        .expect(0)
        .json();
    assert_eq!(effect["held"], true);
    let clerk = gateway.file("clerk.json", "{ \"key\": \"clerk\", \"name\": \"Clerk\" }");
    let made = gateway
        .command(&["role", "put", &clerk, "--assign=ada", "--json"])
        .expect(0)
        .json();
    assert_eq!(made["holders"], 1);
    let permission = gateway.file(
        "permission.json",
        "{ \"key\": \"call.make\", \"name\": \"Make calls\" }",
    );
    gateway.command(&["permission", "put", &permission]).expect(0);
    assert!(
        gateway
            .command(&["permission", "list"])
            .expect(0)
            .out
            .contains("call.make")
    );
    let granted = gateway
        .command(&["permission", "grant", "ada", "call.make"])
        .expect(0)
        .out;
    assert!(granted.contains("make a role"), "{granted}");
    gateway.command(&["permission", "revoke", "ada", "call.make"]).expect(0);
    gateway.command(&["permission", "delete", "call.make"]).expect(0);
    let defaults = gateway.file("defaults.json", "{ \"everyone\": [\"call.view\"] }");
    gateway.command(&["permission", "set-defaults", &defaults]).expect(0);
    let id = gateway.command(&["invitation", "list", "--json"]).expect(0).json()[0]["id"].clone();
    let shown = gateway
        .command(&["invitation", "show", id.as_str().expect("an id"), "--json"])
        .expect(0)
        .json();
    assert_eq!(shown["id"], id);
    gateway.command(&["audit", "list", "--gateway"]).expect(0);
    let several = gateway
        .command(&["token", "issue", "--gateway", "--of=default", "--json"])
        .expect(0)
        .json();
    assert_eq!(several["opens"], "organisations");
    gateway.command(&["verify"]).expect(0);
}
