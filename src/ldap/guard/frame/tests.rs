//! The frame check on hand-made bytes; the fault tests drive it through sockets.

use super::{FrameError, FrameLimits, message_length};

const LIMITS: FrameLimits = FrameLimits {
    message_bytes_max: 1 << 20,
    nesting_max: 6,
};

/// BindResponse, success, message id 1.
const BIND_RESPONSE: [u8; 14] = [0x30, 12, 2, 1, 1, 0x61, 7, 10, 1, 0, 4, 0, 4, 0];

#[test]
fn a_whole_message_has_its_length_and_a_part_of_it_asks_for_more() {
    assert_eq!(message_length(&BIND_RESPONSE, LIMITS), Ok(Some(14)));
    for end in 0..BIND_RESPONSE.len() {
        assert_eq!(
            message_length(&BIND_RESPONSE[..end], LIMITS),
            Ok(None),
            "after {end} bytes"
        );
    }
}

#[test]
fn what_follows_the_first_message_does_not_matter() {
    let mut bytes = BIND_RESPONSE.to_vec();
    bytes.extend([0xff; 9]);
    assert_eq!(message_length(&bytes, LIMITS), Ok(Some(14)));
}

#[test]
fn nesting_is_refused_at_the_limit_and_not_before() {
    let deep = |levels: usize| {
        let nested = (0..levels).fold(vec![4, 0], |inner, _| [vec![0x30, inner.len() as u8], inner].concat());
        let content = [vec![2, 1, 1, 0x64, nested.len() as u8], nested].concat();
        [vec![0x30, content.len() as u8], content].concat()
    };
    // The message and the operation are two levels themselves.
    assert!(message_length(&deep(4), LIMITS).is_ok());
    assert_eq!(message_length(&deep(5), LIMITS), Err(FrameError::TooDeep { limit: 6 }));
}

#[test]
fn bytes_that_are_no_ldap_message_are_refused() {
    let refused: [&[u8]; 9] = [
        b"HTTP/1.1 400 Bad Request",
        &[0x30, 0x80, 0, 0],
        &[0x30, 0x85, 0, 0, 0, 0, 1],
        &[0x1f, 1, 0],
        &[0x30, 3, 2, 1, 1],
        &[0x30, 5, 4, 1, 1, 0x61, 0],
        &[0x30, 5, 2, 1, 1, 0x30, 0],
        &[0x30, 7, 2, 1, 1, 0x61, 0, 4, 0],
        &[0x30, 5, 2, 9, 1, 0x61, 0],
    ];
    for bytes in refused {
        assert!(
            matches!(message_length(bytes, LIMITS), Err(FrameError::Malformed { .. })),
            "{bytes:x?}"
        );
    }
}

#[test]
fn a_long_message_is_refused_by_its_announcement() {
    let announced = [0x30, 0x84, 0xc0, 0, 0, 0];
    assert!(matches!(
        message_length(&announced, LIMITS),
        Err(FrameError::TooLarge { .. })
    ));
}

#[test]
fn a_message_of_countless_elements_is_refused() {
    let elements = [4, 0].repeat(2_000_001);
    let operation = [
        vec![0x64, 0x84],
        (elements.len() as u32).to_be_bytes().to_vec(),
        elements,
    ]
    .concat();
    let length = (operation.len() + 3) as u32;
    let message = [
        vec![0x30, 0x84],
        length.to_be_bytes().to_vec(),
        vec![2, 1, 1],
        operation,
    ]
    .concat();
    let limits = FrameLimits {
        message_bytes_max: 64 << 20,
        nesting_max: 16,
    };
    assert_eq!(message_length(&message, limits), Err(FrameError::TooManyElements));
}
