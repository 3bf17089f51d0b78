//! The one reader of HCL version 1 and of its JSON twin: what Vault's policies and configuration
//! are written in. (HCL 2 is another language.)
//!
//! It takes what HashiCorp's reader takes, its leniencies included, and refuses in its words.
//! Text inside `${...}` stays as it is written. What HCL1 lets pass although it looks like an
//! accident (JSON cut short, text behind it, a key without a value at the very end) is kept as
//! the document's [`doubt`](Document::doubt), for the caller to judge.

mod format;
mod json;
mod lexer;
mod native;
#[cfg(test)]
mod tests;

use std::fmt;

pub use format::format;

/// Nesting of objects and lists that is still read.
pub const MAX_DEPTH: u32 = 32;

/// The longest text that is still read, in bytes.
pub const MAX_BYTES: usize = 1 << 20;

/// A place in the text, both counted from 1; columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: u32,
    /// The character in the line.
    pub column: u32,
}

/// A whole text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// What it says.
    pub body: Body,
    /// What HCL1 lets pass although it looks like an accident.
    pub doubt: Option<Error>,
}

/// Items in the order of the text; keys may repeat.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Body {
    /// The items.
    pub items: Vec<Item>,
}

/// `key = value`, or a block `key "label" { ... }`.
///
/// In JSON, an object at the top whose members are all objects is such blocks:
/// `{"path": {"a": {...}, "b": {...}}}` is `path "a" {...} path "b" {...}`, and a list of objects
/// is a block for each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its name.
    pub key: Key,
    /// The labels of a block.
    pub labels: Vec<Key>,
    /// Where its `=` or `:` stands; a block has none.
    pub assign: Option<Position>,
    /// The value, an object for a block.
    pub value: Value,
}

/// A key or label, quoted or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its text, unquoted.
    pub text: String,
    /// Where it begins.
    pub at: Position,
}

/// A value and where it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    /// Where it begins.
    pub at: Position,
    /// What it is.
    pub kind: Kind,
}

/// The kinds of values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `true` or `false`.
    Bool(bool),
    /// A number as it is written; [`Value::integer`] reads it.
    Number(String),
    /// A string or heredoc; JSON's `null` is empty text.
    Text(String),
    /// `[...]`.
    List(Vec<Value>),
    /// `{...}`.
    Object(Body),
}

impl Value {
    /// A whole number, written in decimal, octal (`017`) or hexadecimal (`0x1f`), or the same in
    /// quotes; `None` for all else and beyond 64 bits.
    pub fn integer(&self) -> Option<i64> {
        let (Kind::Number(text) | Kind::Text(text)) = &self.kind else { return None };
        let (sign, digits) = match text.strip_prefix('-') {
            Some(digits) => ("-", digits),
            None => ("", text.as_str()),
        };
        let hex = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X"));
        let (digits, radix) = match (hex, digits.strip_prefix('0')) {
            (Some(hex), _) => (hex, 16),
            (None, Some(octal)) if !octal.is_empty() => (octal, 8),
            (None, _) => (digits, 10),
        };
        if digits.starts_with(['+', '-']) {
            return None;
        }
        i64::from_str_radix(&format!("{sign}{digits}"), radix).ok()
    }
}

/// Why a text is not HCL. It prints in the words of HashiCorp's reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// Where.
    pub at: Position,
    /// What, without the place.
    pub what: String,
    placed: Placed,
}

/// How HashiCorp's reader gives the place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Placed {
    /// `At 1:2: what`
    At,
    /// `1:2: what`
    Bare,
    /// `what`
    Not,
}

impl Error {
    /// An error of HCL's own notation at a place; also for those who find fault with what the
    /// values mean.
    pub fn new(at: Position, what: impl Into<String>) -> Self {
        Self { at, what: what.into(), placed: Placed::At }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.placed {
            Placed::At => write!(f, "At {}: {}", self.at, self.what),
            Placed::Bare => write!(f, "{}: {}", self.at, self.what),
            Placed::Not => f.write_str(&self.what),
        }
    }
}

impl std::error::Error for Error {}

impl Position {
    const START: Self = Self { line: 1, column: 1 };

    /// The place behind `c`.
    fn after(self, c: char) -> Self {
        match c {
            '\n' => Self { line: self.line + 1, column: 1 },
            _ => Self { column: self.column + 1, ..self },
        }
    }

    /// The place behind all of `text`.
    fn behind(text: &str) -> Self {
        text.chars().fold(Self::START, Self::after)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// Reads HCL, or JSON when the first character is a `{`.
pub fn parse(text: &str) -> Result<Document, Error> {
    if text.len() > MAX_BYTES {
        return Err(Error::new(Position::START, format!("longer than {MAX_BYTES} bytes")));
    }
    if let Some(offset) = text.find('\0') {
        return Err(Error::new(
            Position::behind(&text[..offset]),
            "unexpected null character (0x00)",
        ));
    }
    if text.trim_start().starts_with('{') { json::parse(text) } else { native::parse(text) }
}

/// The same for bytes that may not be text.
pub fn parse_bytes(bytes: &[u8]) -> Result<Document, Error> {
    match std::str::from_utf8(bytes) {
        Ok(text) => parse(text),
        Err(error) => {
            let good = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
            Err(Error::new(Position::behind(&good), "illegal char"))
        }
    }
}
