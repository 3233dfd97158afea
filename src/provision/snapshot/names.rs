//! The names by which a directory's groups call their members, hashed: 16 bytes stand for a distinguished name of any length,
//! in memory and in the store.

use sha2::{Digest as _, Sha256};

use crate::directory::keys::fold;
use crate::ldap::{DnKey, Entry};

/// A distinguished name, whatever its spelling.
pub(crate) fn dn_name(text: &str) -> u128 {
    key_name(&DnKey::of(text))
}

/// A distinguished name that was normalised before.
pub(crate) fn key_name(key: &DnKey) -> u128 {
    digest(b"dn", key.as_str())
}

/// A uid, as `memberUid` holds one (RFC 2307).
pub(crate) fn uid_name(uid: &str) -> u128 {
    digest(b"uid", &fold(uid))
}

/// The members of a group entry, each with the text that names it.
pub(crate) fn member_names<'a>(
    entry: &'a Entry,
    member_attributes: &'a [String],
) -> impl Iterator<Item = (u128, &'a str)> + 'a {
    member_attributes.iter().flat_map(move |attribute| {
        // RFC 2307: memberUid holds a uid, the others hold DNs.
        let name = if attribute.eq_ignore_ascii_case("memberUid") {
            uid_name
        } else {
            dn_name
        };
        entry
            .attributes
            .texts(attribute)
            .map(move |member| (name(member), member))
    })
}

/// The first 128 bits of a hash; the kind keeps a uid that reads like a DN apart from that DN.
fn digest(kind: &[u8], text: &str) -> u128 {
    let mut hash = Sha256::new();
    hash.update(kind);
    hash.update([0]);
    hash.update(text);
    let hash: [u8; 32] = hash.finalize().into();
    let mut first = [0; 16];
    first.copy_from_slice(&hash[..16]);
    u128::from_be_bytes(first)
}
