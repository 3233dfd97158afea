//! An organisation with people and groups, to give roles and rights to: changed through the admin API where it offers that, and
//! by operations of the directory otherwise.

use serde_json::{Value, json};
use usher::directory::membership::{Leaving, MemberChanges};
use usher::directory::{DirectoryError, Operation, Permit, Principal, Unit};
use usher::model::group::Group;
use usher::model::id::{GroupId, OrganisationId, UserId};
use usher::model::membership::{Member, Membership};
use usher::model::origin::Origin;
use usher::model::slug::Slug;

use super::gateway::{Caller, Inside};
use super::scim::{Answer, slug};

/// The organisation `acme`.
pub(crate) struct Acme {
    /// The gateway.
    pub(crate) inside: Inside,
    /// Its administrator.
    pub(crate) root: Caller,
    /// The organisation's administrator.
    pub(crate) admin: Caller,
    /// Which it is.
    pub(crate) id: OrganisationId,
    client: Caller,
}

/// Where the organisation is in the admin API.
pub(crate) const ACME: &str = "/api/v1/organisations/acme";

impl Acme {
    /// With what this file declares behind `[organisation]` and the connection.
    pub(crate) async fn new(more: &str) -> Self {
        let inside = Inside::new();
        let root = inside.administrator().await;
        let admin = root.organisation("acme").await;
        let file =
            format!("[organisation]\nslug = \"acme\"\n{more}\n[[connections]]\nname = \"entra\"\nkind = \"scim\"\n");
        admin.apply("acme", &file).await.expect(200);
        let client = admin.connection("acme", "entra").await;
        let found = inside.directory.find_organisation(&slug("acme")).await;
        let id = found.expect("a read").expect("acme").organisation.id;
        Self {
            inside,
            root,
            admin,
            id,
            client,
        }
    }

    /// A permit as an organisation's own token has it.
    pub(crate) fn permit(&self) -> Permit {
        Principal::system().administer(self.id).expect("the system may")
    }

    /// An active user of the connection.
    pub(crate) async fn user(&self, name: &str) -> UserId {
        self.client.scim_user("acme", name).await.parse().expect("an id")
    }

    /// The SCIM client that made the users.
    pub(crate) fn client(&self) -> &Caller {
        &self.client
    }

    /// A request as the organisation's administrator, below the organisation.
    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.admin
            .send(axum::http::Method::PUT, &format!("{ACME}{path}"), Some(body))
            .await
    }

    /// The same.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.admin.get(&format!("{ACME}{path}")).await
    }

    /// The same.
    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.admin.post(&format!("{ACME}{path}"), body).await
    }

    /// The same.
    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.admin.delete(&format!("{ACME}{path}")).await
    }

    /// Makes a role.
    pub(crate) async fn role(&self, role: Value) {
        self.post("/roles", role).await.expect(201);
    }

    /// Gives a role.
    pub(crate) async fn assign(&self, user: &str, role: &str) -> Answer {
        self.put(&format!("/users/{user}/roles/{role}"), json!({})).await
    }

    /// Takes a role.
    pub(crate) async fn withdraw(&self, user: &str, role: &str) -> Answer {
        self.delete(&format!("/users/{user}/roles/{role}")).await
    }

    /// Somebody with the rights of this user.
    pub(crate) async fn person(&self, user: &str) -> Caller {
        let issued = self.post("/tokens", json!({ "user": user })).await.expect(201);
        self.inside.caller(issued["token"].as_str().expect("a token"))
    }

    /// Makes a group.
    pub(crate) async fn group(&self, name: &str, set: impl Fn(&mut Group) + Send + Sync) -> GroupId {
        let make = MakeGroup { name, set };
        self.run(&make).await.expect("a group")
    }

    /// Changes a group.
    pub(crate) async fn edit_group(&self, group: GroupId, edit: impl Fn(&mut Group) + Send + Sync) {
        self.run(&EditGroup { group, edit }).await.expect("a change");
    }

    /// Puts a user into a group.
    pub(crate) async fn join(&self, group: GroupId, user: UserId) -> Result<(), DirectoryError> {
        self.run(&Move {
            group,
            user,
            into: true,
        })
        .await
    }

    /// Takes the administrators' reason away for which a user is in a group.
    pub(crate) async fn leave(&self, group: GroupId, user: UserId) {
        self.run(&Move {
            group,
            user,
            into: false,
        })
        .await
        .expect("a change");
    }

    /// Gives a user a role in a group.
    pub(crate) async fn group_role(&self, group: GroupId, user: UserId, role: &str) {
        let give = GiveGroupRole {
            group,
            user,
            role: slug(role),
        };
        self.run(&give).await.expect("a change");
    }

    /// Runs an operation.
    pub(crate) async fn run<O: Operation>(&self, operation: &O) -> Result<O::Outcome, DirectoryError> {
        self.inside.directory.run(&self.permit(), operation).await
    }

    /// The names of a user's roles with their origins.
    pub(crate) async fn roles(&self, user: UserId) -> Value {
        self.get(&format!("/users/{user}")).await.expect(200)["roles"].clone()
    }

    /// The origins of a user's membership; null when there is none.
    pub(crate) async fn membership(&self, group: GroupId, user: UserId) -> Value {
        let members = self.get(&format!("/groups/{group}/members")).await.expect(200);
        let found = members["items"].as_array().expect("a list").iter();
        let found = found.clone().find(|member| member["id"] == json!(user));
        found.map_or(Value::Null, |member| member["origins"].clone())
    }

    /// Asserts that every invariant holds.
    #[track_caller]
    pub(crate) fn verify(&self) -> impl Future<Output = ()> + '_ {
        let place = std::panic::Location::caller();
        async move {
            let told = self.get("/verify").await.expect(200);
            let text = told.to_string();
            assert!(!text.contains("\"violation\""), "{place}: {told:#}");
        }
    }
}

