//! What scripts know from Go's way to print and to read values.

use serde_json::Value;

use crate::base::ttl::Ttl;

/// A value as `%v` prints it: `map[a:1]`, `[a b]`, `<nil>`.
pub fn show(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".into(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(items) => {
            format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(" "))
        }
        Value::Object(map) => {
            let pairs = map.iter().map(|(key, value)| format!("{key}:{}", show(value)));
            format!("map[{}]", pairs.collect::<Vec<_>>().join(" "))
        }
    }
}

/// Reads a duration: `1h30m`, `30d`; a bare number is seconds.
pub fn parse_ttl(text: &str) -> Result<Ttl, String> {
    Ttl::parse(text).map_err(|e| e.to_string())
}

/// Reads a whole number.
pub fn parse_int(text: &str) -> Result<i64, String> {
    text.parse().map_err(|_| format!("strconv.ParseInt: parsing {text:?}: invalid syntax"))
}

/// Reads `name=value`.
pub fn parse_pair(text: &str) -> Result<(String, String), String> {
    let (name, value) =
        text.split_once('=').ok_or_else(|| format!("missing = in KV pair: {text:?}"))?;
    Ok((name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_print_as_go_prints_them() {
        let value = serde_json::json!({"b": [true, null, "x"], "a": {"d": 2.5}, "s": "two words"});
        assert_eq!(show(&value), "map[a:map[d:2.5] b:[true <nil> x] s:two words]");
    }
}
