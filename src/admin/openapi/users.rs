//! Users and their invitations.

use serde_json::Value;

use super::description::{Description, delete, get, patch, post, put};
use super::schema::{any, boolean, list, map, named, nullable, object, text, time, uuid};
use crate::admin::users;

pub(super) fn descriptions() -> Vec<Description> {
    vec![
        get("users", "Users in the order of their creation, or those that are found")
            .list_query::<users::Wanted>()
            .answers_list(named("User")),
        get("users/{user}", "One user, by identifier or user name").answers(named("User")),
        delete(
            "users/{user}",
            "Deletes a user for good; the identifier is never used again",
        )
        .answers_nothing(),
        post("users/{user}/suspend", "Blocks a user; no connection lifts it").answers(named("User")),
        post("users/{user}/reactivate", "Lifts the administrator's block").answers(named("User")),
        post(
            "users",
            "Makes a user with everything they are to have: prepared, or invited at once",
        )
        .takes::<users::write::NewUserBody>()
        .answers_created(named("User")),
        patch(
            "users/{user}",
            "Changes a user by a JSON merge patch (RFC 7396) of what GET shows",
        )
        .takes_schema(map(any()))
        .answers(named("User")),
        post(
            "users/{user}/licences",
            "Gives a licence directly; a seat is taken when one is needed",
        )
        .takes::<users::licences::Given>()
        .answers(named("User")),
        delete("users/{user}/licences/{key}", "Takes a directly given licence away").answers(named("User")),
        put(
            "users/{user}/licences/{key}/cost-centre",
            "Has a seat paid for by another cost centre",
        )
        .takes::<users::licences::Charged>()
        .answers(named("User")),
        post(
            "users/{user}/move",
            "Moves a user to another home group; a review of the permissions is pending then",
        )
        .takes::<users::home::Moved>()
        .answers(named("User")),
        post(
            "users/{user}/review-permissions",
            "Says that the permissions of a moved user were looked at",
        )
        .answers(named("User")),
        post(
            "users/{user}/revoke-invitation",
            "Withdraws the invitation that is out, if one is",
        )
        .answers(object([("revoked", boolean())], [])),
    ]
}

pub(super) fn components() -> Vec<(&'static str, Value)> {
    vec![(
        "User",
        object(
            [
                ("id", uuid()),
                ("user_name", text()),
                ("display_name", nullable(text())),
                ("emails", list(text())),
                ("state", text()),
                ("active", boolean()),
                ("restricted", boolean()),
                ("attributes", map(any())),
                ("created", time()),
                ("last_modified", time()),
            ],
            [
                ("suspended_by", any()),
                ("external_ids", map(text())),
                ("login_ids", list(any())),
                ("nicknames", list(text())),
                ("labels", list(text())),
                ("country_prefix", nullable(text())),
                ("home_group", nullable(uuid())),
                (
                    "review_pending",
                    nullable(object([("since", time())], [("from", uuid())])),
                ),
                ("effective", any()),
                ("invitation", any()),
                ("reviewed", boolean()),
                ("staying", list(text())),
                ("roles", map(list(text()))),
                ("licences", map(any())),
            ],
        ),
    )]
}