struct MakeGroup<'a, F> {
    name: &'a str,
    set: F,
}

#[async_trait::async_trait]
impl<F: Fn(&mut Group) + Send + Sync> Operation for MakeGroup<'_, F> {
    type Outcome = GroupId;

    async fn attempt(&self, unit: &mut Unit) -> Result<GroupId, DirectoryError> {
        let id = GroupId::new(unit.clock().uuid());
        let record = json!({
            "id": id,
            "display_name": self.name,
            "enabled": true,
            "created": unit.now(),
            "last_modified": unit.now(),
            "revision": 0,
        });
        let mut group: Group = serde_json::from_value(record).expect("a group");
        (self.set)(&mut group);
        unit.create_group(group).await.map(|group| group.id)
    }
}

struct EditGroup<F> {
    group: GroupId,
    edit: F,
}

#[async_trait::async_trait]
impl<F: Fn(&mut Group) + Send + Sync> Operation for EditGroup<F> {
    type Outcome = ();

    async fn attempt(&self, unit: &mut Unit) -> Result<(), DirectoryError> {
        let before = unit.load_group(self.group).await?;
        let mut after = before.clone();
        (self.edit)(&mut after);
        unit.update_group(&before, after).await.map(|_| ())
    }
}

struct Move {
    group: GroupId,
    user: UserId,
    into: bool,
}

#[async_trait::async_trait]
impl Operation for Move {
    type Outcome = ();

    async fn attempt(&self, unit: &mut Unit) -> Result<(), DirectoryError> {
        let group = unit.load_group(self.group).await?;
        let members = [Member::User(self.user)];
        let mut changes = MemberChanges::default();
        if self.into {
            unit.add_members(&group, &members, &Origin::Direct, &mut changes)
                .await?;
        } else {
            let leaving = Leaving::These(members.to_vec());
            unit.remove_members(&group, &leaving, &Origin::Direct, false, &mut changes)
                .await?;
        }
        unit.note_member_changes(group.id, &changes);
        Ok(())
    }
}

struct GiveGroupRole {
    group: GroupId,
    user: UserId,
    role: Slug,
}

#[async_trait::async_trait]
impl Operation for GiveGroupRole {
    type Outcome = ();

    async fn attempt(&self, unit: &mut Unit) -> Result<(), DirectoryError> {
        let (organisation, member) = (unit.organisation(), Member::User(self.user));
        let down = usher::directory::keys::group_member(organisation, self.group, member);
        let up = usher::directory::keys::member_group(organisation, member, self.group);
        let mut edge: Membership = unit.find(&down).await?.expect("a member");
        edge.roles.entry(self.role.clone()).or_default().insert(Origin::Direct);
        unit.put(down, &edge);
        unit.put(up, &edge);
        Ok(())
    }
}
