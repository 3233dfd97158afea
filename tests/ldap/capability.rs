//! What root DSEs of different servers tell, and how parts of long attributes are named.

use usher::ldap::range::ValueRange;
use usher::ldap::{AttributeValue, Attributes, Capability, StableIdKind, Vendor};

/// Attribute names and values.
type Pairs<'a> = &'a [(&'a str, &'a str)];

const PAGED_RESULTS: &str = "1.2.840.113556.1.4.319";

#[test]
fn each_kind_of_server_is_known_by_its_root_dse() {
    let active_directory = ("supportedCapabilities", "1.2.840.113556.1.4.800");
    let table: [(Pairs<'_>, Vendor, StableIdKind); 7] = [
        (
            &[("objectClass", "OpenLDAProotDSE")],
            Vendor::OpenLdap,
            StableIdKind::EntryUuid,
        ),
        (
            &[("structuralObjectClass", "OpenLDAProotDSE")],
            Vendor::OpenLdap,
            StableIdKind::EntryUuid,
        ),
        (
            &[("vendorName", "389 Project")],
            Vendor::Ds389,
            StableIdKind::NsUniqueId,
        ),
        (&[active_directory], Vendor::ActiveDirectory, StableIdKind::ObjectGuid),
        (
            &[active_directory, ("vendorName", "Samba Team (https://www.samba.org)")],
            Vendor::Samba,
            StableIdKind::ObjectGuid,
        ),
        (
            &[("vendorName", "Apache Software Foundation")],
            Vendor::Other,
            StableIdKind::EntryUuid,
        ),
        (&[], Vendor::Other, StableIdKind::EntryUuid),
    ];
    for (attributes, vendor, stable_id) in table {
        let capability = root_dse(attributes);
        assert_eq!(
            (capability.vendor, capability.stable_id()),
            (vendor, stable_id),
            "{attributes:?}"
        );
    }
}

#[test]
fn the_default_naming_context_comes_first_and_once() {
    let capability = root_dse(&[
        ("namingContexts", "CN=Configuration,DC=lab,DC=test"),
        ("namingContexts", "DC=lab,DC=test"),
        ("defaultNamingContext", "DC=lab,DC=test"),
        ("highestCommittedUSN", "4711"),
        ("supportedControl", PAGED_RESULTS),
        ("supportedControl", "1.2.840.113556.1.4.841"),
        ("vendorName", "A"),
        ("vendorVersion", "1.0"),
    ]);
    assert_eq!(
        capability.naming_contexts,
        ["DC=lab,DC=test", "CN=Configuration,DC=lab,DC=test"]
    );
    assert_eq!(capability.highest_committed_usn, Some(4711));
    assert!(capability.pages_results() && capability.has_dirsync() && !capability.syncs_content());
    assert_eq!(capability.vendor_text.as_deref(), Some("A 1.0"));
}

#[test]
fn trees_of_people_come_before_those_of_the_server() {
    let capability = root_dse(&[
        ("defaultNamingContext", "cn=changelog"),
        ("namingContexts", "cn=changelog"),
        ("namingContexts", "dc=example,dc=com"),
        ("namingContexts", "o=Example"),
    ]);
    assert_eq!(
        capability.naming_contexts,
        ["dc=example,dc=com", "o=Example", "cn=changelog"]
    );
}

#[test]
fn a_range_is_read_from_its_option() {
    let table = [
        ("range=0-1499", Some((0, Some(1499)))),
        ("Range=1500-*", Some((1500, None))),
        ("range=0-*", Some((0, None))),
        ("binary", None),
        ("lang-fr", None),
        ("range=", None),
        ("range=1", None),
        ("range=*-5", None),
        ("range=-5", None),
        ("range=0-99999999999999999999", None),
    ];
    for (option, expected) in table {
        let range = ValueRange::from_option(option).map(|range| (range.first, range.last));
        assert_eq!(range, expected, "{option:?}");
    }
}

fn root_dse(attributes: &[(&str, &str)]) -> Capability {
    let value = |text: &str| vec![AttributeValue::Text(text.to_owned())];
    let attributes: Attributes = attributes
        .iter()
        .map(|(name, text)| ((*name).to_owned(), value(text)))
        .collect();
    Capability::from_root_dse(&attributes)
}
