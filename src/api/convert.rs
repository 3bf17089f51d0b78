//! Conversion of sent JSON to a field's kind: as lenient as Vault's, with its error texts.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};

use super::field::{Converted, FieldInfo, Kind, Texts};
use crate::base::golang;
use crate::base::ttl::Ttl;

/// A field that cannot be converted; the text is Vault's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConvertError {
    field: &'static str,
    input: String,
    why: String,
}

impl ConvertError {
    /// What is wrong with the value, without its field.
    pub fn why(&self) -> &str {
        &self.why
    }
}

impl std::fmt::Display for ConvertError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { field, input, why } = self;
        write!(f, "error converting input {input} for field \"{field}\": {why}")
    }
}

impl std::error::Error for ConvertError {}

/// Converts `sent` to the kind of `info`. A JSON null is the kind's zero value, but for durations:
/// there it counts as not sent.
pub fn convert<'s>(
    info: &FieldInfo,
    sent: Cow<'s, Value>,
) -> Result<Option<Converted<'s>>, ConvertError> {
    let outcome = match info.kind {
        Kind::Duration | Kind::SignedDuration if sent.is_null() => return Ok(None),
        Kind::Text => text(&sent, "''").map(Converted::Text),
        Kind::Int => int(&sent, "''").map(Converted::Int),
        Kind::Float => float(&sent).map(Converted::Float),
        Kind::Bool => bool(&sent).map(Converted::Bool),
        Kind::Duration => duration(&sent).map(Converted::Duration),
        Kind::SignedDuration => ttl(&sent).map(Converted::SignedDuration),
        Kind::Ints => ints(&sent).map(Converted::Ints),
        Kind::List => list(&sent).map(Converted::List),
        Kind::Texts => whole_texts(&sent).map(|texts| Converted::Texts(Texts(texts))),
        Kind::Pairs => pairs(&sent).map(Converted::Pairs),
        Kind::Object => match no_object(&sent) {
            Some(why) => Err(why),
            None => return Ok(Some(Converted::Object(object(sent)))),
        },
        Kind::Any => return Ok(Some(Converted::Any(sent))),
    };
    match outcome {
        Ok(converted) => Ok(Some(converted)),
        Err(why) => Err(ConvertError { field: info.name, input: golang::display(&sent), why }),
    }
}

/// Why `sent` cannot be read as an object.
fn no_object(sent: &Value) -> Option<String> {
    match sent {
        Value::Object(_) | Value::Null => None,
        Value::Array(items) => {
            let i = items.iter().position(|item| !item.is_object())?;
            Some(format!("'[{i}]' expected a map, got '{}'", weak_kind(&items[i])))
        }
        other => Some(format!("'' expected a map, got '{}'", weak_kind(other))),
    }
}

/// The object that was sent, as it is; an array of several is merged, as Go's decoder does.
fn object(sent: Cow<'_, Value>) -> Option<Cow<'_, Map<String, Value>>> {
    match sent {
        Cow::Borrowed(Value::Object(map)) => Some(Cow::Borrowed(map)),
        Cow::Owned(Value::Object(map)) => Some(Cow::Owned(map)),
        other => {
            let items = other.as_array()?.iter().filter_map(Value::as_object).flatten();
            Some(Cow::Owned(items.map(|(name, value)| (name.clone(), value.clone())).collect()))
        }
    }
}

/// The name Go's decoder has for a kind: numbers are text to it until they are asked for.
fn weak_kind(value: &Value) -> &'static str {
    match value {
        Value::Bool(_) => "bool",
        Value::Array(_) => "slice",
        Value::Object(_) => "map",
        _ => "string",
    }
}

fn unconvertible(value: &Value, at: &str, wanted: &str) -> String {
    let kind = match value {
        Value::Array(_) => "[]interface {}",
        _ => "map[string]interface {}",
    };
    let shown = golang::display(value);
    format!("{at} expected type '{wanted}', got unconvertible type '{kind}', value: '{shown}'")
}

fn text(value: &Value, at: &str) -> Result<String, String> {
    match value {
        Value::Null => Ok(String::new()),
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(flag) => Ok(if *flag { "1" } else { "0" }.to_owned()),
        other => Err(unconvertible(other, at, "string")),
    }
}

fn int(value: &Value, at: &str) -> Result<i64, String> {
    match value {
        Value::Null => Ok(0),
        Value::Bool(flag) => Ok(i64::from(*flag)),
        Value::Number(number) => golang::parse_int(&number.to_string()),
        Value::String(text) if text.is_empty() => Ok(0),
        Value::String(text) => golang::parse_int(text),
        other => return Err(unconvertible(other, at, "int")),
    }
    .map_err(|why: String| format!("cannot parse {at} as int: {why}"))
}

fn float(value: &Value) -> Result<f64, String> {
    match value {
        Value::Null => Ok(0.0),
        Value::Bool(flag) => Ok(f64::from(u8::from(*flag))),
        Value::Number(number) => golang::parse_float(&number.to_string()),
        Value::String(text) if text.is_empty() => Ok(0.0),
        Value::String(text) => golang::parse_float(text),
        other => return Err(unconvertible(other, "''", "float64")),
    }
    .map_err(|why| format!("cannot parse '' as float: {why}"))
}

