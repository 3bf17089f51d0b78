//! Text into tokens, for HCL and for JSON.

use super::{Error, Placed, Position};

/// Which of the two notations is read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Notation {
    Native,
    Json,
}

/// A token, where it begins, and how it is written.
pub(super) struct Token<'a> {
    pub kind: TokenKind,
    pub at: Position,
    pub raw: &'a str,
}

#[derive(PartialEq, Eq)]
pub(super) enum TokenKind {
    End,
    Ident,
    Bool(bool),
    Null,
    Number,
    Float,
    Text(String),
    Heredoc(String),
    LeftBrace,
    RightBrace,
    LeftBracket,
    RightBracket,
    Comma,
    Assign,
    Colon,
    Period,
    Plus,
    Minus,
}

impl TokenKind {
    /// What HashiCorp's reader calls it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::End => "EOF",
            Self::Ident => "IDENT",
            Self::Bool(_) => "BOOL",
            Self::Null => "NULL",
            Self::Number => "NUMBER",
            Self::Float => "FLOAT",
            Self::Text(_) => "STRING",
            Self::Heredoc(_) => "HEREDOC",
            Self::LeftBrace => "LBRACE",
            Self::RightBrace => "RBRACE",
            Self::LeftBracket => "LBRACK",
            Self::RightBracket => "RBRACK",
            Self::Comma => "COMMA",
            Self::Assign => "ASSIGN",
            Self::Colon => "COLON",
            Self::Period => "PERIOD",
            Self::Plus => "ADD",
            Self::Minus => "SUB",
        }
    }
}

/// A comment as it is written, without the line's end.
pub(super) struct Comment<'a> {
    pub at: Position,
    pub raw: &'a str,
}

pub(super) struct Lexer<'a> {
    /// What was skipped since somebody took it.
    pub comments: Vec<Comment<'a>>,
    text: &'a str,
    offset: usize,
    here: Position,
    notation: Notation,
    peeked: Option<Token<'a>>,
}

impl<'a> Lexer<'a> {
    pub fn new(text: &'a str, notation: Notation) -> Self {
        let comments = Vec::new();
        Self { comments, text, offset: 0, here: Position::START, notation, peeked: None }
    }

