//! The normal form of a name: RFC 4518, approximately.

use unicode_normalization::UnicodeNormalization;

use super::{Assertion, AssertionValue, DnKey, Rdn, write_escaped, write_hex};

/// Attribute types that go by several names (RFC 4519), as long name and OID, each with the short name used here.
const SAME_TYPE: [(&str, &str, &str); 11] = [
    ("commonname", "2.5.4.3", "cn"),
    ("surname", "2.5.4.4", "sn"),
    ("countryname", "2.5.4.6", "c"),
    ("localityname", "2.5.4.7", "l"),
    ("stateorprovincename", "2.5.4.8", "st"),
    ("streetaddress", "2.5.4.9", "street"),
    ("organizationname", "2.5.4.10", "o"),
    ("organizationalunitname", "2.5.4.11", "ou"),
    ("domaincomponent", "0.9.2342.19200300.100.1.25", "dc"),
    ("userid", "0.9.2342.19200300.100.1.1", "uid"),
    ("rfc822mailbox", "0.9.2342.19200300.100.1.3", "mail"),
];

/// The key of a name with these RDNs.
pub(super) fn key(rdns: &[Rdn]) -> DnKey {
    let levels: Vec<String> = rdns.iter().map(normal_rdn).collect();
    DnKey(levels.join(","))
}

/// The assertions of an RDN are a set (RFC 4512 section 2.3.1), so their order is not significant.
fn normal_rdn(rdn: &Rdn) -> String {
    let mut assertions: Vec<String> = rdn.assertions.iter().map(normal_assertion).collect();
    assertions.sort_unstable();
    assertions.join("+")
}

fn normal_assertion(assertion: &Assertion) -> String {
    let mut normal = normal_type(&assertion.attribute_type);
    normal.push('=');
    // Writing into a String cannot fail, so there is no error to lose.
    let _ = match &assertion.value {
        AssertionValue::Text(text) => write_escaped(&mut normal, &normal_value(text)),
        AssertionValue::Binary(bytes) => write_hex(&mut normal, bytes),
    };
    normal
}

fn normal_type(attribute_type: &str) -> String {
    let lower = attribute_type.to_ascii_lowercase();
    // RFC 2253 section 3 still allowed the prefix before a numeric OID.
    let lower = lower.strip_prefix("oid.").unwrap_or(&lower);
    let same = SAME_TYPE.iter().find(|(long, oid, _)| *long == lower || *oid == lower);
    same.map_or(lower, |(_, _, short)| *short).to_owned()
}

/// RFC 4518 sections 2.2 (map), 2.3 (normalise) and 2.6.1 (insignificant space).
fn normal_value(text: &str) -> String {
    // Printable ASCII, as most names are, is its own normal form but for case and space.
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return significant(&text.to_ascii_lowercase());
    }
    let folded = text.nfkc().filter_map(map_character).flat_map(fold_case);
    significant(&folded.nfkc().collect::<String>())
}

/// Without the space that does not count.
fn significant(text: &str) -> String {
    let mut normal = String::with_capacity(text.len());
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        if !normal.is_empty() {
            normal.push(' ');
        }
        normal.push_str(word);
    }
    normal
}

/// RFC 4518 section 2.2: some characters are nothing, some are a space.
fn map_character(character: char) -> Option<char> {
    match character {
        '\u{9}'..='\u{d}' | '\u{85}' => Some(' '),
        '\u{ad}' | '\u{1806}' | '\u{34f}' | '\u{180b}'..='\u{180d}' | '\u{fe00}'..='\u{fe0f}' | '\u{fffc}' => None,
        '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{feff}' => None,
        _ if character.is_control() => None,
        _ if character.is_whitespace() => Some(' '),
        _ => Some(character),
    }
}

fn fold_case(character: char) -> impl Iterator<Item = char> {
    // The one letter with two small forms (RFC 3454 table B.2): the case of a word's last sigma must not matter.
    let character = if character == 'ς' { 'σ' } else { character };
    character.to_lowercase()
}
