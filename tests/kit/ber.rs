//! BER by hand, for a server that must be able to write it wrongly.

/// Tag, length and content.
pub(crate) fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    match content.len() {
        short @ ..0x80 => bytes.push(short as u8),
        long => {
            bytes.push(0x84);
            bytes.extend((long as u32).to_be_bytes());
        }
    }
    bytes.extend_from_slice(content);
    bytes
}

/// SEQUENCE.
pub(crate) fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

/// A non-negative INTEGER, or another type with the same content.
pub(crate) fn integer(tag: u8, number: u32) -> Vec<u8> {
    let octets = [&[0], number.to_be_bytes().as_slice()].concat();
    // The shortest form whose first bit is not taken for a sign (X.690 section 8.3.2).
    let start = (0..4)
        .find(|at| octets[*at] != 0 || octets[at + 1] & 0x80 != 0)
        .unwrap_or(4);
    tlv(tag, &octets[start..])
}

/// OCTET STRING.
pub(crate) fn octets(content: impl AsRef<[u8]>) -> Vec<u8> {
    tlv(0x04, content.as_ref())
}

/// The elements in `bytes`, which a well-behaved client wrote.
pub(crate) fn elements(mut bytes: &[u8]) -> Vec<(u8, &[u8])> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let (header, length) = header(bytes).expect("a whole element");
        found.push((bytes[0], &bytes[header..header + length]));
        bytes = &bytes[header + length..];
    }
    found
}

/// The length of the header and of the content; `None` when more bytes are needed.
pub(crate) fn header(bytes: &[u8]) -> Option<(usize, usize)> {
    let length = usize::from(*bytes.get(1)?);
    if length < 0x80 {
        return Some((2, length));
    }
    let size = length & 0x7f;
    let octets = bytes.get(2..2 + size)?;
    Some((
        2 + size,
        octets.iter().fold(0, |sum, octet| sum << 8 | usize::from(*octet)),
    ))
}

/// The number in the content of an INTEGER.
pub(crate) fn number(content: &[u8]) -> u32 {
    content.iter().fold(0, |sum, octet| sum << 8 | u32::from(*octet))
}
