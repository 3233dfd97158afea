//! The grammar of RFC 4515 section 3, without recursion.

use thiserror::Error;

/// Filters nested deeper than this are refused: the parser that sends them is recursive.
const DEPTH_MAX: usize = 32;

/// Where and why a text is not a filter.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("not a search filter: {reason} at character {position}")]
pub struct FilterError {
    /// Counted in characters, the first is 1; one past the end for a text that stops too early.
    pub position: usize,
    /// What is wrong there.
    pub reason: FilterErrorReason,
}

/// What is wrong with the text of a filter.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum FilterErrorReason {
    /// Where a filter should begin.
    #[error("\"(\" is expected")]
    Open,
    /// Where a filter should end.
    #[error("\")\" is expected")]
    Close,
    /// Text after the last closing parenthesis.
    #[error("the filter is already complete, remove what follows")]
    Surplus,
    /// A blank between the parts; ldap tools differ on it, so it is refused.
    #[error("a blank between the parts of a filter, remove it")]
    Blank,
    /// Where `cn` or `2.5.4.3` should stand.
    #[error("an attribute name is expected")]
    AttributeType,
    /// After the attribute name.
    #[error("one of \"=\", \">=\", \"<=\", \"~=\", \":=\" is expected")]
    Operator,
    /// A backslash in a value.
    #[error("a backslash must be followed by two hexadecimal digits (a backslash itself is \\5c, a comma needs none)")]
    Escape,
    /// `(`, `)`, `*` or NUL where they cannot stand.
    #[error("a character that must be written as \\28, \\29, \\2a or \\00 in a value")]
    Unescaped,
    /// Nested beyond reason.
    #[error("filters nested more than 32 deep")]
    TooDeep,
}

/// `Ok` when `text` is a filter that every server can be sent.
pub(super) fn check(text: &str) -> Result<(), FilterError> {
    let mut reader = Reader {
        characters: text.chars().collect(),
        at: 0,
    };
    reader.filter()?;
    match reader.peek() {
        None => Ok(()),
        Some(_) => Err(reader.error(FilterErrorReason::Surplus)),
    }
}

/// Whether `text` is the name of an attribute, perhaps with options (RFC 4512 section 2.5).
pub(super) fn is_attribute_description(text: &str) -> bool {
    let mut reader = Reader {
        characters: text.chars().collect(),
        at: 0,
    };
    reader.attribute_description() && reader.peek().is_none()
}

/// What may follow inside an open parenthesis.
enum Operand {
    /// `&` or `|`: any number of filters.
    List,
    /// `!`: exactly one, still to come.
    One,
    /// `!`: it has come.
    Done,
}

struct Reader {
    characters: Vec<char>,
    at: usize,
}

impl Reader {
    fn filter(&mut self) -> Result<(), FilterError> {
        let mut open: Vec<Operand> = Vec::new();
        loop {
            match (open.last_mut(), self.peek()) {
                (Some(Operand::List | Operand::Done), Some(')')) => {
                    self.at += 1;
                    open.pop();
                }
                (Some(Operand::Done), _) => return Err(self.error_or_blank(FilterErrorReason::Close)),
                (operand, Some('(')) => {
                    if let Some(operand @ Operand::One) = operand {
                        *operand = Operand::Done;
                    }
                    self.at += 1;
                    self.opened(&mut open)?;
                }
                (Some(Operand::List), None) => return Err(self.error(FilterErrorReason::Close)),
                _ => return Err(self.error_or_blank(FilterErrorReason::Open)),
            }
            if open.is_empty() {
                return Ok(());
            }
        }
    }

    /// After an opening parenthesis: an operator that stays open, or a whole item with its closing one.
    fn opened(&mut self, open: &mut Vec<Operand>) -> Result<(), FilterError> {
        let operand = match self.peek() {
            Some('&' | '|') => Operand::List,
            Some('!') => Operand::One,
            _ => {
                self.item()?;
                return self.expect(')', FilterErrorReason::Close);
            }
        };
        self.at += 1;
        open.push(operand);
        match open.len() > DEPTH_MAX {
            true => Err(self.error(FilterErrorReason::TooDeep)),
            false => Ok(()),
        }
    }

