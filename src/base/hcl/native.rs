//! HCL's own notation: tokens into a document.

use super::lexer::{Lexer, Notation, Token, TokenKind};
use super::{Body, Document, Error, Item, Key, Kind, MAX_DEPTH, Position, Value};

/// Reads a whole text; the line ends of Windows are plain ones everywhere, in heredocs too.
pub(super) fn parse(text: &str) -> Result<Document, Error> {
    let text = text.replace("\r\n", "\n");
    let lexer = Lexer::new(&text, Notation::Native);
    let mut parser = Parser { lexer, depth: 0, doubt: None };
    let body = parser.items(Within::Text)?;
    Ok(Document { body, doubt: parser.doubt })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    Text,
    Object,
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    depth: u32,
    doubt: Option<Error>,
}

impl<'a> Parser<'a> {
    /// Items up to the end of the text or before the closing brace; a comma may follow each.
    fn items(&mut self, within: Within) -> Result<Body, Error> {
        let mut items = Vec::new();
        while !(within == Within::Object && self.lexer.next_is(&TokenKind::RightBrace)?) {
            let Some(item) = self.item()? else { break };
            items.push(item);
            if self.lexer.next_is(&TokenKind::Comma)? {
                self.lexer.next()?;
            }
        }
        Ok(Body { items })
    }

    /// One item; none at the end of the text, even behind a `key =`.
    fn item(&mut self) -> Result<Option<Item>, Error> {
        let (names, head) = self.keys()?;
        let got = head.kind.name();
        let mut keys = names.iter().map(Token::key);
        let Some(key) = keys.next() else {
            return match head.kind {
                TokenKind::End => Ok(None),
                TokenKind::Assign => Err(Error::new(head.at, "no object keys found!")),
                TokenKind::LeftBrace => {
                    Err(Error::new(head.at, format!("expected: IDENT | STRING got: {got}")))
                }
                _ => Err(unexpected(&head)),
            };
        };
        let labels: Vec<Key> = keys.collect();
        match head.kind {
            TokenKind::Assign if labels.is_empty() => {
                let Some(value) = self.value()? else {
                    self.doubt = Some(Error::new(head.at, "a key without a value"));
                    return Ok(None);
                };
                Ok(Some(Item { key, labels, assign: Some(head.at), value }))
            }
            TokenKind::Assign => {
                Err(Error::new(head.at, format!("nested object expected: LBRACE got: {got}")))
            }
            TokenKind::LeftBrace => {
                let value = Value { at: head.at, kind: Kind::Object(self.object(head.at)?) };
                Ok(Some(Item { key, labels, assign: None, value }))
            }
            TokenKind::End | TokenKind::RightBrace => {
                let names: Vec<&str> = names.iter().map(|token| token.raw).collect();
                Err(Error::new(
                    head.at,
                    format!(
                        "key '{}' expected start of object ('{{') or assignment ('=')",
                        names.join(" ")
                    ),
                ))
            }
            _ => Err(unexpected(&head)),
        }
    }

    /// The keys of an item and the token behind them.
    fn keys(&mut self) -> Result<(Vec<Token<'a>>, Token<'a>), Error> {
        let mut keys = Vec::new();
        loop {
            let token = self.lexer.next()?;
            match token.kind {
                TokenKind::Ident | TokenKind::Text(_) => keys.push(token),
                _ => return Ok((keys, token)),
            }
        }
    }

    /// What follows a `=`; none at the end of the text.
    fn value(&mut self) -> Result<Option<Value>, Error> {
        let token = self.lexer.next()?;
        let at = token.at;
        let kind = match token.kind {
            TokenKind::End => return Ok(None),
            TokenKind::LeftBrace => Kind::Object(self.object(at)?),
            TokenKind::LeftBracket => Kind::List(self.list(at)?),
            _ => match literal(token) {
                Ok(kind) => kind,
                Err(token) => {
                    let (name, raw) = (token.kind.name(), token.raw);
                    return Err(Error::new(at, format!("Unknown token: {at} {name} {raw}")));
                }
            },
        };
        Ok(Some(Value { at, kind }))
    }

    /// The rest of an object whose brace was read.
    fn object(&mut self, at: Position) -> Result<Body, Error> {
        self.descend(at)?;
        let body = self.items(Within::Object)?;
        let end = self.lexer.next()?;
        self.depth -= 1;
        match end.kind {
            TokenKind::RightBrace => Ok(body),
            other => Err(Error::new(
                end.at,
                format!("object expected closing RBRACE got: {}", other.name()),
            )),
        }
    }

    /// The rest of a list whose bracket was read. Commas may be doubled and left out behind an
    /// inner list.
    fn list(&mut self, at: Position) -> Result<Vec<Value>, Error> {
        self.descend(at)?;
        let mut values = Vec::new();
        let mut need_comma = false;
        loop {
            let token = self.lexer.next()?;
            let (at, got) = (token.at, token.kind.name());
            let kind = match token.kind {
                TokenKind::RightBracket => break,
                TokenKind::Comma => {
                    need_comma = false;
                    continue;
                }
                _ if need_comma => {
                    return Err(Error::new(
                        at,
                        format!("error parsing list, expected comma or list end, got: {got}"),
                    ));
                }
                TokenKind::LeftBrace => {
                    let inner = self.object(at).map_err(|error| within_list(at, "object", &error));
                    Kind::Object(inner?)
                }
                TokenKind::LeftBracket => {
                    let inner = self.list(at).map_err(|error| within_list(at, "list", &error));
                    Kind::List(inner?)
                }
                _ => literal(token).map_err(|_| {
                    Error::new(at, format!("unexpected token while parsing list: {got}"))
                })?,
            };
            need_comma = !matches!(kind, Kind::List(_));
            values.push(Value { at, kind });
        }
        self.depth -= 1;
        Ok(values)
    }

    fn descend(&mut self, at: Position) -> Result<(), Error> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Error::new(at, format!("nested more than {MAX_DEPTH} deep")));
        }
        Ok(())
    }
}

impl Token<'_> {
    /// The token as a key.
    fn key(&self) -> Key {
        let text = match &self.kind {
            TokenKind::Text(text) => text.clone(),
            _ => self.raw.to_owned(),
        };
        Key { text, at: self.at }
    }
}

fn literal(token: Token<'_>) -> Result<Kind, Token<'_>> {
    match token.kind {
        TokenKind::Bool(value) => Ok(Kind::Bool(value)),
        TokenKind::Number | TokenKind::Float => Ok(Kind::Number(token.raw.to_owned())),
        TokenKind::Text(text) | TokenKind::Heredoc(text) => Ok(Kind::Text(text)),
        _ => Err(token),
    }
}

fn unexpected(token: &Token<'_>) -> Error {
    let got = token.kind.name();
    Error::new(token.at, format!("expected: IDENT | STRING | ASSIGN | LBRACE got: {got}"))
}

fn within_list(at: Position, what: &str, error: &Error) -> Error {
    Error::new(at, format!("error while trying to parse {what} within list: {error}"))
}
