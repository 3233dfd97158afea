//! What a server says about itself in its root DSE (RFC 4512 section 5.1).

use std::collections::BTreeSet;
use std::fmt;

use super::connection::Connection;
use super::entry::Attributes;
use super::read_error::ReadError;
use super::search::base_object::read_base_object;
use super::stable_id::StableIdKind;

/// The paging control (RFC 2696).
const PAGED_RESULTS: &str = "1.2.840.113556.1.4.319";
/// The sync request control (RFC 4533).
const SYNC_REQUEST: &str = "1.3.6.1.4.1.4203.1.9.1.1";
/// LDAP_SERVER_DIRSYNC_OID (MS-ADTS section 3.1.1.3.4.1.3).
const DIRSYNC: &str = "1.2.840.113556.1.4.841";
/// LDAP_CAP_ACTIVE_DIRECTORY_OID (MS-ADTS section 3.1.1.3.4.3.1).
const ACTIVE_DIRECTORY: &str = "1.2.840.113556.1.4.800";

const REQUESTED: [&str; 9] = [
    "objectClass",
    "structuralObjectClass",
    "namingContexts",
    "defaultNamingContext",
    "supportedControl",
    "supportedCapabilities",
    "vendorName",
    "vendorVersion",
    "highestCommittedUSN",
];

/// The kind of server, guessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vendor {
    /// OpenLDAP's slapd.
    OpenLdap,
    /// 389 Directory Server and its descendants (Red Hat, FreeIPA).
    Ds389,
    /// Active Directory.
    ActiveDirectory,
    /// Samba as an Active Directory domain controller.
    Samba,
    /// None of these.
    Other,
}

impl fmt::Display for Vendor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OpenLdap => "OpenLDAP",
            Self::Ds389 => "389 Directory Server",
            Self::ActiveDirectory => "Active Directory",
            Self::Samba => "Samba",
            Self::Other => "of an unknown kind",
        })
    }
}

/// What a server can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capability {
    /// The kind of server.
    pub vendor: Vendor,
    /// Name and version as the server gives them, for people.
    pub vendor_text: Option<String>,
    /// The trees that it holds, the likely base first.
    pub naming_contexts: Vec<String>,
    /// The controls that it knows, as OIDs.
    pub controls: BTreeSet<String>,
    /// Active Directory's change counter. It is the counter of this one server.
    pub highest_committed_usn: Option<u64>,
}

impl Capability {
    /// Reads the root DSE.
    ///
    /// # Errors
    /// As [`super::read_all`]. A server that hides its root DSE gives an `Other` without controls, not an error.
    pub async fn read(connection: &mut Connection) -> Result<Self, ReadError> {
        let limits = connection.limits();
        let mut ldap = connection.start_reading()?;
        let requested = REQUESTED.map(str::to_owned).to_vec();
        let outcome = read_base_object(&mut ldap, "", requested, limits).await;
        let entry = connection.finish_reading(outcome).await?;
        Ok(Self::from_root_dse(
            &entry.map(|entry| entry.attributes).unwrap_or_default(),
        ))
    }

    /// What the attributes of a root DSE say.
    pub fn from_root_dse(attributes: &Attributes) -> Self {
        let mut naming_contexts: Vec<String> = Vec::new();
        for context in attributes
            .texts("defaultnamingcontext")
            .chain(attributes.texts("namingcontexts"))
        {
            if !naming_contexts.iter().any(|known| known == context) {
                naming_contexts.push(context.to_owned());
            }
        }
        // 389-DS names its change log first, even as the default; Active Directory has its configuration.
        naming_contexts.sort_by_key(|context| is_of_the_server(context));
        let names = [attributes.text("vendorname"), attributes.text("vendorversion")];
        let vendor_text = names.into_iter().flatten().collect::<Vec<_>>().join(" ");
        Self {
            vendor: Vendor::guess(attributes),
            vendor_text: Some(vendor_text).filter(|text| !text.is_empty()),
            naming_contexts,
            controls: attributes.texts("supportedcontrol").map(str::to_owned).collect(),
            highest_committed_usn: attributes.text("highestcommittedusn").and_then(|usn| usn.parse().ok()),
        }
    }

    /// Whether it can page, without which nothing is read.
    pub fn pages_results(&self) -> bool {
        self.controls.contains(PAGED_RESULTS)
    }

    /// Whether it can synchronise content (RFC 4533).
    pub fn syncs_content(&self) -> bool {
        self.controls.contains(SYNC_REQUEST)
    }

    /// Whether it has Active Directory's DirSync.
    pub fn has_dirsync(&self) -> bool {
        self.controls.contains(DIRSYNC)
    }

    /// What identifies an entry for ever at this kind of server.
    pub fn stable_id(&self) -> StableIdKind {
        match self.vendor {
            Vendor::OpenLdap | Vendor::Other => StableIdKind::EntryUuid,
            // The entryUUID plug-in is not built everywhere, nsUniqueId always is.
            Vendor::Ds389 => StableIdKind::NsUniqueId,
            Vendor::ActiveDirectory | Vendor::Samba => StableIdKind::ObjectGuid,
        }
    }
}

/// Whether a tree is the server's own: `cn=changelog`, `CN=Configuration,...`. Those of people begin with a domain, an
/// organisation or a country.
fn is_of_the_server(context: &str) -> bool {
    context
        .split_once('=')
        .is_some_and(|(attribute, _)| attribute.trim().eq_ignore_ascii_case("cn"))
}

impl Vendor {
    fn guess(attributes: &Attributes) -> Self {
        let name = attributes.text("vendorname").unwrap_or_default().to_lowercase();
        let mut classes = attributes
            .texts("objectclass")
            .chain(attributes.texts("structuralobjectclass"));
        if name.contains("samba") {
            Self::Samba
        } else if attributes
            .texts("supportedcapabilities")
            .any(|oid| oid == ACTIVE_DIRECTORY)
        {
            Self::ActiveDirectory
        } else if name.contains("389 project") || name.contains("red hat") {
            Self::Ds389
        } else if classes.any(|class| class.eq_ignore_ascii_case("OpenLDAProotDSE")) {
            Self::OpenLdap
        } else {
            Self::Other
        }
    }
}
