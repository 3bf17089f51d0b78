//! Bodies of the endpoints that Vault reads itself, before any engine (`sys/init`, `sys/unseal`
//! and their like): strictly typed, with the texts of Go's JSON decoder, and wiped after use.
//!
//! Fields are asked for by the name that Go's errors give them (`secret_shares`, but
//! `UnsealRequest.Key`); as in Go, the name in the JSON matches whatever its case.

use serde_json::{Map, Value};

use super::request::Body;
use crate::base::fault::Fault;
use crate::base::json;

/// The object in a body, of a request that Vault calls `name` (`InitRequest`).
pub struct Strict {
    name: &'static str,
    object: Map<String, Value>,
}

impl Drop for Strict {
    fn drop(&mut self) {
        self.object.values_mut().for_each(json::wipe);
    }
}

impl Strict {
    /// Reads the body. What follows the first JSON value is ignored; null is an empty object.
    pub fn read(name: &'static str, body: &Body) -> Result<Self, Fault> {
        let bytes = bytes(body);
        let object = match json::read_first(bytes) {
            None => return Err(Fault::bad_request("EOF")),
            Some(Ok(Value::Object(object))) => object,
            Some(Ok(Value::Null)) => Map::new(),
            Some(Ok(other)) => {
                let kind = kind(&other);
                return Err(failed(&format!(
                    "json: cannot unmarshal {kind} into Go value of type http.{name}"
                )));
            }
            Some(Err(error)) if error.is_eof() => {
                return Err(failed("unexpected EOF"));
            }
            Some(Err(_)) => return Err(failed(&syntax(bytes))),
        };
        Ok(Self { name, object })
    }

    /// Reads a body that may be absent.
    pub fn read_or_empty(name: &'static str, body: &Body) -> Result<Self, Fault> {
        if bytes(body).iter().all(u8::is_ascii_whitespace) {
            return Ok(Self { name, object: Map::new() });
        }
        Self::read(name, body)
    }

    fn get(&self, field: &str) -> Option<&Value> {
        self.object.get(field).or_else(|| {
            let mut named = self.object.iter().filter(|(name, _)| name.eq_ignore_ascii_case(field));
            named.next().map(|(_, value)| value)
        })
    }

    /// A text; empty when it was not sent.
    pub fn text(&self, field: &str) -> Result<&str, Fault> {
        match self.get(field) {
            None | Some(Value::Null) => Ok(""),
            Some(Value::String(text)) => Ok(text),
            Some(other) => Err(self.mistyped(field, other, "string")),
        }
    }

    /// A whole number; 0 when it was not sent.
    pub fn int(&self, field: &str) -> Result<i64, Fault> {
        match self.get(field) {
            None | Some(Value::Null) => Ok(0),
            Some(Value::Number(number)) => number
                .as_i64()
                .ok_or_else(|| self.mistyped_as(field, &format!("number {number}"), "int")),
            Some(other) => Err(self.mistyped(field, other, "int")),
        }
    }

    /// A flag; false when it was not sent.
    pub fn bool(&self, field: &str) -> Result<bool, Fault> {
        match self.get(field) {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(other) => Err(self.mistyped(field, other, "bool")),
        }
    }

    /// A list of texts; empty when it was not sent.
    pub fn texts(&self, field: &str) -> Result<Vec<&str>, Fault> {
        match self.get(field) {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::Array(items)) => items
                .iter()
                .map(|item| item.as_str().ok_or_else(|| self.mistyped(field, item, "string")))
                .collect(),
            Some(other) => Err(self.mistyped(field, other, "[]string")),
        }
    }

    fn mistyped(&self, field: &str, value: &Value, wanted: &str) -> Fault {
        self.mistyped_as(field, kind(value), wanted)
    }

    fn mistyped_as(&self, field: &str, kind: &str, wanted: &str) -> Fault {
        let name = self.name;
        failed(&format!(
            "json: cannot unmarshal {kind} into Go struct field {name}.{field} of type {wanted}"
        ))
    }
}

fn bytes(body: &Body) -> &[u8] {
    match body {
        Body::Whole(bytes) => bytes.expose(),
        Body::Stream(_) => &[],
    }
}

fn failed(why: &str) -> Fault {
    Fault::bad_request(format!("failed to parse JSON input: {why}"))
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Go names the first character that it could not use. The commonest mistake, a bare word, is
/// said as Go says it; otherwise the character and its place.
fn syntax(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim_start();
    for word in ["null", "true", "false"] {
        let same = text.chars().zip(word.chars()).take_while(|(a, b)| a == b).count();
        let (found, wanted) = (text.chars().nth(same), word.chars().nth(same));
        if let (1.., Some(found), Some(wanted)) = (same, found, wanted) {
            return format!("invalid character {found:?} in literal {word} (expecting {wanted:?})");
        }
    }
    match text.chars().next() {
        Some(first) if !"{[\"-0123456789".contains(first) => {
            format!("invalid character {first:?} looking for beginning of value")
        }
        _ => "invalid JSON".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::secret::Secret;

    fn read(text: &str) -> Result<Strict, Fault> {
        Strict::read("UnsealRequest", &Body::Whole(Secret::new(text)))
    }

    #[test]
    fn errors_are_those_of_go() {
        let text = |body: &str| match read(body).and_then(|s| s.text("Key").map(str::to_owned)) {
            Ok(text) => text,
            Err(fault) => format!("{fault}"),
        };
        for (body, expected) in [
            ("", "400 EOF"),
            ("null", ""),
            (r#"{"key":"a"} and more"#, "a"),
            (r#"{"KEY":"a"}"#, "a"),
            (r#"{"key":null}"#, ""),
            (
                r#"{"key":5}"#,
                "400 failed to parse JSON input: json: cannot unmarshal number into Go struct \
                 field UnsealRequest.Key of type string",
            ),
            (
                "[]",
                "400 failed to parse JSON input: json: cannot unmarshal array into Go value of \
                 type http.UnsealRequest",
            ),
            (
                "nonsense",
                "400 failed to parse JSON input: invalid character 'o' in literal null \
                 (expecting 'u')",
            ),
            (r#"{"key":"#, "400 failed to parse JSON input: unexpected EOF"),
        ] {
            assert_eq!(text(body), expected, "{body}");
        }
    }

    #[test]
    fn a_body_may_be_absent_where_that_is_said() {
        let body = Body::Whole(Secret::default());
        assert!(Strict::read_or_empty("X", &body).is_ok());
    }
}
