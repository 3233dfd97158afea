//! What is read from sync messages, and what is refused.

use super::{Done, Info, State, parse_done, parse_info, parse_state};

const UUID: [u8; 16] = [7; 16];

#[test]
fn a_sync_state_is_read_with_and_without_a_cookie() {
    for (code, expected) in [
        (0, State::Present),
        (1, State::Add),
        (2, State::Modify),
        (3, State::Delete),
    ] {
        let bare = tlv(0x30, &[tlv(0x0a, &[vec![code]]), octets(&UUID)]);
        let with_cookie = tlv(0x30, &[tlv(0x0a, &[vec![code]]), octets(&UUID), octets(b"rid=000")]);
        assert_eq!(parse_state(&bare), Some((expected, UUID)));
        assert_eq!(parse_state(&with_cookie), Some((expected, UUID)));
    }
}

#[test]
fn a_malformed_sync_state_is_refused() {
    let table = [
        vec![],
        vec![0x30],
        tlv(0x30, &[]),
        tlv(0x30, &[tlv(0x0a, &[vec![4]]), octets(&UUID)]),
        tlv(0x30, &[tlv(0x0a, &[vec![1]]), octets(&UUID[..15])]),
        tlv(0x30, &[octets(&UUID), tlv(0x0a, &[vec![1]])]),
        [tlv(0x30, &[tlv(0x0a, &[vec![1]]), octets(&UUID)]), vec![0]].concat(),
    ];
    for bytes in table {
        assert_eq!(parse_state(&bytes), None, "{bytes:02x?}");
    }
}

#[test]
fn a_sync_done_has_defaults_for_both_parts() {
    let table = [
        (tlv(0x30, &[]), None, false),
        (tlv(0x30, &[octets(b"c")]), Some(b"c".to_vec()), false),
        (tlv(0x30, &[octets(b"")]), Some(Vec::new()), false),
        (tlv(0x30, &[tlv(1, &[vec![0xff]])]), None, true),
        (
            tlv(0x30, &[octets(b"c"), tlv(1, &[vec![1]])]),
            Some(b"c".to_vec()),
            true,
        ),
    ];
    for (bytes, cookie, refresh_deletes) in table {
        let expected = Done {
            cookie,
            refresh_deletes,
        };
        assert_eq!(parse_done(&bytes), Some(expected), "{bytes:02x?}");
    }
    for bytes in [vec![], vec![0x31, 0], tlv(0x30, &[tlv(2, &[vec![1]])])] {
        assert_eq!(parse_done(&bytes), None, "{bytes:02x?}");
    }
}

#[test]
fn sync_info_tells_deletions_from_presence() {
    let set = tlv(0x31, &[octets(&UUID), octets(&UUID)]);
    let yes = tlv(1, &[vec![0xff]]);
    let no = tlv(1, &[vec![0]]);
    let table = [
        (vec![0x80, 1, b'c'], Info::NewCookie),
        (tlv(0xa1, &[]), Info::RefreshDelete { is_done: true }),
        (
            tlv(0xa1, &[octets(b"c"), no.clone()]),
            Info::RefreshDelete { is_done: false },
        ),
        (tlv(0xa2, &[octets(b"c")]), Info::RefreshPresent { is_done: true }),
        (tlv(0xa3, std::slice::from_ref(&set)), Info::Present),
        (tlv(0xa3, &[no, set.clone()]), Info::Present),
        (
            tlv(0xa3, &[octets(b"c"), yes.clone(), set]),
            Info::Deleted(vec![UUID, UUID]),
        ),
    ];
    for (bytes, expected) in table {
        assert_eq!(parse_info(&bytes), Some(expected), "{bytes:02x?}");
    }
    let short = tlv(0xa3, &[yes.clone(), tlv(0x31, &[octets(b"short")])]);
    for bytes in [vec![], tlv(0xa4, &[]), tlv(0xa3, &[yes]), short, vec![0xa1, 9]] {
        assert_eq!(parse_info(&bytes), None, "{bytes:02x?}");
    }
}

fn octets(content: &[u8]) -> Vec<u8> {
    tlv(4, &[content.to_vec()])
}

fn tlv(tag: u8, parts: &[Vec<u8>]) -> Vec<u8> {
    let content = parts.concat();
    let length = u8::try_from(content.len()).expect("short");
    [vec![tag, length], content].concat()
}
