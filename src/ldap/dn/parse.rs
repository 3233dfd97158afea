//! The grammar of RFC 4514 section 3.

use thiserror::Error;

use super::{Assertion, AssertionValue, Rdn};

/// A name with more levels than this is refused; real trees have fewer than ten.
const RDNS_MAX: usize = 128;

/// Where and why a text is not a distinguished name.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("not a distinguished name: {reason} at character {position}")]
pub struct DnError {
    /// Counted in characters, the first is 1; one past the end for a text that stops too early.
    pub position: usize,
    /// What is wrong there.
    pub reason: DnErrorReason,
}

/// What is wrong with the text of a distinguished name.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum DnErrorReason {
    /// Where `cn` or `2.5.4.3` should stand.
    #[error("an attribute type is expected")]
    AttributeType,
    /// After the attribute type.
    #[error("\"=\" is expected")]
    EqualSign,
    /// A character that stands for itself only when escaped.
    #[error("a character that must be escaped by a backslash")]
    Unescaped,
    /// A backslash before something that needs none.
    #[error("an escape that is neither a special character nor two hexadecimal digits")]
    Escape,
    /// The bytes written as hexadecimal pairs are not text.
    #[error("hexadecimal pairs that are not UTF-8")]
    Utf8,
    /// A value that starts with `#`.
    #[error("\"#\" without an even number of hexadecimal digits, or with a malformed BER value")]
    HexValue,
    /// Far more levels than any tree has.
    #[error("more than 128 levels")]
    TooManyRdns,
}

/// The RDNs of `text`; none for a blank text, the root.
pub(super) fn parse(text: &str) -> Result<Vec<Rdn>, DnError> {
    let mut reader = Reader {
        characters: text.chars().collect(),
        at: 0,
    };
    reader.skip_blanks();
    let mut rdns = Vec::new();
    if reader.peek().is_none() {
        return Ok(rdns);
    }
    loop {
        rdns.push(reader.rdn()?);
        if rdns.len() > RDNS_MAX {
            return Err(reader.error(DnErrorReason::TooManyRdns));
        }
        match reader.next() {
            None => return Ok(rdns),
            Some(',') => {}
            // A value ends at the end, a comma or a plus sign; `rdn` consumed the plus signs.
            Some(_) => return Err(reader.error_at(reader.at - 1, DnErrorReason::Unescaped)),
        }
    }
}

struct Reader {
    characters: Vec<char>,
    at: usize,
}

impl Reader {
    fn rdn(&mut self) -> Result<Rdn, DnError> {
        let mut assertions = vec![self.assertion()?];
        while self.peek() == Some('+') {
            self.at += 1;
            assertions.push(self.assertion()?);
        }
        Ok(Rdn { assertions })
    }

    fn assertion(&mut self) -> Result<Assertion, DnError> {
        self.skip_blanks();
        let attribute_type = self.attribute_type()?;
        self.skip_blanks();
        if self.peek() != Some('=') {
            return Err(self.error(DnErrorReason::EqualSign));
        }
        self.at += 1;
        self.skip_blanks();
        let value = match self.peek() {
            Some('#') => self.hex_value()?,
            _ => AssertionValue::Text(self.text_value()?),
        };
        Ok(Assertion { attribute_type, value })
    }

