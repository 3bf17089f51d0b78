//! A text that is known to be HCL as what is printed: each value as it is written, each comment
//! at the entry that it belongs to.

use std::mem;

use crate::base::hcl::Error;
use crate::base::hcl::lexer::{Lexer, Notation, TokenKind};

/// Comments without an empty line between them, each as it is written.
pub type Group<'a> = Vec<&'a str>;

/// What stands in a text, between braces or between brackets.
pub struct Sequence<'a, T> {
    pub entries: Vec<Entry<'a, T>>,
    /// The comments behind the last entry.
    pub end: Vec<Group<'a>>,
}

/// An item of a body or an element of a list, with its comments.
pub struct Entry<'a, T> {
    /// Those before it that an empty line parts from it.
    pub apart: Vec<Group<'a>>,
    /// Those right above it.
    pub above: Group<'a>,
    /// Those behind it on its line.
    pub behind: Group<'a>,
    /// The line on which it began.
    pub line: u32,
    pub what: T,
}

/// `key = value` or `key "label" { ... }`.
pub struct Item<'a> {
    /// The key, and behind it the labels of a block.
    pub keys: Vec<&'a str>,
    pub is_attribute: bool,
    pub value: Value<'a>,
}

pub enum Value<'a> {
    Literal(&'a str),
    Heredoc(&'a str),
    List {
        elements: Sequence<'a, Value<'a>>,
        /// Whether it stays on one line.
        is_short: bool,
    },
    Object(Sequence<'a, Item<'a>>),
}

/// Reads a whole text.
pub fn read(text: &str) -> Result<Sequence<'_, Item<'_>>, Error> {
    let mut reader = Reader { tokens: tokens(text)?, at: 0 };
    Ok(reader.sequence(&TokenKind::End, Reader::item))
}

/// A token or a comment.
struct Piece<'a> {
    raw: &'a str,
    first_line: u32,
    last_line: u32,
}

impl<'a> Piece<'a> {
    fn new(raw: &'a str, first_line: u32) -> Self {
        // A heredoc brings its line's end along.
        let raw = raw.strip_suffix('\n').unwrap_or(raw);
        let more = u32::try_from(raw.matches('\n').count()).unwrap_or(u32::MAX);
        Self { raw, first_line, last_line: first_line.saturating_add(more) }
    }

    fn is_on(&self, line: u32) -> bool {
        self.first_line == line && self.last_line == line
    }
}

struct Token<'a> {
    kind: TokenKind,
    piece: Piece<'a>,
    /// What stands before it, up to the token before.
    comments: Vec<Piece<'a>>,
}

fn tokens(text: &str) -> Result<Vec<Token<'_>>, Error> {
    let mut lexer = Lexer::new(text, Notation::Native);
    let mut tokens = Vec::new();
    loop {
        let token = lexer.next()?;
        let comments = mem::take(&mut lexer.comments);
        let comments = comments.iter().map(|c| Piece::new(c.raw, c.at.line)).collect();
        let is_last = token.kind == TokenKind::End;
        tokens.push(Token {
            kind: token.kind,
            piece: Piece::new(token.raw, token.at.line),
            comments,
        });
        if is_last {
            return Ok(tokens);
        }
    }
}

/// Walks over tokens that are known to be HCL. The last one is never stepped over.
struct Reader<'a> {
    tokens: Vec<Token<'a>>,
    at: usize,
}

impl<'a> Reader<'a> {
    /// The entries up to a closing token, which is then behind us.
    fn sequence<T>(
        &mut self,
        end: &TokenKind,
        read: impl Fn(&mut Self, &mut Group<'a>) -> T,
    ) -> Sequence<'a, T> {
        let mut entries = Vec::new();
        loop {
            self.skip_commas();
            let line = self.here().piece.first_line;
            let comments = mem::take(&mut self.here().comments);
            if self.is_at(end) || self.is_at(&TokenKind::End) {
                self.step();
                return Sequence { entries, end: groups(&comments) };
            }
            let is_near = comments.last().is_some_and(|last| last.last_line + 1 >= line);
            let mut apart = groups(&comments);
            let mut above = if is_near { apart.pop().unwrap_or_default() } else { Vec::new() };
            let what = read(self, &mut above);
            let behind = self.behind();
            entries.push(Entry { apart, above, behind, line, what });
        }
    }

