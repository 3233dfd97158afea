//! Where the stories are told: a running gateway, an organisation with a profile, and people who act in it.

use reqwest::Method;
use serde_json::{Value, json};

use super::actor::{Actor, act, id, look};
use crate::acceptance::scim_http::ScimHttp;
use crate::kit::gateway::Gateway;

/// A password that each profile's policy takes.
pub(super) const PASSWORD: &str = "Correct-horse-7";

/// The way by which people, groups and members come. Whatever SCIM has no word for goes through the admin API then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Door {
    /// An identity provider.
    Scim,
    /// HTTP requests.
    Api,
    /// The program's own commands.
    Cli,
}

/// A gateway with the organisation `acme`.
pub(super) struct Stage {
    gateway: Gateway,
    http: reqwest::Client,
    /// The identity provider, at any door: what it sees, and what it does on its own.
    pub(super) idp: ScimHttp,
    /// The gateway's administrator.
    pub(super) admin: Actor,
    door: Door,
    /// Whether the identity provider says itself which roles people have.
    names_roles: bool,
}

impl Stage {
    /// With the profile, and what this customer says of the `organisation` and of the identity provider's `connection`.
    pub(super) async fn of(door: Door, profile: &str, organisation: &str, connection: &str) -> Self {
        let gateway = Gateway::start();
        let file = format!(
            "[organisation]\nslug = \"acme\"\nname = \"Acme Ltd\"\nprofile = \"{profile}\"\n{organisation}\n\
             [[connections]]\nname = \"idp\"\nkind = \"scim\"\n{connection}\n"
        );
        let file = gateway.file("acme.toml", &file);
        let applied = gateway.command(&["apply", &file]).expect(0).out;
        assert!(applied.contains("created    organisation"), "{applied}");
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let admin = Actor {
            http: http.clone(),
            url: gateway.url.clone(),
            token: gateway.bootstrapped("admin_token"),
            by_command: door == Door::Cli,
        };
        let issue = ["token", "issue", "--connection", "idp"];
        let issued = admin.run(&issue, None).expect_json();
        let token = issued["token"].as_str().expect("a token").to_owned();
        let idp = ScimHttp::with(&gateway, "acme", token);
        Self {
            gateway,
            http,
            idp,
            admin,
            door,
            names_roles: connection.contains("grantable_roles"),
        }
    }

    /// Makes a person who is prepared, with these SCIM attributes, and answers the identifier. `roles` are given beside them.
    pub(super) async fn person(&self, name: &str, attributes: Value, roles: &[&str]) -> String {
        if self.door == Door::Scim {
            let mut body = attributes;
            let own = body.as_object().into_iter().flatten().map(|(name, _)| name);
            let schemas: Vec<&str> = own
                .map(String::as_str)
                .filter(|name| name.starts_with("urn:"))
                .collect();
            body["schemas"] = json!([&[crate::kit::scim::USER][..], &schemas].concat());
            body["userName"] = json!(name);
            if self.names_roles {
                body["roles"] = roles.iter().map(|role| json!({ "value": role })).collect();
            }
            let made = self.scim(Method::POST, "/Users", Some(body), 201).await;
            let made = id(&made);
            for role in roles.iter().filter(|_| !self.names_roles) {
                let path = format!("/users/{made}/roles/{role}");
                self.admin.does(act(&[], Method::PUT, &path, json!({}))).await;
            }
            return made;
        }
        let mut command = vec![
            "user".to_owned(),
            "create".to_owned(),
            name.to_owned(),
            "--prepared".to_owned(),
        ];
        command.extend(roles.iter().map(|role| format!("--role={role}")));
        for (attribute, value) in attributes.as_object().into_iter().flatten() {
            if attribute.starts_with("urn:") {
                let own = value.as_object().into_iter().flatten();
                command.extend(own.map(|(name, value)| format!("--set-json={attribute}:{name}={value}")));
            } else {
                command.push(format!("--set-json={attribute}={value}"));
            }
        }
        let command: Vec<&str> = command.iter().map(String::as_str).collect();
        let body = json!({ "user_name": name, "attributes": attributes, "roles": roles, "invite": false });
        id(&self.admin.does(act(&command, Method::POST, "/users", body)).await)
    }

    /// Makes a group, and answers the identifier.
    pub(super) async fn group(&self, name: &str) -> String {
        if self.door == Door::Scim {
            let body = json!({ "schemas": [crate::kit::scim::GROUP], "displayName": name });
            return id(&self.scim(Method::POST, "/Groups", Some(body), 201).await);
        }
        let command = ["group", "create", name];
        id(&self
            .admin
            .does(act(&command, Method::POST, "/groups", json!({ "display_name": name })))
            .await)
    }

