//! JSON, read as it was sent.
//!
//! serde_json keeps all digits of a number: one that no machine's word holds it gives to its
//! reader as an object whose one member has a name of its own, `$serde_json::private::Number`.
//! Its own reader therefore takes an object that somebody sent with such a member for a number.
//! The one here tells the two apart, by a name that was read and a name that was not.

use std::fmt;
use std::io::{self, Write};

use serde::Serialize;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Error, Map, Number, Value};
use zeroize::{Zeroize, Zeroizing};

/// Reads text that is one JSON value.
pub fn read(text: &[u8]) -> Result<Value, Error> {
    serde_json::from_slice(text).map(|Json(value)| value)
}

/// Reads the first JSON value in a text, if there is one; what follows is ignored.
pub fn read_first(text: &[u8]) -> Option<Result<Value, Error>> {
    let mut values = serde_json::Deserializer::from_slice(text).into_iter();
    values.next().map(|first| first.map(|Json(value)| value))
}

/// The text of a value. It is measured first and written into memory that never grows, for that
/// would leave pieces of it behind, unwiped.
pub fn text(value: &impl Serialize) -> Result<Zeroizing<Vec<u8>>, Error> {
    text_before(value, b"")
}

/// The same with the end of a line.
pub fn line(value: &impl Serialize) -> Result<Zeroizing<Vec<u8>>, Error> {
    text_before(value, b"\n")
}

fn text_before(value: &impl Serialize, end: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
    let mut length = Length(0);
    serde_json::to_writer(&mut length, value)?;
    let mut text = Zeroizing::new(Vec::with_capacity(length.0 + end.len()));
    serde_json::to_writer(&mut *text, value)?;
    text.extend_from_slice(end);
    Ok(text)
}

/// Counts what it is given.
struct Length(usize);

impl Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Wipes all texts in a value, which is of no use any more.
pub fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(wipe),
        Value::Object(members) => members.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The bytes of memory that a value takes in an array, without its text.
pub const VALUE: usize = 70;

/// The memory of so many values goes to the map of an object, be there one
/// name in it or none.
const OBJECT: usize = 10;

/// How many values JSON has at most: after the first, each follows a comma or a bracket.
pub fn most_values(json: &[u8]) -> usize {
    let (mut count, mut in_text, mut escaped) = (1, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_text,
            b'"' => in_text = !in_text,
            b',' | b'[' if !in_text => count += 1,
            b'{' if !in_text => count += 1 + OBJECT,
            _ => {}
        }
    }
    count
}

struct Json(Value);

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(ValueVisitor).map(Self)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(Json(item)) = from.next_element()? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(key) = from.next_key()? {
            match key {
                Key::Name(name) => {
                    let Json(value) = from.next_value()?;
                    members.insert(name, value);
                }
                Key::OfNumber => {
                    let digits: String = from.next_value()?;
                    let number: Number = digits.parse().map_err(A::Error::custom)?;
                    return Ok(Value::Number(number));
                }
            }
        }
        Ok(Value::Object(members))
    }
}

/// What stands in front of a member's value.
enum Key {
    Name(String),
    /// Nothing: it is no member, but a number.
    OfNumber,
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_newtype_struct("Key", KeyVisitor)
    }
}

/// A name is given as the newtype that was asked for, what stands in for one as the text it is.
struct KeyVisitor;

impl<'de> Visitor<'de> for KeyVisitor {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, from: D) -> Result<Key, D::Error> {
        String::deserialize(from).map(Key::Name)
    }

    fn visit_str<E>(self, _: &str) -> Result<Key, E> {
        Ok(Key::OfNumber)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXTS: &[&str] = &[
        "null",
        "true",
        r#""text""#,
        "[]",
        "{}",
        r#"{"a":[1,{"b":null}],"c":"é\n"}"#,
        "0",
        "-1",
        "18446744073709551615",
        "18446744073709551616",
        "123456789012345678901234567890.10",
        "1.0",
        "1e400",
        "[-9223372036854775809,0.1]",
    ];

    #[test]
    fn what_is_read_is_what_stands_there() {
        for text in TEXTS {
            let value = read(text.as_bytes()).unwrap();
            assert_eq!(value.to_string(), text.replace("1e400", "1e+400"));
            assert_eq!(value, serde_json::from_str::<Value>(text).unwrap());
        }
    }

    #[test]
    fn a_text_is_written_into_memory_of_its_own_length() {
        for json in TEXTS {
            let value = read(json.as_bytes()).unwrap();
            let text = text(&value).unwrap();
            assert_eq!(*text, value.to_string().into_bytes());
            assert_eq!(text.capacity(), text.len());
        }
    }

    #[test]
    fn what_was_wiped_holds_no_text() {
        let mut value = read(br#"{"a":"secret","b":["secret",{"c":"secret"}],"d":5}"#).unwrap();
        wipe(&mut value);
        assert_eq!(value.to_string(), r#"{"a":"","b":["",{"c":""}],"d":5}"#);
    }

    #[test]
    fn an_object_is_no_number_whatever_it_is_called() {
        for text in [
            r#"{"$serde_json::private::Number":"5"}"#,
            r#"{"$serde_json::private::Number":"no number"}"#,
            r#"{"$serde_json::private::Number":5.5,"more":1}"#,
            r#"[{"a":{"$serde_json::private::Number":"5"}}]"#,
            r#"{"$serde_json::private::RawValue":"5"}"#,
        ] {
            assert_eq!(read(text.as_bytes()).unwrap().to_string(), text);
            let escaped = text.replace('$', r"\u0024");
            assert_eq!(read(escaped.as_bytes()).unwrap().to_string(), text);
        }
    }

    #[test]
    fn values_are_counted_before_they_are_made() {
        for (json, most) in [
            ("", 1),
            ("7", 1),
            ("[]", 2),
            ("[0,0,0]", 4),
            (r#"{"a":[1,{"b":2}],"c":3}"#, 26),
            (r#"{"a,[{":"\",[[[\\","b":","}"#, 13),
        ] {
            assert_eq!(most_values(json.as_bytes()), most, "{json}");
        }
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for text in ["", "{", r#"{"a"}"#, "{1:2}", "[1,]", "1 2", "nul", "\"\u{1}\""] {
            assert!(read(text.as_bytes()).is_err(), "{text}");
        }
        assert_eq!(read_first(b"{} and more").unwrap().unwrap(), Value::Object(Map::new()));
        assert!(read_first(b" \n").is_none());
        let deep = "[".repeat(1000);
        assert!(read(deep.as_bytes()).unwrap_err().to_string().contains("recursion limit"));
    }
}
