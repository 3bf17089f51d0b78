//! HCL's JSON notation: tokens into a document.
//!
//! As HashiCorp's reader has it, the text may be cut short anywhere but in a list, whatever
//! follows the root object is not looked at, and a comma may stand before a `}`. Unlike there,
//! bools and lists within lists are kept, and a missing comma does not end the text.

use super::lexer::{Lexer, Notation, Token, TokenKind};
use super::{Body, Document, Error, Item, Key, Kind, MAX_DEPTH, Placed, Position, Value};

/// Reads a whole text.
pub(super) fn parse(text: &str) -> Result<Document, Error> {
    let lexer = Lexer::new(text, Notation::Json);
    let mut parser = Parser { lexer, depth: 0, doubt: None };
    let start = parser.lexer.next()?;
    if start.kind != TokenKind::LeftBrace {
        return Err(parser.error(start.at, "expected an object"));
    }
    let body = parser.object(start.at)?;
    let (rest, at) = parser.lexer.rest();
    if !rest.trim_ascii_start().is_empty() {
        parser.doubt(at, "text after the closing brace");
    }
    let items = body.items.into_iter().flat_map(blocks).collect();
    Ok(Document { body: Body { items }, doubt: parser.doubt })
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    depth: u32,
    doubt: Option<Error>,
}

impl<'a> Parser<'a> {
    /// The rest of an object whose brace was read.
    fn object(&mut self, at: Position) -> Result<Body, Error> {
        self.descend(at)?;
        let mut items = Vec::new();
        while let Some(item) = self.item()? {
            items.push(item);
            let token = self.lexer.next()?;
            match token.kind {
                TokenKind::Comma => {}
                TokenKind::RightBrace => break,
                TokenKind::End => {
                    self.doubt(token.at, "the text ends within an object");
                    break;
                }
                other => {
                    let got = other.name();
                    return Err(
                        self.error(token.at, format!("expected: COMMA | RBRACE got: {got}"))
                    );
                }
            }
        }
        self.depth -= 1;
        Ok(Body { items })
    }

    /// One member; none at the object's end or where the text is cut short.
    fn item(&mut self) -> Result<Option<Item>, Error> {
        let token = self.lexer.next()?;
        let (at, got) = (token.at, token.kind.name());
        let text = match token.kind {
            TokenKind::Text(text) => text,
            TokenKind::RightBrace => return Ok(None),
            TokenKind::End => {
                self.doubt(at, "the text ends within an object");
                return Ok(None);
            }
            _ => return Err(self.error(at, format!("expected: STRING got: {got}"))),
        };
        let key = Key { text, at };
        let colon = self.lexer.next()?;
        match colon.kind {
            TokenKind::Colon => {}
            TokenKind::End | TokenKind::RightBrace => {
                self.doubt(key.at, "a key without a value");
                return Ok(None);
            }
            other => {
                return Err(self.error(colon.at, format!("expected: STRING got: {}", other.name())));
            }
        }
        let token = self.lexer.next()?;
        if token.kind == TokenKind::End {
            self.doubt(key.at, "a key without a value");
            return Ok(None);
        }
        let value = self.value(token)?;
        Ok(Some(Item { key, labels: Vec::new(), assign: Some(colon.at), value }))
    }

    fn value(&mut self, token: Token<'a>) -> Result<Value, Error> {
        let at = token.at;
        let kind = match token.kind {
            TokenKind::LeftBrace => Kind::Object(self.object(at)?),
            TokenKind::LeftBracket => Kind::List(self.list(at)?),
            TokenKind::Bool(value) => Kind::Bool(value),
            TokenKind::Null => Kind::Text(String::new()),
            TokenKind::Number | TokenKind::Float => Kind::Number(token.raw.to_owned()),
            TokenKind::Text(text) => Kind::Text(text),
            other => {
                let (name, raw) = (other.name(), token.raw);
                return Err(self.error(
                    at,
                    format!("Expected object value, got unknown token: {at} {name} {raw}"),
                ));
            }
        };
        Ok(Value { at, kind })
    }

    /// The rest of a list whose bracket was read; commas may be doubled or left out.
    fn list(&mut self, at: Position) -> Result<Vec<Value>, Error> {
        self.descend(at)?;
        let mut values = Vec::new();
        loop {
            let token = self.lexer.next()?;
            match token.kind {
                TokenKind::RightBracket => break,
                TokenKind::Comma => {}
                TokenKind::End | TokenKind::RightBrace | TokenKind::Colon | TokenKind::Null => {
                    let got = token.kind.name();
                    return Err(
                        self.error(token.at, format!("unexpected token while parsing list: {got}"))
                    );
                }
                _ => values.push(self.value(token)?),
            }
        }
        self.depth -= 1;
        Ok(values)
    }

    fn descend(&mut self, at: Position) -> Result<(), Error> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.error(at, format!("nested more than {MAX_DEPTH} deep")));
        }
        Ok(())
    }

    fn error(&self, at: Position, what: impl Into<String>) -> Error {
        Error { at, what: what.into(), placed: Placed::Not }
    }

    /// Remembers the first oddity.
    fn doubt(&mut self, at: Position, what: &str) {
        self.doubt.get_or_insert_with(|| Error::new(at, what));
    }
}

/// The blocks that a member of the root object stands for, or itself.
fn blocks(item: Item) -> Vec<Item> {
    let Item { key, assign, value, .. } = item;
    let bodies = match objects(value) {
        Ok(bodies) => bodies,
        Err(value) => return vec![Item { key, labels: Vec::new(), assign, value }],
    };
    let block = |labels, at, body| {
        let value = Value { at, kind: Kind::Object(body) };
        Item { key: key.clone(), labels, assign, value }
    };
    let mut out = Vec::new();
    for (at, body) in bodies {
        if body.items.is_empty() || !body.items.iter().all(|member| is_objects(&member.value)) {
            out.push(block(Vec::new(), at, body));
            continue;
        }
        for member in body.items {
            for (at, body) in objects(member.value).unwrap_or_default() {
                out.push(block(vec![member.key.clone()], at, body));
            }
        }
    }
    out
}

fn is_objects(value: &Value) -> bool {
    match &value.kind {
        Kind::Object(_) => true,
        Kind::List(values) => {
            !values.is_empty() && values.iter().all(|value| matches!(value.kind, Kind::Object(_)))
        }
        _ => false,
    }
}

/// The object that a value is, or the objects that it lists; else the value itself.
fn objects(value: Value) -> Result<Vec<(Position, Body)>, Value> {
    if !is_objects(&value) {
        return Err(value);
    }
    let values = match value.kind {
        Kind::List(values) => values,
        kind => vec![Value { at: value.at, kind }],
    };
    let body = |value: Value| match value.kind {
        Kind::Object(body) => Some((value.at, body)),
        _ => None,
    };
    Ok(values.into_iter().filter_map(body).collect())
}