fn bool(value: &Value) -> Result<bool, String> {
    match value {
        Value::Null => Ok(false),
        Value::Bool(flag) => Ok(*flag),
        Value::Number(number) => Ok(number.as_f64() != Some(0.0)),
        Value::String(text) if text.is_empty() => Ok(false),
        Value::String(text) => {
            golang::parse_bool(text).map_err(|why| format!("cannot parse '' as bool: {why}"))
        }
        other => Err(unconvertible(other, "''", "bool")),
    }
}

fn ttl(value: &Value) -> Result<Ttl, String> {
    Ttl::from_json(value).map_err(|error| error.to_string())
}

fn duration(value: &Value) -> Result<Duration, String> {
    let ttl = ttl(value)?;
    ttl.to_duration().ok_or_else(|| format!("cannot provide negative value '{}'", ttl.as_secs()))
}

/// Go's decoder reports the elements of a list together.
fn gather<T>(items: Vec<Result<T, String>>) -> Result<Vec<T>, String> {
    let errors: Vec<&String> = items.iter().filter_map(|item| item.as_ref().err()).collect();
    if errors.is_empty() {
        return Ok(items.into_iter().flatten().collect());
    }
    let listed: String = errors.iter().map(|error| format!("\n* {error}")).collect();
    Err(format!("{} error(s) decoding:\n{listed}", errors.len()))
}

fn elements(value: &Value) -> Vec<Cow<'_, Value>> {
    let part = |part: &str| Cow::Owned(Value::from(part.trim()));
    match value {
        Value::Null => Vec::new(),
        Value::Array(items) => items.iter().map(Cow::Borrowed).collect(),
        Value::String(text) if text.is_empty() => Vec::new(),
        Value::String(text) => text.split(',').map(part).collect(),
        other => vec![Cow::Borrowed(other)],
    }
}

fn ints(value: &Value) -> Result<Vec<i64>, String> {
    let items = elements(value);
    gather(items.iter().enumerate().map(|(i, item)| int(item, &format!("'[{i}]'"))).collect())
}

fn list(value: &Value) -> Result<Vec<String>, String> {
    let items = elements(value);
    let element = |(i, item): (usize, &Cow<'_, Value>)| text(item, &format!("'[{i}]'"));
    let mut texts = gather(items.iter().enumerate().map(element).collect())?;
    for text in &mut texts {
        *text = text.trim().to_owned();
    }
    Ok(texts)
}

fn whole_texts(value: &Value) -> Result<Vec<String>, String> {
    match value {
        Value::String(text) => Ok(vec![text.clone()]),
        other => list(other),
    }
}

/// Names with texts; a list of `name=text` where it is no object of texts.
fn pairs(value: &Value) -> Result<Option<BTreeMap<String, String>>, String> {
    match value {
        Value::Null => return Ok(None),
        Value::Object(map) => {
            if let Some(texts) = texts(map) {
                return Ok(Some(texts));
            }
        }
        Value::Array(items) => {
            let objects = items.iter().map(|item| item.as_object().and_then(texts));
            if let Some(objects) = objects.collect::<Option<Vec<_>>>() {
                return Ok(Some(objects.into_iter().flatten().collect()));
            }
        }
        _ => {}
    }
    let pairs = match value {
        Value::String(text) if !text.is_empty() => text.split(',').map(str::to_owned).collect(),
        other => list(other)?,
    };
    let split = |pair: String| match pair.split_once('=') {
        Some((name, text)) if !name.is_empty() => Ok((name.to_owned(), text.to_owned())),
        _ => Err(format!("invalid key pair {}", golang::quote(&pair))),
    };
    pairs.into_iter().map(split).collect::<Result<_, _>>().map(Some)
}

fn texts(map: &Map<String, Value>) -> Option<BTreeMap<String, String>> {
    map.iter().map(|(name, value)| Some((name.clone(), text(value, "").ok()?))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn pairs_are_read_as_vault_reads_them() {
        let read = |value: Value| match pairs(&value) {
            Ok(pairs) => json!(pairs),
            Err(why) => why.into(),
        };
        for (sent, wanted) in [
            (json!(null), json!(null)),
            (json!({}), json!({})),
            (json!([]), json!({})),
            (json!(""), json!({})),
            (json!({"a": 5, "b": true, "c": null}), json!({"a": "5", "b": "1", "c": ""})),
            (json!([{"a": "b"}, {"c": 1}]), json!({"a": "b", "c": "1"})),
            (json!("a=b,c=d=e"), json!({"a": "b", "c": "d=e"})),
            (json!(["a=b, c", "d="]), json!({"a": "b, c", "d": ""})),
            (json!("text"), json!("invalid key pair \"text\"")),
            (json!(5), json!("invalid key pair \"5\"")),
            (json!(["=b"]), json!("invalid key pair \"=b\"")),
            (
                json!({"a": [1]}),
                json!(
                    "1 error(s) decoding:\n\n* '[0]' expected type 'string', got unconvertible type \
                     'map[string]interface {}', value: 'map[a:[1]]'"
                ),
            ),
        ] {
            assert_eq!(read(sent.clone()), wanted, "{sent}");
        }
    }
}