    /// An item; the comments in its head go above it.
    fn item(&mut self, above: &mut Group<'a>) -> Item<'a> {
        let mut keys = Vec::new();
        let mut is_attribute = false;
        loop {
            self.lift(above);
            match self.here().kind {
                TokenKind::Ident | TokenKind::Text(_) => keys.push(self.step()),
                TokenKind::Assign => {
                    is_attribute = true;
                    self.step();
                    break;
                }
                _ => break,
            }
        }
        Item { keys, is_attribute, value: self.value(above) }
    }

    fn value(&mut self, above: &mut Group<'a>) -> Value<'a> {
        self.lift(above);
        let line = self.here().piece.first_line;
        match self.here().kind {
            TokenKind::LeftBracket => {
                self.step();
                let elements = self.sequence(&TokenKind::RightBracket, Self::value);
                Value::List { is_short: is_short(&elements, line), elements }
            }
            TokenKind::LeftBrace => {
                self.step();
                Value::Object(self.sequence(&TokenKind::RightBrace, Self::item))
            }
            TokenKind::Heredoc(_) => Value::Heredoc(self.step()),
            _ => Value::Literal(self.step()),
        }
    }

    /// The comments behind what was read last, and the comma there. What something else follows
    /// on the same line belongs to that.
    fn behind(&mut self) -> Group<'a> {
        let line = self.tokens[self.at.saturating_sub(1)].piece.last_line;
        let mut behind = self.comments_on(line);
        if self.is_at(&TokenKind::Comma) && self.here().piece.is_on(line) {
            self.skip_comma();
            behind.extend(self.comments_on(line));
        }
        let next = self.here();
        let closes =
            matches!(next.kind, TokenKind::RightBrace | TokenKind::RightBracket | TokenKind::End);
        if next.piece.first_line == line && !closes {
            next.comments.splice(0..0, behind);
            return Vec::new();
        }
        behind.iter().map(|comment| comment.raw).collect()
    }

    /// Takes the first comments before the next token, as far as they are on `line`.
    fn comments_on(&mut self, line: u32) -> Vec<Piece<'a>> {
        let comments = &mut self.here().comments;
        let count = comments.iter().take_while(|comment| comment.is_on(line)).count();
        comments.drain(..count).collect()
    }

    fn skip_commas(&mut self) {
        while self.is_at(&TokenKind::Comma) {
            self.skip_comma();
        }
    }

    /// Steps over a comma; the comments before it stay.
    fn skip_comma(&mut self) {
        let comments = mem::take(&mut self.here().comments);
        self.step();
        self.here().comments.splice(0..0, comments);
    }

    /// Takes the comments before the next token to `above`.
    fn lift(&mut self, above: &mut Group<'a>) {
        above.extend(mem::take(&mut self.here().comments).iter().map(|comment| comment.raw));
    }

    fn is_at(&mut self, kind: &TokenKind) -> bool {
        self.here().kind == *kind
    }

    fn here(&mut self) -> &mut Token<'a> {
        &mut self.tokens[self.at]
    }

    /// The text of the next token, which is then behind us.
    fn step(&mut self) -> &'a str {
        let raw = self.tokens[self.at].piece.raw;
        self.at = (self.at + 1).min(self.tokens.len() - 1);
        raw
    }
}

fn groups<'a>(comments: &[Piece<'a>]) -> Vec<Group<'a>> {
    let adjoin = |one: &Piece, next: &Piece| one.last_line + 1 >= next.first_line;
    let groups = comments.chunk_by(adjoin);
    groups.map(|group| group.iter().map(|comment| comment.raw).collect()).collect()
}

/// Whether a list whose bracket is on `line` was on one line, without comments and with nothing
/// in it that takes more.
fn is_short(list: &Sequence<'_, Value<'_>>, line: u32) -> bool {
    let is_alone = list.entries.len() == 1;
    list.end.is_empty()
        && list.entries.iter().all(|entry| {
            let fits = match entry.what {
                Value::Literal(_) => true,
                Value::Heredoc(_) => is_alone,
                Value::List { .. } | Value::Object(_) => false,
            };
            let commented = [&entry.above, &entry.behind].iter().any(|group| !group.is_empty());
            fits && entry.line == line && entry.apart.is_empty() && !commented
        })
}
