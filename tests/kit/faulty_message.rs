//! Messages that are almost right, and what is looked for in messages.

use super::ber::{elements, integer, octets, sequence, tlv};

const ENTRY: u8 = 0x64;
const DONE: u8 = 0x65;
pub(super) const PAGED_RESULTS: &[u8] = b"1.2.840.113556.1.4.319";

/// The paging control of a last page.
pub(super) fn paging_without_more() -> Vec<u8> {
    let value = sequence(&[integer(2, 0), octets("")]);
    tlv(0xa0, &sequence(&[octets(PAGED_RESULTS), octets(value)]))
}

pub(super) fn referral(id: u32) -> Vec<u8> {
    let urls = tlv(0xa3, &octets("ldap://elsewhere.example.com/ou=people"));
    let referral = [integer(0x0a, 10), octets(""), octets(""), urls].concat();
    sequence(&[integer(2, id), tlv(DONE, &referral)])
}

/// An entry whose `entryUUID` is another one of the same length; `None` when it has none.
pub(super) fn other_id(message: &[u8]) -> Option<Vec<u8>> {
    let name = find(message, b"entryUUID")?;
    let mut message = message.to_vec();
    // Name, tag and length of the set, tag and length of the value.
    let first = name + b"entryUUID".len() + 4;
    message[first] = if message[first] == b'f' { b'e' } else { b'f' };
    Some(message)
}

/// An entry of another part of the tree, of the same length.
pub(super) fn of_another_base(message: &[u8]) -> Option<Vec<u8>> {
    let name = find(message, b",ou=people,")?;
    let mut message = message.to_vec();
    message[name..name + 11].copy_from_slice(b",ou=beyond,");
    Some(message)
}

/// The `entryUUID` of a person's entry.
pub(super) fn uuid_of(message: &[u8]) -> Option<[u8; 16]> {
    let (_, envelope) = elements(message)[0];
    let (tag, operation) = *elements(envelope).get(1)?;
    let is_person = tag == ENTRY
        && elements(operation)
            .first()
            .is_some_and(|(_, dn)| dn.starts_with(b"uid="));
    let name = find(message, b"entryUUID").filter(|_| is_person)?;
    let first = name + b"entryUUID".len() + 4;
    let text = std::str::from_utf8(message.get(first..first + 36)?).ok()?;
    uuid::Uuid::parse_str(text).ok().map(uuid::Uuid::into_bytes)
}

/// The message with the last digit of `oid` changed.
pub(super) fn replaced(message: &[u8], oid: &[u8]) -> Vec<u8> {
    let place = find(message, oid).expect("the control") + oid.len() - 1;
    let mut message = message.to_vec();
    message[place] = b'0';
    message
}

pub(super) fn holds(message: &[u8], part: &[u8]) -> bool {
    find(message, part).is_some()
}

pub(super) fn find(message: &[u8], part: &[u8]) -> Option<usize> {
    message.windows(part.len()).position(|window| window == part)
}