    fn item(&mut self) -> Result<(), FilterError> {
        let start = self.at;
        let named = self.attribute_description();
        if !named && !matches!(self.peek(), Some(':')) {
            return Err(self.error_or_blank_at(start, FilterErrorReason::AttributeType));
        }
        match self.peek() {
            Some('=') => {
                self.at += 1;
                self.value(true)
            }
            Some('>' | '<' | '~') => {
                self.at += 1;
                self.expect('=', FilterErrorReason::Operator)?;
                self.value(false)
            }
            Some(':') => self.extensible(named),
            _ => Err(self.error_or_blank(FilterErrorReason::Operator)),
        }
    }

    /// `attr[:dn][:rule]:=value` or `[:dn]:rule:=value`.
    fn extensible(&mut self, named: bool) -> Result<(), FilterError> {
        let mut ruled = false;
        if self.characters[self.at..].starts_with(&[':', 'd', 'n', ':']) {
            self.at += 3;
        }
        if self.characters.get(self.at + 1) != Some(&'=') {
            self.at += 1;
            ruled = true;
            if !self.attribute_type() {
                return Err(self.error(FilterErrorReason::AttributeType));
            }
        }
        if !named && !ruled {
            return Err(self.error(FilterErrorReason::AttributeType));
        }
        self.expect(':', FilterErrorReason::Operator)?;
        self.expect('=', FilterErrorReason::Operator)?;
        self.value(false)
    }

    /// Up to the closing parenthesis. Asterisks stand for anything in an equality, never two in a row.
    fn value(&mut self, asterisks: bool) -> Result<(), FilterError> {
        let mut after_asterisk = false;
        while let Some(character) = self.peek() {
            match character {
                ')' => return Ok(()),
                '(' | '\0' => return Err(self.error(FilterErrorReason::Unescaped)),
                '*' if !asterisks || after_asterisk => return Err(self.error(FilterErrorReason::Unescaped)),
                '\\' => {
                    let digits = self.characters.get(self.at + 1..self.at + 3);
                    if !digits.is_some_and(|pair| pair.iter().all(char::is_ascii_hexdigit)) {
                        return Err(self.error(FilterErrorReason::Escape));
                    }
                    self.at += 2;
                }
                _ => {}
            }
            after_asterisk = character == '*';
            self.at += 1;
        }
        Err(self.error(FilterErrorReason::Close))
    }

    /// A type and its options (RFC 4512 section 2.5).
    fn attribute_description(&mut self) -> bool {
        if !self.attribute_type() {
            return false;
        }
        while self.peek() == Some(';') {
            let start = self.at + 1;
            self.at = start;
            self.skip_while(|c| c.is_ascii_alphanumeric() || c == '-');
            if self.at == start {
                self.at -= 1;
                break;
            }
        }
        true
    }

    /// A descriptor, or a numeric OID whose numbers have no leading zero.
    fn attribute_type(&mut self) -> bool {
        let start = self.at;
        if self.peek().is_some_and(|c| c.is_ascii_alphabetic()) {
            self.skip_while(|c| c.is_ascii_alphanumeric() || c == '-');
            return true;
        }
        self.skip_while(|c| c.is_ascii_digit() || c == '.');
        let oid: String = self.characters[start..self.at].iter().collect();
        oid.split('.')
            .all(|part| part == "0" || (!part.is_empty() && !part.starts_with('0')))
    }

    fn skip_while(&mut self, wanted: impl Fn(char) -> bool) {
        while self.peek().is_some_and(&wanted) {
            self.at += 1;
        }
    }

    fn expect(&mut self, character: char, reason: FilterErrorReason) -> Result<(), FilterError> {
        if self.peek() != Some(character) {
            return Err(self.error_or_blank(reason));
        }
        self.at += 1;
        Ok(())
    }

    fn peek(&self) -> Option<char> {
        self.characters.get(self.at).copied()
    }

    fn error(&self, reason: FilterErrorReason) -> FilterError {
        FilterError {
            position: self.at + 1,
            reason,
        }
    }

    fn error_or_blank(&self, reason: FilterErrorReason) -> FilterError {
        self.error_or_blank_at(self.at, reason)
    }

    /// A blank at `index` is the likelier explanation than what was expected there.
    fn error_or_blank_at(&self, index: usize, reason: FilterErrorReason) -> FilterError {
        let blank = self.characters.get(index).is_some_and(|c| c.is_whitespace());
        FilterError {
            position: index + 1,
            reason: if blank { FilterErrorReason::Blank } else { reason },
        }
    }
}