    /// A descriptor or a numeric OID (RFC 4512 section 1.4). Underscores are seen in the wild and harmless.
    fn attribute_type(&mut self) -> Result<String, DnError> {
        let start = self.at;
        while self
            .peek()
            .is_some_and(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_'))
        {
            self.at += 1;
        }
        let name: String = self.characters[start..self.at].iter().collect();
        let descriptor = name.starts_with(|c: char| c.is_ascii_alphabetic()) && !name.contains('.');
        let bare = name
            .get(..4)
            .filter(|head| head.eq_ignore_ascii_case("oid."))
            .map_or(name.as_str(), |_| &name[4..]);
        let oid = !bare.is_empty() && bare.split('.').all(is_oid_part);
        match descriptor || oid {
            true => Ok(name),
            false => Err(self.error_at(start, DnErrorReason::AttributeType)),
        }
    }

    /// A value in characters, ending before an unescaped `,` or `+` or at the end. Unescaped blanks at its end are not
    /// part of it.
    fn text_value(&mut self) -> Result<String, DnError> {
        let start = self.at;
        let mut bytes = Vec::new();
        let mut significant = 0;
        while let Some(character) = self.peek() {
            match character {
                ',' | '+' => break,
                '"' | ';' | '<' | '>' | '\0' => return Err(self.error(DnErrorReason::Unescaped)),
                '\\' => {
                    self.escape(&mut bytes)?;
                    significant = bytes.len();
                    continue;
                }
                _ => bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
            }
            if character != ' ' {
                significant = bytes.len();
            }
            self.at += 1;
        }
        bytes.truncate(significant);
        String::from_utf8(bytes).map_err(|_| self.error_at(start, DnErrorReason::Utf8))
    }

    /// RFC 4514 section 3, `pair`: a backslash and a special character, or two hexadecimal digits for one byte.
    fn escape(&mut self, bytes: &mut Vec<u8>) -> Result<(), DnError> {
        let start = self.at;
        self.at += 1;
        let first = self.next().ok_or_else(|| self.error_at(start, DnErrorReason::Escape))?;
        if matches!(first, '\\' | '"' | '+' | ',' | ';' | '<' | '>' | ' ' | '#' | '=') {
            bytes.push(first as u8);
            return Ok(());
        }
        let pair = first
            .to_digit(16)
            .zip(self.peek().and_then(|second| second.to_digit(16)));
        let (high, low) = pair.ok_or_else(|| self.error_at(start, DnErrorReason::Escape))?;
        self.at += 1;
        // Two digits below 16 make one byte.
        bytes.push((high * 16 + low) as u8);
        Ok(())
    }

    /// `#` and the hexadecimal digits of a BER value (RFC 4514 section 2.4). The string types become text again.
    fn hex_value(&mut self) -> Result<AssertionValue, DnError> {
        let start = self.at;
        self.at += 1;
        let mut digits = Vec::new();
        while let Some(digit) = self.peek().and_then(|character| character.to_digit(16)) {
            digits.push(digit as u8);
            self.at += 1;
        }
        self.skip_blanks();
        let ended = matches!(self.peek(), None | Some(',' | '+'));
        if !ended || digits.is_empty() || !digits.len().is_multiple_of(2) {
            return Err(self.error_at(start, DnErrorReason::HexValue));
        }
        let bytes: Vec<u8> = digits.chunks_exact(2).map(|pair| pair[0] * 16 + pair[1]).collect();
        let (tag, content) = ber_content(&bytes).ok_or_else(|| self.error_at(start, DnErrorReason::HexValue))?;
        // OCTET STRING, UTF8String, PrintableString, IA5String.
        let text = matches!(tag, 0x04 | 0x0c | 0x13 | 0x16).then(|| String::from_utf8(content.to_vec()).ok());
        Ok(text
            .flatten()
            .map_or(AssertionValue::Binary(bytes), AssertionValue::Text))
    }

    fn skip_blanks(&mut self) {
        while self.peek() == Some(' ') {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<char> {
        self.characters.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let character = self.peek()?;
        self.at += 1;
        Some(character)
    }

    fn error(&self, reason: DnErrorReason) -> DnError {
        self.error_at(self.at, reason)
    }

    fn error_at(&self, index: usize, reason: DnErrorReason) -> DnError {
        DnError {
            position: index + 1,
            reason,
        }
    }
}

fn is_oid_part(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit())
}

/// Tag and content of a single BER value that fills `bytes` exactly.
fn ber_content(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&length, rest) = rest.split_first()?;
    if length < 0x80 {
        return (rest.len() == usize::from(length)).then_some((tag, rest));
    }
    let size = usize::from(length & 0x7f);
    if size == 0 || size > 4 || rest.len() < size {
        return None;
    }
    let (octets, content) = rest.split_at(size);
    let announced = octets.iter().fold(0_usize, |sum, octet| sum << 8 | usize::from(*octet));
    (announced == content.len()).then_some((tag, content))
}
