//! The grammar of RFC 7644 section 3.4.2.2, figure 1. Recursive, with the depth bounded before each descent; chains of
//! `and` and `or` are loops.

use super::lexer::{Lexer, Token};
use super::{Expected, Filter, FilterError, FilterLimits, Literal, Operator, Position, SubAfterBrackets, ValuePath};
use crate::model::attribute::AttributePath;

/// Reads a whole text as a filter.
pub(super) fn filter(text: &str, limits: FilterLimits) -> Result<Filter, FilterError> {
    let mut parser = Parser::new(text, limits)?;
    let filter = parser.disjunction()?;
    parser.end(Expected::Connective)?;
    Ok(filter)
}

/// Reads a whole text as the path of a PATCH operation: `PATH = attrPath / valuePath [subAttr]` (RFC 7644 section 3.5.2).
pub(super) fn value_path(text: &str, limits: FilterLimits) -> Result<ValuePath, FilterError> {
    let mut parser = Parser::new(text, limits)?;
    let (at, path) = parser.attribute(Expected::Attribute)?;
    let mut read = ValuePath {
        path,
        filter: None,
        sub: None,
    };
    if parser.token == Token::OpenBracket {
        read.filter = Some(parser.brackets(&read.path, at)?);
        read.sub = parser.sub_attribute()?;
    }
    parser.end(Expected::EndOfPath)?;
    Ok(read)
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    token: Token<'a>,
    at: usize,
    depth: usize,
    limit: usize,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str, limits: FilterLimits) -> Result<Self, FilterError> {
        if text.len() > limits.length {
            return Err(FilterError::TooLong {
                length: text.len(),
                limit: limits.length,
            });
        }
        let mut lexer = Lexer::new(text);
        let (at, token) = lexer.next()?;
        Ok(Self {
            lexer,
            token,
            at,
            depth: 0,
            limit: limits.depth.min(FilterLimits::DEEPEST),
        })
    }

    /// Takes the current token and reads the next.
    fn advance(&mut self) -> Result<(usize, Token<'a>), FilterError> {
        let (at, token) = self.lexer.next()?;
        Ok((
            std::mem::replace(&mut self.at, at),
            std::mem::replace(&mut self.token, token),
        ))
    }

    fn unexpected<T>(&self, expected: Expected) -> Result<T, FilterError> {
        Err(FilterError::Syntax {
            at: self.at,
            expected,
            found: self.token.describe(),
        })
    }

    fn end(&self, expected: Expected) -> Result<(), FilterError> {
        if self.token == Token::End {
            Ok(())
        } else {
            self.unexpected(expected)
        }
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.token, Token::Word(found) if found.eq_ignore_ascii_case(word))
    }

    fn disjunction(&mut self) -> Result<Filter, FilterError> {
        let mut parts = vec![self.conjunction()?];
        while self.is_word("or") {
            self.advance()?;
            parts.push(self.conjunction()?);
        }
        Ok(Filter::or(parts))
    }

    fn conjunction(&mut self) -> Result<Filter, FilterError> {
        let mut parts = vec![self.expression()?];
        while self.is_word("and") {
            self.advance()?;
            parts.push(self.expression()?);
        }
        Ok(Filter::and(parts))
    }

    fn expression(&mut self) -> Result<Filter, FilterError> {
        if self.token == Token::Open {
            return self.parentheses();
        }
        if self.is_word("not") {
            self.advance()?;
            if self.token != Token::Open {
                return self.unexpected(Expected::NotParenthesis);
            }
            return Ok(Filter::Not(Box::new(self.parentheses()?)));
        }
        let (at, path) = self.attribute(Expected::Expression)?;
        if self.token != Token::OpenBracket {
            return self.comparison(path, at);
        }
        let mut filter = self.brackets(&path, at)?;
        let after = self.at;
        let sub = self.sub_attribute()?;
        let sub_after = SubAfterBrackets(sub.is_some());
        if let Some(sub) = sub {
            let comparison = self.comparison(AttributePath::core(sub), after)?;
            filter = Filter::and(vec![filter, comparison]);
        }
        Ok(Filter::Values {
            path,
            filter: Box::new(filter),
            at: Position(at),
            sub_after,
        })
    }

    fn descend(&mut self) -> Result<(), FilterError> {
        self.depth += 1;
        if self.depth > self.limit {
            return Err(FilterError::TooDeep {
                at: self.at,
                limit: self.limit,
            });
        }
        Ok(())
    }

    fn parentheses(&mut self) -> Result<Filter, FilterError> {
        self.descend()?;
        self.advance()?;
        let filter = self.disjunction()?;
        if self.token != Token::Close {
            return self.unexpected(Expected::ClosingParenthesis);
        }
        self.advance()?;
        self.depth -= 1;
        Ok(filter)
    }

    fn brackets(&mut self, path: &AttributePath, at: usize) -> Result<Filter, FilterError> {
        if path.sub.is_some() {
            return Err(FilterError::NotComplex {
                at,
                attribute: path.to_string(),
            });
        }
        self.descend()?;
        self.advance()?;
        let filter = self.disjunction()?;
        if self.token != Token::CloseBracket {
            return self.unexpected(Expected::ClosingBracket);
        }
        self.advance()?;
        self.depth -= 1;
        Ok(filter)
    }

    /// `.sub` after a closing bracket.
    fn sub_attribute(&mut self) -> Result<Option<String>, FilterError> {
        let Token::Word(word) = self.token else { return Ok(None) };
        let Some(sub) = word.strip_prefix('.') else {
            return Ok(None);
        };
        let path: AttributePath = sub
            .parse()
            .map_err(|reason| FilterError::MalformedPath { at: self.at, reason })?;
        if path.schema.is_some() || path.sub.is_some() {
            return self.unexpected(Expected::Attribute);
        }
        self.advance()?;
        Ok(Some(path.name))
    }

    fn attribute(&mut self, expected: Expected) -> Result<(usize, AttributePath), FilterError> {
        let Token::Word(word) = self.token else {
            return self.unexpected(expected);
        };
        let path = word
            .parse()
            .map_err(|reason| FilterError::MalformedPath { at: self.at, reason })?;
        let (at, _) = self.advance()?;
        Ok((at, path))
    }

    fn comparison(&mut self, path: AttributePath, at: usize) -> Result<Filter, FilterError> {
        let Token::Word(word) = self.token else {
            return self.unexpected(Expected::Operator);
        };
        if word.eq_ignore_ascii_case("pr") {
            self.advance()?;
            return Ok(Filter::Present { path, at: Position(at) });
        }
        let operator = Operator::of(word).ok_or_else(|| FilterError::UnknownOperator {
            at: self.at,
            operator: word.chars().take(40).collect(),
        })?;
        self.advance()?;
        let literal = self.literal()?;
        Ok(Filter::Compare {
            path,
            operator,
            literal,
            at: Position(at),
        })
    }

    fn literal(&mut self) -> Result<Literal, FilterError> {
        let literal = match &mut self.token {
            Token::String(text) => Literal::String(std::mem::take(text)),
            // The words are RFC 5234 strings and therefore in any case, although JSON writes them in lower case.
            Token::Word(word) if word.eq_ignore_ascii_case("true") => Literal::Boolean(true),
            Token::Word(word) if word.eq_ignore_ascii_case("false") => Literal::Boolean(false),
            Token::Word(word) if word.eq_ignore_ascii_case("null") => Literal::Null,
            Token::Word(word) => match serde_json::from_str(word) {
                Ok(number) => Literal::Number(number),
                Err(_) => return self.unexpected(Expected::Value),
            },
            Token::Open | Token::Close | Token::OpenBracket | Token::CloseBracket | Token::End => {
                return self.unexpected(Expected::Value);
            }
        };
        self.advance()?;
        Ok(literal)
    }
}
