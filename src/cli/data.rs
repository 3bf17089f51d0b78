//! Data on the command line: `key=value`, `key=@file`, `key=-`, `@file`, `-`.

use std::io;
use std::path::Path;

use serde_json::{Map, Value};

use super::stdin;
use super::stop::Stop;
use crate::base::{bounded, golang, json};

/// The object that operands describe.
pub fn object(operands: &[String]) -> Result<Map<String, Value>, Stop> {
    read(operands).map_err(|e| Stop::Usage(format!("Failed to parse K=V data: {e}")))
}

/// The same, for who says otherwise what it is. A key that is given again becomes a list; an empty
/// operand, which scripts make of a variable that is not set, is overlooked as Vault overlooks it.
pub fn read(operands: &[String]) -> Result<Map<String, Value>, String> {
    let mut object = Map::new();
    for operand in operands.iter().filter(|operand| !operand.is_empty()) {
        add(&mut object, operand)
            .map_err(|e| format!("invalid key/value pair {operand:?}: {e}"))?;
    }
    Ok(object)
}

/// The object that operands describe, of texts only: numbers and truths are written out.
pub fn texts(operands: &[String]) -> Result<Map<String, Value>, Stop> {
    let texts = object(operands)?.into_iter().map(|(key, value)| match value {
        Value::Array(_) | Value::Object(_) => {
            Err(Stop::Usage(format!("Failed to parse K=V data: {key:?} holds more than one value")))
        }
        single => Ok((key, Value::String(golang::display(&single)))),
    });
    texts.collect()
}

/// The query parameters that operands describe.
pub fn query(operands: &[String]) -> Result<Vec<(String, String)>, Stop> {
    let object = object(operands)?;
    let mut query = Vec::new();
    for (name, value) in object {
        match value {
            Value::Array(items) => {
                query.extend(items.iter().map(|item| (name.clone(), golang::display(item))));
            }
            other => query.push((name, golang::display(&other))),
        }
    }
    Ok(query)
}

fn add(object: &mut Map<String, Value>, operand: &str) -> Result<(), String> {
    if operand == "-" {
        return merge(object, &stdin::everything()?);
    }
    if let Some(path) = operand.strip_prefix('@') {
        return merge(object, &file(path)?);
    }
    let (key, value) = operand.split_once('=').ok_or("format must be key=value")?;
    let value = match value {
        "-" if stdin::is_closed() => return Err("stdin is closed: it holds no value".to_owned()),
        "-" => stdin::everything()?,
        other => match (other.strip_prefix('@'), other.strip_prefix("\\@")) {
            (Some(path), _) => file(path).map_err(|e| format!("error reading file: {e}"))?,
            (None, Some(rest)) => format!("@{rest}"),
            (None, None) => other.to_owned(),
        },
    };
    put(object, key.to_owned(), Value::String(value));
    Ok(())
}

fn merge(object: &mut Map<String, Value>, text: &str) -> Result<(), String> {
    let read = match json::read(text.as_bytes()) {
        Ok(Value::Object(read)) => read,
        Ok(_) => return Err("no JSON object".to_owned()),
        Err(error) if error.is_eof() => return Err("unexpected EOF".to_owned()),
        Err(error) => return Err(format!("no JSON object: {error}")),
    };
    for (key, value) in read {
        put(object, key, value);
    }
    Ok(())
}

fn put(object: &mut Map<String, Value>, key: String, value: Value) {
    match object.get_mut(&key) {
        Some(Value::Array(items)) => items.push(value),
        Some(first) => *first = Value::Array(vec![first.take(), value]),
        None => {
            object.insert(key, value);
        }
    }
}

/// The text of a file; the error is the system's, in Go's words.
pub fn file(path: &str) -> Result<String, String> {
    let bytes = bounded::read_file(Path::new(path), bounded::BODY);
    let bytes = bytes.map_err(|e| open_error(path, &e))?;
    let text = bounded::text(bytes).map_err(|_| format!("{path} is no UTF-8 text"));
    text.map(|mut text| std::mem::take(&mut *text))
}

/// Why a file cannot be opened, as `open x: no such file or directory`.
pub fn open_error(path: &str, error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let (first, rest) = text.split_at(text.chars().next().map_or(0, char::len_utf8));
    format!("open {path}: {}{rest}", first.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operands_become_an_object() {
        let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let made = object(&words("a=1 b=  c=x=y a=2 d=\\@at a=3")).unwrap();
        let want = serde_json::json!({"a": ["1", "2", "3"], "b": "", "c": "x=y", "d": "@at"});
        assert_eq!(Value::Object(made), want);
        for wrong in ["noequals", "a=@/none", "@/none"] {
            assert!(matches!(object(&words(wrong)), Err(Stop::Usage(_))), "{wrong}");
        }
    }
}