    /// Puts a person into a group, or takes the person out.
    pub(super) async fn member(&self, group: &str, user: &str, is_in: bool) {
        let members = format!("/groups/{group}/members");
        let one = format!("{members}/{user}");
        match (self.door, is_in) {
            (Door::Scim, true) => {
                let add = json!({ "op": "add", "path": "members", "value": [{ "value": user }] });
                self.patch_group(group, add).await;
            }
            (Door::Scim, false) => {
                let remove = json!({ "op": "remove", "path": format!("members[value eq \"{user}\"]") });
                self.patch_group(group, remove).await;
            }
            (_, true) => {
                let command = ["group", "add", group, user];
                let body = json!({ "users": [user] });
                self.admin.does(act(&command, Method::POST, &members, body)).await;
            }
            (_, false) => {
                let command = ["group", "remove", group, user];
                self.admin.does(act(&command, Method::DELETE, &one, Value::Null)).await;
            }
        }
    }

    /// What stands as the reason when somebody came into a group by this door.
    pub(super) fn origin(&self) -> &'static str {
        match self.door {
            Door::Scim => "connection:idp",
            Door::Api | Door::Cli => "direct",
        }
    }

    /// The identity provider's PATCH of a group.
    pub(super) async fn patch_group(&self, group: &str, operation: Value) {
        let answer = self.idp.patch(&format!("/Groups/{group}"), operation).await;
        let (status, body) = answer.expect("an answer");
        assert!(status.is_success(), "{status}: {body:#}");
    }

    /// A request of the identity provider, with the status that is expected.
    pub(super) async fn scim(&self, method: Method, path: &str, body: Option<Value>, status: u16) -> Value {
        let (answered, body) = self.idp.send(method, path, body).await.expect("an answer");
        assert_eq!(answered.as_u16(), status, "{path}: {body:#}");
        body
    }

    /// Somebody by the session that signing in gave: at the command line when the story is told there.
    pub(super) async fn signs_in(&self, login: &str, password: &str) -> Actor {
        let body = json!({ "organisation": "acme", "login": login, "password": password });
        let session = self.without_token("/api/v1/sign-in", body, 201).await;
        Actor {
            token: session["token"].as_str().expect("a token").to_owned(),
            ..self.admin.clone()
        }
    }

    /// A person's whole way in: invited, a password, the first sign-in.
    pub(super) async fn comes_in(&self, user: &str, login: &str) -> Actor {
        self.accepts(user).await;
        self.signs_in(login, PASSWORD).await
    }

    /// Invites somebody, who accepts with a password.
    pub(super) async fn accepts(&self, user: &str) {
        let command = ["user", "invite", user, "--channel", "link"];
        let path = format!("/users/{user}/invite");
        let body = json!({ "channel": "link" });
        let issued = self.admin.does(act(&command, Method::POST, &path, body)).await;
        let accept = json!({ "secret": issued["secret"], "password": PASSWORD });
        self.without_token("/api/v1/invitations/accept", accept, 200).await;
    }

    /// A request that shows no token.
    pub(super) async fn without_token(&self, path: &str, body: Value, status: u16) -> Value {
        let url = format!("{}{path}", self.gateway.url);
        let answer = self.http.post(url).json(&body).send().await.expect("an answer");
        let answered = answer.status().as_u16();
        let body = answer.json().await.unwrap_or(Value::Null);
        assert_eq!(answered, status, "{path}: {body:#}");
        body
    }

    /// Sets a password at the door: the command reads it from standard input.
    pub(super) async fn sets_password(&self, user: &str, password: &str) -> Result<Value, String> {
        if self.door == Door::Cli {
            return self.admin.run(&["user", "set-password", user], Some(password)).result();
        }
        let path = format!("/users/{user}/password");
        let body = json!({ "password": password });
        let (status, answer) = self.admin.asks(Method::POST, &path, &body).await;
        match status {
            200 => Ok(answer),
            _ => Err(answer["detail"].as_str().expect("a detail").to_owned()),
        }
    }

    /// What an administrator sees of a user.
    pub(super) async fn user(&self, user: &str) -> Value {
        self.admin
            .does(look(&["user", "show", user], &format!("/users/{user}")))
            .await
    }

    /// The members of a group as `(user, origins)`.
    pub(super) async fn members(&self, group: &str) -> Vec<(String, Value)> {
        let command = ["group", "members", group];
        let members = self
            .admin
            .lists(look(&command, &format!("/groups/{group}/members")))
            .await;
        let member = |member: &Value| (id(member), member["origins"].clone());
        members.iter().map(member).collect()
    }

    /// Asserts that whatever must always hold holds.
    pub(super) async fn verify(&self) {
        let verified = self.gateway.command(&["verify"]).expect(0);
        assert!(!verified.out.contains("violation:"), "{}", verified.out);
    }

    /// A file that the command line is given, or that it is to write.
    pub(super) fn file(&self, name: &str, text: &str) -> String {
        self.gateway.file(name, text)
    }
}
