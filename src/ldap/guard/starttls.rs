//! The StartTLS extended operation (RFC 4511 section 4.14), by hand, because TLS is ours and not `ldap3`'s.

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::TransportError;
use super::frame::{Element, FrameLimits, child, element, message_length};

/// ExtendedRequest with message id 1 and the name 1.3.6.1.4.1.1466.20037.
const REQUEST: &[u8] = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037";
/// ExtendedResponse, `[APPLICATION 24]`.
const EXTENDED_RESPONSE: u8 = 0x78;
/// The answer is short; anything longer is not it.
const LIMITS: FrameLimits = FrameLimits {
    message_bytes_max: 16 * 1024,
    nesting_max: 8,
};

/// Asks for TLS. After `Ok` the next byte on `tcp` is TLS; after an error the connection is of no use.
pub(crate) async fn upgrade(tcp: &mut TcpStream) -> Result<(), TransportError> {
    let broken = |source| TransportError::Broken { source };
    tcp.write_all(REQUEST).await.map_err(broken)?;
    let mut buffer = BytesMut::with_capacity(1024);
    let length = loop {
        if tcp.read_buf(&mut buffer).await.map_err(broken)? == 0 {
            return Err(TransportError::StartTlsMalformed {
                what: "the server closed the connection",
            });
        }
        match message_length(&buffer, LIMITS) {
            Ok(Some(length)) => break length,
            Ok(None) => {}
            Err(_) => {
                return Err(TransportError::StartTlsMalformed {
                    what: "not an LDAP message",
                });
            }
        }
    };
    // RFC 4511 section 4.14.2: the server sends nothing after its answer. Plain bytes here would be read as if they had
    // come through TLS, the known injection against STARTTLS.
    if buffer.len() != length {
        return Err(TransportError::StartTlsMalformed {
            what: "bytes follow the answer",
        });
    }
    let (code, text) = result(&buffer).ok_or(TransportError::StartTlsMalformed {
        what: "not an extended response",
    })?;
    match code {
        0 => Ok(()),
        code => Err(TransportError::StartTlsRefused { code, text }),
    }
}

/// Result code and diagnostic message of an extended response to message 1.
fn result(bytes: &[u8]) -> Option<(u32, String)> {
    let content = |element: Element| &bytes[element.start..element.end];
    let message = element(bytes, 0).ok().flatten()?;
    let id = child(bytes, message.start, message).ok()?;
    let response = child(bytes, id.end, message).ok()?;
    if content(id) != [1] || response.tag != EXTENDED_RESPONSE {
        return None;
    }
    let code = child(bytes, response.start, response).ok()?;
    let matched = child(bytes, code.end, response).ok()?;
    let text = child(bytes, matched.end, response).ok()?;
    if code.tag != 0x0a || code.end - code.start > 4 {
        return None;
    }
    let number = content(code)
        .iter()
        .fold(0_u32, |sum, octet| sum << 8 | u32::from(*octet));
    Some((number, String::from_utf8_lossy(content(text)).into_owned()))
}
