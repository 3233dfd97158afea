//! Looking at a SCIM connection: what to enter at the identity provider, how its client may sign in, when it last came.

use chrono::TimeDelta;

use crate::directory::settings::OrganisationSettings;
use crate::directory::{Directory, DirectoryError};
use crate::ldap::probe::Verdict;
use crate::model::clock::Timestamp;
use crate::model::connection::Connection;
use crate::model::custom_attribute::Bearer;
use crate::model::oauth::OAuthClient;
use crate::model::token::{Token, TokenGrant};
use crate::provision::check;

use super::Findings;

/// How long before its end a token is pointed out.
const WARNING: TimeDelta = TimeDelta::days(30);

pub(super) async fn probe(
    directory: &Directory,
    organisation: &OrganisationSettings,
    connection: &Connection,
    public_url: Option<&str>,
    findings: &mut Findings,
) -> Result<(), DirectoryError> {
    for fault in check::faults(connection, organisation.custom(Bearer::User)) {
        findings.note("settings", "setting", Verdict::Failure, fault.to_string(), None);
    }
    let (id, slug) = (organisation.organisation.id, &organisation.organisation.slug);
    let address = public_url.unwrap_or("https://<the gateway>");
    findings.good(
        "client",
        "base_url",
        format!("the SCIM base URL is {address}/scim/{slug}/v2"),
    );
    if let Some(client) = &connection.oauth {
        oauth(connection, client, &format!("{address}/oauth/{slug}/token"), findings);
    }
    let mut tokens = directory.list_tokens(id).await?;
    tokens.retain(|token| match &token.grant {
        TokenGrant::Connection { connection: opened, .. } => *opened == connection.name,
        TokenGrant::Organisation { .. }
        | TokenGrant::Organisations { .. }
        | TokenGrant::Person { .. }
        | TokenGrant::Gateway => false,
    });
    let now = directory.clock().now();
    let is_open = |token: &Token| token.expires.is_none_or(|expires| expires > now);
    for token in &tokens {
        judge(token, connection, now, findings);
    }
    if connection.oauth.is_none() && !tokens.iter().any(is_open) {
        let cure = format!(
            "issue one with: usher token issue --org {slug} --connection {}",
            connection.name
        );
        let text = "no token of the connection is good, so its client cannot sign in";
        findings.note("client", "no_token", Verdict::Failure, text.to_owned(), Some(cure));
    }
    last_request(directory, organisation, connection, findings).await
}

fn oauth(connection: &Connection, client: &OAuthClient, endpoint: &str, findings: &mut Findings) {
    let name = client.client_id.as_deref().unwrap_or(connection.name.as_str());
    let keys = match (&client.jwks_uri, &client.jwks) {
        (Some(uri), _) => format!("keys at {uri}"),
        (None, Some(_)) => "keys in the settings".to_owned(),
        (None, None) => "name and token only".to_owned(),
    };
    let issuer = client.issuer.as_deref().unwrap_or(name);
    let text = format!("the client signs in as {name:?} at {endpoint}; issuer {issuer:?}, {keys}");
    findings.good("client", "oauth", text);
}

fn judge(token: &Token, connection: &Connection, now: Timestamp, findings: &mut Findings) {
    let label = match token.label.as_str() {
        "" => String::new(),
        label => format!(" ({label})"),
    };
    let named = format!("token {}{label}, made {}", token.id, token.created.format("%F"));
    let cure = "issue a new one, enter it at the identity provider, and revoke this one";
    let (finding, verdict, text, cure) = match token.expires {
        Some(expires) if expires <= now => {
            let text = format!("{named}, ended {}", expires.format("%F"));
            ("token_ended", Verdict::Advice, text, Some(cure))
        }
        Some(expires) if expires - now < WARNING => {
            let text = format!("{named}, ends {}", expires.format("%F"));
            ("token_ends_soon", Verdict::Advice, text, Some(cure))
        }
        _ if connection.oauth.as_ref().is_some_and(|client| client.required) => {
            let text = format!("{named}, opens nothing because oauth.required is set");
            let cure = "revoke it, unless the client proves itself by it at the token endpoint";
            ("token_unused", Verdict::Advice, text, Some(cure))
        }
        Some(expires) => {
            let text = format!("{named}, ends {}", expires.format("%F"));
            ("token", Verdict::Good, text, None)
        }
        None => ("token", Verdict::Good, format!("{named}, has no end"), None),
    };
    findings.note("client", finding, verdict, text, cure.map(str::to_owned));
}

async fn last_request(
    directory: &Directory,
    organisation: &OrganisationSettings,
    connection: &Connection,
    findings: &mut Findings,
) -> Result<(), DirectoryError> {
    // The last request may not be written yet.
    directory.flush_journal().await?;
    let id = organisation.organisation.id;
    let entries = directory.list_journal(id, &connection.name, None, 1).await?;
    let Some((_, entry)) = entries.into_iter().next() else {
        let cure = "test the connection at the identity provider, and look again";
        let text = "no request of the client is in the journal";
        findings.note(
            "client",
            "no_request",
            Verdict::Advice,
            text.to_owned(),
            Some(cure.to_owned()),
        );
        return Ok(());
    };
    let text = format!(
        "the last request, {} {} at {}, was answered with {}",
        entry.method,
        entry.path,
        entry.at.format("%F %T UTC"),
        entry.status
    );
    if entry.status < 400 {
        findings.good("client", "last_request", text);
    } else {
        let (slug, name) = (&organisation.organisation.slug, &connection.name);
        let cure = format!("see why with: usher journal {name} --org {slug}");
        findings.note("client", "last_request_refused", Verdict::Advice, text, Some(cure));
    }
    Ok(())
}
