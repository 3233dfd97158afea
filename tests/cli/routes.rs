//! Whether every route of the admin API can be reached from the command line, and by which command.

use std::collections::BTreeSet;

use usher::admin::openapi;

use crate::kit::gateway::{Ran, usher};

/// How a route is reached.
#[derive(Clone, Copy)]
enum Way {
    /// By this command.
    Command(&'static str),
    /// By none, and why that is right.
    None(&'static str),
}

use Way::{Command, None};

const OWN_SESSION: &str = "is for somebody at their own account, in the product's pages";
const ANYBODY: &str = "is for somebody without a token, in the product's pages or the gateway's own";

/// Method and path, those of an organisation without `/organisations/{org}/` in front.
const WAYS: &[(&str, &str, Way)] = &[
    ("get", "/organisations", Command("org list")),
    ("post", "/organisations", Command("org create")),
    ("get", "/organisations/{org}", Command("org show")),
    ("get", "/tokens", Command("token list")),
    ("post", "/tokens", Command("token issue")),
    ("delete", "/tokens/{id}", Command("token revoke")),
    ("get", "/profiles", Command("profile list")),
    ("get", "/profiles/{name}", Command("profile show")),
    ("get", "/audit", Command("audit list")),
    ("get", "/verify", Command("verify")),
    ("get", "/openapi.json", None("is a document for programs")),
    ("post", "/invitations/accept", None(ANYBODY)),
    ("post", "/guests/join", None(ANYBODY)),
    ("post", "/sign-in", None(ANYBODY)),
    ("post", "/password/forgot", None(ANYBODY)),
    ("post", "/password/reset", None(ANYBODY)),
    ("post", "/password/criteria", None(ANYBODY)),
    ("post", "/sign-out", None(OWN_SESSION)),
    ("get", "/session", None(OWN_SESSION)),
    ("post", "/session/password", None(OWN_SESSION)),
    ("post", "/session/password/criteria", None(OWN_SESSION)),
    ("post", "/session/second-factor", None(OWN_SESSION)),
    ("post", "/session/second-factor/confirm", None(OWN_SESSION)),
    ("post", "/session/second-factor/recovery-codes", None(OWN_SESSION)),
    ("post", "/session/second-factor/remove", None(OWN_SESSION)),
    ("get", "/sessions", None(OWN_SESSION)),
    ("delete", "/sessions/{session}", None(OWN_SESSION)),
    ("get", "invitations", Command("invitation list")),
    ("post", "invitations/send", Command("invitation send")),
    ("get", "invitations/{id}", Command("invitation show")),
    ("post", "invitations/{id}/resend", Command("invitation resend")),
    ("post", "invitations/{id}/revoke", Command("invitation revoke")),
    ("get", "outbox", Command("mail list")),
    ("post", "outbox/retry", Command("mail retry")),
    ("post", "outbox/{id}/retry", Command("mail retry")),
    ("delete", "outbox/{id}", Command("mail discard")),
    ("get", "templates", Command("template list")),
    ("get", "templates/{name}", Command("template show")),
    ("post", "templates/{name}/preview", Command("template preview")),
    ("get", "templates/{name}/variables", Command("template variables")),
    ("put", "templates/{name}/{language}", Command("template set")),
    ("delete", "templates/{name}/{language}", Command("template remove")),
    ("post", "apply", Command("apply")),
    ("get", "connections", Command("connection list")),
    ("get", "connections/{name}", Command("connection show")),
    ("post", "connections/{name}/test", Command("connection test")),
    ("post", "connections/{name}/sync", Command("sync")),
    ("get", "connections/{name}/runs", Command("sync")),
    ("get", "connections/{name}/failures", Command("connection failures")),
    (
        "post",
        "connections/{name}/failures/retry",
        Command("connection failures"),
    ),
    ("delete", "connections/{name}/held", Command("sync")),
    ("get", "connections/{name}/held/differences", Command("sync")),
    ("post", "connections/{name}/held/approve", Command("sync")),
    ("get", "connections/{name}/reviews", Command("review list")),
    ("post", "connections/{name}/reviews", Command("review approve")),
    ("get", "connections/{name}/journal", Command("journal")),
    ("get", "bulk", Command("bulk list")),
    ("post", "bulk", Command("bulk plan")),
    ("get", "bulk/{job}", Command("bulk show")),
    ("post", "bulk/{job}/confirm", Command("bulk confirm")),
    ("post", "bulk/{job}/discard", Command("bulk discard")),
    ("get", "imports", Command("import list")),
    ("post", "imports", Command("import")),
    ("get", "imports/template", Command("import template")),
    ("get", "imports/{import}", Command("import show")),
    ("delete", "imports/{import}", Command("import discard")),
    ("post", "imports/{import}/confirm", Command("import confirm")),
    ("get", "imports/{import}/rows", Command("import show")),
    ("get", "imports/{import}/result", Command("import result")),
    ("get", "export/users", Command("export")),
    ("get", "export/groups", Command("export")),
    ("get", "export/memberships", Command("export")),
    ("get", "export/role-holders", Command("export")),
    ("get", "export/resources", Command("export")),
    ("get", "export/resource-assignments", Command("export")),
    ("get", "export/licence-holders", Command("export")),
    ("get", "export/invitations", Command("export")),
    ("get", "export/guests", Command("export")),
    ("get", "export/guest-links", Command("export")),
    ("get", "export/roles", Command("export")),
    ("get", "export/permissions", Command("export")),
    ("get", "export/licences", Command("export")),
    ("get", "export/cost-centres", Command("export")),
    ("get", "export/connections", Command("export")),
    ("get", "export/tokens", Command("export")),
    ("get", "views", Command("view list")),
    ("post", "views", Command("view save")),
    ("delete", "views", Command("view reset")),
    ("get", "views/{view}", Command("view show")),
    ("put", "views/{view}", Command("view save")),
    ("delete", "views/{view}", Command("view delete")),
    ("get", "audit", Command("audit list")),
    ("get", "audit/export", Command("audit export")),
    (
        "get",
        "events",
        None("is a feed for programs; people read the audit log"),
    ),
    ("get", "verify", Command("verify")),
    ("get", "users/{user}/export", Command("privacy export")),
    ("post", "users/{user}/erase", Command("privacy erase")),
    ("put", "users/{user}/restriction", Command("privacy restrict")),
    ("get", "permissions", Command("permission list")),
    ("put", "permissions/{key}", Command("permission put")),
    ("delete", "permissions/{key}", Command("permission delete")),
    ("get", "default-permissions", Command("permission defaults")),
    ("put", "default-permissions", Command("permission set-defaults")),
    ("get", "roles", Command("role list")),
    ("post", "roles", Command("role put")),
    ("get", "roles/matrix", Command("role matrix")),
    ("get", "roles/{role}", Command("role show")),
    ("put", "roles/{role}", Command("role put")),
    ("delete", "roles/{role}", Command("role delete")),
    ("get", "roles/{role}/impact", Command("role delete")),
    ("get", "roles/{role}/holders", Command("role holders")),
    ("put", "roles/{role}/groups/{group}", Command("role link")),
    ("delete", "roles/{role}/groups/{group}", Command("role unlink")),
    ("put", "roles/{role}/given-by/{group}", Command("role give-by")),
    ("delete", "roles/{role}/given-by/{group}", Command("role give-by")),
    ("get", "tokens", Command("token list")),
    ("post", "tokens", Command("token issue")),
    ("delete", "tokens/{id}", Command("token revoke")),
    ("get", "users/{user}/access", Command("access show")),
    ("put", "users/{user}/access/{area}", Command("access set")),
    ("get", "users/{user}/effective", Command("user effective")),
    ("get", "users/{user}/eligibility", Command("user eligibility")),
    ("get", "users/{user}/explain", Command("user explain")),
    ("get", "users/{user}/permissions", Command("permission of")),
    ("post", "users/{user}/permissions", Command("permission grant")),
    ("delete", "users/{user}/permissions", Command("permission revoke")),
    ("get", "users/{user}/roles/{role}", Command("role effect")),
    ("put", "users/{user}/roles/{role}", Command("role assign")),
    ("delete", "users/{user}/roles/{role}", Command("role withdraw")),
    ("get", "users", Command("user list")),
    ("post", "users", Command("user create")),
    ("get", "users/{user}", Command("user show")),
    ("patch", "users/{user}", Command("user update")),
    ("delete", "users/{user}", Command("user delete")),
    ("post", "users/{user}/licences", Command("licence assign")),
    ("delete", "users/{user}/licences/{key}", Command("licence free")),
    (
        "put",
        "users/{user}/licences/{key}/cost-centre",
        Command("licence charge"),
    ),
    ("post", "users/{user}/move", Command("user move")),
    (
        "post",
        "users/{user}/review-permissions",
        Command("user review-permissions"),
    ),
    ("post", "users/{user}/suspend", Command("user suspend")),
    ("post", "users/{user}/reactivate", Command("user reactivate")),
    ("post", "users/{user}/invite", Command("user invite")),
    (
        "post",
        "users/{user}/revoke-invitation",
        Command("user revoke-invitation"),
    ),
    ("get", "licences", Command("licence list")),
    ("get", "licences/forecast", Command("licence forecast")),
    ("get", "licences/{key}/holders", Command("licence holders")),
    ("get", "cost-centres", Command("cost-centre list")),
    ("put", "cost-centres/{key}", Command("cost-centre set")),
    ("delete", "cost-centres/{key}", Command("cost-centre delete")),
    ("put", "licences/{key}", Command("licence set")),
    ("delete", "licences/{key}", Command("licence delete")),
    ("get", "licences/{key}/impact", Command("licence delete")),
    ("get", "guests", Command("guest list")),
    ("post", "guests", Command("guest create")),
    ("delete", "guests/{guest}", Command("guest delete")),
    ("post", "guests/{guest}/disable", Command("guest disable")),
    ("get", "guest-links", Command("guest link list")),
    ("post", "guest-links", Command("guest link create")),
    ("post", "guest-links/{link}/disable", Command("guest link disable")),
    ("get", "groups", Command("group list")),
    ("post", "groups", Command("group create")),
    ("get", "groups/tree", Command("group tree")),
    ("get", "groups/{group}", Command("group show")),
    ("patch", "groups/{group}", Command("group update")),
    ("delete", "groups/{group}", Command("group delete")),
    ("put", "groups/{group}/defaults", Command("group defaults")),
    ("post", "groups/{group}/disable", Command("group disable")),
    ("post", "groups/{group}/enable", Command("group enable")),
    ("post", "groups/{group}/gives", Command("group give")),
    ("put", "groups/{group}/linked-roles/{role}", Command("group link")),
    ("delete", "groups/{group}/linked-roles/{role}", Command("group unlink")),
    ("get", "groups/{group}/members", Command("group members")),
    ("post", "groups/{group}/members", Command("group add")),
    ("delete", "groups/{group}/members/{member}", Command("group remove")),
    ("post", "groups/{group}/roles/{role}", Command("group role")),
    ("delete", "groups/{group}/roles/{role}", Command("group role")),
    ("get", "groups/{group}/resources", Command("group resources")),
    ("delete", "groups/{group}/resources", Command("resource withdraw")),
    ("get", "resource-types", Command("resource types")),
    ("get", "resources", Command("resource list")),
    ("post", "resources", Command("resource create")),
    ("get", "resources/{resource}", Command("resource show")),
    ("patch", "resources/{resource}", Command("resource update")),
    ("delete", "resources/{resource}", Command("resource delete")),
    (
        "get",
        "resources/{resource}/assignments",
        Command("resource assignments"),
    ),
    ("post", "resources/{resource}/assignments", Command("resource assign")),
    (
        "delete",
        "resources/{resource}/assignments/{kind}/{subject}",
        Command("resource unassign"),
    ),
    ("get", "users/{user}/resources", Command("resource of")),
    ("get", "password-policy", Command("password-policy show")),
    ("put", "password-policy", Command("password-policy set")),
    ("get", "password-policy/impact", Command("password-policy impact")),
    (
        "post",
        "password-policy/check",
        None("takes a password, which belongs on no command line"),
    ),
    ("get", "users/{user}/credential", Command("user credential")),
    ("post", "users/{user}/password", Command("user set-password")),
    ("post", "users/{user}/reset-link", Command("user reset-link")),
    ("post", "users/{user}/unlock", Command("user unlock")),
    (
        "delete",
        "users/{user}/second-factor",
        Command("user remove-second-factor"),
    ),
    ("post", "users/{user}/signed-in", Command("user signed-in")),
    ("get", "users/{user}/sessions", Command("user sessions")),
    ("delete", "users/{user}/sessions", Command("user end-sessions")),
    (
        "delete",
        "users/{user}/sessions/{session}",
        Command("user end-sessions"),
    ),
];

fn below(path: &str) -> &str {
    path.strip_prefix("/organisations/{org}/").unwrap_or(path)
}

#[test]
fn every_route_has_a_command_or_a_reason_why_not() {
    let document = openapi::document();
    let mut served = BTreeSet::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        let methods = item.as_object().expect("methods").keys();
        served.extend(
            methods
                .filter(|name| *name != "parameters")
                .map(|method| (method.as_str(), below(path))),
        );
    }
    let named: BTreeSet<_> = WAYS.iter().map(|(method, path, _)| (*method, *path)).collect();
    assert_eq!(named.len(), WAYS.len(), "a route is named twice");
    let missing: Vec<_> = served.difference(&named).collect();
    assert!(
        missing.is_empty(),
        "routes without a command: add one, or the reason why there is none, to WAYS: {missing:?}"
    );
    let gone: Vec<_> = named.difference(&served).collect();
    assert!(
        gone.is_empty(),
        "routes that are not served: take them out of WAYS: {gone:?}"
    );
    let empty = WAYS
        .iter()
        .filter(|(.., way)| matches!(way, None(reason) if reason.is_empty()));
    assert_eq!(empty.count(), 0);
}

#[test]
fn every_command_that_is_named_for_a_route_is_there() {
    let commands: BTreeSet<&str> = WAYS
        .iter()
        .filter_map(|(.., way)| match way {
            Command(command) => Some(*command),
            None(_) => Option::None,
        })
        .collect();
    for command in commands {
        let help = Ran::of(usher().args(command.split(' ')).arg("--help"));
        let help = help.expect(0).out;
        assert!(help.contains(&format!("usher {command}")), "{command}: {help}");
    }
}
