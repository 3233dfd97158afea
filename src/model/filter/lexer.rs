//! The text of a filter or path as tokens.

use super::FilterError;

/// A token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// `(`
    Open,
    /// `)`
    Close,
    /// `[`
    OpenBracket,
    /// `]`
    CloseBracket,
    /// An attribute, operator, number, `true`, `false`, `null`, or `.sub`.
    Word(&'a str),
    /// A string, unescaped.
    String(String),
    /// Nothing is left.
    End,
}

impl Token<'_> {
    /// The token for a message; a long one is cut.
    pub(super) fn describe(&self) -> String {
        let quoted = |text: &str| {
            let short: String = text.chars().take(40).collect();
            // Escaped: the request journal masks what stands in quotation marks.
            format!(
                "{:?}",
                short.clone() + if short.len() < text.len() { "..." } else { "" }
            )
        };
        match self {
            Self::Open => "\"(\"".to_owned(),
            Self::Close => "\")\"".to_owned(),
            Self::OpenBracket => "\"[\"".to_owned(),
            Self::CloseBracket => "\"]\"".to_owned(),
            Self::Word(word) => quoted(word),
            Self::String(text) => format!("the text {}", quoted(text)),
            Self::End => "the end".to_owned(),
        }
    }
}

/// The tokens of a text, one at a time.
#[derive(Debug)]
pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// The next token and its position.
    pub(super) fn next(&mut self) -> Result<(usize, Token<'a>), FilterError> {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
        let start = self.at;
        let rest = &self.text[start..];
        let Some(first) = rest.chars().next() else {
            return Ok((start, Token::End));
        };
        let single = match first {
            '(' => Some(Token::Open),
            ')' => Some(Token::Close),
            '[' => Some(Token::OpenBracket),
            ']' => Some(Token::CloseBracket),
            _ => None,
        };
        if let Some(token) = single {
            self.at += 1;
            return Ok((start, token));
        }
        if first == '"' {
            return self.string(start);
        }
        let ends_word = |c: char| c.is_ascii_whitespace() || matches!(c, '(' | ')' | '[' | ']' | '"');
        let length = rest.find(ends_word).unwrap_or(rest.len());
        self.at += length;
        Ok((start, Token::Word(&rest[..length])))
    }

    /// A JSON string that starts at `start`.
    fn string(&mut self, start: usize) -> Result<(usize, Token<'a>), FilterError> {
        let mut escaped = false;
        for (offset, byte) in self.text.as_bytes()[start..].iter().enumerate().skip(1) {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => {
                    let end = start + offset + 1;
                    self.at = end;
                    return serde_json::from_str(&self.text[start..end])
                        .map(|text| (start, Token::String(text)))
                        .map_err(|_| FilterError::MalformedString { at: start });
                }
                _ => {}
            }
        }
        Err(FilterError::MalformedString { at: start })
    }
}
