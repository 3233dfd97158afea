//! A server's address: the scheme, host and port of an LDAP URL (RFC 4516).

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use rustls::pki_types::DnsName;
use thiserror::Error;

/// Why a text is not the address of a server.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum UrlError {
    /// It starts with neither of the two schemes.
    #[error("url \"{url}\" must start with ldaps:// or ldap://")]
    Scheme {
        /// The text as given.
        url: String,
    },
    /// There is no host after the scheme.
    #[error("url \"{url}\" names no host; write for example ldaps://directory.example.com:636")]
    NoHost {
        /// The text as given.
        url: String,
    },
    /// The host is neither a name nor an address.
    #[error("url \"{url}\" has a host that is neither a dns name nor an address; an IPv6 address stands in brackets")]
    Host {
        /// The text as given.
        url: String,
    },
    /// The port is not a number from 1 to 65535.
    #[error("url \"{url}\" has a port that is not a number from 1 to 65535")]
    Port {
        /// The text as given.
        url: String,
    },
    /// Something follows the port: a base DN, a query, or a name and password before the host.
    #[error("url \"{url}\" may only hold scheme, host and port; base, filter and bind have settings of their own")]
    Surplus {
        /// The text as given, without what stands before an `@`.
        url: String,
    },
}

/// The two schemes that a directory is reached by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `ldap`, port 389: plain, or upgraded by StartTLS.
    Ldap,
    /// `ldaps`, port 636: TLS from the first byte.
    Ldaps,
}

/// Where a server is, and what its certificate must name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// A DNS name, resolved at every connect.
    Name(String),
    /// An address; the certificate needs it as an IP address SAN.
    Address(IpAddr),
}

/// Scheme, host and port of one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LdapUrl {
    scheme: Scheme,
    host: Host,
    port: u16,
}

impl LdapUrl {
    /// The scheme.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The port: the one given, else 389 or 636.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl FromStr for LdapUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let url = || text.to_owned();
        let (scheme, rest) = if let Some(rest) = strip_scheme(text, "ldaps://") {
            (Scheme::Ldaps, rest)
        } else if let Some(rest) = strip_scheme(text, "ldap://") {
            (Scheme::Ldap, rest)
        } else {
            return Err(UrlError::Scheme { url: url() });
        };
        if let Some((_, after)) = rest.rsplit_once('@') {
            // What stands before the sign may be a password, so it is not repeated.
            return Err(UrlError::Surplus {
                url: format!("..@{after}"),
            });
        }
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.contains(['/', '?', '#']) {
            return Err(match authority.starts_with(['/', '?', '#']) {
                true => UrlError::NoHost { url: url() },
                false => UrlError::Surplus { url: url() },
            });
        }
        let (host, port) = split_port(authority).ok_or_else(|| UrlError::Host { url: url() })?;
        if host.is_empty() {
            return Err(UrlError::NoHost { url: url() });
        }
        let port = match port {
            None if scheme == Scheme::Ldaps => 636,
            None => 389,
            Some(digits) => parse_port(digits).ok_or_else(|| UrlError::Port { url: url() })?,
        };
        let host = parse_host(host).ok_or_else(|| UrlError::Host { url: url() })?;
        Ok(Self { scheme, host, port })
    }
}

impl fmt::Display for LdapUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Ldap => "ldap",
            Scheme::Ldaps => "ldaps",
        };
        write!(f, "{scheme}://{}:{}", self.host, self.port)
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V4(address)) => write!(f, "{address}"),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

/// Schemes are case-insensitive (RFC 3986 section 3.1).
fn strip_scheme<'a>(text: &'a str, scheme: &str) -> Option<&'a str> {
    let head = text.get(..scheme.len())?;
    head.eq_ignore_ascii_case(scheme).then(|| &text[scheme.len()..])
}

/// Host (brackets kept) and port digits; `None` for a bracket that is missing, unclosed or followed by text.
fn split_port(authority: &str) -> Option<(&str, Option<&str>)> {
    if !authority.starts_with('[') {
        return match authority.split_once(':') {
            // An IPv6 address without brackets.
            Some((_, port)) if port.contains(':') => None,
            Some((host, port)) => Some((host, Some(port))),
            None => Some((authority, None)),
        };
    }
    let close = authority.find(']')?;
    let (host, rest) = authority.split_at(close + 1);
    match rest.strip_prefix(':') {
        Some(port) => Some((host, Some(port))),
        None if rest.is_empty() => Some((host, None)),
        None => None,
    }
}

fn parse_port(digits: &str) -> Option<u16> {
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten().filter(|port| *port != 0)
}

fn parse_host(host: &str) -> Option<Host> {
    if let Some(inner) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return inner
            .parse::<Ipv6Addr>()
            .ok()
            .map(|address| Host::Address(IpAddr::V6(address)));
    }
    if let Ok(address) = host.parse() {
        return Some(Host::Address(IpAddr::V4(address)));
    }
    DnsName::try_from(host)
        .ok()
        .map(|_| Host::Name(host.to_ascii_lowercase()))
}