    /// The next token, which is then behind us.
    pub fn next(&mut self) -> Result<Token<'a>, Error> {
        match self.peeked.take() {
            Some(token) => Ok(token),
            None => self.scan(),
        }
    }

    /// Whether the next token is `kind`; it stays.
    pub fn next_is(&mut self, kind: &TokenKind) -> Result<bool, Error> {
        let token = self.next()?;
        let same = token.kind == *kind;
        self.peeked = Some(token);
        Ok(same)
    }

    /// What was not read, and where it begins.
    pub fn rest(&self) -> (&'a str, Position) {
        (&self.text[self.offset..], self.here)
    }

    fn scan(&mut self) -> Result<Token<'a>, Error> {
        self.skip_blank()?;
        let (at, start) = (self.here, self.offset);
        let kind = match self.bump() {
            None => {
                // HashiCorp's reader counts a column for each look past the end.
                self.here.column += 1;
                TokenKind::End
            }
            Some('{') => TokenKind::LeftBrace,
            Some('}') => TokenKind::RightBrace,
            Some('[') => TokenKind::LeftBracket,
            Some(']') => TokenKind::RightBracket,
            Some(',') => TokenKind::Comma,
            Some('"') => TokenKind::Text(self.quoted(at)?),
            Some('-') if self.peek().is_some_and(|c| c.is_ascii_digit()) => {
                self.bump();
                self.number(at)?
            }
            Some('.') if self.peek().is_some_and(|c| c.is_ascii_digit()) => {
                self.bump_while(|c| c.is_ascii_digit());
                self.exponent(at)?;
                TokenKind::Float
            }
            Some('.') => TokenKind::Period,
            Some(c) if c.is_ascii_digit() => self.number(at)?,
            Some(c) if is_letter(c) => self.word(at, start)?,
            Some(c) => match (self.notation, c) {
                (Notation::Native, '=') => TokenKind::Assign,
                (Notation::Native, '+') => TokenKind::Plus,
                (Notation::Native, '-') => TokenKind::Minus,
                (Notation::Native, '<') => TokenKind::Heredoc(self.heredoc(at)?),
                (Notation::Json, ':') => TokenKind::Colon,
                (Notation::Native, _) => return Err(self.error(at, "illegal char")),
                (Notation::Json, c) => return Err(self.error(at, format!("illegal char: {c}"))),
            },
        };
        Ok(Token { kind, at, raw: &self.text[start..self.offset] })
    }

    /// Blanks, and in HCL comments: `#`, `//` and `/* */`.
    fn skip_blank(&mut self) -> Result<(), Error> {
        loop {
            self.bump_while(|c| matches!(c, ' ' | '\t' | '\n' | '\r'));
            let (at, start) = (self.here, self.offset);
            match self.peek() {
                Some('#') if self.notation == Notation::Native => self.bump_while(|c| c != '\n'),
                Some('/') if self.notation == Notation::Native => {
                    self.bump();
                    match self.peek() {
                        Some('/') => self.bump_while(|c| c != '\n'),
                        Some('*') => self.skip_long_comment()?,
                        _ => return Err(self.error(at, "expected '/' for comment")),
                    }
                }
                _ => return Ok(()),
            }
            self.comments.push(Comment { at, raw: &self.text[start..self.offset] });
        }
    }

    fn skip_long_comment(&mut self) -> Result<(), Error> {
        self.bump();
        let body = &self.text[self.offset..];
        let length = body.find("*/").map(|offset| offset + 2);
        for _ in body[..length.unwrap_or(body.len())].chars() {
            self.bump();
        }
        match length {
            Some(_) => Ok(()),
            None => Err(self.error(self.here, "comment not terminated")),
        }
    }

    fn word(&mut self, at: Position, start: usize) -> Result<TokenKind, Error> {
        self.bump_while(|c| is_letter(c) || c.is_numeric() || c == '-' || c == '.');
        if self.offset == self.text.len() {
            // The end was looked past here, too.
            self.here.column += 1;
        }
        match (&self.text[start..self.offset], self.notation) {
            ("true", _) => Ok(TokenKind::Bool(true)),
            ("false", _) => Ok(TokenKind::Bool(false)),
            ("null", Notation::Json) => Ok(TokenKind::Null),
            (_, Notation::Json) => Err(self.error(at, "illegal char")),
            (_, Notation::Native) => Ok(TokenKind::Ident),
        }
    }

    /// The rest of a number whose first digit was read.
    fn number(&mut self, at: Position) -> Result<TokenKind, Error> {
        let zero = self.text[..self.offset].ends_with('0');
        if zero && self.notation == Notation::Native && matches!(self.peek(), Some('x' | 'X')) {
            self.bump();
            let start = self.offset;
            self.bump_while(|c| c.is_ascii_hexdigit());
            return match self.offset > start {
                true => Ok(TokenKind::Number),
                false => Err(self.error(at, "illegal hexadecimal number")),
            };
        }
        let start = self.offset;
        self.bump_while(|c| c.is_ascii_digit());
        let more = &self.text[start..self.offset];
        let mut float = false;
        if self.peek() == Some('.') {
            float = true;
            self.bump();
            self.bump_while(|c| c.is_ascii_digit());
        }
        if self.exponent(at)? || float {
            return Ok(TokenKind::Float);
        }
        match self.notation {
            Notation::Json if zero && !more.is_empty() => {
                Err(self.error(at, "numbers cannot start with 0"))
            }
            Notation::Native if zero && more.contains(['8', '9']) => {
                Err(self.error(at, "illegal octal number"))
            }
            _ => Ok(TokenKind::Number),
        }
    }

    /// `e10`, `E-5`; whether there was one.
    fn exponent(&mut self, at: Position) -> Result<bool, Error> {
        if !matches!(self.peek(), Some('e' | 'E')) {
            return Ok(false);
        }
        self.bump();
        if matches!(self.peek(), Some('+' | '-')) {
            self.bump();
        }
        let start = self.offset;
        self.bump_while(|c| c.is_ascii_digit());
        if self.offset == start {
            return Err(self.error(at, "illegal number: an exponent without digits"));
        }
        Ok(true)
    }

    /// The rest of a string whose first quote was read. In HCL what stands between `${` and its
    /// `}` is kept as written, quotes and line ends included.
    fn quoted(&mut self, start: Position) -> Result<String, Error> {
        let mut out = Vec::new();
        let mut braces = 0_u32;
        loop {
            let (at, offset) = (self.here, self.offset);
            match self.bump() {
                None => return Err(self.error(at, "literal not terminated")),
                Some('\n') if braces == 0 => {
                    return Err(self.error(at, "literal not terminated"));
                }
                Some('"') if braces == 0 => break,
                Some('\\') => {
                    let decoded = self.escape(at)?;
                    match braces {
                        0 => out.extend(decoded),
                        _ => out.extend_from_slice(&self.text.as_bytes()[offset..self.offset]),
                    }
                    continue;
                }
                Some('$') if self.notation == Notation::Native && braces == 0 => {
                    if self.peek() == Some('{') {
                        self.bump();
                        braces = 1;
                    }
                }
                Some('{') if braces > 0 => braces += 1,
                Some('}') if braces > 0 => braces -= 1,
                Some(_) => {}
            }
            out.extend_from_slice(&self.text.as_bytes()[offset..self.offset]);
        }
        String::from_utf8(out).map_err(|_| self.error(start, "illegal char escape"))
    }

    /// What the escape stands for whose backslash was read: one byte, or a character in UTF-8.
    fn escape(&mut self, at: Position) -> Result<Vec<u8>, Error> {
        let byte = |byte| Ok(vec![byte]);
        match self.bump() {
            Some('a') => byte(0x07),
            Some('b') => byte(0x08),
            Some('f') => byte(0x0c),
            Some('n') => byte(b'\n'),
            Some('r') => byte(b'\r'),
            Some('t') => byte(b'\t'),
            Some('v') => byte(0x0b),
            Some('\\') => byte(b'\\'),
            Some('"') => byte(b'"'),
            Some('/') if self.notation == Notation::Json => byte(b'/'),
            Some(c @ '0'..='7') => {
                let first = u32::from(c) - u32::from('0');
                let value = first * 64 + self.code(at, 2, 8)?;
                u8::try_from(value)
                    .map(|value| vec![value])
                    .map_err(|_| self.error(at, "illegal char escape"))
            }
            Some('x') => self.code(at, 2, 16).map(|value| vec![value.to_le_bytes()[0]]),
            Some('u') => {
                let value = self.code(at, 4, 16)?;
                self.character(at, value)
            }
            Some('U') => {
                let value = self.code(at, 8, 16)?;
                self.character(at, value)
            }
            _ => Err(self.error(at, "illegal char escape")),
        }
    }

    /// A number of exactly `length` digits.
    fn code(&mut self, at: Position, length: u32, radix: u32) -> Result<u32, Error> {
        let mut value: u32 = 0;
        for _ in 0..length {
            let digit = self.bump().and_then(|c| c.to_digit(radix));
            let digit = digit.ok_or_else(|| self.error(at, "illegal char escape"))?;
            value = value.wrapping_mul(radix) + digit;
        }
        Ok(value)
    }

    /// A code point; two halves of a surrogate pair are one, a half alone is U+FFFD, as Go has it.
    fn character(&mut self, at: Position, value: u32) -> Result<Vec<u8>, Error> {
        let mut value = value;
        if (0xd800..0xdc00).contains(&value) && self.text[self.offset..].starts_with("\\u") {
            let (offset, here) = (self.offset, self.here);
            self.bump();
            self.bump();
            let low = self.code(at, 4, 16)?;
            if (0xdc00..0xe000).contains(&low) {
                value = 0x10000 + ((value - 0xd800) << 10) + (low - 0xdc00);
            } else {
                (self.offset, self.here) = (offset, here);
            }
        }
        if value > u32::from(char::MAX) {
            return Err(self.error(at, "illegal char escape"));
        }
        let c = char::from_u32(value).unwrap_or(char::REPLACEMENT_CHARACTER);
        Ok(c.to_string().into_bytes())
    }

    /// The rest of `<<EOF` or `<<-EOF`, whose first `<` was read, with its closing line.
    fn heredoc(&mut self, start: Position) -> Result<String, Error> {
        if self.bump() != Some('<') {
            return Err(self.error(start, "heredoc expected second '<', didn't see it"));
        }
        let hanging = self.peek() == Some('-');
        if hanging {
            self.bump();
        }
        let anchor_start = self.offset;
        self.bump_while(|c| is_letter(c) || c.is_numeric());
        let anchor = &self.text[anchor_start..self.offset];
        match self.bump() {
            None => return Err(self.error(self.here, "heredoc not terminated")),
            Some('\n') if anchor.is_empty() => {
                return Err(self.error(start, "zero-length heredoc anchor"));
            }
            Some('\n') => {}
            Some(_) => return Err(self.error(start, "invalid characters in heredoc anchor")),
        }
        let body_start = self.offset;
        loop {
            let line_start = self.offset;
            self.bump_while(|c| c != '\n');
            let line = &self.text[line_start..self.offset];
            if self.bump().is_none() {
                return Err(self.error(self.here, "heredoc not terminated"));
            }
            if line.trim_end_matches('\r').trim_ascii_start() == anchor {
                let indent = line.len() - line.trim_ascii_start().len();
                let body = &self.text[body_start..line_start + indent];
                return Ok(if hanging { unindented(body) } else { body.to_owned() });
            }
        }
    }

    fn peek(&self) -> Option<char> {
        self.text[self.offset..].chars().next()
    }

    fn bump(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.offset += c.len_utf8();
        self.here = self.here.after(c);
        Some(c)
    }

    fn bump_while(&mut self, keep: impl Fn(char) -> bool) {
        while self.peek().is_some_and(&keep) {
            self.bump();
        }
    }

    fn error(&self, at: Position, what: impl Into<String>) -> Error {
        let placed = match self.notation {
            Notation::Native => Placed::At,
            Notation::Json => Placed::Bare,
        };
        Error { at, what: what.into(), placed }
    }
}

fn is_letter(c: char) -> bool {
    c == '_' || c.is_alphabetic()
}

/// The body of `<<-`, which ends in the indent of the closing line, without that indent before
/// each line; when one has less, as it is.
fn unindented(body: &str) -> String {
    let (lines, indent) = match body.rfind('\n') {
        Some(end) => body.split_at(end + 1),
        None => ("", body),
    };
    if lines.split_inclusive('\n').all(|line| line.starts_with(indent)) {
        lines.split_inclusive('\n').map(|line| &line[indent.len()..]).collect()
    } else {
        lines.to_owned()
    }
}
